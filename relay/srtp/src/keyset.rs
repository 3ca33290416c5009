// SPDX-License-Identifier: MIT OR Apache-2.0
mod more;
mod usage;

use core::fmt;

use culvert_secret::Secret;

use self::more::More;
pub(crate) use self::usage::Usage;
use crate::header_protection::HeaderProtection;
use crate::kdf::{Material, Protocol};
use crate::kernel::Machine;
use crate::key::MAX_KEYS;
use crate::layout::{self, Layout};
use crate::session::{Position, RtcpKeys, RtpKeys, write_tag};
use crate::{KeyError, Kind, MasterKey, Mki, Path, Reject, Suite};

/// The session keys of 1 to 16 master keys of one suite, derived and ready to use. Made on the control side, in
/// the memory for keys, and moved into a context. Erased on drop; `Debug` shows no key.
///
/// What derives keys leaves parts of them on the stack: whoever makes sets calls
/// [`scrub_stack`](culvert_secret::scrub_stack) after the last.
pub struct KeySet {
    first: SessionKeys,
    /// `None` in the sets of most contexts, which have one key and leave headers alone.
    more: Option<Secret<More>>,
    /// Of the context that the set has entered, and handed on to the next set: a context has no room to spare.
    protection: Option<Box<HeaderProtection>>,
    /// The layout of an empty SRTP packet.
    rtp: Layout,
    suite: Suite,
}

/// What one master key derives to, and how much of its life is spent.
pub(crate) struct SessionKeys {
    rtp: RtpKeys,
    mki: Option<Mki>,
    usage: Usage,
    /// The re-key of its context that brought the key: 0 for the context's first set.
    generation: u32,
    rtcp: RtcpKeys,
    machine: Option<Machine>,
}

impl KeySet {
    /// Derives the session keys (RFC 3711 section 4.3, key derivation rate 0). Senders use the first key; receivers
    /// pick by MKI. A single key may have no MKI; of several, each has one, all of one length.
    ///
    /// # Errors
    /// [`KeyError::KeyCount`], [`KeyError::SuiteMismatch`], [`KeyError::MkiMismatch`], [`KeyError::DuplicateMki`].
    pub fn new(suite: Suite, keys: &[MasterKey]) -> Result<Secret<KeySet>, KeyError> {
        Self::with_path(suite, keys, Path::chosen())
    }

