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
