// SPDX-License-Identifier: MIT OR Apache-2.0
mod headers;
mod track;

use culvert_secret::Secret;

use self::track::{Set, Track};
use crate::header::Header;
use crate::index::{self, MAX_INDEX};
use crate::kernel::prefetch;
use crate::keyset::SessionKeys;
use crate::replay::{ReplayWindow, Standing};
use crate::session::{E_BIT, Position};
use crate::streams::{Slot, Stream, Streams};
use crate::{KeySet, Kind, Reject};

/// Unprotects the packets of one direction of a leg: keys, and for every SSRC its indices and replay lists.
///
/// Judging a packet reads the context and nothing else; only a packet that has authenticated is then decrypted and
/// counted, and moves index and window. So a forged packet cannot change anything.
///
/// # Re-keys
///
/// Indices and replay lists belong to the SSRC and outlast every re-key, as RFC 3711 has it: the index goes on, and a
/// packet of the set before it is judged by the same list. Many endpoints start their index afresh with a new key,
/// though. Until the first packet of an SSRC authenticates under a key that is new to it, packets are therefore also
/// tried under that key alone with a roll-over counter of 0, and neither index nor list stand in their way: nothing has
/// been accepted under that key, so nothing can be a replay. If the first such packet does not follow the highest index,
/// the SSRC has started afresh. Its list then begins anew, and older keys are dead for it: the old list, which their
/// packets would have to be judged by, is gone.
///
/// A key that comes again while its earlier set is still held is recognised and not new. One that comes again later is
/// not recognised: whoever gives out keys must not repeat one.
///
/// # SRTCP
///
/// Under a suite that encrypts, an SRTCP packet whose E bit is clear is refused as
/// [`AuthenticationFailed`](Reject::AuthenticationFailed). RFC 3711 section 3.4 allows such packets, but then what a leg
/// sends in the clear would be the sender's choice, not the session's. With the NULL cipher the E bit means nothing and
/// both values are taken.
#[derive(Debug)]
pub struct ReceiveContext {
    keys: Secret<KeySet>,
    previous: Option<Secret<KeySet>>,
    streams: Streams<ReceiveStream>,
}

/// One SSRC.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct ReceiveStream {
    ssrc: u32,
    rtp: Track,
    rtcp: Track,
}

impl Stream for ReceiveStream {
    #[inline(always)]
    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn set_ssrc(&mut self, ssrc: u32) {
        self.ssrc = ssrc;
    }
}

/// What a packet's bytes say under a key set.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Parsed {
    pub(crate) header: Header,
    /// Bytes of the plain packet.
    pub(crate) body: u16,
    /// Position of the key that it names.
    pub(crate) key: u8,
}

/// A packet that has authenticated, or is expected to, and what it is to change.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Accepted {
    set: Set,
    key: u8,
    slot: Slot,
    pub(crate) header: Header,
    /// Bytes of the plain packet.
    pub(crate) body: u16,
    pub(crate) index: u64,
    /// The packet starts a new index space.
    restart: bool,
}

impl Accepted {
    #[inline]
    pub(crate) fn position(&self) -> Position {
        Position { ssrc: self.header.ssrc, index: self.index }
    }
}

impl ReceiveContext {
    /// A context for up to `max_ssrcs` SSRCs (held to 1..=256), whose memory is allocated here and never later.
    pub fn new(mut keys: Secret<KeySet>, max_ssrcs: usize) -> ReceiveContext {
        keys.enter(0, core::iter::empty());
        Self { keys, previous: None, streams: Streams::new(max_ssrcs) }
    }

