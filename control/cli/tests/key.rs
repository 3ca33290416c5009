// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert key open`: output, errors and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use culvert_mras::CredentialId;
use culvert_mras::container::{self, KeyAndSalt, MediaKeys, SessionKeys};
use culvert_srtp::Suite;
use serde_json::{Value, json};

const PASSWORD: &str = "b3BlbiBzZXNhbWUgb3BlbiBzZXNhbWU=";
/// In the year 2100.
const LATER: u64 = 4_102_444_800;

/// Bytes of one value, so that the test knows their base64.
fn media(index: u32, suite: Suite) -> MediaKeys {
    let key = |byte: u8| {
        KeyAndSalt::new(suite, &vec![byte; suite.key_length()], &vec![byte; suite.salt_length()]).unwrap()
    };
    MediaKeys { index, kid: format!("k{index}"), send: key(0), receive: key(0xff) }
}

fn container(expires: u64) -> String {
    let keys = SessionKeys {
        session: "call-7".to_owned(),
        participant: "sip:alice@example.org\u{1b}[2J".to_owned(),
        media: vec![media(0, Suite::AesCm128HmacSha1_80), media(1, Suite::AeadAes128Gcm)],
    };
    container::seal(PASSWORD, CredentialId::of("user"), &keys, expires).unwrap()
}

/// With the password in the environment, and no way to a relay.
fn open(arguments: &[&str], password: Option<&str>, input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
    command.env_clear().args(arguments);
    password.map(|password| command.env("CULVERT_PASSWORD", password));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn the_keys_are_shown_as_sdes_and_as_json() {
    let container = container(LATER);
    let shown = open(&["key", "open"], Some(PASSWORD), &format!("\n{container}\n"));
    assert_eq!(shown.status.code(), Some(0), "{}", String::from_utf8_lossy(&shown.stderr));
    let (zeros, ones) = ("A".repeat(40), "/".repeat(40));
    let expected = format!(
        "session call-7  participant sip:alice@example.org\u{fffd}[2J  to be opened before 2100-01-01T00:00:00.000Z\n\
         \n\
         media 0  key k0\n\
         send     a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{zeros}\n\
         receive  a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{ones}\n\
         \n\
         media 1  key k1\n\
         send     a=crypto:1 AEAD_AES_128_GCM inline:{}A==\n\
         receive  a=crypto:1 AEAD_AES_128_GCM inline:{}w==\n",
        "A".repeat(37),
        "/".repeat(37)
    );
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), expected);

    let directory = tempfile::tempdir().unwrap();
    let (file, password) = (directory.path().join("container"), directory.path().join("password"));
    fs::write(&file, &container).unwrap();
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let (file, password) = (file.to_str().unwrap(), password.to_str().unwrap());
    let shown = open(&["--json", "key", "open", file, "--password-file", password], None, "");
    let value: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        (&value["session_id"], &value["participant"], &value["expiry"]),
        (&json!("call-7"), &json!("sip:alice@example.org\u{1b}[2J"), &json!("2100-01-01T00:00:00.000Z"))
    );
    let first = json!({
        "index": 0, "suite": "AES_CM_128_HMAC_SHA1_80", "key_id": "k0",
        "send": format!("inline:{zeros}"), "receive": format!("inline:{ones}"),
    });
    assert_eq!((&value["media"][0], value["media"].as_array().unwrap().len()), (&first, 2));

    let shown = open(&["--json", "key", "open", file, "--password-file", "-"], None, PASSWORD);
    assert_eq!(serde_json::from_slice::<Value>(&shown.stdout).unwrap(), value);
}

#[test]
fn whatever_keeps_it_closed_the_refusal_is_the_same() {
    let good = container(LATER);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let other = if good.ends_with('A') { "E" } else { "A" };
    let tampered = format!("{}{other}", &good[..good.len() - 1]);
    let too_long = good.repeat(200);
    for (what, password, input) in [
        ("wrong password", "another", good.as_str()),
        ("tampered", PASSWORD, &tampered),
        ("expired", PASSWORD, &container(now)),
        ("cut", PASSWORD, &good[..good.len() / 2]),
        ("empty", PASSWORD, ""),
        ("too long", PASSWORD, &too_long),
    ] {
        let refused = open(&["key", "open"], Some(password), input);
        assert_eq!(refused.status.code(), Some(2), "{what}");
        assert_eq!(
            String::from_utf8(refused.stderr).unwrap(),
            "error: the container cannot be opened; ask for new session keys\n",
            "{what}"
        );
        assert!(refused.stdout.is_empty(), "{what}");
        let refused = open(&["--json", "key", "open"], Some(password), input);
        let expected = json!({"error": {
            "kind": "usage", "code": null, "message": "the container cannot be opened; ask for new session keys",
        }});
        assert_eq!(serde_json::from_slice::<Value>(&refused.stderr).unwrap(), expected, "{what}");
    }
}

#[test]
fn what_is_missing_or_asked_of_standard_input_twice_is_named() {
    for (arguments, password, message) in [
        (&["key", "open"][..], None, "--password-file is missing: give it, or set CULVERT_PASSWORD"),
        (
            &["key", "open", "--password-file", "-"],
            None,
            "-: standard input cannot give the container and its password; name a file for one of them",
        ),
        (
            &["key", "open"],
            Some("one\ntwo"),
            "passwords: 1 needed, one in each line and in the order of the participants; 2 given",
        ),
        (
            &["key", "open", "/nonexistent/container"],
            Some(PASSWORD),
            "cannot read container /nonexistent/container: No such file or directory (os error 2)",
        ),
    ] {
        let refused = open(arguments, password, "");
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert_eq!(String::from_utf8(refused.stderr).unwrap(), format!("error: {message}\n"));
    }
}
