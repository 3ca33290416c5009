// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the words of `culvert_session` to those of `culvert_engine`.

use std::net::SocketAddr;

use culvert_engine::{Component, Dscp, Ingress, Prefix, Rate, Receive, Send, SourceRule, side};
use culvert_secret::Secret;
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

pub(super) fn keys(keys: &Keys) -> Result<Secret<KeySet>, KeyError> {
    KeySet::new(keys.suite, &keys.keys)
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
    context: impl FnOnce(Secret<KeySet>, usize) -> C,
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

#[cfg(test)]
mod tests {
    use culvert_session::EncryptionLevel;
    use culvert_srtp::{MasterKey, Suite};

    use super::*;

    fn srtp(suite: Suite, level: EncryptionLevel) -> Side {
        let key = MasterKey::new(suite, &[1; 16], &[2; 14]).unwrap();
        Side::Srtp { keys: Keys { suite, keys: vec![key] }, max_ssrcs: 4, permit: level.permit_clear() }
    }

    #[test]
    fn a_side_without_leave_to_be_plain_becomes_one_that_cannot_be() {
        let cm = Suite::AesCm128HmacSha1_80;
        for (level, required) in [
            (EncryptionLevel::Required, true),
            (EncryptionLevel::Supported, false),
            (EncryptionLevel::NotSupported, false),
        ] {
            let permit = level.permit_clear();
            for (side, has_keys) in [(srtp(cm, level), true), (Side::NotReady { permit }, false)] {
                let (receive, send) = (receive(&side).unwrap(), send(&side).unwrap());
                assert_eq!((receive.is_required(), send.is_required()), (required, required));
                assert_eq!((receive.encrypts(), send.encrypts()), (has_keys, has_keys));
            }
            if let Some(permit) = permit {
                let side = Side::Plain(permit);
                assert!(receive(&side).unwrap().is_plain() && send(&side).unwrap().is_plain());
            }
            let null = srtp(Suite::NullHmacSha1_80, level);
            assert_eq!(send(&null).is_err(), required);
            assert_eq!(receive(&null).is_err(), required);
        }
    }
}
