// SPDX-License-Identifier: MIT OR Apache-2.0
//! The STUN header (RFC 8489 section 5).

const LENGTH: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Why bytes are not a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The first two bits are not zero.
    Type,
    /// Fewer than 20 bytes.
    Truncated,
    /// The length field is no multiple of four, or not what follows the header.
    Length,
}

/// The class of a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// A request.
    Request,
    /// An indication, which has no response.
    Indication,
    /// A success response.
    Success,
    /// An error response.
    Error,
}

/// The header of a STUN message.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0 0|  type: class and method   |        message length         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   magic cookie 0x2112a442                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   transaction ID (96 bits)                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Request, indication or response.
    pub class: MessageClass,
    /// The method, 12 bits: 1 is Binding.
    pub method: u16,
    /// Length in bytes of the attributes after the header.
    pub length: usize,
    /// Whether the magic cookie is there; without it this is not STUN as of RFC 5389 and later.
    pub has_cookie: bool,
    /// The transaction ID.
    pub transaction_id: [u8; 12],
}

impl Header {
    /// Reads the header of a STUN message that fills `message`.
    ///
    /// # Errors
    ///
    /// [`Error`] when the type bits or lengths are wrong; a missing cookie is not an error.
    #[inline]
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        let (header, attributes) = message.split_first_chunk::<LENGTH>().ok_or(Error::Truncated)?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction_id @ ..] = *header;
        let kind = u16::from_be_bytes([t0, t1]);
        if kind >> 14 != 0 {
            return Err(Error::Type);
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if length % 4 != 0 || length != attributes.len() {
            return Err(Error::Length);
        }
        let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
            (false, false) => MessageClass::Request,
            (false, true) => MessageClass::Indication,
            (true, false) => MessageClass::Success,
            (true, true) => MessageClass::Error,
        };
        Ok(Self {
            class,
            method: kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2,
            length,
            has_cookie: [c0, c1, c2, c3] == MAGIC_COOKIE,
            transaction_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: [u8; 24] = [
        0x00, 0x01, 0x00, 0x04, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x80, 0x2a, 0,
        0,
    ];

    #[test]
    fn binding_request() {
        assert_eq!(
            Header::parse(&BINDING),
            Ok(Header {
                class: MessageClass::Request,
                method: 1,
                length: 4,
                has_cookie: true,
                transaction_id: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            })
        );
    }

    #[test]
    fn classes_and_methods_are_interleaved() {
        for (kind, class, method) in [
            (0x0011u16, MessageClass::Indication, 1),
            (0x0101, MessageClass::Success, 1),
            (0x0111, MessageClass::Error, 1),
            (0x0009, MessageClass::Request, 9),
            (0x3eef, MessageClass::Request, 0xfff),
        ] {
            let mut message = BINDING;
            message[..2].copy_from_slice(&kind.to_be_bytes());
            let header = Header::parse(&message).unwrap();
            assert_eq!((header.class, header.method), (class, method), "type {kind:#06x}");
        }
    }

    #[test]
    fn truncation_at_every_length() {
        for length in 0..20 {
            assert_eq!(Header::parse(&BINDING[..length]), Err(Error::Truncated), "{length} bytes");
        }
        for length in 20..24 {
            assert_eq!(Header::parse(&BINDING[..length]), Err(Error::Length), "{length} bytes");
        }
    }

    #[test]
    fn wrong_headers() {
        let mut message = BINDING;
        message[4] = 0;
        assert!(!Header::parse(&message).unwrap().has_cookie);
        message[3] = 3;
        assert_eq!(Header::parse(&message[..23]), Err(Error::Length));
        message[0] = 0x40;
        assert_eq!(Header::parse(&message), Err(Error::Type));
    }
}
