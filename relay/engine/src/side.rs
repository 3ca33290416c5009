// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two sides of a flow: how what arrives is opened, and how what leaves is closed.
//!
//! Whether a leg requires encryption is part of its side's type. [`Side::Required`] holds an [`Encrypted`], which has
//! either no keys or keys of a suite that encrypts; there is no value of it that stands for plain packets. What takes its
//! place must be required too (`Side::replace`), so that nothing a running flow is told can loosen it.

use std::fmt;

use culvert_secret::Secret;
use culvert_srtp::{KeySet, ReceiveContext, SendContext, Suite};

/// One side of a flow, in an SRTP context of its direction.
pub enum Side<C> {
    /// Of a leg that requires encryption, for as long as the flow is installed.
    Required(Encrypted<C>),
    /// Of a leg that does not.
    Optional(Protection<C>),
}

/// How what arrives is opened.
pub type Receive = Side<ReceiveContext>;

/// How what leaves is closed.
pub type Send = Side<SendContext>;

/// SRTP and SRTCP under a suite that encrypts, or nothing at all while keys are not known: packets are dropped as
/// `not_ready`.
pub struct Encrypted<C>(Option<C>);

/// What a leg may be that does not require encryption. Unprotected bytes can leave only through [`Protection::Plain`], or
/// under the NULL cipher.
pub enum Protection<C> {
    /// Keys are not known yet: everything is dropped as `not_ready`.
    NotReady,
    /// Plain RTP and RTCP.
    Plain,
    /// SRTP and SRTCP.
    Srtp(C),
}

/// Keys that hide nothing, for a leg that requires encryption.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{suite} does not encrypt, and the leg requires encryption: use a suite that encrypts")]
pub struct NotEncrypting {
    /// Their suite.
    pub suite: Suite,
}

/// An SRTP context of either direction.
pub trait Context: sealed::Sealed {
    /// The newest key set.
    fn keys(&self) -> &KeySet;

    /// Takes a new key set, and returns the one that is no longer held.
    fn rekey(&mut self, keys: Secret<KeySet>) -> Option<Secret<KeySet>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for culvert_srtp::ReceiveContext {}
    impl Sealed for culvert_srtp::SendContext {}
}

impl Context for ReceiveContext {
    fn keys(&self) -> &KeySet {
        ReceiveContext::keys(self)
    }

    fn rekey(&mut self, keys: Secret<KeySet>) -> Option<Secret<KeySet>> {
        ReceiveContext::rekey(self, keys)
    }
}

impl Context for SendContext {
    fn keys(&self) -> &KeySet {
        SendContext::keys(self)
    }

    fn rekey(&mut self, keys: Secret<KeySet>) -> Option<Secret<KeySet>> {
        Some(SendContext::rekey(self, keys))
    }
}

impl<C: Context> Encrypted<C> {
    /// Without keys.
    pub const fn not_ready() -> Encrypted<C> {
        Encrypted(None)
    }

    /// With keys.
    ///
    /// # Errors
    /// [`NotEncrypting`] for the NULL cipher.
    pub fn new(context: C) -> Result<Encrypted<C>, NotEncrypting> {
        match context.keys().suite() {
            suite if suite.encrypts() => Ok(Encrypted(Some(context))),
            suite => Err(NotEncrypting { suite }),
        }
    }

    /// `None`: keys are not known yet.
    #[inline]
    pub fn context(&self) -> Option<&C> {
        self.0.as_ref()
    }
}

impl<C: Context> Side<C> {
    /// Of a leg that requires encryption, whose keys are not known yet.
    pub const fn required_not_ready() -> Side<C> {
        Side::Required(Encrypted::not_ready())
    }

    /// SRTP of a leg that requires encryption.
    ///
    /// # Errors
    /// [`NotEncrypting`] for the NULL cipher.
    pub fn required(context: C) -> Result<Side<C>, NotEncrypting> {
        Encrypted::new(context).map(Side::Required)
    }

    /// Of a leg that does not require encryption, and of which is not known yet what it is to be.
    pub const fn not_ready() -> Side<C> {
        Side::Optional(Protection::NotReady)
    }

    /// Plain RTP and RTCP.
    pub const fn plain() -> Side<C> {
        Side::Optional(Protection::Plain)
    }

