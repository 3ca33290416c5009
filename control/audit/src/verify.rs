// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a chain, and naming every place where it is broken.

mod fault;
mod files;

use std::io::{self, BufRead};

use serde::Serialize;

pub use fault::{Break, Broken, Fault, VerifyError};
pub use files::verify;

use crate::line::Line;
use crate::scan::{Found, read_line};
use crate::{Hash, Head, Record};

/// How many breaks are named; the others are counted.
const DEFAULT_LIMIT: usize = 100;

/// What is in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files read.
    pub files: u64,
    /// Records whose hashes are right.
    pub records: u64,
    /// The number of the first of them; 0 without any. More than 1: the files before are not among those read.
    pub first: u64,
    /// The last of them.
    pub head: Head,
    /// Receipts among them.
    pub receipts: u64,
    /// Starts of the relay among them.
    pub starts: u64,
    /// Starts that followed no stop: the relay had crashed, and sessions of then have no receipt.
    pub crashes: u64,
    /// Records that the relay says it lost.
    pub lost: u64,
    /// Half-written lines that were moved to files of their own.
    pub recovered: u64,
    /// Records that this program does not know.
    pub unknown: u64,
}

/// A record whose hash is right, and where it stands.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The file.
    pub file: &'a str,
    /// The line in the file, from 1.
    pub line: u64,
    /// The record's number and hash.
    pub head: Head,
    parsed: &'a Line<'a>,
}

impl Entry<'_> {
    /// What it says; `None` when a newer relay wrote what this program does not know.
    pub fn record(&self) -> Option<Record> {
        self.parsed.record()
    }

    /// The name of its kind, such as "receipt".
    pub fn kind(&self) -> &str {
        self.parsed.kind()
    }
}

/// Reads the files of a chain in their order. Holds one line at a time.
#[derive(Debug)]
pub struct Verifier {
    reported: Head,
    reported_seen: bool,
    limit: usize,
    place: Place,
    running: bool,
    file: String,
    summary: Summary,
    breaks: Vec<Break>,
    omitted: u64,
}

/// What the next record must be.
#[derive(Debug)]
struct Place {
    /// Has there been a line?
    begun: bool,
    /// The number after the last good record's; `None` when there was none yet, but lines that are no good.
    next: Option<u64>,
    /// The last good record's hash.
    last: Option<Hash>,
    /// Lines since then that are no good. Each may have been a record.
    bad: u64,
    /// If the last line was an altered record: the hash that it states and the one that it has. One of them is what the next has before it.
    altered: Option<[Hash; 2]>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// A verifier that has read nothing.
    pub fn new() -> Self {
        let head = Head::NONE;
        Self {
            reported: head,
            reported_seen: false,
            limit: DEFAULT_LIMIT,
            place: Place { begun: false, next: Some(1), last: Some(Hash::ZERO), bad: 0, altered: None },
            running: false,
            file: String::new(),
            summary: Summary {
                files: 0,
                records: 0,
                first: 0,
                head,
                receipts: 0,
                starts: 0,
                crashes: 0,
                lost: 0,
                recovered: 0,
                unknown: 0,
            },
            breaks: Vec::new(),
            omitted: 0,
        }
    }

    /// The chain must have this record, which the relay reported.
    #[must_use]
    pub fn head(mut self, head: Head) -> Self {
        self.reported = head;
        self
    }

    /// At most so many breaks are named.
    #[must_use]
    pub fn limit(mut self, breaks: usize) -> Self {
        self.limit = breaks;
        self
    }

