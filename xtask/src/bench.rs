// SPDX-License-Identifier: MIT OR Apache-2.0
//! The benches, in the order of benches/README.md.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::{self, Group, rivals};
use crate::step::{self, cargo};

/// Runs all of them. `crypto` and its arguments run that one; other arguments go to criterion, and then nothing else is
/// run: a filter is meant for it.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    setup::run(Group::Bench)?;
    if let Some((_, options)) = arguments.split_first().filter(|(name, _)| *name == "crypto") {
        return crypto(options);
    }
    let mut criterion = cargo(["bench", "--package", "culvert-benches", "--"]);
    step::run("criterion benches", criterion.args(arguments))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    step::run("their tables", &mut program("tables"))?;
    crypto(&[])?;
    step::run("memory", &mut program("memory"))?;
    if culvert_testbed::is_root() {
        step::run("AF_XDP against sockets on a wire", &mut program("wire"))
    } else {
        println!("==> not root: the bench on a wire, which makes network namespaces, is left out");
        Ok(())
    }
}

fn crypto(options: &[String]) -> Result<(), Failure> {
    let rivals = rivals::build()?;
    let mut command = program("crypto");
    step::run("cryptography", command.arg("--rivals").arg(rivals).args(options))
}

fn program(name: &str) -> Command {
    cargo(["run", "--release", "--quiet", "--package", "culvert-benches", "--bin", name, "--"])
}
