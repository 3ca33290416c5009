// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to run on the host, as far as the checks need to know it.

use std::path::Path;
use std::{fs, io};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// How packets are to come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// AF_XDP where it works, sockets elsewhere.
    #[default]
    Auto,
    /// AF_XDP.
    Xdp,
    /// UDP sockets.
    Socket,
}

/// Whether packet memory is to be on huge pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HugePages {
    /// Where enough of them are free.
    #[default]
    Try,
    /// On ordinary pages.
    Never,
}

/// UDP ports of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRange {
    /// The realm.
    pub realm: String,
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// What is to run on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Interfaces to look at. Empty: all that are physical Ethernet.
    pub interfaces: Vec<String>,
    /// How packets are to come and go.
    pub backend: Backend,
    /// Whether zero-copy is wanted.
    pub zero_copy: bool,
    /// Relay threads; `None`: not decided yet.
    pub workers: Option<u32>,
    /// Their CPUs; empty: the last of the host.
    pub cores: Vec<u32>,
    /// Frames of packet memory for each worker.
    pub frames: u32,
    /// Bytes in a frame.
    pub frame_size: u32,
    /// Whether they are to be on huge pages.
    pub huge_pages: HugePages,
    /// Most sessions at a time.
    pub max_sessions: u32,
    /// Ports for media.
    pub ports: Vec<PortRange>,
}

impl Default for Intent {
    /// culvertd's defaults, where it has some.
    fn default() -> Intent {
        Intent {
            interfaces: Vec::new(),
            backend: Backend::Auto,
            zero_copy: true,
            workers: None,
            cores: Vec::new(),
            frames: 16_384,
            frame_size: 2048,
            huge_pages: HugePages::Try,
            max_sessions: 10_000,
            ports: Vec::new(),
        }
    }
}

/// Why a configuration tells nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntentError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// What is needed of the file cannot be made out.
    #[error("{path}: {reason}; `culvertd --config {path} --check` tells all that is wrong")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong, with its place.
        reason: String,
    },
}

impl Intent {
    /// What culvertd's configuration says. Keys that the checks do not need are not looked at.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has a value of another kind under a key that is needed.
    pub fn load(path: &Path) -> Result<Intent, IntentError> {
        let name = path.display().to_string();
        let text =
            fs::read_to_string(path).map_err(|source| IntentError::Read { path: name.clone(), source })?;
        Intent::parse(&text).map_err(|reason| IntentError::Invalid { path: name, reason })
    }

    fn parse(text: &str) -> Result<Intent, String> {
        let file: File = toml::from_str(text).map_err(|error| place(text, &error))?;
        let defaults = Intent::default();
        let mut interfaces: Vec<String> = file.realm.iter().map(|realm| realm.interface.clone()).collect();
        interfaces.sort_unstable();
        interfaces.dedup();
        Ok(Intent {
            interfaces,
            backend: file.engine.backend,
            zero_copy: file.engine.zero_copy.unwrap_or(defaults.zero_copy),
            workers: Some(file.engine.workers.unwrap_or(1)),
            cores: file.engine.cores,
            frames: file.engine.frames.unwrap_or(defaults.frames),
            frame_size: file.engine.frame_size.unwrap_or(defaults.frame_size),
            huge_pages: file.engine.huge_pages,
            max_sessions: file.node.max_sessions.unwrap_or(defaults.max_sessions),
            ports: file.realm.into_iter().map(Realm::ports).collect(),
        })
    }

    /// The workers' CPUs on a host with these; empty where they are not pinned or not decided.
    pub(crate) fn placement(&self, cpus: &[u32]) -> Vec<u32> {
        let workers = self.workers.unwrap_or(0) as usize;
        if !self.cores.is_empty() {
            return self.cores.clone();
        }
        // culvertd leaves the first CPU to the rest of the system.
        match cpus.len().checked_sub(workers) {
            Some(first @ 1..) => cpus.get(first..).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        }
    }
}

/// One line, with the number of the line that is at fault.
fn place(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    node: Node,
    #[serde(default)]
    engine: Engine,
    #[serde(default)]
    realm: Vec<Realm>,
}

#[derive(Default, Deserialize)]
struct Node {
    max_sessions: Option<u32>,
}

#[derive(Default, Deserialize)]
struct Engine {
    #[serde(default)]
    backend: Backend,
    zero_copy: Option<bool>,
    workers: Option<u32>,
    #[serde(default)]
    cores: Vec<u32>,
    frames: Option<u32>,
    frame_size: Option<u32>,
    #[serde(default)]
    huge_pages: HugePages,
}

#[derive(Deserialize)]
struct Realm {
    #[serde(default)]
    name: String,
    interface: String,
    #[serde(default = "default_ports", deserialize_with = "ports")]
    ports: (u16, u16),
}

impl Realm {
    fn ports(self) -> PortRange {
        PortRange { realm: self.name, first: self.ports.0, last: self.ports.1 }
    }
}

fn default_ports() -> (u16, u16) {
    (20_000, 29_999)
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(u16, u16), D::Error> {
    let text = String::deserialize(deserializer)?;
    let range = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    range.ok_or_else(|| {
        D::Error::custom(format!("ports must be a range such as \"20000-29999\", not {text:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_understood() {
        let example = include_str!("../../../deploy/culvert.example.toml");
        let intent = Intent::parse(example).unwrap();
        assert_eq!((intent.backend, intent.zero_copy, intent.workers), (Backend::Auto, true, Some(1)));
        assert_eq!((intent.frames, intent.frame_size, intent.max_sessions), (16_384, 2048, 10_000));
        assert!(intent.interfaces.contains(&"eth0".to_owned()));
        assert_eq!(intent.ports[0], PortRange { realm: "outside".to_owned(), first: 20_000, last: 29_999 });
    }

    #[test]
    fn what_is_left_out_has_culvertds_default_and_the_rest_is_not_looked_at() {
        let text = "[control]\nlisten = 5\n[[realm]]\nname = \"a\"\ninterface = \"eth1\"\n\
                    [[realm]]\nname = \"b\"\ninterface = \"eth1\"\nports = \"4000-4001\"\n";
        let intent = Intent::parse(text).unwrap();
        let port = |realm: &str, first, last| PortRange { realm: realm.to_owned(), first, last };
        assert_eq!(
            intent,
            Intent {
                interfaces: vec!["eth1".to_owned()],
                workers: Some(1),
                ports: vec![port("a", 20_000, 29_999), port("b", 4000, 4001)],
                ..Intent::default()
            }
        );
    }

    #[test]
    fn errors_have_their_line() {
        for (text, expected) in [
            ("[engine]\nworkers = \"two\"\n", "line 2: invalid type: string \"two\", expected u32"),
            (
                "[[realm]]\ninterface = \"eth0\"\nports = \"many\"\n",
                "line 3: ports must be a range such as \"20000-29999\", not \"many\"",
            ),
            ("[[realm]]\nname = \"a\"\n", "line 1: missing field `interface`"),
        ] {
            assert_eq!(Intent::parse(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn workers_take_the_last_cpus_and_leave_the_first() {
        let placement = |workers, cores: &[u32], cpus: &[u32]| {
            Intent { workers, cores: cores.to_vec(), ..Intent::default() }.placement(cpus)
        };
        assert_eq!(placement(Some(2), &[], &[0, 1, 2, 3]), [2, 3]);
        assert_eq!(placement(Some(2), &[], &[0, 1]), [] as [u32; 0]);
        assert_eq!(placement(Some(2), &[5, 7], &[0, 1]), [5, 7]);
        assert_eq!(placement(None, &[], &[0, 1]), [] as [u32; 0]);
    }
}
