// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key ring and the revocations on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use culvert_mras::{
    Config, ConfigError, KeyRing, KeyRingError, KeyRingTextError, Limits, Location, MediaRelay, Mras, Quotas,
    RestoreError, TurnRestSecret,
};
use zeroize::Zeroizing;

use super::RotationError;
use crate::config;

/// Only the owner reads and writes.
const PRIVATE: u32 = 0o600;

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}", path.display())]
pub struct FileError {
    /// "read" or "write".
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Why MRAS cannot start. None of them shows what is in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file of signing keys is not one.
    #[error("{}: {source}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyRingTextError,
    },
    /// The file of signing keys can be read by others.
    #[error("{} has mode {mode:03o}, so that others can read the signing keys: chmod 600 it, and rotate them", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A line of the revocations is none.
    #[error("{}: {source}", path.display())]
    Revocations {
        /// The file.
        path: PathBuf,
        /// Which line.
        source: RestoreError,
    },
    /// The configuration.
    #[error("mras.{0}")]
    Config(#[from] ConfigError),
    /// No signing key could be made.
    #[error("no signing key could be made: {0}")]
    Generate(#[from] KeyRingError),
}

impl OpenError {
    /// Which key of the configuration it is about.
    pub(super) fn key(&self) -> &'static str {
        match self {
            OpenError::Config(ConfigError::TurnRestSecret) => "mras.turn_rest_secret_file",
            OpenError::Config(_) => "mras",
            OpenError::Revocations { .. } => "mras.revocation_file",
            _ => "mras.key_file",
        }
    }
}

#[derive(Debug)]
pub(super) struct Files {
    keys: PathBuf,
    revocations: PathBuf,
    /// Of the key file when it was last read or written.
    seen: Option<Stamp>,
}

/// Tells one version of a file from the next, also when it is replaced by renaming.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Files {
    pub(super) fn of(config: &config::Mras) -> Option<Files> {
        let keys = config.key_file.clone()?;
        let revocations = config.revocation_file.clone().unwrap_or_else(|| {
            let mut beside = keys.clone().into_os_string();
            beside.push(".revoked");
            beside.into()
        });
        Some(Files { keys, revocations, seen: None })
    }

    /// Reads the files and makes the service; a key file that is missing is made.
    pub(super) fn open(
        &mut self,
        config: &config::Mras,
        fips: bool,
        now: SystemTime,
    ) -> Result<Mras, OpenError> {
        // Before it is read: what changes after that is read again.
        self.seen = Stamp::of(&self.keys);
        let keys = match read_private(&self.keys)? {
            Some(text) => self.parse(&text)?,
            None => {
                let keys = KeyRing::generate(now)?;
                write_private(&self.keys, keys.to_text().as_bytes())?;
                self.seen = Stamp::of(&self.keys);
                tracing::info!(file = %self.keys.display(), "made the first signing key of MRAS");
                keys
            }
        };
        let service_config = Config { approved_kinds_only: fips, ..service_config(config)? };
        let mut service = Mras::new(service_config, keys)?;
        if let Some(text) = read_text(&self.revocations)? {
            service
                .restore(&text)
                .map_err(|source| OpenError::Revocations { path: self.revocations.clone(), source })?;
        }
        Ok(service)
    }

    /// As [`open`](Self::open), without writing anything.
    pub(super) fn check(&self, config: &config::Mras) -> Result<(), OpenError> {
        match read_private(&self.keys)? {
            Some(text) => drop(self.parse(&text)?),
            None => {
                let directory = self.keys.parent().filter(|parent| !parent.as_os_str().is_empty());
                if directory.is_some_and(|directory| !directory.is_dir()) {
                    let (path, source) = (self.keys.clone(), io::ErrorKind::NotFound.into());
                    return Err(FileError { what: "write", path, source }.into());
                }
            }
        }
        service_config(config)?;
        read_text(&self.revocations)?;
        Ok(())
    }

    fn parse(&self, text: &str) -> Result<KeyRing, OpenError> {
        KeyRing::parse(text).map_err(|source| OpenError::Keys { path: self.keys.clone(), source })
    }

    pub(super) fn store_revocations(&self, service: &Mras) -> Result<(), FileError> {
        let mut lines: Vec<String> =
            service.revocations().map(|revocation| format!("{revocation}\n")).collect();
        lines.sort_unstable();
        write_private(&self.revocations, lines.concat().as_bytes())
    }

    /// What is not on disk would be lost with the process, and with it all that it had signed.
    pub(super) fn rotate(&mut self, service: &mut Mras, now: SystemTime) -> Result<u32, RotationError> {
        let before = service.keys().to_text();
        let number = service.rotate(now)?;
        if let Err(error) = write_private(&self.keys, service.keys().to_text().as_bytes()) {
            if let Ok(keys) = KeyRing::parse(&before) {
                service.replace_keys(keys);
            }
            return Err(error.into());
        }
        self.seen = Stamp::of(&self.keys);
        Ok(number)
    }

    /// Takes over a key file that has changed. One that cannot be read is said once, and the keys stay.
    pub(super) fn follow(&mut self, service: &mut Mras) {
        let stamp = Stamp::of(&self.keys);
        if stamp == self.seen || stamp.is_none() {
            return;
        }
        self.seen = stamp;
        let read = read_private(&self.keys).and_then(|text| text.map(|text| self.parse(&text)).transpose());
        match read {
            Ok(Some(keys)) => {
                service.replace_keys(keys);
                tracing::info!(file = %self.keys.display(), "took over changed signing keys");
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "changed signing keys cannot be used: the old ones stay"),
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let found = fs::metadata(path).ok()?;
        let modified = (found.mtime(), found.mtime_nsec());
        Some(Stamp { inode: found.ino(), size: found.size(), modified })
    }
}

