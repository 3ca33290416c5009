// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::cipher::aes::PortableAes;
use crate::cipher::gcm::PortableGcm;
use crate::hex::hex;
use crate::kernel::Machine;
use crate::kernel::trial::{ORIGIN, counter_mode, gcm, gcm_tag, transform};
use crate::session::{Position, RtpKeys};
use crate::tests::harness::{machines, noise};

const LONGEST: usize = 1600;
const LONGEST_AAD: usize = 80;
/// What lies around a packet.
const AROUND: usize = 80;

/// The nonces of both keys, which are their salts.
fn nonce(n: usize) -> [u8; 12] {
    noise(12, 24 + n as u64).try_into().unwrap()
}

fn portable(key: &[u8]) -> PortableGcm {
    let mut padded = [0; 32];
    padded[..key.len()].copy_from_slice(key);
    PortableGcm::new(&padded, key.len())
}

const KEY: &str = "feffe9928665731c6d6a8f9467308308";
const NONCE: &str = "cafebabefacedbaddecaf888";
const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
                     1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const SEALED_128: &str = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
                          21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985";
const SEALED_256: &str = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
                          8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";

/// The test cases of McGrew and Viega that have a nonce of 96 bits: 1 to 4 and 13 to 16.
#[test]
fn gcm_specification_appendix_b() {
    let (zeros, twice) = ("00".repeat(16), KEY.repeat(2));
    for (case, key, nonce, aad, plain, sealed, length, tag) in [
        (1, &zeros[..], &zeros[..24], "", "", "", 0, "58e2fccefa7e3061367f1d57a4e7455a"),
        (
            2,
            &zeros,
            &zeros[..24],
            "",
            &zeros[..],
            "0388dace60b6a392f328c2b971b2fe78",
            16,
            "ab6e47d42cec13bdf53a67b21257bddf",
        ),
        (3, KEY, NONCE, "", PLAIN, SEALED_128, 64, "4d5c2af327cd64a62cf35abd2ba6fab4"),
        (4, KEY, NONCE, AAD, PLAIN, SEALED_128, 60, "5bc94fbc3221a5db94fae95ae7121a47"),
        (13, &zeros.repeat(2), &zeros[..24], "", "", "", 0, "530f8afbc74536b9a963b4f1c4cb738b"),
        (
            14,
            &zeros.repeat(2),
            &zeros[..24],
            "",
            &zeros,
            "cea7403d4d606b6e074ec5d3baf39d18",
            16,
            "d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (15, &twice, NONCE, "", PLAIN, SEALED_256, 64, "b094dac5d93471bdec1a502270e3cc6c"),
        (16, &twice, NONCE, AAD, PLAIN, SEALED_256, 60, "76fc6ece0f4e1768cddf8853bb2d551b"),
    ] {
        let (key, aad, tag) = (hex(key), hex(aad), hex(tag));
        let nonce: [u8; 12] = hex(nonce).try_into().unwrap();
        let packet = |payload: &str| [&aad[..], &hex(payload)[..length]].concat();
        for (path, machine) in machines() {
            let keys = gcm(machine, &key, nonce);
            let at = Some((&keys, ORIGIN));
            let mut bytes = packet(plain);
            let [_, got] = transform(machine, None, at, &mut bytes, aad.len());
            assert_eq!(got[..], tag, "{path} case {case}");
            assert_eq!(bytes, packet(sealed), "{path} case {case}");
            let got = gcm_tag(machine, &keys, &aad, &bytes[aad.len()..]);
            assert_eq!(got[..], tag, "{path} case {case}");
            let [got, _] = transform(machine, at, None, &mut bytes, aad.len());
            assert_eq!(got[..], tag, "{path} case {case}");
            assert_eq!(bytes, packet(plain), "{path} case {case}");
        }
    }
}

const POSITION: Position = Position { ssrc: 0x0102_0304, index: 0x0005_0607 };

/// The keys of one machine: two of GCM, one of counter mode.
struct Keys {
    machine: Machine,
    keys: [RtpKeys; 3],
}

fn keys(machine: Machine, lengths: [usize; 2]) -> Keys {
    let [one, two] = [0, 1].map(|n| gcm(machine, &noise(lengths[n], 20 + n as u64), nonce(n)));
    let third = counter_mode(machine, &noise(16, 22), noise(14, 23).try_into().unwrap());
    Keys { machine, keys: [one, two, third] }
}

/// All ways that lead from or to GCM, against the portable ciphers one after the other.
struct Ways {
    gcm: [PortableGcm; 2],
    nonces: [[u8; 12]; 2],
    /// The three key streams.
    streams: [Vec<u8>; 3],
    memory: Vec<u8>,
}

impl Ways {
    fn new(lengths: [usize; 2]) -> Ways {
        let gcm = [0, 1].map(|n| portable(&noise(lengths[n], 20 + n as u64)));
        let nonces = [nonce(0), nonce(1)];
        let mut streams = [vec![0; LONGEST], vec![0; LONGEST], vec![0; LONGEST]];
        gcm[0].apply_keystream(&nonces[0], &mut streams[0]);
        gcm[1].apply_keystream(&nonces[1], &mut streams[1]);
        let salt = noise(14, 23).try_into().unwrap();
        let counter = crate::cipher::counter_mode::counter(&salt, POSITION.ssrc, POSITION.index);
        let mut key = [0; 32];
        key[..16].copy_from_slice(&noise(16, 22));
        PortableAes::new(&key, 16).apply_keystream(&counter, &mut streams[2]);
        Ways { gcm, nonces, streams, memory: noise(AROUND + LONGEST_AAD + LONGEST + AROUND, 26) }
    }

    /// Holds the ways `ways`, each a pair of streams, or of none, against the portable ciphers.
    fn check(&self, keys: &[Keys], aad: usize, length: usize, ways: &[[Option<usize>; 2]]) {
        let (start, end) = (AROUND + aad, AROUND + aad + length);
        for way in ways {
            let mut expected = self.memory.clone();
            for stream in way.iter().flatten() {
                for (byte, stream) in expected[start..end].iter_mut().zip(&self.streams[*stream]) {
                    *byte ^= stream;
                }
            }
            let tag = |side: Option<usize>, memory: &[u8]| match side {
                Some(n @ (0 | 1)) => {
                    self.gcm[n].tag(&self.nonces[n], &memory[AROUND..start], &memory[start..end])
                }
                _ => [0; 16],
            };
            let tags = [tag(way[0], &self.memory), tag(way[1], &expected)];
            for Keys { machine, keys } in keys {
                let [from, to] =
                    way.map(|key| key.map(|n| (&keys[n], if n == 2 { POSITION } else { ORIGIN })));
                let mut memory = self.memory.clone();
                let got = transform(*machine, from, to, &mut memory[AROUND..end], aad);
                assert_eq!(got, tags, "{machine:?} {way:?}: {aad} and {length} bytes");
                assert!(memory == expected, "{machine:?} {way:?}: {aad} and {length} bytes");
            }
        }
    }
}

const TO_CLEAR: &[[Option<usize>; 2]] = &[[Some(0), None]];
const EVERY_WAY: &[[Option<usize>; 2]] =
    &[[Some(0), None], [None, Some(1)], [Some(0), Some(1)], [Some(0), Some(2)], [Some(2), Some(1)]];

/// Every length of payload with every length of header, on the way that most packets begin.
#[test]
fn every_length_is_that_of_the_portable_ciphers() {
    let ways = Ways::new([16, 32]);
    let keys: Vec<Keys> = machines().map(|(_, machine)| keys(machine, [16, 32])).collect();
    for aad in 0..=LONGEST_AAD {
        for length in 0..=LONGEST {
            ways.check(&keys, aad, length, TO_CLEAR);
        }
    }
}

#[test]
fn every_way_is_that_of_the_portable_ciphers() {
    for lengths in [[16, 16], [32, 16], [16, 32], [32, 32]] {
        let ways = Ways::new(lengths);
        let keys: Vec<Keys> = machines().map(|(_, machine)| keys(machine, lengths)).collect();
        for length in 0..=LONGEST {
            for aad in [12, 16, 20, length % (LONGEST_AAD + 1)] {
                ways.check(&keys, aad, length, EVERY_WAY);
            }
        }
    }
}
