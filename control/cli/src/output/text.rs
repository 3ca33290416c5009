// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers as people read them.

use super::model::Counts;

/// 1536 -> "1.5 KiB".
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // What would be written as "1024.0" belongs to the next unit.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// "replayed 2, wrong_source 1"; "none" without any.
pub(super) fn counts(counts: &Counts) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// 12345 -> "12.3 us".
pub(super) fn nanoseconds(value: f64) -> String {
    if value < 1e3 {
        format!("{value:.0} ns")
    } else if value < 1e6 {
        format!("{:.1} us", value / 1e3)
    } else {
        format!("{:.1} ms", value / 1e6)
    }
}

/// 0.125 -> "12.5 %".
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// What others wrote must not steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A value, or a dash.
pub(super) fn or_dash(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        let pairs = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (5 * 1024 * 1024 * 1024, "5.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ];
        for (count, text) in pairs {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn times_and_shares_have_a_unit() {
        let times = [0.4, 999.4, 1000.0, 34_567.0, 16_777_216.0].map(nanoseconds);
        assert_eq!(times, ["0 ns", "999 ns", "1.0 us", "34.6 us", "16.8 ms"]);
        assert_eq!([0.0, 0.0125, 1.0].map(percent), ["0.0 %", "1.2 %", "100.0 %"]);
    }

    #[test]
    fn counts_are_in_order_of_name() {
        assert_eq!(counts(&Counts::new()), "none");
        let some = Counts::from([("wrong_source".to_owned(), 1), ("replayed".to_owned(), 2)]);
        assert_eq!(counts(&some), "replayed 2, wrong_source 1");
    }
}
