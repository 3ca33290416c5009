// SPDX-License-Identifier: MIT OR Apache-2.0
//! The benches, in the order of benches/README.md.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::{self, Group, rivals};
use crate::step::{self, cargo};

/// Runs all of them, with the FIPS module's path of SRTP or without. `crypto`, `path` or `junk` and its arguments run that one; other arguments
/// go to criterion, and then nothing else is run: a filter is meant for it.
pub(crate) fn run(fips: bool, arguments: &[String]) -> Result<(), Failure> {
    setup::run(Group::Bench)?;
    if fips {
        setup::run(Group::Fips)?;
    }
    match arguments.split_first() {
        Some((name, options)) if name == "crypto" => return crypto(fips, options),
        Some((name, options)) if name == "path" => return path(options),
        Some((name, options)) if name == "junk" => return junk(options),
        _ => {}
    }
    let mut criterion = cargo(["bench", "--package", "culvert-benches", "--"]);
    step::run("criterion benches", criterion.args(arguments))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    step::run("their tables", &mut program(false, "tables"))?;
    crypto(fips, &[])?;
    step::run("memory", &mut program(false, "memory"))?;
    if culvert_testbed::is_root() {
        step::run("AF_XDP against sockets on a wire", &mut program(false, "wire"))?;
        path(&[])?;
        junk(&[])
    } else {
        println!("==> not root: the benches on a wire, which make network namespaces, are left out");
        Ok(())
    }
}

fn crypto(fips: bool, options: &[String]) -> Result<(), Failure> {
    let rivals = rivals::build()?;
    let mut command = program(fips, "crypto");
    step::run("cryptography", command.arg("--rivals").arg(rivals).args(options))
}

fn path(options: &[String]) -> Result<(), Failure> {
    setup::run(Group::Path)?;
    let rivals = rivals::build()?;
    let mut command = program(false, "path");
    step::run("Culvert against its rivals on a wire", command.arg("--rivals").arg(rivals).args(options))
}

fn junk(options: &[String]) -> Result<(), Failure> {
    step::run("calls and junk on a wire", program(false, "junk").args(options))
}

fn program(fips: bool, name: &str) -> Command {
    let mut command = cargo(["run", "--release", "--quiet", "--package", "culvert-benches", "--bin", name]);
    if fips {
        command.args(["--features", "fips"]);
    }
    command.arg("--");
    command
}
