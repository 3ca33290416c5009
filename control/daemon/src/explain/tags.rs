// SPDX-License-Identifier: MIT OR Apache-2.0
//! Findings about packets that did not authenticate.

use culvert_api::v1::FindingKind as Kind;
use culvert_engine::{DropReason, Note};
use culvert_srtp::MkiFit;

use super::judge::{Class, Judge, SHOWN};
use super::packets::{Clue, clue};
use super::words::{self, suites_of};

impl Judge<'_> {
    /// Packets that did not authenticate, by what they say.
    pub(super) fn tags(&mut self) {
        let reasons = [DropReason::AuthenticationFailed, DropReason::UnknownMki, DropReason::TooShort];
        let failed: u64 = reasons.iter().map(|reason| self.flow.counts.of_reason(*reason)).sum();
        let mut groups: Vec<(Kind, Clue, Vec<Note>)> = Vec::new();
        for note in self.flow.notes.iter().filter(|note| {
            note.dropped.is_some_and(|reason| reasons.contains(&reason) || reason == DropReason::TooOld)
        }) {
            let Some(clue) = clue(self.facts, self.flow, note) else { continue };
            let kind = kind_of(clue);
            match groups.iter_mut().find(|(other, ..)| *other == kind) {
                // A sure one says more.
                Some((_, found, notes)) => {
                    if clue == (Clue::Plain { sure: true }) {
                        *found = clue;
                    }
                    notes.push(*note);
                }
                None => groups.push((kind, clue, vec![*note])),
            }
        }
        merge_plain(&mut groups);
        // Packets whose keys were not tried are the others' like.
        if groups.iter().any(|(_, clue, _)| !matches!(clue, Clue::Unknown { all: false })) {
            groups.retain(|(_, clue, _)| !matches!(clue, Clue::Unknown { all: false }));
        }
        if groups.is_empty() && failed > 0 {
            let summary = format!("Packets from {} do not authenticate.", self.from());
            let mend = format!(
                "Look at packets to learn under which key they would: `culvert explain {} --observe 5s` while the \
                 endpoint sends.",
                self.facts.view.id
            );
            let evidence = self.evidence(|note| note.dropped.is_some_and(|reason| reasons.contains(&reason)));
            return self.find(Kind::UnknownKey, Class::Dropped, failed, summary, evidence, mend);
        }
        let looked_at: usize = groups.iter().map(|(.., notes)| notes.len()).sum();
        for (kind, clue, notes) in groups {
            // The share that it has of the packets looked at.
            let packets = failed.max(1) * notes.len() as u64 / looked_at.max(1) as u64;
            let (summary, told, mend) = self.about(clue);
            let mut evidence = vec![words::counted(self.facts, self.flow)];
            evidence.extend(told);
            evidence.extend(notes.iter().take(SHOWN).map(words::packet));
            self.find(kind, Class::Dropped, packets, summary, evidence, mend);
        }
    }

    /// Summary, evidence and mend.
    fn about(&self, clue: Clue) -> (String, Vec<String>, String) {
        let (from, id) = (self.from(), &self.facts.view.id);
        let suite = self.leg(self.flow.leg).map_or("", |leg| leg.protection);
        let rekey = format!(
            "`culvert session update {id} --media {} --leg {} --sdes-receive @OFFER --sdes-send @ANSWER`",
            self.flow.media, self.flow.leg
        );
        match clue {
            Clue::RollOver { used, expected } => (
                format!(
                    "The endpoint of {from} counts roll-overs of its sequence number otherwise than the relay."
                ),
                vec![format!("the tag fits with roll-over counter {used}; the relay expects {expected}")],
                format!(
                    "The relay begins to count at 0 when it gets a key, and so must the endpoint: have it re-key (a new \
                     offer with a new key, then {rekey}), and start below sequence number 32768."
                ),
            ),
            Clue::Previous => (
                format!("The endpoint of {from} still sends under the key before the last re-key."),
                vec!["the tag fits under the key that the last re-key replaced".to_owned()],
                format!(
                    "Check that the endpoint has taken the new key; if it has declined it, go back to the old one: {rekey}."
                ),
            ),
            Clue::Suite { used } => (
                format!("The endpoint of {from} uses the agreed key with another suite, {}.", used.name()),
                vec![format!("the tag fits with {}; agreed is {suite}", used.name())],
                format!(
                    "Make both ends agree on one suite: the answer must name the suite of the offered line that it takes; then {rekey}."
                ),
            ),
            Clue::Mki(fit) => (
                format!("The endpoint of {from} uses the right key and names it wrongly (MKI)."),
                vec![match fit {
                    MkiFit::Missing => "the tag fits without an MKI; agreed is one".to_owned(),
                    MkiFit::Unexpected(length) => {
                        format!("the tag fits with an MKI of {length} bytes; agreed is none")
                    }
                    MkiFit::Agreed | MkiFit::Other => "the tag fits, and the MKI is another key's".to_owned(),
                }],
                format!(
                    "Signal the MKI and its length as the endpoint sends it (`|VALUE:LENGTH` of its a=crypto line): {rekey}."
                ),
            ),
            Clue::OtherDirection => (
                format!("The endpoint of {from} sends under the key that was made for the other direction."),
                vec!["the tag fits under the key with which the relay sends to this leg".to_owned()],
                format!(
                    "Receive and send keys are swapped, by the endpoint or by the front end: receive is what the endpoint put into its own a=crypto line: {rekey}."
                ),
            ),
            Clue::OtherKey { media, leg, from: receive } => {
                let of = self
                    .facts
                    .view
                    .media
                    .get(usize::from(media))
                    .and_then(|medium| medium.legs.get(usize::from(leg)));
                let use_ = if receive {
                    "with which its endpoint should send"
                } else {
                    "with which the relay sends to it"
                };
                let key = of
                    .and_then(|leg| leg.key_ids[usize::from(!receive)].as_ref())
                    .map(|id| format!("; its identifier is {id}"));
                (
                    format!(
                        "The endpoint of {from} sends under a key of another leg: leg {leg} of medium {media}."
                    ),
                    vec![format!(
                        "the tag fits under the key of leg {leg} of medium {media} {use_}{}",
                        key.unwrap_or_default()
                    )],
                    format!(
                        "Give each leg the keys of its own offer and answer; the front end has mixed up legs or media: {rekey}."
                    ),
                )
            }
            Clue::Unencrypted => (
                format!("The endpoint of {from} sends SRTCP without encryption, which {suite} demands."),
                vec![
                    "the tag fits, and the bit that says that the packet is encrypted is not set".to_owned(),
                ],
                "Take UNENCRYPTED_SRTCP out of the a=crypto line that the endpoint was offered or has sent."
                    .to_owned(),
            ),
            Clue::Plain { sure } => (
                format!(
                    "The endpoint of {from} {} plain RTP where SRTP is agreed ({suite}).",
                    if sure { "sends" } else { "probably sends" }
                ),
                vec![if sure {
                    "packets end in the same bytes again and again, are too short for a tag, or are RTCP to the last byte: SRTP is not".to_owned()
                } else {
                    "the payload has the length of plain audio of its payload type, without a tag".to_owned()
                }],
                format!(
                    "Have the endpoint use SRTP: check that its answer has an a=crypto line and RTP/SAVP. If plain RTP is meant \
                     and the leg's level allows it: `culvert session update {id} --media {} --leg {} --plain`.",
                    self.flow.media, self.flow.leg
                ),
            ),
            Clue::LengthOf { tag } => (
                format!("The endpoint of {from} probably uses another suite than agreed ({suite})."),
                vec![format!(
                    "the payload is {tag} bytes longer than audio of its payload type: {}",
                    suites_of(tag)
                )],
                format!(
                    "Make both ends agree on one suite: the answer must name the suite of the offered line that it takes; then {rekey}."
                ),
            ),
            Clue::Unknown { all } => (
                format!("The endpoint of {from} sends under a key that the relay does not know."),
                vec![if all {
                    "the tag fits under no key of the session, other roll-over counters and tag lengths included".to_owned()
                } else {
                    "the tag fits under none of the keys that were tried".to_owned()
                }],
                format!(
                    "Give the relay the key that the endpoint has signalled: {rekey}. If it is right, somebody else sends."
                ),
            ),
        }
    }
}

fn kind_of(clue: Clue) -> Kind {
    match clue {
        Clue::RollOver { .. } => Kind::WrongRollOverCounter,
        Clue::Previous | Clue::Mki(_) | Clue::OtherKey { .. } => Kind::WrongKey,
        Clue::Suite { .. } | Clue::LengthOf { .. } => Kind::WrongSuite,
        Clue::OtherDirection => Kind::KeyOfOtherDirection,
        Clue::Plain { .. } | Clue::Unencrypted => Kind::Plain,
        Clue::Unknown { .. } => Kind::UnknownKey,
    }
}

/// Whoever sends one packet in the clear for sure sends those that look neither way in the clear too.
fn merge_plain(groups: &mut Vec<(Kind, Clue, Vec<Note>)>) {
    if !groups.iter().any(|(_, clue, _)| *clue == (Clue::Plain { sure: true })) {
        return;
    }
    let Some(place) = groups.iter().position(|(kind, ..)| *kind == Kind::UnknownKey) else { return };
    let (.., unknown) = groups.remove(place);
    if let Some((.., notes)) = groups.iter_mut().find(|(kind, ..)| *kind == Kind::Plain) {
        notes.extend(unknown);
    }
}
