// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cryptex (RFC 9335): the CSRCs and the whole header extension are encrypted together with the payload.
//!
//! What is encrypted is in two pieces on the wire when there are CSRCs, and so is the associated data of an AEAD suite.
//! [`Portion::contiguous`] swaps CSRCs and extension header while a cipher runs (RFC 9335 section 6.2):
//!
//! ```text
//! wire:        | fixed header | CSRCs | profile, length | extension data | payload |
//! for ciphers: | fixed header | profile, length | CSRCs | extension data | payload |
//!              |<--- associated data: 16 ------>|<---------- encrypted ----------->|
//! ```
//!
//! HMAC covers the packet as it is on the wire.

use core::ops::Range;

use culvert_wire::rtp;

use crate::extension::{ONE_BYTE, TWO_BYTE};

/// What the profile field of a protected packet says instead of [`ONE_BYTE`].
const ENCRYPTED_ONE_BYTE: u16 = 0xc0de;
/// What the profile field of a protected packet says instead of [`TWO_BYTE`].
const ENCRYPTED_TWO_BYTE: u16 = 0xc2de;

const FIXED_LENGTH: usize = 12;
/// Bytes of profile and length.
const WORD: usize = 4;

/// Where the encrypted portion begins in the order that [`Portion::contiguous`] gives; the associated data of an AEAD
/// suite is what comes before. Without CSRCs that is the order on the wire.
pub(crate) const ENCRYPTED_FROM: usize = FIXED_LENGTH + WORD;

/// What Cryptex can do for a packet that is to be sent (RFC 9335 section 5.1). It may be used or not packet by packet.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sending {
    /// Neither CSRCs nor a header extension: SRTP as without Cryptex.
    Nothing,
    /// CSRCs and extension can be encrypted.
    Cryptex(Portion),
    /// The extension is not of RFC 8285, or uses the application's four bits of the two-byte form, for which RFC 9335 has
    /// no room: Cryptex must not be used.
    Unsupported,
    /// The extension already says that it is encrypted. Receivers would decrypt what nobody encrypted, so the packet must
    /// not be sent to one that knows Cryptex.
    Ambiguous,
}

/// What a received packet says of itself (RFC 9335 section 5.2).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Receiving {
    /// Neither CSRCs nor a header extension: SRTP as without Cryptex.
    Nothing,
    /// CSRCs and extension are encrypted.
    Cryptex(Portion),
    /// CSRCs or an extension in the clear: SRTP as without Cryptex, unless the session makes Cryptex mandatory. Then the
    /// packet is refused.
    Clear,
}

impl Sending {
    /// `header` is that of the plain packet.
    pub(crate) fn of(header: &rtp::Header) -> Sending {
        let csrcs = header.csrc_count;
        match header.extension.map(|extension| extension.profile) {
            None if csrcs == 0 => Self::Nothing,
            None => Self::Cryptex(Portion { csrcs, growth: WORD as u8, profile: ENCRYPTED_ONE_BYTE }),
            Some(ONE_BYTE) => Self::Cryptex(Portion { csrcs, growth: 0, profile: ENCRYPTED_ONE_BYTE }),
            Some(TWO_BYTE) => Self::Cryptex(Portion { csrcs, growth: 0, profile: ENCRYPTED_TWO_BYTE }),
            Some(ENCRYPTED_ONE_BYTE | ENCRYPTED_TWO_BYTE) => Self::Ambiguous,
            Some(_) => Self::Unsupported,
        }
    }
}

impl Receiving {
    /// `header` is that of the packet on the wire.
    pub(crate) fn of(header: &rtp::Header) -> Receiving {
        let csrcs = header.csrc_count;
        match header.extension.map(|extension| extension.profile) {
            None if csrcs == 0 => Self::Nothing,
            Some(profile @ (ENCRYPTED_ONE_BYTE | ENCRYPTED_TWO_BYTE)) => {
                Self::Cryptex(Portion { csrcs, growth: 0, profile })
            }
            _ => Self::Clear,
        }
    }
}

/// The encrypted portion of a packet: how its CSRCs and its extension header are to be treated.
///
/// Its functions take the packet that it was made of, without what protection adds behind it. They leave bytes that are
/// too few for its CSRCs and extension header alone.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Portion {
    csrcs: u8,
    growth: u8,
    profile: u16,
}

impl Portion {
    /// Bytes by which [`mark`](Self::mark) lengthens the packet: 4 where it has CSRCs and no extension, otherwise 0.
    pub(crate) fn growth(&self) -> usize {
        usize::from(self.growth)
    }

