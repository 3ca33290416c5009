// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which runs make a row.

use crate::junk::error::JunkError;
use crate::junk::run::{Arena, Found, Offer};
use crate::table::median;
use crate::wire::placement::Sink;

/// Of media, what is to arrive.
pub const WANTED: f64 = 0.999;
/// Of what it is asked for, what a generator that keeps up offers at least.
const KEPT_UP: f64 = 0.95;
/// What is lost at less than that may have been bad luck, and gets a second chance.
const LUCK: f64 = 0.001;

/// How long and how often.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Effort {
    /// Packets of media a second that are more than the relay can take.
    pub overload: f64,
    /// Seconds of a step of a search.
    pub step: f64,
    /// Steps of it.
    pub steps: u32,
    /// Seconds of a run that makes a row.
    pub seconds: f64,
    /// Such runs for each row.
    pub runs: u32,
}

/// A number with what it is of.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where the sink was.
    pub sink: Sink,
    /// Packets of media a second that the relay takes without loss and without junk.
    pub capacity: f64,
    /// Packets of media a second that were to be offered.
    pub wanted: f64,
    /// Packets of junk for each of media.
    pub ratio: u32,
    /// Whether the rate was searched for: the highest of which enough arrives.
    pub searched: bool,
    /// What came of each run.
    pub runs: Vec<Found>,
}

impl Row {
    /// The run in the middle by what arrived of media, the lower of two.
    pub fn middle(&self) -> Option<&Found> {
        let delivery = median(&self.runs.iter().map(Found::delivery).collect::<Vec<f64>>());
        self.runs.iter().find(|run| run.delivery() == delivery)
    }

    /// Of media, the least that arrived in a run.
    pub fn worst(&self) -> f64 {
        self.runs.iter().map(Found::delivery).fold(1.0, f64::min)
    }

    /// Whether the generator offered what it was to offer.
    pub fn offered(&self) -> bool {
        self.middle().is_some_and(|run| kept_up(run, self.wanted))
    }
}

fn kept_up(found: &Found, wanted: f64) -> bool {
    found.media_rate() >= KEPT_UP * wanted
}

/// Packets of media a second without loss and without junk, by bisection between a part of what is delivered under overload and a
/// little more.
///
/// # Errors
/// Those of [`Arena::run`].
pub fn capacity(arena: &mut Arena, effort: Effort) -> Result<f64, JunkError> {
    let seconds = effort.step;
    let found = arena.run(Offer { media: effort.overload, ratio: 0, seconds })?;
    let most = found.media_rate() * found.delivery();
    let lossless = |arena: &mut Arena, media: f64| {
        for _ in 0..2 {
            let found = arena.run(Offer { media, ratio: 0, seconds })?;
            if found.arrived == found.media {
                return Ok::<bool, JunkError>(kept_up(&found, media));
            }
            if 1.0 - found.delivery() > LUCK {
                break;
            }
        }
        Ok(false)
    };
    search(arena, (0.3 * most, 1.15 * most), effort.steps, lossless)
}

/// The highest rate of media up to `most` of which, with so much junk, as much arrives as is wanted.
///
/// # Errors
/// Those of [`Arena::run`].
pub fn endured(arena: &mut Arena, ratio: u32, most: f64, effort: Effort) -> Result<f64, JunkError> {
    let endures = |arena: &mut Arena, media: f64| {
        let found = arena.run(Offer { media, ratio, seconds: effort.step })?;
        Ok(found.delivery() >= WANTED)
    };
    search(arena, (0.0, most), effort.steps, endures)
}

/// The highest rate that passes; the lower bound when none does.
fn search<A>(
    arena: &mut A,
    (mut low, mut high): (f64, f64),
    steps: u32,
    mut passes: impl FnMut(&mut A, f64) -> Result<bool, JunkError>,
) -> Result<f64, JunkError> {
    for _ in 0..steps {
        let rate = (low + high) / 2.0;
        if passes(arena, rate)? { low = rate } else { high = rate }
    }
    Ok(low)
}

/// The runs of a row.
///
/// # Errors
/// Those of [`Arena::run`].
pub fn runs(arena: &mut Arena, offer: Offer, effort: Effort) -> Result<Vec<Found>, JunkError> {
    (0..effort.runs).map(|_| arena.run(offer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_ends_at_the_highest_that_passes() {
        let found = search(&mut (), (0.0, 1024.0), 10, |(), rate| Ok(rate <= 700.0)).unwrap();
        assert_eq!(found, 700.0);
        assert_eq!(search(&mut (), (3.0, 9.0), 10, |(), _| Ok(false)).unwrap(), 3.0);
    }

    #[test]
    fn rows_tell_the_middle_the_worst_and_a_generator_that_fell_behind() {
        let run = |arrived, span| Found { media: 1000, arrived, span, ..Found::default() };
        let row = |wanted| Row {
            sink: Sink::Relay,
            capacity: 4000.0,
            wanted,
            ratio: 10,
            searched: false,
            runs: vec![run(1000, 1_000_000_000), run(990, 1_000_000_000), run(999, 1_000_000_000)],
        };
        assert_eq!((row(1000.0).middle().unwrap().arrived, row(1000.0).worst()), (999, 0.99));
        assert!(row(1000.0).offered() && row(1050.0).offered());
        assert!(!row(1060.0).offered());
    }
}
