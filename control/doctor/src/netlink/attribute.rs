// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes of a message: length, type, value, padded to four bytes.

const HEADER: usize = 4;
/// NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of the type.
const TYPE: u16 = 0x3fff;
const NESTED: u16 = 0x8000;

pub(crate) fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(crate) fn u32_of(value: &[u8]) -> Option<u32> {
    u32_at(value, 0)
}

pub(crate) fn u64_of(value: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(value.get(..8)?.try_into().ok()?))
}

/// Text up to its NUL.
pub(crate) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

/// Attributes one after the other; ends at what is not one.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Attributes<'a> {
    pub(crate) fn get(self, wanted: u16) -> Option<&'a [u8]> {
        self.into_iter().find_map(|(kind, value)| (kind == wanted).then_some(value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & TYPE;
        let value = self.0.get(HEADER..length)?;
        self.0 = self.0.get(padded(length)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Appends an attribute.
pub(crate) fn write(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(u16::try_from(HEADER + value.len()).unwrap_or(u16::MAX).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(padded(message.len()), 0);
}

/// An attribute of attributes.
pub(crate) fn nest(kind: u16, inside: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    write(&mut message, kind | NESTED, inside);
    message
}

/// Whether a flag, an attribute without value, is there.
pub(crate) fn flag(attributes: Attributes<'_>, kind: u16) -> bool {
    attributes.get(kind).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut message = Vec::new();
        write(&mut message, 1, b"eth0\0");
        write(&mut message, 2, &7_u32.to_ne_bytes());
        message.extend(nest(3, &message.clone()));
        assert_eq!(message.len(), 12 + 8 + 4 + 20);
        let attributes = Attributes(&message);
        assert_eq!(attributes.get(1).map(text).as_deref(), Some("eth0"));
        assert_eq!(attributes.get(2).and_then(u32_of), Some(7));
        let inner = Attributes(attributes.get(3).unwrap());
        assert_eq!(inner.get(2).and_then(u32_of), Some(7));
        assert!(flag(inner, 1) && !flag(inner, 4));
    }

    #[test]
    fn no_bytes_make_it_panic_or_go_on_for_ever() {
        let mut message = Vec::new();
        write(&mut message, 1, &[9; 5]);
        for length in 0..message.len() {
            assert_eq!(Attributes(&message[..length]).count(), usize::from(length >= 9), "{length}");
        }
        for head in 0..=4_u16 {
            let bytes = [head.to_ne_bytes(), [0; 2], [0; 2], [0; 2]].concat();
            assert!(Attributes(&bytes).count() <= 2);
        }
        assert_eq!((u32_of(&[1, 2]), u64_of(&[0; 7])), (None, None));
    }
}
