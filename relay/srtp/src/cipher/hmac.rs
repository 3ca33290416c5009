// SPDX-License-Identifier: MIT OR Apache-2.0
use sha1::block_api::compress;
use zeroize::{Zeroize, ZeroizeOnDrop};

const BLOCK: usize = 64;
const STATE: usize = 20;
const INITIAL: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// An HMAC-SHA1 key (RFC 2104) as the two states of SHA-1 after its inner and its outer pad, big-endian like the words of a
/// block, and in the size of one: kernels load keys as they load messages.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct HmacKey([u8; BLOCK]);

impl HmacKey {
    pub(crate) fn new(key: &[u8; 20]) -> HmacKey {
        let mut states = HmacKey([0; BLOCK]);
        for (state, pad) in states.0.chunks_exact_mut(STATE).zip([0x36, 0x5c]) {
            let mut block = [pad; BLOCK];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut words = INITIAL;
            compress(&mut words, &[block]);
            write(&words, state);
            block.zeroize();
            words.zeroize();
        }
        states
    }

    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "for the kernels, which are not for this processor")
    )]
    pub(crate) fn as_bytes(&self) -> &[u8; BLOCK] {
        &self.0
    }

    fn state(&self, number: usize) -> [u32; 5] {
        let bytes = &self.0[number * STATE..];
        let mut words = [0; 5];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        words
    }

    /// HMAC of `message` followed by `suffix`.
    pub(crate) fn tag<const S: usize>(&self, message: &[u8], suffix: [u8; S]) -> [u8; 20] {
        const { assert!(S + 9 <= BLOCK) };
        let mut state = self.state(0);
        let (blocks, rest) = message.as_chunks::<BLOCK>();
        compress(&mut state, blocks);

        let mut last = [0; 2 * BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        last[rest.len()..rest.len() + S].copy_from_slice(&suffix);
        let length = BLOCK + message.len() + S;
        pad(&mut state, &mut last, rest.len() + S, length);

        let mut digest = [0; 2 * BLOCK];
        write(&state, &mut digest);
        let mut state = self.state(1);
        pad(&mut state, &mut digest, 20, BLOCK + 20);
        let mut tag = [0; 20];
        write(&state, &mut tag);
        tag
    }
}

/// Ends the hash: `used` bytes of `last` are message, `length` bytes were hashed in all.
fn pad(state: &mut [u32; 5], last: &mut [u8; 2 * BLOCK], used: usize, length: usize) {
    last[used] = 0x80;
    let (blocks, _) = last.as_chunks_mut::<BLOCK>();
    let count = if used + 9 <= BLOCK { 1 } else { 2 };
    blocks[count - 1][BLOCK - 8..].copy_from_slice(&(8 * length as u64).to_be_bytes());
    compress(state, &blocks[..count]);
}

fn write(state: &[u32; 5], bytes: &mut [u8]) {
    for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *chunk = word.to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    #[test]
    fn rfc_2202_test_cases_with_20_byte_keys() {
        let key = HmacKey::new(&[0x0b; 20]);
        assert_eq!(key.tag(b"Hi There", [])[..], hex("b617318655057264e28bc0b6fb378c8ef146be00"));
        let key = HmacKey::new(&[0xaa; 20]);
        assert_eq!(key.tag(&[0xdd; 50], [])[..], hex("125d7342b9ac11cd91a39af48aa17b4f63f175d3"));
        let key = HmacKey::new(&[0x0c; 20]);
        assert_eq!(key.tag(b"Test With Truncation", [])[..], hex("4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"));
    }

    #[test]
    fn a_suffix_is_the_end_of_the_message() {
        let key = HmacKey::new(&[7; 20]);
        let message: Vec<u8> = (0..=255).collect();
        for length in 4..message.len() {
            let (start, end) = message[..length].split_at(length - 4);
            assert_eq!(
                key.tag::<4>(start, end.try_into().unwrap()),
                key.tag(&message[..length], []),
                "{length} bytes"
            );
        }
    }
}
