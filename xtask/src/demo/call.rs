// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two calls: who speaks to whom, under which keys.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde_json::{Value, json};

use crate::failure::{Context, Failure};

/// A suite as RFC 4568, 6188 and 7714 name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    key_length: usize,
    salt_length: usize,
}

pub(super) const AES_CM_128_HMAC_SHA1_80: Suite =
    Suite { name: "AES_CM_128_HMAC_SHA1_80", key_length: 16, salt_length: 14 };
pub(super) const AES_256_CM_HMAC_SHA1_80: Suite =
    Suite { name: "AES_256_CM_HMAC_SHA1_80", key_length: 32, salt_length: 14 };
pub(super) const AEAD_AES_256_GCM: Suite =
    Suite { name: "AEAD_AES_256_GCM", key_length: 32, salt_length: 12 };

/// Master key and master salt, one behind the other.
#[derive(Clone)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn random(suite: Suite) -> Result<Self, Failure> {
        let mut bytes = vec![0; suite.key_length + suite.salt_length];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .context("/dev/urandom")?;
        Ok(Self(bytes))
    }

    pub(super) fn hex(&self) -> String {
        hex(&self.0)
    }

    fn json(&self, suite: Suite) -> Value {
        let (key, salt) = self.0.split_at(suite.key_length);
        json!({"key": hex(key), "salt": hex(salt)})
    }

    fn sdes(&self, suite: Suite) -> String {
        format!("a=crypto:1 {} inline:{}", suite.name, base64(&self.0))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4 {
            let sextet = (bits >> (18 - 6 * index)) & 0x3f;
            let letter = ALPHABET.get(sextet as usize).copied().unwrap_or(b'=');
            text.push(if index <= group.len() { letter.into() } else { '=' });
        }
    }
    text
}

/// The keys of one leg, seen from the endpoint.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) suite: Suite,
    /// The endpoint protects with it.
    pub(super) send: Key,
    /// The endpoint opens with it.
    pub(super) receive: Key,
}

impl Keys {
    pub(super) fn random(suite: Suite) -> Result<Self, Failure> {
        Ok(Self { suite, send: Key::random(suite)?, receive: Key::random(suite)? })
    }

    /// What the relay is told, raw.
    pub(super) fn raw(&self) -> Value {
        let suite = self.suite;
        json!({"srtp": {
            "suite": suite.name,
            "receive": [self.send.json(suite)],
            "send": [self.receive.json(suite)],
        }})
    }

    /// What the relay is told, as the attributes of an SDP offer and answer.
    pub(super) fn sdes(&self) -> Value {
        json!({"sdes": {"receive": self.send.sdes(self.suite), "send": self.receive.sdes(self.suite)}})
    }

    /// What the relay is told when only what the endpoint sends gets a new key.
    pub(super) fn raw_receive_only(&self) -> Value {
        json!({"srtp": {"suite": self.suite.name, "receive": [self.send.json(self.suite)]}})
    }
}

/// One leg as `culvert session create` reads it.
pub(super) fn leg(realm: &str, remote: SocketAddrV4, protection: Value, encryption: &str) -> Value {
    json!({
        "realm": realm,
        "remote": {"rtp": {"address": remote.ip().to_string(), "port": remote.port()}},
        "protection": protection,
        "rtcp_mux": true,
        "encryption": encryption,
    })
}

/// An audio session as `culvert session create` reads it.
pub(super) fn session(id: &str, legs: [Value; 2]) -> Value {
    json!({"session_id": id, "media": [{"kind": "audio", "clock_rate": 8000, "legs": legs}]})
}

/// Where the relay wants a leg's media, from its answer.
pub(super) fn local_rtp(session: &Value, leg: usize) -> Result<SocketAddrV4, Failure> {
    let local = &session["media"][0]["legs"][leg]["local"]["rtp"];
    let address = local["address"].as_str().and_then(|text| text.parse::<Ipv4Addr>().ok());
    let port = local["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    match (address, port) {
        (Some(address), Some(port)) => Ok(SocketAddrV4::new(address, port)),
        _ => Err(Failure::new(format!("the relay named no address for leg {leg}: {session}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648_section_10() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn the_relay_receives_with_what_the_endpoint_sends_with() {
        let keys = Keys::random(AEAD_AES_256_GCM).unwrap();
        let raw = keys.raw();
        let receive = &raw["srtp"]["receive"][0];
        let joined = format!("{}{}", receive["key"].as_str().unwrap(), receive["salt"].as_str().unwrap());
        assert_eq!(joined, keys.send.hex());
        assert_eq!(receive["salt"].as_str().unwrap().len(), 24);
        assert_ne!(keys.send.hex(), keys.receive.hex());
        assert!(keys.sdes()["sdes"]["send"].as_str().unwrap().ends_with(&base64(&keys.receive.0)));
    }

    #[test]
    fn a_leg_without_a_local_address_is_an_error() {
        let session =
            json!({"media": [{"legs": [{"local": {"rtp": {"address": "192.0.2.1", "port": 20000}}}]}]});
        assert_eq!(local_rtp(&session, 0).unwrap(), "192.0.2.1:20000".parse().unwrap());
        assert!(local_rtp(&session, 1).is_err());
    }
}
