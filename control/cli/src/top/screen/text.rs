// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and columns. All is ASCII: a screen has the same columns in every locale.

/// Ends what was cut off.
const CUT: char = '~';

/// `text` in exactly `width` columns, from the left.
pub(super) fn left(text: &str, width: usize) -> String {
    format!("{:<width$}", cut(text, width))
}

/// `text` in exactly `width` columns, up to the right.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{:>width$}", cut(text, width))
}

/// What others wrote must neither steer a terminal nor shift a column.
fn cut(text: &str, width: usize) -> String {
    let plain = |letter: char| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' };
    let mut cut: String = text.chars().take(width).map(plain).collect();
    if text.chars().nth(width).is_some() && cut.pop().is_some() {
        cut.push(CUT);
    }
    cut
}

/// 12345.6 -> "12.3k"; "-" for what is not known.
pub(super) fn scaled(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if value < 999.95 => format!("{value:.1}"),
        Some(value) if value < 999_950.0 => format!("{:.1}k", value / 1e3),
        Some(value) if value < 999.95e6 => format!("{:.1}M", value / 1e6),
        Some(value) => format!("{:.1}G", value / 1e9),
    }
}

/// A count in at most six letters.
pub(super) fn count(value: u64) -> String {
    if value < 100_000 { value.to_string() } else { scaled(Some(value as f64)) }
}

/// 0.125 -> "12.5%".
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

/// 4.375 -> "4.38"; "-" where there is none, as of video.
pub(super) fn mos(mos: f64) -> String {
    if mos > 0.0 { format!("{mos:.2}") } else { "-".to_owned() }
}

/// 93784 s -> "1d 2h"; 185 s -> "3m 5s".
pub(super) fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m {}s", seconds % 60),
        (0, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_its_width_whatever_is_in_it() {
        assert_eq!([left("ab", 4), left("abcd", 4), left("abcde", 4)], ["ab  ", "abcd", "abc~"]);
        assert_eq!([right("ab", 4), right("abcde", 4), right("abc", 0)], ["  ab", "abc~", ""]);
        assert_eq!(left("a\u{1b}[2J\u{754c}", 7), "a?[2J? ");
    }

    #[test]
    fn numbers_are_short() {
        let values = [0.0, 0.04, 1.25, 999.94, 999.95, 12_345.6, 999_950.0, 2.5e6, 999.95e6];
        let texts = ["0", "0.0", "1.2", "999.9", "1.0k", "12.3k", "1.0M", "2.5M", "1.0G"];
        assert_eq!(values.map(|value| scaled(Some(value))), texts);
        assert_eq!(scaled(None), "-");
        assert_eq!([99_999, 100_000].map(count), ["99999", "100.0k"]);
        assert_eq!([percent(Some(0.125)), percent(Some(1.0)), percent(None)], ["12.5%", "100.0%", "-"]);
        assert_eq!([mos(4.375), mos(0.0)], ["4.38", "-"]);
        assert_eq!([185, 7385, 93_784].map(age), ["3m 5s", "2h 3m", "1d 2h"]);
    }
}
