// SPDX-License-Identifier: MIT OR Apache-2.0
//! One writer.

use std::env;
use std::path::Path;
use std::process::{Command, ExitStatus};

use culvert_audit::{AuditError, AuditLog};

use crate::fixture::{Bed, OPTIONS, start, stop};

const LOG: &str = "AUDIT_LOG";

/// Runs `body` in a process of its own, by way of the test that calls this, and gives the log's directory afterwards and what was said.
/// `None` in that process, where the test is over with it.
pub(crate) fn in_child(bed: &Bed, test: &str, shell: &str, body: fn(&Path)) -> Option<(ExitStatus, String)> {
    if let Some(path) = env::var_os(LOG) {
        body(Path::new(&path));
        return None;
    }
    let line = format!("{shell} exec \"$0\" --exact {test} --nocapture --test-threads 1");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).arg(env::current_exe().unwrap()).env(LOG, &bed.path);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("running 1 test\n"), "no test is called {test}");
    Some((output.status, said))
}

#[test]
fn a_second_process_is_refused() {
    let test = "lock::a_second_process_is_refused";
    let second = |path: &Path| {
        AuditLog::open(path, OPTIONS).map_err(|error| error.to_string()).unwrap();
    };
    let bed = Bed::new();
    let mut log = bed.open();
    log.append(&start()).unwrap();
    let Some((status, said)) = in_child(&bed, test, "", second) else { return };
    assert!(!status.success());
    assert!(
        said.contains("audit.jsonl: another process writes it; give each relay a file of its own"),
        "{said}"
    );
    log.append(&stop()).unwrap();
    drop(log);
    let (status, said) = in_child(&bed, test, "", second).unwrap();
    assert!(status.success(), "{said}");
    assert_eq!(bed.records(), [start(), stop()]);
}

#[test]
fn a_second_log_in_this_process_is_refused_until_the_first_is_dropped() {
    let bed = Bed::new();
    let log = bed.open();
    assert!(matches!(AuditLog::open(&bed.path, OPTIONS), Err(AuditError::Locked { .. })));
    drop(log);
    bed.open();
}
