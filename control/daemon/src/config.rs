// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration: one TOML file, described key by key in `culvert.example.toml`.

mod mras;
mod problem;
mod read;
mod reader;
mod validate;
mod value;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

pub use mras::{Audit, MediaRelay, Mras, OnExpiry, PeerClass, Quota};
pub use problem::{Origin, Position, Positions, Problem, Problems, Severity};

use crate::roles::{Role, Roles};

/// The whole configuration. Two are equal when their settings are, wherever in a file they stand.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[control]`
    pub control: Control,
    /// `[[role]]`
    pub roles: Vec<RoleEntry>,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[engine]`
    pub engine: Engine,
    /// `[[realm]]`
    pub realms: Vec<Realm>,
    /// `[[peer_class]]`
    pub peer_classes: Vec<PeerClass>,
    /// `[mras]`
    pub mras: Mras,
    /// `[audit]`
    pub audit: Audit,
    /// `[srtp]`
    pub srtp: Srtp,
    /// `[media]`
    pub media: Media,
    /// `[admission]`
    pub admission: Admission,
    /// `[log]`
    pub log: Log,
    /// Where in the file each key stands.
    pub positions: Positions,
    /// What can be run with, but should be known.
    pub warnings: Vec<Problem>,
}

/// `[node]`: the relay as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// As it names itself in logs and answers. Empty: the host's name.
    pub name: String,
    /// Most sessions at a time.
    pub max_sessions: u32,
    /// Most flows on one worker.
    pub max_flows: u32,
    /// Start refusing new sessions, until the operator ends it.
    pub drain: bool,
    /// Start although keys cannot be locked into memory.
    pub allow_unlocked_keys: bool,
    /// All cryptography in the FIPS module: see [`crate::fips`].
    pub fips: bool,
}

/// `[control]`: the gRPC interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Where it listens.
    pub listen: SocketAddr,
    /// A TLS handshake that takes longer is broken off.
    pub handshake_timeout: Duration,
    /// Handshakes at a time; more wait.
    pub max_handshakes: u32,
    /// Authenticated connections at a time; more are refused.
    pub max_connections: u32,
    /// `[control.tls]`
    pub tls: Tls,
}

/// `[control.tls]`: PEM files for mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The relay's certificate, followed by its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities whose client certificates are accepted.
    pub client_ca: PathBuf,
    /// Revocation lists of those authorities; `None`: revocation is not checked.
    pub client_crl: Option<PathBuf>,
    /// The oldest version that is spoken.
    pub minimum_version: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246
    Tls12,
    /// RFC 8446
    Tls13,
}

/// `[[role]]`: what a client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEntry {
    /// A DNS name, URI or e-mail address of the certificate's SAN, or `*.` and a domain.
    pub identity: String,
    /// What it may do.
    pub roles: Roles,
}

/// `[metrics]`: Prometheus metrics over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Where they are served; `None`: not at all.
    pub listen: Option<SocketAddr>,
    /// Allow an address that others than this host can reach.
    pub allow_remote: bool,
}

/// How packets come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// AF_XDP where it works, sockets elsewhere.
    Auto,
    /// AF_XDP.
    Xdp,
    /// UDP sockets.
    Socket,
}

/// How the XDP program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver where it can, else generic.
    Auto,
    /// In the driver.
    Native,
    /// In the kernel's network stack.
    Generic,
}

/// `[engine]`: relay workers and their packet I/O.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// How packets come and go.
    pub backend: Backend,
    /// How the XDP program is attached.
    pub mode: AttachMode,
    /// Try zero-copy before copy mode.
    pub zero_copy: bool,
    /// Relay threads; worker i serves receive queue i of every interface.
    pub workers: u32,
    /// A CPU for each worker. Empty: see [`Engine::placement`].
    pub cores: Vec<u32>,
    /// Frames of packet memory for each worker.
    pub frames: u32,
    /// Bytes in a frame: 2048 or 4096.
    pub frame_size: u32,
    /// Descriptors in the receive ring of a queue.
    pub receive_ring: u32,
    /// Descriptors in the transmit ring of a queue.
    pub transmit_ring: u32,
    /// Descriptors in the fill ring of a queue.
    pub fill_ring: u32,
    /// Descriptors in the completion ring of a queue.
    pub completion_ring: u32,
    /// Frames that the kernel transmits on one kick in copy mode; `None`: what the kernel does by itself.
    pub transmit_budget: Option<u32>,
}

/// `[[realm]]`: a named network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// As sessions name it.
    pub name: String,
    /// The interface that it is reached by.
    pub interface: String,
    /// The relay's addresses in it.
    pub addresses: Vec<RealmAddress>,
    /// First UDP port for media.
    pub first_port: u16,
    /// Last UDP port for media, at least `first_port`.
    pub last_port: u16,
}

/// One of a realm's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RealmAddress {
    /// On which packets arrive.
    pub address: IpAddr,
    /// Length of the subnet's prefix, when it was given.
    pub prefix: Option<u8>,
    /// What is signalled instead, behind one-to-one NAT.
    pub advertised: Option<IpAddr>,
}

/// `[srtp]`: how SRTP is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Srtp {
    /// The implementation; `None`: the fastest. The environment comes before it: see [`crate::srtp_path`].
    pub path: Option<culvert_srtp::Path>,
}

/// `[media]`: defaults and bounds of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Silence of a leg's endpoint that raises MediaTimeout, for sessions that name no other.
    pub timeout: Duration,
    /// How long packets under the old receive keys still pass after a re-key.
    pub rekey_overlap: Duration,
    /// Failures in one second on one leg that raise AuthenticationFailures.
    pub authentication_failure_rate: u32,
    /// Most streams (SSRCs) that a leg may ask for in each direction.
    pub max_ssrcs: u16,
    /// KeyExpiring is raised when so small a part of a master key's lifetime is left: 2 to the power of minus this.
    pub key_expiry_warning: u16,
}

/// `[admission]`: which sessions are refused because no core could carry them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Admission {
    /// Refuse them. If not, they are taken, and all sessions of a full core lose packets.
    pub enabled: bool,
    /// The share of each core that may be promised, above 0 and up to 1.
    pub limit: f64,
    /// What a packet costs to be received and sent; zero: what it usually does on the back end in use.
    pub packet_cost: Duration,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// `[log]`: what is told on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level, or directives such as `info,culvert_route=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file says what cannot be.
    #[error("{}", problems.display(path))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong.
        problems: Problems,
    },
}

