// SPDX-License-Identifier: MIT OR Apache-2.0
//! Legs whose peers are of a class: the level in force, and what an offer decides.
#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

mod common;

use common::*;
use culvert_session::{
    Effect, EncryptionLevel, ErrorKind, LegUpdate, PeerClass, ProtectionRequest, SessionRequest, Sessions,
    Side, UpdateRequest,
};

fn node() -> Sessions {
    let class =
        |name: &str, encryption, certificate| PeerClass { name: name.into(), encryption, certificate };
    let mut config = config();
    config.peer_classes = vec![
        class("phone", EncryptionLevel::Required, true),
        class("federated", EncryptionLevel::Supported, true),
        class("gateway", EncryptionLevel::Supported, false),
    ];
    Sessions::new(config, [7; 64]).unwrap()
}

/// Leg 1 is of a class, and how it is protected is still to be said.
fn of_class(class: &str, offers: Option<bool>) -> SessionRequest {
    let mut request = request("a", 1);
    let leg = &mut request.media[0].legs[1];
    (leg.encryption, leg.peer_offers_srtp) = (None, offers);
    leg.peer_class = class.into();
    leg.protection = ProtectionRequest::Unset;
    request
}

/// The level and the protection of leg 1, and how what leaves by it is closed.
fn outcome(class: &str, offers: Option<bool>) -> (EncryptionLevel, &'static str, &'static str) {
    let created = node().create(&owner(), &of_class(class, offers), now()).unwrap();
    let leg = created.view.media[0].legs[1].clone();
    assert_eq!(leg.peer_class, class);
    let send = created.effects.iter().find_map(|effect| match effect {
        Effect::InstallFlow(spec) if spec.key.from_leg == 0 => Some(match spec.send {
            Side::NotReady { .. } => "not ready",
            Side::Plain(_) => "plain",
            Side::Srtp { .. } => "srtp",
        }),
        _ => None,
    });
    (leg.encryption, leg.protection, send.unwrap())
}

#[test]
fn the_offer_decides_where_both_ends_support_either() {
    use EncryptionLevel::{NotSupported, Required, Supported};
    assert_eq!(outcome("phone", None), (Required, "", "not ready"));
    assert_eq!(outcome("phone", Some(true)), (Required, "", "not ready"));
    assert_eq!(outcome("federated", None), (Supported, "", "not ready"));
    assert_eq!(outcome("federated", Some(true)), (Required, "", "not ready"));
    assert_eq!(outcome("federated", Some(false)), (NotSupported, "plain", "plain"));
    assert_eq!(outcome("gateway", None), (NotSupported, "", "not ready"));
    assert_eq!(outcome("gateway", Some(true)), (NotSupported, "plain", "plain"));
}

#[test]
fn a_gateway_without_a_certificate_is_never_given_srtp() {
    let mut node = node();
    let mut request = of_class("gateway", None);
    request.media[0].legs[1].protection = srtp(100, 101);
    let error = node.create(&owner(), &request, now()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    let refusal = "protection: is SRTP on a leg that does not support encryption; make it plain";
    assert_eq!(error.to_string(), format!("media[0].legs[1].{refusal}"));

    node.create(&owner(), &of_class("gateway", None), now()).unwrap();
    let update = LegUpdate { leg: 1, protection: srtp(100, 101), ..LegUpdate::default() };
    let update = UpdateRequest { session_id: "a".into(), legs: vec![update] };
    assert_eq!(node.update(&caller(), &update).unwrap_err().to_string(), format!("legs[0].{refusal}"));
}

#[test]
fn what_was_agreed_to_be_srtp_cannot_become_plain() {
    let mut node = node();
    node.create(&owner(), &of_class("federated", Some(true)), now()).unwrap();
    let update = LegUpdate { leg: 1, protection: ProtectionRequest::Plain, ..LegUpdate::default() };
    let update = UpdateRequest { session_id: "a".into(), legs: vec![update] };
    assert_eq!(
        node.update(&caller(), &update).unwrap_err().to_string(),
        "legs[0].protection: is plain on a leg that requires encryption; give SRTP keys"
    );
}
