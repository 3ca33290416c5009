// SPDX-License-Identifier: MIT OR Apache-2.0
//! Under which keys the legs of a session have been used, for its receipt.

use std::collections::BTreeMap;
use std::time::SystemTime;

use culvert_audit::{
    Credential, Direction, Encryption, End, KeyUse, Leg, Media, MediaKind, Receipt, Received, Sent,
};
use culvert_engine::{DropReason, FlowCounters};
use culvert_session::{AuthorityState, EncryptionLevel, FlowKey, KeyId, LegView, SessionView};

/// Uses of keys that are kept of each direction of a leg. Further ones are counted.
const MOST_USES: usize = 64;

/// One session's keys so far.
#[derive(Debug)]
pub(super) struct Ledger {
    /// By media and leg.
    legs: Vec<[LegLedger; 2]>,
}

/// By direction: receive, send.
type LegLedger = [Uses; 2];

#[derive(Debug, Default)]
struct Uses {
    over: Vec<Use>,
    omitted: u64,
    now: Option<Use>,
}

#[derive(Clone, Debug)]
struct Use {
    suite: &'static str,
    key: Option<KeyId>,
    from: SystemTime,
    /// When it is over.
    packets: u64,
}

impl Uses {
    fn end(&mut self, packets: u64) {
        let Some(now) = self.now.take() else { return };
        if self.over.len() < MOST_USES {
            self.over.push(Use { packets, ..now });
        } else {
            self.omitted += 1;
        }
    }
}

impl Ledger {
    pub(super) fn new(view: &SessionView, now: SystemTime) -> Ledger {
        let mut ledger = Ledger { legs: view.media.iter().map(|_| Default::default()).collect() };
        ledger.follow(view, now, |_, _| 0);
        ledger
    }

    /// Notes what a change has made of the keys. `packets` tells how many a flow has had under the keys of a direction
    /// until now: to be asked before the change is carried out.
    pub(super) fn follow(
        &mut self,
        view: &SessionView,
        now: SystemTime,
        packets: impl Fn(&FlowKey, Direction) -> u64,
    ) {
        for (ledgers, (number, media)) in self.legs.iter_mut().zip((0u8..).zip(&view.media)) {
            for ((ledger, leg), place) in ledgers.iter_mut().zip(&media.legs).zip(0u8..) {
                for (uses, direction) in ledger.iter_mut().zip(DIRECTIONS) {
                    let next = in_force(leg, direction);
                    if next == uses.now.as_ref().map(|now| (now.suite, now.key)) {
                        continue;
                    }
                    uses.end(packets(&flow(view, number, place, direction), direction));
                    uses.now = next.map(|(suite, key)| Use { suite, key, from: now, packets: 0 });
                }
            }
        }
    }

    /// The receipt of a session that has ended. `counters` finds those of its flows, which count no more.
    pub(super) fn receipt<'c>(
        mut self,
        view: &SessionView,
        node: &str,
        stopped: bool,
        now: SystemTime,
        counters: impl Fn(&FlowKey) -> Option<&'c FlowCounters>,
    ) -> Receipt {
        let packets = |key: &FlowKey, direction| counters(key).map_or(0, |flow| under_keys(flow, direction));
        let mut media = Vec::with_capacity(view.media.len());
        for (ledgers, (number, of)) in self.legs.iter_mut().zip((0u8..).zip(&view.media)) {
            let mut leg = |place: u8| {
                let view_of = &of.legs[usize::from(place & 1)];
                let ledger = &mut ledgers[usize::from(place & 1)];
                for (uses, direction) in ledger.iter_mut().zip(DIRECTIONS) {
                    uses.end(packets(&flow(view, number, place, direction), direction));
                }
                let arriving = counters(&flow(view, number, place, Direction::Receive));
                let leaving = counters(&flow(view, number, place, Direction::Send));
                self::leg(view_of, ledger, arriving, leaving)
            };
            media.push(Media { kind: kind(of.kind), legs: [leg(0), leg(1)] });
        }
        Receipt {
            session_id: view.id.to_string(),
            owner: view.owner.to_string(),
            node: node.to_owned(),
            created: view.created.into(),
            ended: now.into(),
            end: end(view, stopped),
            media,
        }
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Receive, Direction::Send];