    /// SRTP of a leg that does not require encryption.
    pub const fn srtp(context: C) -> Side<C> {
        Side::Optional(Protection::Srtp(context))
    }

    /// Whether the leg requires encryption.
    pub fn is_required(&self) -> bool {
        matches!(self, Side::Required(_))
    }

    /// Whether packets are plain RTP and RTCP.
    pub fn is_plain(&self) -> bool {
        matches!(self, Side::Optional(Protection::Plain))
    }

    /// Whether content is hidden: there are keys, of a suite that encrypts.
    #[inline]
    pub fn encrypts(&self) -> bool {
        match self {
            Side::Required(Encrypted(context)) => context.is_some(),
            Side::Optional(Protection::Srtp(context)) => context.keys().suite().encrypts(),
            Side::Optional(Protection::NotReady | Protection::Plain) => false,
        }
    }

    /// The SRTP context, where there is one.
    #[inline]
    pub fn context(&self) -> Option<&C> {
        match self {
            Side::Required(Encrypted(Some(context))) | Side::Optional(Protection::Srtp(context)) => {
                Some(context)
            }
            _ => None,
        }
    }

    /// The same to change: a packet moves its indices.
    ///
    /// Not for other crates: through it the keys of a required side could be changed for others.
    #[inline]
    pub(crate) fn context_mut(&mut self) -> Option<&mut C> {
        match self {
            Side::Required(Encrypted(Some(context))) | Side::Optional(Protection::Srtp(context)) => {
                Some(context)
            }
            _ => None,
        }
    }

    /// Changes places with `new`, unless that would loosen it: what is required stays so.
    pub(crate) fn replace(&mut self, new: &mut Side<C>) -> bool {
        let allowed = new.is_required() || !self.is_required();
        if allowed {
            std::mem::swap(self, new);
        }
        allowed
    }

    /// Gives new keys to a side that has keys already, and returns those no longer held.
    ///
    /// # Errors
    /// Gives the new keys back when the side has none, or when it is required and they do not encrypt.
    pub(crate) fn rekey(&mut self, keys: Secret<KeySet>) -> Result<Option<Secret<KeySet>>, Secret<KeySet>> {
        match self {
            Side::Required(Encrypted(Some(context))) if keys.suite().encrypts() => Ok(context.rekey(keys)),
            Side::Optional(Protection::Srtp(context)) => Ok(context.rekey(keys)),
            _ => Err(keys),
        }
    }
}

impl<C> fmt::Debug for Encrypted<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Srtp(..)" } else { "NotReady" })
    }
}

impl<C> fmt::Debug for Protection<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Protection::NotReady => "NotReady",
            Protection::Plain => "Plain",
            Protection::Srtp(_) => "Srtp(..)",
        })
    }
}

impl<C> fmt::Debug for Side<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Side::Required(encrypted) => formatter.debug_tuple("Required").field(encrypted).finish(),
            Side::Optional(protection) => formatter.debug_tuple("Optional").field(protection).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use culvert_srtp::MasterKey;

    use super::*;

    #[test]
    fn only_suites_that_encrypt_are_taken_where_that_is_required() {
        for suite in Suite::ALL {
            let key = MasterKey::new(suite, &[1; 32][..suite.key_length()], &[2; 14][..suite.salt_length()]);
            let keys = || KeySet::new(suite, std::slice::from_ref(key.as_ref().unwrap())).unwrap();
            let expected = if suite.encrypts() { Ok(()) } else { Err(NotEncrypting { suite }) };
            let (send, receive) = (SendContext::new(keys(), 1), ReceiveContext::new(keys(), 1));
            assert_eq!(Send::required(send).map(drop), expected);
            assert_eq!(Receive::required(receive).map(drop), expected);
        }
        let text = NotEncrypting { suite: Suite::NullHmacSha1_80 }.to_string();
        assert!(text.starts_with("NULL_HMAC_SHA1_80 does not encrypt"), "{text}");
    }

    /// A flow fits into five cache lines only so.
    #[test]
    fn sizes() {
        assert_eq!((size_of::<Receive>(), size_of::<Send>()), (48, 40));
    }
}