    /// As [`new`](Self::new), on a given implementation of the ciphers.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`KeyError::PathUnavailable`].
    pub fn with_path(suite: Suite, keys: &[MasterKey], path: Path) -> Result<Secret<KeySet>, KeyError> {
        if !path.is_available() {
            return Err(KeyError::PathUnavailable { path });
        }
        let (first, others) = keys.split_first().ok_or(KeyError::KeyCount { got: 0 })?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::KeyCount { got: keys.len() });
        }
        let mki_length = first.mki().map(|mki| mki.as_bytes().len());
        for (position, key) in keys.iter().enumerate() {
            if key.suite() != suite {
                return Err(KeyError::SuiteMismatch { position, expected: suite, got: key.suite() });
            }
            let has_length = key.mki().map(|mki| mki.as_bytes().len()) == mki_length;
            if !has_length || (mki_length.is_none() && !others.is_empty()) {
                return Err(KeyError::MkiMismatch { position });
            }
            if position > 0 && keys[..position].iter().any(|earlier| earlier.mki() == key.mki()) {
                return Err(KeyError::DuplicateMki { position });
            }
        }
        let derive = |key| SessionKeys::derive(path, key).ok_or(KeyError::PathUnavailable { path });
        let mki_length = mki_length.unwrap_or(0);
        let others = others.iter().map(|key| Secret::try_build(|| derive(key))).collect::<Result<_, _>>()?;
        Secret::try_build(|| {
            Ok(Self {
                suite,
                rtp: Layout::of_nothing(suite, mki_length, Kind::Rtp),
                first: derive(first)?,
                more: More::of(others),
                protection: None,
            })
        })
    }

    /// A set of session keys that no master key derives to: for each, those of SRTP and of SRTCP.
    #[cfg(test)]
    pub(crate) fn from_material(
        suite: Suite,
        path: Path,
        keys: Vec<([Material; 2], Option<Mki>)>,
    ) -> Secret<KeySet> {
        let mut keys = keys
            .into_iter()
            .map(|(material, mki)| SessionKeys::from_material(path, suite, material, mki, None).unwrap());
        let first = keys.next().unwrap();
        let rtp = Layout::of_nothing(suite, first.mki().len(), Kind::Rtp);
        let more = More::of(keys.map(Secret::new).collect());
        Secret::new(Self { suite, rtp, first, more, protection: None })
    }

    /// The suite of every key of the set.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Bytes that protection adds to a packet: tag, MKI, and for RTCP the SRTCP index. Cryptex adds
    /// [`Cryptex::GROWTH`](crate::Cryptex::GROWTH) bytes to some RTP packets beyond that.
    #[inline]
    pub fn overhead(&self, kind: Kind) -> usize {
        match kind {
            Kind::Rtp => self.rtp.end(),
            Kind::Rtcp => layout::overhead(self.suite, self.mki_length(), kind),
        }
    }

    /// Whether packets name their key.
    #[inline(always)]
    pub(crate) fn has_mki(&self) -> bool {
        !self.rtp.mki_range().is_empty()
    }

    /// The tag of an SRTP packet of `body` bytes in plain form.
    #[inline(always)]
    pub(crate) fn rtp_tag<'p>(&self, packet: &'p [u8], body: usize) -> &'p [u8] {
        let tag = self.rtp.tag_range();
        packet.get(body + tag.start..body + tag.end).unwrap_or_default()
    }

    /// The layout of a packet of `body` bytes in plain form.
    #[inline]
    pub(crate) fn layout(&self, kind: Kind, header: u16, body: usize) -> Result<Layout, Reject> {
        let nothing = match kind {
            Kind::Rtp => self.rtp,
            Kind::Rtcp => Layout::of_nothing(self.suite, self.mki_length(), kind),
        };
        nothing.around(header, body).ok_or(Reject::Malformed)
    }

    /// The key for sending.
    #[inline]
    pub(crate) fn first(&self) -> &SessionKeys {
        &self.first
    }

    #[inline]
    pub(crate) fn first_mut(&mut self) -> &mut SessionKeys {
        &mut self.first
    }

    /// Position of the key with that MKI, which has the length of the set's MKIs: none where the set has one key alone.
    #[inline]
    pub(crate) fn find(&self, mki: &[u8]) -> Result<u8, Reject> {
        if mki.is_empty() {
            return Ok(0);
        }
        let found = self.iter().position(|keys| keys.mki() == mki);
        found.map(|position| position as u8).ok_or(Reject::UnknownMki)
    }

    /// The key at a position that [`find`](Self::find) gave.
    #[inline(always)]
    pub(crate) fn get(&self, position: u8) -> &SessionKeys {
        match position {
            0 => &self.first,
            _ => self.others().get(usize::from(position) - 1).map_or(&self.first, |keys| keys),
        }
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, position: u8) -> &mut SessionKeys {
        match position {
            0 => &mut self.first,
            _ => match &mut self.more {
                Some(more) => {
                    more.others.get_mut(usize::from(position) - 1).map_or(&mut self.first, |keys| keys)
                }
                None => &mut self.first,
            },
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SessionKeys> + Clone {
        core::iter::once(&self.first).chain(self.others().iter().map(|keys| &**keys))
    }

    /// Enters a context as its key set of `generation`. A key that `before` has as well is not new: it keeps its
    /// generation, and the packets that it has protected still count.
    pub(crate) fn enter<'k>(
        &mut self,
        generation: u32,
        before: impl Iterator<Item = &'k SessionKeys> + Clone,
    ) {
        let others = self.more.as_mut().map(|more| &mut *more.others).unwrap_or_default();
        for keys in core::iter::once(&mut self.first).chain(others.iter_mut().map(|keys| &mut **keys)) {
            keys.generation = generation;
            for old in before.clone().filter(|old| old.rtcp.shares_key_with(&keys.rtcp)) {
                keys.generation = keys.generation.min(old.generation);
                keys.usage.take_over(&old.usage);
            }
        }
    }

    /// Packets that its keys have protected.
    #[inline]
    pub(crate) fn packets(&self) -> u64 {
        let others: u64 = self.others().iter().map(|keys| keys.packets()).sum();
        self.first.packets() + others
    }

    /// Packets left of the key that has fewest.
    pub(crate) fn packets_left(&self) -> u64 {
        self.iter().map(SessionKeys::packets_left).min().unwrap_or(0)
    }

    /// Asks for a warning of each key. Says whether one is due already.
    pub(crate) fn warn_of_expiry(&mut self, part: u8) -> bool {
        let others = self.more.as_mut().map(|more| &mut *more.others).unwrap_or_default();
        let mut due = false;
        for keys in core::iter::once(&mut self.first).chain(others.iter_mut().map(|keys| &mut **keys)) {
            due |= keys.warn_of_expiry(part);
        }
        due
    }

    /// What each key has protected, and its generation.
    #[cfg(test)]
    pub(crate) fn spent(&self) -> Vec<(Usage, u32)> {
        self.iter().map(|keys| (keys.usage.clone(), keys.generation)).collect()
    }

    pub(crate) fn mki_length(&self) -> usize {
        self.first.mki().len()
    }
}

