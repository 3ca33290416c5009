// SPDX-License-Identifier: MIT OR Apache-2.0
//! A look at the packets of some flows, for control to explain why media do not pass.
//!
//! Keys are nowhere but with the worker that owns a flow, so it is the worker that must try them. Control sends a [`Probe`]
//! with room for what is to be noted ([`crate::Command::Probe`]) and gets it back ([`crate::Command::EndProbe`],
//! [`crate::Retired::Probe`]). A probe holds no keys, and of payload no more than the end of one packet. While none is armed, a burst pays one branch.
//!
//! Looking is bounded, so that other sessions do not suffer from a flood of bad packets in an explained one: of each flow a few
//! packets are noted for every reason, and of each burst the tags of one packet are tried under other keys.

use std::fmt;

use arrayvec::ArrayVec;
use culvert_srtp::{Authentic, Depth, Effort, Kind, ReceiveContext, SendContext, Suite};
use culvert_wire::{Endpoint, rtcp, rtp};

use crate::event::Direction;
use crate::flow::{Component, Egress, Flow, FlowSlot, SourceRule, Via};
use crate::reason::DropReason;
use crate::side::{Context, Side};
use crate::state::WorkerState;

/// Most probes of a worker at one time.
pub const MAX_PROBES: usize = 8;
/// Most flows of which one packet's tag is tried under the keys.
const MAX_FLOWS: usize = 32;
/// Most packets noted of a flow.
pub const MAX_NOTES: usize = 48;
/// Most packets noted of a flow for one reason, or of those that pass.
const NOTES_PER_REASON: usize = 4;
/// Of those more whose tags were tried.
const TRIED_PER_REASON: usize = 8;
/// Most tags computed in one burst.
pub const TAGS_PER_BURST: u32 = 256;
/// Bytes at the end of a packet that are compared: as many as the longest HMAC tag has.
const TAIL: usize = 10;

/// Names a probe. Control gives them out.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct ProbeId(pub u64);

/// What is noted of some flows of one worker, which should be all of a session: their keys are tried for one another.
#[derive(Debug)]
pub struct Probe {
    /// Its name.
    pub id: ProbeId,
    /// Of each flow.
    pub flows: Vec<ProbedFlow>,
}

/// What is noted of a flow.
#[derive(Debug)]
pub struct ProbedFlow {
    /// Which.
    pub slot: FlowSlot,
    /// Which stream it belongs to. Keys of the same one are tried more thoroughly.
    pub media: u8,
    /// Packets, in the order in which they came.
    pub notes: ArrayVec<Note, MAX_NOTES>,
    /// The flow at the end of the probe. `None` if it was gone by then.
    pub standing: Option<Standing>,
    /// The end of the packet before.
    tail: Option<Tail>,
}

#[derive(Copy, Clone)]
struct Tail {
    ssrc: u32,
    sequence: u16,
    bytes: [u8; TAIL],
}

/// Without its bytes, which may be payload.
impl fmt::Debug for Tail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tail(..)")
    }
}

/// A packet.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// `None`: it was sent on.
    pub dropped: Option<DropReason>,
    /// From where it came.
    pub source: Endpoint,
    /// Bytes of its UDP payload.
    pub length: u16,
    /// What it looks like, whatever it was taken for.
    pub shape: Shape,
    /// What became of trying its tag.
    pub tried: Tried,
}

/// What the bytes of a packet look like.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Shape {
    /// RTP or SRTP.
    Rtp {
        /// Payload type.
        payload_type: u8,
        /// Sequence number.
        sequence: u16,
        /// Timestamp.
        timestamp: u32,
        /// SSRC.
        ssrc: u32,
        /// Bytes behind header and header extension: of SRTP with MKI and tag.
        payload: u16,
        /// It ends in the same ten bytes as the packet of its SSRC before, under another sequence number. No authentication
        /// tag does that.
        repeats: bool,
    },
    /// RTCP or SRTCP.
    Rtcp {
        /// Packet type of the first packet.
        packet_type: u8,
        /// SSRC of the sender.
        ssrc: u32,
        /// The datagram is a sequence of RTCP packets up to its end (RFC 3550 section 6.1). SRTCP has an index and a tag
        /// behind them, and all but the first header is encrypted.
        whole: bool,
    },
    /// Neither.
    Other,
}

