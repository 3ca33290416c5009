// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file, byte for byte.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use culvert_audit::{Head, Record};

use crate::fixture::{Bed, receipt, start, stop};

/// Written by hand from the README; the hashes are of Python's `hashlib`.
const FIXED: &str = include_str!("fixed.jsonl");

#[test]
fn records_become_these_bytes() {
    let bed = Bed::new();
    let mut log = bed.open();
    assert_eq!(log.head(), Head::NONE);
    for (record, line) in [start(), receipt("call-7"), stop()].iter().zip(FIXED.lines()) {
        let head = log.append(record).unwrap();
        assert_eq!(log.head(), head);
        assert!(line.ends_with(&format!(",\"hash\":\"{}\"}}", head.hash)));
    }
    assert_eq!(String::from_utf8(bed.bytes()).unwrap(), FIXED);
    assert_eq!(bed.records(), [start(), receipt("call-7"), stop()]);
    let mode = std::fs::metadata(&bed.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_log_that_is_opened_again_goes_on() {
    let bed = Bed::new();
    for record in [start(), receipt("call-7"), stop()] {
        bed.open().append(&record).unwrap();
    }
    assert_eq!(String::from_utf8(bed.bytes()).unwrap(), FIXED);
    assert_eq!(bed.names(), ["audit.jsonl"]);
}

#[test]
fn the_summary_counts() {
    let bed = Bed::with(&[start(), receipt("a"), start(), receipt("b"), receipt("c"), stop(), start()]);
    let summary = bed.verify(None).unwrap();
    assert_eq!((summary.files, summary.records, summary.first, summary.head), (1, 7, 1, bed.open().head()));
    assert_eq!((summary.receipts, summary.starts, summary.crashes), (3, 3, 1));
    assert_eq!((summary.lost, summary.recovered, summary.unknown), (0, 0, 0));
}

/// The script of the README, over text.
fn script(text: &str) -> String {
    let readme = include_str!("../../README.md");
    let script = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let mut shell = Command::new("sh");
    let mut child = shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_script_of_the_readme_agrees() {
    assert_eq!(script(FIXED), "");
    assert_eq!(script(&FIXED.replace("258000", "258001")), "line 2: altered\n");
    let lines: Vec<_> = FIXED.lines().collect();
    assert_eq!(script(&format!("{}\n{}\n", lines[0], lines[2])), "line 2: follows another record\n");
}

#[test]
fn text_of_any_kind_stays_in_its_line() {
    let name = "\"},\n\r\u{2028}\0\\ \u{1f4de},\"hash\":\"";
    let Record::Receipt(mut odd) = receipt(name) else { panic!("no receipt") };
    odd.owner = name.repeat(3);
    let odd = Record::Receipt(odd);
    let bed = Bed::with(&[odd.clone(), stop()]);
    assert_eq!(bed.bytes().iter().filter(|&&byte| byte == b'\n').count(), 2);
    assert_eq!(bed.records(), [odd, stop()]);
}
