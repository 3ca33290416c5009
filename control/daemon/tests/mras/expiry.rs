// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials that expire in mid-call. None is issued for less than a minute: the test makes one of the kind TURN REST
//! itself, as any TURN server does that knows the shared secret.

use std::time::UNIX_EPOCH;

use sha1::{Digest as _, Sha1};

use super::*;

const SHARED: &str = "a-secret-that-two-servers-share";
/// A call is up before that.
const LIFE: u64 = 3;

/// RFC 2104.
fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> {
        (0..64).map(|index| key.get(index).copied().unwrap_or_default() ^ byte).collect()
    };
    let inner = Sha1::digest([&pad(0x36), message].concat());
    Sha1::digest([&pad(0x5c)[..], &inner].concat()).to_vec()
}

/// Of the kind TURN REST, good until `expires`.
fn made(identity: &str, expires: u64) -> v1::Credential {
    let username = format!("{expires}:{identity}");
    let password = common::request::base64(&hmac_sha1(SHARED.as_bytes(), username.as_bytes()));
    let mut credential = v1::Credential::default();
    (credential.username, credential.password) = (username, password);
    credential
}

fn start(more: &str) -> Relay {
    let setup = Setup::loopback();
    let secret = setup.path("turn.secret");
    setup.write_file("turn.secret", &format!("{SHARED}\n"));
    setup.with_mras(&format!("turn_rest_secret_file = {secret:?}\n{more}")).start()
}

fn soon() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + LIFE
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_expires_in_mid_call_takes_its_keys_with_it() {
    let relay = start("");
    let mut client = relay.front_end().await;
    let [alice] = issue(&mut client, [ALICE]).await;
    let expires = soon();
    let bob = made(BOB, expires);
    let (mut caller, mut callee) = phones(&relay);
    call(&mut client, "s", [&mut caller, &mut callee], [&alice, &bob]).await;
    let mut events = client.watch_events("s").await.unwrap();
    converse(&mut caller, &mut callee, 5);
    assert_eq!(ended(&mut events).await, (1, v1::AuthorityState::Expired));
    let late = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(expires)).unwrap();
    println!("expired: told {late:?} after the end");
    assert!(late < Duration::from_secs(2), "{late:?}");
    let session = client.get_session("s").await.unwrap();
    assert_eq!(authority(&session, 0).1, v1::AuthorityState::Valid);
    assert_eq!(authority(&session, 1).1, v1::AuthorityState::Expired);
    caller.talk();
    callee.talk();
    for leg in [0, 1] {
        dropped(&mut client, "s", leg, "not_ready", 1).await;
    }
    let refused = refusal(client.issue_session_keys(keys_for("s", "", &[(1, &bob)])).await);
    let text = "participants[0]: the username and password do not hold; ask for new ones";
    assert_eq!(refused, (Code::PermissionDenied, text.to_owned()));
    let receipt = client.end_session("s").await.unwrap().receipt;
    let receipt: culvert_audit::Receipt = serde_json::from_str(&receipt).unwrap();
    assert_eq!(receipt.end, culvert_audit::End::Expired);
    let [caller, callee] = receipt.media[0].legs.each_ref().map(|leg| leg.received.packets);
    assert_eq!((caller, callee), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_may_outlive_its_credentials_where_that_is_configured() {
    let relay = start("on_expiry = \"finish\"\n");
    let mut client = relay.front_end().await;
    let expires = soon();
    let [alice, bob] = [ALICE, BOB].map(|identity| made(identity, expires));
    let (mut caller, mut callee) = phones(&relay);
    call(&mut client, "s", [&mut caller, &mut callee], [&alice, &bob]).await;
    converse(&mut caller, &mut callee, 5);
    // The relay's own clock says when it is over: no new keys. It looks for what has expired once a second.
    eventually("both have expired", async || {
        let refused = client.issue_session_keys(keys_for("nothing", "", &[(0, &alice)])).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        (refusal(refused).0 == Code::PermissionDenied && now >= expires + 2).then_some(())
    })
    .await;
    converse(&mut caller, &mut callee, 5);
    let session = relayed(&mut client, "s", [10, 10]).await;
    assert_eq!(authority(&session, 0).1, v1::AuthorityState::Valid);
}
