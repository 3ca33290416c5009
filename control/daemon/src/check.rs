// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a configuration fits this host: `culvertd --check`, and the first thing that a starting daemon does.

use std::{net::SocketAddr, os::unix::fs::PermissionsExt as _};

use culvert_srtp::Path;

use crate::{
    config::{Backend, Config, Engine, Problem, Problems, Realm},
    fips, mras,
    srtp_path::SrtpPathError,
    system::{Interface, Owner, System},
    tls,
};

/// A port of the relay's that is somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{local} is in use by {}; stop it, move it, or give realm {realm:?} other ports",
    owner.as_ref().map_or_else(|| "a process that cannot be found out".to_owned(), Owner::to_string)
)]
pub struct PortInUse {
    /// The realm in whose range it is.
    pub realm: String,
    /// Where the other one receives.
    pub local: SocketAddr,
    /// Who it is, as far as this process may know.
    pub owner: Option<Owner>,
}

/// Everything that keeps the daemon from running on this host as configured, and what should be known; the configuration's
/// own warnings too.
pub fn check(config: &Config, system: &System) -> Problems {
    let mut problems = config.warnings.clone();
    let fips = fips::report(config.node.fips);
    problems.extend(fips.as_ref().err().map(|error| config.positions.error("node.fips", error.to_string())));
    // Of a module that is not there it is enough to say so once.
    certificates(config, config.node.fips && fips.is_ok(), &mut problems);
    problems.extend(mras::check(&config.mras).map(|(key, message)| config.positions.error(key, message)));
    audit(config, &mut problems);
    cpus(config, system, &mut problems);
    srtp(config, system, &mut problems);
    for (index, realm) in config.realms.iter().enumerate() {
        let mut check = RealmCheck { config, realm, index, problems: &mut problems };
        check.interface(&system.interfaces);
        check.ports_in_use(system);
        check.ephemeral_ports(system);
    }
    Problems::new(problems)
}

/// A log whose directory is not there could not be begun.
fn audit(config: &Config, problems: &mut Vec<Problem>) {
    let Some(file) = &config.audit.file else { return };
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    if directory.is_some_and(|directory| !directory.is_dir()) {
        let message = format!("cannot be begun: {} is not there; make its directory", file.display());
        problems.push(config.positions.error("audit.file", message));
    }
}

/// The ports of a realm that are in use, in order.
pub fn ports_in_use(realm: &Realm, system: &System) -> Vec<PortInUse> {
    let takes = |address| {
        move |socket: &&crate::system::BoundSocket| socket.takes(address, realm.first_port, realm.last_port)
    };
    let mut sockets: Vec<_> =
        realm.addresses.iter().flat_map(|own| system.sockets.iter().filter(takes(own.address))).collect();
    sockets.sort_unstable_by_key(|socket| (socket.local.port(), socket.local, socket.inode));
    sockets.dedup();
    let owners = System::owners(sockets.iter().copied());
    let owner = |inode| owners.iter().find(|(other, _)| *other == inode).map(|(_, owner)| owner.clone());
    sockets
        .into_iter()
        .map(|socket| PortInUse {
            realm: realm.name.clone(),
            local: socket.local,
            owner: owner(socket.inode),
        })
        .collect()
}

fn certificates(config: &Config, fips: bool, problems: &mut Vec<Problem>) {
    let positions = &config.positions;
    let files = &config.control.tls;
    let policy = tls::Policy { minimum_version: files.minimum_version, fips };
    match tls::load_all(files, policy) {
        Ok(material) => problems.extend(
            material.expired().map(|(key, message)| positions.warning(format!("control.tls.{key}"), message)),
        ),
        Err(errors) => {
            problems.extend(errors.iter().map(|error| positions.error(error.key(), error.to_string())))
        }
    }
    let mode = std::fs::metadata(&files.key).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let message = "can be read by others than its owner; chmod 600 it";
        problems.push(positions.warning("control.tls.key", message));
    }
}

