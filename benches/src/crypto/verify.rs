// SPDX-License-Identifier: MIT OR Apache-2.0
//! Before anything is timed: every contender gives the reference's bytes, and refuses what it must.

use std::sync::Arc;

use crate::crypto::case::Case;
use crate::crypto::contender::{Contender, Entrant};
use crate::crypto::error::CryptoError;
use crate::crypto::frames::{Frames, PART, Slot};
use crate::crypto::library::{Library, Session};
use crate::crypto::measure::keep;
use crate::crypto::pool::{Pool, protect, write_plain};
use crate::fixture::{Leg, RTP_HEADER};

/// What is done to packets of a part, by turns. The last is left as it is.
const FAULTS: [Option<&str>; 4] =
    [Some("a corrupted tag"), Some("a corrupted payload"), Some("a corrupted header"), None];

/// A part as the reference would relay it.
struct Expected {
    frames: Box<Frames>,
    slots: [Slot; PART],
}

/// Sends a good part through every entrant, then one of which some packets are forged, then the same as it was before
/// the forgery, whose other packets are replays by then; in calls of each size.
///
/// # Errors
/// For the first packet with which a contender is wrong.
pub fn entrants(
    entrants: &[Entrant],
    reference: &Arc<Library>,
    case: Case,
    bursts: &[usize],
) -> Result<(), CryptoError> {
    let mut pool = Pool::new(reference, case)?;
    let mut sender = reference.sender(case, Leg::B)?;
    let mut contenders = entrants.iter().map(|entrant| entrant.enter(case)).collect::<Result<Vec<_>, _>>()?;
    // The largest first: the roll-over counter then turns within the first burst of a stream, before anything is known.
    for &burst in bursts.iter().rev() {
        pool.refill(2)?;
        let expected = [
            expect(&mut sender, reference.name(), &pool, 0)?,
            expect(&mut sender, reference.name(), &pool, 1)?,
        ];
        for (entrant, contender) in entrants.iter().zip(&mut contenders) {
            let judge = Judge { contender: &entrant.name, reference: reference.name(), case };
            judge.contender(contender.as_mut(), &pool, &expected, burst)?;
        }
    }
    keep((contenders, pool, sender));
    Ok(())
}

fn expect(sender: &mut Session, name: &str, pool: &Pool, part: usize) -> Result<Expected, CryptoError> {
    let mut frames = Box::<Frames>::default();
    let mut slots = write_plain(&mut frames, pool.case(), pool.first(part));
    protect(sender, name, &mut frames, &mut slots)?;
    Ok(Expected { frames, slots })
}

struct Judge<'a> {
    contender: &'a str,
    reference: &'a str,
    case: Case,
}

impl Judge<'_> {
    fn contender(
        &self,
        contender: &mut dyn Contender,
        pool: &Pool,
        expected: &[Expected; 2],
        burst: usize,
    ) -> Result<(), CryptoError> {
        let mut frames = Box::<Frames>::default();
        let mut slots = pool.load(0, &mut frames);
        contender.run(&mut frames, &mut slots, burst);
        for number in 0..PART {
            self.passed(&frames, &slots, &expected[0], number)?;
        }

        let mut slots = pool.load(1, &mut frames);
        for (number, slot) in slots.iter().enumerate() {
            corrupt(frames.packet_mut(number, slot.length), number % FAULTS.len());
        }
        contender.run(&mut frames, &mut slots, burst);
        for (number, slot) in slots.iter().enumerate() {
            match FAULTS[number % FAULTS.len()] {
                Some(fault) => self.refused(*slot, fault)?,
                None => self.passed(&frames, &slots, &expected[1], number)?,
            }
        }

        let mut slots = pool.load(1, &mut frames);
        contender.run(&mut frames, &mut slots, burst);
        for (number, slot) in slots.iter().enumerate() {
            match FAULTS[number % FAULTS.len()] {
                // Its forgery has changed nothing.
                Some(_) => self.passed(&frames, &slots, &expected[1], number)?,
                None => self.refused(*slot, "an index that was there before")?,
            }
        }
        Ok(())
    }

    fn passed(
        &self,
        frames: &Frames,
        slots: &[Slot],
        expected: &Expected,
        number: usize,
    ) -> Result<(), CryptoError> {
        let (length, wanted) = (slots[number].length, expected.slots[number].length);
        if length == 0 {
            return Err(CryptoError::Refused { contender: self.contender.into(), case: self.case });
        }
        if length == wanted && frames.packet(number, length) == expected.frames.packet(number, wanted) {
            return Ok(());
        }
        Err(CryptoError::Differs {
            contender: self.contender.into(),
            reference: self.reference.into(),
            packet: number,
            case: self.case,
        })
    }

    fn refused(&self, slot: Slot, fault: &'static str) -> Result<(), CryptoError> {
        if slot.length == 0 {
            return Ok(());
        }
        Err(CryptoError::Accepted { contender: self.contender.into(), fault, case: self.case })
    }
}

fn corrupt(packet: &mut [u8], fault: usize) {
    let last = packet.len() - 1;
    match fault {
        0 => packet[last] ^= 1,
        1 => packet[RTP_HEADER + 7] ^= 0x80,
        // The timestamp, which no contender looks at.
        2 => packet[5] ^= 4,
        _ => {}
    }
}
