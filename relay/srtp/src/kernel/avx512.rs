// SPDX-License-Identifier: MIT OR Apache-2.0
//! The path of processors with AVX-512: four blocks to a vector, a message in each of 32 lanes.

use super::aes_ni::{AesNi, few};
use super::lanes::words16::Words16;
use super::pass;
use super::sha1::{Batch, Compress};
use super::sha1_lanes::ByLanes;
use super::vector::zmm::Zmm;
use super::{At, Message, Work};

/// From so many messages on, 16 lanes are faster than four messages interleaved at a time, however many lanes stay empty.
const LANES_FROM: usize = 7;

/// Proof that the processor has AVX-512 with VAES and VPCLMULQDQ.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Avx512(AesNi);

impl Avx512 {
    pub(crate) fn detect() -> Option<Avx512> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("bmi2");
        AesNi::detect().filter(|_| found).map(Avx512)
    }

    /// The processor has the instructions for one block, too.
    #[inline(always)]
    pub(crate) const fn aes_ni(self) -> AesNi {
        self.0
    }

    /// The tags of up to 64 messages.
    pub(crate) fn tags(self, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
        // SAFETY: `self` is the proof that the processor has the features that the functions enable, here and below.
        unsafe {
            if messages.len() < LANES_FROM {
                hash_few(self, messages, tags);
            } else {
                hash_many(self, messages, tags);
            }
        }
    }

    /// Does the work.
    pub(crate) fn transform(self, job: &mut Work<'_, '_>) {
        // SAFETY: as above.
        unsafe { transform(self, job) }
    }

    /// Xors one key stream into a payload.
    pub(crate) fn xor(self, at: At<'_>, payload: &mut [u8]) {
        // SAFETY: as above.
        unsafe { xor(self, at, payload) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,aes,pclmulqdq,sha,bmi2")]
fn hash_few(proof: Avx512, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
    let mut batch = Batch::new();
    batch.fill(messages);
    few(proof.0, &batch, batch.order(), tags);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,aes,pclmulqdq,sha,bmi2")]
fn hash_many(proof: Avx512, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
    let one = ByLanes::<Words16, 16, 1>(proof);
    let two = ByLanes::<Words16, 16, 2>(proof);
    let mut scratch = Compress::<32>::scratch(two);
    let mut batch = Batch::new();
    batch.fill(messages);
    for group in batch.order().chunks(32) {
        if group.len() > 16 {
            batch.tag::<32, _>(two, &mut scratch, group, tags);
        } else if group.len() >= LANES_FROM {
            batch.tag::<16, _>(one, &mut Compress::<16>::scratch(one), group, tags);
        } else {
            few(proof.0, &batch, group, tags);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,aes,pclmulqdq,sha,bmi2")]
fn transform(proof: Avx512, job: &mut Work<'_, '_>) {
    pass::work::<Zmm, 64>(proof, job);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,aes,pclmulqdq,sha,bmi2")]
fn xor(proof: Avx512, at: At<'_>, payload: &mut [u8]) {
    pass::xor::<Zmm, 64>(proof, at, payload);
}
