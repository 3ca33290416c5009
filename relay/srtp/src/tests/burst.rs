// SPDX-License-Identifier: MIT OR Apache-2.0
//! A burst is its packets one by one: whatever they are, on every path, down to each byte and each field of state.

mod build;
mod scenario;

use core::fmt::{Debug, Display};
use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use self::build::{Arrived, arrivals, header_length, table};
use self::scenario::{Scenario, scenario};
use super::harness::{Table, paths};
use crate::{
    Contexts, Kind, Onward, Packet, Path, ReceiveContext, Reject, Relay, SendContext, protect_burst,
    rekey_burst, unprotect_burst,
};

/// What the relay was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Call {
    place: usize,
    context: u32,
    kind: Kind,
    ssrc: u32,
    index: u64,
    header: Vec<u8>,
}

impl Call {
    fn of(place: usize, packet: &Packet<'_>) -> Call {
        Call {
            place,
            context: packet.context,
            kind: packet.kind,
            ssrc: packet.ssrc,
            index: packet.index,
            header: packet.bytes()[..header_length(packet.kind, packet.bytes())].to_vec(),
        }
    }
}

/// A relay that knows its answers before, and writes down what it is asked.
struct Router<'o> {
    table: Table,
    onward: &'o [Onward],
    /// The place of the burst's first packet.
    first: usize,
    calls: Vec<Call>,
}

impl Contexts for Router<'_> {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.table.receive(id)
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.table.receive_mut(id)
    }

    fn send(&self, id: u32) -> Option<&SendContext> {
        self.table.send(id)
    }

    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        self.table.send_mut(id)
    }
}

impl Relay for Router<'_> {
    fn accept(&mut self, place: usize, packet: &Packet<'_>) -> Onward {
        let place = self.first + place;
        self.calls.push(Call::of(place, packet));
        self.onward[place]
    }
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Operation {
    Rekey,
    Unprotect,
    Protect,
}

/// What has become of packets and contexts.
struct Outcome {
    arrived: Vec<Arrived>,
    table: Table,
    calls: Vec<Call>,
}

/// The scenario in calls of as many packets as it says.
fn in_bursts(operation: Operation, scenario: &Scenario, mut arrived: Vec<Arrived>, table: Table) -> Outcome {
    let onward: Vec<_> = arrived.iter().map(|arrived| arrived.onward).collect();
    let mut router = Router { table, onward: &onward, first: 0, calls: Vec::new() };
    for burst in arrived.chunks_mut(scenario.burst) {
        let mut packets: Vec<_> = burst.iter_mut().map(Arrived::packet).collect();
        match operation {
            Operation::Rekey => rekey_burst(&mut packets, &mut router),
            Operation::Unprotect => unprotect_burst(&mut packets, &mut router.table),
            Operation::Protect => protect_burst(&mut packets, &mut router.table),
        }
        let said: Vec<_> = packets.iter().map(|p| (p.length, p.outcome, p.ssrc, p.index)).collect();
        for (arrived, said) in burst.iter_mut().zip(said) {
            (arrived.length, arrived.outcome, arrived.ssrc, arrived.index) = said;
        }
        router.first += burst.len();
    }
    Outcome { arrived, table: router.table, calls: router.calls }
}

/// The same, one packet at a time through one context at a time.
fn one_by_one(operation: Operation, mut arrived: Vec<Arrived>, mut table: Table) -> Outcome {
    let mut calls = Vec::new();
    for (place, arrived) in arrived.iter_mut().enumerate().filter(|(_, arrived)| arrived.outcome.is_ok()) {
        let before = arrived.clone();
        if operation == Operation::Protect {
            single(arrived, |packet| protect_burst(packet, &mut table));
            continue;
        }
        single(arrived, |packet| unprotect_burst(packet, &mut table));
        if arrived.outcome.is_err() {
            continue;
        }
        assert!(arrived.bytes() == arrived.plain, "packet {place} is not what was protected");
        if operation == Operation::Unprotect {
            continue;
        }
        let (ssrc, index) = (arrived.ssrc, arrived.index);
        let mut packet = arrived.packet();
        (packet.ssrc, packet.index) = (ssrc, index);
        calls.push(Call::of(place, &packet));
        match arrived.onward {
            Onward::Clear => {}
            Onward::Nowhere => arrived.length = before.length,
            Onward::Protect => {
                single(arrived, |packet| protect_burst(packet, &mut table));
                if arrived.outcome.is_err() {
                    let outcome = arrived.outcome;
                    *arrived = before;
                    (arrived.outcome, arrived.ssrc, arrived.index) = (outcome, ssrc, index);
                }
            }
        }
    }
    Outcome { arrived, table, calls }
}

