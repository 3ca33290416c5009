// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a listener is likely to think of an audio stream: the E-model (ITU-T G.107, 06/2015) with what a relay can know.
//!
//! The relay sees loss and jitter before itself, and neither codec nor receiver. It takes for granted:
//! - G.711 with packet loss concealment, which loses least; a stronger codec at the same loss sounds worse;
//! - loss at random, in no bursts;
//! - a one-way delay of [`BASE_DELAY`], and a receiver that waits for late packets [`JITTER_BUFFER`] times the jitter;
//! - no echo, and a quiet room.
//!
//! So a score is an upper estimate: it says how good the call can be, and falls when the network is at fault.

use std::time::Duration;

/// R of a call with every parameter at its default and nothing lost (G.107 section 7.7).
const DEFAULT_RATING: f64 = 93.2;
/// Ie of G.711 (G.113 table I.1).
const EQUIPMENT_IMPAIRMENT: f64 = 0.0;
/// Bpl of G.711 with packet loss concealment (G.113 table I.4).
const LOSS_ROBUSTNESS: f64 = 25.1;
/// Packetisation of 20 ms, and as much again for the endpoints and for the way.
pub const BASE_DELAY: Duration = Duration::from_millis(60);
/// Depth of the receiver's buffer in interarrival jitters. The jitter of RFC 3550 is a mean deviation between neighbours: four
/// of them span all but some 2 % of normally distributed delays.
pub const JITTER_BUFFER: u32 = 4;

/// The share of the expected packets that did not come, 0..=1. `lost` is negative when duplicates came.
pub fn loss_ratio(expected: u32, lost: i64) -> f64 {
    if expected == 0 {
        return 0.0;
    }
    (lost as f64 / f64::from(expected)).clamp(0.0, 1.0)
}

/// The mean opinion score, 1..=4.5, of an audio stream that lost this share of its packets and had this interarrival jitter.
pub fn mean_opinion_score(loss_ratio: f64, jitter: Duration) -> f64 {
    let delay = BASE_DELAY.saturating_add(jitter.saturating_mul(JITTER_BUFFER));
    score(DEFAULT_RATING - delay_impairment(delay) - loss_impairment(loss_ratio))
}

/// Idd, the impairment by delay alone (G.107 section 7.4).
fn delay_impairment(one_way: Duration) -> f64 {
    let delay = one_way.as_secs_f64() * 1000.0;
    if delay <= 100.0 {
        return 0.0;
    }
    let x = (delay / 100.0).log2();
    let sixth = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// Ie,eff, the impairment by the codec and by lost packets, for loss at random (G.107 section 7.5, BurstR = 1).
fn loss_impairment(loss_ratio: f64) -> f64 {
    let percent = loss_ratio.clamp(0.0, 1.0) * 100.0;
    EQUIPMENT_IMPAIRMENT + (95.0 - EQUIPMENT_IMPAIRMENT) * percent / (percent + LOSS_ROBUSTNESS)
}

/// The mean opinion score of a rating R (G.107 annex B).
fn score(rating: f64) -> f64 {
    if rating >= 100.0 {
        return 4.5;
    }
    // The cubic falls below 1 between 0 and 6.5, where the scale ends.
    let rating = rating.max(0.0);
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64, tolerance: f64) -> bool {
        (left - right).abs() <= tolerance
    }

    #[test]
    fn ratings_score_as_annex_b_has_them() {
        // Table B.1, to two places, which it rounds up.
        for (rating, published) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            assert!(near(score(rating), published, 0.007), "{rating}: {}", score(rating));
        }
        assert!(near(score(DEFAULT_RATING), 4.41, 0.005));
        assert_eq!(
            [score(100.0), score(120.0), score(0.0), score(-20.0), score(3.0)],
            [4.5, 4.5, 1.0, 1.0, 1.0]
        );
    }

    #[test]
    fn delay_below_100_ms_costs_nothing_and_more_beyond() {
        let cost = |milliseconds| delay_impairment(Duration::from_millis(milliseconds));
        assert_eq!([cost(0), cost(100)], [0.0, 0.0]);
        // Computed apart from section 7.4's formula.
        for (milliseconds, expected) in
            [(150, 0.1635), (200, 3.0444), (300, 14.7607), (400, 24.0701), (500, 30.6359)]
        {
            assert!(near(cost(milliseconds), expected, 1e-4), "{milliseconds}: {}", cost(milliseconds));
        }
    }

    #[test]
    fn loss_costs_half_of_all_at_the_codecs_robustness() {
        assert_eq!(loss_impairment(0.0), 0.0);
        assert!(near(loss_impairment(0.01), 3.6398, 1e-4));
        assert!(near(loss_impairment(LOSS_ROBUSTNESS / 100.0), 47.5, 1e-9));
        assert!(near(loss_impairment(1.0), 75.9392, 1e-4));
    }

    #[test]
    fn a_stream_scores_less_the_more_it_loses_and_jitters() {
        let jitter = Duration::from_millis;
        assert!(near(mean_opinion_score(0.0, jitter(0)), 4.41, 0.005));
        // The buffer reaches 100 ms of delay at 10 ms of jitter.
        assert_eq!(mean_opinion_score(0.0, jitter(10)), mean_opinion_score(0.0, jitter(0)));
        assert!(near(mean_opinion_score(0.05, jitter(0)), 3.923, 0.001));
        assert!(near(mean_opinion_score(0.0, jitter(35)), score(DEFAULT_RATING - 3.0444), 0.001));
        let falling = [(0.0, 0), (0.01, 5), (0.03, 20), (0.1, 50), (0.2, 60), (1.0, 60_000)];
        let scores = falling.map(|(loss, milliseconds)| mean_opinion_score(loss, jitter(milliseconds)));
        assert!(scores.is_sorted_by(|left, right| left > right), "{scores:?}");
        assert_eq!(scores[5], 1.0);
        assert_eq!(mean_opinion_score(1.0, Duration::MAX), 1.0);
    }

    #[test]
    fn duplicates_are_no_loss() {
        assert_eq!(
            [loss_ratio(100, 5), loss_ratio(100, -5), loss_ratio(0, 0), loss_ratio(4, 9)],
            [0.05, 0.0, 0.0, 1.0]
        );
    }
}