    /// Writes the profile that says that the packet is encrypted, on sending, before it is. Where the packet has no
    /// extension, makes room for an empty one and inserts it.
    ///
    /// `packet` is longer than the plain packet by [`growth`](Self::growth); its last so many bytes are overwritten.
    pub(crate) fn mark(&self, packet: &mut [u8]) {
        let Some(word) = packet.get(self.word()).map(|_| self.word()) else { return };
        if self.growth > 0 {
            packet.copy_within(word.start..packet.len() - self.growth(), word.end);
            packet[word.clone()].fill(0);
            packet[0] |= 0x10;
        }
        packet[word][..2].copy_from_slice(&self.profile.to_be_bytes());
    }

    /// Writes the profile of RFC 8285 again, on receiving, when the packet is decrypted. An empty extension that was
    /// inserted for Cryptex stays, as RFC 9335 section 5.2 allows.
    pub(crate) fn restore(&self, packet: &mut [u8]) {
        if let Some(word) = packet.get_mut(self.word()) {
            word[..2].copy_from_slice(&self.plain_profile().to_be_bytes());
        }
    }

    /// Runs a cipher over the marked packet: `run` finds the associated data before [`ENCRYPTED_FROM`] and all that is
    /// encrypted from there on. Afterwards the packet is in the order of the wire, and otherwise as `run` left it.
    pub(crate) fn contiguous<R>(&self, packet: &mut [u8], run: impl FnOnce(&mut [u8]) -> R) -> R {
        if let Some(swapped) = packet.get_mut(FIXED_LENGTH..self.word().end) {
            swapped.rotate_right(WORD);
        }
        let result = run(packet);
        if let Some(swapped) = packet.get_mut(FIXED_LENGTH..self.word().end) {
            swapped.rotate_left(WORD);
        }
        result
    }

    /// The header of the plain packet, of that of the packet on the wire.
    pub(crate) fn plain(&self, mut header: rtp::Header) -> rtp::Header {
        if let Some(extension) = &mut header.extension {
            extension.profile = self.plain_profile();
        }
        header
    }

    fn plain_profile(&self) -> u16 {
        if self.profile == ENCRYPTED_ONE_BYTE { ONE_BYTE } else { TWO_BYTE }
    }

    /// Where profile and length are on the wire.
    fn word(&self) -> Range<usize> {
        let start = FIXED_LENGTH + 4 * usize::from(self.csrcs);
        start..start + WORD
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn packet(csrcs: u8, profile: Option<u16>, words: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80 | csrcs | if profile.is_some() { 0x10 } else { 0 }, 96];
        packet.extend(2..12);
        packet.extend((0..4 * csrcs).map(|i| 0x40 | i));
        if let Some(profile) = profile {
            packet.extend(profile.to_be_bytes());
            packet.extend(words.to_be_bytes());
            packet.extend((0..4 * words).map(|i| i as u8));
        }
        packet.extend(payload);
        packet
    }

    fn sending(packet: &[u8]) -> Sending {
        Sending::of(&rtp::Header::parse(packet).unwrap())
    }

    fn receiving(packet: &[u8]) -> Receiving {
        Receiving::of(&rtp::Header::parse(packet).unwrap())
    }

    /// As a sender and with a cipher that inverts every bit.
    fn protect(portion: Portion, mut packet: Vec<u8>) -> Vec<u8> {
        packet.resize(packet.len() + portion.growth(), 0xee);
        portion.mark(&mut packet);
        portion.contiguous(&mut packet, invert);
        packet
    }

    fn unprotect(portion: Portion, mut packet: Vec<u8>) -> Vec<u8> {
        portion.contiguous(&mut packet, invert);
        portion.restore(&mut packet);
        packet
    }

    fn invert(packet: &mut [u8]) {
        packet[ENCRYPTED_FROM..].iter_mut().for_each(|byte| *byte ^= 0xff);
    }

    #[test]
    fn what_can_be_encrypted() {
        let portion = |csrcs, growth, profile| Sending::Cryptex(Portion { csrcs, growth, profile });
        for (csrcs, profile, expected) in [
            (0, None, Sending::Nothing),
            (1, None, portion(1, 4, 0xc0de)),
            (15, None, portion(15, 4, 0xc0de)),
            (0, Some(0xbede), portion(0, 0, 0xc0de)),
            (3, Some(0xbede), portion(3, 0, 0xc0de)),
            (0, Some(0x1000), portion(0, 0, 0xc2de)),
            (3, Some(0x1000), portion(3, 0, 0xc2de)),
            (0, Some(0x1001), Sending::Unsupported),
            (3, Some(0x100f), Sending::Unsupported),
            (0, Some(0xabac), Sending::Unsupported),
            (0, Some(0xc0de), Sending::Ambiguous),
            (3, Some(0xc2de), Sending::Ambiguous),
        ] {
            assert_eq!(sending(&packet(csrcs, profile, 2, &[1; 9])), expected, "{csrcs} {profile:x?}");
        }
    }

