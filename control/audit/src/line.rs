// SPDX-License-Identifier: MIT OR Apache-2.0
//! One record as one line, and back.
//!
//! ```text
//! {"sequence":7,"previous":"<64 digits>","receipt":{...},"hash":"<64 digits>"}\n
//! '------------------------ hashed ----------------------'
//! ```

use serde::de::IgnoredAny;

use crate::{AuditError, Hash, Record};

/// The longest line, with its end, in bytes. Bounds what a reader holds in memory.
pub const MAX_LINE: usize = 1 << 20;

/// Before what is hashed, so that the hash of a line is the hash of nothing else, and of this version only.
const DOMAIN: &[u8] = b"culvert-audit-1\n";

const SEQUENCE: &[u8] = b"{\"sequence\":";
const PREVIOUS: &[u8] = b",\"previous\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
const DIGITS: usize = 64;

/// The bytes of a line with its end, and its hash.
pub(crate) fn encode(sequence: u64, previous: Hash, record: &Record) -> Result<(Vec<u8>, Hash), AuditError> {
    let record = serde_json::to_string(record).map_err(AuditError::Encode)?;
    // Between the braces: one member, whose name is the record's kind.
    let member = &record[1..record.len() - 1];
    let mut line = format!("{{\"sequence\":{sequence},\"previous\":\"{previous}\",{member}").into_bytes();
    let hash = Hash::of(&[DOMAIN, &line]);
    line.extend_from_slice(format!(",\"hash\":\"{hash}\"}}\n").as_bytes());
    if line.len() > MAX_LINE {
        return Err(AuditError::TooLong { bytes: line.len() });
    }
    Ok((line, hash))
}

/// A line that has the form of one. Whether its hash is right is another question.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) sequence: u64,
    pub(crate) previous: Hash,
    /// What the line says that its hash is.
    pub(crate) stated: Hash,
    /// What it is.
    pub(crate) computed: Hash,
    /// `"receipt":{...}`.
    member: &'a str,
}

impl<'a> Line<'a> {
    /// From a line without its end; otherwise what is wrong with it. There is one way to write a line, and no other is taken.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let text = str::from_utf8(line).map_err(|_| "not UTF-8")?;
        let stated = line.len().checked_sub(END.len() + DIGITS).ok_or("too short for a record")?;
        let (rest, tail) = line.split_at(stated);
        let hashed = rest.strip_suffix(HASH).ok_or("does not end in a hash")?;
        let stated = tail.strip_suffix(END).and_then(Hash::parse).ok_or("does not end in a hash")?;
        let computed = Hash::of(&[DOMAIN, hashed]);

        let (sequence, rest) = sequence(hashed).ok_or("does not begin with a sequence number")?;
        let rest = rest.strip_prefix(PREVIOUS).ok_or("has no previous hash")?;
        let (previous, rest) = rest.split_at_checked(DIGITS).ok_or("has no previous hash")?;
        let previous = Hash::parse(previous).ok_or("has no previous hash")?;
        let rest = rest.strip_prefix(b"\",").ok_or("has no record")?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| "not JSON")?;
        let member = text.get(hashed.len() - rest.len()..hashed.len()).ok_or("has no record")?;
        Ok(Self { sequence, previous, stated, computed, member })
    }

    /// The name of the record's kind.
    pub(crate) fn kind(&self) -> &'a str {
        self.member.split('"').nth(1).unwrap_or_default()
    }

    /// What it says; `None` when a newer relay wrote what this program does not know.
    pub(crate) fn record(&self) -> Option<Record> {
        serde_json::from_str(&format!("{{{}}}", self.member)).ok()
    }

    /// Is the hash that of the line?
    pub(crate) fn is_authentic(&self) -> bool {
        self.stated == self.computed
    }
}

/// The number that a line begins with, and what follows it.
pub(crate) fn sequence(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(SEQUENCE)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at(digits);
    let number: u64 = str::from_utf8(number).ok()?.parse().ok()?;
    // Neither 0 nor leading zeros.
    (number > 0 && !line[SEQUENCE.len()..].starts_with(b"0")).then_some((number, rest))
}
