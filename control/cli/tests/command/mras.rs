// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert credentials` and `culvert session keys`.

use culvert_api::v1;
use serde_json::json;

use crate::relay::{Bed, json_of, output};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn credentials_are_issued_and_refused() {
    let bed = Bed::new().await;
    let issued = json_of(&bed.run("--json credentials issue alice bob --bandwidth 64kbit").await);
    assert_eq!(issued["credentials"][1]["password"], "password of bob");
    let asked = bed.relay.issued.lock().unwrap()[0].clone();
    let bandwidths: Vec<u64> =
        asked.credentials.iter().map(|credential| credential.bounds.as_ref().unwrap().bandwidth).collect();
    assert_eq!(bandwidths, [64_000, 64_000]);
    let shown = String::from_utf8(bed.run("credentials issue alice").await.stdout).unwrap();
    assert!(shown.contains("password    password of alice\n"), "{shown}");
    let refused = bed.run("credentials issue mallory").await;
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: credentials[0].identity: is revoked (PERMISSION_DENIED)\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn revocations_and_signing_keys_are_governed() {
    let bed = Bed::new().await;
    for (line, text, value) in [
        ("revoke --identity alice", "revoked: 5 legs lost their keys\n", json!({"legs": 5})),
        ("revoke --epoch 1", "revoked: 1 leg lost its keys\n", json!({"legs": 1})),
        ("revoke --credential c0", "revoked: 2 legs lost their keys\n", json!({"legs": 2})),
        ("revoke --epoch 9", "revoked: 9 legs lost their keys\n", json!({"legs": 9})),
        ("reinstate --identity alice", "reinstated\n", json!({"was_revoked": true})),
        ("reinstate --credential c0", "was not revoked\n", json!({"was_revoked": false})),
        (
            "rotate-key",
            "signing key 4 signs from now on; credentials of the older ones stay good\n",
            json!({"epoch": 4}),
        ),
        (
            "list",
            "SIGNING KEY  CREATED  USE\n3            -        signs and verifies\n\nnothing is revoked\n",
            json!({"revocations": [], "signing_keys": [{"epoch": 3, "created": null, "signs": true}]}),
        ),
    ] {
        let shown = bed.run(&format!("credentials {line}")).await;
        assert_eq!(String::from_utf8(shown.stdout).unwrap(), text, "{line}");
        assert_eq!(json_of(&bed.run(&format!("--json credentials {line}")).await), value, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn session_keys_are_asked_for_with_passwords_that_are_not_in_the_command_line() {
    let bed = Bed::new().await;
    let line = "session keys c-1 --participant 1:bob --participant 0:alice --suite AEAD_AES_256_GCM";
    let shown = output(bed.command(&format!("{line} --password-file -")), "of bob\nof alice\n").await;
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "leg 1  credential   to be opened before -\nsealed for bob\n\
         leg 0  credential   to be opened before -\nsealed for alice\n"
    );
    let mut command = bed.command("--json session keys c-1 --participant 0:alice");
    command.env("CULVERT_PASSWORD", "of alice");
    let keys = json_of(&output(command, "").await);
    assert_eq!(
        (&keys["keys"][0]["container"], &keys["session"]["session_id"]),
        (&json!("sealed for alice"), &json!("c-1"))
    );
    let participant =
        |leg, name: &str| v1::Participant { leg, username: name.to_owned(), password: format!("of {name}") };
    let keyed = bed.relay.keyed.lock().unwrap().clone();
    assert_eq!(keyed[0].participants, [participant(1, "bob"), participant(0, "alice")]);
    assert_eq!((keyed[0].suite.as_str(), keyed[1].suite.as_str()), ("AEAD_AES_256_GCM", ""));
    assert_eq!(keyed[1].participants, [participant(0, "alice")]);

    let none = bed.run("session keys c-1 --participant 0:alice").await;
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(none.stderr).unwrap(),
        "error: --password-file is missing: give it, or set CULVERT_PASSWORD\n"
    );
    assert_eq!(bed.relay.keyed.lock().unwrap().len(), 2);
}
