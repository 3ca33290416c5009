// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a packet does not authenticate: what it would authenticate under instead.
//!
//! Everything here reads contexts and changes none, so that looking for the fault of a packet is no way around the rule
//! that a packet that does not authenticate changes nothing.

use crate::header::Header;
use crate::layout::{Layout, overhead};
use crate::session::{E_BIT, Position};
use crate::suite::Transform;
use crate::{KeySet, Kind, ReceiveContext, SendContext, Suite};

/// What a packet authenticates under.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Authentic {
    /// Under the keys that the last re-key of a receive context replaced.
    pub previous: bool,
    /// The suite whose form the packet has: that of the keys, or one that derives the same authentication key from the
    /// same master key and has a tag of another length (RFC 4568 section 6.2).
    pub suite: Suite,
    /// How the packet names its key.
    pub mki: MkiFit,
    /// The roll-over counter that the packet was protected with. 0 for SRTCP, which carries its index.
    pub roll_over_counter: u32,
    /// An SRTCP packet whose E bit is clear, under a suite that encrypts.
    pub unencrypted: bool,
}

/// A packet's MKI against what its keys are named.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum MkiFit {
    /// As agreed: the name of the key, or none.
    Agreed,
    /// None, where the keys have names.
    Missing,
    /// So many bytes, where the key has no name.
    Unexpected(u8),
    /// The name of another key, or of none that is known.
    Other,
}

/// How far to look.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Depth {
    /// The form that was agreed, with the expected roll-over counter and with 0.
    Brief,
    /// Other roll-over counters, other lengths of the tag, and packets with and without an MKI.
    Full,
}

/// How many tags may still be computed: each costs what authenticating a packet costs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Effort(pub u32);

