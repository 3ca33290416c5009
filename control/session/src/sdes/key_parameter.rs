// SPDX-License-Identifier: MIT OR Apache-2.0
//! `inline:` key parameters (RFC 4568 sections 6.1 and 9.2).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use culvert_srtp::{MAX_KEYS, MAX_LIFETIME, Mki, Suite};
use zeroize::Zeroizing;

use super::{SdesError, digits};
use crate::KeyMaterial;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn parse_all(suite: Suite, text: &str) -> Result<Vec<KeyMaterial>, SdesError> {
    let count = text.split(';').count();
    if count > MAX_KEYS {
        return Err(SdesError::KeyCount { count });
    }
    text.split(';').enumerate().map(|(index, text)| parse(suite, index + 1, text)).collect()
}

fn parse(suite: Suite, position: usize, text: &str) -> Result<KeyMaterial, SdesError> {
    let text = text.strip_prefix("inline:").ok_or(SdesError::KeyMethod { position })?;
    let mut parts = text.split('|');
    let bytes = decode(position, parts.next().unwrap_or_default())?;
    let lengths = (suite.key_length(), suite.salt_length());
    let (key, salt) = bytes
        .split_at_checked(lengths.0)
        .filter(|(_, salt)| salt.len() == lengths.1)
        .ok_or(SdesError::KeyLength { position, suite, got: bytes.len() })?;
    let mut material = KeyMaterial {
        key: Zeroizing::new(key.to_vec()),
        salt: Zeroizing::new(salt.to_vec()),
        ..KeyMaterial::default()
    };

    // Both are optional; a colon tells the MKI from the lifetime.
    let mut part = parts.next();
    if let Some(text) = part.filter(|text| !text.contains(':')) {
        material.lifetime = lifetime(text).ok_or(SdesError::Lifetime { position })?;
        part = parts.next();
    }
    if let Some(text) = part {
        material.mki = mki(text).ok_or(SdesError::Mki { position })?;
    }
    if parts.next().is_some() {
        return Err(SdesError::Trailing { position });
    }
    Ok(material)
}

fn decode(position: usize, text: &str) -> Result<Zeroizing<Vec<u8>>, SdesError> {
    // Room at once: a vector that grows would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    match BASE64.decode_vec(text, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(SdesError::Base64 { position }),
    }
}

fn lifetime(text: &str) -> Option<u64> {
    let packets = match text.strip_prefix("2^") {
        Some(exponent) => 1_u64.checked_shl(digits(exponent)?.parse().ok()?)?,
        None => digits(text)?.parse().ok()?,
    };
    (1..=MAX_LIFETIME).contains(&packets).then_some(packets)
}

/// The MKI in wire form: a number in as many big-endian bytes as the length says.
fn mki(text: &str) -> Option<Vec<u8>> {
    let (value, length) = text.split_once(':')?;
    let length: usize = digits(length)?.parse().ok()?;
    if length == 0 || length > Mki::MAX_LENGTH {
        return None;
    }
    let mut bytes = vec![0; length];
    for digit in digits(value)?.bytes() {
        let mut carry = u16::from(digit - b'0');
        for byte in bytes.iter_mut().rev() {
            let product = u16::from(*byte) * 10 + carry;
            *byte = (product & 0xff) as u8;
            carry = product >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(bytes)
}
