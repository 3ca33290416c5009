// SPDX-License-Identifier: MIT OR Apache-2.0
//! Findings from facts.

use std::cmp::Reverse;

use culvert_api::v1::{Finding, FindingKind as Kind};
use culvert_engine::{DropReason, Note, ProtectionStanding};
use culvert_session::LegView;

use super::packets::{encrypted, has_key};
use super::words::suites_of;
use super::{Facts, FlowFacts, words};

/// Packets that are shown of a finding.
pub(super) const SHOWN: usize = 3;

/// Judges what keeps media from passing. The most likely cause first: directions in which nothing passes before those
/// that have losses only; within one, what has dropped the most packets, then what would drop them, then silence.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut ranked = Vec::new();
    for flow in &facts.flows {
        Judge { facts, flow, found: &mut ranked }.run();
    }
    ranked.sort_by_key(|found| (found.passing, found.class, Reverse(found.packets)));
    ranked.into_iter().map(|found| found.finding).collect()
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Class {
    /// It has dropped packets.
    Dropped,
    /// It will drop packets.
    State,
    /// Nothing came.
    Silence,
}

struct Ranked {
    passing: bool,
    class: Class,
    packets: u64,
    finding: Finding,
}

pub(super) struct Judge<'f> {
    pub(super) facts: &'f Facts,
    pub(super) flow: &'f FlowFacts,
    found: &'f mut Vec<Ranked>,
}

