// SPDX-License-Identifier: MIT OR Apache-2.0
//! Encryption of selected header extension elements (RFC 6904), in the one-byte and the two-byte form of RFC 8285.

use core::num::NonZeroU8;
use core::ops::Range;

/// What the profile field says of one-byte elements (RFC 8285 section 4.2).
pub(crate) const ONE_BYTE: u16 = 0xbede;
/// What the profile field says of two-byte elements, where the application uses none of its last four bits (RFC 8285
/// section 4.3).
pub(crate) const TWO_BYTE: u16 = 0x1000;

/// Bytes of key stream that are made at a time: four blocks, as much as most extensions have.
pub(crate) const WINDOW: usize = 64;

/// Identifiers of header extension elements, 1 to 255: those that signalling has put under
/// `urn:ietf:params:rtp-hdrext:encrypt` (RFC 6904 section 4).
///
/// The one-byte form can only carry 1 to 14; the same identifier means the same extension in both forms.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub struct ExtensionIds([u64; 4]);

impl ExtensionIds {
    /// No identifier.
    pub const NONE: ExtensionIds = ExtensionIds([0; 4]);

    /// Adds an identifier.
    pub const fn insert(&mut self, id: NonZeroU8) {
        let id = id.get();
        self.0[(id >> 6) as usize] |= 1 << (id & 63);
    }

    /// Whether `id` is among them. Never true of 0, which is padding.
    pub const fn contains(&self, id: u8) -> bool {
        self.0[(id >> 6) as usize] & (1 << (id & 63)) != 0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }
}

