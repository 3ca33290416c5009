// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that must hold before a change is taken, in the order in which it fails cheapest. The test suite comes
//! last, so that its summary is what one reads.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::{self, Group};
use crate::step::{self, cargo};
use crate::workspace;

/// Crates outside the workspace: built for the BPF target, with lock files of their own.
const BPF_CRATES: [&str; 2] = ["ebpf/program/Cargo.toml", "ebpf/generator/Cargo.toml"];

pub(crate) fn run() -> Result<(), Failure> {
    setup::run(Group::Test)?;
    formatting()?;
    step::run("clippy", &mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    dependencies()?;
    step::run(
        "documentation",
        cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    step::run("documentation examples", &mut cargo(["test", "--doc", "--workspace"]))?;
    // The end-to-end tests run these two as programs.
    step::run("binaries", &mut cargo(["build", "--package", "culvertd", "--package", "culvert"]))?;
    suite(cargo(["nextest", "run", "--workspace"]))
}

/// The crates that have cryptography, and the feature of each.
const FIPS: [(&str, &str); 6] = [
    ("culvert-srtp", "culvert-srtp/fips"),
    ("culvert-engine", "culvert-engine/fips"),
    ("culvert-api", "culvert-api/fips"),
    ("culvert-mras", "culvert-mras/fips"),
    ("culvertd", "culvertd/fips"),
    ("culvert", "culvert/fips"),
];

/// What the feature `fips` changes, and nothing else. The module is not part of the ordinary tests, which are to need
/// neither cmake nor Go.
pub(crate) fn fips() -> Result<(), Failure> {
    setup::run(Group::Fips)?;
    let with = |arguments: &[&'static str]| {
        let features = FIPS.map(|(_, feature)| feature).join(",");
        let mut command = cargo(arguments.iter().copied());
        command.args(FIPS.iter().flat_map(|(package, _)| ["--package", package]));
        command.args(["--features", &features]);
        command
    };
    step::run("clippy", with(&["clippy", "--all-targets"]).args(["--", "-D", "warnings"]))?;
    let mut tests = with(&["nextest", "run"]);
    // Whatever takes the path that a process takes by itself, the engine and calls through the daemon, takes the module's.
    tests.env("CULVERT_SRTP_PATH", "aws-lc");
    suite(tests)
}

fn formatting() -> Result<(), Failure> {
    step::run("formatting", &mut cargo(["fmt", "--all", "--check"]))?;
    for manifest in BPF_CRATES.into_iter().filter(|path| workspace::root().join(path).is_file()) {
        let title = format!("formatting of {manifest}");
        step::run(&title, &mut cargo(["fmt", "--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

/// Licences, sources and bans need nothing but the lock file; advisories need a database from the network.
fn dependencies() -> Result<(), Failure> {
    step::run("cargo-deny", &mut cargo(["deny", "check", "bans", "licenses", "sources"]))?;
    if step::succeeds(&mut cargo(["deny", "fetch", "db"])) {
        step::run("cargo-deny advisories", &mut cargo(["deny", "check", "--disable-fetch", "advisories"]))
    } else {
        println!("==> cargo-deny advisories: left out, the advisory database cannot be fetched from here");
        Ok(())
    }
}

fn suite(mut command: Command) -> Result<(), Failure> {
    if culvert_testbed::is_root() {
        command.args(["--run-ignored", "all"]);
    } else {
        println!("==> not root: tests that make network namespaces or load BPF programs are left out");
    }
    step::run("tests", &mut command)
}
