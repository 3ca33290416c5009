// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may happen to a relay, as proptest draws it.

use proptest::prelude::*;
use proptest::sample::select;

use crate::index::{MAX_INDEX, MAX_RTCP_INDEX};
use crate::{Kind, Onward, Reject, Suite};

/// Streams that packets name. Contexts have room for fewer.
pub(super) const STREAMS: usize = 5;

/// Legs with their contexts, and the packets that come for them.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) legs: Vec<Leg>,
    pub(super) arrivals: Vec<Arrival>,
    /// Packets of one call.
    pub(super) burst: usize,
}

/// One key set.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) suite: Suite,
    /// Drawn from few, so that sets share keys.
    pub(super) seed: u8,
    /// Master keys with an MKI of so many bytes. With 0 there is one key.
    pub(super) mki_length: usize,
    pub(super) count: usize,
    pub(super) lifetime: Option<u64>,
}

/// The two contexts of an id.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// The newest set, and those that it has replaced.
    pub(super) receive: Vec<Keys>,
    pub(super) send: Keys,
    /// Room for streams on both sides.
    pub(super) room: [usize; 2],
    pub(super) streams: [Stream; STREAMS],
}

/// Where a stream stands at first.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) index: u64,
    /// The receiver has heard packets up to there.
    pub(super) heard: bool,
    /// How far from there the sender stands, if it has sent packets.
    pub(super) sent: Option<i64>,
    pub(super) rtcp: u64,
}

/// A packet of the burst.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) leg: usize,
    pub(super) kind: Kind,
    pub(super) stream: usize,
    pub(super) step: Step,
    /// Under which set and key.
    pub(super) set: usize,
    pub(super) key: usize,
    pub(super) shape: Shape,
    pub(super) damage: Damage,
    pub(super) buffer: Buffer,
    pub(super) refused: Option<Reject>,
    pub(super) onward: Onward,
}

