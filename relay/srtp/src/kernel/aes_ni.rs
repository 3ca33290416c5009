// SPDX-License-Identifier: MIT OR Apache-2.0
//! The path of processors with AES-NI, PCLMULQDQ and SHA-NI: one block to a vector, four messages interleaved.

use super::pass;
use super::sha1::{Batch, Compress};
use super::sha1_ni::Interleaved;
use super::vector::xmm::Xmm;
use super::{At, Message, Work};
use super::{GcmKey, gcm};
use crate::session::Position;

/// Proof that the processor has AES-NI, PCLMULQDQ and SHA-NI, and AVX, whose three-operand forms save moves.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct AesNi(());

impl AesNi {
    pub(crate) fn detect() -> Option<AesNi> {
        let found = is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("avx");
        found.then_some(AesNi(()))
    }

    /// The tags of up to 64 messages.
    pub(crate) fn tags(self, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
        // SAFETY: `self` is the proof that the processor has the features that the function enables, here and below.
        unsafe { hash(self, messages, tags) }
    }

    /// The tag of a payload, which is left as it is.
    pub(crate) fn gcm_tag(self, key: &GcmKey, position: Position, aad: &[u8], payload: &[u8]) -> [u8; 16] {
        // SAFETY: as above.
        unsafe { gcm_tag(self, key, position, aad, payload) }
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

#[target_feature(enable = "aes,pclmulqdq,sha,avx")]
fn hash(proof: AesNi, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
    let mut batch = Batch::new();
    batch.fill(messages);
    few(proof, &batch, batch.order(), tags);
}

#[target_feature(enable = "aes,pclmulqdq,avx")]
fn gcm_tag(proof: AesNi, key: &GcmKey, position: Position, aad: &[u8], payload: &[u8]) -> [u8; 16] {
    gcm::tag(proof, (key, position), aad, payload)
}

#[target_feature(enable = "aes,pclmulqdq,sha,avx")]
fn transform(proof: AesNi, job: &mut Work<'_, '_>) {
    pass::work::<Xmm, 16>(proof, job);
}

/// Tags the messages of a part of the order four at a time.
#[inline(always)]
pub(super) fn few(proof: AesNi, batch: &Batch<'_>, order: &[u8], tags: &mut [[u8; 20]]) {
    for group in order.chunks(4) {
        match group.len() {
            1 => alone::<1>(Interleaved(proof), batch, group, tags),
            2 => alone::<2>(Interleaved(proof), batch, group, tags),
            _ => alone::<4>(Interleaved(proof), batch, group, tags),
        }
    }
}

#[inline(always)]
fn alone<const T: usize>(compress: Interleaved<T>, batch: &Batch<'_>, group: &[u8], tags: &mut [[u8; 20]]) {
    batch.tag(compress, &mut Compress::<T>::scratch(compress), group, tags);
}

#[target_feature(enable = "aes,pclmulqdq,sha,avx")]
fn xor(proof: AesNi, at: At<'_>, payload: &mut [u8]) {
    pass::xor::<Xmm, 16>(proof, at, payload);
}
