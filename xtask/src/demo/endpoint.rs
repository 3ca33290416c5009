// SPDX-License-Identifier: MIT OR Apache-2.0
//! A media client: GStreamer, driven by `assets/endpoint.py`.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::interrupt::Interrupt;
use super::process::Process;
use crate::failure::{Context, Failure};
use crate::workspace;

/// What the client is to do.
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) local: SocketAddrV4,
    /// Whom to talk to and what to say; a listener has neither.
    pub(super) remote: Option<(SocketAddrV4, PathBuf)>,
    pub(super) record: PathBuf,
    /// Suite, key for sending, key for receiving, in hex; plain RTP without.
    pub(super) keys: Option<(&'static str, String, String)>,
    pub(super) first_sequence: u16,
    /// Get a copy of every packet as it came.
    pub(super) copy_to: Vec<SocketAddrV4>,
}

impl Setup {
    fn json(&self) -> Value {
        let pair = |address: SocketAddrV4| json!([address.ip().to_string(), address.port()]);
        json!({
            "name": self.name,
            "address": self.local.ip().to_string(),
            "port": self.local.port(),
            "remote": self.remote.as_ref().map(|(remote, _)| pair(*remote)),
            "play": self.remote.as_ref().map(|(_, play)| play),
            "record": self.record,
            "suite": self.keys.as_ref().map(|keys| keys.0),
            "send_key": self.keys.as_ref().map(|keys| &keys.1),
            "receive_key": self.keys.as_ref().map(|keys| &keys.2),
            "ssrc": 0x1000_0000 | u32::from(self.local.port()),
            "sequence": self.first_sequence,
            "copy_to": self.copy_to.iter().copied().map(pair).collect::<Vec<_>>(),
        })
    }
}

/// A running client.
pub(super) struct Endpoint {
    name: &'static str,
    input: ChildStdin,
    events: Receiver<String>,
    process: Process,
    played: bool,
}

/// What a client counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// Packets from the network.
    pub(super) arrived: u64,
    /// Of those, the ones that its key opened (plain: all).
    pub(super) opened: u64,
}

impl Endpoint {
    /// `python` runs Debian's Python where the client is to be.
    pub(super) fn start(mut python: Command, setup: &Setup) -> Result<Self, Failure> {
        let name = setup.name;
        python.arg(workspace::root().join("xtask/assets/endpoint.py"));
        let mut process = Process::spawn(
            name,
            python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()),
        )?;
        let pipes = (process.child.stdin.take(), process.child.stdout.take());
        let (Some(input), Some(output)) = pipes else {
            return Err(Failure::new(format!("{name}: has no pipes")));
        };
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut endpoint = Self { name, input, events, process, played: false };
        endpoint.tell(&setup.json())?;
        Ok(endpoint)
    }

    pub(super) fn play(&mut self) -> Result<(), Failure> {
        self.tell(&json!({"do": "play"}))
    }

    /// From the next packet on it sends under this key.
    pub(super) fn change_send_key(&mut self, key: &str) -> Result<(), Failure> {
        self.tell(&json!({"do": "send_key", "key": key}))
    }

    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.tell(&json!({"do": "finish"}))
    }

    fn tell(&mut self, message: &Value) -> Result<(), Failure> {
        writeln!(self.input, "{message}").context(format_args!("{}: does not listen", self.name))
    }

    /// Waits for the named event, past others.
    pub(super) fn await_event(
        &mut self,
        wanted: &str,
        patience: Duration,
        interrupt: &Interrupt,
    ) -> Result<Value, Failure> {
        let until = Instant::now() + patience;
        loop {
            interrupt.check()?;
            let event = self.next_event(Duration::from_millis(100))?;
            match event {
                Some(event) if event["event"] == wanted => return Ok(event),
                None if Instant::now() > until => {
                    let seconds = patience.as_secs();
                    return Err(Failure::new(format!("{}: not {wanted} within {seconds} s", self.name)));
                }
                _ => {}
            }
        }
    }

    /// Whether it has said all it had to say. Does not wait.
    pub(super) fn has_played(&mut self) -> Result<bool, Failure> {
        while let Some(event) = self.next_event(Duration::ZERO)? {
            self.played |= event["event"] == "played";
        }
        Ok(self.played)
    }

    pub(super) fn await_counted(&mut self, interrupt: &Interrupt) -> Result<Counted, Failure> {
        let event = self.await_event("finished", Duration::from_secs(10), interrupt)?;
        let count = |field: &str| event[field].as_u64().unwrap_or_default();
        Ok(Counted { arrived: count("arrived"), opened: count("opened") })
    }

    fn next_event(&mut self, patience: Duration) -> Result<Option<Value>, Failure> {
        let Ok(line) = self.events.recv_timeout(patience) else {
            return match self.process.ended()? {
                Some(status) => {
                    Err(Failure::new(format!("{}: the media client ended with {status}", self.name)))
                }
                None => Ok(None),
            };
        };
        let event: Value =
            serde_json::from_str(&line).context(format_args!("{}: said {line:?}", self.name))?;
        if event["event"] == "failed" {
            let reason = event["reason"].as_str().unwrap_or("without a reason");
            return Err(Failure::new(format!("the media client failed: {reason}")));
        }
        Ok(Some(event))
    }
}
