// SPDX-License-Identifier: MIT OR Apache-2.0
use super::keystream::Keystream;
use super::vector::Vector;
use super::{Side, Work, gcm, keystream};

/// Takes a packet from key to key, in one pass over its payload.
#[inline(always)]
pub(crate) fn work<V: Vector<N>, const N: usize>(proof: V::Proof, work: &mut Work<'_, '_>) {
    let (header, payload) = work.packet.split_at_mut(work.header.min(work.packet.len()));
    match (work.from, work.to) {
        (Side::Gcm(from, at), Side::Gcm(to, there)) => {
            [work.tag_from, work.tag_to] = gcm::rekey::<V, N>(proof, (from, at), (to, there), header, payload);
        }
        (Side::Gcm(from, at), to) => {
            work.tag_from = gcm::open::<V, N>(proof, (from, at), stream(to), header, payload);
        }
        (from, Side::Gcm(to, there)) => {
            work.tag_to = gcm::seal::<V, N>(proof, stream(from), (to, there), header, payload);
        }
        (from, to) => match (stream(from), stream(to)) {
            (Some(one), Some(two)) => keystream::apply::<V, N, _>(proof, &[one, two], payload),
            (Some(one), None) | (None, Some(one)) => keystream::apply::<V, N, _>(proof, &[one], payload),
            (None, None) => {}
        },
    }
}

#[inline(always)]
fn stream(side: Side<'_>) -> Option<Keystream<'_>> {
    match side {
        Side::Clear => None,
        Side::CounterMode(key, counter) => Some(key.keystream(counter)),
        Side::Gcm(key, counter) | Side::GcmStream(key, counter) => Some(key.keystream(counter)),
    }
}
