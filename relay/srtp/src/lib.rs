// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secure RTP (RFC 3711, 6188, 7714) over bursts of packets, in place. Headers can be encrypted as well (RFC 6904, 9335):
//! see [`HeaderProtection`].
//!
//! A [`ReceiveContext`] or [`SendContext`] belongs to one direction of one leg and to one core: nothing here locks. Keys
//! are derived on the control side ([`KeySet`]) and moved in; what they replace is moved out again.
//!
//! Two rules hold throughout. A packet that does not authenticate changes nothing. One (key, SSRC, index) protects one
//! packet.
//!
//! ```
//! use culvert_srtp::{
//!     Contexts, KeySet, Kind, MasterKey, Packet, ReceiveContext, SendContext, Suite, protect_burst, unprotect_burst,
//! };
//!
//! struct Leg {
//!     receive: ReceiveContext,
//!     send: SendContext,
//! }
//!
//! impl Contexts for Leg {
//!     fn receive(&self, _id: u32) -> Option<&ReceiveContext> {
//!         Some(&self.receive)
//!     }
//!     fn receive_mut(&mut self, _id: u32) -> Option<&mut ReceiveContext> {
//!         Some(&mut self.receive)
//!     }
//!     fn send(&self, _id: u32) -> Option<&SendContext> {
//!         Some(&self.send)
//!     }
//!     fn send_mut(&mut self, _id: u32) -> Option<&mut SendContext> {
//!         Some(&mut self.send)
//!     }
//! }
//!
//! # fn main() -> Result<(), culvert_srtp::KeyError> {
//! let suite = Suite::AesCm128HmacSha1_80;
//! let key = MasterKey::new(suite, &[1; 16], &[2; 14])?;
//! let keys = || KeySet::new(suite, std::slice::from_ref(&key));
//! let mut leg = Leg { receive: ReceiveContext::new(keys()?, 4), send: SendContext::new(keys()?, 4) };
//!
//! // An RTP header, no payload, and room for the tag.
//! let mut buffer = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
//! let mut burst = [Packet::new(&mut buffer, 12, Kind::Rtp, 0)];
//! protect_burst(&mut burst, &mut leg);
//! assert_eq!(burst[0].length, 22);
//! unprotect_burst(&mut burst, &mut leg);
//! assert_eq!((burst[0].outcome, burst[0].length, burst[0].ssrc, burst[0].index), (Ok(()), 12, 7, 1));
//! # Ok(())
//! # }
//! ```

mod burst;
mod cipher;
mod cryptex;
mod diagnosis;
mod extension;
mod extension_keys;
mod header;
mod header_protection;
#[cfg(test)]
mod hex;
mod index;
mod kdf;
mod kernel;
mod key;
mod keyset;
mod layout;
mod packet;
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

pub use burst::{protect_burst, rekey_burst, unprotect_burst};
pub use diagnosis::{Authentic, Depth, Effort, MkiFit};
pub use extension::ExtensionIds;
pub use header_protection::{Cryptex, HeaderProtection};
pub use key::{KeyError, MAX_KEYS, MAX_LIFETIME, MasterKey, Mki};
pub use keyset::KeySet;
pub use packet::{Contexts, Kind, Onward, Packet, Relay};
pub use path::{Path, PathError};
pub use receive::ReceiveContext;
pub use reject::Reject;
pub use send::SendContext;
pub use suite::Suite;
