// SPDX-License-Identifier: MIT OR Apache-2.0
//! The media relay authentication service as functions: credentials, sealed keys, revocation, quotas.
//!
//! A front end asks [`Mras`] for credentials on behalf of participants. Every relay that has the [`KeyRing`] verifies them
//! without a lookup. Session keys travel to a participant in a [container] that its password opens.
//!
//! Nothing here reads a clock or a file: times are handed in, and what must survive a restart is handed out as text.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use culvert_mras::{Config, CredentialRequest, Identity, KeyRing, Kind, Mras};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let mut mras = Mras::new(Config::new("example.org"), KeyRing::generate(now)?)?;
//! let request = CredentialRequest::new(Identity::new("sip:alice@example.org")?);
//! let issued = mras.issue("frontend.example.org", &[request], Kind::Culvert, now)?;
//!
//! let verified = mras.verify(&issued[0].username, &issued[0].password, now)?;
//! assert_eq!(verified.claims.expires, 1_800_000_000 + 8 * 3600);
//! assert!(mras.verify(&issued[0].username, "guessed", now).is_err());
//! # Ok(())
//! # }
//! ```

mod bounds;
mod claims;
mod clock;
pub mod container;
mod credential;
mod crypto;
mod decimal;
#[cfg(test)]
mod fixture;
mod identity;
mod key_ring;
mod prefix;
mod quota;
mod revocation;
mod secret;
mod service;

pub use bounds::{Bounds, MediaKind, MediaKinds, Suites};
pub use claims::{Claims, Location, LocationError, Subject};
pub use clock::ClockError;
pub use credential::{CredentialId, CredentialIdError, Kind, KindError, MAX_USERNAME};
pub use crypto::CryptoError;
pub use identity::{Identity, IdentityError, MAX_IDENTITY};
pub use key_ring::{Epoch, KeyRing, KeyRingError, KeyRingTextError, MAX_EPOCHS};
pub use prefix::{Prefix, PrefixError};
pub use quota::{Exceeded, Limits, Owner, Participant, QuotaExceeded, Quotas, Scope, Ticket};
pub use revocation::{RestoreError, Revocation, RevocationTextError, Target};
pub use secret::Secret;
pub use service::{
    Config, ConfigError, Credential, CredentialRequest, DEFAULT_DURATION, MAX_CREDENTIALS, MAX_DURATION,
    MIN_DURATION, MediaRelay, Mras, MrasError, Reason, Refused, RevokeError, TurnRestSecret, Verified,
};
