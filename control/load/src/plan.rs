// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run is to do.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use culvert_srtp::Suite;

use crate::LoadError;
use crate::media::HEADER;

/// Packets that one call of the system, or one burst of the cipher, takes at most.
pub(crate) const MOST_AT_ONCE: usize = 64;
/// Frames that a pool may have: two chunks that are refilled at once, at least.
const POOL: std::ops::RangeInclusive<u32> = 8192..=1 << 22;
/// The first port where no system chooses one.
const FIRST_PORT: u16 = 40_000;
/// With headers and the longest tag it fits an Ethernet frame of either address family.
const LONGEST_PAYLOAD: u16 = 1400;

/// A run: sessions, the media through them, and what is sent besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name. Sessions are called `load-<run>-<number>`, from 0 on.
    pub run: String,
    /// How many sessions.
    pub sessions: u32,
    /// Leg A and leg B.
    pub legs: [LegPlan; 2],
    /// Whether B talks as well.
    pub both: bool,
    /// Media packets a second in each direction, of all sessions together or of each.
    pub rate: Rate,
    /// RTP payload in bytes, 1 to 1,400.
    pub payload: u16,
    /// RTP payload type, 0 to 127 but for 64 to 95, which RFC 5761 leaves to RTCP.
    pub payload_type: u8,
    /// How long the rate grows from nothing to its full height.
    pub ramp: Duration,
    /// How long media is sent, with the ramp.
    pub duration: Duration,
    /// Ends the run after so many media packets (both directions together), if that comes first.
    pub packets: Option<u64>,
    /// The first packet's sequence number. At 65,535 the roll-over counter grows with the second packet.
    pub sequence: u16,
    /// SSRC of the first flow; the others follow. `None`: random.
    pub ssrc: Option<u32>,
    /// Packets that may leave at once when time is to be made good, 1 to 64.
    pub burst: u32,
    /// Each so many packets of a flow one is opened at the sink under the receiving leg's key, and compared. 0: none.
    pub sample: u64,
    /// What is sent to leg A besides media.
    pub hostile: Vec<HostilePlan>,
    /// By which way packets go.
    pub transport: Transport,
    /// The sink listens until nothing has come for so long.
    pub settle: Duration,
}

/// One leg of every session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegPlan {
    /// The relay's network (configuration, `[[realm]]`).
    pub realm: String,
    /// SRTP under this suite; `None`: plain RTP.
    pub suite: Option<Suite>,
    /// The generator's address on this leg, one of this host.
    pub address: IpAddr,
    /// The generator's ports, which sessions share evenly.
    pub ports: Ports,
    /// Where the relay is reached, if not at the address that it signals.
    pub reach: Option<IpAddr>,
}

impl LegPlan {
    /// The generator's addresses, where no system chooses ports.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let (first, last) = match self.ports {
            Ports::Any(count) => (FIRST_PORT, FIRST_PORT.saturating_add(count.saturating_sub(1))),
            Ports::Range(first, last) => (first, last),
        };
        (first..=last).map(|port| SocketAddr::new(self.address, port)).collect()
    }
}

/// Local ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// So many, which the system chooses; from 40,000 on where frames are written by hand.
    Any(u16),
    /// From the first to the last.
    Range(u16, u16),
}

impl Ports {
    /// How many.
    pub fn count(self) -> u32 {
        match self {
            Ports::Any(count) => count.into(),
            Ports::Range(first, last) => (u32::from(last) + 1).saturating_sub(first.into()),
        }
    }
}

/// Packets a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Of each session.
    PerSession(f64),
    /// Of all sessions together.
    Total(f64),
}

