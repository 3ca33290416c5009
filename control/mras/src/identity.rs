// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Bytes of the longest identity.
pub const MAX_IDENTITY: usize = 256;

/// A participant, such as `sip:alice@example.org`: 1 to 256 bytes of printable ASCII without space.
///
/// Two identities are the same when they differ in the case of ASCII letters only. RFC 3261 section 19.1.4 compares the
/// user part of a SIP URI by case; here a revocation must not be escaped by writing a name differently. Keyed hashes are
/// taken of the [lower-case form](Identity::folded). What is shown and carried is the identity as it was given.
#[derive(Clone)]
pub struct Identity(Box<str>);

/// Why a text is no identity.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nothing was given, or too much.
    #[error("an identity has 1 to {MAX_IDENTITY} bytes, this one has {length}")]
    Length {
        /// Bytes that were given.
        length: usize,
    },
    /// Something that is not printable ASCII, or a space.
    #[error("byte {position} is not printable ASCII, or is a space; write it percent-encoded")]
    Character {
        /// From 1.
        position: usize,
    },
}

impl Identity {
    /// The identity of that text.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn new(text: &str) -> Result<Identity, IdentityError> {
        if text.is_empty() || text.len() > MAX_IDENTITY {
            return Err(IdentityError::Length { length: text.len() });
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(index) => Err(IdentityError::Character { position: index + 1 }),
            None => Ok(Identity(text.into())),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In lower case: equal for identities that are the same.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Identity) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Identity, IdentityError> {
        Identity::new(text)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn lengths_and_characters_at_and_beyond_their_bounds() {
        assert_eq!(Identity::new("").unwrap_err(), IdentityError::Length { length: 0 });
        assert!(Identity::new("a").is_ok());
        assert!(Identity::new(&"a".repeat(256)).is_ok());
        assert_eq!(Identity::new(&"a".repeat(257)).unwrap_err(), IdentityError::Length { length: 257 });
        assert!(Identity::new("!~").is_ok());
        for (text, position) in [(" a", 1), ("a\t", 2), ("ab\u{7f}", 3), ("a\0", 2), ("é", 1)] {
            assert_eq!(Identity::new(text).unwrap_err(), IdentityError::Character { position }, "{text:?}");
        }
    }

    #[test]
    fn case_does_not_make_another_identity() {
        let given = Identity::new("sip:Alice@Example.org").unwrap();
        let other = Identity::new("SIP:alice@example.ORG").unwrap();
        assert_eq!(given, other);
        assert_eq!(given.folded(), "sip:alice@example.org");
        assert_eq!(given.to_string(), "sip:Alice@Example.org");
        assert!(HashSet::from([given]).contains(&other));
        assert_ne!(Identity::new("a").unwrap(), Identity::new("b").unwrap());
    }
}
