// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeSet;

use super::{reader::schema_path, *};

const EXAMPLE: &str = include_str!("../../../../deploy/culvert.example.toml");

/// What has no default, as in the example.
const REQUIRED: &str = r#"
[control.tls]
certificate = "/etc/culvert/server.pem"
key = "/etc/culvert/server.key"
client_ca = "/etc/culvert/ca.pem"

[[role]]
identity = "front-end.culvert.test"
roles = ["front_end"]

[[role]]
identity = "operator.culvert.test"
roles = ["operator"]

[[realm]]
name = "outside"
interface = "eth0"
addresses = [{ address = "192.0.2.1/24", advertised = "198.51.100.1" }, { address = "2001:db8::1/64" }]

[[realm]]
name = "inside"
interface = "eth1"
addresses = [{ address = "10.0.0.1/24" }]
"#;

/// What only the example has: tables that may be left out.
const EXAMPLES_OWN: &str = r#"
[[peer_class]]
name = "gateway"
encryption = "supported"
certificate = false

[[mras.relay]]
name = "relay.example.org"
address = "198.51.100.1"
"#;

/// The smallest file that is right, and more after it.
pub(super) fn with(more: &str) -> String {
    format!("{REQUIRED}{more}")
}

pub(super) fn complaints(text: &str) -> Vec<String> {
    match Config::parse(text) {
        Ok(config) => {
            config.warnings.iter().map(|problem| problem.display(Path::new("c")).to_string()).collect()
        }
        Err(problems) => problems.display(Path::new("c")).to_string().lines().map(str::to_owned).collect(),
    }
}

/// One line of `REQUIRED` replaced by another text.
fn replaced(line: &str, by: &str) -> String {
    assert!(REQUIRED.contains(line), "{line}");
    REQUIRED.replacen(line, by, 1)
}

#[test]
fn the_example_shows_the_defaults() {
    let example = Config::parse(EXAMPLE).unwrap();
    let defaults = Config::parse(&with(EXAMPLES_OWN)).unwrap();
    assert_eq!(example, defaults);
    assert_eq!(example.warnings, []);
    let engine = &example.engine;
    assert_eq!(engine.transmit_budget, Some(256));
    assert_eq!((engine.wait, engine.huge_pages, engine.busy_poll), (Wait::Adaptive, HugePages::Try, 0));
    assert_eq!(example.srtp.path, None);
}

#[test]
fn the_example_has_every_key_and_the_program_knows_no_other() {
    let read = read::read(EXAMPLE).unwrap();
    let shown: BTreeSet<String> = read.config.positions.keys().map(schema_path).collect();
    let items = |key: &&String| !key.ends_with("[]");
    let known: Vec<_> = read.schema.iter().filter(items).collect();
    assert_eq!(shown.iter().filter(items).collect::<Vec<_>>(), known);
    assert!(known.len() > 40, "{known:?}");
}

#[test]
fn every_key_of_the_example_has_a_comment_before_it() {
    let mut commented = false;
    let mut seen = BTreeSet::new();
    for line in EXAMPLE.lines() {
        match line.split_once(" = ").map(|(key, _)| key).filter(|key| !key.starts_with(['#', ' '])) {
            None => commented = line.starts_with('#'),
            // Rings share a comment, and what is shown a second time needs none.
            Some(key) => assert!(!seen.insert(key) || commented || key.ends_with("_ring"), "{key}"),
        }
    }
    assert!(seen.contains("level") && seen.contains("identity"));
}

