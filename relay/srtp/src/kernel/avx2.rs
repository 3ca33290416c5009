// SPDX-License-Identifier: MIT OR Apache-2.0
//! The path of processors that have AES and carry-less multiplication in vectors of 256 bits, but no AVX-512: two blocks to
//! a vector, four messages interleaved.

use super::aes_ni::{AesNi, few};
use super::pass;
use super::sha1::Batch;
use super::vector::ymm::Ymm;
use super::{At, Message, Work};

/// Proof that the processor has AVX2, VAES and VPCLMULQDQ.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Avx2(AesNi);

impl Avx2 {
    pub(crate) fn detect() -> Option<Avx2> {
        let found = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq");
        AesNi::detect().filter(|_| found).map(Avx2)
    }

    /// The processor has the instructions for one block, too.
    #[inline(always)]
    pub(crate) const fn aes_ni(self) -> AesNi {
        self.0
    }

    /// The tags of up to 64 messages.
    pub(crate) fn tags(self, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
        // SAFETY: `self` is the proof that the processor has the features that the function enables, here and below.
        unsafe { hash(self, messages, tags) }
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

#[target_feature(enable = "avx2,vaes,vpclmulqdq,aes,pclmulqdq,sha")]
fn hash(proof: Avx2, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
    let mut batch = Batch::new();
    batch.fill(messages);
    few(proof.0, &batch, batch.order(), tags);
}

#[target_feature(enable = "avx2,vaes,vpclmulqdq,aes,pclmulqdq,sha")]
fn transform(proof: Avx2, job: &mut Work<'_, '_>) {
    pass::work::<Ymm, 32>(proof, job);
}

#[target_feature(enable = "avx2,vaes,vpclmulqdq,aes,pclmulqdq,sha")]
fn xor(proof: Avx2, at: At<'_>, payload: &mut [u8]) {
    pass::xor::<Ymm, 32>(proof, at, payload);
}
