// SPDX-License-Identifier: MIT OR Apache-2.0
//! culvertd and the command line that speaks to it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::interrupt::Interrupt;
use super::network::{Host, Network};
use super::process::Process;
use crate::failure::{Context, Failure};

pub(super) struct Relay<'n> {
    network: &'n Network,
    daemon: Process,
    log: PathBuf,
    culvert: PathBuf,
    certificates: PathBuf,
    port: u16,
}

impl<'n> Relay<'n> {
    /// Starts culvertd and waits until it answers.
    pub(super) fn start(
        network: &'n Network,
        binaries: &Path,
        directory: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, Failure> {
        let certificates = directory.join("certs");
        let port = network.free_port()?;
        let configuration = directory.join("culvert.toml");
        let text = configuration_text(network, &certificates, port);
        fs::write(&configuration, text).context(configuration.display())?;

        let log = directory.join("culvertd.log");
        let output = File::create(&log).context(log.display())?;
        let errors = output.try_clone().context(log.display())?;
        let mut command = network.command(Host::Relay, &binaries.join("culvertd").to_string_lossy());
        command.arg("--config").arg(&configuration);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let daemon = Process::spawn("culvertd", &mut command)?;
        let culvert = binaries.join("culvert");
        let mut relay = Self { network, daemon, log, culvert, certificates, port };
        relay.await_answer(interrupt)?;
        Ok(relay)
    }

    fn await_answer(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        let until = Instant::now() + Duration::from_secs(15);
        loop {
            interrupt.check()?;
            let Err(failure) = self.front_end(&["node", "show"]) else { return Ok(()) };
            self.still_runs()?;
            if Instant::now() > until {
                return Err(Failure::new(format!(
                    "culvertd does not answer: {failure}\n{}",
                    self.log_tail()
                )));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn still_runs(&mut self) -> Result<(), Failure> {
        match self.daemon.ended()? {
            Some(status) => Err(Failure::new(format!("culvertd ended with {status}:\n{}", self.log_tail()))),
            None => Ok(()),
        }
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
    }

    /// Runs `culvert --json` as the front end and returns its answer.
    pub(super) fn front_end(&self, arguments: &[&str]) -> Result<Value, Failure> {
        answer(self.culvert(arguments).stdin(Stdio::null()).output().context("culvert")?, arguments)
    }

    /// The same with something on its standard input: keys, which have no business among arguments.
    pub(super) fn front_end_with_input(&self, arguments: &[&str], input: &str) -> Result<Value, Failure> {
        let mut command = self.culvert(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("culvert")?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(input.as_bytes()).context("culvert")?;
        }
        answer(child.wait_with_output().context("culvert")?, arguments)
    }

    fn culvert(&self, arguments: &[&str]) -> Command {
        let mut command = self.network.command(Host::Relay, &self.culvert.to_string_lossy());
        command.args(["--json", "--server", &format!("https://127.0.0.1:{}", self.port)]);
        command.arg("--ca").arg(self.certificates.join("ca.pem"));
        command.arg("--cert").arg(self.certificates.join("front-end.pem"));
        command.arg("--key").arg(self.certificates.join("front-end.key"));
        command.args(arguments);
        command
    }

    /// SIGTERM, and how it ended.
    pub(super) fn stop(mut self) -> Result<ExitStatus, Failure> {
        self.still_runs()?;
        self.daemon.terminate(Duration::from_secs(10))
    }
}

fn answer(output: std::process::Output, arguments: &[&str]) -> Result<Value, Failure> {
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("culvert {}: {}", arguments.join(" "), errors.trim())));
    }
    serde_json::from_slice(&output.stdout).context(format_args!("culvert {}", arguments.join(" ")))
}

fn configuration_text(network: &Network, certificates: &Path, port: u16) -> String {
    let addresses = network.addresses;
    let [outside, inside] = network.interfaces();
    let (backend, prefix) = if network.is_loopback() { ("socket", 8) } else { ("xdp", 24) };
    let file = |name: &str| certificates.join(name).display().to_string();
    format!(
        r#"[control]
listen = "127.0.0.1:{port}"

[control.tls]
certificate = {server:?}
key = {key:?}
client_ca = {ca:?}

[[role]]
identity = "front-end.culvert.test"
roles = ["front_end", "metrics"]

[metrics]
listen = ""

[engine]
backend = "{backend}"

[[realm]]
name = "outside"
interface = "{outside}"
addresses = [{{ address = "{outside_address}/{prefix}" }}]
ports = "20000-20099"

[[realm]]
name = "inside"
interface = "{inside}"
addresses = [{{ address = "{inside_address}/{prefix}" }}]
ports = "20000-20099"
"#,
        server = file("server.pem"),
        key = file("server.key"),
        ca = file("ca.pem"),
        outside_address = addresses.outside,
        inside_address = addresses.inside,
    )
}
