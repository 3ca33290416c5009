// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secure RTP (RFC 3711, 6188, 7714) over bursts of packets, in place.
//!
//! A [`ReceiveContext`] or [`SendContext`] belongs to one direction of one leg and to one core: nothing here locks. Keys
//! are derived on the control side ([`KeySet`]) and moved in; what they replace is moved out again.
//!
//! Two rules hold throughout. A packet that does not authenticate changes nothing. One (key, SSRC, index) protects one
//! packet.

mod burst;
mod cipher;
mod header;
#[cfg(test)]
mod hex;
mod index;
mod kdf;
mod kernel;
mod key;
mod keyset;
mod layout;
mod packet;
mod partial;
mod path;
mod receive;
mod reject;
mod replay;
mod send;
mod session;
mod streams;
mod suite;
#[cfg(test)]
mod tests;

pub use burst::{protect_burst, unprotect_burst};
pub use key::{KeyError, MAX_KEYS, MAX_LIFETIME, MasterKey, Mki};
pub use keyset::KeySet;
pub use packet::{Contexts, Kind, Packet};
pub use path::Path;
pub use receive::ReceiveContext;
pub use reject::Reject;
pub use send::SendContext;
pub use suite::Suite;
