// SPDX-License-Identifier: MIT OR Apache-2.0
//! Less than a block, moved in two overlapping words. Moved byte by byte, it would wait in the store buffer for the whole
//! block that is read next.

/// Up to 15 bytes, little endian, zeros behind.
#[inline(always)]
pub(crate) fn read(bytes: &[u8]) -> u128 {
    let behind = |width: usize| 8 * (bytes.len() - width);
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << behind(8)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << behind(4)
    } else {
        bytes.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte))
    }
}

/// Xors the first bytes of `stream`, little endian, into up to 15 bytes.
#[inline(always)]
pub(crate) fn xor(bytes: &mut [u8], stream: u128) {
    let mixed = read(bytes) ^ stream;
    let length = bytes.len();
    if length >= 8 {
        if let Some(first) = bytes.first_chunk_mut() {
            *first = (mixed as u64).to_le_bytes();
        }
        if let Some(last) = bytes.last_chunk_mut() {
            *last = ((mixed >> (8 * (length - 8))) as u64).to_le_bytes();
        }
    } else if length >= 4 {
        if let Some(first) = bytes.first_chunk_mut() {
            *first = (mixed as u32).to_le_bytes();
        }
        if let Some(last) = bytes.last_chunk_mut() {
            *last = ((mixed >> (8 * (length - 4))) as u32).to_le_bytes();
        }
    } else {
        for (byte, mixed) in bytes.iter_mut().zip(mixed.to_le_bytes()) {
            *byte = mixed;
        }
    }
}

/// The first bytes of `value`, little endian, as up to 15 bytes.
#[inline(always)]
pub(crate) fn write(bytes: &mut [u8], value: u128) {
    bytes.fill(0);
    xor(bytes, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::harness::noise;

    #[test]
    fn every_length() {
        for length in 0..16 {
            let bytes = noise(16, 1);
            let all = u128::from_le_bytes(bytes[..].try_into().unwrap());
            let kept = all & ((1 << (8 * length)) - 1);
            assert_eq!(read(&bytes[..length]), kept, "{length} bytes");

            for (name, expected) in
                [("write", kept), ("xor", kept ^ 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)]
            {
                // What is behind the end is neither read nor written.
                let mut memory = [0x5a; 48];
                memory[16..16 + length]
                    .copy_from_slice(&0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128.to_le_bytes()[..length]);
                match name {
                    "write" => write(&mut memory[16..16 + length], all),
                    _ => xor(&mut memory[16..16 + length], all),
                }
                assert_eq!(
                    memory[16..16 + length],
                    expected.to_le_bytes()[..length],
                    "{name} {length} bytes"
                );
                assert_eq!(memory[..16], [0x5a; 16], "{name} {length} bytes");
                assert_eq!(memory[16 + length..], [0x5a; 32][..32 - length], "{name} {length} bytes");
            }
        }
    }
}
