// SPDX-License-Identifier: MIT OR Apache-2.0
//! The path bench: Culvert and its rivals on the same wire, one after the other, with the same packets.
//!
//! ```text
//!   namespace of the edge             namespace of the relay
//!   caller of every call ──► edge0 ═══ relay0 ──► contender
//!   callee of every call ◄── edge0 ═══ relay0 ◄── contender
//! ```

pub mod arena;
pub mod bencode;
pub mod contender;
pub mod coturn;
pub mod error;
pub mod measure;
pub mod plot;
pub mod process;
pub mod report;
pub mod results;
pub mod rtpengine;
pub mod scenario;
pub mod udp_forwarder;
pub mod verify;
pub mod wanted;
pub mod xdp_forwarder;