impl Judge<'_> {
    fn run(mut self) {
        self.tags();
        for (reason, packets) in &self.flow.counts.dropped {
            self.dropped(*reason, *packets);
        }
        self.others();
        self.encrypted();
        self.state();
        if self.flow.counts.media() == 0 && self.flow.counts.all_dropped() == 0 && !self.is_held() {
            self.silence();
        }
        self.handover();
    }

    fn dropped(&mut self, reason: DropReason, packets: u64) {
        let (from, to) = (self.from(), self.to());
        let (id, to_index) = (self.facts.view.id.to_string(), 1 - self.flow.leg.min(1));
        let update = |leg: u8| format!("culvert session update {id} --media {} --leg {leg}", self.flow.media);
        let (kind, summary, mend) = match reason {
            DropReason::WrongSource => return self.wrong_source(packets),
            DropReason::NotReady => return self.not_ready(Class::Dropped, packets),
            DropReason::NoRemote => (
                Kind::NotReady,
                format!("It is not known where {to} receives: nothing can be sent there."),
                format!("Signal its address (`{} --remote ADDRESS:PORT`), or let its endpoint send first if the leg's source rule learns.", update(to_index)),
            ),
            DropReason::Held => return self.held(Class::Dropped, packets),
            DropReason::NextHopUnresolved => return self.next_hop(Class::Dropped, packets),
            DropReason::KeyExpired => (
                Kind::KeyExpired,
                format!("A key has served its lifetime: packets from {from} to {to} are dropped."),
                format!("Re-key the leg whose key has expired: `{} --sdes-receive @OFFER --sdes-send @ANSWER`.", update(self.flow.leg)),
            ),
            DropReason::Replayed | DropReason::IndexReused | DropReason::TooOld => (
                Kind::Replayed,
                format!("Packets from {from} have been received before, or are older than the replay window."),
                "Look for what duplicates or delays packets on the way (a loop, a mirror port, bonded links), or who replays \
                 them; an endpoint that starts its sequence numbers again needs new keys."
                    .to_owned(),
            ),
            DropReason::TooManySsrcs => (
                Kind::UnknownSsrc,
                format!("The endpoint of {from} sends more SSRCs than the leg takes."),
                "Make the session with a higher `max_ssrcs` for the leg, or have the endpoint keep its SSRC.".to_owned(),
            ),
            DropReason::OverBandwidth => (
                Kind::OverBandwidth,
                format!("Packets from {from} exceed the bandwidth that the leg's credential allows."),
                "Issue a credential with a higher bandwidth, or have the endpoint choose a codec that needs less.".to_owned(),
            ),
            DropReason::ExceedsMtu | DropReason::NoRoom => (
                Kind::ExceedsMtu,
                format!("Packets from {from} are too long for the way to {to} once they are protected for it."),
                "Have the endpoint send shorter packets (packetisation time, bit rate of video), or raise the MTU of the \
                 interface and of the path."
                    .to_owned(),
            ),
            _ => return,
        };
        let evidence = self.evidence(|note| note.dropped == Some(reason));
        self.find(kind, Class::Dropped, packets, summary, evidence, mend);
    }

    fn wrong_source(&mut self, packets: u64) {
        let notes: Vec<Note> = self.notes(|note| note.dropped == Some(DropReason::WrongSource));
        let key = notes.iter().filter_map(|note| has_key(self.facts, self.flow, note)).max();
        let known = self.leg(self.flow.leg).and_then(|leg| {
            let signalled = leg.signalled.map(|remote| (remote.rtp, "signalled"));
            leg.learnt[0].map(|learnt| (learnt, "learnt")).or(signalled)
        });
        let expected = match known {
            Some((address, how)) => format!("accepted is {address} ({how})"),
            None => "no address is known from which packets may come".to_owned(),
        };
        let mut evidence = vec![words::counted(self.facts, self.flow), expected];
        evidence.extend(key.map(|key| match key {
            true => "the packets have the leg's key: it is the leg's own endpoint".to_owned(),
            false => "the packets do not have the leg's key".to_owned(),
        }));
        evidence.extend(notes.iter().take(SHOWN).map(words::packet));
        let (from, id) = (self.from(), &self.facts.view.id);
        let source = notes
            .first()
            .map_or_else(|| "ADDRESS:PORT".to_owned(), |note| note.source.to_socket_addr().to_string());
        let update =
            format!("culvert session update {id} --media {} --leg {}", self.flow.media, self.flow.leg);
        let (summary, mend) = match key {
            Some(false) => (
                format!("Somebody who does not have the key sends to {from} from an address that it does not accept."),
                "Nothing is to be done if media pass. Otherwise check that the endpoint has the leg's key, and who sends from \
                 there."
                    .to_owned(),
            ),
            _ => (
                format!("Packets for {from} come from an address that it does not accept."),
                format!("If that is the endpoint (behind a NAT, or moved): `{update} --remote {source}`, or `{update} --source learn` on a leg with SRTP."),
            ),
        };
        self.find(Kind::WrongSource, Class::Dropped, packets, summary, evidence, mend);
    }

    fn is_held(&self) -> bool {
        [0, 1].into_iter().any(|leg| self.leg(leg).is_some_and(|leg| leg.held))
    }

    fn held(&mut self, class: Class, packets: u64) {
        let held: Vec<u8> = (0..2).filter(|leg| self.leg(*leg).is_some_and(|leg| leg.held)).collect();
        let names: Vec<_> = held.iter().map(|leg| words::leg(self.facts, self.flow, *leg)).collect();
        let names = if names.is_empty() { "A leg".to_owned() } else { names.join(" and ") };
        let mends: Vec<_> = held
            .iter()
            .map(|leg| {
                format!(
                    "`culvert session update {} --media {} --leg {leg} --resume`",
                    self.facts.view.id, self.flow.media
                )
            })
            .collect();
        let evidence = self.evidence(|note| note.dropped == Some(DropReason::Held));
        let summary = format!("On hold: {names}. Nothing is relayed from or to it.");
        self.find(
            Kind::Held,
            class,
            packets,
            summary,
            evidence,
            format!("Resume when the call does: {}.", mends.join(", ")),
        );
    }

    fn not_ready(&mut self, class: Class, packets: u64) {
        let lacking = self.flow.standing.as_ref().map(|standing| {
            let lacks = |side| side == ProtectionStanding::NotReady;
            [lacks(standing.receive.protection), lacks(standing.send.protection)]
        });
        let (from, to) = (self.from(), self.to());
        let (leg, summary) = match lacking {
            Some([true, true]) => (self.flow.leg, format!("The relay has no keys for {from}, nor for {to}.")),
            Some([false, true]) => {
                (1 - self.flow.leg.min(1), format!("The relay has no key to send to {to} with."))
            }
            Some([true, false]) => (self.flow.leg, format!("The relay has no key for what {from} sends.")),
            // It has got them meanwhile, or nobody has looked.
            Some([false, false]) | None => {
                (self.flow.leg, format!("The relay had no keys for {from} or {to}."))
            }
        };
        let mend = format!(
            "Give the leg its keys: `culvert session update {} --media {} --leg {leg} --sdes-receive @OFFER --sdes-send @ANSWER`; \
             if its credential has ended, issue a new one and new session keys.",
            self.facts.view.id, self.flow.media
        );
        let evidence = self.evidence(|note| note.dropped == Some(DropReason::NotReady));
        self.find(Kind::NotReady, class, packets, summary, evidence, mend);
    }

    fn next_hop(&mut self, class: Class, packets: u64) {
        let to = self.to();
        let remote = self.flow.standing.as_ref().and_then(|standing| standing.egress[0].remote);
        let address = remote.map(|remote| remote.to_socket_addr().ip().to_string()).unwrap_or_default();
        let mut evidence = self.evidence(|note| note.dropped == Some(DropReason::NextHopUnresolved));
        evidence.extend(remote.map(|remote| format!("{to} receives at {}", remote.to_socket_addr())));
        let summary =
            format!("The next hop towards {to} is not resolved: its link-layer address is not known.");
        let mend = format!(
            "On the relay's host: `ip route get {address}` names the next hop, `ip neigh show` its state. Mend the route, or the \
             host or gateway that does not answer."
        );
        self.find(Kind::NextHopUnresolved, class, packets, summary, evidence, mend);
    }

    /// Reasons that no kind is about, in one finding.
    fn others(&mut self) {
        let rest: Vec<_> = self.flow.counts.dropped.iter().filter(|(reason, _)| is_other(*reason)).collect();
        let packets = rest.iter().map(|(_, packets)| packets).sum::<u64>();
        if packets == 0 {
            return;
        }
        let names: Vec<_> = rest.iter().map(|(reason, _)| reason.name()).collect();
        let evidence = self.evidence(|note| note.dropped.is_some_and(is_other));
        let summary = format!("Packets from {} are dropped: {}.", self.from(), names.join(", "));
        let mend = "Have the endpoint send RTP and RTCP to the ports that were signalled, and nothing else."
            .to_owned();
        self.find(Kind::Other, Class::Dropped, packets, summary, evidence, mend);
    }

    fn encrypted(&mut self) {
        let Some(standing) = &self.flow.standing else { return };
        let accepted = self.notes(|note| note.dropped.is_none());
        let Some((tag, first)) = encrypted(standing, &accepted) else { return };
        let evidence = vec![
            words::counted(self.facts, self.flow),
            format!("the payload is {tag} bytes longer than audio of its payload type: {}", suites_of(tag)),
            words::packet(&first),
        ];
        let summary =
            format!("The endpoint of {} probably sends SRTP where plain RTP is agreed.", self.from());
        let mend = format!(
            "Agree on SRTP and give the relay the keys: `culvert session update {} --media {} --leg {} --sdes-receive @OFFER \
             --sdes-send @ANSWER`; or have the endpoint send RTP/AVP.",
            self.facts.view.id, self.flow.media, self.flow.leg
        );
        let packets = self.flow.counts.media();
        self.find(Kind::Encrypted, Class::Dropped, packets, summary, evidence, mend);
        // Nothing that is heard, though it is relayed.
        if let Some(found) = self.found.last_mut() {
            found.passing = false;
        }
    }

    /// What will drop packets when some come.
    fn state(&mut self) {
        let counts = &self.flow.counts;
        if self.is_held() {
            if counts.of_reason(DropReason::Held) == 0 {
                self.held(Class::State, 0);
            }
            return;
        }
        let Some(standing) = &self.flow.standing else { return };
        let lacks = |side| side == ProtectionStanding::NotReady;
        let has_dropped = counts.of_reason(DropReason::NotReady) > 0;
        if !has_dropped && (lacks(standing.receive.protection) || lacks(standing.send.protection)) {
            self.not_ready(Class::State, 0);
        }
        let unresolved = self.facts.xdp && standing.egress[0].remote.is_some() && !standing.resolved[0];
        if unresolved && counts.of_reason(DropReason::NextHopUnresolved) == 0 {
            self.next_hop(Class::State, 0);
        }
    }

    fn silence(&mut self) {
        let (from, to) = (self.from(), self.to());
        let local = self.leg(self.flow.leg).map(|leg| leg.local.rtp.to_string()).unwrap_or_default();
        let mut evidence = vec![words::counted(self.facts, self.flow), words::last(self.flow)];
        let lost: Vec<_> =
            self.facts.losses.iter().filter(|loss| loss.interface.is_some() && loss.packets > 0).collect();
        if !lost.is_empty() {
            let packets = lost.iter().map(|loss| loss.packets).sum();
            evidence.extend(lost.iter().map(|loss| {
                let interface = loss.interface.as_deref().unwrap_or_default();
                format!(
                    "{interface}: {} to relay ports lost as {}",
                    words::packets(loss.packets),
                    loss.reason
                )
            }));
            let summary = format!(
                "Nothing arrives from {from}, and packets to relay ports are lost before they reach a worker: on a queue that \
                 no worker serves, or in a full ring."
            );
            let mend = "As many queues as workers: set engine.workers to the number of queues, or `ethtool -L INTERFACE combined \
                        WORKERS`."
                .to_owned();
            return self.find(Kind::WrongQueue, Class::Dropped, packets, summary, evidence, mend);
        }
        let reverse = self
            .facts
            .flows
            .iter()
            .find(|other| other.media == self.flow.media && other.leg != self.flow.leg);
        if let Some(reverse) = reverse.filter(|reverse| reverse.counts.media() > 0) {
            evidence.push(format!("from {to}, {}", words::counted(self.facts, reverse)));
            let unreachable =
                |loss: &&super::Loss| loss.reason == DropReason::Unreachable.name() && loss.packets > 0;
            evidence.extend(self.facts.losses.iter().find(unreachable).map(|loss| {
                format!("hosts refused {}, of this session or others", words::packets(loss.packets))
            }));
            let summary =
                format!("Media pass one way only: packets from {to} go to {from}, and nothing comes back.");
            let mend = format!(
                "Check that the endpoint of {from} sends, to {local} as it was signalled, and that firewall and NAT let it \
                 through; and that it is there at all, at the address to which the relay sends."
            );
            return self.find(Kind::OneWay, Class::Silence, 0, summary, evidence, mend);
        }
        let summary = format!("Nothing arrives from {from}.");
        let mend = format!(
            "Check that the endpoint sends to {local} (what was signalled to it, and the way there: firewall, NAT, routing); on \
             the relay's host `tcpdump` on the interface shows what arrives."
        );
        self.find(Kind::NoPackets, Class::Silence, 0, summary, evidence, mend);
    }

    /// Once for the session, whose packets they may have been.
    fn handover(&mut self) {
        let name = DropReason::HandoverFull.name();
        let Some(loss) = self.facts.losses.iter().find(|loss| loss.reason == name && loss.packets > 0) else {
            return;
        };
        if (self.flow.media, self.flow.leg) != (0, 0) {
            return;
        }
        let evidence =
            vec![format!("{} lost as {name}, of this session or others", words::packets(loss.packets))];
        let summary = "Packets are lost on the way from the worker of their queue to the worker that owns their session.".to_owned();
        let mend =
            "The owning worker is overloaded: see `culvert node show`; spread sessions over more workers."
                .to_owned();
        self.find(Kind::WrongQueue, Class::Dropped, loss.packets, summary, evidence, mend);
    }

    pub(super) fn leg(&self, leg: u8) -> Option<&LegView> {
        self.facts.view.media.get(usize::from(self.flow.media))?.legs.get(usize::from(leg))
    }

    pub(super) fn from(&self) -> String {
        words::leg(self.facts, self.flow, self.flow.leg)
    }

    fn to(&self) -> String {
        words::leg(self.facts, self.flow, 1 - self.flow.leg.min(1))
    }

    fn notes(&self, wanted: impl Fn(&Note) -> bool) -> Vec<Note> {
        self.flow.notes.iter().filter(|note| wanted(note)).copied().collect()
    }

    pub(super) fn evidence(&self, wanted: impl Fn(&Note) -> bool) -> Vec<String> {
        let mut evidence = vec![words::counted(self.facts, self.flow)];
        evidence.extend(self.notes(wanted).iter().take(SHOWN).map(words::packet));
        evidence
    }

    pub(super) fn find(
        &mut self,
        kind: Kind,
        class: Class,
        packets: u64,
        summary: String,
        evidence: Vec<String>,
        mend: String,
    ) {
        let finding = Finding {
            kind: kind.into(),
            media: self.flow.media.into(),
            leg: self.flow.leg.into(),
            summary,
            evidence,
            mend,
        };
        let passing = self.flow.counts.media() > 0;
        self.found.push(Ranked { passing, class, packets, finding });
    }
}

fn is_other(reason: DropReason) -> bool {
    !matches!(
        reason,
        DropReason::KeyExpired
            | DropReason::AuthenticationFailed
            | DropReason::UnknownMki
            | DropReason::TooShort
            | DropReason::Replayed
            | DropReason::IndexReused
            | DropReason::TooOld
            | DropReason::WrongSource
            | DropReason::NotReady
            | DropReason::NoRemote
            | DropReason::Held
            | DropReason::NextHopUnresolved
            | DropReason::ExceedsMtu
            | DropReason::NoRoom
            | DropReason::TooManySsrcs
            | DropReason::OverBandwidth
    )
}