fn cpus(config: &Config, system: &System, problems: &mut Vec<Problem>) {
    let Engine { workers, cores, .. } = &config.engine;
    let cpus = system.cpus;
    for (index, core) in cores.iter().enumerate().filter(|(_, core)| **core >= cpus) {
        let message = format!("there is no CPU {core}; this host has 0 to {}", cpus.saturating_sub(1));
        problems.push(config.positions.error(format!("engine.cores[{index}]"), message));
    }
    if *workers > cpus {
        let message =
            format!("{workers} workers share {cpus} CPUs; more workers than CPUs are slower than fewer");
        problems.push(config.positions.warning("engine.workers", message));
    }
}

fn srtp(config: &Config, system: &System, problems: &mut Vec<Problem>) {
    let chosen = match config.node.fips {
        false => system.srtp.choose(config.srtp.path),
        // Of a module that is not there it is enough to say so once.
        true if !system.srtp.available.contains(&Path::AwsLc) => return,
        true => system.srtp.choose_approved(config.srtp.path),
    };
    let environment = |message| Problem::of_environment(Path::VARIABLE, message);
    let configuration = |message| config.positions.error("srtp.path", message);
    problems.extend(chosen.err().map(|error| match error {
        SrtpPathError::Environment(error) => environment(error.to_string()),
        SrtpPathError::EnvironmentOutsideModule(error) => environment(error.to_string()),
        SrtpPathError::Configuration(error) | SrtpPathError::InUse(error) => configuration(error.to_string()),
        SrtpPathError::ConfigurationOutsideModule(error) => configuration(error.to_string()),
    }));
}

struct RealmCheck<'a> {
    config: &'a Config,
    realm: &'a Realm,
    index: usize,
    problems: &'a mut Vec<Problem>,
}

impl RealmCheck<'_> {
    fn key(&self, name: &str) -> String {
        format!("realm[{}].{name}", self.index)
    }

    fn error(&mut self, key: &str, message: String) {
        self.problems.push(self.config.positions.error(self.key(key), message));
    }

    fn warning(&mut self, key: &str, message: String) {
        self.problems.push(self.config.positions.warning(self.key(key), message));
    }

    fn interface(&mut self, interfaces: &[Interface]) {
        let name = &self.realm.interface;
        let Some(found) = interfaces.iter().find(|interface| interface.name == *name) else {
            let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
            return self
                .error("interface", format!("there is no interface {name}; there are {}", names.join(", ")));
        };
        if !found.up {
            self.warning("interface", format!("{name} is down; bring it up with: ip link set {name} up"));
        }
        for (index, own) in self.realm.addresses.iter().enumerate() {
            // Sockets take an address of any interface; all of 127.0.0.0/8 is the host's own.
            let anywhere = self.config.engine.backend == Backend::Socket;
            let mut candidates = interfaces.iter().filter(|interface| anywhere || interface.name == *name);
            let own_host = own.address.is_loopback() && name == "lo";
            if !own_host && !candidates.any(|interface| interface.addresses.contains(&own.address)) {
                let address = own.address;
                let message = format!(
                    "interface {name} does not have {address}; add it with: ip address add {address} dev {name}"
                );
                self.error(&format!("addresses[{index}].address"), message);
            }
        }
    }

    fn ports_in_use(&mut self, system: &System) {
        /// Enough to see whose they are.
        const SHOWN: usize = 8;
        let in_use = ports_in_use(self.realm, system);
        for port in in_use.iter().take(SHOWN) {
            self.error("ports", port.to_string());
        }
        if let Some(more) = in_use.len().checked_sub(SHOWN + 1) {
            self.error("ports", format!("{} more ports of the range are in use", more + 1));
        }
    }

    fn ephemeral_ports(&mut self, system: &System) {
        let ports = self.realm.first_port..=self.realm.last_port;
        if let Some(reserve) = system.ephemeral.to_reserve(ports) {
            let message = format!(
                "the kernel gives ports of this range to other programs; reserve them with: \
                 sysctl -w net.ipv4.ip_local_reserved_ports={reserve}"
            );
            self.warning("ports", message);
        }
    }
}

#[cfg(test)]
mod tests;