fn service_config(config: &config::Mras) -> Result<Config, OpenError> {
    let turn_rest_secret = match &config.turn_rest_secret_file {
        None => None,
        Some(path) => {
            let missing =
                || FileError { what: "read", path: path.clone(), source: io::ErrorKind::NotFound.into() };
            let text = read_private(path)?.ok_or_else(missing)?;
            Some(TurnRestSecret::new(text.trim_end_matches('\n'))?)
        }
    };
    let limit = |number: u32| Some(number).filter(|number| *number > 0);
    let bandwidth = |kilobits: u32| limit(kilobits).map(|kilobits| u64::from(kilobits) * 1000);
    let quota = &config.quota;
    Ok(Config {
        realm: config.realm.clone(),
        default_duration: config.default_duration.min(config.maximum_duration),
        maximum_duration: config.maximum_duration,
        relays: config.relays.iter().map(relay).collect(),
        quotas: Quotas {
            front_end: Limits {
                credentials_per_minute: limit(quota.front_end_credentials),
                sessions: limit(quota.front_end_sessions),
                bandwidth: bandwidth(quota.front_end_bandwidth),
            },
            identity: Limits {
                credentials_per_minute: limit(quota.identity_credentials),
                sessions: limit(quota.identity_sessions),
                bandwidth: bandwidth(quota.identity_bandwidth),
            },
        },
        turn_rest_secret,
        approved_kinds_only: false,
    })
}

fn relay(relay: &config::MediaRelay) -> MediaRelay {
    MediaRelay {
        name: relay.name.clone(),
        address: Some(relay.address),
        location: if relay.internet { Location::Internet } else { Location::Intranet },
        udp_port: relay.udp_port,
        tcp_port: relay.tcp_port,
    }
}

/// A file of secrets, which nobody else may read; `None` when there is none.
fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, OpenError> {
    let text = read_text(path)?;
    if text.is_some() {
        let failed = |source| FileError { what: "read", path: path.to_owned(), source };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(OpenError::Open { path: path.to_owned(), mode });
        }
    }
    Ok(text)
}

fn read_text(path: &Path) -> Result<Option<Zeroizing<String>>, FileError> {
    let failed = |source| FileError { what: "read", path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Room for all of it: a text that grows leaves copies behind.
    let size = file.metadata().map_err(failed)?.len();
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// Replaces a file as a whole: a crash leaves the old one or the new one.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError { what: "write", path: path.to_owned(), source };
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(PRIVATE))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(failed)
}
