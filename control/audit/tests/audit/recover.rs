// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a crash leaves behind.

use std::fs;

use culvert_audit::{AuditError, AuditLog, Head, Record};

use crate::fixture::{Bed, OPTIONS, receipt, start, stop};

/// The line of the README's form that says that `bytes` were recovered has the number `sequence`.
fn check(bed: &Bed, sequence: u64, torn: &[u8]) {
    let name = format!("audit.jsonl.torn-{sequence}");
    let aside = bed.directory.path().join(&name);
    assert_eq!(fs::read(&aside).unwrap(), torn);
    let records = bed.records();
    let Record::Recovered(recovered) = &records[sequence as usize - 1] else { panic!("{records:?}") };
    assert_eq!((recovered.file.as_str(), recovered.bytes), (name.as_str(), torn.len() as u64));
    let sum = std::process::Command::new("sha256sum").arg(&aside).output().unwrap().stdout;
    assert!(String::from_utf8(sum).unwrap().starts_with(&recovered.sha256.to_string()));
    assert_eq!(bed.verify(None).unwrap().recovered, 1);
}

#[test]
fn a_line_torn_anywhere_is_kept_and_the_chain_goes_on() {
    let whole = Bed::with(&[start(), stop(), start()]).bytes();
    let ends: Vec<_> = (0..whole.len()).filter(|&place| whole[place] == b'\n').map(|end| end + 1).collect();
    for length in 0..=whole.len() {
        let bed = Bed::new();
        fs::write(&bed.path, &whole[..length]).unwrap();
        let kept = ends.iter().filter(|&&end| end <= length).count();
        let end = if kept == 0 { 0 } else { ends[kept - 1] };
        let mut log = bed.open();
        let torn = length > end;
        assert_eq!(log.head().sequence, (kept + usize::from(torn)) as u64);
        log.append(&receipt("after")).unwrap();
        assert_eq!(bed.records().last(), Some(&receipt("after")));
        assert_eq!(&bed.bytes()[..end], &whole[..end]);
        if torn {
            check(&bed, kept as u64 + 1, &whole[end..length]);
        } else {
            assert_eq!(bed.names(), ["audit.jsonl"]);
        }
    }
}

/// A crash at every point of the recovery from a crash.
#[test]
fn a_recovery_that_was_cut_short_is_taken_up() {
    let whole = Bed::with(&[start(), stop()]).bytes();
    let first = 1 + whole.iter().position(|&byte| byte == b'\n').unwrap();
    let torn = &whole[first..first + 50];
    let aside = |bed: &Bed, bytes: &[u8]| {
        fs::write(bed.directory.path().join("audit.jsonl.torn-2"), bytes).unwrap();
    };
    // While the bytes were copied, and after.
    for copied in [0, 1, 49, 50] {
        let bed = Bed::new();
        fs::write(&bed.path, &whole[..first + 50]).unwrap();
        aside(&bed, &torn[..copied]);
        bed.open();
        check(&bed, 2, torn);
    }
    // After they were cut off.
    let bed = Bed::new();
    fs::write(&bed.path, &whole[..first]).unwrap();
    aside(&bed, torn);
    bed.open();
    check(&bed, 2, torn);
    // While the record that says so was written.
    let recovered = bed.bytes()[first..].to_vec();
    for length in [1, 40, recovered.len() - 1] {
        let bed = Bed::new();
        fs::write(&bed.path, [&whole[..first], &recovered[..length]].concat()).unwrap();
        aside(&bed, torn);
        bed.open();
        let kept = if recovered[..length].starts_with(torn) { Vec::new() } else { torn.to_vec() };
        // One byte is the beginning of what is kept already, but not the other way round.
        check(&bed, 2, &[&kept, &recovered[..length]].concat());
    }
    // Once it is there, nothing more is done.
    let before = bed.bytes();
    bed.open();
    assert_eq!(bed.bytes(), before);
}

#[test]
fn what_is_damaged_is_not_continued() {
    let whole = String::from_utf8(Bed::with(&[start(), stop()]).bytes()).unwrap();
    let long = "x".repeat(culvert_audit::MAX_LINE);
    for (text, reason) in [
        (whole.replace("01:30", "01:31"), "its last record has been altered"),
        (format!("{whole}\n"), "its last line is no record: too short for a record"),
        (format!("x{whole}"), "its first line is no record"),
        (format!("{whole}{long}"), "its end is no line"),
        (format!("{whole}{long}{long}\n"), "its last line is too long"),
    ] {
        let bed = Bed::new();
        fs::write(&bed.path, &text).unwrap();
        let error = AuditLog::open(&bed.path, OPTIONS).unwrap_err();
        let AuditError::Damaged { path, reason: found } = &error else { panic!("{error}") };
        assert_eq!((path, found.as_str()), (&bed.path, reason));
        assert_eq!(bed.bytes(), text.as_bytes(), "nothing was touched");
        assert_eq!(bed.names(), ["audit.jsonl"]);
    }
    // An alteration further up is for verify to find; the chain goes on.
    let bed = Bed::new();
    fs::write(&bed.path, whole.replace("0.1.0", "0.1.1")).unwrap();
    bed.open().append(&start()).unwrap();
    assert_eq!(bed.verify(None).unwrap_err().count(), 1);
}

#[test]
fn what_cannot_be_a_log_is_refused() {
    let bed = Bed::new();
    let open =
        |name: &str| AuditLog::open(&bed.directory.path().join(name), OPTIONS).unwrap_err().to_string();
    assert!(open("audit.log").ends_with("/audit.log: the name must end in .jsonl"));
    assert!(open("none/audit.jsonl").contains("cannot open: No such file"), "{}", open("none/audit.jsonl"));
    fs::create_dir(&bed.path).unwrap();
    assert!(open("audit.jsonl").ends_with("/audit.jsonl: not a regular file"));
    std::os::unix::fs::symlink("/dev/full", bed.directory.path().join("full.jsonl")).unwrap();
    assert!(open("full.jsonl").ends_with("/full.jsonl: not a regular file"));
}

#[test]
fn a_record_that_is_too_long_changes_nothing() {
    let bed = Bed::with(&[start()]);
    let before = bed.bytes();
    let mut log = bed.open();
    let head = log.head();
    let error = log.append(&receipt(&"x".repeat(culvert_audit::MAX_LINE))).unwrap_err();
    assert!(error.is_of_the_record() && error.to_string().contains("longer than a line may be"));
    assert_eq!((log.head(), bed.bytes()), (head, before));
    assert_eq!(log.append(&stop()).unwrap().sequence, 2);
    assert_ne!(log.head(), Head::NONE);
}
