// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects each link of a relay.

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::Table;
use culvert_api::v1;
use serde::Serialize;

use super::model::{Authority, Endpoint, encryption, given, media_kind, time};
use super::table::{new, print};
use super::text::{bytes, or_dash, printable};

const PLAIN: &str = "nothing: plain RTP";
const NO_KEYS: &str = "no keys: no packet passes";
const NULL_CIPHER: &str = "no encryption: SRTP ";

/// `protection`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Protection {
    control: Vec<ControlLink>,
    media: Vec<MediaLink>,
    audit_head: Option<String>,
}

#[derive(Debug, Serialize)]
struct ControlLink {
    service: String,
    local_identity: String,
    peer_identity: String,
    peer: Option<Endpoint>,
    tls_version: String,
    cipher_suite: String,
    key_exchange: String,
    since: Option<String>,
}

#[derive(Debug, Serialize)]
struct MediaLink {
    session_id: String,
    media: u32,
    leg: u32,
    kind: &'static str,
    realm: String,
    peer_class: Option<String>,
    encryption: &'static str,
    /// "plain", the suite's name, or "" when not yet known.
    protection: String,
    receive: Direction,
    send: Direction,
    authority: Option<Authority>,
}

#[derive(Debug, Serialize)]
struct Direction {
    /// Null: plain, or no key yet.
    key_id: Option<String>,
    key_age_seconds: Option<f64>,
    packets_since_rekey: u64,
    plain_bytes: u64,
    /// Only of what came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_failures: Option<u64>,
}

impl Protection {
    /// Adds a page of the answer.
    pub(crate) fn extend(&mut self, page: v1::GetProtectionResponse) {
        self.control.extend(page.control.into_iter().map(ControlLink::from));
        self.media.extend(page.media.into_iter().map(MediaLink::from));
        // The last page's: the trail may have grown since the first.
        self.audit_head = given(page.audit_head);
    }

    /// `colour`: what is not encrypted is bold and red.
    pub(crate) fn text(&self, out: &mut impl Write, colour: bool) -> io::Result<()> {
        if !self.control.is_empty() {
            print(out, &control(&self.control))?;
            writeln!(out)?;
        }
        if !self.media.is_empty() {
            for line in media(&self.media).lines() {
                let line = line.trim_end();
                if colour { writeln!(out, "{}", highlight(line)) } else { writeln!(out, "{line}") }?;
            }
            writeln!(out)?;
        }
        let clear = self.media.iter().filter(|link| link.is_clear()).count();
        writeln!(out, "not encrypted: {clear} of {} legs", self.media.len())?;
        match &self.audit_head {
            Some(head) => writeln!(out, "audit head {}", printable(head)),
            None => writeln!(out, "audit head -"),
        }
    }
}

impl From<v1::ControlLink> for ControlLink {
    fn from(link: v1::ControlLink) -> Self {
        Self {
            service: link.service,
            local_identity: link.local_identity,
            peer_identity: link.peer_identity,
            peer: link.peer.map(Into::into),
            tls_version: link.tls_version,
            cipher_suite: link.cipher_suite,
            key_exchange: link.key_exchange,
            since: time(link.since),
        }
    }
}

impl From<v1::MediaLink> for MediaLink {
    fn from(link: v1::MediaLink) -> Self {
        let (kind, level) = (media_kind(link.kind()), encryption(link.encryption()));
        let receive = link.receive.unwrap_or_default();
        let failures = receive.authentication_failures;
        Self {
            kind,
            encryption: level,
            session_id: link.session_id,
            media: link.media,
            leg: link.leg,
            realm: link.realm,
            peer_class: given(link.peer_class),
            protection: link.protection,
            receive: Direction { authentication_failures: Some(failures), ..receive.into() },
            send: link.send.unwrap_or_default().into(),
            authority: link.authority.map(Into::into),
        }
    }
}

impl From<v1::LinkDirection> for Direction {
    fn from(direction: v1::LinkDirection) -> Self {
        let age = direction.key_age.and_then(|age| Duration::try_from(age).ok());
        Self {
            key_id: given(direction.key_id),
            key_age_seconds: age.map(|age| age.as_secs_f64()),
            packets_since_rekey: direction.packets_since_rekey,
            plain_bytes: direction.plain_bytes,
            authentication_failures: None,
        }
    }
}

impl MediaLink {
    fn is_clear(&self) -> bool {
        self.protection == "plain" || self.protection.starts_with("NULL_")
    }

    fn traffic_type(&self) -> String {
        let Self { kind, session_id, media, leg, realm, .. } = self;
        // Most sessions have one medium, and their lines are long enough.
        let media = if *media == 0 { String::new() } else { format!(", media {media}") };
        printable(&format!("{kind}, session {session_id}{media}, leg {leg} ({realm})"))
    }

