// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::sync::{AtomicBool, fence};

/// Whether the thread that empties some rings sleeps.
///
/// The sleeper says that it will, looks at its rings once more, and only then sleeps; a sender shows its packets and only
/// then asks. Of these two pairs of a store and a load the fences let at most one load miss the other's store, so that
/// either the sleeper finds the packets or the sender finds it asleep.
///
/// Every store is an exchange, which costs nothing beside sleep: the exchanges of all threads have one order, also to the
/// model checker, which would let plain stores fall between them.
///
/// ```
/// # let (mut sender, receiver) = culvert_ring::ring(64);
/// # let doze = culvert_ring::Doze::default();
/// // The sleeper:
/// doze.settle();
/// if receiver.is_empty() { /* wait, until woken */ }
/// doze.rise();
/// // A sender:
/// if sender.publish() && doze.must_wake() { /* wake it */ }
/// ```
#[derive(Debug, Default)]
pub struct Doze {
    asleep: AtomicBool,
}

impl Doze {
    /// Announces sleep. Look at every ring afterwards, and sleep only when all are empty.
    pub fn settle(&self) {
        self.asleep.swap(true, Relaxed);
        fence(SeqCst);
    }

    /// Takes the announcement back, after sleep or instead of it.
    pub fn rise(&self) {
        self.asleep.swap(false, Relaxed);
    }

    /// Whether the caller, who has just published packets, must wake the sleeper. Of several senders who find it asleep
    /// one is told so.
    pub fn must_wake(&self) -> bool {
        fence(SeqCst);
        // The load first: while nobody sleeps, the cache line stays shared.
        self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed)
    }
}
