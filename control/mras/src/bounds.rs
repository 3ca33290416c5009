// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::net::IpAddr;

use culvert_srtp::Suite;

use crate::Prefix;

/// What a medium carries.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum MediaKind {
    /// Speech and sound.
    Audio,
    /// Moving pictures of a camera.
    Video,
    /// A shared screen or window.
    ApplicationSharing,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [MediaKind; 3] = [MediaKind::Audio, MediaKind::Video, MediaKind::ApplicationSharing];

    const fn bit(self) -> u8 {
        match self {
            MediaKind::Audio => 1,
            MediaKind::Video => 2,
            MediaKind::ApplicationSharing => 4,
        }
    }
}

/// Some media kinds. Empty means that all are permitted.
#[derive(Copy, Clone, Default, Eq, PartialEq, Hash)]
pub struct MediaKinds(u8);

impl MediaKinds {
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// `None` if a bit has no kind.
    pub(crate) fn from_bits(bits: u8) -> Option<MediaKinds> {
        (bits & !MediaKind::ALL.into_iter().collect::<MediaKinds>().0 == 0).then_some(MediaKinds(bits))
    }

    /// Whether none is named, and so all are permitted.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `kind` is named, or none is.
    pub const fn permits(self, kind: MediaKind) -> bool {
        self.0 == 0 || self.0 & kind.bit() != 0
    }

    /// Those that are named.
    pub fn iter(self) -> impl Iterator<Item = MediaKind> {
        MediaKind::ALL.into_iter().filter(move |kind| self.0 & kind.bit() != 0)
    }
}

impl FromIterator<MediaKind> for MediaKinds {
    fn from_iter<I: IntoIterator<Item = MediaKind>>(kinds: I) -> MediaKinds {
        MediaKinds(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}

impl fmt::Debug for MediaKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Some SRTP suites. Empty means that all are permitted.
#[derive(Copy, Clone, Default, Eq, PartialEq, Hash)]
pub struct Suites(u16);

/// A number that credentials carry: never to be given to another suite.
const fn bit(suite: Suite) -> u16 {
    match suite {
        Suite::AesCm128HmacSha1_80 => 1,
        Suite::AesCm128HmacSha1_32 => 1 << 1,
        Suite::AesCm192HmacSha1_80 => 1 << 2,
        Suite::AesCm192HmacSha1_32 => 1 << 3,
        Suite::AesCm256HmacSha1_80 => 1 << 4,
        Suite::AesCm256HmacSha1_32 => 1 << 5,
        Suite::AeadAes128Gcm => 1 << 6,
        Suite::AeadAes256Gcm => 1 << 7,
        Suite::NullHmacSha1_80 => 1 << 8,
    }
}

impl Suites {
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    /// `None` if a bit has no suite.
    pub(crate) fn from_bits(bits: u16) -> Option<Suites> {
        (bits & !Suite::ALL.into_iter().collect::<Suites>().0 == 0).then_some(Suites(bits))
    }

    /// Whether none is named, and so all are permitted.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `suite` is named, or none is.
    pub const fn permits(self, suite: Suite) -> bool {
        self.0 == 0 || self.0 & bit(suite) != 0
    }

    /// Those that are named.
    pub fn iter(self) -> impl Iterator<Item = Suite> {
        Suite::ALL.into_iter().filter(move |suite| self.0 & bit(*suite) != 0)
    }
}

impl FromIterator<Suite> for Suites {
    fn from_iter<I: IntoIterator<Item = Suite>>(suites: I) -> Suites {
        Suites(suites.into_iter().fold(0, |bits, suite| bits | bit(suite)))
    }
}

impl fmt::Debug for Suites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Suite::name)).finish()
    }
}

/// What a credential may be used for. The default binds nothing.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Bounds {
    /// Where the participant's packets come from.
    pub source: Option<Prefix>,
    /// Where the other side is.
    pub peer: Option<Prefix>,
    /// Bit/s in each direction, at least 1.
    pub bandwidth: Option<u64>,
    /// Media kinds.
    pub kinds: MediaKinds,
    /// SRTP suites.
    pub suites: Suites,
}

impl Bounds {
    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// The field name of the first thing that is bound.
    pub(crate) fn first(&self) -> Option<&'static str> {
        [
            (self.source.is_some(), "source"),
            (self.peer.is_some(), "peer"),
            (self.bandwidth.is_some(), "bandwidth"),
            (!self.kinds.is_empty(), "kinds"),
            (!self.suites.is_empty(), "suites"),
        ]
        .into_iter()
        .find_map(|(bound, name)| bound.then_some(name))
    }

    /// Whether the participant's packets may come from `address`.
    pub fn permits_source(&self, address: IpAddr) -> bool {
        self.source.is_none_or(|prefix| prefix.contains(address))
    }

    /// Whether the other side may be at `address`.
    pub fn permits_peer(&self, address: IpAddr) -> bool {
        self.peer.is_none_or(|prefix| prefix.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_set_permits_all_and_another_what_it_names() {
        for kind in MediaKind::ALL {
            assert!(MediaKinds::default().permits(kind));
            let only: MediaKinds = [kind].into_iter().collect();
            assert_eq!(MediaKind::ALL.map(|other| only.permits(other)), MediaKind::ALL.map(|o| o == kind));
            assert_eq!(MediaKinds::from_bits(only.bits()), Some(only));
        }
        for suite in Suite::ALL {
            assert!(Suites::default().permits(suite));
            let only: Suites = [suite].into_iter().collect();
            assert_eq!(Suite::ALL.map(|other| only.permits(other)), Suite::ALL.map(|o| o == suite));
            assert_eq!(Suites::from_bits(only.bits()), Some(only));
        }
        assert_eq!(MediaKinds::from_bits(8), None);
        assert_eq!(Suites::from_bits(1 << 9), None);
    }

    #[test]
    fn bounds_hold_addresses_to_their_prefixes() {
        let bounds = Bounds {
            source: Some("192.0.2.0/24".parse().unwrap()),
            peer: Some("2001:db8::/32".parse().unwrap()),
            ..Bounds::default()
        };
        assert!(bounds.permits_source("192.0.2.1".parse().unwrap()));
        assert!(!bounds.permits_source("192.0.3.1".parse().unwrap()));
        assert!(bounds.permits_peer("2001:db8::1".parse().unwrap()));
        assert!(!bounds.permits_peer("192.0.2.1".parse().unwrap()));
        assert!(Bounds::default().permits_source("192.0.3.1".parse().unwrap()));
        assert!(Bounds::default().is_empty() && !bounds.is_empty());
    }
}
