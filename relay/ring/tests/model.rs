// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring and its sleeper under every interleaving of two and three threads, and every value that a relaxed load may
//! return: the crate's own source, on the atomics of loom. Of words it is held that nobody reads one while another
//! writes it.
#![expect(dead_code, unreachable_pub, reason = "the modules of the crate are built here with but some users")]

#[path = "../src/doze.rs"]
mod doze;
#[path = "../src/packets.rs"]
mod packets;

mod sync {
    use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, fence},
    };
    use std::sync::atomic::Ordering;

    /// A word whose users loom tells apart: it reports accesses that no cursor keeps from each other.
    pub(crate) struct Word {
        users: UnsafeCell<()>,
        value: std::sync::atomic::AtomicU64,
    }

    impl Word {
        pub(crate) fn new(value: u64) -> Word {
            Word { users: UnsafeCell::new(()), value: value.into() }
        }

        pub(crate) fn load(&self, order: Ordering) -> u64 {
            self.users.with(|_| self.value.load(order))
        }

        pub(crate) fn store(&self, value: u64, order: Ordering) {
            self.users.with_mut(|_| self.value.store(value, order));
        }
    }
}

use doze::Doze;
use loom::sync::{Arc, Notify};
use loom::thread;
use packets::{Receiver, Sender, ring};

/// The smallest ring: eight words. The packets below take three of them, so that the third does not fit behind two, and
/// lies across the end.
const SMALLEST: usize = 0;

fn packet(number: u64) -> [u8; 5] {
    [number as u8; 5]
}

fn push(sender: &mut Sender, number: u64) -> bool {
    sender.push(&[number], &packet(number))
}

/// What is there, each packet whole.
fn drain(receiver: &mut Receiver, numbers: &mut Vec<u64>) {
    while let Some(record) = receiver.pop() {
        let mut bytes = [0; 5];
        assert_eq!(record.copy_to(&mut bytes), Some(5));
        assert_eq!(bytes, packet(record.head(0)));
        numbers.push(record.head(0));
    }
    receiver.release();
}

fn check(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(model);
}

#[test]
fn a_burst_is_seen_as_a_whole_or_not_at_all() {
    check(None, || {
        let (mut sender, mut receiver) = ring(SMALLEST);
        let other = thread::spawn(move || {
            assert!(push(&mut sender, 1) && push(&mut sender, 2));
            sender.publish();
        });
        let mut seen = Vec::new();
        drain(&mut receiver, &mut seen);
        assert!(seen.is_empty() || seen == [1, 2], "{seen:?}");
        other.join().unwrap();
        drain(&mut receiver, &mut seen);
        assert_eq!(seen, [1, 2]);
    });
}

#[test]
fn words_that_are_used_again_are_never_read_half() {
    check(None, || {
        let (mut sender, mut receiver) = ring(SMALLEST);
        assert!(push(&mut sender, 1) && push(&mut sender, 2));
        sender.publish();
        let other = thread::spawn(move || {
            // There is room as soon as the receiver has given the first words back.
            let fits = push(&mut sender, 3);
            sender.publish();
            fits
        });
        let mut seen = Vec::new();
        drain(&mut receiver, &mut seen);
        let fits = other.join().unwrap();
        drain(&mut receiver, &mut seen);
        assert_eq!(seen, if fits { vec![1, 2, 3] } else { vec![1, 2] });
    });
}

/// A worker that takes `wanted` packets and sleeps whenever it has nothing to do.
fn serve(receivers: &mut [Receiver], doze: &Doze, bell: &Notify, wanted: usize) -> Vec<Vec<u64>> {
    let mut seen = vec![Vec::new(); receivers.len()];
    loop {
        for (receiver, seen) in receivers.iter_mut().zip(&mut seen) {
            drain(receiver, seen);
        }
        if seen.iter().map(Vec::len).sum::<usize>() == wanted {
            return seen;
        }
        doze.settle();
        if receivers.iter().all(Receiver::is_empty) {
            // If a wake-up were lost, nobody could go on, which loom reports.
            bell.wait();
        }
        doze.rise();
    }
}

fn send(sender: &mut Sender, doze: &Doze, bell: &Notify, numbers: &[u64]) {
    for number in numbers {
        assert!(push(sender, *number));
    }
    if sender.publish() && doze.must_wake() {
        bell.notify();
    }
}

#[test]
fn who_sleeps_is_woken() {
    check(Some(3), || {
        let (mut sender, receiver) = ring(SMALLEST);
        let (doze, bell) = (Arc::new(Doze::default()), Arc::new(Notify::new()));
        let (their_doze, their_bell) = (Arc::clone(&doze), Arc::clone(&bell));
        let other = thread::spawn(move || {
            send(&mut sender, &their_doze, &their_bell, &[1]);
            send(&mut sender, &their_doze, &their_bell, &[2]);
        });
        assert_eq!(serve(&mut [receiver], &doze, &bell, 2), [[1, 2]]);
        other.join().unwrap();
    });
}

#[test]
fn who_sleeps_is_woken_by_either_of_two() {
    check(Some(3), || {
        let (doze, bell) = (Arc::new(Doze::default()), Arc::new(Notify::new()));
        let mut receivers = Vec::new();
        let others: Vec<_> = [1, 3]
            .into_iter()
            .map(|first| {
                let (mut sender, receiver) = ring(SMALLEST);
                receivers.push(receiver);
                let (doze, bell) = (Arc::clone(&doze), Arc::clone(&bell));
                thread::spawn(move || send(&mut sender, &doze, &bell, &[first, first + 1]))
            })
            .collect();
        assert_eq!(serve(&mut receivers, &doze, &bell, 4), [[1, 2], [3, 4]]);
        for other in others {
            other.join().unwrap();
        }
    });
}
