// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program against a relay that answers from a script, over mutual TLS: output, errors and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod load;
mod mras;
mod protection;
mod relay;
mod terminal;
mod top;

use std::process::Command;

use culvert_api::v1;
use culvert_devcerts::write_directory;
use serde_json::{Value, json};

use relay::{Bed, json_of, output};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_session_made_from_standard_input_is_what_the_relay_was_asked_for() {
    let bed = Bed::new().await;
    let call = json!({"session_id": "c-9", "media": [{"kind": "audio", "legs": [
        {"realm": "outside", "protection": {"srtp": {"suite": "AES_CM_128_HMAC_SHA1_80",
            "receive": [{"key": "00".repeat(16), "salt": "11".repeat(14)}]}}},
        {"realm": "inside", "protection": {"plain": {}}},
    ]}]});
    let made = json_of(&output(bed.command("--json session create --file -"), &call.to_string()).await);
    assert_eq!(made["session_id"], "c-9");
    let created = bed.relay.created.lock().unwrap();
    let legs = &created[0].media[0].legs;
    assert_eq!((legs[0].realm.as_str(), legs[1].realm.as_str()), ("outside", "inside"));
    let Some(v1::protection::Kind::Srtp(keys)) = &legs[0].protection.as_ref().unwrap().kind else {
        panic!("no keys")
    };
    assert_eq!((keys.receive[0].key.clone(), keys.receive[0].salt.clone()), (vec![0; 16], vec![0x11; 14]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_list_goes_through_all_pages_or_to_its_limit() {
    let bed = Bed::new().await;
    for (line, count) in [("--json session list", 2500), ("--json session list --limit 1001", 1001)] {
        let list = json_of(&bed.run(line).await);
        assert_eq!(list["sessions"].as_array().unwrap().len(), count);
        assert_eq!(list["sessions"][count - 1]["session_id"], format!("c-{}", count - 1));
        assert_eq!(list["total"], 2500);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_session_is_explained_and_its_faults_are_the_exit_code() {
    let bed = Bed::new().await;
    let sound = bed.run("explain c-0 --observe 500ms").await;
    assert_eq!((sound.status.code(), sound.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(
        String::from_utf8(sound.stdout).unwrap(),
        "session c-0, observed for 0.5 s\n\nNothing is wrong: media pass both ways.\n"
    );
    let faulty = bed.run("explain c-1").await;
    assert_eq!(faulty.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(faulty.stdout).unwrap(),
        "session c-1, observed for 2.0 s\n\n1. wrong_key: A wrong key.\n   - the tag fits elsewhere\n   mend: Give it the \
         right one.\n"
    );
    assert_eq!(String::from_utf8(faulty.stderr).unwrap(), "error: session c-1 has a fault\n");
    let faulty = bed.run("--json explain c-1").await;
    assert_eq!(faulty.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&faulty.stdout).unwrap();
    assert_eq!(
        answer,
        json!({"session_id": "c-1", "observed_seconds": 2.0, "findings": [{"kind": "wrong_key", "media": 0, "leg": 1,
            "summary": "A wrong key.", "evidence": ["the tag fits elsewhere"], "mend": "Give it the right one."}]})
    );
    let error: Value = serde_json::from_slice(&faulty.stderr).unwrap();
    assert_eq!(error["error"]["kind"], json!("faulty"));
    assert_eq!(bed.run("explain nobody").await.status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_the_relay_refuses_ends_with_3() {
    let bed = Bed::new().await;
    let refused = bed.run("session show nobody").await;
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: session_id: no session \"nobody\" (NOT_FOUND)\n"
    );
    let refused = bed.run("--json session show nobody").await;
    let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["code"]), (&json!("refused"), &json!("NOT_FOUND")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_wrong_name_does_not_keep_the_others_alive() {
    let bed = Bed::new().await;
    let output = bed.run("session delete nobody c-1").await;
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("session c-1 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deleted_session_has_its_receipt() {
    let bed = Bed::new().await;
    let deleted = json_of(&bed.run("--json session delete c-1").await);
    assert_eq!((&deleted["session_id"], &deleted["receipt"]), (&json!("c-1"), &json!({"session_id": "c-1"})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_that_is_not_there_or_not_trusted_ends_with_4() {
    let bed = Bed::new().await;
    let mut command = bed.command("node show");
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    command.env("CULVERT_SERVER", format!("https://{unused}"));
    assert_eq!(output(command, "").await.status.code(), Some(4));

    let other = tempfile::tempdir().unwrap();
    let strangers = write_directory(other.path(), &[]).unwrap();
    let mut command = bed.command("node show");
    command.env("CULVERT_CA", &strangers.authority.certificate);
    assert_eq!(output(command, "").await.status.code(), Some(4));
    let mut command = bed.command("node show");
    command
        .env("CULVERT_CERT", &strangers.front_end.certificate)
        .env("CULVERT_KEY", &strangers.front_end.key);
    assert_eq!(output(command, "").await.status.code(), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_wrong_with_the_command_line_ends_with_2() {
    let bed = Bed::new().await;
    for line in ["session", "session create", "--ca /nonexistent node show", "--server relay node show"] {
        assert_eq!(bed.run(line).await.status.code(), Some(2), "{line}");
    }
    let mut command = bed.command("node show");
    command.env_remove("CULVERT_KEY");
    let output = output(command, "").await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: --key is missing: give it, or set CULVERT_KEY\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn drain_watch_and_update_do_what_they_say() {
    let bed = Bed::new().await;
    assert_eq!(json_of(&bed.run("--json node drain").await), json!({"draining": true, "sessions": 3}));
    let off = bed.run("node drain --off").await;
    assert_eq!(String::from_utf8(off.stdout).unwrap(), "taking sessions again, 3 run\n");
    let event = json_of(&bed.run("--json session watch c-1").await);
    assert_eq!((&event["session_id"], &event["event"]), (&json!("c-1"), &json!("session_deleted")));
    let updated = json_of(&bed.run("--json session update c-1 --leg 0 --hold").await);
    assert_eq!(updated["session_id"], "c-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_says_which_srtp_path_is_in_use() {
    let bed = Bed::new().await;
    let shown = bed.run("node show").await;
    assert_eq!(shown.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "culvertd 0.1.0  started -  back end socket  takes sessions  0 of 0 sessions\n\
         SRTP path avx2  available avx2, aes-ni, portable\n\
         FIPS AWS-LC FIPS 4.2.0, in FIPS mode\n"
    );
    let node = json_of(&bed.run("--json node show").await);
    assert_eq!(
        (&node["srtp_path"], &node["srtp_paths_available"]),
        (&json!("avx2"), &json!(["avx2", "aes-ni", "portable"]))
    );
    assert_eq!(node["fips"], "AWS-LC FIPS 4.2.0, in FIPS mode");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn completions_need_no_relay() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
    command.env_clear().args(["completions", "bash"]);
    let output = output(command, "").await;
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("complete -F _culvert"));
}
