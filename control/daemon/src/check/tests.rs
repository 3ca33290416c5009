// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{fs, net::UdpSocket, path::Path};

use culvert_devcerts::{Authority, Validity, write_directory};
use culvert_srtp::{Path as SrtpPath, PathError};

use super::*;
use crate::srtp_path::SrtpPaths;
use crate::system::{BoundSocket, EphemeralPorts, PortRanges};

struct Fixture {
    directory: tempfile::TempDir,
    system: System,
    /// What is in `[node]`, which comes first, and behind everything else.
    node: String,
    more: String,
    tls: String,
}

impl Fixture {
    /// A configuration without fault on a host that it fits.
    fn new() -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        write_directory(directory.path(), &[]).unwrap();
        let interface = |name: &str, addresses: &[&str]| Interface {
            name: name.into(),
            up: true,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        let system = System {
            interfaces: vec![
                interface("eth0", &["192.0.2.1", "2001:db8::1"]),
                interface("lo", &["127.0.0.1"]),
            ],
            sockets: Vec::new(),
            ephemeral: EphemeralPorts { range: Some((32_768, 60_999)), reserved: PortRanges::default() },
            cpus: 4,
            srtp: SrtpPaths { available: vec![SrtpPath::AesNi, SrtpPath::Portable], environment: Ok(None) },
        };
        Fixture { directory, system, node: String::new(), more: String::new(), tls: String::new() }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn config(&self) -> Config {
        let node = if self.node.is_empty() { String::new() } else { format!("[node]\n{}", self.node) };
        let text = format!(
            "{node}[control.tls]\ncertificate = {:?}\nkey = {:?}\nclient_ca = {:?}\n{}\
             [[role]]\nidentity = \"a.test\"\nroles = [\"operator\"]\n\
             [[realm]]\nname = \"outside\"\ninterface = \"eth0\"\naddresses = [{{ address = \"192.0.2.1\" }}]\n{}",
            self.path("server.pem"),
            self.path("server.key"),
            self.path("ca.pem"),
            self.tls,
            self.more
        );
        Config::parse(&text).unwrap()
    }

    fn complaints(&self) -> Vec<String> {
        let problems = check(&self.config(), &self.system);
        problems.iter().map(|problem| problem.display(Path::new("c")).to_string()).collect()
    }
}

#[test]
fn a_configuration_that_fits() {
    let fixture = Fixture::new();
    assert_eq!(fixture.complaints(), Vec::<String>::new());
    assert!(!check(&fixture.config(), &fixture.system).fatal());
}

#[test]
fn interfaces_and_addresses_must_be_there() {
    let mut fixture = Fixture::new();
    fixture.system.interfaces[0].up = false;
    assert_eq!(
        fixture.complaints(),
        ["c:10:13: warning: realm[0].interface: eth0 is down; bring it up with: ip link set eth0 up"]
    );
    fixture.system.interfaces[0].addresses.remove(0);
    fixture.system.interfaces[0].up = true;
    assert_eq!(
        fixture.complaints(),
        [
            "c:11:26: error: realm[0].addresses[0].address: interface eth0 does not have 192.0.2.1; add it with: ip address \
          add 192.0.2.1 dev eth0"
        ]
    );
    fixture.system.interfaces.remove(0);
    assert_eq!(
        fixture.complaints(),
        ["c:10:13: error: realm[0].interface: there is no interface eth0; there are lo"]
    );
}

#[test]
fn sockets_take_an_address_of_any_interface() {
    let mut fixture = Fixture::new();
    let address = fixture.system.interfaces[0].addresses.remove(0);
    fixture.system.interfaces[1].addresses.push(address);
    fixture.more = "[engine]\nbackend = \"socket\"\n".into();
    assert_eq!(fixture.complaints(), Vec::<String>::new());
}

#[test]
fn cpus_must_be_there() {
    let mut fixture = Fixture::new();
    fixture.more = "[engine]\nworkers = 5\ncores = [0, 1, 2, 3, 4]\n".into();
    assert_eq!(
        fixture.complaints(),
        [
            "c:13:11: warning: engine.workers: 5 workers share 4 CPUs; more workers than CPUs are slower than fewer",
            "c:14:22: error: engine.cores[4]: there is no CPU 4; this host has 0 to 3",
        ]
    );
}

#[test]
fn the_path_of_srtp_must_be_there() {
    let mut fixture = Fixture::new();
    fixture.more = "[srtp]\npath = \"avx512\"\n".into();
    assert_eq!(
        fixture.complaints(),
        [
            "c:13:8: error: srtp.path: this processor lacks instructions of the SRTP path avx512: choose one that it has: \
          aes-ni, portable"
        ]
    );
    fixture.more = "[srtp]\npath = \"aws-lc\"\n".into();
    assert_eq!(
        fixture.complaints(),
        [
            "c:13:8: error: srtp.path: the SRTP path aws-lc runs in the AWS-LC FIPS module, which this build is without: build \
          with the feature fips, or choose one of aes-ni, portable"
        ]
    );
    // What the environment overrides need not fit.
    fixture.system.srtp.environment = Ok(Some(SrtpPath::Portable));
    assert_eq!(fixture.complaints(), Vec::<String>::new());

    fixture.more = "[srtp]\npath = \"portable\"\n".into();
    let available = fixture.system.srtp.available.clone();
    let unknown = PathError::Unknown { name: "quantum".into(), available: available.clone() };
    fixture.system.srtp.environment = Err(unknown);
    assert_eq!(
        fixture.complaints(),
        [
            "environment: error: CULVERT_SRTP_PATH: \"quantum\" is none of the SRTP paths avx512, avx2, aes-ni, portable, aws-lc: \
          choose one that this processor has: aes-ni, portable"
        ]
    );
    fixture.system.srtp.environment = Err(PathError::Unavailable { path: SrtpPath::Avx2, available });
    assert_eq!(
        fixture.complaints(),
        [
            "environment: error: CULVERT_SRTP_PATH: this processor lacks instructions of the SRTP path avx2: choose one \
          that it has: aes-ni, portable"
        ]
    );
}

#[test]
fn the_kernels_own_ports_must_be_reserved() {
    let mut fixture = Fixture::new();
    fixture.more = "ports = \"40000-49999\"\n".into();
    assert_eq!(
        fixture.complaints(),
        [
            "c:12:9: warning: realm[0].ports: the kernel gives ports of this range to other programs; reserve them with: \
          sysctl -w net.ipv4.ip_local_reserved_ports=40000-49999"
        ]
    );
}

#[test]
fn ports_of_others_are_named_without_an_end() {
    let mut fixture = Fixture::new();
    let socket = |port| BoundSocket { local: ([0, 0, 0, 0], port).into(), inode: 0 };
    fixture.system.sockets = (20_000..20_011).rev().map(socket).collect();
    let complaints = fixture.complaints();
    assert_eq!(complaints.len(), 9);
    assert_eq!(
        complaints[0],
        "c:8:1: error: realm[0].ports: 0.0.0.0:20000 is in use by a process that cannot be found out; stop it, move it, \
         or give realm \"outside\" other ports"
    );
    assert_eq!(complaints[8], "c:8:1: error: realm[0].ports: 3 more ports of the range are in use");
}

#[test]
fn a_bound_socket_is_found_with_its_owner() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = socket.local_addr().unwrap();
    let realm = |address: &str| Realm {
        name: "here".into(),
        interface: "lo".into(),
        addresses: vec![crate::config::RealmAddress {
            address: address.parse().unwrap(),
            prefix: None,
            advertised: None,
        }],
        first_port: local.port(),
        last_port: local.port(),
    };
    let system = System::look().unwrap();
    let name = fs::read_to_string("/proc/self/comm").unwrap().trim_end().to_owned();
    let owner = Some(Owner { pid: std::process::id(), name });
    assert_eq!(
        ports_in_use(&realm("127.0.0.1"), &system),
        [PortInUse { realm: "here".into(), local, owner }]
    );
    assert_eq!(ports_in_use(&realm("127.0.0.2"), &system), []);
    drop(socket);
    assert_eq!(ports_in_use(&realm("127.0.0.1"), &System::look().unwrap()), []);
}

