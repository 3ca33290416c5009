// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHA-256 values, and the head of a chain.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// A SHA-256 value; its text is 64 hexadecimal digits in lower case.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first record of a chain has before it.
    pub const ZERO: Self = Self([0; 32]);

    /// Of these parts, one after the other.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
        }
        Self(digest.finalize().into())
    }

    /// Of exactly 64 digits in lower case, so that a value has one text.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return None;
        }
        for (value, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            *value = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text.as_bytes())
            .ok_or_else(|| de::Error::custom("a hash is 64 hexadecimal digits in lower case"))
    }
}

/// The last record of a chain: who has seen it can tell when the chain behind it is cut off or rewritten. Its text is `SEQUENCE:HASH`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The record's number; 0 when there is none yet.
    pub sequence: u64,
    /// The record's hash; zero when there is none yet.
    pub hash: Hash,
}

impl Head {
    /// Of a chain without records.
    pub const NONE: Self = Self { sequence: 0, hash: Hash::ZERO };
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.sequence, self.hash)
    }
}

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that is no head.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a head: write SEQUENCE:HASH, a number and 64 hexadecimal digits in lower case, as the relay reports it"
)]
pub struct ParseHeadError;

impl FromStr for Head {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, ParseHeadError> {
        let (sequence, hash) = text.split_once(':').ok_or(ParseHeadError)?;
        let sequence = sequence.parse().map_err(|_| ParseHeadError)?;
        let hash = Hash::parse(hash.as_bytes()).ok_or(ParseHeadError)?;
        Ok(Self { sequence, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, the examples of NIST for "abc" and the empty message.
    #[test]
    fn it_is_sha_256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Hash::of(&[b"a", b"bc"]).to_string(), abc);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::of(&[]).to_string(), empty);
        assert_eq!(Hash::parse(empty.as_bytes()), Some(Hash::of(&[])));
    }

    #[test]
    fn a_hash_and_a_head_have_one_text() {
        let text = format!("7:{}", "0a".repeat(32));
        let head: Head = text.parse().unwrap();
        assert_eq!((head.sequence, head.hash, head.to_string()), (7, Hash([10; 32]), text.clone()));
        assert_eq!(serde_json::to_string(&head).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Head>(&format!("\"{text}\"")).unwrap(), head);
        for wrong in [
            String::new(),
            "7".to_owned(),
            format!("7:{}", "0A".repeat(32)),
            format!("7:{}", "0a".repeat(31)),
            format!("7:{}0", "0a".repeat(32)),
            format!("-7:{}", "0a".repeat(32)),
            format!(":{}", "0a".repeat(32)),
        ] {
            assert_eq!(wrong.parse::<Head>(), Err(ParseHeadError), "{wrong}");
        }
    }
}
