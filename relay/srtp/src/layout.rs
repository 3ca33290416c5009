// SPDX-License-Identifier: MIT OR Apache-2.0
use core::ops::Range;

use crate::suite::Transform;
use crate::{Kind, Suite};

/// Bytes of the word that holds E bit and SRTCP index.
const INDEX_LENGTH: usize = 4;

/// Where the parts of a protected packet lie, as offsets from its start. The AEAD suites put the tag before what they do
/// not encrypt, the others at the end (RFC 3711 sections 3.1 and 3.4, RFC 7714 sections 8.2, 9.2 and 9.4).
///
/// ```text
/// HMAC:  | header | body | SRTCP index | MKI | tag |
/// AEAD:  | header | body | tag | SRTCP index | MKI |
/// ```
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    header: u16,
    body: u16,
    index: u16,
    mki: u16,
    tag: u16,
    end: u16,
    mki_length: u8,
    tag_length: u8,
}

/// Bytes that protection adds.
pub(crate) fn overhead(suite: Suite, mki_length: usize, kind: Kind) -> usize {
    mki_length
        + match kind {
            Kind::Rtp => suite.rtp_tag_length(),
            Kind::Rtcp => suite.rtcp_tag_length() + INDEX_LENGTH,
        }
}

impl Layout {
    /// The layout of the empty packet.
    pub(crate) fn of_nothing(suite: Suite, mki_length: usize, kind: Kind) -> Layout {
        let (tag_length, index_length) = match kind {
            Kind::Rtp => (suite.rtp_tag_length(), 0),
            Kind::Rtcp => (suite.rtcp_tag_length(), INDEX_LENGTH),
        };
        let end = tag_length + index_length + mki_length;
        let (tag, index, mki) = match suite.transform() {
            Transform::Gcm => (0, tag_length, tag_length + index_length),
            Transform::CounterMode | Transform::Null => (end - tag_length, 0, index_length),
        };
        let [index, mki, tag, end] = [index, mki, tag, end].map(|offset| offset as u16);
        let (mki_length, tag_length) = (mki_length as u8, tag_length as u8);
        Layout { header: 0, body: 0, index, mki, mki_length, tag, tag_length, end }
    }

    /// The same of a packet whose plain form has `body` bytes, `header` of them header. `None` when it would have more
    /// than 65,535 bytes, which no datagram has.
    #[inline]
    pub(crate) fn around(self, header: u16, body: usize) -> Option<Layout> {
        let body = u16::try_from(body).ok()?;
        let end = self.end.checked_add(body)?;
        let (index, mki, tag) = (self.index + body, self.mki + body, self.tag + body);
        Some(Layout { header, body, index, mki, tag, end, ..self })
    }

    /// End of the header, start of what is encrypted.
    #[inline]
    pub(crate) fn header(&self) -> usize {
        usize::from(self.header)
    }

    /// End of the plain packet.
    #[inline]
    pub(crate) fn body(&self) -> usize {
        usize::from(self.body)
    }

    /// End of the protected packet.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        usize::from(self.end)
    }

    /// Where the SRTCP index is, in SRTCP packets.
    pub(crate) fn index_range(&self) -> Range<usize> {
        usize::from(self.index)..usize::from(self.index) + INDEX_LENGTH
    }

    #[inline]
    pub(crate) fn mki_range(&self) -> Range<usize> {
        usize::from(self.mki)..usize::from(self.mki) + usize::from(self.mki_length)
    }

    #[inline]
    pub(crate) fn tag_range(&self) -> Range<usize> {
        usize::from(self.tag)..usize::from(self.tag) + usize::from(self.tag_length)
    }

    #[inline]
    pub(crate) fn tag<'b>(&self, packet: &'b [u8]) -> &'b [u8] {
        packet.get(self.tag_range()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn mki<'b>(&self, packet: &'b [u8]) -> &'b [u8] {
        packet.get(self.mki_range()).unwrap_or_default()
    }

    /// E bit and SRTCP index.
    pub(crate) fn index(&self, packet: &[u8]) -> Option<u32> {
        packet.get(self.index_range())?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_side_by_side() {
        for suite in Suite::ALL {
            for kind in [Kind::Rtp, Kind::Rtcp] {
                for mki_length in [0, 1, 4, 128] {
                    let layout = Layout::of_nothing(suite, mki_length, kind).around(12, 172).unwrap();
                    let index = if kind == Kind::Rtcp { layout.index_range() } else { 172..172 };
                    let mut parts = [layout.tag_range(), layout.mki_range(), index];
                    parts.sort_by_key(|part| (part.start, part.end));
                    let mut next = layout.body();
                    for part in parts {
                        assert_eq!(
                            part.start,
                            if part.is_empty() { part.start } else { next },
                            "{suite} {kind:?}"
                        );
                        next += part.len();
                    }
                    assert_eq!(next, layout.end());
                    assert_eq!(layout.end() - layout.body(), overhead(suite, mki_length, kind));
                }
            }
        }
    }
}
