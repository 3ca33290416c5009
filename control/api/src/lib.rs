// SPDX-License-Identifier: MIT OR Apache-2.0
//! The culvert.v1 gRPC interface and a typed client.
//!
//! [`v1`] is generated from the files in `proto/culvert/v1`, whose comments are
//! its documentation. [`Client`] is what front ends and the command line use.

mod client;
mod error;
mod redact;

pub use client::{Client, ClientConfig, EventStream};
pub use error::ClientError;

/// The messages, the client and the server trait of culvert.v1.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::broken_intra_doc_links,
    reason = "generated; documented by the comments of the interface file"
)]
pub mod v1 {
    tonic::include_proto!("culvert.v1");

    /// The interface as an encoded `FileDescriptorSet`, for the reflection service.
    pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("culvert_descriptor");
}
