// SPDX-License-Identifier: MIT OR Apache-2.0
//! A chain over several files.

use std::fs;
use std::path::PathBuf;

use culvert_audit::{AuditError, AuditLog, Continued, Fault, Options, Record, verify};

use crate::fixture::{Bed, OPTIONS, receipt, start, stop};

fn full(first: u64) -> String {
    format!("audit.{first:020}.jsonl")
}

impl Bed {
    fn open_small(&self) -> AuditLog {
        AuditLog::open(&self.path, Options { max_file_bytes: 600, ..OPTIONS }).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Ten stops, three files of four, four and five records.
    fn small() -> Self {
        let bed = Self::new();
        let mut log = bed.open_small();
        for _ in 0..10 {
            log.append(&stop()).unwrap();
        }
        bed
    }
}

#[test]
fn a_full_file_is_renamed_and_the_chain_goes_on() {
    let bed = Bed::small();
    let line = Bed::with(&[stop()]).bytes().len();
    assert_eq!(600 / line, 2);
    // Two stops in the first file; then one behind each record that continues the chain.
    let names = bed.names();
    assert_eq!(names[..2], [full(1), full(3)]);
    assert_eq!(names.last().unwrap(), "audit.jsonl");
    let records = bed.records();
    let stops = records.iter().filter(|&record| *record == stop()).count();
    assert_eq!(stops, 10);
    assert_eq!(records[..2], [stop(), stop()]);
    assert_eq!(records[2], Record::Continued(Continued { file: full(1) }));
    for name in &names {
        assert!(fs::metadata(bed.file(name)).unwrap().len() <= 600, "{name}");
    }
    let summary = bed.verify(Some(bed.open_small().head())).unwrap();
    assert_eq!((summary.files, summary.records), (names.len() as u64, records.len() as u64));
}

#[test]
fn a_file_holds_two_records_whatever_their_size() {
    let bed = Bed::new();
    let mut log = bed.open_small();
    for name in ["a", "b", "c"] {
        log.append(&receipt(name)).unwrap();
    }
    let continued = Record::Continued(Continued { file: full(1) });
    assert_eq!(bed.records(), [receipt("a"), receipt("b"), continued, receipt("c")]);
    assert_eq!(bed.names(), [full(1), "audit.jsonl".to_owned()]);
}

#[test]
fn files_may_come_in_any_order_and_none_may_be_missing_between() {
    let bed = Bed::small();
    let names = bed.names();
    let mut files: Vec<_> = names.iter().map(|name| bed.file(name)).collect();
    files.reverse();
    files.push(files[0].clone());
    verify(&files, None, &mut |_| ()).unwrap();

    let third = fs::read(bed.file(&names[1])).unwrap();
    fs::remove_file(bed.file(&names[1])).unwrap();
    let broken = bed.verify(None).unwrap_err();
    assert_eq!(broken.breaks.len(), 1);
    let count = third.iter().filter(|&&byte| byte == b'\n').count() as u64;
    assert_eq!(broken.breaks[0].fault, Fault::Missing { from: 3, to: 2 + count });
    assert_eq!(broken.breaks[0].line, 1);
}

#[test]
fn a_file_that_is_renamed_while_it_is_verified_is_read_all_the_same() {
    let bed = Bed::small();
    let files: Vec<_> = bed.names().iter().map(|name| bed.file(name)).collect();
    let head = bed.open_small().head();
    let mut renamed = false;
    let summary = verify(&files, Some(head), &mut |_| {
        if !renamed {
            fs::rename(&bed.path, bed.file("elsewhere")).unwrap();
            renamed = true;
        }
    });
    assert_eq!(summary.unwrap().files, files.len() as u64);
}

#[test]
fn the_oldest_files_may_be_put_away_but_not_a_part_of_one() {
    let bed = Bed::small();
    fs::remove_file(bed.file(&full(1))).unwrap();
    let summary = bed.verify(None).unwrap();
    assert_eq!(summary.first, 3);
    let rest = fs::read_to_string(bed.file(&full(3))).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    fs::write(bed.file(&full(3)), rest).unwrap();
    let broken = bed.verify(None).unwrap_err();
    assert_eq!(broken.breaks[0].fault, Fault::Missing { from: 1, to: 3 });
}

#[test]
fn a_change_of_files_that_was_cut_short_is_taken_up() {
    let bed = Bed::with(&[start(), stop()]);
    let head = bed.open().head();
    // After the full file was renamed, with and without a new one; with a half-written record in it.
    fs::rename(&bed.path, bed.file(&full(1))).unwrap();
    for (left, sequence) in [(None, 4), (Some(""), 4), (Some("{\"seq"), 5)] {
        let _ = fs::remove_file(&bed.path);
        if let Some(left) = left {
            fs::write(&bed.path, left).unwrap();
        }
        fs::write(bed.file("audit.jsonl.next"), "rubbish").unwrap();
        let mut log = bed.open();
        assert_eq!(log.append(&start()).unwrap().sequence, sequence);
        let records = bed.records();
        assert_eq!(records[2], Record::Continued(Continued { file: full(1) }));
        assert_eq!(matches!(records[3], Record::Recovered(_)), sequence == 5);
        bed.verify(Some(head)).unwrap();
    }
    // The next change of files is not disturbed by what was left.
    let mut log = bed.open_small();
    for _ in 0..5 {
        log.append(&stop()).unwrap();
    }
    bed.verify(Some(log.head())).unwrap();
    assert!(!bed.file("audit.jsonl.next").exists());
}

#[test]
fn no_file_is_replaced() {
    let bed = Bed::new();
    let mut log = bed.open_small();
    log.append(&stop()).unwrap();
    log.append(&stop()).unwrap();
    fs::write(bed.file(&full(1)), "precious").unwrap();
    let before = (log.head(), bed.bytes());
    let error = log.append(&stop()).unwrap_err();
    let AuditError::Exists { path } = &error else { panic!("{error}") };
    assert_eq!(*path, bed.file(&full(1)));
    assert_eq!((log.head(), bed.bytes()), before);
    fs::remove_file(bed.file(&full(1))).unwrap();
    log.append(&stop()).unwrap();
    bed.verify(Some(log.head())).unwrap();
}

#[test]
fn a_full_file_that_is_damaged_is_not_continued() {
    let bed = Bed::with(&[start()]);
    let whole = bed.bytes();
    let half = &whole[..whole.len() - 1];
    fs::remove_file(&bed.path).unwrap();
    for (bytes, reason) in [
        (vec![], "it has no record"),
        (half.to_vec(), "it has no record"),
        ([&whole, half].concat(), "its last line has no end"),
    ] {
        fs::write(bed.file(&full(1)), bytes).unwrap();
        let error = AuditLog::open(&bed.path, OPTIONS).unwrap_err();
        let AuditError::Damaged { path, reason: found } = &error else { panic!("{error}") };
        assert_eq!((path, found.as_str()), (&bed.file(&full(1)), reason));
    }
}
