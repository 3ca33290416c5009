// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is on the line: four parties and two listeners with wrong keys.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::audio::{self, compare};
use super::call::{Key, Keys, local_rtp};
use super::endpoint::{Counted, Endpoint, Setup};
use super::interrupt::Interrupt;
use super::network::{Host, Network};
use super::report::Report;
use crate::failure::Failure;

/// How long everybody speaks.
pub(super) const SECONDS: usize = 8;

/// Debian's own: only there are Debian's bindings of GStreamer.
const PYTHON: &str = "/usr/bin/python3";
const START_PATIENCE: Duration = Duration::from_secs(15);

/// On the callee's own loopback, which nobody else can reach.
const LISTENERS: [SocketAddrV4; 3] = [
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40010),
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40012),
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40014),
];

struct Party {
    endpoint: Endpoint,
    said: Vec<i16>,
    record: PathBuf,
}

struct Listener {
    knows: &'static str,
    /// Has it the callee's own key: then the copies are good, and the silence of the others is the key's doing.
    right: bool,
    endpoint: Endpoint,
    record: PathBuf,
}

pub(super) struct Calls {
    /// Caller and callee of call 1, caller and callee of call 2.
    parties: Vec<Party>,
    listeners: Vec<Listener>,
}

impl Calls {
    /// Starts all media clients; when this returns they receive.
    ///
    /// `sessions`: the relay's answers for both calls. `keys`: of the caller and callee of call 1 and of the caller
    /// of call 2.
    pub(super) fn start(
        network: &Network,
        sessions: &[Value; 2],
        keys: [&Keys; 3],
        directory: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, Failure> {
        let [first, second] = sessions;
        let [caller, callee, bridged] = keys;
        let own = |keys: &Keys| Some((keys.suite.name, keys.send.hex(), keys.receive.hex()));
        let make = Maker { network, directory };
        // The callee of call 1 and the caller of call 2 come past the last sequence number: the roll-over counter moves.
        let lines = [
            Line {
                name: "call-1-caller",
                call: 0,
                host: Host::Caller,
                relay: local_rtp(first, 0)?,
                keys: own(caller),
                first_sequence: 1000,
                copy_to: &[],
            },
            Line {
                name: "call-1-callee",
                call: 0,
                host: Host::Callee,
                relay: local_rtp(first, 1)?,
                keys: own(callee),
                first_sequence: 65_400,
                copy_to: &LISTENERS,
            },
            Line {
                name: "call-2-caller",
                call: 1,
                host: Host::Caller,
                relay: local_rtp(second, 0)?,
                keys: own(bridged),
                first_sequence: 65_400,
                copy_to: &[],
            },
            Line {
                name: "call-2-callee",
                call: 1,
                host: Host::Callee,
                relay: local_rtp(second, 1)?,
                keys: None,
                first_sequence: 1000,
                copy_to: &[],
            },
        ];
        let parties =
            (0..).zip(lines).map(|(voice, line)| make.party(voice, line)).collect::<Result<_, _>>()?;
        let random = Key::random(callee.suite)?;
        let known = [
            ("the caller's key", false, caller.suite, &caller.send),
            ("a random key", false, callee.suite, &random),
            ("the callee's key", true, callee.suite, &callee.receive),
        ];
        let listeners = LISTENERS
            .into_iter()
            .zip(known)
            .map(|(local, (knows, right, suite, key))| make.listener(local, knows, right, (suite.name, key)))
            .collect::<Result<_, _>>()?;
        let mut calls = Self { parties, listeners };
        let endpoints = calls.parties.iter_mut().map(|party| &mut party.endpoint);
        for endpoint in endpoints.chain(calls.listeners.iter_mut().map(|listener| &mut listener.endpoint)) {
            endpoint.await_event("ready", START_PATIENCE, interrupt)?;
        }
        Ok(calls)
    }

    pub(super) fn play(&mut self) -> Result<(), Failure> {
        self.parties.iter_mut().try_for_each(|party| party.endpoint.play())
    }

    pub(super) fn have_played(&mut self) -> Result<bool, Failure> {
        let mut all = true;
        for party in &mut self.parties {
            all &= party.endpoint.has_played()?;
        }
        Ok(all)
    }

    /// The caller of call 1 sends under a new key from now on.
    pub(super) fn change_caller_key(&mut self, key: &Key) -> Result<(), Failure> {
        self.parties.first_mut().map_or(Ok(()), |party| party.endpoint.change_send_key(&key.hex()))
    }

    /// Ends all clients, so that their recordings are complete.
    pub(super) fn finish(mut self, interrupt: &Interrupt) -> Result<Heard, Failure> {
        let mut heard = Heard { parties: Vec::new(), listeners: Vec::new() };
        for party in &mut self.parties {
            party.endpoint.finish()?;
        }
        for mut party in self.parties {
            let counted = party.endpoint.await_counted(interrupt)?;
            heard.parties.push((counted, party.said, audio::read_wav(&party.record)?));
        }
        for mut listener in self.listeners {
            listener.endpoint.finish()?;
            let counted = listener.endpoint.await_counted(interrupt)?;
            heard.listeners.push(Overheard {
                knows: listener.knows,
                right: listener.right,
                counted,
                samples: audio::read_wav(&listener.record)?,
            });
        }
        Ok(heard)
    }
}

struct Maker<'a> {
    network: &'a Network,
    directory: &'a Path,
}