/// What became of trying a packet's tag under the keys of the probe's flows.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Tried {
    /// It was not tried: there was no need, or enough was tried.
    No,
    /// It fits.
    Under {
        /// Position of the flow in [`Probe::flows`] whose keys they are.
        flow: u8,
        /// Of which side of that flow.
        direction: Direction,
        /// How it fits.
        authentic: Authentic,
        /// The roll-over counter that its own flow would have expected.
        expected: u32,
    },
    /// It fits nowhere.
    Nowhere {
        /// Whether everything was tried. Otherwise there were too many keys.
        all: bool,
    },
}

/// How a flow stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// How what arrives is opened.
    pub receive: SideStanding,
    /// How what leaves is closed.
    pub send: SideStanding,
    /// On hold.
    pub held: bool,
    /// From where packets may come: RTP, RTCP.
    pub sources: [SourceRule; 2],
    /// Where they go: RTP, RTCP.
    pub egress: [Egress; 2],
    /// Whether the next hop towards there is known. Without meaning on back ends whose kernel routes.
    pub resolved: [bool; 2],
}

/// How a side stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct SideStanding {
    /// The leg requires encryption.
    pub required: bool,
    /// What protects.
    pub protection: ProtectionStanding,
}

/// What protects a side.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ProtectionStanding {
    /// Keys are not known yet.
    NotReady,
    /// Nothing.
    Plain,
    /// SRTP of this suite.
    Srtp(Suite),
}

impl Probe {
    /// A probe of flows, each with the number of its stream.
    pub fn new(id: ProbeId, flows: impl IntoIterator<Item = (FlowSlot, u8)>) -> Probe {
        let probed =
            |(slot, media)| ProbedFlow { slot, media, notes: ArrayVec::new(), standing: None, tail: None };
        Probe { id, flows: flows.into_iter().map(probed).collect() }
    }
}

impl ProbedFlow {
    fn has_room(&self, dropped: Option<DropReason>, tried: bool) -> bool {
        let alike = |note: &&Note| note.dropped == dropped && (note.tried != Tried::No) == tried;
        let most = if tried { TRIED_PER_REASON } else { NOTES_PER_REASON };
        !self.notes.is_full() && self.notes.iter().filter(alike).count() < most
    }
}

impl Shape {
    /// Of the bytes of a datagram.
    fn of(packet: &[u8], component: Option<Component>) -> Shape {
        match component {
            Some(Component::Rtp) => match rtp::Header::parse(packet) {
                Ok(header) => Shape::Rtp {
                    payload_type: header.payload_type,
                    sequence: header.sequence,
                    timestamp: header.timestamp,
                    ssrc: header.ssrc,
                    payload: u16::try_from(packet.len().saturating_sub(header.header_length))
                        .unwrap_or(u16::MAX),
                    repeats: false,
                },
                Err(_) => Shape::Other,
            },
            Some(Component::Rtcp) => match rtcp::Header::parse(packet) {
                Ok(header) => Shape::Rtcp {
                    packet_type: header.packet_type,
                    ssrc: header.ssrc,
                    whole: is_compound(packet),
                },
                Err(_) => Shape::Other,
            },
            None => Shape::Other,
        }
    }
}

/// Packets of RTCP one after the other, and nothing behind.
fn is_compound(mut datagram: &[u8]) -> bool {
    while !datagram.is_empty() {
        let Ok(header) = rtcp::Header::parse(datagram) else { return false };
        if !(192..=223).contains(&header.packet_type) {
            return false;
        }
        datagram = datagram.get(header.length_bytes..).unwrap_or_default();
    }
    true
}

/// A packet of a probed flow before anything was done to it.
#[derive(Copy, Clone)]
pub(crate) struct Seen {
    /// Place in the burst.
    pub(crate) place: usize,
    /// Position of probe and flow.
    probe: usize,
    flow: usize,
    start: usize,
    end: usize,
    source: Endpoint,
    shape: Shape,
    kind: Kind,
    bytes: [u8; TAIL],
}