#[test]
fn all_kinds_of_values() {
    let text = with(
        r#"
[node]
name = "relay-7"
drain = true
allow_unlocked_keys = true
[control]
listen = "[::1]:1"
handshake_timeout = "1m 30s"
[metrics]
listen = ""
[engine]
backend = "socket"
mode = "native"
workers = 2
cores = [3, 1]
transmit_budget = 0
wait = "busy"
huge_pages = "never"
busy_poll = 20
[log]
format = "json"
"#,
    );
    let config = Config::parse(&text).unwrap();
    assert_eq!((config.node_name().as_str(), config.node.drain), ("relay-7", true));
    assert!(config.node.allow_unlocked_keys);
    assert_eq!(config.control.listen, "[::1]:1".parse().unwrap());
    assert_eq!(config.control.handshake_timeout, Duration::from_secs(90));
    assert_eq!(config.metrics.listen, None);
    let engine = &config.engine;
    assert_eq!((engine.backend, engine.mode), (Backend::Socket, AttachMode::Native));
    assert_eq!((engine.cores.as_slice(), engine.transmit_budget), (&[3, 1][..], None));
    assert_eq!((engine.wait, engine.huge_pages, engine.busy_poll), (Wait::Busy, HugePages::Never, 20));
    assert_eq!(config.log.format, LogFormat::Json);
    let realm = &config.realms[0];
    assert_eq!((realm.first_port, realm.last_port), (20_000, 29_999));
    let own = |address: &str, prefix, advertised: Option<&str>| RealmAddress {
        address: address.parse().unwrap(),
        prefix: Some(prefix),
        advertised: advertised.map(|address| address.parse().unwrap()),
    };
    assert_eq!(realm.addresses, [own("192.0.2.1", 24, Some("198.51.100.1")), own("2001:db8::1", 64, None)]);
}

#[test]
fn tls_has_a_least_version_and_may_have_revocation_lists() {
    let tls = |more: &str| replaced("[control.tls]", &format!("[control.tls]\n{more}"));
    let plain = Config::parse(REQUIRED).unwrap().control;
    assert_eq!((plain.tls.client_crl, plain.tls.minimum_version), (None, TlsVersion::Tls12));
    assert_eq!(plain.max_connections, 1024);
    let text = tls("client_crl = \"/etc/culvert/ca.crl\"\nminimum_version = \"1.3\"");
    let set = Config::parse(&text).unwrap().control.tls;
    assert_eq!(set.client_crl, Some("/etc/culvert/ca.crl".into()));
    assert_eq!(set.minimum_version, TlsVersion::Tls13);
    assert_eq!(
        complaints(&tls("minimum_version = \"1.1\"")),
        [
            r#"c:3:19: error: control.tls.minimum_version: must be one of "1.2", "1.3", not "1.1"; did you mean "1.2"?"#
        ]
    );
}