fn single(arrived: &mut Arrived, run: impl FnOnce(&mut [Packet<'_>])) {
    let mut packet = arrived.packet();
    run(core::slice::from_mut(&mut packet));
    let said = (packet.length, packet.outcome, packet.ssrc, packet.index);
    (arrived.length, arrived.outcome, arrived.ssrc, arrived.index) = said;
}

fn same<T: PartialEq + Debug>(got: T, wanted: T, what: impl Display) -> Result<(), TestCaseError> {
    prop_assert!(got == wanted, "{}: {:?} instead of {:?}", what, got, wanted);
    Ok(())
}

/// Holds a run against the reference.
fn compare(
    operation: Operation,
    name: &str,
    came: &[Arrived],
    result: &Outcome,
    expected: &Outcome,
) -> Result<(), TestCaseError> {
    for (place, ((came, got), wanted)) in came.iter().zip(&result.arrived).zip(&expected.arrived).enumerate()
    {
        let what = format!("{name} packet {place}");
        let said = |a: &Arrived| (a.outcome, a.length, a.ssrc, a.index);
        same(said(got), said(wanted), &what)?;
        if got.outcome.is_err() {
            prop_assert!(got.is_untouched(came), "{} is rejected and changed", what);
            continue;
        }
        let longest = came.length.max(got.length);
        prop_assert!(got.is_untouched_from(longest, came), "{} has changed what is around it", what);
        if operation != Operation::Rekey || got.onward != Onward::Nowhere {
            same(got.bytes(), wanted.bytes(), &what)?;
        }
    }
    same(&result.calls, &expected.calls, name)?;
    for (leg, (got, wanted)) in result.table.receive.iter().zip(&expected.table.receive).enumerate() {
        same(got.state(), wanted.state(), format_args!("{name} receive context {leg}"))?;
    }
    for (leg, (got, wanted)) in result.table.send.iter().zip(&expected.table.send).enumerate() {
        same(got.snapshot(), wanted.snapshot(), format_args!("{name} send context {leg}"))?;
    }
    Ok(())
}

/// Each path for both contexts of a leg, and the slowest and the fastest side by side.
fn pairs() -> impl Iterator<Item = (Path, Path)> {
    let fastest = paths().next().unwrap();
    paths().map(|path| (path, path)).chain([(fastest, Path::Portable), (Path::Portable, fastest)])
}

fn check(operation: Operation, times: u32) {
    let default = ProptestConfig::default();
    let cases = times * default.cases;
    let config = ProptestConfig { cases, failure_persistence: None, ..default };
    let outcomes = RefCell::new([0; Reject::ALL.len() + 1]);
    TestRunner::new(config)
        .run(&scenario(), |scenario| {
            let came = arrivals(&scenario, operation == Operation::Protect);
            let expected =
                one_by_one(operation, came.clone(), table(&scenario, Path::Portable, Path::Portable));
            for arrived in came.iter().zip(&expected.arrived).filter(|(came, _)| came.outcome.is_ok()) {
                let outcome = arrived.1.outcome.map_or_else(|reject| 1 + reject as usize, |()| 0);
                outcomes.borrow_mut()[outcome] += 1;
            }
            for (receive_on, send_on) in pairs() {
                let table = table(&scenario, receive_on, send_on);
                let result = in_bursts(operation, &scenario, came.clone(), table);
                let name = format!("{operation:?} from {receive_on} to {send_on}:");
                compare(operation, &name, &came, &result, &expected)?;
            }
            Ok(())
        })
        .unwrap();
    // What never happens was not tested.
    let outcomes = outcomes.into_inner();
    let possible = |reject: &Reject| match operation {
        // No context here protects headers.
        _ if *reject == Reject::HeaderUnprotected => false,
        Operation::Rekey => true,
        Operation::Unprotect => !matches!(reject, Reject::IndexReused | Reject::NoRoom),
        Operation::Protect => {
            !matches!(reject, Reject::UnknownMki | Reject::AuthenticationFailed | Reject::Replayed)
        }
    };
    assert!(outcomes[0] > outcomes.iter().sum::<u32>() / 4, "{operation:?} {outcomes:?}");
    // No context here protects headers: `tests::headers` has those.
    let without = |reject: &Reject| *reject != Reject::HeaderUnprotected;
    for reject in Reject::ALL.into_iter().filter(without).filter(possible) {
        assert!(outcomes[1 + reject as usize] > 0, "{operation:?} {reject}: {outcomes:?}");
    }
}

#[test]
fn rekeying_a_burst_is_rekeying_its_packets() {
    check(Operation::Rekey, 4);
}

#[test]
fn unprotecting_a_burst_is_unprotecting_its_packets() {
    check(Operation::Unprotect, 2);
}

#[test]
fn protecting_a_burst_is_protecting_its_packets() {
    check(Operation::Protect, 1);
}
