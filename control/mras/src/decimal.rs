// SPDX-License-Identifier: MIT OR Apache-2.0
/// A decimal as it is written here: no sign, no leading zero, so that a number has one form.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_number_has_one_form() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-1", "01", "00", " 1", "1 ", "1_0", "18446744073709551616", "a"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