    fn protected_by(&self) -> String {
        match self.protection.as_str() {
            "plain" => PLAIN.to_owned(),
            "" => NO_KEYS.to_owned(),
            // Its credential has ended, or none was given yet.
            _ if self.receive.key_id.is_none() && self.send.key_id.is_none() => NO_KEYS.to_owned(),
            suite if suite.starts_with("NULL_") => format!("{NULL_CIPHER}{}", printable(suite)),
            suite => format!("SRTP {}", printable(suite)),
        }
    }

    fn level(&self) -> String {
        match &self.peer_class {
            Some(class) => format!("{}\nclass {}", self.encryption, printable(class)),
            None => self.encryption.to_owned(),
        }
    }

    /// One line for what comes in, one for what goes out.
    fn directions(&self, cell: impl Fn(&Direction) -> String) -> String {
        format!("{}\n{}", cell(&self.receive), cell(&self.send))
    }
}

impl Direction {
    fn age(&self) -> String {
        match self.key_age_seconds {
            Some(seconds) => humantime::format_duration(Duration::from_secs(seconds as u64)).to_string(),
            None => "-".to_owned(),
        }
    }
}

fn control(links: &[ControlLink]) -> Table {
    let mut table = new(&["traffic type", "protected by", "from", "since"], &[]);
    for link in links {
        let protected_by = format!(
            "{}, {}, {}; {} (us) <-> {} (them)",
            link.tls_version, link.cipher_suite, link.key_exchange, link.local_identity, link.peer_identity
        );
        table.add_row([
            printable(&format!("control ({})", link.service)),
            printable(&protected_by),
            or_dash(link.peer.as_ref()),
            or_dash(link.since.as_ref()),
        ]);
    }
    table
}

fn media(links: &[MediaLink]) -> Table {
    let head = [
        "traffic type",
        "protected by",
        "level",
        "way",
        "key",
        "key age",
        "since re-key",
        "plain bytes",
        "failed",
        "issued to",
    ];
    let mut table = new(&head, &[6, 7, 8]);
    for link in links {
        table.add_row([
            link.traffic_type(),
            link.protected_by(),
            link.level(),
            "in\nout".to_owned(),
            link.directions(|direction| or_dash(direction.key_id.as_ref())),
            link.directions(Direction::age),
            link.directions(|direction| direction.packets_since_rekey.to_string()),
            link.directions(|direction| bytes(direction.plain_bytes)),
            link.directions(|direction| or_dash(direction.authentication_failures.as_ref())),
            link.authority.as_ref().map_or_else(|| "-".to_owned(), issued_to),
        ]);
    }
    table
}

fn issued_to(authority: &Authority) -> String {
    let who = authority.identity.as_ref().unwrap_or(&authority.credential_id);
    let until = match (&authority.expiry, authority.state) {
        (Some(expiry), "valid") => format!("valid until {expiry}"),
        (_, state) => state.to_owned(),
    };
    format!("{}\n{until}", printable(who))
}

