// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fills the pool with media and junk in turn.

use culvert_traffic::Pool;

use crate::junk::kind::Kind;
use crate::streams::{Load, packet};
use crate::wire::error::WireError;
use crate::wire::load::{HEADERS, SUITE, frame_length, headers};
use crate::wire::topology::{Endpoints, Macs};
use culvert_wire::emit;

/// Room for a frame.
const ROOM: usize = 256;

/// Writes distinct packets of media of `calls` calls into the pool, each followed by `ratio` of junk made from it. The sink knows
/// media by its number among media, so that its places and those of the pool are not the same.
///
/// # Errors
/// When the suite refuses a key.
///
/// # Panics
/// When a packet cannot be made: the bench would measure something else.
pub fn fill(pool: &mut Pool, ratio: u32, calls: u32, macs: Macs) -> Result<(), WireError> {
    let length = frame_length(Some(SUITE));
    fill_places(pool.places_mut(length), length, ratio, calls, macs)
}

fn fill_places<'p>(
    mut places: impl Iterator<Item = &'p mut [u8]>,
    length: usize,
    ratio: u32,
    calls: u32,
    macs: Macs,
) -> Result<(), WireError> {
    let mut load = Load::new(Some(SUITE), calls, crate::fixture::VOICE_PAYLOAD)?;
    // The last packet of each call.
    let mut last: Vec<Option<[u8; ROOM]>> = vec![None; calls as usize];
    let mut batch = vec![[0; ROOM]; 4096];
    let mut number = 0;
    loop {
        let payload = load.fill(&mut batch, HEADERS);
        assert_eq!(HEADERS + payload, length);
        for media in &mut batch {
            let Some(place) = places.next() else { return Ok(()) };
            let (call, _) = packet(number, calls);
            number += 1;
            let endpoints = Endpoints::of(call);
            let (head, rest) = media.split_at_mut(HEADERS);
            assert_eq!(emit::write(head, &headers(endpoints, macs), &rest[..payload]), Ok(()));
            place[..length].copy_from_slice(&media[..length]);
            let before = last[call as usize].replace(*media).unwrap_or(*media);
            for (position, place) in (0..ratio).zip(places.by_ref()) {
                let (kind, form) = Kind::at(position);
                let sent = [&media[..length], &before[..length]];
                kind.write(form, &mut place[..length], sent, endpoints, macs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use culvert_wire::{Headers, MacAddress};

    use super::*;

    #[test]
    fn media_and_its_junk_take_turns() {
        const CALLS: u32 = 3;
        const RATIO: u32 = 10;
        let macs = Macs { edge: MacAddress([2; 6]), relay: MacAddress([4; 6]) };
        let length = frame_length(Some(SUITE));
        let mut memory = vec![[0_u8; ROOM]; 11 * 20 + 4];
        fill_places(memory.iter_mut().map(|place| &mut place[..]), length, RATIO, CALLS, macs).unwrap();
        for (group, places) in (0_u32..).zip(memory.chunks(11)) {
            let media = &places[0][..length];
            let headers = Headers::parse(media).unwrap();
            assert_eq!(headers.destination, Endpoints::of(group % CALLS).ingress);
            // Of media, the RTP timestamp is the number.
            assert_eq!(media[HEADERS + 4..HEADERS + 8], group.to_be_bytes());
            let before = group.checked_sub(CALLS).unwrap_or(group);
            for (position, junk) in (0..).zip(&places[1..]) {
                let (kind, form) = Kind::at(position);
                let replayed = &memory[before as usize * 11][..length];
                let mut expected = vec![0; length];
                let endpoints = Endpoints::of(group % CALLS);
                kind.write(form, &mut expected, [media, replayed], endpoints, macs);
                assert_eq!(junk[..length], expected);
            }
        }
    }
}
