// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert audit verify`: output, errors and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::process::{Command, Output};

use culvert_audit::{
    AuditLog, Credential, Direction, Encryption, End, Head, KeyId, KeyUse, Leg, Media, MediaKind, Options,
    Receipt, Received, Record, Sent, Start, Stop, Timestamp,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const EPOCH: u64 = 1_767_225_600;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_micros((EPOCH + seconds) * 1_000_000)
}

fn start() -> Record {
    Record::Start(Start { time: at(0), node: "relay-1".to_owned(), version: "0.1.0".to_owned() })
}

fn receipt(session_id: &str) -> Record {
    let key = |direction, id, from, packets| KeyUse {
        direction,
        suite: "AEAD_AES_256_GCM".to_owned(),
        key: Some(KeyId::new(id).unwrap()),
        from: at(from),
        packets,
    };
    let outside = Leg {
        realm: "outside".to_owned(),
        encryption: Encryption::Required,
        credential: Some(Credential { id: "c-17".to_owned(), identity: "sip:ann@example.com".to_owned() }),
        keys: vec![
            key(Direction::Receive, "a1a1a1a1", 1, 1000),
            key(Direction::Receive, "b2b2b2b2", 30, 500),
        ],
        keys_omitted: 2,
        received: Received {
            packets: 1500,
            bytes: 2048,
            rtcp_packets: 12,
            authentication_failed: 3,
            drops: [("replayed".to_owned(), 2)].into(),
        },
        sent: Sent::default(),
    };
    let inside = Leg {
        realm: "inside".to_owned(),
        encryption: Encryption::NotSupported,
        credential: None,
        keys: vec![KeyUse {
            direction: Direction::Send,
            suite: "plain".to_owned(),
            key: None,
            from: at(1),
            packets: 1500,
        }],
        keys_omitted: 0,
        received: Received::default(),
        sent: Sent { plain_packets: 1500, plain_bytes: 1024 },
    };
    Record::Receipt(Box::new(Receipt {
        session_id: session_id.to_owned(),
        owner: "front-end\u{1b}[2J".to_owned(),
        node: "relay-1".to_owned(),
        created: at(1),
        ended: at(61),
        end: End::Revoked,
        media: vec![Media { kind: MediaKind::Audio, legs: [outside, inside] }],
    }))
}

/// A log of a start, the receipts of two sessions, and a stop, in `directory/audit.jsonl`.
fn log() -> (TempDir, Head) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let mut log = AuditLog::open(&path, Options::default()).unwrap();
    for record in [start(), receipt("call-6"), receipt("call-7")] {
        log.append(&record).unwrap();
    }
    let head = log.append(&Record::Stop(Stop { time: at(90), node: "relay-1".to_owned() })).unwrap();
    (directory, head)
}

/// `culvert LINE` in the directory.
fn culvert(directory: &TempDir, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
    command.env_clear().current_dir(directory.path()).args(line.split_whitespace()).output().unwrap()
}

fn texts(output: &Output) -> (Option<i32>, &str, &str) {
    (output.status.code(), str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap())
}

