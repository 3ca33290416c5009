// SPDX-License-Identifier: MIT OR Apache-2.0
//! Knowing keys again without keeping them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    EncryptionLevel, KeyMaterial, LegRequest, MediaKind, MediaRequest, ProtectionRequest, RemoteRequest,
    SessionRequest, SourceRule, Traffic,
};

/// A keyed digest. Without the process's secret it tells nothing about what it was made of.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub(crate) struct Fingerprint([u8; 16]);

/// Names a master key without telling it: 16 hexadecimal digits, meaningful within one run of one relay.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct KeyId(u64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Fingerprint {
    pub(crate) fn key_id(self) -> KeyId {
        KeyId(self.number())
    }

    fn number(self) -> u64 {
        let Fingerprint([a, b, c, d, e, f, g, h, ..]) = self;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Makes fingerprints: HMAC-SHA-256 under a secret of this process, cut to 128 bits.
pub(crate) struct Fingerprinter(Hmac<Sha256>);

impl Fingerprinter {
    pub(crate) fn new(secret: &[u8; 64]) -> Fingerprinter {
        Fingerprinter(Hmac::new(&(*secret).into()))
    }

    /// Of a master key. The salt is left out: equal keys under other salts are no better.
    pub(crate) fn key(&self, key: &[u8]) -> Fingerprint {
        self.of("key", |digest| digest.bytes(key))
    }

    /// Of all that is said about a master key.
    pub(crate) fn material(&self, material: &KeyMaterial) -> Fingerprint {
        self.of("material", |digest| digest.material(material))
    }

    /// Of a whole request to make a session.
    pub(crate) fn request(&self, request: &SessionRequest) -> Fingerprint {
        self.of("request", |digest| digest.request(request))
    }

    /// A number that depends on a name, and that others cannot tell.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.of("number", |digest| digest.bytes(name.as_bytes())).number()
    }

    fn of(&self, kind: &str, feed: impl FnOnce(&mut Digest)) -> Fingerprint {
        let mut digest = Digest(self.0.clone());
        digest.bytes(kind.as_bytes());
        feed(&mut digest);
        let whole: [u8; 32] = digest.0.finalize().into_bytes().into();
        let mut cut = [0; 16];
        cut.copy_from_slice(&whole[..16]);
        Fingerprint(cut)
    }
}

/// Every field with its length or presence, so that no two requests feed the same bytes.
struct Digest(Hmac<Sha256>);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut feed: impl FnMut(&mut Digest, &T)) {
        self.number(items.len() as u64);
        for item in items {
            feed(self, item);
        }
    }

    fn option<T>(&mut self, item: Option<T>, feed: impl FnOnce(&mut Digest, T)) {
        self.number(item.is_some().into());
        if let Some(item) = item {
            feed(self, item);
        }
    }

    fn request(&mut self, request: &SessionRequest) {
        let SessionRequest { session_id, media, media_timeout } = request;
        self.bytes(session_id.as_bytes());
        self.list(media, Digest::media);
        self.option(*media_timeout, |digest, timeout| digest.0.update(&timeout.as_nanos().to_be_bytes()));
    }

    fn media(&mut self, media: &MediaRequest) {
        let MediaRequest { kind, clock_rate, legs, expected } = media;
        self.option(*kind, |digest, kind: MediaKind| digest.number(kind as u64));
        self.number((*clock_rate).into());
        self.list(legs, Digest::leg);
        self.option(*expected, |digest, Traffic { packets_per_second, payload_bytes }| {
            digest.number(packets_per_second.into());
            digest.number(payload_bytes.into());
        });
    }

    fn leg(&mut self, leg: &LegRequest) {
        let LegRequest {
            realm,
            remote,
            protection,
            rtcp_mux,
            encryption,
            peer_class,
            peer_offers_srtp,
            source,
            dscp,
            ipv6,
            max_ssrcs,
        } = leg;
        self.bytes(realm.as_bytes());
        self.option(remote.as_ref(), Digest::remote);
        self.protection(protection);
        self.number((*rtcp_mux).into());
        self.option(*encryption, |digest, level: EncryptionLevel| digest.number(level as u64));
        self.bytes(peer_class.as_bytes());
        self.option(*peer_offers_srtp, |digest, offers: bool| digest.number(offers.into()));
        self.option(*source, |digest, source: SourceRule| digest.number(source as u64));
        self.option(*dscp, |digest, dscp| digest.number(dscp.into()));
        self.number((*ipv6).into());
        self.number((*max_ssrcs).into());
    }

    fn remote(&mut self, remote: &RemoteRequest) {
        for endpoint in [&remote.rtp, &remote.rtcp] {
            self.option(endpoint.as_ref(), |digest, endpoint| {
                digest.bytes(endpoint.address.as_bytes());
                digest.number(endpoint.port.into());
            });
        }
    }

    fn protection(&mut self, protection: &ProtectionRequest) {
        match protection {
            ProtectionRequest::Unset => self.number(0),
            ProtectionRequest::Plain => self.number(1),
            ProtectionRequest::Srtp(keys) => {
                self.number(2);
                self.bytes(keys.suite.as_bytes());
                self.list(&keys.receive, Digest::material);
                self.list(&keys.send, Digest::material);
            }
            ProtectionRequest::Sdes { receive, send } => {
                self.number(3);
                self.bytes(receive.as_bytes());
                self.bytes(send.as_bytes());
            }
        }
    }

    fn material(&mut self, material: &KeyMaterial) {
        self.bytes(&material.key);
        self.bytes(&material.salt);
        self.bytes(&material.mki);
        self.number(material.lifetime);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_the_secret_and_on_the_purpose() {
        let (one, other) = (Fingerprinter::new(&[1; 64]), Fingerprinter::new(&[2; 64]));
        assert_eq!(one.key(&[7; 16]), one.key(&[7; 16]));
        assert_ne!(one.key(&[7; 16]), other.key(&[7; 16]));
        assert_ne!(one.key(&[7; 16]), one.key(&[7; 15]));
        let material = KeyMaterial { key: vec![7; 16].into(), ..KeyMaterial::default() };
        assert_ne!(one.key(&[7; 16]), one.material(&material));
        let longer = KeyMaterial { lifetime: 1, ..material.clone() };
        assert_ne!(one.material(&longer), one.material(&material));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let prints = Fingerprinter::new(&[1; 64]);
        let of = |key: &[u8], salt: &[u8]| {
            prints.material(&KeyMaterial {
                key: key.to_vec().into(),
                salt: salt.to_vec().into(),
                ..KeyMaterial::default()
            })
        };
        assert_ne!(of(&[1, 2], &[3]), of(&[1], &[2, 3]));
    }
}
