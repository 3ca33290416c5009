// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines out of a file, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::line::{self, Line, MAX_LINE};
use crate::{AuditError, Head};

/// What [`read_line`] found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A line; its end is not in the buffer.
    Line,
    /// The file's last line, without its end.
    Torn,
    /// A line longer than [`MAX_LINE`], which was passed over.
    TooLong,
    /// The end of the file.
    End,
}

/// The next line into an emptied buffer that never grows past [`MAX_LINE`].
pub(crate) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Found> {
    line.clear();
    let mut too_long = false;
    let mut any = false;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            let found = if any { Found::Torn } else { Found::End };
            return Ok(if too_long { Found::TooLong } else { found });
        }
        any = true;
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        // One byte of MAX_LINE is the line's end.
        too_long |= line.len() + part.len() >= MAX_LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(if too_long { Found::TooLong } else { Found::Line });
        }
    }
}

/// Where a file ends.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Its last record; none in a file without a whole line.
    pub(crate) head: Option<Head>,
    /// How long the whole lines are.
    pub(crate) whole: u64,
    /// What follows them.
    pub(crate) torn: Vec<u8>,
}

impl Tail {
    /// Reads the last record of a file and checks its hash.
    pub(crate) fn read(file: &File, path: &Path) -> Result<Self, AuditError> {
        let damaged = |reason: &str| AuditError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
        let length = file.metadata().map_err(AuditError::io("examine", path))?.len();
        // Room for the last line, for the end of the line before, and for a torn line behind.
        let mut window = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(2 * MAX_LINE)];
        let from = length - window.len() as u64;
        file.read_exact_at(&mut window, from).map_err(AuditError::io("read", path))?;

        let whole = window.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let torn = window.split_off(whole);
        if torn.len() >= MAX_LINE {
            return Err(damaged("its end is no line"));
        }
        let Some((_, lines)) = window.split_last() else {
            return Ok(Self { head: None, whole: 0, torn });
        };
        let start = lines.iter().rposition(|&byte| byte == b'\n').map(|end| end + 1);
        let start = start.or((from == 0).then_some(0)).ok_or_else(|| damaged("its last line is too long"))?;
        let last = Line::parse(&lines[start..])
            .map_err(|reason| damaged(&format!("its last line is no record: {reason}")))?;
        if !last.is_authentic() {
            return Err(damaged("its last record has been altered"));
        }
        let head = Head { sequence: last.sequence, hash: last.computed };
        Ok(Self { head: Some(head), whole: from + whole as u64, torn })
    }
}

/// The number that a file begins with.
pub(crate) fn first_sequence(file: &File) -> io::Result<Option<u64>> {
    // Longer than the member and the 20 digits of 2^64.
    let mut start = [0; 64];
    let read = file.read_at(&mut start, 0)?;
    Ok(line::sequence(&start[..read]).map(|(number, _)| number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_whatever_the_buffer() {
        let long = "x".repeat(MAX_LINE);
        let longest = &long[1..];
        let text = format!("one\n\n{longest}\n{long}\ntwo\ntail");
        for size in [1, 7, 8192, 4 * MAX_LINE] {
            let mut reader = io::BufReader::with_capacity(size, text.as_bytes());
            let mut line = Vec::new();
            let mut next = |reader: &mut io::BufReader<&[u8]>| {
                let found = read_line(reader, &mut line).unwrap();
                assert!(line.capacity() <= 2 * MAX_LINE);
                (found, String::from_utf8(line.clone()).unwrap())
            };
            assert_eq!(next(&mut reader), (Found::Line, "one".to_owned()));
            assert_eq!(next(&mut reader), (Found::Line, String::new()));
            assert_eq!(next(&mut reader), (Found::Line, longest.to_owned()));
            assert_eq!(next(&mut reader).0, Found::TooLong);
            assert_eq!(next(&mut reader), (Found::Line, "two".to_owned()));
            assert_eq!(next(&mut reader), (Found::Torn, "tail".to_owned()));
            assert_eq!(next(&mut reader).0, Found::End);
        }
    }
}
