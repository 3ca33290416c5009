// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run's sessions: made over gRPC, and deleted whatever happens.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use culvert_api::{Client, v1};
use tokio::task::JoinSet;

use crate::keys::LegKeys;
use crate::plan::{LegPlan, Plan, Rate};
use crate::{LoadError, Stop};

/// Requests that are under way at once.
const AT_ONCE: usize = 64;

/// A session as the generator sees it.
pub(crate) struct Call {
    pub(crate) legs: [CallLeg; 2],
}

/// One leg of it.
pub(crate) struct CallLeg {
    /// Which of the generator's local addresses of this leg it has.
    pub(crate) local: usize,
    /// Where the relay receives.
    pub(crate) relay: SocketAddr,
    /// `None`: plain RTP.
    pub(crate) keys: Option<LegKeys>,
}

/// What became of an attempt to make sessions. Those that were made are there even if others were not.
pub(crate) struct Made {
    /// By number; complete if there is no error, and nobody has stopped it.
    pub(crate) calls: Vec<Option<Call>>,
    /// How many the relay was asked for: an answer may have been lost.
    pub(crate) asked: u32,
    pub(crate) error: Option<LoadError>,
}

/// Makes the plan's sessions, of which number `n` has the generator's local address `n * addresses / sessions` on each
/// leg: neighbours share one, so that a burst leaves in few calls.
pub(crate) async fn create(
    client: &Client,
    plan: &Arc<Plan>,
    locals: &[Vec<SocketAddr>; 2],
    stop: &Stop,
) -> Made {
    let mut calls: Vec<Option<Call>> = Vec::new();
    calls.resize_with(plan.sessions as usize, || None);
    let locals = Arc::new(locals.clone());
    let (mut tasks, mut next, mut error) = (JoinSet::new(), 0, None);
    loop {
        while error.is_none() && !stop.is_set() && next < plan.sessions && tasks.len() < AT_ONCE {
            tasks.spawn(create_one(client.clone(), Arc::clone(plan), Arc::clone(&locals), next));
            next += 1;
        }
        match tasks.join_next().await {
            None => break,
            Some(Ok((number, Ok(call)))) => {
                if let Some(slot) = calls.get_mut(number as usize) {
                    *slot = Some(call);
                }
            }
            Some(Ok((_, Err(failed)))) => error = error.or(Some(failed)),
            Some(Err(_)) => error = error.or(Some(LoadError::Thread)),
        }
    }
    // What derives keys leaves parts of them on the stack.
    culvert_secret::scrub_stack();
    Made { calls, asked: next, error }
}

async fn create_one(
    mut client: Client,
    plan: Arc<Plan>,
    locals: Arc<[Vec<SocketAddr>; 2]>,
    number: u32,
) -> (u32, Result<Call, LoadError>) {
    let made = async {
        let session_id = plan.session_id(number);
        let [a, b] = &plan.legs;
        let own = [own_leg(&plan, a, number, &locals[0])?, own_leg(&plan, b, number, &locals[1])?];
        let legs = plan.legs.iter().zip(&own).map(|(leg, own)| message(leg, own.address, own.keys.as_ref()));
        let media = v1::Media {
            kind: v1::MediaKind::Audio.into(),
            clock_rate: 0,
            legs: legs.collect(),
            expected: Some(expected(&plan)),
        };
        let request = v1::CreateSessionRequest {
            session_id: session_id.clone(),
            media: vec![media],
            media_timeout: None,
        };
        let session = client
            .create_session(request)
            .await
            .map_err(|source| LoadError::Relay { session: session_id.clone(), source })?;
        let answered = |own: OwnLeg, leg: usize| -> Result<CallLeg, LoadError> {
            let relay = signalled(&session, leg)
                .ok_or_else(|| LoadError::Answer { session: session_id.clone(), leg })?;
            let address = plan.legs[leg].reach.unwrap_or(relay.ip());
            Ok(CallLeg { local: own.place, relay: SocketAddr::new(address, relay.port()), keys: own.keys })
        };
        let [a, b] = own;
        Ok(Call { legs: [answered(a, 0)?, answered(b, 1)?] })
    };
    (number, made.await)
}

/// A leg before the relay has answered.
struct OwnLeg {
    place: usize,
    address: SocketAddr,
    keys: Option<LegKeys>,
}

fn own_leg(plan: &Plan, leg: &LegPlan, number: u32, addresses: &[SocketAddr]) -> Result<OwnLeg, LoadError> {
    let place = place(number, plan.sessions, addresses.len());
    let address = *addresses.get(place).ok_or_else(|| LoadError::plan("ports", "there are none"))?;
    Ok(OwnLeg { place, address, keys: leg.suite.map(LegKeys::random).transpose()? })
}

