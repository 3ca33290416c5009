// SPDX-License-Identifier: MIT OR Apache-2.0
//! A leg, and the flows between two of them.

use std::net::SocketAddr;

use culvert_mras::Prefix;
use culvert_srtp::Suite;

use crate::{
    Component, Egress, EncryptionLevel, FlowKey, FlowSpec, Ingress, LegView, Side, Source, SourceRule,
    admission::Assumed, authority::Authority, keys::KeyPrint, locals::Local, policy, view::Remote,
};

/// How a leg is protected. Keys themselves are not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Protection {
    Unset,
    Plain,
    Srtp { suite: Suite, receive: Vec<KeyPrint>, send: Vec<KeyPrint> },
}

impl Protection {
    pub(crate) fn receive(&self) -> &[KeyPrint] {
        match self {
            Protection::Srtp { receive, .. } => receive,
            Protection::Unset | Protection::Plain => &[],
        }
    }

    pub(crate) fn send(&self) -> &[KeyPrint] {
        match self {
            Protection::Srtp { send, .. } => send,
            Protection::Unset | Protection::Plain => &[],
        }
    }

    /// What admission takes it to be, on a leg of that level.
    pub(crate) fn assumed(&self, encryption: EncryptionLevel) -> Assumed {
        match self {
            Protection::Plain => Assumed::Plain,
            Protection::Srtp { suite, .. } => Assumed::Suite(*suite),
            Protection::Unset if encryption == EncryptionLevel::NotSupported => Assumed::Plain,
            Protection::Unset => Assumed::Unknown,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Protection::Unset => "",
            Protection::Plain => "plain",
            Protection::Srtp { suite, .. } => suite.name(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) realm: usize,
    pub(crate) local: Local,
    pub(crate) remote: Option<Remote>,
    /// RTP, RTCP.
    pub(crate) learnt: [Option<SocketAddr>; 2],
    pub(crate) protection: Protection,
    pub(crate) encryption: EncryptionLevel,
    pub(crate) peer_class: String,
    /// As asked for.
    pub(crate) source: Option<SourceRule>,
    pub(crate) held: bool,
    pub(crate) dscp: Option<u8>,
    pub(crate) max_ssrcs: u16,
    pub(crate) rekeys: u32,
    /// When MRAS has keyed the leg.
    pub(crate) authority: Option<Authority>,
    /// Where its packets must come from, by the credentials of its media.
    pub(crate) within: Option<Prefix>,
}

impl Leg {
    /// The source rule in force.
    pub(crate) fn rule(&self) -> SourceRule {
        self.source.unwrap_or_else(|| policy::default_source(&self.protection))
    }

    pub(crate) fn source(&self, component: Component) -> Source {
        let remote = self.remote.map(|remote| pick(remote, component));
        match (self.rule(), remote) {
            (SourceRule::Learn, _) => match self.within {
                None => Source::Learn,
                Some(within) => Source::LearnWithin { network: within.address(), length: within.length() },
            },
            (SourceRule::LearnAny, _) => Source::LearnAny,
            (SourceRule::Fixed, Some(remote)) => Source::Fixed(remote),
            (SourceRule::SignalledAddress, Some(remote)) => Source::LearnFrom(remote.ip()),
            (SourceRule::Fixed | SourceRule::SignalledAddress, None) => Source::Nobody,
        }
    }

    fn ingress(&self, component: Component) -> Ingress {
        Ingress { local: pick(self.local.bound, component), source: self.source(component) }
    }

    pub(crate) fn egress(&self, component: Component) -> Egress {
        Egress {
            local: pick(self.local.bound, component),
            remote: self.remote.map(|remote| pick(remote, component)),
        }
    }

    pub(crate) fn view(&self, realm: String) -> LegView {
        let (receive_ready, can_protect) = match &self.protection {
            Protection::Unset => (false, false),
            Protection::Plain => (true, true),
            Protection::Srtp { receive, send, .. } => (!receive.is_empty(), !send.is_empty()),
        };
        LegView {
            realm,
            local: self.local.advertised,
            bound: self.local.bound,
            signalled: self.remote,
            learnt: self.learnt,
            protection: self.protection.name(),
            encryption: self.encryption,
            peer_class: self.peer_class.clone(),
            source: self.rule(),
            rtcp_mux: self.local.is_multiplexed(),
            held: self.held,
            dscp: self.dscp,
            receive_ready,
            send_ready: can_protect && (self.remote.is_some() || self.learnt[0].is_some()),
            rekeys: self.rekeys,
            authority: self.authority.clone(),
            key_ids: [self.protection.receive(), self.protection.send()]
                .map(|prints| prints.first().map(KeyPrint::id)),
        }
    }
}

pub(crate) fn pick(remote: Remote, component: Component) -> SocketAddr {
    match component {
        Component::Rtp => remote.rtp,
        Component::Rtcp => remote.rtcp,
    }
}

/// The flow from one leg to the other.
pub(crate) fn flow(
    key: FlowKey,
    worker: u32,
    clock_rate: u32,
    [from, to]: [&Leg; 2],
    receive: Side,
    send: Side,
) -> FlowSpec {
    FlowSpec {
        key,
        worker,
        ingress: Component::ALL.map(|component| from.ingress(component)),
        egress: Component::ALL.map(|component| to.egress(component)),
        receive,
        send,
        dscp: to.dscp,
        held: from.held || to.held,
        bandwidth: None,
        clock_rate,
        max_ssrcs: from.max_ssrcs,
    }
}
