// SPDX-License-Identifier: MIT OR Apache-2.0

use culvert_wire::Malformed;

/// What the XDP program did with a packet to a relay endpoint, or to a port that is kept for them. It counts each, per CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Steered to the socket of its receive queue.
    Redirected,
    /// Left to the kernel, because its receive queue has no socket.
    NoSocket,
    /// Dropped: ZRTP (RFC 7983), which is not relayed.
    Zrtp,
    /// Dropped: TURN channel data (RFC 7983), which is not relayed.
    TurnChannel,
    /// Dropped: the first byte belongs to no protocol of RFC 7983.
    UnknownClass,
    /// Dropped: to a port that is kept for endpoints and is none now.
    UnknownPort,
    /// Dropped, because it is malformed.
    Malformed(Malformed),
}

impl Counter {
    const FIRST_MALFORMED: u32 = 6;

    /// Number of counters.
    pub const COUNT: u32 = Self::FIRST_MALFORMED + Malformed::COUNT as u32;

    /// Every counter, in the order of its places.
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::Redirected,
            Self::NoSocket,
            Self::Zrtp,
            Self::TurnChannel,
            Self::UnknownClass,
            Self::UnknownPort,
        ]
        .into_iter()
        .chain(Malformed::ALL.into_iter().map(Self::Malformed))
    }

    /// Its place in the counter map.
    #[inline(always)]
    pub const fn index(self) -> u32 {
        match self {
            Self::Redirected => 0,
            Self::NoSocket => 1,
            Self::Zrtp => 2,
            Self::TurnChannel => 3,
            Self::UnknownClass => 4,
            Self::UnknownPort => 5,
            Self::Malformed(reason) => Self::FIRST_MALFORMED + reason as u32,
        }
    }

    /// A name in snake case, for labels of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redirected => "redirected",
            Self::NoSocket => "no_socket",
            Self::Zrtp => "zrtp",
            Self::TurnChannel => "turn_channel",
            Self::UnknownClass => "unknown_class",
            Self::UnknownPort => "unknown_port",
            Self::Malformed(reason) => reason.name(),
        }
    }

    /// Whether the packet was dropped.
    pub const fn is_drop(self) -> bool {
        !matches!(self, Self::Redirected | Self::NoSocket)
    }
}

#[cfg(test)]
mod tests {
    use super::Counter;

    #[test]
    fn places_are_in_order_and_names_are_distinct() {
        assert_eq!(Counter::all().count(), Counter::COUNT as usize);
        for (place, counter) in Counter::all().enumerate() {
            assert_eq!(counter.index() as usize, place);
            assert_eq!(Counter::all().filter(|other| other.name() == counter.name()).count(), 1);
        }
    }
}
