// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::Exceeded;

const MINUTE: Duration = Duration::from_secs(60);

/// A token bucket as one number: when it will be full again. It holds a minute's tokens, and each takes `minute / limit`
/// to come back.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Rate {
    full_at: Duration,
}

impl Rate {
    pub(super) fn is_full(self, now: Duration) -> bool {
        self.full_at <= now
    }

    /// Never later than a minute from now, even if the clock was set back.
    fn full_at(self, now: Duration) -> Duration {
        self.full_at.clamp(now, now + MINUTE)
    }

    pub(super) fn check(self, limit: u32, asked: u32, now: Duration) -> Result<(), Exceeded> {
        let full_at = self.full_at(now);
        let after = full_at + time_of(asked, limit);
        let latest = now + MINUTE;
        if asked <= limit && after <= latest {
            return Ok(());
        }
        let missing = (latest - full_at).as_nanos();
        let left = u32::try_from(missing * u128::from(limit) / MINUTE.as_nanos()).unwrap_or(limit);
        let retry_after = (asked <= limit).then(|| after.saturating_sub(latest));
        Err(Exceeded::Credentials { asked, left, limit, retry_after })
    }

    /// What [`check`](Rate::check) has granted.
    pub(super) fn take(&mut self, limit: u32, asked: u32, now: Duration) {
        self.full_at = self.full_at(now) + time_of(asked, limit);
    }
}

/// In which so many tokens come back. Rounded down, so that a whole minute's tokens never take longer than a minute.
fn time_of(tokens: u32, limit: u32) -> Duration {
    let nanos = MINUTE.as_nanos() * u128::from(tokens) / u128::from(limit.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
