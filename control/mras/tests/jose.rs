// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers between Culvert and another JOSE implementation, Python's jwcrypto, in both directions.
#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use culvert_mras::container::{self, KeyAndSalt, MediaKeys, OpenError, SessionKeys};
use culvert_mras::{Config, Credential, CredentialRequest, Identity, KeyRing, Kind, Mras};
use culvert_srtp::Suite;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/open-session-keys.py");

/// Seals standard input as jwcrypto chooses to, and prints the container.
const SEAL: &str = r#"
import json, os, sys
from jwcrypto import jwe, jwk
algorithms = ["PBES2-HS256+A128KW", "A256GCM"]
header = {"alg": algorithms[0], "enc": algorithms[1], "exp": int(sys.argv[1])}
container = jwe.JWE(sys.stdin.buffer.read(), json.dumps(header), algs=algorithms)
container.add_recipient(jwk.JWK.from_password(os.environ["PASSWORD"]))
print(container.serialize(compact=True))
"#;

fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("python/bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask setup test`", python.display());
    python
}

fn run(arguments: &[&str], password: &str, input: &str) -> Output {
    let mut child = Command::new(python())
        .args(arguments)
        .env("PASSWORD", password)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Of each kind: their passwords have different alphabets.
fn credentials(now: SystemTime) -> Vec<Credential> {
    let mut mras = Mras::new(Config::new("example.org"), KeyRing::generate(now).unwrap()).unwrap();
    let request = CredentialRequest::new(Identity::new("sip:alice@example.org").unwrap());
    Kind::ALL
        .into_iter()
        .flat_map(|kind| mras.issue("front end", std::slice::from_ref(&request), kind, now).unwrap())
        .collect()
}

fn keys() -> SessionKeys {
    let media = |(suite, index)| MediaKeys {
        index,
        kid: format!("key {index}"),
        send: KeyAndSalt::generate(suite).unwrap(),
        receive: KeyAndSalt::generate(suite).unwrap(),
    };
    SessionKeys {
        session: "call \u{7}\"1\" ü".to_owned(),
        participant: "sip:alice@example.org".to_owned(),
        media: Suite::ALL.into_iter().zip(0..).map(media).collect(),
    }
}

#[test]
fn the_documented_example_opens_what_we_seal() {
    let now = SystemTime::now();
    for credential in credentials(now) {
        let keys = keys();
        let sealed = container::seal(&credential.password, credential.id, &keys, credential.expires).unwrap();
        let output = run(&[EXAMPLE], &credential.password, &sealed);
        let expected: String = keys
            .media
            .iter()
            .map(|MediaKeys { index, send, receive, .. }| {
                let (suite, send, receive) = (send.suite(), send.inline(), receive.inline());
                format!("{index} {suite} send {} receive {}\n", *send, *receive)
            })
            .collect();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", credential.kind);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", credential.kind);
    }
}

#[test]
fn the_documented_example_refuses_a_wrong_password_a_changed_container_and_an_expired_one() {
    let now = SystemTime::now();
    let credential = credentials(now).remove(0);
    let seal = |end| container::seal(&credential.password, credential.id, &keys(), end).unwrap();
    let good = seal(credential.expires);
    let mut changed = good.clone();
    let last = changed.pop();
    changed.push(if last == Some('A') { 'Q' } else { 'A' });
    for (password, sealed) in
        [("wrong", &good), (&*credential.password, &changed), (&*credential.password, &seal(seconds(now)))]
    {
        let output = run(&[EXAMPLE], password, sealed);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "the container cannot be opened\n");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }
}

#[test]
fn we_open_what_another_implementation_seals() {
    let now = SystemTime::now();
    let json = r#"{ "media": [ { "receive": "inline:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ow==", "kid": "k",
        "send": "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==", "suite": "AEAD_AES_128_GCM", "index": 7 } ],
        "participant": "p", "session": "s", "version": 1 }"#;
    for credential in credentials(now) {
        let end = credential.expires.to_string();
        let output = run(&["-c", SEAL, &end], &credential.password, json);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let sealed = String::from_utf8(output.stdout).unwrap();
        let sealed = sealed.trim_end();

        let opened = container::open(&credential.password, sealed, now).unwrap();
        let bytes: Vec<u8> = (0..60).collect();
        let suite = Suite::AeadAes128Gcm;
        let expected = MediaKeys {
            index: 7,
            kid: "k".to_owned(),
            send: KeyAndSalt::new(suite, &bytes[..16], &bytes[16..28]).unwrap(),
            receive: KeyAndSalt::new(suite, &bytes[32..48], &bytes[48..]).unwrap(),
        };
        assert_eq!((opened.session.as_str(), opened.participant.as_str()), ("s", "p"));
        assert_eq!(opened.media, [expected]);
        assert_eq!(container::open("wrong", sealed, now), Err(OpenError));
        let over = now + Duration::from_secs(8 * 3600);
        assert_eq!(container::open(&credential.password, sealed, over), Err(OpenError));
    }
}