impl FromIterator<NonZeroU8> for ExtensionIds {
    fn from_iter<I: IntoIterator<Item = NonZeroU8>>(ids: I) -> ExtensionIds {
        let mut set = Self::NONE;
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

/// Xors the key stream into the data of those elements that `ids` names, in place: encrypts and decrypts.
///
/// `data` is the extension behind its four bytes of profile and length. The key stream runs over all of it, identifiers,
/// lengths and padding included, and is thrown away where nothing is encrypted (RFC 6904 section 3): what an element is
/// encrypted with depends on where it stands and not on what else is. `keystream` is given the number of a block of 16
/// bytes and writes the key stream from there on over the zeros it is given.
///
/// Elements end where RFC 8285 has a receiver stop (see [`is_whole`]); what follows is left as it is, and so is all of an
/// extension that is not of RFC 8285. Nothing that decides where an element lies is ever changed, so that both directions
/// see the same elements whatever the bytes.
pub(crate) fn apply_keystream(
    ids: &ExtensionIds,
    profile: u16,
    data: &mut [u8],
    mut keystream: impl FnMut(usize, &mut [u8; WINDOW]),
) {
    let Some(mut elements) = Elements::new(profile) else { return };
    let mut window = [0; WINDOW];
    let mut made = None;
    while let Some(Element { id, data: range }) = elements.next(data) {
        if !ids.contains(id) {
            continue;
        }
        let mut at = range.start;
        while at < range.end {
            let number = at / WINDOW;
            if made != Some(number) {
                window = [0; WINDOW];
                keystream(number * (WINDOW / 16), &mut window);
                made = Some(number);
            }
            let end = range.end.min((number + 1) * WINDOW);
            for (byte, stream) in data[at..end].iter_mut().zip(&window[at % WINDOW..]) {
                *byte ^= stream;
            }
            at = end;
        }
    }
}

/// Whether `data` is elements and padding to its end, so that nothing which ought to be encrypted is passed over.
///
/// It is not when its profile is not of RFC 8285, when an element claims more bytes than there are, and in the one-byte
/// form from an identifier of 15, or of 0 with a length, onwards: what follows these is ignored by receivers.
pub(crate) fn is_whole(profile: u16, data: &[u8]) -> bool {
    let Some(mut elements) = Elements::new(profile) else { return false };
    while elements.next(data).is_some() {}
    elements.position == data.len()
}

/// Whether an extension of that profile has elements.
pub(crate) fn has_elements(profile: u16) -> bool {
    Elements::new(profile).is_some()
}

#[derive(Copy, Clone)]
enum Form {
    OneByte,
    TwoByte,
}

struct Element {
    id: u8,
    /// Where its data lies in the extension, without identifier and length.
    data: Range<usize>,
}

/// The elements of an extension, one after the other.
struct Elements {
    form: Form,
    /// Where the next element or padding byte is.
    position: usize,
}

impl Elements {
    fn new(profile: u16) -> Option<Elements> {
        let form = match profile {
            ONE_BYTE => Form::OneByte,
            _ if profile & 0xfff0 == TWO_BYTE => Form::TwoByte,
            _ => return None,
        };
        Some(Self { form, position: 0 })
    }

    /// The next element of `data`, whose element data may change between calls.
    fn next(&mut self, data: &[u8]) -> Option<Element> {
        self.position += data.get(self.position..)?.iter().take_while(|byte| **byte == 0).count();
        let first = *data.get(self.position)?;
        let (id, start, length) = match self.form {
            Form::OneByte => match first >> 4 {
                0 | 15 => return None,
                id => (id, self.position + 1, 1 + usize::from(first & 15)),
            },
            Form::TwoByte => (first, self.position + 2, usize::from(*data.get(self.position + 1)?)),
        };
        let end = start + length;
        if end > data.len() {
            return None;
        }
        self.position = end;
        Some(Element { id, data: start..end })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn ids(ids: &[u8]) -> ExtensionIds {
        ids.iter().map(|id| NonZeroU8::new(*id).unwrap()).collect()
    }

    /// A key stream whose bytes tell their place and are never 0.
    fn stream(offset: usize) -> u8 {
        (offset % 255) as u8 + 1
    }

    fn apply(ids: &ExtensionIds, profile: u16, data: &[u8]) -> Vec<u8> {
        let mut data = data.to_vec();
        apply_keystream(ids, profile, &mut data, |block, window| {
            assert_eq!(*window, [0; WINDOW]);
            for (offset, byte) in window.iter_mut().enumerate() {
                *byte = stream(16 * block + offset);
            }
        });
        data
    }

    /// Offsets of the bytes that are encrypted. None of `data` equals its own encryption, as the key stream has no 0.
    fn encrypted(chosen: &[u8], profile: u16, data: &[u8]) -> Vec<usize> {
        let after = apply(&ids(chosen), profile, data);
        let changed: Vec<usize> = (0..data.len()).filter(|i| data[*i] != after[*i]).collect();
        changed.iter().for_each(|i| assert_eq!(after[*i], data[*i] ^ stream(*i)));
        changed
    }

    #[test]
    fn identifiers_are_a_set() {
        let mut set = ExtensionIds::NONE;
        assert!(set.is_empty());
        for id in (1..=255).filter(|id| id % 3 != 0) {
            set.insert(NonZeroU8::new(id).unwrap());
        }
        assert!(!set.is_empty());
        assert!((0..=255).all(|id| set.contains(id) == (id % 3 != 0)));
        assert_eq!(ids(&[7, 7, 200]), ids(&[200, 7]));
    }

    #[test]
    fn one_byte_form() {
        let data = [0x10, 1, 0, 0, 0x22, 2, 2, 2, 0x31, 3, 3, 0];
        assert_eq!(encrypted(&[1], ONE_BYTE, &data), [1]);
        assert_eq!(encrypted(&[2], ONE_BYTE, &data), [5, 6, 7]);
        assert_eq!(encrypted(&[1, 3], ONE_BYTE, &data), [1, 9, 10]);
        assert_eq!(encrypted(&[4, 200], ONE_BYTE, &data), [0; 0]);
        assert!(is_whole(ONE_BYTE, &data));
        // The length of 16 bytes, which is the longest, twice under one identifier.
        let data = [[0x7f; 17], [0x7f; 17]].concat();
        assert_eq!(encrypted(&[7], ONE_BYTE, &data).len(), 32);
        assert!(is_whole(ONE_BYTE, &data));
    }

    #[test]
    fn two_byte_form() {
        for profile in 0x1000..=0x100f {
            let data = [200, 2, 9, 9, 0, 15, 0, 16, 1, 7, 0, 0];
            assert_eq!(encrypted(&[200], profile, &data), [2, 3]);
            assert_eq!(encrypted(&[15, 16], profile, &data), [9]);
            assert!(is_whole(profile, &data));
        }
        let mut data = vec![255, 255];
        data.extend([1; 255]);
        assert_eq!(encrypted(&[255], TWO_BYTE, &data), (2..257).collect::<Vec<_>>());
    }

    #[test]
    fn padding_counts_for_the_key_stream_and_is_not_encrypted() {
        let data = [0, 0, 0, 0x10, 5, 0, 0, 0x10, 5, 0];
        assert_eq!(encrypted(&[1], ONE_BYTE, &data), [4, 8]);
        assert!(is_whole(ONE_BYTE, &data));
        assert!(is_whole(ONE_BYTE, &[0; 8]) && is_whole(TWO_BYTE, &[0; 8]) && is_whole(TWO_BYTE, &[]));
    }

    #[test]
    fn elements_end_where_receivers_stop() {
        let all: Vec<u8> = (1..=255).collect();
        for (profile, data, expected) in [
            // The identifier 15, and 0 with a length.
            (ONE_BYTE, &[0x10, 1, 0xf0, 1, 0x10, 1][..], &[1][..]),
            (ONE_BYTE, &[0x10, 1, 0x01, 9, 9, 0x10, 1], &[1]),
            // Longer than the extension, by one byte or by all.
            (ONE_BYTE, &[0x10, 1, 0x12, 1, 1], &[1]),
            (ONE_BYTE, &[0x10, 1, 0x10], &[1]),
            (TWO_BYTE, &[1, 1, 1, 1, 3, 1, 1], &[2]),
            (TWO_BYTE, &[1, 1, 1, 1, 3], &[2]),
            (TWO_BYTE, &[1, 1, 1, 1], &[2]),
            // Other profiles, Cryptex among them.
            (0xbedf, &[0x10, 1], &[]),
            (0x1010, &[1, 1, 1], &[]),
            (0xc0de, &[0x10, 1], &[]),
            (0xc2de, &[1, 1, 1], &[]),
        ] {
            assert_eq!(encrypted(&all, profile, data), expected, "{profile:#x} {data:?}");
            assert!(!is_whole(profile, data), "{profile:#x} {data:?}");
        }
    }

    /// Mostly well-formed elements, as identifier and data, and where to put padding before them.
    fn elements() -> impl Strategy<Value = Vec<(usize, u8, Vec<u8>)>> {
        vec((prop_oneof![3 => Just(0_usize), 1 => 0..5_usize], 1..15_u8, vec(any::<u8>(), 1..=16)), 0..40)
    }

    fn profile() -> impl Strategy<Value = u16> {
        prop_oneof![Just(ONE_BYTE), 0x1000..=0x100f_u16, any::<u16>()]
    }

    proptest! {
        /// Against a mask that is made together with the extension instead of by reading it.
        #[test]
        fn changes_what_the_mask_says(elements in elements(), chosen in vec(1..15_u8, 0..8), one_byte: bool) {
            let (mut data, mut mask) = (Vec::new(), Vec::new());
            for (padding, id, value) in &elements {
                data.resize(data.len() + padding, 0);
                if one_byte {
                    data.push(id << 4 | (value.len() - 1) as u8);
                } else {
                    data.extend([*id, value.len() as u8]);
                }
                mask.resize(data.len(), 0);
                data.extend(value);
                mask.resize(data.len(), if chosen.contains(id) { 0xff } else { 0 });
            }
            let profile = if one_byte { ONE_BYTE } else { TWO_BYTE };
            let expected: Vec<u8> =
                data.iter().zip(&mask).enumerate().map(|(i, (byte, mask))| byte ^ (stream(i) & mask)).collect();
            prop_assert!(is_whole(profile, &data));
            prop_assert_eq!(apply(&ids(&chosen), profile, &data), expected);
        }

        #[test]
        fn arbitrary_bytes_come_back(profile in profile(), data in vec(any::<u8>(), 0..300), chosen in vec(1..=255_u8, 0..255)) {
            let ids = ids(&chosen);
            let encrypted = apply(&ids, profile, &data);
            prop_assert_eq!(is_whole(profile, &encrypted), is_whole(profile, &data));
            prop_assert_eq!(apply(&ids, profile, &encrypted), data);
        }
    }
}
