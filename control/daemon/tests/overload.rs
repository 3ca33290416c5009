// SPDX-License-Identifier: MIT OR Apache-2.0
//! More sessions than a core can carry, and more junk than media. Over AF_XDP between network namespaces.
//!
//! The share of the core that may be promised is set so low that generator, relay and sink together fit on a small
//! machine that does something else besides; what it comes to in sessions is the relay's own figure for this build
//! on this machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use common::{
    PATIENCE,
    bed::{Bed, CALLEE, CALLER, INSIDE, OUTSIDE, ways_are_known},
    counters::received,
    eventually,
    phone::Phone,
    relay::{Relay, refusal},
    request::{Key, Pair, leg, session},
};
use culvert_api::{Client, v1};
use culvert_srtp::{Kind, Suite};
use tonic::Code;

const SUITE: Suite = Suite::AesCm128HmacSha1_80;
/// Share of the core that sessions may be promised.
const LIMIT: f64 = 0.03;
/// Sessions that it is to be enough for, and nearly for one more.
const SESSIONS: f64 = 8.9;
/// How long they talk.
const SECONDS: u32 = 3;
/// Ticks that are made up for after the generator was held up; more would be a burst that was not promised.
const MADE_UP_FOR: u32 = 4;

/// Two telephones, each with what the other is still to hear, in order.
struct Call {
    id: String,
    phones: [Phone; 2],
    due: [VecDeque<Vec<u8>>; 2],
    before: Option<v1::Session>,
}

impl Call {
    /// Sends the next packet of a side, and returns what went over the wire.
    fn talk(&mut self, side: usize) -> Vec<u8> {
        let phone = &mut self.phones[side];
        let packet = phone.packet();
        let wire = phone.protect(Kind::Rtp, &packet);
        phone.rtp.send_to(&wire, phone.relay()[0]).unwrap();
        self.due[1 - side].push_back(packet);
        wire
    }

    /// Takes in what has come. What is next in turn is next to come, or was lost: returns how many were.
    fn listen(&mut self) -> u64 {
        let mut lost = 0;
        let mut buffer = [0; 2048];
        for (phone, due) in self.phones.iter_mut().zip(&mut self.due) {
            while let Ok((length, source)) = phone.rtp.recv_from(&mut buffer) {
                assert_eq!(source, phone.relay()[0]);
                let heard = phone.unprotect(Kind::Rtp, &buffer[..length]).unwrap();
                let place = due.iter().position(|packet| *packet == heard);
                let place =
                    place.unwrap_or_else(|| panic!("heard twice, out of order or unsaid: {heard:x?}"));
                lost += place as u64;
                due.drain(..=place);
            }
        }
        lost
    }
}

/// A relay that may promise little, between two networks.
struct Overload {
    bed: Bed,
    relay: Relay,
}

/// What a packet from leg to leg costs the relay, as it says.
fn capacity(node: &v1::GetNodeResponse) -> (v1::WorkerCapacity, f64) {
    let capacity = node.workers[0].capacity.clone().unwrap();
    let of = |cost: &&v1::PacketCost| cost.receive == SUITE.name() && cost.send == SUITE.name();
    let cost = capacity.costs.iter().find(of).unwrap();
    assert_eq!((capacity.limit, cost.payload_bytes), (LIMIT, 160));
    let nanoseconds = cost.nanoseconds;
    (capacity, nanoseconds)
}

impl Overload {
    fn new() -> Overload {
        let bed = Bed::new(1);
        let mut setup = Bed::setup("auto", 1);
        setup.tables = format!("[admission]\nlimit = {LIMIT}\n");
        let relay = bed.launch(setup);
        Overload { bed, relay }
    }

