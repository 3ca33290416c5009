// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many senders, one thread that writes.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use culvert_audit::{AuditLog, Durability, Lost, Options, Record, Writer};

use crate::fixture::{Bed, OPTIONS, receipt, start, stop};

#[test]
fn what_many_threads_send_is_all_there_in_their_order() {
    const SENDERS: usize = 8;
    const RECORDS: usize = 200;
    let bed = Bed::new();
    let log = AuditLog::open(&bed.path, Options { max_file_bytes: 100_000, ..OPTIONS }).unwrap();
    let writer = Writer::spawn(log, SENDERS * RECORDS).unwrap();
    thread::scope(|scope| {
        for number in 0..SENDERS {
            let sender = writer.sender();
            scope.spawn(move || {
                for index in 0..RECORDS {
                    assert!(sender.send(receipt(&format!("{number}-{index}"))));
                }
            });
        }
    });
    let sender = writer.sender();
    let closed = writer.close(Some(stop()));
    assert_eq!((&closed.lost, &closed.error), (&Lost::default(), &None));
    assert_eq!(sender.head(), closed.head);
    let summary = bed.verify(Some(closed.head)).unwrap();
    assert_eq!((summary.receipts, summary.head), ((SENDERS * RECORDS) as u64, closed.head));
    assert!(summary.files > 1);
    let mut next = BTreeMap::new();
    for record in bed.records() {
        let Record::Receipt(receipt) = record else { continue };
        let (sender, index) = receipt.session_id.split_once('-').unwrap();
        let expected = next.entry(sender.to_owned()).or_insert(0);
        assert_eq!(index.parse::<usize>().unwrap(), *expected);
        *expected += 1;
    }
    assert_eq!(bed.records().last(), Some(&stop()));
}

#[test]
fn what_is_lost_is_in_the_log_and_in_the_status() {
    let bed = Bed::new();
    // No record may wait: everything is lost, and said to be.
    let writer = Writer::spawn(bed.open(), 0).unwrap();
    let sender = writer.sender();
    assert!(!sender.send(receipt("a")));
    assert!(!sender.send(start()));
    let closed = writer.close(Some(stop()));
    assert_eq!((sender.status().lost, closed.lost), (2, Lost::default()));
    let mut lost = Lost::default();
    let records = bed.records();
    let (last, counts) = records.split_last().unwrap();
    assert_eq!(*last, stop());
    for record in counts {
        let Record::Lost(some) = record else { panic!("{record:?}") };
        lost.count += some.count;
        lost.sessions.extend_from_slice(&some.sessions);
    }
    assert_eq!(lost, Lost { count: 2, sessions: vec!["a".to_owned()] });
    assert_eq!(bed.verify(None).unwrap().lost, 2);
    // And what comes after the end.
    assert!(!sender.send(receipt("late")));
    assert_eq!(sender.status().lost, 3);
}

#[test]
fn a_receipt_that_no_line_can_hold_is_counted_and_the_others_go_on() {
    let bed = Bed::new();
    let writer = Writer::spawn(bed.open(), 10).unwrap();
    let long = "x".repeat(culvert_audit::MAX_LINE);
    for name in ["a", &long, "b"] {
        writer.sender().send(receipt(name));
    }
    let closed = writer.close(Some(stop()));
    assert_eq!(closed.lost, Lost::default());
    // Its name would make the count too long for a line as well.
    let lost = Record::Lost(Lost { count: 1, sessions: Vec::new() });
    assert_eq!(bed.records(), [receipt("a"), lost, receipt("b"), stop()]);
}

#[test]
fn a_writer_that_is_dropped_writes_what_waits() {
    let bed = Bed::new();
    for durability in [Durability::EachRecord, Durability::Interval(Duration::ZERO), OPTIONS.durability] {
        let log = AuditLog::open(&bed.path, Options { durability, ..OPTIONS }).unwrap();
        let writer = Writer::spawn(log, 10).unwrap();
        writer.sender().send(start());
    }
    assert_eq!(bed.records(), [start(), start(), start()]);
}