fn place(number: u32, sessions: u32, addresses: usize) -> usize {
    (u64::from(number) * addresses as u64 / u64::from(sessions.max(1))) as usize
}

fn message(plan: &LegPlan, local: SocketAddr, keys: Option<&LegKeys>) -> v1::Leg {
    use v1::protection::Kind;
    let kind = keys.map_or(Kind::Plain(v1::Plain {}), |keys| Kind::Srtp(keys.message()));
    let rtp = v1::Endpoint { address: local.ip().to_string(), port: local.port().into() };
    let encryption = match plan.suite {
        Some(suite) if suite.encrypts() => v1::EncryptionLevel::Required,
        _ => v1::EncryptionLevel::Supported,
    };
    v1::Leg {
        realm: plan.realm.clone(),
        remote: Some(v1::Remote { rtp: Some(rtp), rtcp: None }),
        protection: Some(v1::Protection { kind: Some(kind) }),
        rtcp_mux: true,
        encryption: encryption.into(),
        ipv6: local.is_ipv6(),
        max_ssrcs: 1,
        ..v1::Leg::default()
    }
}

/// What the relay's admission is told.
fn expected(plan: &Plan) -> v1::Traffic {
    let rate = match plan.rate {
        Rate::PerSession(rate) => rate,
        Rate::Total(rate) => rate / f64::from(plan.sessions.max(1)),
    };
    v1::Traffic {
        packets_per_second: (rate.ceil() as u32).clamp(1, 1_000_000),
        payload_bytes: plan.payload.into(),
    }
}

fn signalled(session: &v1::Session, leg: usize) -> Option<SocketAddr> {
    let endpoint = session.media.first()?.legs.get(leg)?.local_rtp.as_ref()?;
    let address: IpAddr = endpoint.address.parse().ok()?;
    Some(SocketAddr::new(address, u16::try_from(endpoint.port).ok()?))
}

/// What the relay has counted for the run's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Packets relayed, by the leg that they came in on.
    pub(crate) relayed: [u64; 2],
    pub(crate) drops: BTreeMap<String, u64>,
    /// Sessions of which the relay gave no final counters.
    pub(crate) unknown: u64,
    /// Of one of those, why.
    pub(crate) reason: Option<String>,
}

/// Deletes the sessions of these numbers, and adds up their final counters.
pub(crate) async fn delete(client: &Client, plan: &Plan, numbers: impl Iterator<Item = u32>) -> Counted {
    let mut counted = Counted::default();
    let (mut tasks, mut numbers) = (JoinSet::new(), numbers.peekable());
    loop {
        while tasks.len() < AT_ONCE
            && let Some(number) = numbers.next()
        {
            let (mut client, id) = (client.clone(), plan.session_id(number));
            tasks.spawn(async move { client.delete_session(id).await });
        }
        match tasks.join_next().await {
            None => return counted,
            Some(Ok(Ok(session))) => counted.add(&session),
            Some(failed) => {
                counted.unknown += 1;
                counted.reason = match failed {
                    Ok(Err(error)) => Some(error.to_string()),
                    _ => counted.reason,
                };
            }
        }
    }
}

impl Counted {
    fn add(&mut self, session: &v1::Session) {
        for (leg, number) in session.media.iter().flat_map(|media| media.legs.iter().zip(0..2)) {
            let (Some(received), Some(relayed)) = (&leg.received, self.relayed.get_mut::<usize>(number))
            else {
                continue;
            };
            *relayed += received.packets;
            for (reason, count) in &received.drops {
                *self.drops.entry(reason.clone()).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_addresses_evenly_and_neighbours_have_one() {
        let places =
            |sessions, addresses| (0..sessions).map(|n| place(n, sessions, addresses)).collect::<Vec<_>>();
        assert_eq!(places(6, 3), [0, 0, 1, 1, 2, 2]);
        assert_eq!(places(2, 16), [0, 8]);
        assert_eq!(places(3, 1), [0, 0, 0]);
    }

    #[test]
    fn counters_of_both_legs_are_added() {
        let leg = |packets, reason: &str| v1::LegStatus {
            received: Some(v1::FlowCounters {
                packets,
                drops: [(reason.to_owned(), 2)].into(),
                ..v1::FlowCounters::default()
            }),
            ..v1::LegStatus::default()
        };
        let media =
            v1::MediaStatus { legs: vec![leg(5, "stun"), leg(7, "stun")], ..v1::MediaStatus::default() };
        let session = v1::Session { media: vec![media], ..v1::Session::default() };
        let mut counted = Counted::default();
        counted.add(&session);
        counted.add(&session);
        assert_eq!(counted.relayed, [10, 14]);
        assert_eq!(counted.drops, [("stun".to_owned(), 8)].into());
    }
}
