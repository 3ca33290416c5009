// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Culvert media relay daemon.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::Parser;
use culvert_secret::ErasingAllocator;
use culvertd::{
    check::check,
    config::{Config, ConfigError, Problems},
    key_memory, logging,
    run::run,
    system::System,
};

/// Keys pass through the buffers of the control interface, whose libraries erase nothing.
#[global_allocator]
static ALLOCATOR: ErasingAllocator = ErasingAllocator;

/// The configuration with every key, its meaning and its default.
const EXAMPLE: &str = include_str!("../../../deploy/culvert.example.toml");

/// Media relay for SRTP and RTP, controlled over gRPC with mutual TLS.
#[derive(Debug, Parser)]
#[command(name = "culvertd", version, about)]
struct Arguments {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/culvert/culvert.toml")]
    config: PathBuf,
    /// Say what is wrong with the configuration on this host, with line numbers, and exit: 0 when the daemon would start.
    #[arg(long)]
    check: bool,
    /// Print a configuration with every key, its meaning and its default, and exit.
    #[arg(long)]
    print_default_config: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.print_default_config {
        return print(EXAMPLE);
    }
    let (config, problems) = match load(&arguments) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error.to_string()),
    };
    if problems.iter().next().is_some() {
        complain(&problems.display(&arguments.config).to_string());
    }
    if problems.fatal() {
        return ExitCode::FAILURE;
    }
    if arguments.check {
        let realms = config.realms.len();
        return print(&format!("{}: fit for this host, {realms} realms\n", arguments.config.display()));
    }
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot run");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    logging::init(&config.log)?;
    key_memory::prepare(config.node.allow_unlocked_keys)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(key_memory::keep_stack_out_of_dumps)
        .on_thread_park(culvert_secret::scrub_registers)
        .build()?;
    runtime.block_on(run(config))?;
    Ok(())
}

fn load(arguments: &Arguments) -> Result<(Config, Problems), Box<dyn std::error::Error>> {
    let config = Config::load(&arguments.config).map_err(|error: ConfigError| Box::new(error))?;
    let system = System::look()
        .map_err(|error| format!("cannot look at this host's interfaces and sockets: {error}"))?;
    let problems = check(&config, &system);
    Ok((config, problems))
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(text: &str) -> ExitCode {
    complain(text);
    ExitCode::FAILURE
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
