// SPDX-License-Identifier: MIT OR Apache-2.0
//! The benches.

use crate::failure::Failure;
use crate::setup::{self, Group};
use crate::step;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    setup::run(Group::Build)?;
    let mut command = step::cargo(["bench", "--package", "culvert-benches", "--"]);
    step::run("criterion benches", command.args(arguments))
}
