// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results between marked lines of a document: `<!-- crypto: begin -->` and `<!-- crypto: end -->`.

use std::fs;
use std::io;
use std::path::Path;

/// Writes the text to a file: between the markers of that name when it has them, and in place of everything otherwise.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, name: &str, text: &str) -> io::Result<()> {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, replaced(&before, name, text))
}

fn replaced(before: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let Some((head, rest)) = before.split_once(&begin) else { return text.into() };
    let Some((_, tail)) = rest.split_once(&end) else { return text.into() };
    format!("{head}{begin}\n{text}\n{end}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let before = "a\n<!-- x: begin -->\n<!-- y: begin -->\nold\n<!-- y: end -->\nb\n";
        assert_eq!(
            replaced(before, "y", "new\n"),
            "a\n<!-- x: begin -->\n<!-- y: begin -->\n\nnew\n\n<!-- y: end -->\nb\n"
        );
        assert_eq!(replaced("old", "y", "new\n"), "new\n");
    }
}