/// By which way packets go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// UDP sockets. Needs no privileges.
    #[default]
    Sockets,
    /// Frames with headers of their own, through AF_XDP sockets on every queue of the interface that leads to the relay.
    /// Needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF.
    AfXdp {
        /// Where frames to the relay go; `None`: what the kernel's routes and neighbours say.
        relay_mac: Option<[u8; 6]>,
    },
    /// Frames prepared in a pool that the kernel sends from itself (XDP live frames), and counts when they come back: for
    /// millions of packets a second. From A to B, IPv4, without hostile traffic. Needs root.
    Xdp {
        /// Where frames to the relay go; `None`: what the kernel's routes and neighbours say.
        relay_mac: Option<[u8; 6]>,
        /// Frames of the pool, 8,192 to 4,194,304, at 256 bytes of memory for each 256 of a frame. A run with more packets
        /// refills it as it goes, which takes a processor; one with fewer has all made before it begins.
        pool: u32,
    },
}

impl Transport {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::AfXdp { .. } => "af_xdp",
            Self::Xdp { .. } => "xdp",
        }
    }
}

/// What is sent that is no media of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostileKind {
    /// Media packets that have not come yet, with a wrong tag.
    Forged,
    /// Media packets a second time.
    Replayed,
    /// What is no RTP packet: too short, of another version, or of no protocol of RFC 7983.
    Malformed,
    /// Media packets from other ports than the session's.
    Sprayed,
    /// STUN binding requests (RFC 8489).
    Stun,
    /// Media packets to ports of the relay's address where no session is: 1 to 1023.
    UnknownPort,
}

impl HostileKind {
    /// Every kind.
    pub const ALL: [HostileKind; 6] = [
        HostileKind::Forged,
        HostileKind::Replayed,
        HostileKind::Malformed,
        HostileKind::Sprayed,
        HostileKind::Stun,
        HostileKind::UnknownPort,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
            Self::Sprayed => "sprayed",
            Self::Stun => "stun",
            Self::UnknownPort => "unknown_port",
        }
    }

    /// The relay's reasons for dropping it, as its counters name them. None: no session counts it.
    pub const fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::Forged => &["authentication_failed"],
            Self::Replayed => &["replayed", "too_old"],
            Self::Malformed => &["malformed_rtp", "malformed_srtp", "too_short", "unknown_protocol"],
            Self::Sprayed => &["wrong_source"],
            Self::Stun => &["stun"],
            Self::UnknownPort => &[],
        }
    }
}

/// How much of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostilePlan {
    /// Of what.
    pub kind: HostileKind,
    /// How much.
    pub share: Share,
}

/// A rate by itself, or in proportion to that of media.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// Of all media packets: 0.1 is one for each ten.
    OfMedia(f64),
    /// Packets a second.
    PerSecond(f64),
}

impl Plan {
    /// Flows that are sent: one or two for each session.
    pub(crate) fn flows(&self) -> usize {
        self.sessions as usize * if self.both { 2 } else { 1 }
    }

    /// Media packets a second of all flows together, after the ramp.
    pub(crate) fn media_rate(&self) -> f64 {
        match self.rate {
            Rate::PerSession(rate) => rate * self.flows() as f64,
            Rate::Total(rate) => rate * if self.both { 2.0 } else { 1.0 },
        }
    }

    /// Media packets a second of one flow.
    pub(crate) fn flow_rate(&self) -> f64 {
        self.media_rate() / self.flows().max(1) as f64
    }

    /// Packets a second of a kind of hostile traffic, after the ramp.
    pub(crate) fn hostile_rate(&self, share: Share) -> f64 {
        match share {
            Share::OfMedia(part) => self.media_rate() * part,
            Share::PerSecond(rate) => rate,
        }
    }

    /// Whether packets are sent from addresses that are no session's.
    pub(crate) fn has_strangers(&self) -> bool {
        self.hostile.iter().any(|hostile| hostile.kind == HostileKind::Sprayed)
    }

    /// The name of a session.
    pub fn session_id(&self, number: u32) -> String {
        format!("load-{}-{number}", self.run)
    }

