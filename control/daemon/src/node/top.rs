// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sessions that do the most of something.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use culvert_session::{Caller, Owner, SessionId};

use super::observer::Observed;
use super::{Node, Rates};

/// What sessions are ranked by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Packets in a second, the most first.
    Packets,
    /// Bits in a second, the most first.
    Bits,
    /// Packets dropped in a second, the most first.
    Drops,
    /// Loss, the highest first.
    Loss,
    /// Jitter, the highest first.
    Jitter,
    /// Mean opinion score, the lowest first; sessions without one come last.
    Mos,
}

/// A session with its rates.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub owner: Owner,
    /// The core that relays it.
    pub worker: u32,
    /// What it does.
    pub rates: Rates,
}

/// A ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// The first of it. Of equal rank, in order of their names.
    pub sessions: Vec<Ranked>,
    /// How many were ranked.
    pub total: u64,
    /// What rates are taken over; `None` while there are none.
    pub interval: Option<Duration>,
}

impl Node {
    /// Ranks the sessions that `caller` sees and whose name or owner contains `filter`; the first `limit` of them.
    pub fn top(&self, caller: &Caller, order: Order, limit: usize, filter: &str) -> Top {
        let mut best = BinaryHeap::with_capacity(limit + 1);
        let mut total = 0;
        self.observer.visit(|observed| {
            let named = observed.id.as_str().contains(filter) || observed.owner.as_str().contains(filter);
            if !named || !caller.sees(&observed.owner) {
                return;
            }
            total += 1;
            let value = order.value(&observed.rates);
            let full = best.len() == limit;
            if full && best.peek().is_some_and(|worst: &Place| !worst.is_behind(value, &observed.id)) {
                return;
            }
            best.push(Place { value, session: Ranked::from(observed) });
            if full {
                best.pop();
            }
        });
        let sessions = best.into_sorted_vec().into_iter().map(|place| place.session).collect();
        Top { sessions, total, interval: self.observer.interval() }
    }
}

impl Order {
    /// The larger, the nearer to the top.
    fn value(self, rates: &Rates) -> f64 {
        match self {
            Order::Packets => rates.packets,
            Order::Bits => rates.bits,
            Order::Drops => rates.drops,
            Order::Loss => rates.loss_ratio,
            Order::Jitter => rates.jitter_ms,
            Order::Mos if rates.mos == 0.0 => f64::NEG_INFINITY,
            Order::Mos => -rates.mos,
        }
    }
}

impl From<&Observed> for Ranked {
    fn from(observed: &Observed) -> Ranked {
        let Observed { id, owner, worker, rates, .. } = observed;
        Ranked { id: id.clone(), owner: owner.clone(), worker: *worker, rates: *rates }
    }
}

/// Smaller is nearer to the top, so that a heap has the last place at hand.
struct Place {
    value: f64,
    session: Ranked,
}

impl Place {
    fn is_behind(&self, value: f64, id: &SessionId) -> bool {
        value.total_cmp(&self.value).then_with(|| self.session.id.cmp(id)) == Ordering::Greater
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Place) -> Ordering {
        other.value.total_cmp(&self.value).then_with(|| self.session.id.cmp(&other.session.id))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}