fn alter(directory: &TempDir, from: &str, to: &str) {
    let path = directory.path().join("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_whole_log_is_intact() {
    let (directory, head) = log();
    let expected = format!(
        "intact: 4 records in 1 file\n\
         head {head}\n\
         receipts 2  starts 1  crashes 0  lost records 0  half-written lines 0  unknown records 0\n"
    );
    for line in ["audit.jsonl".to_owned(), ".".to_owned(), format!(". --head {head}")] {
        let output = culvert(&directory, &format!("audit verify {line}"));
        assert_eq!(texts(&output), (Some(0), expected.as_str(), ""), "{line}");
    }
}

#[test]
fn a_receipt_is_shown_and_cannot_steer_the_terminal() {
    let (directory, _) = log();
    let output = culvert(&directory, "audit verify . --session call-7");
    let (code, shown, _) = texts(&output);
    let (_, shown) = shown.split_once("\n\n").unwrap();
    let expected = "\
session call-7  owner front-end\u{fffd}[2J  node relay-1  record 3
created 2026-01-01T00:00:01.000000Z  ended 2026-01-01T00:01:01.000000Z  revoked

media 0: audio
LEG  DIRECTION     PROTECTION        KEY       FROM                         PACKETS
0    2 older ones
0    receive       AEAD_AES_256_GCM  a1a1a1a1  2026-01-01T00:00:01.000000Z     1000
0    receive       AEAD_AES_256_GCM  b2b2b2b2  2026-01-01T00:00:30.000000Z      500
1    send          plain             -         2026-01-01T00:00:01.000000Z     1500

LEG  REALM    ENCRYPTION     ISSUED TO            PACKETS    BYTES  RTCP  PLAIN SENT  PLAIN BYTES  DROPS
0    outside  required       sip:ann@example.com     1500  2.0 KiB    12           0          0 B  authentication_failed 3, replayed 2
1    inside   not_supported  -                          0      0 B     0        1500      1.0 KiB  none
";
    assert_eq!((code, shown), (Some(0), expected));

    let output = culvert(&directory, "audit verify . --session call-8");
    let (code, _, error) = texts(&output);
    let expected = "error: --session: no receipt of \"call-8\" is in these files\n";
    assert_eq!((code, error), (Some(2), expected));
}

#[test]
fn json_has_the_summary_and_the_receipts() {
    let (directory, head) = log();
    let output = culvert(&directory, "--json audit verify . --session call-7");
    let (code, text, _) = texts(&output);
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(code, Some(0));
    let summary = json!({
        "files": 1, "records": 4, "first": 1, "head": head.to_string(), "receipts": 2, "starts": 1,
        "crashes": 0, "lost": 0, "recovered": 0, "unknown": 0,
    });
    assert_eq!((&value["intact"], &value["summary"]), (&json!(true), &summary));
    assert_eq!((&value["breaks"], &value["breaks_omitted"]), (&json!([]), &json!(0)));
    let receipts = value["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 1);
    let Record::Receipt(receipt) = receipt("call-7") else { panic!("no receipt") };
    let mut expected = serde_json::to_value(receipt).unwrap();
    expected["sequence"] = json!(3);
    assert_eq!(receipts[0], expected);
}

#[test]
fn a_broken_log_ends_with_1_and_names_every_place() {
    let (directory, head) = log();
    alter(&directory, "\"session_id\":\"call-6\"", "\"session_id\":\"call-9\"");
    let output =
        culvert(&directory, &format!("audit verify audit.jsonl --head 9:{} --session call-7", head.hash));
    let (code, shown, error) = texts(&output);
    let expected = format!(
        "audit.jsonl:2: record 2 has been altered: its hash is not that of its bytes\n\
         audit.jsonl: ends at record 4, but the relay reported record 9\n\
         broken: 3 records in 1 file\n\
         head {head}\n"
    );
    assert_eq!((code, error), (Some(1), "error: the chain is broken in 2 places\n"));
    assert!(shown.starts_with(&expected), "{shown}");
    assert!(shown.contains("\nsession call-7 "), "a receipt that is whole is shown all the same");
    assert!(!shown.contains("call-9"));

    let output = culvert(&directory, "--json audit verify audit.jsonl");
    let (code, shown, error) = texts(&output);
    assert_eq!(code, Some(1));
    let shown: Value = serde_json::from_str(shown).unwrap();
    let message = "record 2 has been altered: its hash is not that of its bytes";
    let place =
        json!({"file": "audit.jsonl", "line": 2, "fault": "altered", "sequence": 2, "message": message});
    assert_eq!((&shown["intact"], &shown["breaks"]), (&json!(false), &json!([place])));
    let error: Value = serde_json::from_str(error).unwrap();
    let expected = json!({"kind": "broken", "code": null, "message": "the chain is broken in 1 place"});
    assert_eq!(error["error"], expected);
}

#[test]
fn files_that_follow_files_put_away_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let mut log = AuditLog::open(&path, Options { max_file_bytes: 600, ..Options::default() }).unwrap();
    for _ in 0..3 {
        log.append(&start()).unwrap();
    }
    let output = culvert(&directory, "audit verify audit.jsonl");
    let (code, shown, _) = texts(&output);
    let expected = "intact: 2 records in 1 file, from record 3 on; the files before it are not here\n";
    assert_eq!((code, shown.starts_with(expected)), (Some(0), true), "{shown}");
}

#[test]
fn what_cannot_be_read_ends_with_2() {
    let (directory, _) = log();
    fs::create_dir(directory.path().join("empty")).unwrap();
    for (line, expected) in [
        ("none.jsonl", "error: audit log none.jsonl: cannot open: No such file or directory (os error 2)\n"),
        ("empty", "error: empty: no audit log (*.jsonl) is in it\n"),
    ] {
        let output = culvert(&directory, &format!("audit verify {line}"));
        assert_eq!(texts(&output), (Some(2), "", expected));
    }
    assert_eq!(culvert(&directory, "audit verify . --head 7").status.code(), Some(2));
}
