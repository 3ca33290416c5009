// SPDX-License-Identifier: MIT OR Apache-2.0
use super::keystream::{self, Keystream};
use super::vector::Vector;
use super::work::At;
use super::{Work, gcm};
use crate::session::RtpKeys;

/// Takes a packet from key to key, in one pass over its payload.
#[inline(always)]
pub(crate) fn work<V: Vector<N>, const N: usize>(proof: V::Proof, work: &mut Work<'_, '_>) {
    let (header, payload) = work.packet.split_at_mut(work.header.min(work.packet.len()));
    match (work.from, work.to) {
        (Some((RtpKeys::CounterMode(from), at)), Some((RtpKeys::CounterMode(to), there))) => {
            keystream::apply::<V, N, _>(proof, &[from.keystream(at), to.keystream(there)], payload);
        }
        (Some((RtpKeys::Gcm(from), at)), Some((RtpKeys::Gcm(to), there))) => {
            [work.tag_from, work.tag_to] =
                gcm::rekey::<V, N>(proof, (from, at), (to, there), header, payload);
        }
        (Some((RtpKeys::Gcm(from), at)), to) => {
            work.tag_from = gcm::open::<V, N>(proof, (from, at), stream(to), header, payload);
        }
        (from, Some((RtpKeys::Gcm(to), there))) => {
            work.tag_to = gcm::seal::<V, N>(proof, stream(from), (to, there), header, payload);
        }
        (from, to) => {
            if let Some(stream) = stream(from).or(stream(to)) {
                keystream::apply::<V, N, _>(proof, &[stream], payload);
            }
        }
    }
}

/// Xors one key stream into a payload.
#[inline(always)]
pub(crate) fn xor<V: Vector<N>, const N: usize>(proof: V::Proof, at: At<'_>, payload: &mut [u8]) {
    if let Some(stream) = stream(Some(at)) {
        keystream::apply::<V, N, _>(proof, &[stream], payload);
    }
}

/// `None` where nothing is encrypted.
#[inline(always)]
fn stream(at: Option<At<'_>>) -> Option<Keystream<'_>> {
    match at? {
        (RtpKeys::CounterMode(key), at) => Some(key.keystream(at)),
        (RtpKeys::Gcm(key), at) => Some(key.keystream(at)),
        (RtpKeys::Null(_) | RtpKeys::PortableCounterMode(..) | RtpKeys::PortableGcm(..), _) => None,
    }
}
