// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is judged of facts. Faults that can be made on a running relay are in `tests/explain`.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use culvert_api::v1::FindingKind as Kind;
use culvert_engine::{
    Direction, DropReason, Egress, Note, ProtectionStanding, Shape, SideStanding, SourceRule, Standing,
    Tried, Via,
};
use culvert_session::{
    EncryptionLevel, LegView, MediaKind, MediaView, Owner, Remote, SessionId, SessionView, SourceRule as Rule,
};
use culvert_srtp::{Authentic, MkiFit, Suite};
use culvert_wire::Endpoint;

use super::{Counts, Facts, FlowFacts, Loss, judge};

const SUITE: Suite = Suite::AesCm128HmacSha1_80;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn leg(realm: &str) -> LegView {
    let rtp = address("192.0.2.1:20000");
    LegView {
        realm: realm.to_owned(),
        local: Remote { rtp, rtcp: rtp },
        bound: Remote { rtp, rtcp: rtp },
        signalled: None,
        learnt: [None; 2],
        protection: SUITE.name(),
        encryption: EncryptionLevel::Required,
        peer_class: String::new(),
        source: Rule::Learn,
        rtcp_mux: true,
        held: false,
        dscp: None,
        receive_ready: true,
        send_ready: true,
        rekeys: 0,
        authority: None,
        key_ids: [None, None],
    }
}

fn standing() -> Standing {
    let side = SideStanding { required: true, protection: ProtectionStanding::Srtp(SUITE) };
    let egress = Egress {
        local: Endpoint::from(address("192.0.2.1:20002")),
        remote: Some(Endpoint::from(address("192.0.2.9:4000"))),
        via: Via::Unresolved,
    };
    Standing {
        receive: side,
        send: side,
        held: false,
        sources: [SourceRule::Learn; 2],
        egress: [egress; 2],
        resolved: [true; 2],
    }
}

/// A call of one medium over AF_XDP in which both sides are heard.
fn facts() -> Facts {
    let flow = |leg| FlowFacts {
        media: 0,
        leg,
        counts: Counts { relayed: 100, rtcp: 0, dropped: Vec::new() },
        silent_for: Some(Duration::from_millis(5)),
        notes: Vec::new(),
        standing: Some(standing()),
    };
    let media = MediaView { kind: MediaKind::Audio, clock_rate: 8000, legs: [leg("outside"), leg("inside")] };
    let view = SessionView {
        id: SessionId::new("s").unwrap(),
        owner: Owner::new("front-end"),
        created: SystemTime::UNIX_EPOCH,
        worker: 0,
        media_timeout: Duration::from_secs(30),
        media: vec![media],
    };
    let losses = vec![
        Loss { interface: Some("wan0".to_owned()), reason: "no_socket", packets: 0 },
        Loss { interface: None, reason: "handover_full", packets: 0 },
        Loss { interface: None, reason: "unreachable", packets: 0 },
    ];
    Facts { observed: Duration::from_secs(2), xdp: true, view, flows: vec![flow(0), flow(1)], losses }
}

fn verdicts(facts: &Facts) -> Vec<(Kind, u32)> {
    judge(facts).iter().map(|finding| (finding.kind(), finding.leg)).collect()
}

fn note(dropped: DropReason, payload: u16, tried: Tried) -> Note {
    let shape = Shape::Rtp { payload_type: 0, sequence: 7, timestamp: 0, ssrc: 9, payload, repeats: false };
    let source = Endpoint::from(address("192.0.2.8:4000"));
    Note { dropped: Some(dropped), source, length: payload + 12, shape, tried }
}

fn under(flow: u8, direction: Direction, change: impl Fn(&mut Authentic)) -> Tried {
    let mut authentic = Authentic {
        previous: false,
        suite: SUITE,
        mki: MkiFit::Agreed,
        roll_over_counter: 5,
        unencrypted: false,
    };
    change(&mut authentic);
    Tried::Under { flow, direction, authentic, expected: 5 }
}

#[test]
fn each_reason_has_its_kind() {
    use DropReason as Reason;
    for reason in Reason::ALL.into_iter().take(Reason::FLOW_COUNT) {
        let mut facts = facts();
        facts.flows[1].counts.dropped = vec![(reason, 3)];
        let kind = match reason {
            Reason::KeyExpired => Kind::KeyExpired,
            // Nobody has looked at the packets.
            Reason::AuthenticationFailed | Reason::UnknownMki | Reason::TooShort => Kind::UnknownKey,
            Reason::Replayed | Reason::TooOld | Reason::IndexReused => Kind::Replayed,
            Reason::WrongSource => Kind::WrongSource,
            Reason::NotReady | Reason::NoRemote => Kind::NotReady,
            Reason::Held => Kind::Held,
            Reason::NextHopUnresolved => Kind::NextHopUnresolved,
            Reason::ExceedsMtu | Reason::NoRoom => Kind::ExceedsMtu,
            Reason::TooManySsrcs => Kind::UnknownSsrc,
            Reason::OverBandwidth => Kind::OverBandwidth,
            _ => Kind::Other,
        };
        assert_eq!(verdicts(&facts), [(kind, 1)], "{reason}");
    }
}

