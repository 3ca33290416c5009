// SPDX-License-Identifier: MIT OR Apache-2.0
use super::vector::Vector;
use super::{Side, Work, gcm, keystream};

/// Takes a packet from key to key, in one pass over its payload.
#[inline(always)]
pub(crate) fn work<V: Vector<N>, const N: usize>(proof: V::Proof, work: &mut Work<'_, '_>) {
    let (header, payload) = work.packet.split_at_mut(work.header.min(work.packet.len()));
    match (work.from, work.to) {
        (Side::Clear, Side::Clear) => {}
        (Side::CounterMode(one), Side::CounterMode(two)) => keystream::apply::<V, N, _>(proof, &[one, two], payload),
        (Side::CounterMode(one), Side::Clear) | (Side::Clear, Side::CounterMode(one)) => {
            keystream::apply::<V, N, _>(proof, &[one], payload);
        }
        (Side::Gcm(from), Side::Gcm(to)) => {
            [work.tag_from, work.tag_to] = gcm::rekey::<V, N>(proof, from, to, header, payload);
        }
        (Side::Gcm(from), Side::CounterMode(to)) => {
            work.tag_from = gcm::open::<V, N>(proof, from, Some(to), header, payload);
        }
        (Side::Gcm(from), Side::Clear) => work.tag_from = gcm::open::<V, N>(proof, from, None, header, payload),
        (Side::CounterMode(from), Side::Gcm(to)) => {
            work.tag_to = gcm::seal::<V, N>(proof, Some(from), to, header, payload);
        }
        (Side::Clear, Side::Gcm(to)) => work.tag_to = gcm::seal::<V, N>(proof, None, to, header, payload),
    }
}