    /// Reads a file, the next of the chain, under the name that breaks shall have. Every record whose hash is right is shown to `visit`.
    pub fn read(
        &mut self,
        name: &str,
        mut reader: impl BufRead,
        visit: &mut dyn FnMut(&Entry<'_>),
    ) -> io::Result<()> {
        name.clone_into(&mut self.file);
        self.summary.files += 1;
        let mut buffer = Vec::new();
        for number in 1.. {
            match read_line(&mut reader, &mut buffer)? {
                Found::End => break,
                Found::Line => match Line::parse(&buffer) {
                    Ok(line) => self.line(number, &line, visit),
                    Err(reason) => self.bad(number, Fault::Malformed { reason }),
                },
                Found::Torn => self.bad(number, Fault::Torn),
                Found::TooLong => self.bad(number, Fault::TooLong),
            }
        }
        Ok(())
    }

    /// The outcome, after the last file.
    pub fn finish(mut self) -> Result<Summary, Box<Broken>> {
        let (reported, last) = (self.reported, self.summary.head.sequence);
        if reported.sequence > 0 && !self.reported_seen {
            let fault = if last < reported.sequence {
                Fault::Truncated { last, reported: reported.sequence }
            } else {
                Fault::Absent { reported: reported.sequence }
            };
            self.report(0, fault);
        }
        if self.breaks.is_empty() && self.omitted == 0 {
            return Ok(self.summary);
        }
        Err(Box::new(Broken { summary: self.summary, breaks: self.breaks, omitted: self.omitted }))
    }

    /// A line that is no record.
    fn bad(&mut self, number: u64, fault: Fault) {
        self.place.altered = None;
        self.count_bad();
        self.report(number, fault);
    }

    fn count_bad(&mut self) {
        if !self.place.begun {
            self.place = Place { begun: true, next: None, last: None, bad: 0, altered: self.place.altered };
        }
        self.place.bad += 1;
    }

    fn line(&mut self, number: u64, line: &Line<'_>, visit: &mut dyn FnMut(&Entry<'_>)) {
        if !line.is_authentic() {
            self.place.altered = Some([line.stated, line.computed]);
            self.count_bad();
            self.report(number, Fault::Altered { sequence: line.sequence });
            return;
        }
        let head = Head { sequence: line.sequence, hash: line.computed };
        if let Err(fault) = self.place.judge(line) {
            let moved = matches!(fault, Fault::OutOfOrder { .. });
            self.report(number, fault);
            // The chain goes on behind a record that stands in a wrong place.
            if moved {
                return;
            }
        }
        self.place = Place {
            begun: true,
            next: Some(line.sequence.saturating_add(1)),
            last: Some(line.computed),
            bad: 0,
            altered: None,
        };
        if line.sequence == self.reported.sequence {
            self.reported_seen = true;
            if line.computed != self.reported.hash {
                self.report(number, Fault::Rewritten { sequence: line.sequence });
            }
        }
        self.count(line, head);
        visit(&Entry { file: &self.file, line: number, head, parsed: line });
    }

    fn count(&mut self, line: &Line<'_>, head: Head) {
        let summary = &mut self.summary;
        if summary.first == 0 {
            summary.first = head.sequence;
        }
        summary.records += 1;
        summary.head = head;
        match line.kind() {
            "receipt" => summary.receipts += 1,
            "start" => {
                summary.starts += 1;
                summary.crashes += u64::from(self.running);
                self.running = true;
            }
            "stop" => self.running = false,
            "recovered" => summary.recovered += 1,
            "lost" => {
                if let Some(Record::Lost(lost)) = line.record() {
                    summary.lost = summary.lost.saturating_add(lost.count);
                }
            }
            "continued" => {}
            _ => summary.unknown += 1,
        }
    }

    fn report(&mut self, line: u64, fault: Fault) {
        if self.breaks.len() < self.limit {
            self.breaks.push(Break { file: self.file.clone(), line, fault });
        } else {
            self.omitted += 1;
        }
    }
}

impl Place {
    /// May this record, whose own hash is right, stand here?
    fn judge(&self, line: &Line<'_>) -> Result<(), Fault> {
        let sequence = line.sequence;
        // Files before the first one may have been put away, but no part of a file.
        if !self.begun && line.kind() == "continued" {
            return Ok(());
        }
        let (first, last) = match self.next {
            Some(next) => (next, next.saturating_add(self.bad)),
            None => return Ok(()),
        };
        if sequence < first {
            return Err(Fault::OutOfOrder { sequence, expected: first });
        }
        if sequence > last {
            return Err(Fault::Missing { from: last, to: sequence - 1 });
        }
        let previous = |hash: Hash| line.previous == hash;
        let follows = if sequence == first {
            self.last.is_none_or(previous)
        } else {
            sequence < last || self.altered.is_none_or(|either| either.into_iter().any(previous))
        };
        if follows { Ok(()) } else { Err(Fault::WrongPrevious { sequence }) }
    }
}
