// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[peer_class]]`, `[mras]` and `[audit]`.

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use culvert_session::EncryptionLevel;
use toml::de::DeValue;

use super::{
    Config, Problem,
    reader::Section,
    value::{FromToml, Optional, OptionalFile, choice},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that a credential may be good for ([MS-AVEDGEA] 3.1.4.1: 180 days).
const LONGEST: Duration = Duration::from_secs(180 * DAY.as_secs());

/// `[[peer_class]]`: a kind of peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerClass {
    /// As legs name it.
    pub name: String,
    /// What such peers can do, and what is demanded of them.
    pub encryption: EncryptionLevel,
    /// Their control channel is mutual TLS.
    pub certificate: bool,
}

/// `[mras]`: the media relay authentication service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mras {
    /// Signing keys; `None`: the service is off.
    pub key_file: Option<PathBuf>,
    /// What was revoked; `None`: beside the key file.
    pub revocation_file: Option<PathBuf>,
    /// Shared with TURN servers of other makes; `None`: derived from the signing keys.
    pub turn_rest_secret_file: Option<PathBuf>,
    /// The realm of credentials.
    pub realm: String,
    /// Of credentials for which none is asked.
    pub default_duration: Duration,
    /// Longer ones are shortened to it.
    pub maximum_duration: Duration,
    /// What a credential's end means for a call that goes on.
    pub on_expiry: OnExpiry,
    /// How long after it.
    pub expiry_grace: Duration,
    /// Packets that a master key may protect; 0: the suite's limit.
    pub key_lifetime: u32,
    /// `[mras.quota]`
    pub quota: Quota,
    /// `[[mras.relay]]`
    pub relays: Vec<MediaRelay>,
    /// Where SIP SERVICE is spoken (`[mras.sip]`); `None`: nowhere.
    pub sip: Option<SocketAddr>,
}

/// What happens to media when a credential expires in mid-call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExpiry {
    /// The legs lose their keys.
    Stop,
    /// The call goes on as it is, without new keys.
    Finish,
}

/// `[mras.quota]`; 0 is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Credentials a minute for one front end.
    pub front_end_credentials: u32,
    /// Credentials a minute for one identity.
    pub identity_credentials: u32,
    /// Sessions that one front end has keyed.
    pub front_end_sessions: u32,
    /// Sessions keyed for one identity.
    pub identity_sessions: u32,
    /// Sum of the bounds of what one front end has keyed, kbit/s.
    pub front_end_bandwidth: u32,
    /// Sum of the bounds of what is keyed for one identity, kbit/s.
    pub identity_bandwidth: u32,
}

/// `[[mras.relay]]`: a relay that credentials name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRelay {
    /// Its host name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// On the internet rather than the intranet.
    pub internet: bool,
    /// UDP port.
    pub udp_port: u16,
    /// TCP port.
    pub tcp_port: u16,
}

/// `[audit]`: receipts of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Where they are written; `None`: nowhere.
    pub file: Option<PathBuf>,
    /// MiB after which a new file is begun.
    pub rotate_at: u32,
}

pub(super) fn peer_class(section: &mut Section<'_, '_>) -> PeerClass {
    PeerClass {
        name: section.require("name", String::new()),
        encryption: section.require("encryption", EncryptionLevel::NotSupported),
        certificate: section.require("certificate", false),
    }
}

pub(super) fn mras(section: &mut Section<'_, '_>) -> Mras {
    Mras {
        key_file: section.get("key_file", OptionalFile(None)).0,
        revocation_file: section.get("revocation_file", OptionalFile(None)).0,
        turn_rest_secret_file: section.get("turn_rest_secret_file", OptionalFile(None)).0,
        realm: section.get("realm", "culvert".to_owned()),
        default_duration: section.get("default_duration", 8 * 60 * MINUTE),
        maximum_duration: section.get("maximum_duration", 8 * 60 * MINUTE),
        on_expiry: section.get("on_expiry", OnExpiry::Stop),
        expiry_grace: section.get("expiry_grace", Duration::ZERO),
        key_lifetime: section.get("key_lifetime", 0),
        quota: section.section("quota", quota),
        relays: section.sections("relay", relay),
        sip: section.section("sip", |sip| sip.get("listen", Optional(None)).0),
    }
}

fn quota(section: &mut Section<'_, '_>) -> Quota {
    Quota {
        front_end_credentials: section.get("front_end_credentials", 60_000),
        identity_credentials: section.get("identity_credentials", 60),
        front_end_sessions: section.get("front_end_sessions", 0),
        identity_sessions: section.get("identity_sessions", 100),
        front_end_bandwidth: section.get("front_end_bandwidth", 0),
        identity_bandwidth: section.get("identity_bandwidth", 0),
    }
}

