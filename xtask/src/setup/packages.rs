// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian packages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Group;
use crate::failure::{Context, Failure};
use crate::step::{self, program};

const PACKAGES: &[(Group, &[&str])] = &[
    // A second Rust with a `core` for the BPF target, and the LLVM that its linker is built against.
    (Group::Build, &["gcc", "libc6-dev", "rustc-web", "libstd-rust-web-dev-bpf", "llvm-22-dev"]),
    (Group::Demo, &["iproute2", "ethtool"]),
    (Group::Demo, &["python3", "python3-gi", "gir1.2-gstreamer-1.0"]),
    (Group::Demo, &["gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-plugins-bad"]),
    (Group::Bench, &["iproute2", "ethtool"]),
    (Group::Rivals, &["libssl-dev", "debian-archive-keyring"]),
    // For x86-64 only.
    (Group::Rivals, if cfg!(target_arch = "x86_64") { &["libipsec-mb-dev"] } else { &[] }),
    (Group::Path, &["rtpengine-daemon", "coturn", "util-linux"]),
    (Group::Fips, &["cmake", "golang-go", "openssl"]),
    (
        Group::Test,
        &["iproute2", "ethtool", "gdb", "libsrtp2-dev", "openssl", "pkg-config", "python3", "python3-venv"],
    ),
    // Front ends of MRAS. Debian builds sipp without TLS; socat holds the certificate for it.
    (Group::Test, &["sip-tester", "socat"]),
    // The terminal in which `culvert top` is driven.
    (Group::Test, &["tmux"]),
    // The doctor's mends call sysctl.
    (Group::Test, &["procps"]),
    // What metrics, alert rules and the dashboard are made for.
    (Group::Test, &["prometheus"]),
];

/// Units of packages that are there to be run by hand: neither installing them nor the next start of the machine may bring them up.
const MASKED: &[&str] = &["rtpengine-daemon.service", "rtpengine-recording-daemon.service", "coturn.service"];
const POLICY: &str = "/usr/sbin/policy-rc.d";

pub(super) fn install(group: Group) -> Result<(), Failure> {
    let wanted = wanted(group);
    let Ok(query) = program("dpkg-query", ["--show", "--showformat", "${Package} ${db:Status-Status}\n"])
        .args(&wanted)
        .output()
    else {
        println!(
            "==> not a Debian system: your distribution's counterparts of {} are up to you",
            wanted.join(" ")
        );
        return Ok(());
    };
    let missing = missing(&wanted, &String::from_utf8_lossy(&query.stdout));
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !culvert_testbed::is_root() {
        return Err(Failure::new(format!(
            "missing Debian packages; as root, run:\n  \
             sudo apt-get update && sudo apt-get install --yes --no-install-recommends {list}"
        )));
    }
    println!("==> missing Debian packages: {list}");
    step::run("package lists", &mut program("apt-get", ["--quiet", "--quiet", "update"]))?;
    let _quiet = if missing.contains(&"rtpengine-daemon") || missing.contains(&"coturn") {
        Some(Quiet::new().context("cannot keep services from being started")?)
    } else {
        None
    };
    let mut command =
        program("apt-get", ["--quiet", "--quiet", "install", "--yes", "--no-install-recommends"]);
    command.args(&missing).env("DEBIAN_FRONTEND", "noninteractive");
    step::run("packages", &mut command).context(
        "Debian 12 has all of them in bookworm main and bookworm-security main; see /etc/apt/sources.list",
    )
}

/// While it lives, installing a package starts no service (invoke-rc.d(8)); the units in [`MASKED`] never start.
struct Quiet {
    ours: bool,
}

impl Quiet {
    fn new() -> std::io::Result<Self> {
        if step::succeeds(&mut program("systemctl", ["--version"])) {
            step::succeeds(program("systemctl", ["mask"]).args(MASKED));
        }
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}

fn wanted(group: Group) -> Vec<&'static str> {
    let mut wanted: Vec<_> =
        PACKAGES.iter().filter(|(of, _)| group.needs(*of)).flat_map(|(_, names)| *names).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Those of `wanted` that dpkg-query's answer does not call installed.
fn missing<'a>(wanted: &[&'a str], answer: &str) -> Vec<&'a str> {
    let installed = |name: &str| answer.lines().any(|line| line.split_once(' ') == Some((name, "installed")));
    wanted.iter().copied().filter(|name| !installed(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_removed_or_half_configured_is_missing() {
        let answer = "gcc installed\npython3 config-files\nethtool half-configured\n";
        assert_eq!(
            missing(&["ethtool", "gcc", "iproute2", "python3"], answer),
            ["ethtool", "iproute2", "python3"]
        );
    }

    #[test]
    fn a_group_has_its_own_and_what_building_needs_once() {
        let demo = wanted(Group::Demo);
        assert!(demo.contains(&"gcc") && demo.contains(&"python3-gi") && !demo.contains(&"libsrtp2-dev"));
        let fips = wanted(Group::Fips);
        assert!(["cmake", "golang-go", "libsrtp2-dev", "gcc"].iter().all(|name| fips.contains(name)));
        let path = wanted(Group::Path);
        assert!(path.contains(&"coturn") && path.contains(&"ethtool") && !path.contains(&"libssl-dev"));
        let test = wanted(Group::Test);
        assert!(!test.contains(&"golang-go") && !test.contains(&"cmake"));
        assert!(test.contains(&"gcc") && test.contains(&"libsrtp2-dev") && !test.contains(&"python3-gi"));
        assert_eq!(wanted(Group::All).iter().filter(|name| **name == "iproute2").count(), 1);
        assert_eq!(
            wanted(Group::Build),
            ["gcc", "libc6-dev", "libstd-rust-web-dev-bpf", "llvm-22-dev", "rustc-web"]
        );
    }
}