    /// Asks for a call whose sides say so many packets a second each.
    async fn offer(&self, client: &mut Client, number: usize, rate: u32) -> Result<Call, (Code, String)> {
        let pair = || Pair { endpoint: Key::random(SUITE), relay: Key::random(SUITE) };
        let keys = [pair(), pair()];
        let mut phones = [self.bed.caller(0, Some(&keys[0])), self.bed.callee(0, Some(&keys[1]))];
        let id = format!("call-{number}");
        let legs = [("outside", 0), ("inside", 1)]
            .map(|(realm, side)| leg(realm, Some(phones[side].remote(true)), keys[side].raw()));
        let mut request = session(&id, legs);
        request.media[0].expected = Some(v1::Traffic { packets_per_second: rate, payload_bytes: 160 });
        let made = match client.create_session(request).await {
            Ok(made) => made,
            refused => return Err(refusal(refused)),
        };
        for (side, phone) in phones.iter_mut().enumerate() {
            phone.answer(&made, side);
            phone.reach([OUTSIDE, INSIDE][side][0].parse().unwrap());
        }
        Ok(Call { id, phones, due: [VecDeque::new(), VecDeque::new()], before: None })
    }
}

/// Lets every side of every call be heard once, and notes the counters then.
async fn begin(client: &mut Client, calls: &mut [Call]) {
    for call in calls {
        let [caller, callee] = &mut call.phones;
        ways_are_known(caller, callee).await;
        let said = call.phones.each_ref().map(Phone::said);
        let session = eventually("all is accounted for", async || {
            let session = client.get_session(&call.id).await.unwrap();
            let all = [0, 1].map(|leg| {
                let counters = received(&session, leg);
                counters.packets + counters.drops.values().sum::<u64>()
            });
            (all == said).then_some(session)
        });
        call.before = Some(session.await);
        call.phones.iter().for_each(|phone| phone.rtp.set_nonblocking(true).unwrap());
    }
}

/// All sides of all calls talk at that rate; `beside` is called with each packet that went out. Returns how many packets
/// each side has said, and how many were lost in all.
fn talk(calls: &mut [Call], rate: u32, mut beside: impl FnMut(&Call, usize, &[u8])) -> (u64, u64) {
    let (interval, ticks) = (Duration::from_secs(1) / rate, rate * SECONDS);
    let mut lost = 0;
    let mut due = Instant::now();
    for _ in 0..ticks {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let held_up = Instant::now().checked_sub(interval * MADE_UP_FOR).unwrap();
        due = (due + interval).max(held_up);
        for call in &mut *calls {
            for side in 0..2 {
                let wire = call.talk(side);
                beside(call, side, &wire);
            }
        }
        lost += calls.iter_mut().map(Call::listen).sum::<u64>();
    }
    (u64::from(ticks), lost)
}

/// Waits for what is under way; returns how many packets did not come of those that were said last.
async fn end(calls: &mut [Call], until: impl Fn(&[Call]) -> bool) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    let mut lost = 0;
    while !until(calls) && Instant::now() < deadline {
        lost += calls.iter_mut().map(Call::listen).sum::<u64>();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    lost + calls.iter().flat_map(|call| &call.due).map(|due| due.len() as u64).sum::<u64>()
}

fn all_heard(calls: &[Call]) -> bool {
    calls.iter().flat_map(|call| &call.due).all(VecDeque::is_empty)
}

