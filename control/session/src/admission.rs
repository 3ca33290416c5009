// SPDX-License-Identifier: MIT OR Apache-2.0
//! What relay cores can carry, and what they have promised.
//!
//! A session says how many packets each direction of its media carries at most; the [`CostModel`] says what one costs. The
//! product is time of a core, which is set aside when the session is made and given back when it ends. A session for
//! which no worker has the time is refused, so that those that were taken lose nothing.

mod correction;
mod cost;

pub use correction::Observation;
pub use cost::{Assumed, CostModel, Line, SuiteCost};

use crate::Traffic;
use correction::Correction;

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// What a session may take, in each second. Whole numbers, so that what is given back is what was taken.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Promise {
    /// Time of a core by the cost model, before correction.
    nanoseconds: u64,
    packets: u64,
}

/// How much of its core a worker has promised. Shares are of the core's time.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct WorkerCapacity {
    /// What may be promised, 0..=1.
    pub limit: f64,
    /// What is promised, at corrected cost. Above the limit after changes of running sessions, which are not refused,
    /// or when packets turn out to cost more than was thought.
    pub promised: f64,
    /// By what the costs of the model are multiplied.
    pub correction: f64,
}

/// The cores' promises.
#[derive(Debug)]
pub struct Admission {
    limit: f64,
    costs: CostModel,
    /// By worker.
    workers: Vec<(Promise, Correction)>,
}

/// No worker has the time.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) worker: u32,
    /// Shares of a core.
    pub(crate) left: f64,
    pub(crate) needed: f64,
}

impl Admission {
    /// Nothing promised. `limit` is the share of each core that may be, held to 0..=1.
    pub fn new(limit: f64, costs: CostModel, workers: u32) -> Admission {
        let workers = vec![Default::default(); workers as usize];
        Admission { limit: limit.clamp(0.0, 1.0), costs, workers }
    }

    /// What packets cost before correction.
    pub fn costs(&self) -> &CostModel {
        &self.costs
    }

    /// How things stand with a worker; `None` where there is none of that number.
    pub fn capacity(&self, worker: u32) -> Option<WorkerCapacity> {
        let (promise, correction) = self.workers.get(worker as usize)?;
        let promised = share(*promise, *correction);
        Some(WorkerCapacity { limit: self.limit, promised, correction: correction.factor() })
    }

    /// Compares what a worker's packets have cost with what was predicted, and corrects the prediction: see
    /// [`Observation`]. To be called every second.
    pub fn observe(&mut self, worker: u32, observation: &Observation) {
        if let Some((promise, correction)) = self.workers.get_mut(worker as usize)
            && promise.packets > 0
        {
            correction.observe(observation, promise.nanoseconds as f64 / promise.packets as f64);
        }
    }

    /// What media may take in both directions.
    pub(crate) fn promise(&self, media: impl Iterator<Item = (Traffic, [Assumed; 2])>) -> Promise {
        let mut sum = Promise::default();
        for (Traffic { packets_per_second, payload_bytes }, [one, other]) in media {
            let packets = u64::from(packets_per_second);
            for (from, to) in [(one, other), (other, one)] {
                let cost = self.costs.nanoseconds(from, to, payload_bytes);
                sum.nanoseconds = sum.nanoseconds.saturating_add((cost * packets as f64).ceil() as u64);
                sum.packets = sum.packets.saturating_add(packets);
            }
        }
        sum
    }

    /// The worker that has the most time left, of those that are `open` to more. Ties go to the first of the smallest `load`.
    pub(crate) fn place(
        &self,
        needed: Promise,
        open: impl Fn(usize) -> bool,
        load: impl Fn(usize) -> usize,
    ) -> Option<Result<u32, Refused>> {
        let room = |(promise, correction): &(Promise, Correction)| self.limit - share(*promise, *correction);
        let (index, worker) = (self.workers.iter().enumerate())
            .filter(|(index, _)| open(*index))
            .min_by(|(a, one), (b, other)| room(other).total_cmp(&room(one)).then(load(*a).cmp(&load(*b))))?;
        let (left, needed) = (room(worker), share(needed, worker.1));
        let number = u32::try_from(index).ok()?;
        Some(if needed <= left { Ok(number) } else { Err(Refused { worker: number, left, needed }) })
    }

    pub(crate) fn take(&mut self, worker: u32, promise: Promise) {
        if let Some((sum, _)) = self.workers.get_mut(worker as usize) {
            sum.nanoseconds = sum.nanoseconds.saturating_add(promise.nanoseconds);
            sum.packets = sum.packets.saturating_add(promise.packets);
        }
    }

    pub(crate) fn give_back(&mut self, worker: u32, promise: Promise) {
        if let Some((sum, _)) = self.workers.get_mut(worker as usize) {
            sum.nanoseconds = sum.nanoseconds.saturating_sub(promise.nanoseconds);
            sum.packets = sum.packets.saturating_sub(promise.packets);
        }
    }
}

fn share(promise: Promise, correction: Correction) -> f64 {
    promise.nanoseconds as f64 * correction.factor() / SECOND
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |share: f64| share.max(0.0) * 100.0;
        write!(
            f,
            "capacity: worker {} has {:.2} % of a core left, the session needs {:.2} %; end sessions, expect less \
             traffic of this one, or use another relay",
            self.worker,
            percent(self.left),
            percent(self.needed),
        )
    }
}
