// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests with everything that a test does not care about filled in.

use culvert_api::v1::{self, protection::Kind};
use culvert_mras::container::{KeyAndSalt, MediaKeys};
use culvert_secret::Secret;
use culvert_srtp::{KeySet, MasterKey, Mki, Suite};

/// One master key; the same number makes the same key.
#[derive(Clone, Debug)]
pub struct Key {
    pub suite: Suite,
    pub mki: Vec<u8>,
    key: Vec<u8>,
    salt: Vec<u8>,
}

impl Key {
    pub fn new(suite: Suite, number: u8) -> Key {
        let bytes =
            |length: usize, step: u8| (0..length).map(|i| (i as u8).wrapping_mul(step) ^ number).collect();
        Key {
            suite,
            mki: Vec::new(),
            key: bytes(suite.key_length(), 7),
            salt: bytes(suite.salt_length(), 11),
        }
    }

    /// A key that nothing else has.
    pub fn random(suite: Suite) -> Key {
        use std::io::Read as _;
        let mut source = std::fs::File::open("/dev/urandom").unwrap();
        let mut bytes = |length| {
            let mut bytes = vec![0; length];
            source.read_exact(&mut bytes).unwrap();
            bytes
        };
        Key { suite, mki: Vec::new(), key: bytes(suite.key_length()), salt: bytes(suite.salt_length()) }
    }

    /// One that somebody else has made.
    pub fn given(keys: &KeyAndSalt) -> Key {
        let (key, salt) = (keys.key().to_vec(), keys.salt().to_vec());
        Key { suite: keys.suite(), mki: Vec::new(), key, salt }
    }

    /// The master key and its salt.
    pub fn secrets(&self) -> (&[u8], &[u8]) {
        (&self.key, &self.salt)
    }

    pub fn with_mki(mut self, mki: &[u8]) -> Key {
        self.mki = mki.to_vec();
        self
    }

    pub fn message(&self) -> v1::MasterKey {
        v1::MasterKey { key: self.key.clone(), salt: self.salt.clone(), mki: self.mki.clone(), lifetime: 0 }
    }

    pub fn set(&self) -> Secret<KeySet> {
        let mut key = MasterKey::new(self.suite, &self.key, &self.salt).unwrap();
        if !self.mki.is_empty() {
            key = key.with_mki(Mki::new(&self.mki).unwrap());
        }
        KeySet::new(self.suite, &[key]).unwrap()
    }

    /// As an attribute of RFC 4568.
    pub fn sdes(&self, tag: u32) -> String {
        let both = base64(&[self.key.as_slice(), self.salt.as_slice()].concat());
        let mki = match self.mki.as_slice() {
            [] => String::new(),
            mki => format!(
                "|{}:{}",
                mki.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)),
                mki.len()
            ),
        };
        format!("a=crypto:{tag} {} inline:{both}|2^31{mki}", self.suite.name())
    }
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        (0..4).map(move |i| match i <= chunk.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]),
            false => '=',
        })
    });
    digits.collect()
}

/// Keys of a leg: those of its endpoint, and those of the relay.
#[derive(Clone, Debug)]
pub struct Pair {
    pub endpoint: Key,
    pub relay: Key,
}

impl Pair {
    /// Takes the key numbers `number` and `number + 1`.
    pub fn new(suite: Suite, number: u8) -> Pair {
        Pair { endpoint: Key::new(suite, number), relay: Key::new(suite, number + 1) }
    }

    /// Those of a container.
    pub fn given(keys: &MediaKeys) -> Pair {
        Pair { endpoint: Key::given(&keys.send), relay: Key::given(&keys.receive) }
    }

    pub fn with_mki(self, mki: &[u8]) -> Pair {
        Pair { endpoint: self.endpoint.with_mki(mki), relay: self.relay.with_mki(mki) }
    }

    pub fn raw(&self) -> v1::Protection {
        let kind = Kind::Srtp(v1::SrtpKeys {
            suite: self.endpoint.suite.name().into(),
            receive: vec![self.endpoint.message()],
            send: vec![self.relay.message()],
        });
        v1::Protection { kind: Some(kind) }
    }

    pub fn sdes(&self) -> v1::Protection {
        let kind = Kind::Sdes(v1::Sdes { receive: self.endpoint.sdes(1), send: self.relay.sdes(1) });
        v1::Protection { kind: Some(kind) }
    }
}

pub fn plain() -> v1::Protection {
    v1::Protection { kind: Some(Kind::Plain(v1::Plain {})) }
}

pub fn endpoint(address: std::net::SocketAddr) -> v1::Endpoint {
    v1::Endpoint { address: address.ip().to_string(), port: address.port().into() }
}

/// A multiplexed leg.
pub fn leg(realm: &str, remote: Option<v1::Remote>, protection: v1::Protection) -> v1::Leg {
    v1::Leg {
        realm: realm.into(),
        remote,
        protection: Some(protection),
        rtcp_mux: true,
        encryption: v1::EncryptionLevel::Supported.into(),
        ..Default::default()
    }
}

pub fn session(id: &str, legs: [v1::Leg; 2]) -> v1::CreateSessionRequest {
    let media =
        v1::Media { kind: v1::MediaKind::Audio.into(), clock_rate: 0, legs: legs.into(), expected: None };
    v1::CreateSessionRequest { session_id: id.into(), media: vec![media], media_timeout: None }
}

pub fn update(id: &str, leg: v1::LegUpdate) -> v1::UpdateSessionRequest {
    v1::UpdateSessionRequest { session_id: id.into(), legs: vec![leg] }
}
