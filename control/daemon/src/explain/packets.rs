// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one refused packet says about its sender.

use culvert_engine::{Direction, DropReason, Note, ProtectionStanding, Shape, Standing, Tried};
use culvert_srtp::{MkiFit, Suite};

use super::{Facts, FlowFacts};

/// Payload types whose packets have a payload of a known unit (RFC 3551 table 4): PCMU, PCMA and G722, 80 bytes in 10 ms.
const OCTET_AUDIO: [u8; 3] = [0, 8, 9];
const TEN_MILLISECONDS: u16 = 80;

/// What a packet that did not authenticate says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Clue {
    /// It is the leg's own key, at another roll-over counter.
    RollOver { used: u32, expected: u32 },
    /// It is the leg's own key, which has been replaced.
    Previous,
    /// It is the leg's own key, in the form of another suite.
    Suite { used: Suite },
    /// It is the leg's own key, named wrongly.
    Mki(MkiFit),
    /// The key that the relay sends to this leg with.
    OtherDirection,
    /// A key of the session: of the medium and the leg, received from (`true`) or sent to.
    OtherKey { media: u8, leg: u8, from: bool },
    /// SRTCP under the leg's own key whose payload is in the clear: its E bit is not set (RFC 3711 section 3.4).
    Unencrypted,
    /// RTP in the clear. `sure`: it cannot be anything else.
    Plain { sure: bool },
    /// Its length is that of another suite's packets.
    LengthOf { tag: u16 },
    /// No key that the relay knows.
    Unknown { all: bool },
}

/// Reads a packet that was refused on an SRTP leg.
pub(super) fn clue(facts: &Facts, flow: &FlowFacts, note: &Note) -> Option<Clue> {
    let suite = match flow.standing.as_ref().map(|standing| standing.receive.protection) {
        Some(ProtectionStanding::Srtp(suite)) => suite,
        _ => return None,
    };
    match note.tried {
        Tried::Under { flow: place, direction, authentic, expected } => {
            let found = facts.flows.get(usize::from(place))?;
            let own = (found.media, found.leg) == (flow.media, flow.leg);
            if own && direction == Direction::Receive {
                return Some(if authentic.previous {
                    Clue::Previous
                } else if authentic.suite != suite {
                    Clue::Suite { used: authentic.suite }
                } else if authentic.mki != MkiFit::Agreed {
                    Clue::Mki(authentic.mki)
                } else if authentic.roll_over_counter != expected {
                    Clue::RollOver { used: authentic.roll_over_counter, expected }
                } else if authentic.unencrypted {
                    Clue::Unencrypted
                } else {
                    return None;
                });
            }
            let (leg, from) = match direction {
                Direction::Receive => (found.leg, true),
                Direction::Send => (1 - found.leg.min(1), false),
            };
            if found.media == flow.media && leg == flow.leg && !from {
                return Some(Clue::OtherDirection);
            }
            Some(Clue::OtherKey { media: found.media, leg, from })
        }
        Tried::No if !is_about_tags(note.dropped) => None,
        Tried::No | Tried::Nowhere { .. } => Some(by_looks(note, suite)),
    }
}

/// What no key explains.
fn by_looks(note: &Note, suite: Suite) -> Clue {
    let all = note.tried == Tried::Nowhere { all: true };
    match note.shape {
        Shape::Rtp { repeats: true, .. } | Shape::Rtcp { whole: true, .. } => Clue::Plain { sure: true },
        Shape::Rtp { payload_type, payload, .. } if OCTET_AUDIO.contains(&payload_type) => {
            match payload % TEN_MILLISECONDS {
                0 => Clue::Plain { sure: false },
                tag @ (4 | 10 | 16) if usize::from(tag) != suite.rtp_tag_length() => Clue::LengthOf { tag },
                _ => Clue::Unknown { all },
            }
        }
        _ if note.dropped == Some(DropReason::TooShort) => Clue::Plain { sure: true },
        _ => Clue::Unknown { all },
    }
}

fn is_about_tags(dropped: Option<DropReason>) -> bool {
    matches!(dropped, Some(DropReason::AuthenticationFailed | DropReason::UnknownMki | DropReason::TooShort))
}

/// Whether a source that was refused has the key of the leg. `None`: there is no key to tell by.
pub(super) fn has_key(facts: &Facts, flow: &FlowFacts, note: &Note) -> Option<bool> {
    match note.tried {
        Tried::No => None,
        Tried::Nowhere { .. } => Some(false),
        Tried::Under { flow: place, direction, .. } => {
            let found = facts.flows.get(usize::from(place))?;
            let own = (found.media, found.leg) == (flow.media, flow.leg);
            Some(own && direction == Direction::Receive)
        }
    }
}

/// Packets accepted on a plain leg that look like SRTP: the bytes that each has too many.
pub(super) fn encrypted(standing: &Standing, notes: &[Note]) -> Option<(u16, Note)> {
    if standing.receive.protection != ProtectionStanding::Plain {
        return None;
    }
    let excess = |note: &Note| match note.shape {
        Shape::Rtp { payload_type, payload, repeats: false, .. } if OCTET_AUDIO.contains(&payload_type) => {
            Some(payload % TEN_MILLISECONDS).filter(|excess| matches!(excess, 4 | 10 | 16))
        }
        _ => None,
    };
    let is_audio = |note: &&Note| matches!(note.shape, Shape::Rtp { payload_type, .. } if OCTET_AUDIO.contains(&payload_type));
    let mut audio = notes.iter().filter(is_audio);
    let first = audio.next()?;
    let tag = excess(first)?;
    audio.all(|note| excess(note) == Some(tag)).then_some((tag, *first))
}
