// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors as the RFCs print them.

/// Bytes from hexadecimal digits; white space is passed over.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap() as u8).collect();
    assert_eq!(digits.len() % 2, 0);
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