fn relay(section: &mut Section<'_, '_>) -> MediaRelay {
    MediaRelay {
        name: section.require("name", String::new()),
        address: section.require("address", Address(Ipv4Addr::UNSPECIFIED.into())).0,
        internet: section.get("location", Place(true)).0,
        udp_port: section.get("udp_port", 3478),
        tcp_port: section.get("tcp_port", 443),
    }
}

pub(super) fn audit(section: &mut Section<'_, '_>) -> Audit {
    Audit { file: section.get("file", OptionalFile(None)).0, rotate_at: section.get("rotate_at", 64) }
}

pub(super) fn validate(config: &Config, problems: &mut Vec<Problem>) {
    let positions = &config.positions;
    for (index, class) in config.peer_classes.iter().enumerate() {
        let key = |part: &str| format!("peer_class[{index}].{part}");
        if class.name.is_empty() {
            problems.push(positions.error(key("name"), "must not be empty"));
        } else if config.peer_classes.iter().take(index).any(|earlier| earlier.name == class.name) {
            problems
                .push(positions.error(key("name"), format!("{:?} is there twice; rename one", class.name)));
        }
        if class.encryption == EncryptionLevel::Required && !class.certificate {
            let message = "is required, but without a certificate keys would travel on a clear control channel; set \
                           certificate = true, or encryption to \"supported\" or \"not_supported\"";
            problems.push(positions.error(key("encryption"), message));
        }
    }
    let mras = &config.mras;
    for (key, duration) in
        [("mras.default_duration", mras.default_duration), ("mras.maximum_duration", mras.maximum_duration)]
    {
        if !(MINUTE..=LONGEST).contains(&duration) {
            problems.push(positions.error(key, "must be from 1 minute to 180 days"));
        }
    }
    if mras.realm.is_empty()
        || mras.realm.len() > 127
        || !mras.realm.bytes().all(|b| (0x20..0x7f).contains(&b))
    {
        problems.push(positions.error("mras.realm", "must have 1 to 127 printable characters"));
    }
    if mras.sip.is_some() && mras.key_file.is_none() {
        problems.push(positions.error("mras.sip.listen", "needs mras.key_file: without it MRAS is off"));
    }
    if mras.sip.is_some() && config.node.fips {
        let message = "front ends ask for credentials by SIP that are used through a STUN key made by MD5, which node.fips = \
                       true does not allow; leave it out, and have them ask over gRPC for Culvert's own";
        problems.push(positions.error("mras.sip.listen", message));
    }
    for (index, relay) in mras.relays.iter().enumerate() {
        if relay.name.is_empty() {
            problems.push(positions.error(format!("mras.relay[{index}].name"), "must not be empty"));
        }
        for (key, port) in [("udp_port", relay.udp_port), ("tcp_port", relay.tcp_port)] {
            if port == 0 {
                problems.push(positions.error(format!("mras.relay[{index}].{key}"), "must not be 0"));
            }
        }
    }
    if config.audit.rotate_at == 0 {
        problems.push(positions.error("audit.rotate_at", "must not be 0"));
    }
}

impl FromToml for EncryptionLevel {
    fn from_toml(value: &DeValue<'_>) -> Result<EncryptionLevel, String> {
        let choices = [
            ("required", EncryptionLevel::Required),
            ("supported", EncryptionLevel::Supported),
            ("not_supported", EncryptionLevel::NotSupported),
        ];
        choice(value, &choices)
    }
}

impl FromToml for OnExpiry {
    fn from_toml(value: &DeValue<'_>) -> Result<OnExpiry, String> {
        choice(value, &[("stop", OnExpiry::Stop), ("finish", OnExpiry::Finish)])
    }
}

/// Whether on the internet.
struct Place(bool);

impl FromToml for Place {
    fn from_toml(value: &DeValue<'_>) -> Result<Place, String> {
        choice(value, &[("internet", true), ("intranet", false)]).map(Place)
    }
}

/// An IP address.
struct Address(IpAddr);

impl FromToml for Address {
    fn from_toml(value: &DeValue<'_>) -> Result<Address, String> {
        let text = String::from_toml(value)?;
        let parsed = text.parse().map(Address);
        parsed.map_err(|_| format!("must be an IP address such as \"198.51.100.1\", not {text:?}"))
    }
}