#[test]
#[ignore = "needs root: makes network namespaces and attaches XDP programs"]
fn netns_of_sessions_at_half_as_much_again_as_capacity_those_accepted_lose_nothing() {
    let overload = Overload::new();
    overload.bed.control(async || {
        let mut client = overload.relay.front_end().await;
        let mut operator = overload.relay.operator().await;
        let (empty, cost) = capacity(&operator.get_node().await.unwrap());
        assert_eq!(empty.promised, 0.0);
        let rate = (LIMIT * 1e9 / (2.0 * cost * SESSIONS)) as u32;
        let each = 2.0 * (cost * f64::from(rate)).ceil();
        let room = (LIMIT * 1e9 / each) as usize;
        assert!((8..=9).contains(&room), "{room} sessions of {rate} packets/s at {cost} ns");

        let (mut calls, mut refused) = (Vec::new(), 0);
        for number in 0..room * 3 / 2 {
            match overload.offer(&mut client, number, rate).await {
                Ok(call) => calls.push(call),
                Err((code, message)) => {
                    let left = (LIMIT - each * room as f64 / 1e9) * 100.0;
                    let expected = format!(
                        "capacity: worker 0 has {left:.2} % of a core left, the session needs {:.2} %; end \
                         sessions, expect less traffic of this one, or use another relay",
                        each / 1e7
                    );
                    assert_eq!((code, message), (Code::ResourceExhausted, expected));
                    refused += 1;
                }
            }
        }
        assert_eq!((calls.len(), refused), (room, room * 3 / 2 - room));
        let (full, _) = capacity(&operator.get_node().await.unwrap());
        assert!((full.promised - each * room as f64 / 1e9).abs() < 1e-12, "{full:?}");

        begin(&mut client, &mut calls).await;
        let (said, lost) = talk(&mut calls, rate, |_, _, _| ());
        assert_eq!((lost, end(&mut calls, all_heard).await), (0, 0));
        for call in &calls {
            let after = client.get_session(&call.id).await.unwrap();
            for leg in 0..2 {
                let before = received(call.before.as_ref().unwrap(), leg);
                let after = received(&after, leg);
                assert_eq!((after.packets, &after.drops), (before.packets + said, &before.drops));
            }
        }

        // What a session gives back, another can have, and no more than that.
        client.delete_session("call-0").await.unwrap();
        assert!(overload.offer(&mut client, 100, rate).await.is_ok());
        assert!(overload.offer(&mut client, 101, rate).await.is_err());
    });
}

/// Junk to the relay from one side of the calls, ten packets for each of media. None of it may be relayed.
struct Junk {
    /// Not the telephone's.
    stranger: UdpSocket,
    /// Where no session is.
    nobody: SocketAddr,
}

impl Junk {
    /// Of each kind two: to a port without a session, from a wrong source, with a bad tag, replayed, malformed.
    fn send(&self, phone: &Phone, wire: &[u8]) {
        let relay = phone.relay()[0];
        let mut forged = wire.to_vec();
        let sequence = u16::from_be_bytes([wire[2], wire[3]]).wrapping_add(1000);
        forged[2..4].copy_from_slice(&sequence.to_be_bytes());
        for _ in 0..2 {
            phone.rtp.send_to(wire, self.nobody).unwrap();
            self.stranger.send_to(wire, relay).unwrap();
            phone.rtp.send_to(&forged, relay).unwrap();
            phone.rtp.send_to(wire, relay).unwrap();
        }
        // Shorter than the header of RTP, and shorter than header and tag of SRTP.
        phone.rtp.send_to(&wire[..5], relay).unwrap();
        phone.rtp.send_to(&wire[..12], relay).unwrap();
    }
}

/// What a leg has dropped since, by reason.
fn dropped(before: &v1::Session, after: &v1::Session, leg: usize) -> BTreeMap<String, u64> {
    let before = &received(before, leg).drops;
    let since = |(reason, count): (&String, &u64)| {
        (reason.clone(), count - before.get(reason).copied().unwrap_or_default())
    };
    received(after, leg).drops.iter().map(since).filter(|(_, count)| *count > 0).collect()
}

/// What interfaces have counted: by the XDP program, and what their sockets had no room for.
fn interfaces(node: &v1::GetNodeResponse) -> [(BTreeMap<String, u64>, u64); 2] {
    [0, 1].map(|index| {
        let interface = &node.interfaces[index];
        // The others count looks at a ring that was empty, not packets.
        let full = |queue: &v1::QueueStatus| {
            queue.socket_drops["receive_dropped"] + queue.socket_drops["receive_ring_full"]
        };
        let counters = interface.counters.iter().map(|(name, count)| (name.clone(), *count)).collect();
        (counters, interface.queues.iter().map(full).sum())
    })
}

