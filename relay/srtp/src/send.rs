// SPDX-License-Identifier: MIT OR Apache-2.0
mod headers;

use culvert_secret::Secret;

use crate::header::Header;
use crate::index::{self, MAX_INDEX, MAX_RTCP_INDEX};
use crate::kernel::prefetch;
use crate::keyset::SessionKeys;
use crate::layout::Layout;
use crate::replay::{self, ReplayWindow, Standing};
use crate::session::Position;
use crate::streams::{Slot, Stream, Streams};
use crate::{KeySet, Kind, Reject};

/// Protects the packets of one direction of a leg: keys, and for every SSRC the indices that are used up.
///
/// The index of an RTP packet follows from its sequence number by the receiver's own rule, beginning at a roll-over
/// counter of 0. A window like the receiver's refuses an index for the second time, and one too old for the window,
/// which might be used: one key stream never covers two packets. Packets out of order within the window are sent.
///
/// Indices outlast every re-key. SRTCP counts from 0 up to 2^31 - 1 and then stops, instead of wrapping as RFC 3711
/// section 3.2.1 has it, so that no index depends on which keys came between.
#[derive(Debug)]
pub struct SendContext {
    keys: Secret<KeySet>,
    streams: Streams<SendStream>,
}

/// One SSRC.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct SendStream {
    ssrc: u32,
    rtp: ReplayWindow,
    next_rtcp: u32,
}

impl Stream for SendStream {
    #[inline(always)]
    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn set_ssrc(&mut self, ssrc: u32) {
        self.ssrc = ssrc;
    }
}

/// Where a packet is to go in the index space of its SSRC.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Allowed {
    slot: Slot,
    pub(crate) ssrc: u32,
    pub(crate) layout: Layout,
    pub(crate) index: u64,
}

impl Allowed {
    #[inline]
    pub(crate) fn position(&self) -> Position {
        Position { ssrc: self.ssrc, index: self.index }
    }
}

impl SendContext {
    /// A context for up to `max_ssrcs` SSRCs (held to 1..=256), whose memory is allocated here and never later.
    pub fn new(mut keys: Secret<KeySet>, max_ssrcs: usize) -> SendContext {
        keys.enter(0, core::iter::empty());
        Self { keys, streams: Streams::new(max_ssrcs) }
    }

    /// Protects under the first key of `keys` from now on. Returns the set before, for the control side to drop.
    pub fn rekey(&mut self, mut keys: Secret<KeySet>) -> Secret<KeySet> {
        keys.enter(0, self.keys.iter());
        keys.take_protection_of(&mut self.keys);
        self.streams.expiring = false;
        core::mem::replace(&mut self.keys, keys)
    }

    /// The key set in use.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Asks for a warning of the key that protects, once, when the 2^`part`-th part of its lifetime is left, but at least
    /// one packet. A set has none until this is called for it.
    pub fn warn_of_expiry(&mut self, part: u8) {
        self.streams.expiring = self.keys.first_mut().warn_of_expiry(part);
    }

    /// Whether a warning waits to be taken.
    #[inline(always)]
    pub fn is_expiring(&self) -> bool {
        self.streams.expiring
    }

    /// Takes the warning: packets left of the key that protects.
    pub fn take_expiring(&mut self) -> Option<u64> {
        core::mem::take(&mut self.streams.expiring).then(|| self.keys.first().packets_left())
    }

    /// Packets that the key has protected, SRTP and SRTCP.
    #[inline]
    pub fn packets(&self) -> u64 {
        self.keys.first().packets()
    }

    /// Everything that a packet could change.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> impl PartialEq + core::fmt::Debug + use<> {
        (self.streams.clone(), self.streams.memory(), self.keys.spent())
    }

    /// Puts the indices of an SSRC where no test could send them.
    #[cfg(test)]
    pub(crate) fn jump(&mut self, ssrc: u32, index: u64, rtcp_index: u32) {
        let slot = self.streams.find(ssrc).unwrap();
        let stream = self.streams.entry(slot, ssrc);
        stream.rtp.accept(index);
        stream.next_rtcp = rtcp_index;
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

    /// The key that protects.
    #[inline]
    pub(crate) fn key(&self) -> &SessionKeys {
        self.keys.first()
    }

    /// Where a packet with that header, of `body` bytes in plain form, may go, if there is `room` for it in all. Nothing is
    /// changed.
    #[inline(always)]
    pub(crate) fn judge(
        &self,
        kind: Kind,
        header: &Header,
        body: usize,
        room: usize,
    ) -> Result<Allowed, Reject> {
        let slot = self.streams.find(header.ssrc).ok_or(Reject::TooManySsrcs)?;
        if self.keys.first().expired() {
            return Err(Reject::KeyExpired);
        }
        let stream = self.streams.get(slot);
        let (index, last) = match kind {
            Kind::Rtp => {
                let first = Ok(u64::from(header.sequence));
                (stream.map_or(first, |stream| stream.rtp_index(header.sequence))?, MAX_INDEX)
            }
            Kind::Rtcp => (stream.map_or(0, |stream| u64::from(stream.next_rtcp)), MAX_RTCP_INDEX),
        };
        if index > last {
            return Err(Reject::KeyExpired);
        }
        let layout = self.keys.layout(kind, header.length, body)?;
        if layout.end() > room {
            return Err(Reject::NoRoom);
        }
        Ok(Allowed { slot, ssrc: header.ssrc, layout, index })
    }

    /// Uses an index up, for good.
    #[inline(always)]
    pub(crate) fn accept(&mut self, kind: Kind, allowed: &Allowed) {
        let stream = self.streams.entry(allowed.slot, allowed.ssrc);
        match kind {
            Kind::Rtp => stream.rtp.accept(allowed.index),
            Kind::Rtcp => stream.next_rtcp += 1,
        }
        if self.keys.first_mut().count(kind) {
            self.streams.expiring = true;
        }
    }
}

impl SendStream {
    #[inline]
    fn rtp_index(&self, sequence: u16) -> Result<u64, Reject> {
        let Some(highest) = self.rtp.highest() else { return Ok(u64::from(sequence)) };
        // Most packets come in order.
        let next = highest + 1;
        if next as u16 == sequence {
            return Ok(next);
        }
        // With a roll-over counter of 0, a sequence number just behind the first ones belongs to a packet that was
        // overtaken by the first. It has no index: taken for the far end of the cycle it would carry the counter off.
        let behind = (highest as u16).wrapping_sub(sequence);
        if highest < u64::from(behind) && u64::from(behind) < replay::LENGTH {
            return Err(Reject::TooOld);
        }
        let index = index::estimate(highest, sequence);
        match self.rtp.standing(index) {
            Standing::New => Ok(index),
            Standing::Seen => Err(Reject::IndexReused),
            Standing::TooOld => Err(Reject::TooOld),
        }
    }
}
