// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two queues, two workers, two interfaces: calls whose packets change queues while they are under way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[path = "monitoring/http.rs"]
#[allow(dead_code, reason = "one page is enough here")]
mod http;

use std::{
    io::ErrorKind,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Instant,
};

use common::{
    PATIENCE,
    bed::{Bed, OUTSIDE, ways_are_known},
    counters::received,
    phone::{self, Phone},
    queue::Steering,
    request::Pair,
};
use culvert_api::v1;
use culvert_srtp::{Kind, Suite};

/// Of each call, by direction. Of all calls together they fit into the queue of a veth end, which has 256 places.
const UNDER_WAY: u64 = 32;

/// The families of the two legs of each call.
const FAMILIES: [(usize, usize); 4] = [(0, 0), (1, 1), (0, 1), (1, 0)];

/// The telephones on one side of all calls.
struct Side {
    phones: Vec<Phone>,
    /// Who each call's owner is.
    owners: Vec<usize>,
    steering: Steering,
    /// Packets on one queue, of each call, before the next go by the other.
    stay: u64,
    /// What was heard here, and on the other side, of each call.
    heard: Arc<Vec<AtomicU64>>,
    heard_there: Arc<Vec<AtomicU64>>,
}

impl Side {
    /// Says so much in each call, as fast as the other side hears it, and hears all that the other side says. How many
    /// packets arrived on each queue that is not their owner's.
    fn talk(&mut self, packets: u64) -> [u64; 2] {
        let mut elsewhere = [0; 2];
        let mut queue = 0;
        let mut deadline = Instant::now() + PATIENCE;
        for phone in &self.phones {
            phone.rtp.set_nonblocking(true).unwrap();
        }
        for number in 0..packets {
            if number % self.stay == 0 {
                queue = (number / self.stay % 2) as usize;
                self.steering.use_queue(queue);
            }
            for call in 0..self.phones.len() {
                while number - self.heard_there[call].load(SeqCst) >= UNDER_WAY {
                    assert!(Instant::now() < deadline, "call {call}: packet {number} was not heard");
                    self.listen();
                    thread::yield_now();
                }
                deadline = Instant::now() + PATIENCE;
                self.phones[call].talk();
                elsewhere[queue] += u64::from(self.owners[call] != queue);
            }
            self.listen();
        }
        while self.heard.iter().chain(&*self.heard_there).any(|heard| heard.load(SeqCst) < packets) {
            assert!(Instant::now() < deadline, "{:?} and {:?} of {packets}", self.heard, self.heard_there);
            self.listen();
            thread::yield_now();
        }
        elsewhere
    }

    /// Takes what is there. The replay list lets no packet pass twice.
    fn listen(&mut self) {
        let mut buffer = [0; 2048];
        for (phone, heard) in self.phones.iter_mut().zip(&*self.heard) {
            loop {
                match phone.rtp.recv_from(&mut buffer) {
                    Ok((length, source)) => {
                        assert_eq!(source, phone.relay()[0]);
                        phone.unprotect(Kind::Rtp, &buffer[..length]).unwrap();
                        heard.fetch_add(1, SeqCst);
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                        break;
                    }
                }
            }
        }
    }
}

fn counts(node: &v1::GetNodeResponse) -> [[u64; 3]; 2] {
    [0, 1].map(|worker: usize| {
        let worker = &node.workers[worker];
        [worker.received, worker.handed_over, worker.taken_over]
    })
}

