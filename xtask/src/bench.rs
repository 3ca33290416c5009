// SPDX-License-Identifier: MIT OR Apache-2.0
//! The benches, in the order of benches/README.md.

use crate::failure::Failure;
use crate::setup::{self, Group};
use crate::step::{self, cargo};

/// Runs all of them. Arguments go to criterion, and then nothing else is run: a filter is meant for it.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    setup::run(Group::Bench)?;
    let mut criterion = cargo(["bench", "--package", "culvert-benches", "--"]);
    step::run("criterion benches", criterion.args(arguments))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    program("tables", "their tables")?;
    program("memory", "memory")?;
    if culvert_testbed::is_root() {
        program("wire", "AF_XDP against sockets on a wire")
    } else {
        println!("==> not root: the bench on a wire, which makes network namespaces, is left out");
        Ok(())
    }
}

fn program(name: &str, title: &str) -> Result<(), Failure> {
    step::run(
        title,
        &mut cargo(["run", "--release", "--quiet", "--package", "culvert-benches", "--bin", name]),
    )
}
