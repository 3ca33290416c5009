// SPDX-License-Identifier: MIT OR Apache-2.0
//! One writer.

use std::env;
use std::path::Path;
use std::process::{Command, Output};

use culvert_audit::{AuditError, AuditLog};

use crate::fixture::{Bed, OPTIONS, start, stop};

/// Runs one of this program's ignored tests in a process of its own.
pub(crate) fn child(test: &str, shell: &str, path: &Path) -> Output {
    let line = format!("{shell} exec \"$0\" --exact {test} --ignored --nocapture --test-threads 1");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).arg(env::current_exe().unwrap()).env("AUDIT_LOG", path);
    command.output().unwrap()
}

pub(crate) fn path_of_child() -> std::path::PathBuf {
    env::var_os("AUDIT_LOG").unwrap().into()
}

#[test]
fn a_second_process_is_refused() {
    let bed = Bed::new();
    let mut log = bed.open();
    log.append(&start()).unwrap();
    let refused = child("lock::second_process", "", &bed.path);
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(refused.status.success(), "{said}");
    assert!(
        said.contains("audit.jsonl: another process writes it; give each relay a file of its own"),
        "{said}"
    );
    log.append(&stop()).unwrap();
    drop(log);
    let taken = child("lock::second_process", "", &bed.path);
    assert!(!taken.status.success(), "the log was free");
    assert_eq!(bed.records(), [start(), stop()]);
}

#[test]
#[ignore = "run by a_second_process_is_refused, in a process of its own"]
fn second_process() {
    let error = AuditLog::open(&path_of_child(), OPTIONS).unwrap_err();
    assert!(matches!(error, AuditError::Locked { .. }), "{error}");
    println!("{error}");
}

#[test]
fn a_second_log_in_this_process_is_refused_until_the_first_is_dropped() {
    let bed = Bed::new();
    let log = bed.open();
    assert!(matches!(AuditLog::open(&bed.path, OPTIONS), Err(AuditError::Locked { .. })));
    drop(log);
    bed.open();
}