    /// Takes a new key set. Packets are tried under it first and then under the set it replaces, so that those in
    /// flight are not lost. Returns the set before that one, for the control side to drop.
    pub fn rekey(&mut self, mut keys: Secret<KeySet>) -> Option<Secret<KeySet>> {
        self.streams.generation += 1;
        let generation = self.streams.generation;
        keys.enter(generation, self.keys.iter().chain(self.previous.iter().flat_map(|set| set.iter())));
        keys.take_protection_of(&mut self.keys);
        self.streams.rekeyed = false;
        self.streams.expiring = false;
        self.previous.replace(core::mem::replace(&mut self.keys, keys))
    }

    /// Ends the overlap: packets under the set that the last [`rekey`](Self::rekey) replaced no longer authenticate.
    /// Returns that set, if it was still held, for the control side to drop.
    pub fn retire_previous(&mut self) -> Option<Secret<KeySet>> {
        self.previous.take()
    }

    /// Whether a packet has authenticated under the newest set.
    pub fn rekeyed(&self) -> bool {
        self.streams.rekeyed
    }

    /// Asks for a warning of each key of the newest set, once, when the 2^`part`-th part of its lifetime is left, but
    /// at least one packet. A set has none until this is called for it.
    pub fn warn_of_expiry(&mut self, part: u8) {
        self.streams.expiring = self.keys.warn_of_expiry(part);
    }

    /// Whether a warning waits to be taken.
    #[inline(always)]
    pub fn is_expiring(&self) -> bool {
        self.streams.expiring
    }

    /// Takes the warning: packets left of the key of the newest set that has fewest.
    pub fn take_expiring(&mut self) -> Option<u64> {
        core::mem::take(&mut self.streams.expiring).then(|| self.keys.packets_left())
    }

    /// Packets that have authenticated under the newest set, SRTP and SRTCP.
    #[inline]
    pub fn packets(&self) -> u64 {
        self.keys.packets()
    }

    /// The newest key set.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The set that the last re-key replaced, while it is held.
    pub(crate) fn previous_keys(&self) -> Option<&KeySet> {
        self.previous.as_deref()
    }

    /// The roll-over counter that an SRTP packet is taken to have by its sequence number: 0 of an SSRC of which none has
    /// authenticated, and where there is no header to read.
    pub fn expected_roll_over_counter(&self, packet: &[u8]) -> u32 {
        let Ok(header) = Header::parse(Kind::Rtp, packet) else { return 0 };
        let stream = self.streams.find(header.ssrc).and_then(|slot| self.streams.get(slot));
        let highest = stream.and_then(|stream| stream.rtp.window.highest());
        highest.map_or(0, |highest| (index::estimate(highest, header.sequence) >> 16) as u32)
    }