#[test]
fn a_path_of_srtp_is_one_of_the_names() {
    let srtp = |value: &str| with(&format!("[srtp]\npath = {value}\n"));
    for path in culvert_srtp::Path::ALL {
        let config = Config::parse(&srtp(&format!("{:?}", path.name()))).unwrap();
        assert_eq!(config.srtp.path, Some(path));
    }
    assert_eq!(Config::parse(&srtp("\"auto\"")).unwrap().srtp.path, None);

    let available: Vec<_> = culvert_srtp::Path::available().map(culvert_srtp::Path::name).collect();
    let available = format!("(this processor has {})", available.join(", "));
    let form = r#"c:25:8: error: srtp.path: must be one of "auto", "avx512", "avx2", "aes-ni", "portable", "aws-lc""#;
    for (value, found) in [
        (r#""quantum""#, r#""quantum""#),
        (r#""AES-NI""#, r#""AES-NI"; did you mean "aes-ni"?"#),
        (r#""avx-512""#, r#""avx-512"; did you mean "avx512"?"#),
        ("512", "an integer"),
    ] {
        assert_eq!(complaints(&srtp(value)), [format!("{form}, not {found} {available}")]);
    }
    assert_eq!(
        complaints(&with("[srtp]\npaht = \"avx2\"\n")),
        [r#"c:25:1: error: srtp.paht: is not a key here; did you mean "path"?"#]
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_right_name() {
    assert_eq!(
        complaints("[node]\nmax_session = 5\n[egnine]\n[media]\nflavour = 1\n")[..3],
        [
            r#"c:2:1: error: node.max_session: is not a key here; did you mean "max_sessions"?"#,
            r#"c:3:2: error: egnine: is not a key here; did you mean "engine"?"#,
            "c:5:1: error: media.flavour: is not a key here; there are timeout, rekey_overlap, \
             authentication_failure_rate, max_ssrcs, key_expiry_warning",
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_in_order() {
    let text = replaced(r#"interface = "eth1""#, "interface = 7").replace("[\"operator\"]", "[\"oprator\"]")
        + "ports = \"20000\"\n[engine]\nbackend = \"dpdk\"\nframes = -1\nzero_copy = \"yes\"\n[node]\nmax_sessions = 0\n";
    assert_eq!(
        complaints(&text),
        [
            r#"c:13:10: error: role[1].roles[0]: must be one of "front_end", "operator", "metrics", not "oprator"; did you mean "operator"?"#,
            "c:22:13: error: realm[1].interface: must be a text in quotes, not an integer",
            r#"c:24:9: error: realm[1].ports: must be a range of ports in quotes, such as "20000-29999", not "20000""#,
            r#"c:26:11: error: engine.backend: must be one of "auto", "xdp", "socket", not "dpdk""#,
            "c:27:10: error: engine.frames: must be a whole number from 0 to 4294967295, not -1",
            "c:28:13: error: engine.zero_copy: must be true or false, not a string",
            "c:30:16: error: node.max_sessions: must not be 0",
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        complaints("[control.tls]\nkey = \"k\"\n"),
        [
            "c:1:1: error: control.tls.certificate: is missing",
            "c:1:1: error: control.tls.client_ca: is missing",
            "c: warning: role: nobody may use the control interface; add a [[role]] for each front end and operator",
            "c: error: realm: there is none; add a [[realm]] for each network that media comes from",
        ]
    );
    let nameless = replaced("name = \"inside\"\n", "");
    assert_eq!(complaints(&nameless), ["c:20:1: error: realm[1].name: is missing"]);
}

#[test]
fn broken_syntax_has_a_place() {
    let found = complaints("[node]\nname = \n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("c:2:8: error: "), "{found:?}");
    let twice = complaints("[node]\nname = \"a\"\nname = \"b\"\n");
    assert!(twice[0].starts_with("c:3:1: error: "), "{twice:?}");
}

#[test]
fn values_that_cannot_be() {
    for (more, expected) in [
        (
            "[control]\nlisten = \"localhost\"",
            r#"control.listen: must be an address and a port, such as "127.0.0.1:7443" or "[::1]:7443", not "localhost""#,
        ),
        ("[control]\nlisten = \"127.0.0.1:0\"", "control.listen: must have a port other than 0"),
        (
            "[control]\nhandshake_timeout = 5",
            r#"control.handshake_timeout: must be a duration in quotes, such as "500ms", "5s" or "2m", not an integer"#,
        ),
        ("[control]\nhandshake_timeout = \"0s\"", "control.handshake_timeout: must not be 0"),
        ("[control]\nmax_connections = 0", "control.max_connections: must not be 0"),
        (
            "[metrics]\nlisten = \"0.0.0.0:9464\"",
            "metrics.listen: 0.0.0.0:9464 can be reached from outside, without encryption or authentication; use a loopback address, or set allow_remote = true",
        ),
        ("[metrics]\nlisten = \"127.0.0.1:7443\"", "metrics.listen: must differ from control.listen"),
        (
            "[engine]\nreceive_ring = 511",
            "engine.receive_ring: must be a power of two from 64 to 65536, not 511",
        ),
        (
            "[engine]\nfill_ring = 131072\nframes = 200000",
            "engine.fill_ring: must be a power of two from 64 to 65536, not 131072",
        ),
        ("[engine]\nframe_size = 1500", "engine.frame_size: must be 2048 or 4096, not 1500"),
        (
            "[engine]\nframes = 6143",
            "engine.frames: must be at least 6144, enough to fill the receive and transmit rings",
        ),
        (
            "[engine]\ntransmit_budget = 31",
            "engine.transmit_budget: must be 0, or from 32 to transmit_ring (2048)",
        ),
        (
            "[engine]\ntransmit_budget = 4096",
            "engine.transmit_budget: must be 0, or from 32 to transmit_ring (2048)",
        ),
        ("[engine]\nworkers = 0", "engine.workers: must not be 0"),
        (
            "[engine]\nworkers = 2\ncores = [1]",
            "engine.cores: names 1 CPUs for 2 workers; name one each, or none",
        ),
        (
            "[engine]\nworkers = 2\ncores = [1, 1]",
            "engine.cores[1]: CPU 1 is there twice; give each worker its own",
        ),
        ("[media]\nmax_ssrcs = 257", "media.max_ssrcs: must be from 1 to 256"),
        ("[media]\nmax_ssrcs = 0", "media.max_ssrcs: must be from 1 to 256"),
        ("[media]\ntimeout = \"0s\"", "media.timeout: must not be 0"),
        (
            "[log]\nlevel = \"loud\"",
            r#"log.level: must be one of "error", "warn", "info", "debug", "trace", or directives such as "info,culvert_route=debug", not "loud""#,
        ),
        (
            "[[role]]\nidentity = \"OPERATOR.culvert.test\"\nroles = [\"metrics\"]",
            r#"role[2].identity: "OPERATOR.culvert.test" is there twice; give all its roles in one place"#,
        ),
        (
            "[[role]]\nidentity = \"\"\nroles = [\"metrics\"]",
            "role[2].identity: must be a DNS name, URI or e-mail address as in the client certificate's SAN",
        ),
        (
            "[[role]]\nidentity = \"a.*.test\"\nroles = [\"metrics\"]",
            r#"role[2].identity: may have a * only as its whole first label, as in "*.example.org""#,
        ),
        (
            "[[role]]\nidentity = \"*.test\"\nroles = [\"metrics\"]",
            r#"role[2].identity: must have a domain of at least two labels after the *, as in "*.example.org""#,
        ),
        (
            "[[role]]\nidentity = \"a b\"\nroles = [\"metrics\"]",
            "role[2].identity: must not contain white space",
        ),
        (
            "[[role]]\nidentity = \"a.test\"",
            r#"role[2].roles: must name at least one of "front_end", "operator", "metrics""#,
        ),
        ("[role]\nidentity = \"a.test\"", "duplicate key"),
    ] {
        let found = complaints(&with(more));
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert!(found[0].ends_with(expected), "{more}: {found:?}");
    }
    let remote = with("[metrics]\nlisten = \"0.0.0.0:9464\"\nallow_remote = true");
    assert_eq!(complaints(&remote), Vec::<String>::new());
}

#[test]
fn realms_that_cannot_be() {
    let realm = |name: &str, interface: &str, addresses: &str, ports: &str| {
        let head = format!("[[realm]]\nname = \"{name}\"\ninterface = \"{interface}\"");
        with(&format!("{head}\naddresses = [{addresses}]\nports = \"{ports}\"\n"))
    };
    let third = "{ address = \"192.0.2.3\" }";
    for (text, expected) in [
        (
            realm("inside", "eth0", third, "20000-20001"),
            r#"realm[2].name: "inside" is also realm[1]'s name; rename one"#,
        ),
        (realm("", "eth0", third, "20000-20001"), "realm[2].name: must not be empty"),
        (
            realm("x", "sixteen-letters-", third, "20000-20001"),
            "realm[2].interface: must be an interface's name of 1 to 15 characters",
        ),
        (
            realm("x", "eth0", third, "20009-20000"),
            "realm[2].ports: begins at 20009 after its end, 20000; swap them",
        ),
        (
            realm("x", "eth0", third, "80-20000"),
            "realm[2].ports: takes in privileged ports; begin at 1024 or higher, not at 80",
        ),
        (
            realm("x", "eth0", third, "20000-20000"),
            "realm[2].ports: 20000-20000 cannot hold a pair of ports: an even port and the odd one after it (RTP and RTCP); widen it",
        ),
        (
            realm("x", "eth0", third, "20001-20002"),
            "realm[2].ports: 20001-20002 cannot hold a pair of ports: an even port and the odd one after it (RTP and RTCP); widen it",
        ),
        (
            realm("x", "eth0", third, "20000-65536"),
            r#"realm[2].ports: must be a range of ports in quotes, such as "20000-29999", not "20000-65536""#,
        ),
        (
            realm("x", "eth0", "", "20000-20001"),
            r#"realm[2].addresses: must have at least one { address = "..." }"#,
        ),
        (
            realm("x", "eth0", "{ address = \"192.0.2.1\" }", "29999-30001"),
            r#"realm[2].ports: 29999-30001 overlaps 20000-29999 of realm "outside", which also has 192.0.2.1; give them ranges of their own"#,
        ),
        (
            realm("x", "eth0", &format!("{third}, {third}"), "20000-20001"),
            "realm[2].addresses[1].address: 192.0.2.3 is there twice",
        ),
        (
            realm("x", "eth0", "{ address = \"224.0.0.1\" }", "20000-20001"),
            "realm[2].addresses[0].address: 224.0.0.1 is a multicast address, which no host can have",
        ),
        (
            realm("x", "eth0", "{ address = \"::\" }", "20000-20001"),
            "realm[2].addresses[0].address: :: is the unspecified address, which no host can have",
        ),
        (
            realm("x", "eth0", "{ address = \"::ffff:192.0.2.3\" }", "20000-20001"),
            "realm[2].addresses[0].address: ::ffff:192.0.2.3 is an IPv4-mapped address, which no host can have",
        ),
        (
            realm("x", "eth0", "{ address = \"192.0.2.3/33\" }", "20000-20001"),
            r#"realm[2].addresses[0].address: must be an IP address such as "192.0.2.1/24" or "2001:db8::1", not "192.0.2.3/33""#,
        ),
        (
            realm("x", "eth0", "{ address = \"192.0.2.3\", advertised = \"2001:db8::3\" }", "20000-20001"),
            "realm[2].addresses[0].advertised: 2001:db8::3 is of another address family than 192.0.2.3; advertise one of the same",
        ),
        (
            realm(
                "x",
                "eth0",
                "{ address = \"192.0.2.3\", advertised = \"255.255.255.255\" }",
                "20000-20001",
            ),
            "realm[2].addresses[0].advertised: 255.255.255.255 is the broadcast address, which no host can have",
        ),
        (
            realm("x", "eth0", "{ advertised = \"192.0.2.3\" }", "20000-20001"),
            "realm[2].addresses[0].address: is missing",
        ),
        (
            realm("x", "eth0", "\"192.0.2.3\"", "20000-20001"),
            "realm[2].addresses[0]: must be a table, not a string",
        ),
    ] {
        let found = complaints(&text);
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found[0].ends_with(expected), "{expected}: {found:?}");
    }
}

#[test]
fn realms_that_get_along() {
    let share = |ports: &str| {
        with(&format!(
            "[[realm]]\nname = \"more\"\ninterface = \"eth0\"\naddresses = [{{ address = \"192.0.2.1\" }}]\nports = \"{ports}\"\n"
        ))
    };
    assert_eq!(complaints(&share("30000-30001")), Vec::<String>::new());
    assert_eq!(complaints(&share("19998-19999")), Vec::<String>::new());
}

#[test]
fn workers_are_pinned_to_the_last_cpus() {
    let placement = |workers, cores: &[u32], cpus| {
        let mut engine = Config::parse(REQUIRED).unwrap().engine;
        (engine.workers, engine.cores) = (workers, cores.to_vec());
        engine.placement(cpus)
    };
    assert_eq!(placement(2, &[], 8), [Some(6), Some(7)]);
    assert_eq!(placement(1, &[], 2), [Some(1)]);
    assert_eq!(placement(2, &[], 2), [None, None]);
    assert_eq!(placement(2, &[], 1), [None, None]);
    assert_eq!(placement(2, &[5, 0], 2), [Some(5), Some(0)]);
}

#[test]
fn a_file_that_is_not_there() {
    let error = Config::load(Path::new("/nonexistent/culvert.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration /nonexistent/culvert.toml: "), "{error}");
}