#[test]
fn a_packet_is_read_by_the_key_that_fits() {
    use Direction::{Receive, Send};
    let nowhere = Tried::Nowhere { all: true };
    for (tried, payload, kind) in [
        (under(0, Receive, |it| it.roll_over_counter = 6), 170, Kind::WrongRollOverCounter),
        (under(0, Receive, |it| it.previous = true), 170, Kind::WrongKey),
        (under(0, Receive, |it| it.suite = Suite::AesCm128HmacSha1_32), 164, Kind::WrongSuite),
        (under(0, Receive, |it| it.mki = MkiFit::Missing), 170, Kind::WrongKey),
        (under(0, Receive, |it| it.unencrypted = true), 170, Kind::Plain),
        (under(0, Send, |_| {}), 170, Kind::WrongKey),
        (under(1, Receive, |_| {}), 170, Kind::WrongKey),
        (under(1, Send, |_| {}), 170, Kind::KeyOfOtherDirection),
        (nowhere, 170, Kind::UnknownKey),
        (nowhere, 160, Kind::Plain),
        (nowhere, 164, Kind::WrongSuite),
        (nowhere, 176, Kind::WrongSuite),
        (nowhere, 33, Kind::UnknownKey),
    ] {
        let mut facts = facts();
        facts.flows[0].counts =
            Counts { dropped: vec![(DropReason::AuthenticationFailed, 9)], ..Counts::default() };
        facts.flows[0].notes = vec![note(DropReason::AuthenticationFailed, payload, tried)];
        assert_eq!(verdicts(&facts), [(kind, 0)], "{tried:?} {payload}");
    }
}

#[test]
fn what_lets_nothing_pass_comes_before_losses_and_the_most_of_it_first() {
    let mut facts = facts();
    facts.flows[0].counts.dropped = vec![(DropReason::Replayed, 1000)];
    facts.flows[1].counts = Counts {
        relayed: 0,
        rtcp: 0,
        dropped: vec![(DropReason::TooManySsrcs, 2), (DropReason::WrongSource, 30)],
    };
    assert_eq!(verdicts(&facts), [(Kind::WrongSource, 1), (Kind::UnknownSsrc, 1), (Kind::Replayed, 0)]);
}

#[test]
fn silence_is_explained_by_what_is_lost_before_the_flow() {
    let mut facts = facts();
    facts.flows[1].counts = Counts::default();
    assert_eq!(verdicts(&facts), [(Kind::OneWay, 1)]);
    facts.losses[0].packets = 40;
    let findings = judge(&facts);
    assert_eq!((findings.len(), findings[0].kind(), findings[0].leg), (1, Kind::WrongQueue, 1));
    assert_eq!(findings[0].evidence[2], "wan0: 40 packets to relay ports lost as no_socket");
    // Others' packets, as long as this session's arrive.
    facts.flows[1].counts.relayed = 1;
    assert_eq!(verdicts(&facts), []);
    facts.losses[1].packets = 1;
    assert_eq!(verdicts(&facts), [(Kind::WrongQueue, 0)]);
}

#[test]
fn a_next_hop_is_the_relays_own_business_over_xdp_only() {
    let mut facts = facts();
    facts.flows[0].standing.as_mut().unwrap().resolved = [false; 2];
    assert_eq!(verdicts(&facts), [(Kind::NextHopUnresolved, 0)]);
    facts.xdp = false;
    assert_eq!(verdicts(&facts), []);
}

#[test]
fn rtcp_alone_is_silence() {
    let mut facts = facts();
    facts.flows[0].counts = Counts { relayed: 2, rtcp: 2, dropped: Vec::new() };
    assert_eq!(verdicts(&facts), [(Kind::OneWay, 0)]);
}

#[test]
fn counts_since_a_moment_are_those_after_it() {
    let before = Counts { relayed: 5, rtcp: 1, dropped: vec![(DropReason::Held, 2), (DropReason::Stun, 1)] };
    let after = Counts {
        relayed: 9,
        rtcp: 1,
        dropped: vec![(DropReason::Held, 2), (DropReason::Stun, 4), (DropReason::Zrtp, 1)],
    };
    let dropped = vec![(DropReason::Stun, 3), (DropReason::Zrtp, 1)];
    assert_eq!(after.since(&before), Counts { relayed: 4, rtcp: 0, dropped });
}
