// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register of authenticated connections: who speaks with the relay now, and what protects it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::Counter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use rustls::{
    NamedGroup, ProtocolVersion, ServerConnection,
    pki_types::{CertificateDer, UnixTime},
};
use tracing::warn;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Identity, Refusal, closer::Closer, identity::serial, verifier::ClientVerifier};
use crate::roles::Roles;

/// One authenticated connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is spoken, such as "grpc": [`Service::name`](super::Service).
    pub service: &'static str,
    /// Who the client is.
    pub peer: Identity,
    /// What it may do.
    pub roles: Roles,
    /// From where it has connected.
    pub address: SocketAddr,
    /// The serial number of its certificate, as `openssl x509 -serial` shows it.
    pub serial: String,
    /// The relay's name in the certificate that it showed.
    pub local: Arc<str>,
    /// "TLSv1.2" or "TLSv1.3".
    pub version: &'static str,
    /// The cipher suite by its IANA name, such as "TLS_AES_256_GCM_SHA384".
    pub suite: String,
    /// The key exchange group by its IANA name, such as "x25519".
    pub group: String,
    /// When the handshake was done.
    pub since: SystemTime,
}

/// All authenticated connections, of all listeners. Clones share it.
#[derive(Debug, Clone)]
pub struct LinkRegister(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    live: Mutex<Live>,
    withdrawn: Counter,
}

#[derive(Debug, Default)]
struct Live {
    next: u64,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    link: Link,
    chain: Arc<[CertificateDer<'static>]>,
    closer: Arc<Closer>,
}

/// Takes its connection out of the register when dropped.
#[derive(Debug)]
pub(super) struct Registration {
    register: LinkRegister,
    id: u64,
    pub(super) closer: Arc<Closer>,
}

impl LinkRegister {
    /// For so many connections.
    pub fn new(most: usize) -> LinkRegister {
        LinkRegister(Arc::new(Inner { most, live: Mutex::default(), withdrawn: Counter::default() }))
    }

    /// Each of them, oldest first.
    pub fn links(&self) -> Vec<Link> {
        self.live().entries.values().map(|entry| entry.link.clone()).collect()
    }

    /// Shows `control_connections{service="..."}` and `control_connections_withdrawn_total`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
        let withdrawn = "Control connections closed because their client's certificate is no longer accepted";
        registry.register("control_connections_withdrawn", withdrawn, self.0.withdrawn.clone());
    }

    /// `None`: there are as many as there may be.
    pub(super) fn enter(&self, link: Link, chain: &[CertificateDer<'static>]) -> Option<Registration> {
        let mut live = self.live();
        if live.entries.len() >= self.0.most {
            return None;
        }
        let (id, closer) = (live.next, Arc::<Closer>::default());
        live.next += 1;
        live.entries.insert(id, Entry { link, chain: chain.into(), closer: Arc::clone(&closer) });
        Some(Registration { register: self.clone(), id, closer })
    }

    /// Closes the connections of clients that `verifier` would not have accepted. Returns how many.
    pub(super) fn withdraw(&self, verifier: &ClientVerifier) -> usize {
        let chain = |(id, entry): (&u64, &Entry)| (*id, Arc::clone(&entry.chain), entry.link.since);
        let chains: Vec<_> = self.live().entries.iter().map(chain).collect();
        let refused = chains.into_iter().filter_map(|(id, chain, since)| {
            verifier.judge_again(&chain, unix(since)).err().map(|refusal| (id, refusal))
        });
        refused.filter(|(id, refusal)| self.close(*id, *refusal)).count()
    }

    fn close(&self, id: u64, refusal: Refusal) -> bool {
        let Some(entry) = self.live().entries.remove(&id) else { return false };
        entry.closer.close();
        self.0.withdrawn.inc();
        let Link { peer, serial, service, .. } = &entry.link;
        let reason = refusal.name();
        warn!(identity = %peer, serial, service, reason, "control connection closed: its certificate is no longer accepted");
        true
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    /// As [`LinkRegister::withdraw`] for this connection alone.
    pub(super) fn judge_again(&self, verifier: &ClientVerifier) -> Result<(), Refusal> {
        let live = self.register.live();
        let entry = live.entries.get(&self.id).map(|entry| (Arc::clone(&entry.chain), entry.link.since));
        drop(live);
        // It has been closed already when it is not there any more.
        let (chain, since) = entry.ok_or(Refusal::Revoked)?;
        verifier.judge_again(&chain, unix(since))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.register.live().entries.remove(&self.id);
    }
}

impl Collector for LinkRegister {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut counts = BTreeMap::<_, u64>::new();
        for entry in self.live().entries.values() {
            *counts.entry(entry.link.service).or_default() += 1;
        }
        let gauge = ConstGauge::new(0u64);
        let mut family = encoder.encode_descriptor(
            "control_connections",
            "Authenticated control connections now, by what they speak",
            None::<&Unit>,
            gauge.metric_type(),
        )?;
        for (service, count) in counts {
            ConstGauge::new(count).encode(family.encode_family(&[("service", service)])?)?;
        }
        Ok(())
    }
}

impl Link {
    /// What a finished handshake says of itself.
    pub(super) fn new(
        service: &'static str,
        (peer, roles): (Identity, Roles),
        address: SocketAddr,
        local: Arc<str>,
        connection: &ServerConnection,
    ) -> Link {
        let certificate = connection.peer_certificates().and_then(<[_]>::first);
        let parsed = certificate.and_then(|certificate| X509Certificate::from_der(certificate).ok());
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        Link {
            service,
            peer,
            roles,
            address,
            serial: parsed.map(|(_, parsed)| serial(&parsed)).unwrap_or_default(),
            local,
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            // rustls marks suites of TLS 1.3, whose registered names do not.
            suite: suite.map(|suite| format!("{suite:?}").replacen("TLS13_", "TLS_", 1)).unwrap_or_default(),
            group: connection
                .negotiated_key_exchange_group()
                .map(|group| name(group.name()))
                .unwrap_or_default(),
            since: SystemTime::now(),
        }
    }
}

/// As in the TLS Supported Groups registry.
fn name(group: NamedGroup) -> String {
    match group {
        NamedGroup::X25519 => "x25519".into(),
        NamedGroup::X448 => "x448".into(),
        NamedGroup::secp256r1MLKEM768 => "SecP256r1MLKEM768".into(),
        other => format!("{other:?}"),
    }
}

fn unix(time: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