/// What follows the index.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// From the highest index so far.
    By(i64),
    /// A sender that starts afresh.
    Afresh(u64),
    /// The bytes of the packet so many before.
    Again(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) csrcs: u8,
    pub(super) extension: Option<u16>,
    pub(super) padding: bool,
    pub(super) payload: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Damage {
    None,
    Header(usize, u8),
    Payload(usize, u8),
    Tag(usize, u8),
    Mki(usize, u8),
    Index(usize, u8),
    /// Only so many bytes have come.
    Cut(usize),
    /// So many bytes are missing.
    Short(usize),
    /// So many bytes are too many.
    Long(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Buffer {
    /// Where it starts, seen from an aligned address.
    pub(super) offset: usize,
    /// Room behind the packet; below 0 the packet claims more than there is.
    pub(super) room: isize,
}

fn keys() -> impl Strategy<Value = Keys> {
    let lifetime = prop_oneof![3 => Just(None), 1 => (1_u64..60).prop_map(Some)];
    let mki =
        prop_oneof![3 => Just((0, 1)), 2 => (1_usize..=4, 1_usize..=3), 1 => (100_usize..=128, 1_usize..=2)];
    (select(&Suite::ALL[..]), 0_u8..3, mki, lifetime).prop_map(
        |(suite, seed, (mki_length, count), lifetime)| Keys { suite, seed, mki_length, count, lifetime },
    )
}

/// Re-keys mostly keep the suite.
fn replaced() -> impl Strategy<Value = Vec<Keys>> {
    (keys(), prop::collection::vec((keys(), 0..4_u8), 0..=2)).prop_map(|(newest, others)| {
        let suite = newest.suite;
        let others = others.into_iter().map(|(keys, other)| match other {
            0 => keys,
            _ => Keys { suite, ..keys },
        });
        std::iter::once(newest.clone()).chain(others).collect()
    })
}

fn stream() -> impl Strategy<Value = Stream> {
    let index = prop_oneof![
        2 => 0_u64..400,
        4 => 0xff80_u64..0x1_0080,
        2 => (1_u64..0xffff_ffff, 0_u64..200).prop_map(|(cycle, behind)| (cycle << 16) - behind),
        1 => 0x7f00_u64..0x8100,
        2 => MAX_INDEX - 100..=MAX_INDEX,
        1 => 0..=MAX_INDEX,
    ];
    let sent = prop_oneof![
        3 => Just(None),
        3 => Just(Some(0)),
        3 => (-20_i64..40).prop_map(Some),
        1 => (-70_000_i64..70_000).prop_map(Some),
    ];
    let rtcp = prop_oneof![3 => 0_u64..200, 1 => MAX_RTCP_INDEX - 20..=MAX_RTCP_INDEX];
    (index, prop::bool::weighted(0.7), sent, rtcp).prop_map(|(index, heard, sent, rtcp)| Stream {
        index: if heard { index } else { index & 0xffff },
        heard,
        sent,
        rtcp,
    })
}

fn leg() -> impl Strategy<Value = Leg> {
    let streams = [stream(), stream(), stream(), stream(), stream()];
    (replaced(), keys(), [2..=STREAMS, 2..=STREAMS], streams).prop_map(|(receive, send, room, streams)| Leg {
        receive,
        send,
        room,
        streams,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let payload = prop_oneof![
        4 => 0_usize..300,
        2 => (0_usize..24, 0_usize..3).prop_map(|(vectors, more)| (64 * vectors + more).saturating_sub(1)),
        1 => (0_usize..90, 0_usize..3).prop_map(|(blocks, more)| (16 * blocks + more).saturating_sub(1)),
        2 => 0_usize..=1500,
    ];
    let csrcs = prop_oneof![4 => Just(0_u8), 1 => 0_u8..=15];
    let extension = prop_oneof![4 => Just(None), 1 => (0_u16..20).prop_map(Some)];
    (csrcs, extension, prop::bool::weighted(0.1), payload)
        .prop_map(|(csrcs, extension, padding, payload)| Shape { csrcs, extension, padding, payload })
}

fn damage() -> impl Strategy<Value = Damage> {
    let bit = || (0_usize..2000, 0_u8..8);
    prop_oneof![
        40 => Just(Damage::None),
        1 => bit().prop_map(|(at, bit)| Damage::Header(at, bit)),
        2 => bit().prop_map(|(at, bit)| Damage::Payload(at, bit)),
        2 => bit().prop_map(|(at, bit)| Damage::Tag(at, bit)),
        2 => bit().prop_map(|(at, bit)| Damage::Mki(at, bit)),
        1 => bit().prop_map(|(at, bit)| Damage::Index(at, bit)),
        1 => (0_usize..60).prop_map(Damage::Cut),
        1 => (1_usize..40).prop_map(Damage::Short),
        1 => (1_usize..40).prop_map(Damage::Long),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        14 => Just(Step::By(1)),
        2 => (-3_i64..5).prop_map(Step::By),
        1 => (-140_i64..200).prop_map(Step::By),
        1 => (-40_000_i64..40_000).prop_map(Step::By),
        1 => (0_u64..0x1_0000).prop_map(Step::Afresh),
        2 => (0_usize..70).prop_map(Step::Again),
    ]
}

fn arrival(legs: usize) -> impl Strategy<Value = Arrival> {
    let kind = prop_oneof![6 => Just(Kind::Rtp), 1 => Just(Kind::Rtcp)];
    let onward =
        prop_oneof![8 => Just(Onward::Protect), 3 => Just(Onward::Clear), 1 => Just(Onward::Nowhere)];
    let refused = prop_oneof![30 => Just(None), 1 => select(&Reject::ALL[..]).prop_map(Some)];
    let room = prop_oneof![12 => Just(148_isize), 2 => -4_isize..30];
    let leg = prop_oneof![40 => 0..legs, 1 => Just(legs)];
    let set = prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => Just(2)];
    let stream = prop_oneof![3 => Just(0_usize), 2 => 0..STREAMS];
    let place = (leg, kind, stream, step(), set, 0_usize..3);
    (place, shape(), damage(), (0_usize..64, room), refused, onward).prop_map(
        |((leg, kind, stream, step, set, key), shape, damage, (offset, room), refused, onward)| Arrival {
            leg,
            kind,
            stream,
            step,
            set,
            key,
            shape,
            damage,
            buffer: Buffer { offset, room },
            refused,
            onward,
        },
    )
}

pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    let burst = prop_oneof![6 => Just(150_usize), 1 => 1_usize..=150];
    (prop::collection::vec(leg(), 1..=3), burst).prop_flat_map(|(legs, burst)| {
        let arrivals = prop::collection::vec(arrival(legs.len()), 1..=150);
        (Just(legs), arrivals, Just(burst)).prop_map(|(legs, arrivals, burst)| Scenario {
            legs,
            arrivals,
            burst,
        })
    })
}
