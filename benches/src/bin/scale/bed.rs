// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two namespaces: everybody else (wan0, lan0) - (outside, inside) the relay, which runs there.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use culvert_api::ClientConfig;
use culvert_devcerts::{Authority, Validity};
use culvert_testbed::{EndSpec, Namespace, connect};
use tempfile::TempDir;

use crate::{Options, Outcome};

const CONTROL: &str = "127.0.0.1:7443";
pub(crate) const METRICS: &str = "127.0.0.1:9464";
/// Of the far hosts, outside and inside.
pub(crate) const FAR_INTERFACES: [&str; 2] = ["wan0", "lan0"];
const SERVER: &str = "relay.culvert.test";
/// Ports of the relay on each of its addresses.
const PORTS: [u16; 2] = [10_000, 59_999];

pub(crate) struct Bed {
    daemon: Child,
    authority: Authority,
    pub(crate) far: Namespace,
    pub(crate) relay: Namespace,
    _directory: TempDir,
}

/// What a process has of memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// Of that, locked: the memory for keys.
    pub(crate) locked: u64,
}

/// The far host of a realm: 0 outside, 1 inside.
pub(crate) fn far(realm: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, realm + 1, 1, 1))
}

fn own(realm: u8, number: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, realm + 1, 0, number as u8 + 1)
}

impl Bed {
    pub(crate) fn start(options: &Options) -> Outcome<Bed> {
        let (far_side, relay) = (Namespace::new("far")?, Namespace::new("relay")?);
        let ports = u32::from(PORTS[1] - PORTS[0]) + 1;
        let addresses = options.sessions.div_ceil(ports).max(1);
        for (realm, (there, here)) in (0u8..).zip(FAR_INTERFACES.into_iter().zip(["outside", "inside"])) {
            let own = (0..addresses)
                .fold(EndSpec::new(here), |end, number| end.address(format!("{}/16", own(realm, number))));
            // With NAPI the relay's end takes what the generator redirects.
            let there = EndSpec::new(there).address(format!("{}/16", far(realm)));
            connect(&far_side, &there, &relay, &own.napi())?;
        }
        let directory = TempDir::new()?;
        let authority = Authority::new("scale", Validity::Days(1))?;
        let server = authority.server(&[SERVER], Validity::Days(1))?;
        let path = |name: &str| directory.path().join(name);
        private(&path("server.pem"), &server.certificate_pem)?;
        private(&path("server.key"), &server.key_pem)?;
        private(&path("ca.pem"), authority.certificate_pem())?;
        private(&path("culvert.toml"), &configuration(options, directory.path(), addresses))?;
        let mut daemon = relay
            .command(daemon(options)?)
            .arg("--config")
            .arg(path("culvert.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        wait_until_it_serves(&mut daemon)?;
        Ok(Bed { daemon, authority, far: far_side, relay, _directory: directory })
    }

    /// Of a client with that name.
    pub(crate) fn client(&self, identity: &str) -> Outcome<ClientConfig> {
        let issued = self.authority.client(identity, Validity::Days(1))?;
        let mut config = ClientConfig::new(
            format!("https://{CONTROL}"),
            self.authority.certificate_pem().into(),
            issued.certificate_pem.into(),
            issued.key_pem.into(),
        );
        config.server_name = Some(SERVER.into());
        Ok(config)
    }

    /// What the daemon has.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.id()))?;
        let read = |name: &str| -> Outcome<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
        };
        Ok(Memory { resident: read("VmRSS:")?, locked: read("VmLck:")? })
    }
}

/// What the media of a session comes from.
pub(crate) fn source_address() -> SocketAddr {
    SocketAddr::new(far(0), 40_000)
}

/// Where the media of all sessions goes.
pub(crate) fn sink_address() -> SocketAddr {
    SocketAddr::new(far(1), 40_000)
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn configuration(options: &Options, directory: &Path, addresses: u32) -> String {
    let realm = |realm: u8, name: &str| {
        let own: Vec<String> =
            (0..addresses).map(|number| format!("{{ address = \"{}/16\" }}", own(realm, number))).collect();
        format!(
            "[[realm]]\nname = {name:?}\ninterface = {name:?}\nports = \"{}-{}\"\naddresses = [{}]\n",
            PORTS[0],
            PORTS[1],
            own.join(", ")
        )
    };
    let role = |identity: &str, role: &str| {
        format!("[[role]]\nidentity = \"{identity}.culvert.test\"\nroles = [{role:?}]\n")
    };
    let file = |name: &str| directory.join(name);
    format!(
        "[node]\nmax_sessions = {}\nmax_flows = {}\nallow_unlocked_keys = true\n\
         [control]\nlisten = {CONTROL:?}\n\
         [control.tls]\ncertificate = {:?}\nkey = {:?}\nclient_ca = {:?}\n{}{}\
         [metrics]\nlisten = {METRICS:?}\n\
         [engine]\nbackend = \"xdp\"\nmode = \"native\"\nworkers = 1\ncores = [{}]\n{}{}[admission]\nenabled = false\n[log]\nformat = \"json\"\nlevel = \"info\"\n",
        options.sessions,
        2 * options.sessions,
        file("server.pem"),
        file("server.key"),
        file("ca.pem"),
        role("front-end", "front_end"),
        role("operator", "operator"),
        options.relay_cpu,
        realm(0, "outside"),
        realm(1, "inside"),
    )
}

fn private(path: &Path, text: &str) -> Outcome<()> {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

fn daemon(options: &Options) -> Outcome<PathBuf> {
    if let Some(path) = &options.culvertd {
        return Ok(path.clone());
    }
    let path = std::env::current_exe()?.with_file_name("culvertd");
    if !path.exists() {
        return Err(
            format!("there is no {}: build it with the same profile, -p culvertd", path.display()).into()
        );
    }
    Ok(path)
}

fn wait_until_it_serves(daemon: &mut Child) -> Outcome<()> {
    let log = daemon.stderr.take().ok_or("the daemon's log is not to be had")?;
    let mut lines = BufReader::new(log).lines();
    let mut seen = String::new();
    for line in &mut lines {
        let line = line?;
        if line.contains("\"serving\"") {
            std::thread::spawn(move || {
                lines.map_while(Result::ok).for_each(|line| eprintln!("culvertd: {line}"))
            });
            return Ok(());
        }
        seen += &line;
        seen += "\n";
    }
    Err(format!("culvertd did not start:\n{seen}").into())
}
