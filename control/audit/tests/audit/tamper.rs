// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done to a log shows.

use culvert_audit::{Fault, Head};

use crate::fixture::{Bed, faults, receipt, short_receipt, start, stop};

fn three() -> (Vec<u8>, Head) {
    let bed = Bed::with(&[start(), receipt("call-7"), stop()]);
    (bed.bytes(), bed.open().head())
}

/// The lines with their ends.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n').collect()
}

/// Tries these values in the place of every byte.
fn alter_every_byte(whole: &[u8], values: impl Fn(u8) -> Vec<u8>) {
    let mut altered = whole.to_vec();
    let mut line = 1;
    for place in 0..whole.len() {
        let was = whole[place];
        for value in values(was) {
            altered[place] = value;
            let found = faults(&altered, Head::NONE);
            assert!(!found.is_empty(), "byte {place} as {value:#04x} was not found");
            assert_eq!(found[0].0, line, "byte {place} as {value:#04x}: {found:?}");
            // A line end more or less moves the lines behind it; any other byte is one break.
            let ends = value == b'\n' || was == b'\n';
            assert!(ends || found.len() == 1, "byte {place} as {value:#04x}: {found:?}");
        }
        altered[place] = was;
        line += u64::from(was == b'\n');
    }
    assert_eq!(altered, whole);
}

#[test]
fn every_other_value_of_every_byte_shows() {
    let whole = Bed::with(&[start(), short_receipt(), stop()]).bytes();
    assert_eq!(faults(&whole, Head::NONE), []);
    alter_every_byte(&whole, |was| (0..=255).filter(|&value| value != was).collect());
}

#[test]
fn every_bit_of_a_long_receipt_counts() {
    let (whole, head) = three();
    assert_eq!(faults(&whole, Head::NONE), []);
    assert_eq!(faults(&whole, head), []);
    alter_every_byte(&whole, |was| (0..8).map(|bit| was ^ 1 << bit).collect());
}

#[test]
fn every_byte_removed_or_added_counts() {
    let (whole, _) = three();
    for place in 0..whole.len() {
        let mut less = whole.clone();
        less.remove(place);
        assert_ne!(faults(&less, Head::NONE), [], "byte {place} removed");
        for value in [b' ', b'\n', b'0', b'"', b'}', 0] {
            let mut more = whole.clone();
            more.insert(place, value);
            assert_ne!(faults(&more, Head::NONE), [], "{value:#04x} before byte {place}");
        }
    }
}

#[test]
fn what_is_altered_has_a_name() {
    let (whole, _) = three();
    let text = String::from_utf8(whole).unwrap();
    assert_eq!(
        faults(text.replace("\"plain_bytes\":240000", "\"plain_bytes\":0").as_bytes(), Head::NONE),
        [(2, Fault::Altered { sequence: 2 })]
    );
    let upper = text.lines().map(|line| {
        let (body, hash) = line.split_at(line.len() - 66);
        format!("{body}{}\"}}\n", hash[..64].to_uppercase())
    });
    let malformed = Fault::Malformed { reason: "does not end in a hash" };
    let expected: Vec<_> = (1..=3).map(|line| (line, malformed.clone())).collect();
    assert_eq!(faults(upper.collect::<String>().as_bytes(), Head::NONE), expected);
    assert_eq!(
        faults(text.trim_end().as_bytes(), Head::NONE),
        [(3, Fault::Torn)],
        "a last line without its end"
    );
}

#[test]
fn every_removal_shows() {
    let records: Vec<_> = (0..6).map(|number| receipt(&format!("call-{number}"))).collect();
    let bed = Bed::with(&records);
    let (whole, head) = (bed.bytes(), bed.open().head());
    let lines = lines(&whole);
    for from in 0..6 {
        for to in from..6 {
            let kept = [&lines[..from], &lines[to + 1..]].concat().concat();
            let (first, last) = (from as u64 + 1, to as u64 + 1);
            let found = faults(&kept, head);
            if last == 6 {
                let end = if kept.is_empty() { 0 } else { from as u64 };
                assert_eq!(found, [(0, Fault::Truncated { last: end, reported: 6 })]);
                assert_eq!(faults(&kept, Head::NONE), [], "only a head shows it");
            } else {
                assert_eq!(found, [(first, Fault::Missing { from: first, to: last })]);
            }
        }
    }
}

