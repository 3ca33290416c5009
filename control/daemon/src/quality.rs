// SPDX-License-Identifier: MIT OR Apache-2.0
//! The quality of one stream, from what the engine knows of it.

use std::time::Duration;

use culvert_engine::statistics::StreamSnapshot;
use culvert_session::{MediaKind, quality};

/// Of one SSRC since it began.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct StreamQuality {
    /// Share of the expected packets that did not come, 0..=1.
    pub loss_ratio: f64,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// Mean opinion score, 1..=4.5; only of audio.
    pub mos: Option<f64>,
}

impl StreamQuality {
    /// From the engine's statistics. `clock_rate`: timestamp units per second.
    pub fn of(stream: &StreamSnapshot, clock_rate: u32, kind: MediaKind) -> StreamQuality {
        let loss_ratio = quality::loss_ratio(stream.expected, stream.lost);
        let nanoseconds = u64::from(stream.jitter) * 1_000_000_000 / u64::from(clock_rate.max(1));
        let jitter = Duration::from_nanos(nanoseconds);
        let mos = (kind == MediaKind::Audio).then(|| quality::mean_opinion_score(loss_ratio, jitter));
        StreamQuality { loss_ratio, jitter, mos }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_audio_has_a_score() {
        let stream =
            StreamSnapshot { ssrc: 7, packets: 95, highest_sequence: 99, expected: 100, lost: 5, jitter: 80 };
        let audio = StreamQuality::of(&stream, 8000, MediaKind::Audio);
        assert_eq!((audio.loss_ratio, audio.jitter), (0.05, Duration::from_millis(10)));
        assert!(audio.mos.is_some_and(|mos| (mos - 3.923).abs() < 0.001), "{audio:?}");
        assert_eq!(StreamQuality::of(&stream, 0, MediaKind::Video).mos, None);
    }
}
