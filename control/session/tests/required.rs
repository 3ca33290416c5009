// SPDX-License-Identifier: MIT OR Apache-2.0
//! No order of requests makes the relay let a leg that requires encryption pass anything in the clear.
#![expect(clippy::unwrap_used, reason = "a step that goes wrong must fail the test")]

mod common;

use common::*;
use culvert_session::{
    Effect, EncryptionLevel, FlowKey, Keys, LegUpdate, ProtectionRequest, Side, SrtpKeys, UpdateRequest,
};
use proptest::prelude::*;

#[derive(Copy, Clone, Debug)]
enum Kind {
    Unset,
    Plain,
    Srtp,
    Null,
    /// Keys of one direction only.
    Half,
}

#[derive(Clone, Debug)]
enum Step {
    Create { id: u8, levels: [EncryptionLevel; 2], kinds: [Kind; 2] },
    Update { id: u8, leg: u32, kind: Kind, held: Option<bool>, moved: bool },
    Delete { id: u8 },
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Unset, Kind::Plain, Kind::Srtp, Kind::Null, Kind::Half])
}

fn level() -> impl Strategy<Value = EncryptionLevel> {
    prop::sample::select(vec![
        EncryptionLevel::Required,
        EncryptionLevel::Supported,
        EncryptionLevel::NotSupported,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..4_u8;
    prop_oneof![
        3 => (id.clone(), [level(), level()], [kind(), kind()])
            .prop_map(|(id, levels, kinds)| Step::Create { id, levels, kinds }),
        8 => (id.clone(), 0..2_u32, kind(), any::<Option<bool>>(), any::<bool>())
            .prop_map(|(id, leg, kind, held, moved)| Step::Update { id, leg, kind, held, moved }),
        1 => id.prop_map(|id| Step::Delete { id }),
    ]
}

fn protection(kind: Kind, number: u32) -> ProtectionRequest {
    let keys = |suite: &str, send: bool| {
        ProtectionRequest::Srtp(SrtpKeys {
            suite: suite.into(),
            receive: vec![key(number)],
            send: if send { vec![key(number + 1)] } else { Vec::new() },
        })
    };
    match kind {
        Kind::Unset => ProtectionRequest::Unset,
        Kind::Plain => ProtectionRequest::Plain,
        Kind::Srtp => keys(SUITE, true),
        Kind::Null => keys("NULL_HMAC_SHA1_80", true),
        Kind::Half => keys(SUITE, false),
    }
}

/// What was seen of legs: those that require encryption, and the others.
#[derive(Debug, Default)]
struct Seen {
    encrypted: usize,
    clear: usize,
}

/// Levels of the sessions, by number.
type Levels = [Option<[EncryptionLevel; 2]>; 4];

fn level_of(levels: &Levels, flow: &FlowKey, send: bool) -> EncryptionLevel {
    let leg = if send { 1 - flow.from_leg } else { flow.from_leg };
    let id: usize = flow.session.as_str().parse().unwrap();
    levels[id].unwrap()[usize::from(leg)]
}

impl Seen {
    fn side(&mut self, level: EncryptionLevel, side: &Side) {
        let clear = match side {
            Side::NotReady { .. } => None,
            Side::Plain(_) => Some(true),
            Side::Srtp { keys, .. } => Some(!keys.suite.encrypts()),
        };
        // What the engine is to hold the leg to.
        assert_eq!(side.permit(), level.permit_clear());
        match level {
            EncryptionLevel::Required => {
                assert_ne!(clear, Some(true), "{side:?}");
                self.encrypted += usize::from(clear.is_some());
            }
            _ => self.clear += usize::from(clear == Some(true)),
        }
    }

    fn keys(&mut self, level: EncryptionLevel, keys: Option<&Keys>) {
        if let (EncryptionLevel::Required, Some(keys)) = (level, keys) {
            assert!(keys.suite.encrypts());
            self.encrypted += 1;
        }
    }

    fn effects(&mut self, levels: &Levels, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::InstallFlow(spec) => {
                    self.side(level_of(levels, &spec.key, false), &spec.receive);
                    self.side(level_of(levels, &spec.key, true), &spec.send);
                }
                Effect::SetReceive { flow, receive, .. } => self.side(level_of(levels, flow, false), receive),
                Effect::SetSend { flow, send, .. } => self.side(level_of(levels, flow, true), send),
                Effect::Rekey { flow, receive, send, .. } => {
                    self.keys(level_of(levels, flow, false), receive.as_ref());
                    self.keys(level_of(levels, flow, true), send.as_ref());
                }
                _ => {}
            }
        }
    }
}

fn run(steps: Vec<Step>) -> Seen {
    let mut node = node();
    let mut levels: Levels = [None; 4];
    let mut seen = Seen::default();
    for (number, step) in steps.into_iter().enumerate() {
        let number = number as u32 * 8;
        match step {
            Step::Create { id, levels: asked, kinds } => {
                let mut wanted = request(&id.to_string(), 0);
                for (leg, wanted) in wanted.media[0].legs.iter_mut().enumerate() {
                    wanted.encryption = Some(asked[leg]);
                    wanted.protection = protection(kinds[leg], number + 2 * leg as u32);
                }
                if let Ok(made) = node.create(&owner(), &wanted, now())
                    && !made.existed
                {
                    levels[usize::from(id)] = Some(asked);
                    seen.effects(&levels, &made.effects);
                }
            }
            Step::Update { id, leg, kind, held, moved } => {
                let address = if leg == 0 { "198.51.100.9" } else { "10.0.0.9" };
                let update = LegUpdate {
                    leg,
                    held,
                    remote: moved.then(|| remote(address, 2000 + number)).flatten(),
                    protection: protection(kind, number),
                    ..LegUpdate::default()
                };
                let request = UpdateRequest { session_id: id.to_string(), legs: vec![update] };
                if let Ok(changed) = node.update(&caller(), &request) {
                    seen.effects(&levels, &changed.effects);
                }
            }
            Step::Delete { id } => {
                if node.delete(&caller(), &id.to_string()).is_ok() {
                    levels[usize::from(id)] = None;
                }
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_order_of_requests_makes_a_required_leg_plain(steps in prop::collection::vec(step(), 1..40)) {
        run(steps);
    }
}

#[test]
fn what_is_looked_for_is_seen_where_it_may_be() {
    use EncryptionLevel::{Required, Supported};
    let create = |levels, kinds| Step::Create { id: 0, levels, kinds };
    let update = |leg, kind| Step::Update { id: 0, leg, kind, held: None, moved: false };
    // Two flows each: what arrives in the clear, and what leaves so.
    let seen = run(vec![create([Required, Supported], [Kind::Srtp, Kind::Plain])]);
    assert_eq!((seen.encrypted, seen.clear), (2, 2));
    // A change of leg 1 through all that it may be; leg 0 refuses the same.
    let changes = [Kind::Srtp, Kind::Null, Kind::Plain];
    for (leg, expected) in [(1, (2, 2 + 2)), (0, (2 + 2, 2))] {
        let mut steps = vec![create([Required, Supported], [Kind::Srtp, Kind::Plain])];
        steps.extend(changes.map(|kind| update(leg, kind)));
        let seen = run(steps);
        assert_eq!((seen.encrypted, seen.clear), expected, "leg {leg}");
    }
}

#[test]
fn only_a_required_leg_has_no_leave_to_be_plain() {
    assert!(EncryptionLevel::Required.permit_clear().is_none());
    assert!(EncryptionLevel::Supported.permit_clear().is_some());
    assert!(EncryptionLevel::NotSupported.permit_clear().is_some());
}