    #[test]
    fn what_is_encrypted() {
        let portion = |csrcs, profile| Receiving::Cryptex(Portion { csrcs, growth: 0, profile });
        for (csrcs, profile, expected) in [
            (0, None, Receiving::Nothing),
            (1, None, Receiving::Clear),
            (0, Some(0xbede), Receiving::Clear),
            (0, Some(0x1000), Receiving::Clear),
            (3, Some(0xabac), Receiving::Clear),
            (0, Some(0xc0de), portion(0, 0xc0de)),
            (3, Some(0xc0de), portion(3, 0xc0de)),
            (0, Some(0xc2de), portion(0, 0xc2de)),
            (15, Some(0xc2de), portion(15, 0xc2de)),
        ] {
            assert_eq!(receiving(&packet(csrcs, profile, 2, &[1; 9])), expected, "{csrcs} {profile:x?}");
        }
    }

    #[test]
    fn a_cipher_sees_two_pieces() {
        let plain = packet(2, Some(0xbede), 1, &[0xaa; 3]);
        let Sending::Cryptex(portion) = sending(&plain) else { panic!() };
        let mut bytes = plain.clone();
        portion.mark(&mut bytes);
        let seen = portion.contiguous(&mut bytes, |bytes| bytes.to_vec());
        assert_eq!(seen[..12], plain[..12]);
        assert_eq!(seen[12..16], [0xc0, 0xde, 0, 1]);
        assert_eq!(seen[16..24], plain[12..20]);
        assert_eq!(seen[24..], plain[24..]);
        assert_eq!(bytes[20..22], [0xc0, 0xde]);
        portion.restore(&mut bytes);
        assert_eq!(bytes, plain);
    }

    #[test]
    fn csrcs_alone_get_an_empty_extension() {
        let plain = packet(2, None, 0, &[7, 8, 9]);
        let Sending::Cryptex(portion) = sending(&plain) else { panic!() };
        assert_eq!(portion.growth(), 4);
        let mut bytes = [&plain[..], &[0xee; 4]].concat();
        portion.mark(&mut bytes);
        assert_eq!(bytes, packet(2, Some(0xc0de), 0, &[7, 8, 9]));
        portion.restore(&mut bytes);
        assert_eq!(bytes, packet(2, Some(0xbede), 0, &[7, 8, 9]));
    }

    proptest! {
        #[test]
        fn receivers_get_what_was_sent(
            csrcs in 0..16_u8,
            profile in prop_oneof![Just(None), Just(Some(0xbede)), Just(Some(0x1000))],
            words in 0..20_u16,
            payload in vec(any::<u8>(), 0..100),
        ) {
            let plain = packet(csrcs, profile, words, &payload);
            match sending(&plain) {
                Sending::Cryptex(portion) => {
                    let sent = protect(portion, plain.clone());
                    prop_assert_eq!(sent.len(), plain.len() + portion.growth());
                    let header = rtp::Header::parse(&sent).unwrap();
                    prop_assert_eq!(&sent[1..12], &plain[1..12]);
                    prop_assert_eq!(header.csrc_count, csrcs);
                    let expected = packet(csrcs, profile.or(Some(0xbede)), if profile.is_some() { words } else { 0 }, &payload);
                    let inverted = sent.iter().zip(&expected).filter(|(sent, plain)| **sent == !**plain).count();
                    prop_assert_eq!(inverted, sent.len() - ENCRYPTED_FROM);
                    let Receiving::Cryptex(portion) = Receiving::of(&header) else { panic!("{header:?}") };
                    prop_assert_eq!(portion.plain(header), rtp::Header::parse(&expected).unwrap());
                    prop_assert_eq!(unprotect(portion, sent), expected);
                }
                other => {
                    prop_assert_eq!(other, Sending::Nothing);
                    prop_assert_eq!(receiving(&plain), Receiving::Nothing);
                }
            }
        }

        /// Whatever the network sends, and whatever packet a portion is applied to.
        #[test]
        fn arbitrary_bytes_do_no_harm(mut packet in vec(any::<u8>(), 0..120), other in vec(any::<u8>(), 0..120)) {
            if let Some(first) = packet.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            let Ok(header) = rtp::Header::parse(&packet) else { return Ok(()) };
            let portions = [
                match Sending::of(&header) { Sending::Cryptex(portion) => Some(portion), _ => None },
                match Receiving::of(&header) { Receiving::Cryptex(portion) => Some(portion), _ => None },
            ];
            for portion in portions.into_iter().flatten() {
                for bytes in [&packet, &other] {
                    let mut changed = bytes.clone();
                    portion.contiguous(&mut changed, |_| ());
                    prop_assert_eq!(&changed, bytes);
                    portion.restore(&mut changed);
                    portion.mark(&mut changed);
                    prop_assert_eq!(changed.len(), bytes.len());
                }
            }
        }
    }
}
