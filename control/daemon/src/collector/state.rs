// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the node is, what it holds, and how its services fare.

use culvert_session::RealmUsage;
use culvert_srtp::Path;
use prometheus_client::encoding::DescriptorEncoder;

use super::encode::{Encoded, counter, gauge, one};
use crate::mras::Mras;
use crate::node::{Inner, Node};

/// The node at the moment of a scrape.
#[derive(Debug)]
pub(super) struct StateSample {
    backend: &'static str,
    sessions: u64,
    max_sessions: u64,
    draining: bool,
    realms: Vec<RealmUsage>,
}

impl StateSample {
    pub(super) fn of(inner: &Inner) -> StateSample {
        StateSample {
            backend: inner.plane.endpoints().name(),
            sessions: inner.sessions.len() as u64,
            max_sessions: inner.sessions.config().max_sessions as u64,
            draining: inner.sessions.is_draining(),
            realms: inner.sessions.realm_usage(),
        }
    }
}

pub(super) fn build(sample: &StateSample, fips: &str, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let labels = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("backend", sample.backend.to_owned()),
        ("srtp_path", Path::chosen().name().to_owned()),
        ("fips", fips.to_owned()),
    ];
    gauge(encoder, "build_info", "What runs here; always 1", [(labels, 1u64)])
}

pub(super) fn sessions(sample: &StateSample, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    gauge(encoder, "sessions", "Sessions now", one(sample.sessions))?;
    gauge(encoder, "max_sessions", "Sessions that the configuration allows", one(sample.max_sessions))?;
    let draining = u64::from(sample.draining);
    gauge(encoder, "draining", "1 while new sessions are refused", one(draining))?;
    let realms = |read: fn(&RealmUsage) -> usize| {
        sample.realms.iter().map(move |realm| (vec![("realm", realm.name.clone())], read(realm) as u64))
    };
    gauge(encoder, "realm_ports_used", "Ports in use", realms(|realm| realm.used))?;
    gauge(encoder, "realm_ports", "Ports in all", realms(|realm| realm.total))
}

pub(super) fn keys(encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let usage = culvert_secret::usage();
    let state = |name: &str, bytes: usize| (vec![("state", name.to_owned())], bytes as u64);
    let mapped = [state("locked", usage.locked), state("unlocked", usage.unlocked)];
    gauge(
        encoder,
        "key_memory_bytes",
        "Memory for keys, by whether it can be swapped out (unlocked)",
        mapped,
    )?;
    gauge(
        encoder,
        "key_memory_used_bytes",
        "Of the memory for keys, what is in use",
        one(usage.in_use as u64),
    )
}

pub(super) fn mras(node: &Node, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let Some(counts) = node.mras().map(Mras::counts) else { return Ok(()) };
    let issued = counts.issued.iter().map(|(kind, count)| (vec![("kind", kind.name().to_owned())], *count));
    counter(encoder, "mras_credentials_issued", "Credentials issued, by kind", issued)?;
    let refused =
        counts.refused.iter().map(|(reason, count)| (vec![("reason", reason.label().to_owned())], *count));
    counter(
        encoder,
        "mras_credentials_refused",
        "Credentials presented that did not hold, by reason",
        refused,
    )
}

pub(super) fn audit(node: &Node, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let Some(status) = node.audit_status() else { return Ok(()) };
    counter(encoder, "audit_receipts_lost", "Receipts that could not be kept", one(status.lost))?;
    counter(encoder, "audit_failures", "Failed attempts to write to the audit log", one(status.failures))?;
    gauge(encoder, "audit_receipts_queued", "Receipts that wait to be written", one(status.queued as u64))?;
    let failing = u64::from(status.error.is_some());
    gauge(encoder, "audit_failing", "1 while the audit log cannot be written", one(failing))
}
