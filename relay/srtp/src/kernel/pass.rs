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
        (
            RtpKeys::Null(_)
            | RtpKeys::PortableCounterMode(..)
            | RtpKeys::PortableGcm(..)
            | RtpKeys::Module(_),
            _,
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::trial::{At, ORIGIN, counter_mode, gcm, transform};
    use crate::tests::harness::{machines, noise};

    /// From each side to each other and back again: the packet is as it was, and both tags are the same from either end.
    #[test]
    fn every_way_leads_back() {
        for (path, machine) in machines() {
            let [one, two] = [1, 2].map(|seed| counter_mode(machine, &noise(16, seed), [seed as u8; 14]));
            let [three, four] = [3, 4].map(|seed| gcm(machine, &noise(32, seed), [seed as u8; 12]));
            let from: [Option<At<'_>>; 3] = [None, Some((&one, ORIGIN)), Some((&three, ORIGIN))];
            let to: [Option<At<'_>>; 3] = [None, Some((&two, ORIGIN)), Some((&four, ORIGIN))];
            for (way, (from, to)) in from.iter().flat_map(|from| to.map(|to| (*from, to))).enumerate() {
                for length in 0..200 {
                    let plain = noise(12 + length * 7, length as u64);
                    let mut packet = plain.clone();
                    let there = transform(machine, from, to, &mut packet, 12);
                    assert_eq!(packet[..12], plain[..12], "{path} way {way}");
                    let [last, first] = transform(machine, to, from, &mut packet, 12);
                    assert_eq!(there, [first, last], "{path} way {way}");
                    assert!(packet == plain, "{path} way {way}");
                }
            }
        }
    }

    /// One key stream alone is the way to plain text.
    #[test]
    fn one_key_stream_alone() {
        for (path, machine) in machines() {
            let keys = [counter_mode(machine, &noise(24, 1), [5; 14]), gcm(machine, &noise(32, 2), [6; 12])];
            for key in &keys {
                for length in 0..=1600 {
                    let mut packet = noise(length + 64, 3);
                    let mut payload = packet.clone();
                    transform(machine, Some((key, ORIGIN)), None, &mut packet[..length], 0);
                    machine.xor((key, ORIGIN), &mut payload[..length]);
                    assert!(payload == packet, "{path} {length} bytes");
                }
            }
        }
    }
}
