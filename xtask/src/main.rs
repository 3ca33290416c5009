// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask`: setup, demo, test, bench and certs.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

mod bench;
mod certs;
mod check;
mod demo;
mod failure;
mod setup;
mod step;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::setup::Group;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Everything a developer of Culvert runs")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what is missing from Debian's packages, crates.io and PyPI, and says what
    Setup {
        /// For what
        #[arg(value_enum, default_value_t = Group::All)]
        group: Group,
    },
    /// Places two encrypted calls through a relay on AF_XDP and proves from the recordings that they were heard
    ///
    /// As root: in three network namespaces. Otherwise: on loopback with the socket back end.
    Demo(demo::Options),
    /// Runs every test and check, as continuous integration does
    Test {
        /// Instead, the checks and tests of the crates that have cryptography, with the AWS-LC FIPS module
        ///
        /// Building the module takes cmake and Go, and some minutes.
        #[arg(long)]
        fips: bool,
    },
    /// Runs the benches, or one of them
    ///
    /// `bench crypto` measures cryptography against other libraries, `bench path` relays on a wire, `bench junk` relays with ten
    /// packets of junk for each of media; with `--help` they list their options, whose files are named from the repository's
    /// root. Anything else goes to criterion.
    Bench {
        /// With the AWS-LC FIPS module as one more of Culvert's paths
        #[arg(long)]
        fips: bool,
        /// `crypto`, `path` or `junk` and its options, or a filter for criterion
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Makes development certificates: an authority, culvertd's, and three clients'
    Certs {
        /// Where to write them; made when missing
        directory: PathBuf,
        /// Further DNS names and IP addresses of the server
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.task {
        Task::Setup { group } => setup::run(group),
        Task::Demo(options) => demo::run(&options),
        Task::Test { fips: false } => check::run(),
        Task::Test { fips: true } => check::fips(),
        Task::Bench { fips, arguments } => bench::run(fips, &arguments),
        Task::Certs { directory, names } => certs::run(&directory, &names),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}
