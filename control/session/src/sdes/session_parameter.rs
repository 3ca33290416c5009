// SPDX-License-Identifier: MIT OR Apache-2.0
//! Session parameters (RFC 4568 section 6.3).

use super::{SdesError, digits};

const UNSUPPORTED: [&str; 5] =
    ["UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP", "FEC_ORDER", "FEC_KEY"];

/// The least window size hint that the standard allows. The relay's own window is 128 or more, whatever the hint.
const LEAST_WINDOW: u32 = 64;

pub(super) fn check(position: usize, word: &str) -> Result<(), SdesError> {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    if let Some(name) = UNSUPPORTED.into_iter().find(|known| *known == name) {
        return Err(SdesError::Unsupported { name });
    }
    let number = || value.and_then(digits)?.parse::<u32>().ok();
    match name {
        "KDR" => match number() {
            // No derivation but the first, which is what leaving it out says too.
            Some(0) => Ok(()),
            Some(1..=24) => Err(SdesError::Unsupported { name: "KDR" }),
            _ => Err(SdesError::Value { name: "KDR" }),
        },
        "WSH" => match number() {
            Some(LEAST_WINDOW..) => Ok(()),
            _ => Err(SdesError::Value { name: "WSH" }),
        },
        // An extension that says of itself that it may be ignored.
        _ if name.starts_with('-') && name.len() > 1 => Ok(()),
        _ => Err(SdesError::Unknown { position }),
    }
}