/// The flow that arrives at a leg, or leaves by it.
fn flow(view: &SessionView, media: u8, leg: u8, direction: Direction) -> FlowKey {
    let from_leg = match direction {
        Direction::Receive => leg,
        Direction::Send => 1 - leg,
    };
    FlowKey { session: view.id.clone(), media, from_leg }
}

/// Packets of a flow under the keys that it has now, or in clear.
pub(super) fn under_keys(flow: &FlowCounters, direction: Direction) -> u64 {
    let engine = match direction {
        Direction::Receive => culvert_engine::Direction::Receive,
        Direction::Send => culvert_engine::Direction::Send,
    };
    flow.key_packets(engine)
}

fn in_force(leg: &LegView, direction: Direction) -> Option<(&'static str, Option<KeyId>)> {
    let [receive, send] = leg.key_ids;
    let key = if direction == Direction::Receive { receive } else { send };
    (leg.protection == "plain" || key.is_some()).then_some((leg.protection, key))
}

fn leg(
    view: &LegView,
    ledger: &mut LegLedger,
    arriving: Option<&FlowCounters>,
    leaving: Option<&FlowCounters>,
) -> Leg {
    let omitted = ledger.iter().map(|uses| uses.omitted).sum();
    let mut keys = Vec::new();
    for (uses, direction) in ledger.iter_mut().zip(DIRECTIONS) {
        keys.extend(uses.over.drain(..).map(|over| KeyUse {
            direction,
            suite: over.suite.to_owned(),
            key: over.key.and_then(|key| culvert_audit::KeyId::new(key.to_string()).ok()),
            from: over.from.into(),
            packets: over.packets,
        }));
    }
    Leg {
        realm: view.realm.clone(),
        encryption: match view.encryption {
            EncryptionLevel::Required => Encryption::Required,
            EncryptionLevel::Supported => Encryption::Supported,
            EncryptionLevel::NotSupported => Encryption::NotSupported,
        },
        credential: view.authority.as_ref().map(|authority| Credential {
            id: authority.credential.id.to_string(),
            identity: authority
                .credential
                .claims
                .subject
                .identity()
                .map(|identity| identity.as_str().to_owned())
                .unwrap_or_default(),
        }),
        keys,
        keys_omitted: omitted,
        received: arriving.map(received).unwrap_or_default(),
        sent: leaving
            .map(|flow| Sent { plain_packets: flow.plain_packets(), plain_bytes: flow.plain_bytes() })
            .unwrap_or_default(),
    }
}

fn received(flow: &FlowCounters) -> Received {
    let drops: BTreeMap<String, u64> = flow
        .drops()
        .filter(|(reason, _)| *reason != DropReason::AuthenticationFailed)
        .map(|(reason, count)| (reason.name().to_owned(), count))
        .collect();
    Received {
        packets: flow.packets(),
        bytes: flow.bytes(),
        rtcp_packets: flow.rtcp_packets(),
        authentication_failed: flow.dropped(DropReason::AuthenticationFailed),
        drops,
    }
}

fn kind(kind: culvert_session::MediaKind) -> MediaKind {
    match kind {
        culvert_session::MediaKind::Audio => MediaKind::Audio,
        culvert_session::MediaKind::Video => MediaKind::Video,
        culvert_session::MediaKind::ApplicationSharing => MediaKind::ApplicationSharing,
    }
}

/// Why it carried nothing any more at the end.
fn end(view: &SessionView, stopped: bool) -> End {
    let states = || view.media.iter().flat_map(|media| &media.legs).filter_map(|leg| leg.authority.as_ref());
    if states().any(|authority| authority.state == AuthorityState::Revoked) {
        End::Revoked
    } else if states().any(|authority| authority.state == AuthorityState::Expired) {
        End::Expired
    } else if stopped {
        End::Stopped
    } else {
        End::Deleted
    }
}
