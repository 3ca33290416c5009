// SPDX-License-Identifier: MIT OR Apache-2.0
use sha1::Digest;
use sha1::block_api::compress;

use super::{BATCH, Compress};
use crate::cipher::hmac::HmacKey;
use crate::hex::hex;
use crate::kernel::{Machine, Message};
use crate::tests::harness::{machines, noise};

/// The tags of messages, each with its key and what follows it.
fn tags(machine: Machine, messages: &[(&HmacKey, &[u8], u32)]) -> Vec<[u8; 20]> {
    let messages: Vec<_> = messages
        .iter()
        .map(|(key, bytes, roll_over_counter)| Message { key, bytes, roll_over_counter: *roll_over_counter })
        .collect();
    let mut tags = [[0xee; 20]; BATCH];
    machine.tags(&messages, &mut tags);
    assert!(tags[messages.len()..].iter().all(|tag| *tag == [0xee; 20]), "a tag of no message");
    tags[..messages.len()].to_vec()
}

fn expected(messages: &[(&HmacKey, &[u8], u32)]) -> Vec<[u8; 20]> {
    messages.iter().map(|(key, bytes, counter)| key.tag(bytes, counter.to_be_bytes())).collect()
}

/// A key of up to 64 bytes is filled with zeros, a longer one is hashed (RFC 2104 section 2): so any becomes one of 20.
fn key(bytes: &[u8]) -> HmacKey {
    let mut padded = [0; 20];
    match bytes.len() {
        0..=20 => padded[..bytes.len()].copy_from_slice(bytes),
        _ => padded.copy_from_slice(&sha1::Sha1::digest(bytes)),
    }
    HmacKey::new(&padded)
}

