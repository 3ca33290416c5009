// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

/// Why a packet was not protected or unprotected. The discriminant indexes counters.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
#[repr(u8)]
pub enum Reject {
    /// Not an RTP or RTCP header, or one that claims more than the packet holds.
    Malformed,
    /// Too short to hold a header and what the suite adds.
    TooShort,
    /// The packet names a master key that the context does not have.
    UnknownMki,
    /// No usable key gives the packet's tag, or an SRTCP packet that should be encrypted says it is not.
    AuthenticationFailed,
    /// A packet of this index has been accepted already.
    Replayed,
    /// The index lies before the window (on the sending side too, where it might have been used).
    TooOld,
    /// The SSRC is new and the context holds as many as it may.
    TooManySsrcs,
    /// Sending would use one index of one SSRC twice under one key.
    IndexReused,
    /// The master key, or the index space, is used up. Only a re-key helps.
    KeyExpired,
    /// The buffer has no room for what the suite adds.
    NoRoom,
    /// The packet belongs to no context.
    NoContext,
    /// CSRCs or header extension are in the clear, or cannot be encrypted, and the context's
    /// [`HeaderProtection`](crate::HeaderProtection) does not allow that.
    HeaderUnprotected,
}

impl Reject {
    /// Every reason, in the order of the discriminants.
    pub const ALL: [Reject; 12] = [
        Reject::Malformed,
        Reject::TooShort,
        Reject::UnknownMki,
        Reject::AuthenticationFailed,
        Reject::Replayed,
        Reject::TooOld,
        Reject::TooManySsrcs,
        Reject::IndexReused,
        Reject::KeyExpired,
        Reject::NoRoom,
        Reject::NoContext,
        Reject::HeaderUnprotected,
    ];

    /// The reason as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooShort => "too_short",
            Self::UnknownMki => "unknown_mki",
            Self::AuthenticationFailed => "authentication_failed",
            Self::Replayed => "replayed",
            Self::TooOld => "too_old",
            Self::TooManySsrcs => "too_many_ssrcs",
            Self::IndexReused => "index_reused",
            Self::KeyExpired => "key_expired",
            Self::NoRoom => "no_room",
            Self::NoContext => "no_context",
            Self::HeaderUnprotected => "header_unprotected",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Reject {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminants_index_all() {
        for (position, reject) in Reject::ALL.into_iter().enumerate() {
            assert_eq!(reject as usize, position);
        }
    }
}
