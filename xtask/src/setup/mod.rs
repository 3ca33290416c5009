// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installs what is missing, and only that, from Debian's packages, crates.io and PyPI.

mod crates;
mod packages;
mod python;
pub(crate) mod rivals;

use clap::ValueEnum;

use crate::failure::Failure;

/// What the machine is to be fit for. Each is more than [`Group::Build`], [`Group::Fips`] is more than [`Group::Test`], and
/// [`Group::Path`] more than [`Group::Bench`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// To build the daemon with its XDP program
    Build,
    /// To run the demo
    Demo,
    /// To run all tests
    Test,
    /// To run the benches
    Bench,
    /// To build what Culvert is measured against
    Rivals,
    /// To run the relays that Culvert is measured against; their services are masked
    Path,
    /// To build with the AWS-LC FIPS module and run its tests
    Fips,
    /// All of it
    All,
}

impl Group {
    fn needs(self, other: Self) -> bool {
        self == Self::All
            || self == other
            || other == Self::Build
            || (self == Self::Fips && other == Self::Test)
            || (self == Self::Path && other == Self::Bench)
    }
}

/// Quick when nothing is missing.
pub(crate) fn run(group: Group) -> Result<(), Failure> {
    packages::install(group)?;
    crates::install(group)?;
    python::install(group)
}