    /// Whether the plan can be carried out.
    ///
    /// # Errors
    /// [`LoadError::Plan`] names the part that cannot, and says what would do.
    pub fn check(&self) -> Result<(), LoadError> {
        let refuse = |part, reason: &str| Err(LoadError::plan(part, reason));
        let named = |c: char| c.is_ascii_alphanumeric() || "._:@+-".contains(c);
        if self.run.is_empty() || self.run.len() > 100 || !self.run.chars().all(named) {
            return refuse("run", "write 1 to 100 of A-Z a-z 0-9 . _ : @ + -");
        }
        if self.sessions == 0 || self.sessions > 1_000_000 {
            return refuse("sessions", "take 1 to 1,000,000");
        }
        let rate = self.media_rate();
        if !rate.is_finite() || rate <= 0.0 || rate > 1e8 {
            return refuse("rate", "take more than 0 and at most 100,000,000 packets a second");
        }
        if self.payload == 0 || self.payload > LONGEST_PAYLOAD {
            return refuse("payload", "take 1 to 1,400 bytes, which a frame has room for");
        }
        if self.payload_type > 127 || (64..96).contains(&self.payload_type) {
            return refuse("payload type", "take 0 to 63 or 96 to 127 (RFC 5761 section 4)");
        }
        if self.duration.is_zero() || self.duration > Duration::from_secs(72 * 3600) {
            return refuse("duration", "take more than nothing and at most 72 hours");
        }
        if self.ramp > self.duration {
            return refuse("ramp", "is longer than the duration that it is part of");
        }
        if self.burst == 0 || self.burst as usize > MOST_AT_ONCE {
            return refuse("burst", "take 1 to 64 packets");
        }
        for leg in &self.legs {
            if leg.ports.count() == 0 {
                return refuse("ports", "name at least one: a count, or FIRST-LAST");
            }
        }
        if self.transport != Transport::Sockets && self.legs_overlap() {
            return refuse("ports", "leg A and leg B share some: give them ranges apart, or two addresses");
        }
        if let Transport::Xdp { pool, .. } = self.transport {
            if !POOL.contains(&pool) {
                return refuse("pool", "take 8,192 to 4,194,304 frames");
            }
            self.check_xdp()?;
        }
        for HostilePlan { kind, share } in &self.hostile {
            let rate = self.hostile_rate(*share);
            if !rate.is_finite() || !(0.0..=1e8).contains(&rate) {
                return Err(LoadError::plan(
                    kind.name(),
                    "take a share of media such as 10%, or packets a second",
                ));
            }
            let needs_tags = matches!(kind, HostileKind::Forged | HostileKind::Replayed);
            if needs_tags && self.legs[0].suite.is_none() {
                let reason = "leg A is plain RTP, which has no tags: give it a suite";
                return Err(LoadError::plan(kind.name(), reason));
            }
        }
        Ok(())
    }

    fn legs_overlap(&self) -> bool {
        let [a, b] = self.legs.each_ref().map(LegPlan::addresses);
        a.first().map(SocketAddr::ip) == b.first().map(SocketAddr::ip)
            && a.first().map(SocketAddr::port) <= b.last().map(SocketAddr::port)
            && b.first().map(SocketAddr::port) <= a.last().map(SocketAddr::port)
    }

    fn check_xdp(&self) -> Result<(), LoadError> {
        let refuse = |part, reason: &str| Err(LoadError::plan(part, reason));
        if self.both {
            return refuse("both", "the XDP way sends from A to B only: take sockets or AF_XDP for both");
        }
        if !self.hostile.is_empty() {
            return refuse("hostile", "the XDP way sends media only: run another load beside it");
        }
        if self.legs.iter().any(|leg| !leg.address.is_ipv4()) {
            return refuse("address", "the XDP way counts IPv4 only: take sockets or AF_XDP for IPv6");
        }
        if self.sessions > 100_000 {
            return refuse("sessions", "the XDP way takes up to 100,000");
        }
        Ok(())
    }

