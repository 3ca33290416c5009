// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signing keys: that the old ones still count, and that a fleet shares them.

use super::*;

/// A session is keyed under these credentials, and media pass.
async fn talks(relay: &Relay, client: &mut Client, id: &str, credentials: [&v1::Credential; 2]) {
    let (mut caller, mut callee) = phones(relay);
    call(client, id, [&mut caller, &mut callee], credentials).await;
    converse(&mut caller, &mut callee, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_the_signing_key_before_stay_good() {
    let mut relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    let [alice, bob] = issue(&mut client, [ALICE, BOB]).await;
    let (mut caller, mut callee) = phones(&relay);
    call(&mut client, "before", [&mut caller, &mut callee], [&alice, &bob]).await;
    converse(&mut caller, &mut callee, 5);
    assert_eq!(operator.rotate_signing_key().await.unwrap(), 2);
    // What runs is not disturbed, and may be keyed again.
    converse(&mut caller, &mut callee, 5);
    let request = keys_for("before", "", &[(0, &alice), (1, &bob)]);
    let issued = client.issue_session_keys(request).await.unwrap();
    caller.rekey(&open(&alice, &issued.keys[0]));
    callee.rekey(&open(&bob, &issued.keys[1]));
    converse(&mut caller, &mut callee, 5);
    let [carol] = issue(&mut client, [CAROL]).await;
    talks(&relay, &mut client, "both", [&alice, &carol]).await;
    assert_eq!(operator.rotate_signing_key().await.unwrap(), 3);

    relay.restart();
    let mut client = relay.front_end().await;
    let keys = relay.operator().await.list_revocations().await.unwrap().signing_keys;
    let keys: Vec<_> = keys.iter().map(|key| (key.epoch, key.signs)).collect();
    assert_eq!(keys, [(3, true), (2, false), (1, false)]);
    let [dave] = issue(&mut client, [DAVE]).await;
    talks(&relay, &mut client, "one-and-two", [&alice, &carol]).await;
    talks(&relay, &mut client, "one-and-three", [&bob, &dave]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_with_one_key_file_know_each_others_credentials() {
    let one = Setup::loopback().with_mras("").start();
    let (here, there) = (one.setup.path("mras.keys"), Setup::loopback().with_mras(""));
    there.write_file("mras.keys", &std::fs::read_to_string(&here).unwrap());
    let other = there.start();
    let mut clients = [one.front_end().await, other.front_end().await];
    let credentials = issue(&mut clients[0], [ALICE, BOB]).await;
    talks(&other, &mut clients[1], "s", credentials.each_ref()).await;
    let credentials = issue(&mut clients[1], [ALICE, BOB]).await;
    talks(&one, &mut clients[0], "s", credentials.each_ref()).await;

    // The file of one is brought to the other after a rotation, as a whole.
    one.operator().await.rotate_signing_key().await.unwrap();
    let [carol, dave] = issue(&mut clients[0], [CAROL, DAVE]).await;
    let (mut caller, mut callee) = phones(&other);
    unkeyed(&mut clients[1], "new", [&mut caller, &mut callee]).await;
    let request = keys_for("new", "", &[(0, &carol)]);
    let text = "participants[0]: the username and password do not hold; ask for new ones".to_owned();
    let refused = refusal(clients[1].issue_session_keys(request).await);
    assert_eq!(refused, (Code::PermissionDenied, text));
    other.setup.write_file("mras.keys.brought", &std::fs::read_to_string(&here).unwrap());
    std::fs::rename(other.setup.path("mras.keys.brought"), other.setup.path("mras.keys")).unwrap();
    other.wait_for(|line| line["message"] == "took over changed signing keys");
    key(&mut clients[1], "new", [(0, &mut caller, &carol), (1, &mut callee, &dave)]).await;
    converse(&mut caller, &mut callee, 5);
    // And what is issued there is of the new key.
    let credentials = issue(&mut clients[1], [ALICE, BOB]).await;
    talks(&one, &mut clients[0], "back", credentials.each_ref()).await;
    let keys = other.operator().await.list_revocations().await.unwrap().signing_keys;
    assert_eq!(keys.iter().map(|key| (key.epoch, key.signs)).collect::<Vec<_>>(), [(2, true), (1, false)]);

    // A file that is none changes nothing.
    other.setup.write_file("mras.keys.brought", "nonsense\n");
    std::fs::rename(other.setup.path("mras.keys.brought"), other.setup.path("mras.keys")).unwrap();
    other.wait_for(|line| line["message"] == "changed signing keys cannot be used: the old ones stay");
    talks(&other, &mut clients[1], "still", [&carol, &dave]).await;
}
