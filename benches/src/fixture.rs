// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys and packets by number: the same in every run, and told apart by every field.

use culvert_secret::Secret;
use culvert_srtp::{KeyError, KeySet, MasterKey, Path, Suite};

/// Bytes of an RTP header without CSRCs.
pub const RTP_HEADER: usize = 12;
/// PCMU, 20 ms.
pub const VOICE_PAYLOAD: usize = 160;

/// Which side of the relay a key belongs to.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Leg {
    /// Packets arrive under it.
    A,
    /// Packets leave under it.
    B,
}

/// The key of a leg of flow `flow`, derived. No two are equal.
///
/// # Errors
/// None that a key of the right length could cause.
pub fn keys(suite: Suite, leg: Leg, flow: u32) -> Result<Secret<KeySet>, KeyError> {
    KeySet::new(suite, &[master_key(suite, leg, flow)?])
}

/// The same key for a path of our choice.
///
/// # Errors
/// None that a key of the right length could cause.
pub fn keys_on(path: Path, suite: Suite, leg: Leg, flow: u32) -> Result<Secret<KeySet>, KeyError> {
    KeySet::with_path(suite, &[master_key(suite, leg, flow)?], path)
}

/// The bytes of that key: the master key, and the salt behind it.
pub fn master_bytes(suite: Suite, leg: Leg, flow: u32) -> Vec<u8> {
    let mut random = SplitMix((u64::from(flow) << 1) | u64::from(leg == Leg::B));
    let mut bytes = [0; 64];
    random.fill(&mut bytes);
    bytes[..suite.key_length() + suite.salt_length()].to_vec()
}

fn master_key(suite: Suite, leg: Leg, flow: u32) -> Result<MasterKey, KeyError> {
    let bytes = master_bytes(suite, leg, flow);
    let (key, salt) = bytes.split_at(suite.key_length());
    MasterKey::new(suite, key, salt)
}

/// An RTP packet before protection.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Rtp {
    /// Synchronization source.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
}

impl Rtp {
    /// Writes header and payload to the start of `buffer` and says how many bytes they are; the payload follows from
    /// SSRC and timestamp.
    ///
    /// # Panics
    /// When the buffer is shorter than that.
    pub fn write(self, buffer: &mut [u8], payload_length: usize) -> usize {
        buffer[0] = 0x80;
        buffer[1] = 0;
        buffer[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        buffer[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        buffer[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let mut random = SplitMix((u64::from(self.ssrc) << 32) | u64::from(self.timestamp));
        random.fill(&mut buffer[RTP_HEADER..RTP_HEADER + payload_length]);
        RTP_HEADER + payload_length
    }
}

/// Steele, Lea and Flood's generator: one multiplication chain per word, and every seed is a good one.
#[derive(Clone, Debug)]
pub struct SplitMix(pub u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Brings them into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_depends_on_the_packet_and_repeats() {
        let rtp = Rtp { ssrc: 7, sequence: 1, timestamp: 9 };
        let mut buffers = [[0; 172]; 3];
        assert_eq!(rtp.write(&mut buffers[0], VOICE_PAYLOAD), 172);
        rtp.write(&mut buffers[1], VOICE_PAYLOAD);
        Rtp { timestamp: 10, ..rtp }.write(&mut buffers[2], VOICE_PAYLOAD);
        assert_eq!(buffers[0], buffers[1]);
        assert_ne!(buffers[0][RTP_HEADER..], buffers[2][RTP_HEADER..]);
        assert_eq!(&buffers[0][..RTP_HEADER], &[0x80, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7]);
    }
}
