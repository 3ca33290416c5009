// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that can grow no more, by a limit on the size of files (RLIMIT_FSIZE).

use std::fs;
use std::path::Path;

use culvert_audit::{AuditError, AuditLog, Durability, Lost, Options, Record, Writer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::fixture::{Bed, OPTIONS, receipt, start, stop};
use crate::lock::in_child;

/// Writes past the limit fail instead of ending the process.
const IGNORE_SIGNAL: &str = "trap '' XFSZ;";

fn limit(bytes: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, bytes, most).unwrap();
}

/// The log that `body` left behind; `None` in the process where it ran.
fn run(test: &str, body: fn(&Path)) -> Option<Bed> {
    let bed = Bed::new();
    let (status, said) = in_child(&bed, &format!("full_disk::{test}"), IGNORE_SIGNAL, body)?;
    assert!(status.success(), "{said}");
    Some(bed)
}

#[test]
fn nothing_half_written_stays_and_the_log_goes_on() {
    let Some(bed) = run("nothing_half_written_stays_and_the_log_goes_on", append_at_the_limit) else {
        return;
    };
    assert_eq!(bed.records(), [start(), receipt("second"), stop()]);
}

fn append_at_the_limit(path: &Path) {
    for durability in [OPTIONS.durability, Durability::EachRecord] {
        let _ = fs::remove_file(path);
        let mut log = AuditLog::open(path, Options { durability, ..OPTIONS }).unwrap();
        let head = log.append(&start()).unwrap();
        let before = fs::read(path).unwrap();
        // Room for a part of the line, of every length up to some.
        for room in 0..40 {
            limit(before.len() as u64 + room);
            let error = log.append(&receipt("first")).unwrap_err();
            let AuditError::Io { action, path: named, source } = &error else { panic!("{error}") };
            assert_eq!((*action, named), ("write", &path.to_owned()));
            assert_eq!(source.kind(), std::io::ErrorKind::FileTooLarge);
            assert!(!error.is_of_the_record());
            assert_eq!((log.head(), fs::read(path).unwrap()), (head, before.clone()));
        }
        limit(1 << 30);
        log.append(&receipt("second")).unwrap();
        log.append(&stop()).unwrap();
    }
}

#[test]
fn a_change_of_files_without_room_changes_nothing() {
    let Some(bed) = run("a_change_of_files_without_room_changes_nothing", change_files_at_the_limit) else {
        return;
    };
    assert_eq!(bed.names().len(), 2);
    assert_eq!(bed.records().len(), 4);
}

fn change_files_at_the_limit(path: &Path) {
    let mut log = AuditLog::open(path, Options { max_file_bytes: 600, ..OPTIONS }).unwrap();
    log.append(&stop()).unwrap();
    let head = log.append(&stop()).unwrap();
    let before = fs::read(path).unwrap();
    limit(100);
    let error = log.append(&stop()).unwrap_err();
    assert!(error.to_string().contains("audit.jsonl.next: cannot write: "), "{error}");
    assert_eq!((log.head(), fs::read(path).unwrap()), (head, before));
    limit(1 << 30);
    log.append(&stop()).unwrap();
}

#[test]
fn a_writer_keeps_what_it_can_and_counts_the_rest() {
    let Some(bed) = run("a_writer_keeps_what_it_can_and_counts_the_rest", write_at_the_limit) else { return };
    let lost = Record::Lost(Lost { count: 2, sessions: vec!["lost-1".to_owned(), "lost-2".to_owned()] });
    // The one that was being tried, then the count, then those that had room to wait.
    let expected = [start(), receipt("tried"), lost, receipt("waits-1"), receipt("waits-2"), stop()];
    assert_eq!(bed.records(), expected);
    assert_eq!(bed.verify(None).unwrap().lost, 2);
}

fn write_at_the_limit(path: &Path) {
    let mut log = AuditLog::open(path, OPTIONS).unwrap();
    log.append(&start()).unwrap();
    limit(fs::metadata(path).unwrap().len() + 10);
    let writer = Writer::spawn(log, 2).unwrap();
    let sender = writer.sender();
    assert!(sender.send(receipt("tried")));
    while sender.status().failures == 0 {
        std::thread::yield_now();
    }
    assert!(sender.send(receipt("waits-1")) && sender.send(receipt("waits-2")));
    assert!(!sender.send(receipt("lost-1")) && !sender.send(receipt("lost-2")));
    let status = sender.status();
    assert_eq!((status.head.sequence, status.queued, status.lost), (1, 2, 2));
    assert!(status.error.unwrap().contains("audit.jsonl: cannot write: "));
    limit(1 << 30);
    while sender.status().error.is_some() {
        std::thread::yield_now();
    }
    let closed = writer.close(Some(stop()));
    assert_eq!((closed.head.sequence, closed.lost, closed.error), (6, Lost::default(), None));
    assert_eq!(sender.status().lost, 2, "since the writer began");
}

#[test]
fn a_writer_that_ends_without_room_says_what_it_lost() {
    let Some(bed) = run("a_writer_that_ends_without_room_says_what_it_lost", close_at_the_limit) else {
        return;
    };
    assert_eq!(bed.records(), [start()]);
}

fn close_at_the_limit(path: &Path) {
    let mut log = AuditLog::open(path, OPTIONS).unwrap();
    let head = log.append(&start()).unwrap();
    limit(fs::metadata(path).unwrap().len());
    let writer = Writer::spawn(log, 1).unwrap();
    for name in ["a", "b", "c", "d"] {
        writer.sender().send(receipt(name));
    }
    let sender = writer.sender();
    let closed = writer.close(Some(stop()));
    assert_eq!((closed.head, closed.lost.count), (head, 5));
    let mut sessions = closed.lost.sessions;
    sessions.sort();
    assert_eq!(sessions, ["a", "b", "c", "d"]);
    assert_eq!(sender.status().lost, 5);
    assert!(closed.error.unwrap().contains("cannot write"));
}