/// After the table is laid out: the codes have no width.
fn highlight(line: &str) -> String {
    let mark = |line: String, clear| line.replacen(clear, &format!("\x1b[1;31m{clear}\x1b[0m"), 1);
    mark(mark(line.to_owned(), PLAIN), NULL_CIPHER)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::fixture;

    fn text(protection: &Protection, colour: bool) -> String {
        let mut out = Vec::new();
        protection.text(&mut out, colour).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn fixture() -> Protection {
        let mut protection = Protection::default();
        fixture::protection().into_iter().for_each(|page| protection.extend(page));
        protection
    }

    #[test]
    fn each_link_is_a_row_and_each_direction_a_line() {
        let expected = "\
TRAFFIC TYPE    PROTECTED BY                                                                                        FROM                 SINCE
control (grpc)  TLSv1.3, TLS_AES_256_GCM_SHA384, x25519; relay.culvert.test (us) <-> front-end.culvert.test (them)  [2001:db8::9]:51000  2023-11-14T22:13:20.000Z

TRAFFIC TYPE                                     PROTECTED BY                           LEVEL          WAY  KEY               KEY AGE    SINCE RE-KEY  PLAIN BYTES  FAILED  ISSUED TO
audio, session call-7, leg 0 (outside)           SRTP AES_CM_128_HMAC_SHA1_80           required       in   a1a1a1a1a1a1a1a1  1m 5s               250          0 B       2  sip:alice@example.org
                                                                                                       out  b2b2b2b2b2b2b2b2  5s                   90          0 B       -  valid until 2023-11-15T06:13:20.000Z
audio, session call-7, leg 1 (inside)            nothing: plain RTP                     not_supported  in   -                 -                     0      5.0 KiB       0  -
                                                                                        class gateway  out  -                 -                     0     42.0 KiB       -
video, session call-8, media 1, leg 0 (outside)  no keys: no packet passes              required       in   -                 -                     0          0 B       0  c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0
                                                                                                       out  -                 -                     0          0 B       -  revoked
video, session call-8, media 1, leg 1 (inside)   no encryption: SRTP NULL_HMAC_SHA1_80  supported      in   c3c3c3c3c3c3c3c3  1h 1m 40s            20      2.0 KiB       0  -
                                                                                                       out  d4d4d4d4d4d4d4d4  1h 1m 40s             0          0 B       -

not encrypted: 2 of 4 legs
audit head 17:abababababababababababababababababababababababababababababababab
";
        assert_eq!(text(&fixture(), false), expected);
    }

    #[test]
    fn what_is_not_encrypted_is_red_on_a_terminal() {
        let (plain, coloured) = (text(&fixture(), false), text(&fixture(), true));
        assert_eq!(coloured.replace("\x1b[1;31m", "").replace("\x1b[0m", ""), plain);
        assert_eq!(coloured.matches("\x1b[1;31mnothing: plain RTP\x1b[0m").count(), 1);
        assert_eq!(coloured.matches("\x1b[1;31mno encryption: SRTP \x1b[0mNULL_HMAC_SHA1_80").count(), 1);
        assert_eq!(coloured.matches('\x1b').count(), 4);
    }

    #[test]
    fn a_relay_without_sessions_says_so() {
        assert_eq!(text(&Protection::default(), true), "not encrypted: 0 of 0 legs\naudit head -\n");
    }

    #[test]
    fn a_leg_that_was_never_keyed_is_not_called_protected() {
        let mut protection = fixture();
        protection.media[2].protection = String::new();
        assert_eq!(text(&protection, false), text(&fixture(), false));
        // With a key for one direction, its suite is told.
        protection.media[0].send.key_id = None;
        assert!(text(&protection, false).contains("(outside)           SRTP AES_CM_128_HMAC_SHA1_80"));
    }

    #[test]
    fn nothing_of_a_link_steers_the_terminal() {
        let mut protection = fixture();
        protection.control[0].peer_identity = "evil\x1b[2Jname".to_owned();
        protection.media[0].authority.as_mut().unwrap().identity = Some("a\rb".to_owned());
        let text = text(&protection, false);
        assert!(text.contains("evil\u{fffd}[2Jname (them)") && text.contains("a\u{fffd}b"), "{text}");
        assert!(!text.contains(['\x1b', '\r']));
    }

    #[test]
    fn every_field_of_the_answer_is_there_under_its_name() {
        let value = serde_json::to_value(fixture()).unwrap();
        let control = json!([{
            "service": "grpc", "local_identity": "relay.culvert.test", "peer_identity": "front-end.culvert.test",
            "peer": {"address": "2001:db8::9", "port": 51000}, "tls_version": "TLSv1.3",
            "cipher_suite": "TLS_AES_256_GCM_SHA384", "key_exchange": "x25519", "since": "2023-11-14T22:13:20.000Z",
        }]);
        assert_eq!(value["control"], control);
        assert_eq!(value["audit_head"], format!("17:{}", "ab".repeat(32)));
        assert_eq!(value["media"].as_array().unwrap().len(), 4);
        let outside = json!({
            "session_id": "call-7", "media": 0, "leg": 0, "kind": "audio", "realm": "outside", "peer_class": null,
            "encryption": "required", "protection": "AES_CM_128_HMAC_SHA1_80",
            "receive": {
                "key_id": "a1a1a1a1a1a1a1a1", "key_age_seconds": 65.5, "packets_since_rekey": 250, "plain_bytes": 0,
                "authentication_failures": 2,
            },
            "send": {
                "key_id": "b2b2b2b2b2b2b2b2", "key_age_seconds": 5.0, "packets_since_rekey": 90, "plain_bytes": 0,
            },
            "authority": {
                "credential_id": "c0".repeat(16), "identity": "sip:alice@example.org",
                "expiry": "2023-11-15T06:13:20.000Z", "state": "valid",
            },
        });
        assert_eq!(value["media"][0], outside);
        let inside = json!({
            "session_id": "call-7", "media": 0, "leg": 1, "kind": "audio", "realm": "inside", "peer_class": "gateway",
            "encryption": "not_supported", "protection": "plain",
            "receive": {
                "key_id": null, "key_age_seconds": null, "packets_since_rekey": 0, "plain_bytes": 5120,
                "authentication_failures": 0,
            },
            "send": {"key_id": null, "key_age_seconds": null, "packets_since_rekey": 0, "plain_bytes": 43000},
            "authority": null,
        });
        assert_eq!(value["media"][1], inside);
    }
}