impl WorkerState {
    /// A probe is armed.
    #[inline(always)]
    pub(crate) fn is_probing(&self) -> bool {
        !self.probes.is_empty()
    }

    /// Arms a probe. It comes back if there are too many, or one of its flows is not there or has one already.
    pub(crate) fn arm(&mut self, probe: Box<Probe>) -> Result<(), Box<Probe>> {
        let free = |flow: &ProbedFlow| self.flow(flow.slot).is_some_and(|flow| !flow.state.probed);
        if self.probes.is_full() || !probe.flows.iter().all(free) {
            return Err(probe);
        }
        for probed in &probe.flows {
            if let Some(flow) = self.flow_mut(probed.slot) {
                flow.state.probed = true;
            }
        }
        self.probes.push(probe);
        Ok(())
    }

    /// Takes a probe out, with how its flows stand.
    pub(crate) fn disarm(&mut self, id: ProbeId) -> Option<Box<Probe>> {
        let place = self.probes.iter().position(|probe| probe.id == id)?;
        let mut probe = self.probes.remove(place);
        for probed in &mut probe.flows {
            // One that came into the slot later is another session's.
            if let Some(flow) = self.flow_mut(probed.slot)
                && std::mem::take(&mut flow.state.probed)
            {
                probed.standing = self.flow(probed.slot).map(|flow| self.standing(flow));
            }
        }
        Some(probe)
    }

    fn standing(&self, flow: &Flow) -> Standing {
        let resolved = |egress: &Egress| match &egress.via {
            Via::Unresolved => false,
            Via::Table(id) => self.next_hops.get(id.0 as usize).is_some_and(Option::is_some),
            Via::ReversePath(_) => true,
        };
        Standing {
            receive: side_standing(flow.receive()),
            send: side_standing(flow.send()),
            held: flow.held,
            sources: flow.ingress.map(|ingress| ingress.source),
            egress: flow.egress,
            resolved: flow.egress.each_ref().map(resolved),
        }
    }

    /// A packet of a probed flow, as it came.
    pub(crate) fn seen(
        &self,
        place: usize,
        slot: FlowSlot,
        source: Endpoint,
        (start, end): (usize, usize),
        frame: &[u8],
    ) -> Option<Seen> {
        self.flow(slot).filter(|flow| flow.state.probed)?;
        let (probe, flow) = self.probes.iter().enumerate().find_map(|(place, probe)| {
            Some((place, probe.flows.iter().position(|flow| flow.slot == slot)?))
        })?;
        let packet = frame.get(start..end)?;
        let component = match packet.first()? {
            128..=191 if packet.get(1).is_some_and(|second| culvert_wire::is_rtcp(*second)) => {
                Some(Component::Rtcp)
            }
            128..=191 => Some(Component::Rtp),
            _ => None,
        };
        let kind = if component == Some(Component::Rtcp) { Kind::Rtcp } else { Kind::Rtp };
        let bytes = packet.last_chunk().copied().unwrap_or_default();
        Some(Seen {
            place,
            probe,
            flow,
            start,
            end,
            source,
            shape: Shape::of(packet, component),
            kind,
            bytes,
        })
    }

    /// Notes what became of a packet. `frame` is as processing has left it: as it came, where its tag was wrong.
    pub(crate) fn note(
        &mut self,
        seen: Seen,
        dropped: Option<DropReason>,
        frame: &[u8],
        effort: &mut Option<Effort>,
    ) {
        let Some(probe) = self.probes.get(seen.probe) else { return };
        let Some(probed) = probe.flows.get(seen.flow) else { return };
        let mut tried = Tried::No;
        if is_worth_trying(dropped)
            && probed.has_room(dropped, true)
            && let Some(mut effort) = effort.take()
        {
            let packet = frame.get(seen.start..seen.end).unwrap_or_default();
            tried = self.try_keys(probe, seen.flow, seen.kind, packet, &mut effort);
        }
        let repeats = repeats(probed.tail, &seen);
        let has_room = probed.has_room(dropped, tried != Tried::No);
        let Some(probed) = self.probes.get_mut(seen.probe).and_then(|probe| probe.flows.get_mut(seen.flow))
        else {
            return;
        };
        let mut shape = seen.shape;
        if let Shape::Rtp { ssrc, sequence, repeats: told, .. } = &mut shape {
            *told = repeats;
            probed.tail = Some(Tail { ssrc: *ssrc, sequence: *sequence, bytes: seen.bytes });
        }
        if has_room {
            let length = u16::try_from(seen.end - seen.start).unwrap_or(u16::MAX);
            probed.notes.push(Note { dropped, source: seen.source, length, shape, tried });
        }
    }