impl SessionKeys {
    /// `None` if the library of the path refuses a key.
    fn derive(path: Path, master: &MasterKey) -> Option<SessionKeys> {
        let material = [
            Material::derive(path, master, Protocol::Srtp)?,
            Material::derive(path, master, Protocol::Srtcp)?,
        ];
        Self::from_material(path, master.suite(), material, master.mki().cloned(), master.lifetime())
    }

    /// `material` of SRTP and of SRTCP.
    fn from_material(
        path: Path,
        suite: Suite,
        [rtp, rtcp]: [Material; 2],
        mki: Option<Mki>,
        lifetime: Option<u64>,
    ) -> Option<SessionKeys> {
        Some(SessionKeys {
            rtp: RtpKeys::new(suite, path, &rtp)?,
            rtcp: RtcpKeys::new(suite, path, rtcp)?,
            mki,
            usage: Usage::new(lifetime),
            generation: 0,
            machine: Machine::of(path),
        })
    }

    #[inline]
    pub(crate) fn rtp(&self) -> &RtpKeys {
        &self.rtp
    }

    /// The kernels that the keys are for; `None` on the paths without.
    #[inline]
    pub(crate) fn machine(&self) -> Option<Machine> {
        self.machine
    }

    #[inline]
    pub(crate) fn mki(&self) -> &[u8] {
        self.mki.as_ref().map(Mki::as_bytes).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the key has protected as many packets as it may.
    #[inline(always)]
    pub(crate) fn expired(&self) -> bool {
        self.usage.expired()
    }

    /// Counts a packet that the key has protected. Says whether that was the one to warn at.
    #[inline(always)]
    pub(crate) fn count(&mut self, kind: Kind) -> bool {
        self.usage.count(kind)
    }

    /// Asks for a warning. Says whether it is due already.
    pub(crate) fn warn_of_expiry(&mut self, part: u8) -> bool {
        self.usage.warn_at(part)
    }

    #[inline(always)]
    pub(crate) fn packets(&self) -> u64 {
        self.usage.packets()
    }

    pub(crate) fn packets_left(&self) -> u64 {
        self.usage.left()
    }

    pub(crate) fn authenticates(&self, kind: Kind, packet: &[u8], at: &Layout, position: Position) -> bool {
        match kind {
            Kind::Rtp => self.rtp.authenticates(self.machine, packet, at, position),
            Kind::Rtcp => self.rtcp.authenticates(packet, at, position),
        }
    }

    /// Encrypts or decrypts the payload of an SRTP packet.
    pub(crate) fn apply_keystream(&self, payload: &mut [u8], position: Position) {
        self.rtp.apply_keystream(self.machine, payload, position);
    }

    pub(crate) fn decrypt(&self, kind: Kind, packet: &mut [u8], at: &Layout, position: Position) {
        match kind {
            Kind::Rtp => self.apply_keystream(&mut packet[at.header()..at.body()], position),
            Kind::Rtcp => self.rtcp.decrypt(packet, at, position),
        }
    }

    /// Encrypts and writes everything that protection adds. `packet` has `at.end()` bytes.
    pub(crate) fn protect(&self, kind: Kind, packet: &mut [u8], at: &Layout, position: Position) {
        self.write_mki(packet, at);
        match kind {
            Kind::Rtp => self.rtp.protect(self.machine, packet, at, position),
            Kind::Rtcp => self.rtcp.protect(packet, at, position),
        }
    }

    /// Writes MKI and tag of an SRTP packet, of which `packet` has at least `at.end()` bytes.
    #[inline(always)]
    pub(crate) fn write_tag(&self, packet: &mut [u8], at: &Layout, tag: &[u8]) {
        self.write_mki(packet, at);
        write_tag(packet, at, tag);
    }

    #[inline(always)]
    fn write_mki(&self, packet: &mut [u8], at: &Layout) {
        if !at.mki_range().is_empty() {
            packet[at.mki_range()].copy_from_slice(self.mki());
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("suite", &self.suite)
            .field("keys", &(1 + self.others().len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
