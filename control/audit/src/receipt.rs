// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one session was, how it was protected, and how it ended.
//!
//! The members of the JSON stand in the order of the fields here, and maps in the order of their names, so that equal receipts are equal bytes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Timestamp;

/// The receipt of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its name.
    pub session_id: String,
    /// The identity that made it.
    pub owner: String,
    /// The relay that carried it.
    pub node: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How it ended.
    pub end: End,
    /// In the order of the request.
    pub media: Vec<Media>,
}

/// How a session ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// Its front end deleted it.
    Deleted,
    /// An identity or a credential of it was revoked.
    Revoked,
    /// A credential of it expired.
    Expired,
    /// The relay stopped while it ran.
    Stopped,
}

impl End {
    /// As in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Stopped => "stopped",
        }
    }
}

/// One m-line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// What it carried.
    pub kind: MediaKind,
    /// Its two legs.
    pub legs: [Leg; 2],
}

/// What an m-line carries.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// A shared screen.
    ApplicationSharing,
}

impl MediaKind {
    /// As in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::ApplicationSharing => "application_sharing",
        }
    }
}

/// One side of a medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The network it lived on.
    pub realm: String,
    /// What was demanded of it.
    pub encryption: Encryption,
    /// Under which its keys were issued, if under one.
    pub credential: Option<Credential>,
    /// What protected it, the oldest first.
    pub keys: Vec<KeyUse>,
    /// How many uses of keys the relay no longer remembered: older than those in `keys`.
    pub keys_omitted: u64,
    /// What came in on it.
    pub received: Received,
    /// What left on it.
    pub sent: Sent,
}

/// The encryption level of a leg.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Nothing in clear.
    Required,
    /// As the peer could.
    Supported,
    /// None.
    NotSupported,
}

impl Encryption {
    /// As in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Supported => "supported",
            Self::NotSupported => "not_supported",
        }
    }
}

/// The credential under which a leg's keys were issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its identifier; never the password.
    pub id: String,
    /// Whom it was issued for.
    pub identity: String,
}

/// The use of one key in one direction, or of none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// Of the packets, as the relay sees them.
    pub direction: Direction,
    /// The crypto-suite's name, or "plain".
    pub suite: String,
    /// The master key's identifier; none for "plain".
    pub key: Option<KeyId>,
    /// From when.
    pub from: Timestamp,
    /// How many packets passed under it.
    pub packets: u64,
}

/// A direction, as the relay sees it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the leg's endpoint.
    Receive,
    /// To the leg's endpoint.
    Send,
}

impl Direction {
    /// As in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Send => "send",
        }
    }
}

/// What came in on a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Packets that were relayed, RTP and RTCP.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// RTCP among them.
    pub rtcp_packets: u64,
    /// Packets whose tag did not match.
    pub authentication_failed: u64,
    /// Packets dropped for any other reason, by reason; without those that are zero.
    pub drops: BTreeMap<String, u64>,
}

/// What left on a leg in clear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Packets.
    pub plain_packets: u64,
    /// Their bytes.
    pub plain_bytes: u64,
}

/// Names a master key without telling anything about it: 8 to 64 hexadecimal digits in lower case, such as of a keyed digest of the key.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// A text that is no key identifier. It may be anything, a key too: so it is not repeated.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key identifier is 8 to 64 hexadecimal digits in lower case")]
pub struct InvalidKeyId;

impl KeyId {
    /// From its digits.
    pub fn new(digits: impl Into<String>) -> Result<Self, InvalidKeyId> {
        let digits = digits.into();
        let hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex && (8..=64).contains(&digits.len()) { Ok(Self(digits)) } else { Err(InvalidKeyId) }
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// From a digest of 128 bits.
impl From<[u8; 16]> for KeyId {
    fn from(digest: [u8; 16]) -> Self {
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_file() {
        fn check<T: Copy + Serialize>(values: &[T], name: fn(T) -> &'static str) {
            for &value in values {
                assert_eq!(serde_json::to_value(value).unwrap(), name(value));
            }
        }
        check(&[End::Deleted, End::Revoked, End::Expired, End::Stopped], End::name);
        check(&[MediaKind::Audio, MediaKind::Video, MediaKind::ApplicationSharing], MediaKind::name);
        check(&[Encryption::Required, Encryption::Supported, Encryption::NotSupported], Encryption::name);
        check(&[Direction::Receive, Direction::Send], Direction::name);
    }

    #[test]
    fn a_key_identifier_is_hex() {
        assert_eq!(KeyId::from([0xa0; 16]).as_str(), "a0".repeat(16));
        assert_eq!(KeyId::new("0123abcd").unwrap().to_string(), "0123abcd");
        for wrong in ["", "0123abc", "0123ABCD", "0123abcg", &"0".repeat(65)] {
            assert_eq!(KeyId::new(wrong), Err(InvalidKeyId), "{wrong}");
        }
        assert!(serde_json::from_str::<KeyId>("\"not hex!\"").is_err());
    }
}
