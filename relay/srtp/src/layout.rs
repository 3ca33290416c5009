// SPDX-License-Identifier: MIT OR Apache-2.0
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
    /// End of the header, start of what is encrypted.
    pub(crate) header: usize,
    /// End of the plain packet.
    pub(crate) body: usize,
    /// Start of the SRTCP index, in SRTCP packets.
    pub(crate) index: usize,
    pub(crate) mki: usize,
    pub(crate) mki_length: usize,
    pub(crate) tag: usize,
    pub(crate) tag_length: usize,
    /// End of the protected packet.
    pub(crate) end: usize,
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
    /// The layout of a packet whose plain form has `body` bytes, `header` of them header.
    pub(crate) fn new(suite: Suite, mki_length: usize, kind: Kind, header: usize, body: usize) -> Layout {
        let (tag_length, index_length) = match kind {
            Kind::Rtp => (suite.rtp_tag_length(), 0),
            Kind::Rtcp => (suite.rtcp_tag_length(), INDEX_LENGTH),
        };
        let end = body + tag_length + index_length + mki_length;
        let (tag, index, mki) = match suite.transform() {
            Transform::Gcm => (body, body + tag_length, body + tag_length + index_length),
            Transform::CounterMode | Transform::Null => (end - tag_length, body, body + index_length),
        };
        Layout { header, body, index, mki, mki_length, tag, tag_length, end }
    }

    pub(crate) fn tag<'b>(&self, packet: &'b [u8]) -> &'b [u8] {
        packet.get(self.tag..self.tag + self.tag_length).unwrap_or_default()
    }

    pub(crate) fn mki<'b>(&self, packet: &'b [u8]) -> &'b [u8] {
        packet.get(self.mki..self.mki + self.mki_length).unwrap_or_default()
    }

    /// E bit and SRTCP index.
    pub(crate) fn index(&self, packet: &[u8]) -> Option<u32> {
        packet.get(self.index..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
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
                    let layout = Layout::new(suite, mki_length, kind, 12, 172);
                    let index_length = if kind == Kind::Rtcp { 4 } else { 0 };
                    let mut parts = [
                        (layout.tag, layout.tag_length),
                        (layout.index, index_length),
                        (layout.mki, mki_length),
                    ];
                    parts.sort();
                    let mut next = layout.body;
                    for (start, length) in parts {
                        assert_eq!(start, next, "{suite} {kind:?}");
                        next += length;
                    }
                    assert_eq!(next, layout.end);
                    assert_eq!(layout.end - layout.body, overhead(suite, mki_length, kind));
                }
            }
        }
    }
}
