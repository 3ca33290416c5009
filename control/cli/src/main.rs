// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert`: the operator's and the front end's command line.

mod arguments;
mod audit;
mod connect;
mod credentials;
mod doctor;
mod error;
mod execute;
mod explain;
mod key;
mod load;
mod output;
mod protection;
mod request;
mod top;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use culvert_secret::ErasingAllocator;

use crate::arguments::Arguments;
use crate::error::CliError;

/// Keys pass through the buffers of requests, whose libraries erase nothing.
#[global_allocator]
static ALLOCATOR: ErasingAllocator = ErasingAllocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.connection.json;
    match execute::run(arguments, &mut io::stdout().lock()).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = if json {
                writeln!(io::stderr(), "{}", output::json::error(&error))
            } else {
                writeln!(io::stderr(), "error: {error}")
            };
            ExitCode::from(error.exit_code())
        }
    }
}
