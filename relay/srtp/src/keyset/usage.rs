// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lifetime of a master key (RFC 3711 section 9.2).

use crate::Kind;
use crate::key::MAX_LIFETIME;

/// SRTCP packets that one master key may protect.
const MAX_RTCP_LIFETIME: u64 = 1 << 31;
/// In [`Usage::warning`]: a part of no lifetime, which is at most 2^48.
const NO_WARNING: u8 = 63;

/// Packets under one master key, and its limits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Usage {
    rtp: u64,
    limit: u64,
    /// Never above 2^31.
    rtcp: u32,
    /// Whether either count has reached its limit, which ends the key for both.
    expired: bool,
    /// A warning is due when the 2^n-th part of a limit is left.
    warning: u8,
}

impl Usage {
    pub(super) fn new(lifetime: Option<u64>) -> Usage {
        let limit = lifetime.unwrap_or(MAX_LIFETIME);
        Usage { rtp: 0, rtcp: 0, limit, expired: false, warning: NO_WARNING }
    }

    #[inline(always)]
    pub(super) fn expired(&self) -> bool {
        self.expired
    }

    #[inline(always)]
    pub(super) fn packets(&self) -> u64 {
        self.rtp + u64::from(self.rtcp)
    }

    /// Packets that the key may still protect, of the protocol of which it may fewer.
    pub(super) fn left(&self) -> u64 {
        let rtcp = self.rtcp_limit().saturating_sub(u64::from(self.rtcp));
        self.limit.saturating_sub(self.rtp).min(rtcp)
    }

    /// Counts a packet. Says whether that was the one to warn at.
    #[inline(always)]
    pub(super) fn count(&mut self, kind: Kind) -> bool {
        let marked = match kind {
            Kind::Rtp => {
                self.rtp += 1;
                self.rtp >= self.mark(self.limit)
            }
            Kind::Rtcp => {
                self.rtcp += 1;
                u64::from(self.rtcp) >= self.mark(self.rtcp_limit())
            }
        };
        marked && self.pass()
    }

    /// Warns once when the 2^`part`-th part of the lifetime is left. Says whether that is already so.
    pub(super) fn warn_at(&mut self, part: u8) -> bool {
        self.warning = part.min(NO_WARNING - 1);
        let passed =
            self.rtp >= self.mark(self.limit) || u64::from(self.rtcp) >= self.mark(self.rtcp_limit());
        passed && self.pass()
    }

    /// Goes on where the same key has stopped in another set.
    pub(super) fn take_over(&mut self, old: &Usage) {
        self.rtp = self.rtp.max(old.rtp);
        self.rtcp = self.rtcp.max(old.rtcp);
        self.check();
    }

    fn rtcp_limit(&self) -> u64 {
        self.limit.min(MAX_RTCP_LIFETIME)
    }

    /// From which count on a packet needs a closer look: the last one before the limit at the latest, so that the warning
    /// comes before the end.
    #[inline(always)]
    fn mark(&self, limit: u64) -> u64 {
        limit - (limit >> self.warning).max(1)
    }

    #[cold]
    fn pass(&mut self) -> bool {
        self.check();
        core::mem::replace(&mut self.warning, NO_WARNING) != NO_WARNING
    }

    fn check(&mut self) {
        self.expired = self.rtp >= self.limit || u64::from(self.rtcp) >= self.rtcp_limit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts at which a key of that lifetime warns and is expired.
    fn course(lifetime: u64, part: Option<u8>, kind: Kind) -> (Vec<u64>, u64) {
        let mut usage = Usage::new(Some(lifetime));
        let mut warned = Vec::new();
        if let Some(part) = part
            && usage.warn_at(part)
        {
            warned.push(0);
        }
        for count in 1.. {
            if usage.count(kind) {
                warned.push(count);
                assert_eq!(usage.left(), lifetime - count);
            }
            if usage.expired() {
                return (warned, count);
            }
        }
        unreachable!("a key expires")
    }

    #[test]
    fn warns_once_and_then_ends() {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            assert_eq!(course(1000, None, kind), (vec![], 1000));
            assert_eq!(course(1000, Some(4), kind), (vec![938], 1000));
            assert_eq!(course(1000, Some(1), kind), (vec![500], 1000));
            assert_eq!(course(1000, Some(48), kind), (vec![999], 1000));
            assert_eq!(course(2, Some(4), kind), (vec![1], 2));
            // Its first packet is its last.
            assert_eq!(course(1, Some(4), kind), (vec![0], 1));
        }
    }

    #[test]
    fn each_protocol_has_its_limit() {
        let mut usage = Usage::new(None);
        assert!(!usage.warn_at(4));
        assert_eq!(usage.left(), 1 << 31);
        usage.rtcp = (1 << 31) - (1 << 27) - 1;
        assert!(usage.count(Kind::Rtcp) && !usage.count(Kind::Rtp));
        assert_eq!(usage.left(), 1 << 27);
        usage.rtp = (1 << 48) - 2;
        assert!(!usage.count(Kind::Rtp) && !usage.expired());
        assert_eq!((usage.left(), usage.packets()), (1, (1 << 48) - 1 + (1 << 31) - (1 << 27)));
        usage.count(Kind::Rtp);
        assert!(usage.expired() && usage.left() == 0);
    }

    #[test]
    fn the_same_key_is_as_old_as_it_was() {
        let mut old = Usage::new(Some(16));
        (0..15).for_each(|_| assert!(!old.count(Kind::Rtp)));
        let mut new = Usage::new(Some(16));
        new.take_over(&old);
        assert!(!new.expired() && new.warn_at(4), "due at once");
        new.count(Kind::Rtp);
        assert!(new.expired());
    }
}