impl Config {
    /// Reads and checks a file. Only what the file itself says is checked, not whether it fits this host: see
    /// [`crate::check`].
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Config::parse(&text).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
    }

    /// Reads and checks a text. On failure all its problems are returned, errors and warnings, in the order of the file.
    pub fn parse(text: &str) -> Result<Config, Problems> {
        read::read(text).and_then(validate::validate)
    }

    /// The node's name: as configured, else the host's.
    pub fn node_name(&self) -> String {
        if !self.node.name.is_empty() {
            return self.node.name.clone();
        }
        nix::unistd::gethostname()
            .map_or_else(|_| "culvert".into(), |name| name.to_string_lossy().into_owned())
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Config) -> bool {
        let settings = |config: &Config| {
            let Config {
                node,
                control,
                roles,
                metrics,
                engine,
                realms,
                peer_classes,
                mras,
                audit,
                srtp,
                media,
                admission,
                log,
                positions: _,
                warnings: _,
            } = config.clone();
            (
                (node, control, roles, metrics, engine, realms),
                (peer_classes, mras, audit, srtp, media, admission, log),
            )
        };
        settings(self) == settings(other)
    }
}

impl Engine {
    /// The CPU of each worker on a host with so many. Unless `cores` says otherwise, workers take the last CPUs, one each,
    /// and leave the first to the rest of the system; with fewer CPUs than that takes, none is pinned.
    pub fn placement(&self, cpus: u32) -> Vec<Option<u32>> {
        if !self.cores.is_empty() {
            return self.cores.iter().map(|core| Some(*core)).collect();
        }
        (0..self.workers)
            .map(|worker| {
                cpus.checked_sub(self.workers).filter(|first| *first > 0).map(|first| first + worker)
            })
            .collect()
    }
}

impl RoleEntry {
    /// Whether an identity is meant: equal, letters of ASCII counting alike, or one label in place of a leading `*`.
    pub fn matches(&self, identity: &str) -> bool {
        match self.identity.strip_prefix("*.") {
            None => self.identity.eq_ignore_ascii_case(identity),
            Some(domain) => identity
                .split_once('.')
                .is_some_and(|(label, rest)| is_label(label) && rest.eq_ignore_ascii_case(domain)),
        }
    }

    /// Whether a role is given.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(role)
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests;
