// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES in counter mode (RFC 3711 section 4.1.1, RFC 6188 section 2).

/// The first counter block of a packet: salt, SSRC and index xored where RFC 3711 puts them, a block count of 0 behind.
///
/// ```text
///  0   1   2   3   4   5   6   7   8   9  10  11  12  13  14  15
/// +---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
/// |                     session salt                      |       |
/// +---------------+---------------+-----------------------+ count |
/// |               |     SSRC      |    48-bit index       |       |
/// +---------------+---------------+-----------------------+-------+
/// ```
pub(crate) fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut salted = [0; 16];
    salted[..14].copy_from_slice(salt);
    let position = (u128::from(ssrc) << 64) | (u128::from(index) << 16);
    (u128::from_be_bytes(salted) ^ position).to_be_bytes()
}