impl Effort {
    fn spend(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// Roll-over counters from 0 that are tried: a sender that has talked for half an hour at 100 packets a second is at 2.
const FROM_START: u32 = 16;
/// On either side of the expected one.
const AROUND: u32 = 3;

impl ReceiveContext {
    /// Looks for what a packet authenticates under: the newest keys, then those before. `expected` is the roll-over counter
    /// of [`expected_roll_over_counter`](Self::expected_roll_over_counter), of the context that has refused the packet.
    /// `None` when nothing fits, or `effort` is used up. Replay lists do not count. Nothing is changed.
    ///
    /// Of legs that protect headers by Cryptex (RFC 9335) under GCM nothing can be said: the tag does not cover their packets
    /// as they are on the wire.
    pub fn diagnose(
        &self,
        kind: Kind,
        packet: &[u8],
        expected: u32,
        depth: Depth,
        effort: &mut Effort,
    ) -> Option<Authentic> {
        let newest = self.keys().diagnose(kind, packet, expected, depth, effort);
        newest.or_else(|| {
            let found = self.previous_keys()?.diagnose(kind, packet, expected, depth, effort)?;
            Some(Authentic { previous: true, ..found })
        })
    }
}

impl SendContext {
    /// As [`ReceiveContext::diagnose`], under the keys for sending: what a peer that has taken the wrong one of two keys
    /// protects with.
    pub fn diagnose(
        &self,
        kind: Kind,
        packet: &[u8],
        expected: u32,
        depth: Depth,
        effort: &mut Effort,
    ) -> Option<Authentic> {
        self.keys().diagnose(kind, packet, expected, depth, effort)
    }
}

impl KeySet {
    fn diagnose(
        &self,
        kind: Kind,
        packet: &[u8],
        expected: u32,
        depth: Depth,
        effort: &mut Effort,
    ) -> Option<Authentic> {
        let agreed = (self.suite(), self.mki_length());
        if let Some(found) = self.diagnose_form(kind, packet, agreed, expected, depth, effort) {
            return Some(found);
        }
        if depth == Depth::Brief {
            return None;
        }
        let lengths = match agreed.1 {
            0 => [1, 2, 4].as_slice(),
            _ => [0].as_slice(),
        };
        let suites = self.suites_of_same_keys(kind).map(|suite| (suite, agreed.1));
        let mkis = lengths.iter().map(|length| (agreed.0, *length));
        suites
            .chain(mkis)
            .find_map(|form| self.diagnose_form(kind, packet, form, expected, Depth::Brief, effort))
    }

    fn diagnose_form(
        &self,
        kind: Kind,
        packet: &[u8],
        (suite, mki_length): (Suite, usize),
        expected: u32,
        depth: Depth,
        effort: &mut Effort,
    ) -> Option<Authentic> {
        let body = packet.len().checked_sub(overhead(suite, mki_length, kind))?;
        let header = Header::parse(kind, packet.get(..body)?).ok()?;
        let layout = Layout::of_nothing(suite, mki_length, kind).around(header.length, body)?;
        let word = match kind {
            Kind::Rtp => 0,
            Kind::Rtcp => layout.index(packet)?,
        };
        for keys in self.iter() {
            for roll_over_counter in roll_over_counters(kind, expected, depth) {
                effort.spend()?;
                let index = match kind {
                    Kind::Rtp => u64::from(roll_over_counter) << 16 | u64::from(header.sequence),
                    Kind::Rtcp => u64::from(word & !E_BIT),
                };
                if keys.authenticates(kind, packet, &layout, Position { ssrc: header.ssrc, index }) {
                    let mki = match (self.mki_length(), mki_length) {
                        (0, 0) => MkiFit::Agreed,
                        (0, length) => MkiFit::Unexpected(length as u8),
                        (_, 0) => MkiFit::Missing,
                        _ if layout.mki(packet) == keys.mki() => MkiFit::Agreed,
                        _ => MkiFit::Other,
                    };
                    let unencrypted = kind == Kind::Rtcp && suite.encrypts() && word & E_BIT == 0;
                    return Some(Authentic { previous: false, suite, mki, roll_over_counter, unencrypted });
                }
            }
        }
        None
    }

    /// Suites whose HMAC has the same key if they were given the same master key, but another length.
    fn suites_of_same_keys(&self, kind: Kind) -> impl Iterator<Item = Suite> + use<> {
        let own = self.suite();
        Suite::ALL.into_iter().filter(move |other| {
            kind == Kind::Rtp
                && own.transform() != Transform::Gcm
                && other.transform() != Transform::Gcm
                && other.encrypts()
                && other.key_length() == own.key_length()
                && other.rtp_tag_length() != own.rtp_tag_length()
        })
    }
}

/// Each once, the likeliest first.
fn roll_over_counters(kind: Kind, expected: u32, depth: Depth) -> impl Iterator<Item = u32> {
    let near = (1..=AROUND).flat_map(move |step| [expected.checked_add(step), expected.checked_sub(step)]);
    let far = (1..FROM_START).filter(move |counter| counter.abs_diff(expected) > AROUND);
    let start = (expected > AROUND).then_some(0);
    let brief = (depth == Depth::Brief && expected > 0).then_some(0);
    let full = near.flatten().chain(start).chain(far).filter(move |_| depth == Depth::Full);
    let others = brief.into_iter().chain(full).filter(move |_| kind == Kind::Rtp);
    std::iter::once(expected).chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_roll_over_counter_is_tried_once() {
        for expected in [0, 1, 3, 4, 9, 15, 16, 20, 1000, u32::MAX - 1, u32::MAX] {
            let mut all: Vec<u32> = roll_over_counters(Kind::Rtp, expected, Depth::Full).collect();
            assert_eq!(all[0], expected);
            all.sort_unstable();
            let mut wanted: Vec<u32> = (0..FROM_START)
                .chain(expected.saturating_sub(AROUND)..=expected.saturating_add(AROUND))
                .collect();
            wanted.sort_unstable();
            wanted.dedup();
            assert_eq!(all, wanted, "{expected}");
        }
        let brief = |expected| roll_over_counters(Kind::Rtp, expected, Depth::Brief).collect::<Vec<_>>();
        assert_eq!((brief(0), brief(7)), (vec![0], vec![7, 0]));
        assert_eq!(roll_over_counters(Kind::Rtcp, 7, Depth::Full).collect::<Vec<_>>(), [7]);
    }
}
