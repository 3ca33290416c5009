// SPDX-License-Identifier: MIT OR Apache-2.0
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::aes_ni::AesNi;
use super::keystream::Keystream;
use super::schedule::{ROUND_KEYS, Rounds, Schedule, expand};
use crate::cipher::hmac::HmacKey;
use crate::session::Position;

/// The keys of AES in counter mode with HMAC-SHA1.
#[repr(C, align(64))]
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct CounterKey {
    hmac: HmacKey,
    round_keys: [[u8; 16]; ROUND_KEYS],
    salt: [u8; 14],
    #[zeroize(skip)]
    rounds: Rounds,
}

impl CounterKey {
    /// Expands a key of 16, 24 or 32 bytes.
    pub(crate) fn new(proof: AesNi, key: &[u8], hmac: HmacKey, salt: [u8; 14]) -> CounterKey {
        let mut round_keys = [[0; 16]; ROUND_KEYS];
        let rounds = expand(proof, key, &mut round_keys);
        let expanded = CounterKey { hmac, round_keys, salt, rounds };
        round_keys.zeroize();
        expanded
    }

    pub(crate) fn hmac(&self) -> &HmacKey {
        &self.hmac
    }

    /// The key stream of a packet.
    #[inline(always)]
    pub(crate) fn keystream(&self, position: Position) -> Keystream<'_> {
        let schedule = Schedule { keys: &self.round_keys, rounds: self.rounds };
        Keystream { schedule, counter: position.counter_block(&self.salt), first: 0 }
    }
}

#[cfg(test)]
mod tests {
    use crate::cipher::aes::PortableAes;
    use crate::cipher::counter_mode::counter;
    use crate::kernel::trial::{counter_mode, transform};
    use crate::session::Position;
    use crate::tests::harness::{machines, noise};

    /// The counter block of a packet is that of RFC 3711 section 4.1.1 wherever the packet stands.
    #[test]
    fn a_packet_has_its_own_key_stream() {
        let salt: [u8; 14] = noise(14, 3).try_into().unwrap();
        for (path, machine) in machines() {
            for length in [16, 24, 32] {
                let mut key = [0; 32];
                key[..length].copy_from_slice(&noise(length, 4));
                let keys = counter_mode(machine, &key[..length], salt);
                let portable = PortableAes::new(&key, length);
                for ssrc in [0, 1, 0x0102_0304, u32::MAX] {
                    for index in [0, 1, 0xffff, 0x1_0000, 0x1234_5678_9abc, (1 << 48) - 1] {
                        let (mut got, mut expected) = ([0; 33], [0; 33]);
                        portable.apply_keystream(&counter(&salt, ssrc, index), &mut expected);
                        let at = Some((&keys, Position { ssrc, index }));
                        transform(machine, at, None, &mut got, 0);
                        assert_eq!(got, expected, "{path} {length} {ssrc:#x} {index:#x}");
                    }
                }
            }
        }
    }
}
