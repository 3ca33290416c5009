// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts of handshakes and of requests that roles did not allow.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::Refusal;

/// Why a request of an authenticated client was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denial {
    /// No `[[role]]` names the client.
    UnknownIdentity,
    /// The client's roles do not allow it.
    Role,
}

impl Denial {
    /// All of them.
    pub const ALL: [Denial; 2] = [Denial::UnknownIdentity, Denial::Role];

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Denial::UnknownIdentity => "unknown_identity",
            Denial::Role => "role",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Counts of handshakes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct HandshakeMetrics {
    accepted: Counter,
    refused: Family<Reason, Counter>,
    denied: Family<Reason, Counter>,
}

impl HandshakeMetrics {
    /// Counters at zero, all reasons shown from the start.
    pub fn new() -> HandshakeMetrics {
        let metrics = HandshakeMetrics::default();
        for refusal in Refusal::ALL {
            drop(metrics.refused.get_or_create(&Reason { reason: refusal.name() }));
        }
        for denial in Denial::ALL {
            drop(metrics.denied.get_or_create(&Reason { reason: denial.name() }));
        }
        metrics
    }

    /// Shows them as `control_handshakes_accepted_total`, `control_handshakes_refused_total{reason="..."}` and
    /// `control_requests_denied_total{reason="..."}`.
    pub fn register(&self, registry: &mut Registry) {
        let accepted = "Control connections whose client certificate was accepted";
        registry.register("control_handshakes_accepted", accepted, self.accepted.clone());
        let refused = "Control connections refused before any request, by reason";
        registry.register("control_handshakes_refused", refused, self.refused.clone());
        let denied = "Requests of authenticated clients that their roles do not allow, by reason";
        registry.register("control_requests_denied", denied, self.denied.clone());
    }

    /// So many were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.get()
    }

    /// So many were refused for this reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refused.get_or_create(&Reason { reason: refusal.name() }).get()
    }

    /// So many requests were denied for this reason.
    pub fn denied(&self, denial: Denial) -> u64 {
        self.denied.get_or_create(&Reason { reason: denial.name() }).get()
    }

    /// Counts a request that was denied.
    pub fn count_denied(&self, denial: Denial) {
        self.denied.get_or_create(&Reason { reason: denial.name() }).inc();
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.inc();
    }

    pub(super) fn count_refused(&self, refusal: Refusal) {
        self.refused.get_or_create(&Reason { reason: refusal.name() }).inc();
    }
}