#[test]
#[ignore = "needs root: makes network namespaces and attaches XDP programs"]
fn netns_junk_at_ten_times_the_media_rate_is_counted_by_reason_and_calls_go_on() {
    let overload = Overload::new();
    let Overload { bed, relay } = &overload;
    bed.control(async || {
        let mut client = relay.front_end().await;
        let mut operator = relay.operator().await;
        let (_, cost) = capacity(&operator.get_node().await.unwrap());
        let rate = (LIMIT * 1e9 / (2.0 * cost * SESSIONS)) as u32;
        let mut calls = Vec::new();
        let mut used = HashSet::new();
        // Half of what it can carry.
        for number in 0..4 {
            let call = overload.offer(&mut client, number, rate).await.unwrap();
            used.extend(call.phones.iter().map(|phone| phone.relay()[0]));
            calls.push(call);
        }
        let junk =
            [(&bed.caller, CALLER, OUTSIDE), (&bed.callee, CALLEE, INSIDE)].map(|(namespace, own, relay)| {
                let address = |port| SocketAddr::new(relay[0].parse().unwrap(), port);
                let nobody = (20_000..20_100).map(address).find(|port| !used.contains(port)).unwrap();
                let stranger = namespace.run(|| UdpSocket::bind((own[0], 0)).unwrap()).unwrap();
                Junk { stranger, nobody }
            });
        begin(&mut client, &mut calls).await;
        let before = interfaces(&operator.get_node().await.unwrap());

        let (said, lost) =
            talk(&mut calls, rate, |call, side, wire| junk[side].send(&call.phones[side], wire));

        // Everything that was sent is counted in one place and no other.
        let sides = calls.len() as u64;
        let each = [
            ("unknown_port", 2 * said),
            ("wrong_source", 2 * said),
            ("authentication_failed", 2 * said),
            ("replayed", 2 * said),
            ("rtp_length", said),
            ("too_short", said),
        ];
        let in_kernel = |reason: &str| ["unknown_port", "rtp_length"].contains(&reason);
        eventually("all is accounted for", async || {
            let after = interfaces(&operator.get_node().await.unwrap());
            let mut sessions = Vec::new();
            for call in &calls {
                sessions.push(client.get_session(&call.id).await.unwrap());
            }
            let mut settled = true;
            for side in 0..2 {
                let since = |name: &str| {
                    let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or_default();
                    of(&after[side].0) - of(&before[side].0)
                };
                // The program sees every packet; what it redirects, the socket may have no room for.
                let redirected = since("redirected");
                assert!(redirected <= sides * 8 * said);
                let unheard = after[side].1 - before[side].1;
                let judged: u64 = calls
                    .iter()
                    .zip(&sessions)
                    .map(|(call, session)| {
                        let earlier = call.before.as_ref().unwrap();
                        let drops: u64 = dropped(earlier, session, side).values().sum();
                        received(session, side).packets - received(earlier, side).packets + drops
                    })
                    .sum();
                settled &= redirected == sides * 8 * said && redirected == judged + unheard;
                settled &= each
                    .iter()
                    .filter(|(reason, _)| in_kernel(reason))
                    .all(|(reason, count)| since(reason) == sides * count);
                if settled && unheard == 0 {
                    let expected: BTreeMap<String, u64> = (each.iter())
                        .filter(|(reason, _)| !in_kernel(reason))
                        .map(|(reason, count)| ((*reason).to_owned(), *count))
                        .collect();
                    for (call, session) in calls.iter().zip(&sessions) {
                        assert_eq!(dropped(call.before.as_ref().unwrap(), session, side), expected);
                    }
                }
            }
            settled.then_some(())
        })
        .await;

        // All counted: what is not heard now is lost.
        let lost = lost + end(&mut calls, all_heard).await;
        let media = 2 * sides * said;
        assert!(lost * 1000 <= media, "{lost} of {media} packets of media were lost");
    });
}