/// The test cases of RFC 2202 section 3 but the fourth, whose key is of 25 bytes. The last four bytes of each are what
/// SRTP has behind the packet. All are hashed together, in every number.
#[test]
fn rfc_2202() {
    let cases: [(HmacKey, &[u8], &str); 6] = [
        (key(&[0x0b; 20]), b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
        (key(b"Jefe"), b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (key(&[0xaa; 20]), &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
        (key(&[0x0c; 20]), b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
        (
            key(&[0xaa; 80]),
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        ),
        (
            key(&[0xaa; 80]),
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
            "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
        ),
    ];
    for (path, machine) in machines() {
        for count in 1..=BATCH {
            let chosen = || cases.iter().cycle().take(count);
            let messages: Vec<_> = chosen()
                .map(|(key, data, _)| {
                    let (bytes, suffix) = data.split_last_chunk().unwrap();
                    (key, bytes, u32::from_be_bytes(*suffix))
                })
                .collect();
            let wanted: Vec<_> =
                chosen().map(|(_, _, tag)| <[u8; 20]>::try_from(hex(tag)).unwrap()).collect();
            assert_eq!(tags(machine, &messages), wanted, "{path} {count} messages");
        }
    }
}

fn hmac_keys() -> Vec<HmacKey> {
    (0..BATCH as u64).map(|n| HmacKey::new(&noise(20, n).try_into().unwrap())).collect()
}

#[test]
fn every_length_alone_and_beside_others() {
    let (keys, bytes) = (hmac_keys(), noise(2000, 100));
    for (path, machine) in machines() {
        for length in 0..=bytes.len() {
            let message = (&keys[length % BATCH], &bytes[..length], length as u32 * 0x0101);
            // Beside others of one block, so that all but the longest have to wait.
            let mut many = vec![(&keys[1], &bytes[..7], 1); 8];
            many.insert(length % 9, message);
            assert_eq!(tags(machine, &[message]), expected(&[message]), "{path} {length} bytes");
            assert_eq!(tags(machine, &many), expected(&many), "{path} {length} bytes among others");
        }
    }
}

/// Every number of messages, of lengths alike, in order, in reverse, and as they come.
#[test]
fn every_number_of_messages() {
    let (keys, bytes, random) = (hmac_keys(), noise(2000, 100), noise(4096, 101));
    let lengths: [&dyn Fn(usize) -> usize; 6] = [
        &|_| 172,
        &|n| 31 * n,
        &|n| 31 * (BATCH - 1 - n),
        &|n| if n % 5 == 0 { 1400 } else { 43 },
        &|n| 45 + n,
        &|n| 7 * usize::from(random[n]) + usize::from(random[n + 64] & 15),
    ];
    for (path, machine) in machines() {
        for count in 1..=BATCH {
            for (kind, length) in lengths.iter().enumerate() {
                let messages: Vec<_> = (0..count)
                    .map(|n| (&keys[n], &bytes[n % 3..][..length(n)], 0x1234_5678_u32.wrapping_mul(n as u32)))
                    .collect();
                assert_eq!(tags(machine, &messages), expected(&messages), "{path} {count} messages, {kind}");
            }
        }
    }
}

/// Random batches of up to 64 messages.
#[test]
fn batches_as_they_come() {
    let (keys, bytes) = (hmac_keys(), noise(2200, 102));
    let draws = noise(40_000, 103);
    let mut draws = draws.as_chunks().0.iter().map(|draw| usize::from(u16::from_le_bytes(*draw)));
    for round in 0..200 {
        let count = 1 + draws.next().unwrap() % BATCH;
        let longest = [100, 200, 600, 2000][round % 4];
        let messages: Vec<_> = (0..count)
            .map(|n| {
                let draw = draws.next().unwrap();
                (&keys[draw % BATCH], &bytes[draw % 97..][..draw % longest], (draw * n) as u32)
            })
            .collect();
        for (path, machine) in machines() {
            assert_eq!(tags(machine, &messages), expected(&messages), "{path} round {round}");
        }
    }
}

/// Holds each step of a way to hash blocks side by side against the `sha1` crate.
pub(in crate::kernel) fn steps<const T: usize, C: Compress<T>>(hash: C) {
    let blocks = |seed: u64| -> [[u8; 64]; T] {
        core::array::from_fn(|n| noise(64, seed + n as u64).try_into().unwrap())
    };
    let words = |bytes: &[u8]| -> [u32; 5] {
        core::array::from_fn(|n| u32::from_be_bytes(bytes[4 * n..4 * n + 4].try_into().unwrap()))
    };
    let mut scratch = hash.scratch();
    let keys = blocks(1);
    let [mut inner, mut outer] = hash.start(&keys.each_ref());
    let (mut wanted, mut wanted_outer) = (keys.map(|key| words(&key)), keys.map(|key| words(&key[20..])));
    assert_eq!(hash.words(&inner), wanted);
    assert_eq!(hash.words(&outer), wanted_outer);

    for round in 0..3 {
        let message = blocks(1000 + 100 * round);
        hash.load(&mut scratch, &message.each_ref());
        hash.rounds(&mut scratch, &mut inner);
        for (wanted, block) in wanted.iter_mut().zip(message) {
            compress(wanted, &[block]);
        }
        assert_eq!(hash.words(&inner), wanted, "round {round}");
    }

    hash.load_digests(&mut scratch, &inner);
    hash.rounds(&mut scratch, &mut outer);
    for (outer, digest) in wanted_outer.iter_mut().zip(wanted) {
        let mut block = [0; 64];
        for (bytes, word) in block.as_chunks_mut().0.iter_mut().zip(digest) {
            *bytes = word.to_be_bytes();
        }
        block[20] = 0x80;
        block[62..].copy_from_slice(&672_u16.to_be_bytes());
        compress(outer, &[block]);
    }
    assert_eq!(hash.words(&outer), wanted_outer);

    for mask in [0, 1, 1 << (T - 1), u64::MAX, 0x5555_5555_5555_5555, 0xdead_beef_1234_5678] {
        let selected = hash.words(&hash.select(mask, inner, outer));
        for (lane, selected) in selected.into_iter().enumerate() {
            let from = if mask >> lane & 1 == 1 { wanted } else { wanted_outer };
            assert_eq!(selected, from[lane], "lane {lane} of {mask:#x}");
        }
    }
}
