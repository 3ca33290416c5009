// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the words of `culvert_session` to those of `culvert_engine`.

use std::net::SocketAddr;

use culvert_engine::{Component, Dscp, Ingress, Receive, Send, SourceRule};
use culvert_secret::Secret;
use culvert_session::{Keys, Side, Source};
use culvert_srtp::{KeyError, KeySet, ReceiveContext, SendContext};
use culvert_wire::{Address, Endpoint};

/// An endpoint that no packet can come from.
const NOBODY: Endpoint = Endpoint { address: Address([0; 16]), port: 0 };

pub(super) fn component(component: culvert_session::Component) -> Component {
    match component {
        culvert_session::Component::Rtp => Component::Rtp,
        culvert_session::Component::Rtcp => Component::Rtcp,
    }
}

pub(super) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from(address)
}

pub(super) fn source(source: Source) -> SourceRule {
    match source {
        Source::Nobody => SourceRule::Fixed(NOBODY),
        Source::Fixed(remote) => SourceRule::Fixed(endpoint(remote)),
        Source::Learn => SourceRule::Learn,
        Source::LearnFrom(address) => SourceRule::LearnFrom(Address::from(address)),
        Source::LearnAny => SourceRule::LearnAny,
    }
}

pub(super) fn ingress(ingress: culvert_session::Ingress) -> Ingress {
    Ingress::new(endpoint(ingress.local), source(ingress.source))
}

pub(super) fn dscp(dscp: Option<u8>) -> Dscp {
    dscp.map_or(Dscp::Keep, Dscp::Set)
}

pub(super) fn keys(keys: &Keys) -> Result<Secret<KeySet>, KeyError> {
    KeySet::new(keys.suite, &keys.keys)
}

pub(super) fn receive(side: &Side) -> Result<Receive, KeyError> {
    Ok(match side {
        Side::NotReady => Receive::NotReady,
        Side::Plain => Receive::Plain,
        Side::Srtp { keys, max_ssrcs } => {
            Receive::Srtp(ReceiveContext::new(self::keys(keys)?, usize::from(*max_ssrcs)))
        }
    })
}

pub(super) fn send(side: &Side) -> Result<Send, KeyError> {
    Ok(match side {
        Side::NotReady => Send::NotReady,
        Side::Plain => Send::Plain,
        Side::Srtp { keys, max_ssrcs } => {
            Send::Srtp(SendContext::new(self::keys(keys)?, usize::from(*max_ssrcs)))
        }
    })
}
