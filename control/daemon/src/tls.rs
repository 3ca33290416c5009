// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutual TLS for the control side: certificates and their renewal, the accept loop, who the client is, and which links
//! there are.

mod certificates;
mod closer;
mod identity;
mod incoming;
mod layer;
mod links;
mod material;
mod metrics;
mod policy;
mod refusal;
mod reload;
mod strength;
mod verifier;

pub use certificates::TlsError;
pub use identity::{Identity, Peer, RoleTable};
pub use incoming::{ControlStream, Incoming, Limits, Service, incoming};
pub use layer::{Authorize, AuthorizeLayer, Caller};
pub use links::{Link, LinkRegister};
pub use material::{Material, load_all};
pub use metrics::{Denial, HandshakeMetrics};
pub use policy::{Policy, provider};
pub use refusal::Refusal;
pub use reload::TlsHandle;
pub use strength::Weakness;
