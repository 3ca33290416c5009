// SPDX-License-Identifier: MIT OR Apache-2.0
//! The RTP packets that are sent: each follows from its SSRC and index, so that the sink knows what it should be.

/// Bytes of an RTP header without CSRCs and extension (RFC 3550 section 5.1).
pub(crate) const HEADER: usize = 12;
/// Timestamp units from packet to packet: 20 ms at 8 kHz.
const STEP: u32 = 160;

/// What all packets of a run have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) payload: usize,
    pub(crate) payload_type: u8,
    pub(crate) timestamp: Timestamp,
}

/// What the RTP timestamp of a packet is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timestamp {
    /// That of 20 ms packets.
    Voice,
    /// The packet's number in the order of sending, which a sink in the kernel counts by.
    Number { flows: u64, first_index: u64, first_ssrc: u32 },
}

impl Form {
    /// Bytes of a plain packet.
    pub(crate) fn length(self) -> usize {
        HEADER + self.payload
    }

    /// Writes a plain packet at the begin of `buffer`, which has room for it, and returns its length.
    pub(crate) fn write(self, buffer: &mut [u8], ssrc: u32, index: u64) -> usize {
        let length = self.length();
        let Some((header, payload)) =
            buffer.get_mut(..length).and_then(|packet| packet.split_first_chunk_mut::<HEADER>())
        else {
            return 0;
        };
        *header = self.header(ssrc, index);
        for (word, number) in payload.chunks_mut(8).zip(0..) {
            word.copy_from_slice(&word_of(ssrc, index, number)[..word.len()]);
        }
        length
    }

    /// Whether these bytes are that packet.
    pub(crate) fn is(self, packet: &[u8], ssrc: u32, index: u64) -> bool {
        let Some((header, payload)) = packet.split_first_chunk::<HEADER>() else { return false };
        let same = |(word, number): (&[u8], u64)| word == &word_of(ssrc, index, number)[..word.len()];
        packet.len() == self.length()
            && *header == self.header(ssrc, index)
            && payload.chunks(8).zip(0..).all(same)
    }

    fn header(self, ssrc: u32, index: u64) -> [u8; HEADER] {
        let [q0, q1] = (index as u16).to_be_bytes();
        let timestamp = match self.timestamp {
            Timestamp::Voice => (index as u32).wrapping_mul(STEP),
            Timestamp::Number { flows, first_index, first_ssrc } => {
                let flow = ssrc.wrapping_sub(first_ssrc);
                (index.wrapping_sub(first_index).wrapping_mul(flows) as u32).wrapping_add(flow)
            }
        };
        let [t0, t1, t2, t3] = timestamp.to_be_bytes();
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        [0x80, self.payload_type & 0x7f, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3]
    }
}

/// SSRC and sequence number of an RTP or SRTP packet.
pub(crate) fn identify(packet: &[u8]) -> Option<(u32, u16)> {
    let [first, second, q0, q1, _, _, _, _, s0, s1, s2, s3] = *packet.first_chunk::<HEADER>()?;
    if first >> 6 != 2 || culvert_wire::is_rtcp(second) {
        return None;
    }
    Some((u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([q0, q1])))
}

/// Eight bytes of a payload: no two packets have the same, nor two places in one.
fn word_of(ssrc: u32, index: u64, number: u64) -> [u8; 8] {
    let seed = (u64::from(ssrc) << 32 ^ index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    seed.wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95)).rotate_left(29).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_itself_and_no_other() {
        for payload in [1, 7, 8, 160, 161, 1400] {
            let form = Form { payload, payload_type: 96, timestamp: Timestamp::Voice };
            let mut buffer = [0xaa; 2048];
            let length = form.write(&mut buffer, 0xdead_beef, 65_537);
            assert_eq!(length, 12 + payload);
            assert_eq!(buffer[..12], [0x80, 96, 0, 1, 0, 0xa0, 0, 0xa0, 0xde, 0xad, 0xbe, 0xef]);
            assert!(buffer[length..].iter().all(|byte| *byte == 0xaa));
            assert_eq!(identify(&buffer[..length]), Some((0xdead_beef, 1)));
            let packet = &mut buffer[..length];
            assert!(form.is(packet, 0xdead_beef, 65_537));
            assert!(!form.is(packet, 0xdead_beef, 1) && !form.is(packet, 0xdead_bee0, 65_537));
            for place in 0..length {
                packet[place] ^= 1;
                assert!(!form.is(packet, 0xdead_beef, 65_537), "{place}");
                packet[place] ^= 1;
            }
            assert!(!form.is(&packet[..length - 1], 0xdead_beef, 65_537));
        }
    }

    #[test]
    fn numbers_follow_the_order_of_sending() {
        let timestamp = Timestamp::Number { flows: 3, first_index: 65_535, first_ssrc: u32::MAX };
        let form = Form { payload: 4, payload_type: 0, timestamp };
        let mut buffer = [0; 16];
        for number in 0..30u32 {
            let (flow, round) = (number % 3, u64::from(number / 3));
            form.write(&mut buffer, u32::MAX.wrapping_add(flow), 65_535 + round);
            assert_eq!(buffer[4..8], number.to_be_bytes());
        }
    }

    #[test]
    fn what_is_no_rtp_has_no_name() {
        assert_eq!(identify(&[0x80; 11]), None);
        assert_eq!(identify(&[0; 12]), None);
        let mut report = [0; 28];
        (report[0], report[1]) = (0x80, 200);
        assert_eq!(identify(&report), None);
    }
}