    /// Bytes of the longest packet that is sent: RTP header, payload and tag.
    pub(crate) fn room(&self) -> usize {
        HEADER + usize::from(self.payload) + 16
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn plan() -> Plan {
        let leg = |realm: &str| LegPlan {
            realm: realm.into(),
            suite: Some(Suite::AesCm128HmacSha1_80),
            address: [127, 0, 0, 1].into(),
            ports: Ports::Any(1),
            reach: None,
        };
        Plan {
            run: "test".into(),
            sessions: 10,
            legs: [leg("outside"), leg("inside")],
            both: false,
            rate: Rate::PerSession(50.0),
            payload: 160,
            payload_type: 0,
            ramp: Duration::ZERO,
            duration: Duration::from_secs(1),
            packets: None,
            sequence: 0,
            ssrc: Some(1),
            burst: 64,
            sample: 1,
            hostile: Vec::new(),
            transport: Transport::Sockets,
            settle: Duration::from_millis(500),
        }
    }

    #[test]
    fn rates_are_of_each_direction() {
        let mut plan = plan();
        assert_eq!((plan.media_rate(), plan.flow_rate(), plan.flows()), (500.0, 50.0, 10));
        plan.both = true;
        assert_eq!((plan.media_rate(), plan.flow_rate(), plan.flows()), (1000.0, 50.0, 20));
        plan.rate = Rate::Total(100.0);
        assert_eq!((plan.media_rate(), plan.flow_rate()), (200.0, 10.0));
        assert_eq!(plan.hostile_rate(Share::OfMedia(0.1)), 20.0);
        assert_eq!(plan.hostile_rate(Share::PerSecond(7.0)), 7.0);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        plan().check().unwrap();
        let refusal = |change: fn(&mut Plan)| {
            let mut plan = plan();
            change(&mut plan);
            match plan.check() {
                Err(LoadError::Plan { part, .. }) => part,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refusal(|plan| plan.run = "a b".into()), "run");
        assert_eq!(refusal(|plan| plan.sessions = 0), "sessions");
        assert_eq!(refusal(|plan| plan.rate = Rate::Total(f64::NAN)), "rate");
        assert_eq!(refusal(|plan| plan.payload = 1401), "payload");
        assert_eq!(refusal(|plan| plan.payload_type = 72), "payload type");
        assert_eq!(refusal(|plan| plan.duration = Duration::ZERO), "duration");
        assert_eq!(refusal(|plan| plan.ramp = Duration::from_secs(2)), "ramp");
        assert_eq!(refusal(|plan| plan.burst = 65), "burst");
        assert_eq!(refusal(|plan| plan.legs[1].ports = Ports::Range(9, 8)), "ports");
        let forged = |plan: &mut Plan| {
            plan.legs[0].suite = None;
            plan.hostile.push(HostilePlan { kind: HostileKind::Forged, share: Share::OfMedia(0.1) });
        };
        assert_eq!(refusal(forged), "forged");
        let by_xdp = |plan: &mut Plan| {
            plan.transport = Transport::Xdp { relay_mac: None, pool: 8192 };
            plan.legs[1].ports = Ports::Range(50_000, 50_000);
        };
        let mut xdp = plan();
        by_xdp(&mut xdp);
        xdp.check().unwrap();
        assert_eq!(refusal(|plan| plan.transport = Transport::AfXdp { relay_mac: None }), "ports");
        for (part, change) in [
            (
                "pool",
                (|plan| plan.transport = Transport::Xdp { relay_mac: None, pool: 8191 }) as fn(&mut Plan),
            ),
            ("both", |plan| plan.both = true),
            ("address", |plan| plan.legs[0].address = "::1".parse().unwrap()),
            ("hostile", |plan| {
                plan.hostile.push(HostilePlan { kind: HostileKind::Stun, share: Share::PerSecond(1.0) });
            }),
        ] {
            let mut plan = plan();
            by_xdp(&mut plan);
            change(&mut plan);
            assert!(
                matches!(plan.check(), Err(LoadError::Plan { part: found, .. }) if found == part),
                "{part}"
            );
        }
    }
}
