// SPDX-License-Identifier: MIT OR Apache-2.0
//! SDES `a=crypto` attributes (RFC 4568).
//!
//! ```text
//! a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<base64 of key and salt>|2^31|1:1;inline:... WSH=64
//! ```
//!
//! Errors never quote the attribute: what stands in a wrong place may be a key.

mod key_parameter;
mod session_parameter;

use culvert_srtp::{MAX_KEYS, Suite};

use crate::KeyMaterial;

/// A parsed attribute.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Crypto {
    /// The attribute's number in its m-line.
    pub tag: u32,
    /// The crypto suite.
    pub suite: Suite,
    /// At least one; key and salt have the suite's lengths.
    pub keys: Vec<KeyMaterial>,
}

/// What is wrong with an attribute.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SdesError {
    /// Not printable ASCII.
    #[error("the attribute contains a character that is not printable ASCII")]
    Character,
    /// The attribute has another name than `crypto`.
    #[error("the attribute does not begin with a=crypto:, crypto: or the tag itself")]
    Name,
    /// No tag of 1 to 9 digits.
    #[error("the tag is not a number of 1 to 9 digits")]
    Tag,
    /// Nothing after the tag.
    #[error("the crypto suite is missing after the tag")]
    SuiteMissing,
    /// A suite that this relay does not have.
    #[error("the crypto suite is not one of {}", suites())]
    SuiteUnknown,
    /// Nothing after the suite.
    #[error("the key parameter inline:... is missing after the crypto suite")]
    KeyMissing,
    /// A key method other than `inline`.
    #[error("key parameter {position} does not begin with inline:")]
    KeyMethod {
        /// From 1.
        position: usize,
    },
    /// More keys than a leg can have.
    #[error("there are {count} key parameters; a leg has at most {MAX_KEYS}")]
    KeyCount {
        /// As many as were given.
        count: usize,
    },
    /// Not base64.
    #[error("the key and salt of key parameter {position} are not base64")]
    Base64 {
        /// From 1.
        position: usize,
    },
    /// Not the length that the suite demands.
    #[error("key parameter {position} has {got} bytes of key and salt; {suite} takes {} + {}", .suite.key_length(), .suite.salt_length())]
    KeyLength {
        /// From 1.
        position: usize,
        /// The suite.
        suite: Suite,
        /// The length in bytes.
        got: usize,
    },
    /// The lifetime cannot be read, or is out of bounds.
    #[error(
        "the lifetime of key parameter {position} is not 1 to 2^48 packets, written as a number or as 2^n"
    )]
    Lifetime {
        /// From 1.
        position: usize,
    },
    /// The MKI cannot be read.
    #[error(
        "the MKI of key parameter {position} is not value:length with a length of 1 to 128 bytes that holds the value"
    )]
    Mki {
        /// From 1.
        position: usize,
    },
    /// More than lifetime and MKI follow the key, or they stand in the wrong order.
    #[error("key parameter {position} has more after the key than |lifetime|MKI:length in that order")]
    Trailing {
        /// From 1.
        position: usize,
    },
    /// A session parameter that takes protection away, or that this relay does not do.
    #[error("the session parameter {name} is not supported; offer the crypto attribute without it")]
    Unsupported {
        /// Its name.
        name: &'static str,
    },
    /// A session parameter whose value cannot be read.
    #[error("the value of the session parameter {name} is wrong")]
    Value {
        /// Its name.
        name: &'static str,
    },
    /// A session parameter that no standard names. RFC 4568 section 6.3.7 demands its refusal.
    #[error("session parameter {position} is not known; offer the crypto attribute without it")]
    Unknown {
        /// From 1.
        position: usize,
    },
}

fn suites() -> String {
    Suite::ALL.map(Suite::name).join(", ")
}

/// Parses one attribute, with `a=crypto:`, `crypto:` or nothing before the tag.
///
/// The base64 of a key may lack its padding: RFC 4568 section 6.1 has the padding discarded, and some senders do not
/// send it. The unused bits of its last character must be zero.
///
/// # Errors
/// See [`SdesError`].
pub fn parse(line: &str) -> Result<Crypto, SdesError> {
    let line = line.trim_matches(['\r', '\n', ' ', '\t']);
    if !line.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t') {
        return Err(SdesError::Character);
    }
    let line = line
        .strip_prefix("a=")
        .map_or(Ok(line), |rest| if rest.starts_with("crypto:") { Ok(rest) } else { Err(SdesError::Name) })?;
    let line = line.strip_prefix("crypto:").unwrap_or(line);
    if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(SdesError::Name);
    }

    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let tag = tag(words.next().unwrap_or_default())?;
    let suite = words.next().ok_or(SdesError::SuiteMissing)?;
    let suite = Suite::from_name(suite).ok_or(SdesError::SuiteUnknown)?;
    let keys = key_parameter::parse_all(suite, words.next().ok_or(SdesError::KeyMissing)?)?;
    for (index, word) in words.enumerate() {
        session_parameter::check(index + 1, word)?;
    }
    Ok(Crypto { tag, suite, keys })
}

/// A decimal number of digits only: `parse` alone would take a sign.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn tag(text: &str) -> Result<u32, SdesError> {
    digits(text)
        .filter(|digits| digits.len() <= 9)
        .and_then(|digits| digits.parse().ok())
        .ok_or(SdesError::Tag)
}

#[cfg(test)]
mod tests;