    /// Tries the tag of a packet under the keys of its flow, then under the others of its stream, then under all of the
    /// probe.
    fn try_keys(&self, probe: &Probe, own: usize, kind: Kind, packet: &[u8], effort: &mut Effort) -> Tried {
        let flow_of = |probed: &ProbedFlow| self.flow(probed.slot).filter(|flow| flow.state.probed);
        let Some(probed) = probe.flows.get(own) else { return Tried::No };
        let Some(context) = flow_of(probed).and_then(|flow| flow.receive().context()) else {
            return Tried::No;
        };
        let expected = match kind {
            Kind::Rtp => context.expected_roll_over_counter(packet),
            Kind::Rtcp => 0,
        };
        let mut order: ArrayVec<usize, MAX_FLOWS> = ArrayVec::new();
        let same = |place: &usize| probe.flows.get(*place).is_some_and(|other| other.media == probed.media);
        let others = || (0..probe.flows.len()).filter(|place| *place != own);
        let places = std::iter::once(own).chain(others().filter(same));
        places
            .chain(others().filter(|place| !same(place)))
            .take(order.capacity())
            .for_each(|place| order.push(place));
        // First the leg's own two keys, then those of the other leg.
        for direction in [Direction::Receive, Direction::Send] {
            for place in &order {
                let Some(other) = probe.flows.get(*place) else { continue };
                let Some(flow) = flow_of(other) else { continue };
                let depth = if other.media == probed.media { Depth::Full } else { Depth::Brief };
                // Of the reverse flow, the send side is the leg's own.
                let reversed = *place != own && other.media == probed.media;
                let direction = if reversed { opposite(direction) } else { direction };
                let authentic = match direction {
                    Direction::Receive => flow.receive().context().and_then(|context: &ReceiveContext| {
                        context.diagnose(kind, packet, expected, depth, effort)
                    }),
                    Direction::Send => flow.send().context().and_then(|context: &SendContext| {
                        context.diagnose(kind, packet, expected, depth, effort)
                    }),
                };
                if let Some(authentic) = authentic {
                    return Tried::Under { flow: *place as u8, direction, authentic, expected };
                }
            }
        }
        Tried::Nowhere { all: effort.0 > 0 }
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Receive => Direction::Send,
        Direction::Send => Direction::Receive,
    }
}

/// Whether a key may be to blame, or its fitting says who has sent the packet.
fn is_worth_trying(dropped: Option<DropReason>) -> bool {
    matches!(
        dropped,
        Some(
            DropReason::AuthenticationFailed
                | DropReason::UnknownMki
                | DropReason::TooOld
                | DropReason::WrongSource
        )
    )
}

fn repeats(tail: Option<Tail>, seen: &Seen) -> bool {
    let Shape::Rtp { ssrc, sequence, payload, .. } = seen.shape else { return false };
    tail.is_some_and(|tail| {
        usize::from(payload) >= TAIL
            && tail.ssrc == ssrc
            && tail.sequence != sequence
            && tail.bytes == seen.bytes
    })
}

fn side_standing<C: Context>(side: &Side<C>) -> SideStanding {
    let protection = match side.context() {
        Some(context) => ProtectionStanding::Srtp(context.keys().suite()),
        None if side.is_plain() => ProtectionStanding::Plain,
        None => ProtectionStanding::NotReady,
    };
    SideStanding { required: side.is_required(), protection }
}