/// One end of a call.
struct Line<'a> {
    name: &'static str,
    call: u16,
    host: Host,
    /// Where the relay takes this end's media.
    relay: SocketAddrV4,
    /// Suite, key for sending, key for receiving; plain RTP without.
    keys: Option<(&'static str, String, String)>,
    first_sequence: u16,
    copy_to: &'a [SocketAddrV4],
}

impl Maker<'_> {
    fn party(&self, voice: u32, line: Line<'_>) -> Result<Party, Failure> {
        let said = audio::voice(voice, SECONDS);
        let play = self.directory.join(format!("{}-said.wav", line.name));
        audio::write_wav(&play, &said)?;
        let record = self.fresh(&format!("{}-heard.wav", line.name))?;
        let setup = Setup {
            name: line.name,
            local: self.network.client(line.host, line.call),
            remote: Some((line.relay, play)),
            record: record.clone(),
            keys: line.keys,
            first_sequence: line.first_sequence,
            copy_to: line.copy_to.to_vec(),
        };
        let endpoint = Endpoint::start(self.network.command(line.host, PYTHON), &setup)?;
        Ok(Party { endpoint, said, record })
    }

    fn listener(
        &self,
        local: SocketAddrV4,
        knows: &'static str,
        right: bool,
        (suite, key): (&'static str, &Key),
    ) -> Result<Listener, Failure> {
        let record = self.fresh(&format!("listener-{}-heard.wav", local.port()))?;
        let setup = Setup {
            name: "listener",
            local,
            remote: None,
            record: record.clone(),
            keys: Some((suite, key.hex(), key.hex())),
            first_sequence: 0,
            copy_to: vec![],
        };
        let endpoint = Endpoint::start(self.network.command(Host::Callee, PYTHON), &setup)?;
        Ok(Listener { knows, right, endpoint, record })
    }

    /// A file of an earlier demo is no proof for this one.
    fn fresh(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.directory.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::new(format!("{}: {error}", path.display())))
            }
            _ => Ok(path),
        }
    }
}

/// What was said and what the recordings hold.
pub(super) struct Heard {
    parties: Vec<(Counted, Vec<i16>, Vec<i16>)>,
    listeners: Vec<Overheard>,
}

struct Overheard {
    knows: &'static str,
    right: bool,
    counted: Counted,
    samples: Vec<i16>,
}

impl Heard {
    pub(super) fn report(&self, report: &mut Report) -> Result<(), Failure> {
        let [caller_1, callee_1, caller_2, callee_2] = self.parties.as_slice() else {
            return Err(Failure::new("not everybody's recording is there"));
        };
        for (text, said, heard) in [
            ("call 1, SRTP to SRTP: the callee heard the caller", &caller_1.1, &callee_1.2),
            ("call 1, SRTP to SRTP: the caller heard the callee", &callee_1.1, &caller_1.2),
            ("call 2, SRTP to RTP: the callee heard the caller", &caller_2.1, &callee_2.2),
            ("call 2, RTP to SRTP: the caller heard the callee", &callee_2.1, &caller_2.2),
        ] {
            let comparison = compare(said, heard);
            report.check(
                comparison.is_exact() && comparison.correlation > 0.999,
                format!(
                    "{text}: {} of {} samples exact, {} foreign, correlation {:.4}",
                    comparison.heard * audio::PACKET,
                    comparison.said * audio::PACKET,
                    comparison.foreign,
                    comparison.correlation
                ),
            );
        }
        for listener in &self.listeners {
            let Counted { arrived, opened } = listener.counted;
            let holds = if listener.right {
                opened == arrived && compare(&caller_1.1, &listener.samples).is_exact()
            } else {
                opened == 0 && listener.samples.is_empty()
            };
            report.check(
                holds && arrived == callee_1.0.arrived && arrived > 0,
                format!(
                    "call 1: a listener with {} got {arrived} packets of the callee's {}, opened {opened}, heard {} samples",
                    listener.knows,
                    callee_1.0.arrived,
                    listener.samples.len()
                ),
            );
        }
        Ok(())
    }
}
