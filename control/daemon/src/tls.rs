// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutual TLS for the control interface: certificates, the accept loop, and who the client is.

mod certificates;
mod identity;
mod incoming;
mod layer;
mod refusal;

pub use certificates::{TlsError, load_all, server_config};
pub use identity::{Identity, Peer, RoleTable};
pub use incoming::{ControlStream, Incoming, Limits, incoming};
pub use layer::{Authorize, AuthorizeLayer, Caller};
pub use refusal::{HandshakeMetrics, Refusal};