    /// Everything that a packet could change.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> impl PartialEq + core::fmt::Debug + use<> {
        (core::ptr::from_ref(&*self.keys), self.previous.as_deref().map(core::ptr::from_ref), self.state())
    }

    /// The same, to be compared with another context's.
    #[cfg(test)]
    pub(crate) fn state(&self) -> impl PartialEq + core::fmt::Debug + use<> {
        (
            self.streams.clone(),
            self.streams.memory(),
            self.keys.spent(),
            self.previous.as_deref().map(KeySet::spent),
        )
    }

    /// Puts an SSRC's SRTP index where no test could send it.
    #[cfg(test)]
    pub(crate) fn jump(&mut self, ssrc: u32, index: u64) {
        let slot = self.streams.find(ssrc).unwrap();
        self.streams.entry(slot, ssrc).rtp.window.accept(index);
    }

    /// Asks for what a packet will need, ahead of time.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&*self.keys);
        self.streams.prefetch();
    }

    /// Asks for the key itself, once the rest has arrived.
    #[inline]
    pub(crate) fn prefetch_key(&self) {
        self.keys.first().rtp().prefetch();
    }

    /// What will become of an SRTP packet if it authenticates and nothing about it is unusual: under the newest set, at the
    /// first index that its sequence number may stand for. The verdict is that of [`judge`](Self::judge), for most
    /// packets and in less time; `None` where that has to find out, and always where headers are protected.
    #[inline(always)]
    pub(crate) fn foresee(&self, packet: &[u8]) -> Option<Accepted> {
        if self.protects_headers() {
            return None;
        }
        let Parsed { header, body, key } = Self::parse(&self.keys, Kind::Rtp, packet).ok()?;
        self.place(header, body, key)
    }

    /// The same of a packet that was foreseen before others were accepted, if it still authenticates if it did then.
    #[inline(always)]
    pub(crate) fn confirm(&self, foreseen: &Accepted) -> Option<Accepted> {
        let placed = self.place(foreseen.header, foreseen.body, foreseen.key)?;
        (placed.index == foreseen.index).then_some(placed)
    }

    #[inline(always)]
    fn place(&self, header: Header, body: u16, key: u8) -> Option<Accepted> {
        let session = self.keys.get(key);
        let slot = self.streams.find(header.ssrc)?;
        let index = match self.streams.get(slot).map(|stream| &stream.rtp) {
            Some(track) if let Some(highest) = track.window.highest() => {
                let index = index::estimate(highest, header.sequence);
                let usual = track.settled == session.generation()
                    && track.since <= track.settled
                    && index <= MAX_INDEX
                    && track.window.standing(index) == Standing::New;
                if usual { index } else { return None }
            }
            _ => u64::from(header.sequence),
        };
        if session.expired() {
            return None;
        }
        Some(Accepted { set: Set::Newest, key, slot, header, body, index, restart: false })
    }

    /// The tag of a packet that was foreseen.
    #[inline(always)]
    pub(crate) fn tag<'p>(&self, packet: &'p [u8], foreseen: &Accepted) -> &'p [u8] {
        self.keys.rtp_tag(packet, usize::from(foreseen.body))
    }

    /// The key under which a packet was accepted.
    #[inline(always)]
    pub(crate) fn key(&self, accepted: &Accepted) -> &SessionKeys {
        match (accepted.set, &self.previous) {
            (Set::Previous, Some(previous)) => previous.get(accepted.key),
            _ => self.keys.get(accepted.key),
        }
    }

    /// Judges a packet. Nothing is changed.
    pub(crate) fn judge(&self, kind: Kind, packet: &[u8]) -> Result<Accepted, Reject> {
        self.judge_all(kind, packet, Self::parse(&self.keys, kind, packet), None)
    }

    /// Judges a packet that was foreseen, and of which is known whether it authenticates where it was.
    pub(crate) fn judge_foreseen(
        &self,
        packet: &[u8],
        foreseen: &Accepted,
        authentic: bool,
    ) -> Result<Accepted, Reject> {
        let Accepted { header, body, key, index, .. } = *foreseen;
        self.judge_all(Kind::Rtp, packet, Ok(Parsed { header, body, key }), Some((index, authentic)))
    }

    fn judge_all(
        &self,
        kind: Kind,
        packet: &[u8],
        parsed: Result<Parsed, Reject>,
        known: Option<(u64, bool)>,
    ) -> Result<Accepted, Reject> {
        let judged =
            parsed.and_then(|parsed| self.judge_under(Set::Newest, &self.keys, kind, packet, &parsed, known));
        match (judged, &self.previous) {
            (Err(newest), Some(previous)) => self.judge_previous(newest, previous, kind, packet),
            (judged, _) => judged,
        }
    }

    fn judge_previous(
        &self,
        newest: Reject,
        previous: &KeySet,
        kind: Kind,
        packet: &[u8],
    ) -> Result<Accepted, Reject> {
        let judged = Self::parse(previous, kind, packet)
            .and_then(|parsed| self.judge_under(Set::Previous, previous, kind, packet, &parsed, None));
        judged.map_err(|previous| telling(newest, previous))
    }

    #[inline(always)]
    fn parse(keys: &KeySet, kind: Kind, packet: &[u8]) -> Result<Parsed, Reject> {
        let body = packet.len().checked_sub(keys.overhead(kind)).ok_or(Reject::TooShort)?;
        let header = Header::parse(kind, packet.get(..body).unwrap_or_default())?;
        let length = u16::try_from(body).map_err(|_| Reject::Malformed)?;
        let key =
            if keys.has_mki() { keys.find(keys.layout(kind, header.length, body)?.mki(packet))? } else { 0 };
        Ok(Parsed { header, body: length, key })
    }

    fn judge_under(
        &self,
        set: Set,
        keys: &KeySet,
        kind: Kind,
        packet: &[u8],
        parsed: &Parsed,
        known: Option<(u64, bool)>,
    ) -> Result<Accepted, Reject> {
        let Parsed { header, body, key } = *parsed;
        let layout = keys.layout(kind, header.length, usize::from(body))?;
        let slot = self.streams.find(header.ssrc).ok_or(Reject::TooManySsrcs)?;
        let session = keys.get(key);
        if session.expired() {
            return Err(Reject::KeyExpired);
        }

        let unknown = Track::default();
        let track = match (self.streams.get(slot), kind) {
            (Some(stream), Kind::Rtp) => &stream.rtp,
            (Some(stream), Kind::Rtcp) => &stream.rtcp,
            (None, _) => &unknown,
        };
        let indices = match kind {
            Kind::Rtp => track.rtp_indices(header.sequence),
            Kind::Rtcp => {
                let word = layout.index(packet).ok_or(Reject::TooShort)?;
                if word & E_BIT == 0 && keys.suite().encrypts() {
                    return Err(Reject::AuthenticationFailed);
                }
                [Some(u64::from(word & !E_BIT)), None]
            }
        };
        let at = |index| Position { ssrc: header.ssrc, index };
        let authenticates = |index| match known {
            Some((known, authentic)) if known == index => authentic,
            _ => session.authenticates(kind, packet, &layout, at(index)),
        };
        let (index, restart) = track.judge(set, session, indices, authenticates)?;
        Ok(Accepted { set, key, slot, header, body, index, restart })
    }

    /// The set under which a packet was accepted.
    fn set(&self, accepted: &Accepted) -> &KeySet {
        match (accepted.set, &self.previous) {
            (Set::Previous, Some(previous)) => previous,
            _ => &self.keys,
        }
    }

    /// Decrypts a packet that was accepted.
    pub(crate) fn decrypt(&self, kind: Kind, packet: &mut [u8], accepted: &Accepted) {
        if let Ok(layout) =
            self.set(accepted).layout(kind, accepted.header.length, usize::from(accepted.body))
        {
            self.key(accepted).decrypt(kind, packet, &layout, accepted.position());
        }
    }

    /// Counts a packet, and moves index and replay list.
    #[inline(always)]
    pub(crate) fn accept(&mut self, kind: Kind, accepted: &Accepted) {
        let keys = match (accepted.set, &mut self.previous) {
            (Set::Previous, Some(previous)) => previous,
            _ => {
                self.streams.rekeyed = true;
                &mut self.keys
            }
        };
        let session = keys.get_mut(accepted.key);
        if session.count(kind) && accepted.set == Set::Newest {
            self.streams.expiring = true;
        }
        let generation = session.generation();
        let stream = self.streams.entry(accepted.slot, accepted.header.ssrc);
        let track = match kind {
            Kind::Rtp => &mut stream.rtp,
            Kind::Rtcp => &mut stream.rtcp,
        };
        if accepted.restart {
            track.window = ReplayWindow::default();
            track.since = generation;
        }
        track.window.accept(accepted.index);
        track.settled = track.settled.max(generation);
    }
}

/// Of the verdicts of both sets, the one that says more.
fn telling(newest: Reject, previous: Reject) -> Reject {
    match newest {
        Reject::UnknownMki | Reject::AuthenticationFailed if previous != Reject::UnknownMki => previous,
        _ => newest,
    }
}
