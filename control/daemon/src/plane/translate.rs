// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the words of `culvert_session` to those of `culvert_engine`.

use std::net::SocketAddr;

use culvert_engine::{Component, Dscp, Ingress, Prefix, Rate, Receive, Send, SourceRule, side};
use culvert_session::{Keys, Side, Source};
use culvert_srtp::{KeyError, KeySet, ReceiveContext, SendContext};
use culvert_wire::{Address, Endpoint};

use super::PlaneError;

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
        Source::LearnWithin { network, length } => {
            SourceRule::LearnWithin(Prefix::new(Address::from(network), length))
        }
        Source::LearnAny => SourceRule::LearnAny,
    }
}

pub(super) fn ingress(ingress: culvert_session::Ingress) -> Ingress {
    Ingress::new(endpoint(ingress.local), source(ingress.source))
}

pub(super) fn dscp(dscp: Option<u8>) -> Dscp {
    dscp.map_or(Dscp::Keep, Dscp::Set)
}

pub(super) fn rate(bandwidth: Option<u64>) -> Option<Box<Rate>> {
    bandwidth.map(Rate::new).map(Box::new)
}

pub(super) fn keys(keys: &Keys) -> Result<Box<KeySet>, KeyError> {
    KeySet::new(keys.suite, &keys.keys).map(Box::new)
}

pub(super) fn receive(side: &Side) -> Result<Receive, PlaneError> {
    self::side(side, ReceiveContext::new)
}

pub(super) fn send(side: &Side) -> Result<Send, PlaneError> {
    self::side(side, SendContext::new)
}

/// Where the session gives no leave to pass in the clear, the engine's side is one that cannot.
fn side<C: side::Context>(
    side: &Side,
    context: impl FnOnce(Box<KeySet>, usize) -> C,
) -> Result<side::Side<C>, PlaneError> {
    let context = |keys: &Keys, max_ssrcs: u16| -> Result<C, PlaneError> {
        Ok(context(self::keys(keys)?, usize::from(max_ssrcs)))
    };
    Ok(match side {
        Side::NotReady { permit: None } => side::Side::required_not_ready(),
        Side::NotReady { permit: Some(_) } => side::Side::not_ready(),
        Side::Plain(_) => side::Side::plain(),
        Side::Srtp { keys, max_ssrcs, permit: None } => side::Side::required(context(keys, *max_ssrcs)?)?,
        Side::Srtp { keys, max_ssrcs, permit: Some(_) } => side::Side::srtp(context(keys, *max_ssrcs)?),
    })
}