#[test]
fn certificates_must_be_there_and_belong_together() {
    let write = |fixture: &Fixture, name: &str, text: &str| fs::write(fixture.path(name), text).unwrap();
    let one = |fixture: &Fixture| match fixture.complaints().as_slice() {
        [one] => one.replace(&fixture.directory.path().display().to_string(), "D"),
        more => panic!("{more:?}"),
    };
    let fixture = Fixture::new();
    fs::remove_file(fixture.path("server.pem")).unwrap();
    fs::remove_file(fixture.path("ca.pem")).unwrap();
    let complaints = fixture.complaints();
    assert!(
        complaints[0].starts_with("c:2:15: error: control.tls.certificate: cannot read "),
        "{complaints:?}"
    );
    assert!(
        complaints[1].starts_with("c:4:13: error: control.tls.client_ca: cannot read "),
        "{complaints:?}"
    );
    assert_eq!(complaints.len(), 2);

    let fixture = Fixture::new();
    write(&fixture, "server.pem", "");
    let expected = "c:2:15: error: control.tls.certificate: D/server.pem has no certificate in PEM form";
    assert_eq!(one(&fixture), expected);

    let fixture = Fixture::new();
    write(&fixture, "server.key", "-----BEGIN SECRET-----\n");
    let expected = "c:3:7: error: control.tls.key: D/server.key has no unencrypted private key in PEM form";
    assert_eq!(one(&fixture), expected);

    let fixture = Fixture::new();
    let authority = Authority::new("other", Validity::Days(1)).unwrap();
    write(&fixture, "server.key", &authority.server(&["x"], Validity::Days(1)).unwrap().key_pem);
    let start = "c:3:7: error: control.tls.key: the private key D/server.key does not go with the certificate D/server.pem: ";
    assert!(one(&fixture).starts_with(start), "{}", one(&fixture));

    let fixture = Fixture::new();
    write(&fixture, "ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let start = "c:4:13: error: control.tls.client_ca: D/ca.pem has a certificate that cannot be used: ";
    assert!(one(&fixture).starts_with(start), "{}", one(&fixture));
}

#[test]
fn a_key_that_all_may_read_is_a_warning() {
    let fixture = Fixture::new();
    fs::set_permissions(fixture.path("server.key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(
        fixture.complaints(),
        ["c:3:7: warning: control.tls.key: can be read by others than its owner; chmod 600 it"]
    );
}

#[test]
fn certificates_and_revocation_lists_that_have_expired_are_warnings() {
    let mut fixture = Fixture::new();
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    let own = authority.server(&["x"], Validity::Expired).unwrap();
    for (name, text) in [
        ("server.pem", own.certificate_pem),
        ("server.key", own.key_pem),
        ("ca.pem", authority.certificate_pem().to_owned()),
        ("ca.crl", authority.revoke(&[], Validity::Expired).unwrap()),
    ] {
        fs::write(fixture.path(name), text).unwrap();
    }
    fixture.tls = format!("client_crl = {:?}\n", fixture.path("ca.crl"));
    assert_eq!(
        fixture.complaints(),
        [
            "c:2:15: warning: control.tls.certificate: the relay's certificate has expired: clients refuse it; renew it",
            "c:5:14: warning: control.tls.client_crl: a revocation list has expired: clients of its authority are refused; \
             get the next one",
        ]
    );
    fs::write(fixture.path("ca.crl"), "").unwrap();
    let complaints = fixture.complaints();
    let expected = "c:5:14: error: control.tls.client_crl: D/ca.crl has no revocation list in PEM form";
    assert_eq!(complaints[0].replace(&fixture.directory.path().display().to_string(), "D"), expected);
}

#[cfg(not(feature = "fips"))]
#[test]
fn fips_mode_takes_the_module() {
    let mut fixture = Fixture::new();
    fixture.node = "fips = true\n".into();
    // Nothing else can be said as long as the module is not there.
    fixture.more = "[srtp]\npath = \"portable\"\n".into();
    assert_eq!(
        fixture.complaints(),
        [
            "c:2:8: error: node.fips: cannot be had: culvertd was built without the feature fips; build it with --features \
           fips, or set fips = false"
        ]
    );
}

#[cfg(feature = "fips")]
#[test]
fn fips_mode_takes_the_modules_path_of_srtp() {
    let mut fixture = Fixture::new();
    fixture.node = "fips = true\n".into();
    fixture.system.srtp.available.push(SrtpPath::AwsLc);
    for path in ["", "path = \"auto\"\n", "path = \"aws-lc\"\n"] {
        fixture.more = format!("[srtp]\n{path}");
        assert_eq!(fixture.complaints(), Vec::<String>::new(), "{path}");
    }
    let outside = "computes SRTP outside the FIPS module, which node.fips = true does not allow: leave it out, or name \
                    aws-lc";
    fixture.more = "[srtp]\npath = \"portable\"\n".into();
    assert_eq!(fixture.complaints(), [format!("c:15:8: error: srtp.path: portable {outside}")]);
    fixture.system.srtp.environment = Ok(Some(SrtpPath::AesNi));
    assert_eq!(fixture.complaints(), [format!("environment: error: CULVERT_SRTP_PATH: aes-ni {outside}")]);
}

#[test]
fn files_of_mras_and_the_audit_trail_that_cannot_be_used() {
    let mut fixture = Fixture::new();
    let keys = fixture.path("mras.keys");
    fixture.more = format!("[mras]\nkey_file = {keys:?}\n");
    // It would be made at the start, and is not made by a check.
    assert_eq!(fixture.complaints(), Vec::<String>::new());
    assert!(!std::path::Path::new(&keys).exists());

    fs::write(&keys, "nonsense").unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let complaint = |fixture: &Fixture| {
        let complaints = fixture.complaints();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        complaints[0].split_once(": error: ").unwrap().1.to_owned()
    };
    let expected = format!(
        "mras.key_file: {keys} has mode 644, so that others can read the signing keys: chmod 600 it, and rotate them"
    );
    assert_eq!(complaint(&fixture), expected);
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let found = complaint(&fixture);
    assert!(found.starts_with(&format!("mras.key_file: {keys}: ")) && !found.contains("nonsense"), "{found}");

    fixture.more = format!("[mras]\nkey_file = {:?}\n", fixture.path("nowhere/mras.keys"));
    assert!(complaint(&fixture).starts_with("mras.key_file: cannot write "));
    fixture.more = format!("[audit]\nfile = {:?}\n", fixture.path("nowhere/audit.jsonl"));
    assert!(complaint(&fixture).ends_with("nowhere/audit.jsonl is not there; make its directory"));
}