/// Queues change every 50 packets on one side and every 70 on the other, so that the legs of a call share one and do not.
fn flows_move(engine: &str, packets: u64) {
    let bed = Bed::new(2);
    let mut setup = Bed::setup("native", 2);
    setup.engine += engine;
    let relay = bed.launch(setup);
    bed.control(async || {
        let (mut client, mut operator) = (relay.front_end().await, relay.operator().await);
        let mut phones = [Vec::new(), Vec::new()];
        let (mut owners, mut known) = (Vec::new(), Vec::new());
        for ((outside, inside), number) in FAMILIES.into_iter().zip(1u8..) {
            let keys = [
                Pair::new(Suite::AesCm128HmacSha1_80, number * 2),
                Pair::new(Suite::AeadAes256Gcm, 0x80 + number * 2),
            ];
            let both = keys.each_ref().map(Some);
            let (mut caller, mut callee) = (bed.caller(outside, both[0]), bed.callee(inside, both[1]));
            let id = format!("call-{number}");
            let made = phone::call(&mut client, &id, [&mut caller, &mut callee], both, true).await;
            caller.reach(OUTSIDE[outside].parse().unwrap());
            ways_are_known(&mut caller, &mut callee).await;
            // What was heard last was said last: nothing is under way.
            let shown = client.get_session(&id).await.unwrap();
            known.push([0, 1].map(|leg| received(&shown, leg).clone()));
            owners.push(made.worker as usize);
            phones[0].push(caller);
            phones[1].push(callee);
        }
        assert_eq!(owners.iter().sum::<usize>(), 2, "{owners:?}");
        let before = operator.get_node().await.unwrap();
        let heard = [(); 2].map(|()| Arc::new(FAMILIES.map(|_| AtomicU64::new(0)).into_iter().collect()));
        let [callers, callees] = phones;
        let side = |phones, namespace, interface, stay, here: usize| Side {
            phones,
            owners: owners.clone(),
            steering: Steering::of(namespace, interface),
            stay,
            heard: Arc::clone(&heard[here]),
            heard_there: Arc::clone(&heard[1 - here]),
        };
        let mut sides =
            [side(callers, &bed.caller, "wan0", 50, 0), side(callees, &bed.callee, "lan0", 70, 1)];
        let begin = Barrier::new(2);
        let elsewhere = thread::scope(|scope| {
            let talks = sides.each_mut().map(|side| {
                scope.spawn(|| {
                    begin.wait();
                    side.talk(packets)
                })
            });
            talks.map(|talk| talk.join().unwrap())
        });

        // Every packet once: no fewer as nothing is missing, no more as each side has taken just as many.
        for (call, number) in (1..=FAMILIES.len()).enumerate() {
            let shown = client.get_session(&format!("call-{number}")).await.unwrap();
            for (leg, before) in known[call].iter().enumerate() {
                let after = received(&shown, leg);
                assert_eq!((after.packets - before.packets, &after.drops), (packets, &before.drops));
            }
            for side in &sides {
                assert_eq!(side.heard[call].load(SeqCst), packets);
            }
        }
        let after = operator.get_node().await.unwrap();
        let (before, after) = (counts(&before), counts(&after));
        let [received, handed, taken] = [0, 1, 2]
            .map(|count: usize| [0, 1].map(|worker: usize| after[worker][count] - before[worker][count]));
        let expected = [0, 1].map(|queue| elsewhere[0][queue] + elsewhere[1][queue]);
        assert!(expected.iter().all(|count| *count > 0), "{expected:?}");
        assert_eq!((handed, taken), (expected, [expected[1], expected[0]]));
        // On the queue that it came in on, and in the ring of its owner.
        let said = packets * 2 * FAMILIES.len() as u64;
        assert_eq!(received.iter().sum::<u64>(), said + expected.iter().sum::<u64>());
        let metrics = http::get(&relay.setup.metrics, "/metrics").unwrap();
        for (name, column) in [("handed_over", 1), ("taken_over", 2)] {
            for (worker, counts) in after.iter().enumerate() {
                let line =
                    format!("culvert_worker_{name}_packets_total{{worker=\"{worker}\"}} {}", counts[column]);
                assert!(metrics.lines().any(|found| found == line), "{line}");
            }
        }
    });
}

#[test]
#[ignore = "needs root"]
fn netns_flows_change_queues_in_mid_call_and_lose_nothing() {
    flows_move("", 3000);
}

#[test]
#[ignore = "needs root"]
fn netns_flows_change_queues_of_workers_that_never_sleep() {
    flows_move("wait = \"busy\"\nbusy_poll = 20\nhuge_pages = \"never\"\n", 1000);
}
