// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events that are found by looking at a flow's counters again and again.

use std::time::Duration;

/// When to tell.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct WatchConfig {
    /// Silence of one direction that is worth an event.
    pub media_timeout: Duration,
    /// Packets that failed authentication, per second. More are worth an event.
    pub authentication_failures: u64,
}

/// A flow's counters at one moment.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// Packets relayed since the flow was installed.
    pub packets: u64,
    /// When the last of them came, on the clock of [`Watch::look`].
    pub last_packet: Option<Duration>,
    /// Packets that failed authentication since the flow was installed.
    pub authentication_failures: u64,
    /// Held, so that silence is as it should be.
    pub held: bool,
}

/// Something worth telling.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// The first packet was relayed.
    FirstMedia,
    /// Nothing was relayed for longer than the timeout. Told once, until media comes again.
    MediaTimeout {
        /// For how long.
        silent_for: Duration,
    },
    /// Too many packets failed authentication.
    AuthenticationFailures {
        /// Since the last look a second or more ago, per second.
        in_last_second: u64,
        /// Since the flow was installed.
        total: u64,
    },
}

/// Looks at one flow. Changes nothing but itself, so its findings depend on what it is shown alone.
#[derive(Clone, Debug)]
pub struct Watch {
    config: WatchConfig,
    /// Silence is counted from here at the earliest.
    since: Duration,
    seen_media: bool,
    timed_out: bool,
    /// Begin of the current second, and the failures until then.
    window: (Duration, u64),
}

const SECOND: Duration = Duration::from_secs(1);

impl Watch {
    /// Begins at `now`, when the flow is installed.
    pub fn new(config: WatchConfig, now: Duration) -> Watch {
        Watch { config, since: now, seen_media: false, timed_out: false, window: (now, 0) }
    }

    /// Looks at the flow at `now`, on a clock that does not go back.
    pub fn look(&mut self, now: Duration, seen: &Snapshot) -> impl Iterator<Item = Notice> + use<> {
        [self.first_media(seen), self.silence(now, seen), self.failures(now, seen)].into_iter().flatten()
    }

    fn first_media(&mut self, seen: &Snapshot) -> Option<Notice> {
        if self.seen_media || seen.packets == 0 {
            return None;
        }
        self.seen_media = true;
        Some(Notice::FirstMedia)
    }

    fn silence(&mut self, now: Duration, seen: &Snapshot) -> Option<Notice> {
        if seen.held {
            // After the hold, media gets the whole timeout to come again.
            self.since = now;
            self.timed_out = false;
            return None;
        }
        let last = seen.last_packet.map_or(self.since, |last| last.max(self.since));
        let silent_for = now.saturating_sub(last);
        if silent_for < self.config.media_timeout {
            self.timed_out = false;
            return None;
        }
        if self.timed_out {
            return None;
        }
        self.timed_out = true;
        Some(Notice::MediaTimeout { silent_for })
    }

    fn failures(&mut self, now: Duration, seen: &Snapshot) -> Option<Notice> {
        let (begin, before) = self.window;
        let elapsed = now.saturating_sub(begin);
        if elapsed < SECOND {
            return None;
        }
        let total = seen.authentication_failures;
        self.window = (now, total);
        let new = u128::from(total.saturating_sub(before));
        let in_last_second = u64::try_from(new * SECOND.as_nanos() / elapsed.as_nanos()).unwrap_or(u64::MAX);
        (in_last_second > self.config.authentication_failures)
            .then_some(Notice::AuthenticationFailures { in_last_second, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: WatchConfig =
        WatchConfig { media_timeout: Duration::from_secs(10), authentication_failures: 50 };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn look(watch: &mut Watch, now: Duration, seen: Snapshot) -> Vec<Notice> {
        watch.look(now, &seen).collect()
    }

    #[test]
    fn first_media_is_told_once() {
        let mut watch = Watch::new(CONFIG, seconds(100));
        assert_eq!(look(&mut watch, seconds(101), Snapshot::default()), []);
        let seen = Snapshot { packets: 3, last_packet: Some(seconds(101)), ..Snapshot::default() };
        assert_eq!(look(&mut watch, seconds(102), seen), [Notice::FirstMedia]);
        assert_eq!(look(&mut watch, seconds(103), seen), []);
    }

    #[test]
    fn silence_is_told_once_until_media_comes_again() {
        let mut watch = Watch::new(CONFIG, seconds(100));
        let at = |second| Snapshot { packets: 0, last_packet: Some(seconds(second)), ..Snapshot::default() };
        assert_eq!(look(&mut watch, seconds(114), at(105)), []);
        let silent_for = seconds(10);
        assert_eq!(look(&mut watch, seconds(115), at(105)), [Notice::MediaTimeout { silent_for }]);
        assert_eq!(look(&mut watch, seconds(200), at(105)), []);
        assert_eq!(look(&mut watch, seconds(201), at(201)), []);
        assert_eq!(look(&mut watch, seconds(211), at(201)), [Notice::MediaTimeout { silent_for }]);
    }

    #[test]
    fn media_that_never_comes_times_out_from_the_beginning() {
        let mut watch = Watch::new(CONFIG, seconds(100));
        assert_eq!(look(&mut watch, seconds(109), Snapshot::default()), []);
        let silent_for = seconds(10);
        assert_eq!(
            look(&mut watch, seconds(110), Snapshot::default()),
            [Notice::MediaTimeout { silent_for }]
        );
    }

    #[test]
    fn silence_on_hold_is_as_it_should_be_and_ends_with_a_whole_timeout() {
        let mut watch = Watch::new(CONFIG, seconds(0));
        let held = Snapshot { held: true, ..Snapshot::default() };
        assert_eq!(look(&mut watch, seconds(500), held), []);
        assert_eq!(look(&mut watch, seconds(509), Snapshot::default()), []);
        assert_eq!(look(&mut watch, seconds(510), Snapshot::default()).len(), 1);
    }

    #[test]
    fn failures_are_counted_per_second() {
        let mut watch = Watch::new(CONFIG, seconds(0));
        let total = |total| Snapshot { authentication_failures: total, ..Snapshot::default() };
        assert_eq!(look(&mut watch, Duration::from_millis(999), total(51)), []);
        let told = Notice::AuthenticationFailures { in_last_second: 51, total: 51 };
        assert_eq!(look(&mut watch, seconds(1), total(51)), [told]);
        assert_eq!(look(&mut watch, seconds(2), total(101)), []);
        assert_eq!(look(&mut watch, seconds(4), total(200)), []);
        let told = Notice::AuthenticationFailures { in_last_second: 51, total: 302 };
        assert_eq!(look(&mut watch, seconds(6), total(302)), [told]);
    }
}
