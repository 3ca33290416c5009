// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys of the file and their defaults.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use toml::de::{DeTable, DeValue};

use super::{
    Admission, AttachMode, Backend, Config, Control, Engine, Log, LogFormat, Media, Metrics, Node, Problem,
    Problems, Realm, RealmAddress, RoleEntry, Srtp, Tls, TlsVersion, mras,
    reader::{Reader, Section},
    value::{FromToml, Optional, OptionalFile, Ports, SrtpPath},
};
use crate::roles::{Role, Roles};

const CONTROL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7443);
const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// What a text says, as far as it can be made out.
pub(super) struct Read {
    /// With stand-ins for what is wrong.
    pub(super) config: Config,
    pub(super) problems: Vec<Problem>,
    /// Every key that the program knows, with `[]` for indices.
    #[cfg_attr(not(test), expect(dead_code, reason = "the example is held against it"))]
    pub(super) schema: BTreeSet<String>,
}

pub(super) fn read(text: &str) -> Result<Read, Problems> {
    let mut reader = Reader::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.syntax(error);
    }
    // What follows from a broken line would only hide it.
    if !reader.problems.is_empty() {
        return Err(Problems::new(reader.problems));
    }
    let mut root = reader.root(document.get_ref());
    let mut config = Config {
        node: root.section("node", node),
        control: root.section("control", control),
        roles: root.sections("role", role),
        metrics: root.section("metrics", metrics),
        engine: root.section("engine", engine),
        realms: root.sections("realm", realm),
        peer_classes: root.sections("peer_class", mras::peer_class),
        mras: root.section("mras", mras::mras),
        audit: root.section("audit", mras::audit),
        srtp: root.section("srtp", srtp),
        media: root.section("media", media),
        admission: root.section("admission", admission),
        log: root.section("log", log),
        positions: super::Positions::default(),
        warnings: Vec::new(),
    };
    root.finish();
    let Reader { positions, problems, schema, .. } = reader;
    config.positions = positions;
    Ok(Read { config, problems, schema })
}

fn node(section: &mut Section<'_, '_>) -> Node {
    Node {
        name: section.get("name", String::new()),
        max_sessions: section.get("max_sessions", 10_000),
        max_flows: section.get("max_flows", 20_000),
        drain: section.get("drain", false),
        allow_unlocked_keys: section.get("allow_unlocked_keys", false),
        fips: section.get("fips", false),
    }
}

fn control(section: &mut Section<'_, '_>) -> Control {
    Control {
        listen: section.get("listen", CONTROL),
        handshake_timeout: section.get("handshake_timeout", Duration::from_secs(5)),
        max_handshakes: section.get("max_handshakes", 64),
        max_connections: section.get("max_connections", 1024),
        tls: section.section("tls", |tls| Tls {
            certificate: tls.require("certificate", PathBuf::new()),
            key: tls.require("key", PathBuf::new()),
            client_ca: tls.require("client_ca", PathBuf::new()),
            client_crl: tls.get("client_crl", OptionalFile(None)).0,
            minimum_version: tls.get("minimum_version", TlsVersion::Tls12),
        }),
    }
}

fn role(section: &mut Section<'_, '_>) -> RoleEntry {
    RoleEntry {
        identity: section.require("identity", "?".into()),
        roles: section.list::<Role>("roles").into_iter().collect::<Roles>(),
    }
}

fn metrics(section: &mut Section<'_, '_>) -> Metrics {
    Metrics {
        listen: section.get("listen", Optional(Some(METRICS))).0,
        allow_remote: section.get("allow_remote", false),
    }
}

fn engine(section: &mut Section<'_, '_>) -> Engine {
    Engine {
        backend: section.get("backend", Backend::Auto),
        mode: section.get("mode", AttachMode::Auto),
        zero_copy: section.get("zero_copy", true),
        workers: section.get("workers", 1),
        cores: section.list("cores"),
        frames: section.get("frames", 16_384),
        frame_size: section.get("frame_size", 2048),
        receive_ring: section.get("receive_ring", 2048),
        transmit_ring: section.get("transmit_ring", 2048),
        fill_ring: section.get("fill_ring", 4096),
        completion_ring: section.get("completion_ring", 4096),
        transmit_budget: Some(section.get("transmit_budget", 256)).filter(|budget| *budget > 0),
    }
}

fn realm(section: &mut Section<'_, '_>) -> Realm {
    let name = section.require("name", String::new());
    let interface = section.require("interface", String::new());
    let addresses = section.sections("addresses", |address| {
        let Local(local, prefix) = address.require("address", Local(Ipv4Addr::UNSPECIFIED.into(), None));
        RealmAddress {
            address: local,
            prefix,
            advertised: address
                .try_get::<Advertised>("advertised")
                .and_then(|Advertised(advertised)| advertised),
        }
    });
    let Ports(first_port, last_port) = section.get_or("ports", Ports(20_000, 29_999), Ports(0, 0));
    Realm { name, interface, addresses, first_port, last_port }
}

fn srtp(section: &mut Section<'_, '_>) -> Srtp {
    Srtp { path: section.get("path", SrtpPath(None)).0 }
}

fn media(section: &mut Section<'_, '_>) -> Media {
    Media {
        timeout: section.get("timeout", Duration::from_secs(30)),
        rekey_overlap: section.get("rekey_overlap", Duration::from_secs(5)),
        authentication_failure_rate: section.get("authentication_failure_rate", 10),
        max_ssrcs: section.get("max_ssrcs", 256),
        key_expiry_warning: section.get("key_expiry_warning", 4),
    }
}

fn admission(section: &mut Section<'_, '_>) -> Admission {
    Admission {
        enabled: section.get("enabled", true),
        limit: section.get("limit", 0.8),
        packet_cost: section.get("packet_cost", Duration::ZERO),
    }
}

fn log(section: &mut Section<'_, '_>) -> Log {
    Log { level: section.get("level", "info".into()), format: section.get("format", LogFormat::Text) }
}

/// An address with or without a prefix length.
struct Local(IpAddr, Option<u8>);

impl FromToml for Local {
    fn from_toml(value: &DeValue<'_>) -> Result<Local, String> {
        let text = String::from_toml(value)?;
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.as_str(), None),
        };
        let wrong =
            || format!("must be an IP address such as \"192.0.2.1/24\" or \"2001:db8::1\", not {text:?}");
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix =
            prefix.map(|prefix| prefix.parse().ok().filter(|length| *length <= longest).ok_or_else(wrong));
        Ok(Local(address, prefix.transpose()?))
    }
}

/// An address, or an empty text for none.
struct Advertised(Option<IpAddr>);

impl FromToml for Advertised {
    fn from_toml(value: &DeValue<'_>) -> Result<Advertised, String> {
        let text = String::from_toml(value)?;
        if text.is_empty() {
            return Ok(Advertised(None));
        }
        let parsed = text.parse().map(|address| Advertised(Some(address)));
        parsed.map_err(|_| format!("must be an IP address such as \"198.51.100.1\", not {text:?}"))
    }
}