#[test]
fn every_repetition_shows() {
    let (whole, _) = three();
    let lines = lines(&whole);
    for which in 0..3 {
        for place in 0..=3 {
            let mut more = lines.clone();
            more.insert(place, lines[which]);
            let found = faults(&more.concat(), Head::NONE);
            let sequence = which as u64 + 1;
            // Before itself: the others are missing, then all stand too late.
            if place > which {
                let expected = Fault::OutOfOrder { sequence, expected: place as u64 + 1 };
                assert_eq!(found, [(place as u64 + 1, expected)]);
            } else {
                assert!(!found.is_empty(), "{which} before {place}");
            }
        }
    }
}

#[test]
fn every_other_order_shows() {
    let (whole, head) = three();
    let lines = lines(&whole);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let moved = order.map(|line| lines[line]).concat();
        assert_ne!(faults(&moved, head), [], "{order:?}");
    }
    let moved = [lines[0], lines[2], lines[1]].concat();
    assert_eq!(
        faults(&moved, head),
        [(2, Fault::Missing { from: 2, to: 2 }), (3, Fault::OutOfOrder { sequence: 2, expected: 4 })]
    );
}

#[test]
fn a_line_of_another_chain_shows() {
    let (whole, _) = three();
    let other = Bed::with(&[stop(), receipt("call-7"), stop()]).bytes();
    let (mine, other) = (lines(&whole), lines(&other));
    // Their numbers and their own hashes are right.
    assert_eq!(
        faults(&[mine[0], other[1], mine[2]].concat(), Head::NONE),
        [(2, Fault::WrongPrevious { sequence: 2 }), (3, Fault::WrongPrevious { sequence: 3 })]
    );
}

#[test]
fn an_altered_record_does_not_hide_that_the_next_is_of_another_chain() {
    let (whole, _) = three();
    let other = Bed::with(&[stop(), receipt("call-7"), stop()]).bytes();
    let (mine, other) = (lines(&whole), lines(&other));
    let altered = String::from_utf8(mine[1].to_vec()).unwrap().replace("call-7", "call-8");
    let two = [(2, Fault::Altered { sequence: 2 }), (3, Fault::WrongPrevious { sequence: 3 })];
    assert_eq!(faults(&[mine[0], altered.as_bytes(), other[2]].concat(), Head::NONE), two);
    assert_eq!(faults(&[mine[0], altered.as_bytes(), mine[2]].concat(), Head::NONE), two[..1]);
}

#[test]
fn a_rewritten_tail_shows_against_a_head() {
    let (_, head) = three();
    let rewritten = Bed::with(&[start(), receipt("call-8"), stop(), start()]);
    let bytes = rewritten.bytes();
    assert_eq!(faults(&bytes, Head::NONE), [], "a chain without a secret cannot show it");
    assert_eq!(faults(&bytes, head), [(3, Fault::Rewritten { sequence: 3 })]);
    assert_eq!(faults(&bytes, rewritten.open().head()), []);
    let first = Head { sequence: 1, ..head };
    assert_eq!(faults(&bytes, first), [(1, Fault::Rewritten { sequence: 1 })]);
}

#[test]
fn all_breaks_are_counted_and_some_are_named() {
    let records: Vec<_> = (0..50).map(|number| receipt(&format!("call-{number}"))).collect();
    let bed = Bed::with(&records);
    let text = String::from_utf8(bed.bytes()).unwrap().replace("sip:ann", "sip:bob");
    std::fs::write(&bed.path, text.repeat(4)).unwrap();
    let broken = bed.verify(None).unwrap_err();
    assert_eq!((broken.breaks.len(), broken.omitted, broken.count()), (100, 100, 200));
    assert_eq!(broken.to_string(), "the chain is broken in 200 places");
    assert_eq!(
        broken.breaks[0].to_string().split_once(".jsonl:").unwrap().1,
        "1: record 1 has been altered: its hash is not that of its bytes"
    );
}

#[test]
fn rubbish_is_no_record() {
    let (whole, _) = three();
    let lines = lines(&whole);
    let long = [b'x'; culvert_audit::MAX_LINE + 1];
    let found = faults(&[lines[0], &long, b"\n", lines[1], lines[2]].concat(), Head::NONE);
    assert_eq!(found, [(2, Fault::TooLong)]);
    for (rubbish, reason) in [
        (&b"\n"[..], "too short for a record"),
        (&[0; 4096], "does not end in a hash"),
        (b"\xff\n", "not UTF-8"),
    ] {
        let rubbish = [rubbish, b"\n"].concat();
        let rubbish = &rubbish[..=rubbish.iter().position(|&byte| byte == b'\n').unwrap()];
        let found = faults(&[lines[0], rubbish, lines[1], lines[2]].concat(), Head::NONE);
        assert_eq!(found, [(2, Fault::Malformed { reason })]);
    }
}
