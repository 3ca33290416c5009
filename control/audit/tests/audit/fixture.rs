// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records, and a directory to keep them in.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use culvert_audit::{
    AuditLog, Broken, Credential, Direction, Durability, Encryption, End, Fault, Head, KeyId, KeyUse, Leg,
    Media, MediaKind, Options, Receipt, Received, Record, Sent, Start, Stop, Summary, Timestamp, Verifier,
    VerifyError, log_files, verify,
};
use tempfile::TempDir;

pub(crate) const SECOND: u64 = 1_000_000;
const EPOCH: u64 = 1_767_225_600 * SECOND;

/// Fast: tests do not survive power failures.
pub(crate) const OPTIONS: Options = Options {
    durability: Durability::Interval(Duration::from_secs(3600)),
    max_file_bytes: culvert_audit::DEFAULT_MAX_FILE_BYTES,
};

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_micros(EPOCH + seconds * SECOND)
}

pub(crate) fn start() -> Record {
    Record::Start(Start { time: at(0), node: "relay-1".to_owned(), version: "0.1.0".to_owned() })
}

pub(crate) fn stop() -> Record {
    Record::Stop(Stop { time: at(90), node: "relay-1".to_owned() })
}

fn key(direction: Direction, id: u8, from: u64, packets: u64) -> KeyUse {
    let suite = "AEAD_AES_256_GCM".to_owned();
    KeyUse { direction, suite, key: Some(KeyId::from([id; 16])), from: at(from), packets }
}

/// One medium between a leg that was re-keyed once and a plain one.
pub(crate) fn receipt(session_id: &str) -> Record {
    let secure = Leg {
        realm: "outside".to_owned(),
        encryption: Encryption::Required,
        credential: Some(Credential { id: "c-17".to_owned(), identity: "sip:ann@example.com".to_owned() }),
        keys: vec![
            key(Direction::Receive, 0xa1, 1, 1000),
            key(Direction::Send, 0xa2, 1, 2000),
            key(Direction::Receive, 0xa3, 30, 500),
        ],
        keys_omitted: 0,
        received: Received {
            packets: 1500,
            bytes: 258_000,
            rtcp_packets: 12,
            authentication_failed: 3,
            drops: [("wrong_source".to_owned(), 1), ("replayed".to_owned(), 2)].into(),
        },
        sent: Sent::default(),
    };
    let plain =
        |direction, packets| KeyUse { direction, suite: "plain".to_owned(), key: None, from: at(1), packets };
    let clear = Leg {
        realm: "inside".to_owned(),
        encryption: Encryption::NotSupported,
        credential: None,
        keys: vec![plain(Direction::Receive, 2000), plain(Direction::Send, 1500)],
        keys_omitted: 0,
        received: Received { packets: 2000, bytes: 344_000, ..Received::default() },
        sent: Sent { plain_packets: 1500, plain_bytes: 240_000 },
    };
    Record::Receipt(Box::new(Receipt {
        session_id: session_id.to_owned(),
        owner: "front-end.example.net".to_owned(),
        node: "relay-1".to_owned(),
        created: at(1),
        ended: at(61),
        end: End::Deleted,
        media: vec![Media { kind: MediaKind::Audio, legs: [secure, clear] }],
    }))
}

/// A session without media, for tests that take long with every byte.
pub(crate) fn short_receipt() -> Record {
    let Record::Receipt(mut receipt) = receipt("s") else { panic!("no receipt") };
    receipt.media.clear();
    Record::Receipt(receipt)
}

/// A directory with a log in it.
pub(crate) struct Bed {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Bed {
    pub(crate) fn new() -> Self {
        // In memory where there is such a directory: to open a log takes several saves.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = directory.path().join("audit.jsonl");
        Self { directory, path }
    }

    pub(crate) fn open(&self) -> AuditLog {
        AuditLog::open(&self.path, OPTIONS).unwrap()
    }

    /// A closed log of these records.
    pub(crate) fn with(records: &[Record]) -> Self {
        let bed = Self::new();
        let mut log = bed.open();
        for record in records {
            log.append(record).unwrap();
        }
        bed
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Names in the directory, but for the lock's.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        names.sort();
        names
    }

    pub(crate) fn verify(&self, reported: Option<Head>) -> Result<Summary, Box<Broken>> {
        let files = log_files(self.directory.path()).unwrap();
        verify(&files, reported, &mut |_| ()).map_err(|error| match error {
            VerifyError::Broken(broken) => broken,
            error => panic!("{error}"),
        })
    }

    /// Every record, in the order of the chain, which must be whole.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let files = log_files(self.directory.path()).unwrap();
        verify(&files, None, &mut |entry| records.push(entry.record().unwrap())).unwrap();
        records
    }
}

/// The places where these bytes are broken, and what is wrong there.
pub(crate) fn faults(bytes: &[u8], reported: Head) -> Vec<(u64, Fault)> {
    let mut verifier = Verifier::new().head(reported);
    verifier.read("log", bytes, &mut |_| ()).unwrap();
    let Err(broken) = verifier.finish() else { return Vec::new() };
    assert_eq!(broken.omitted, 0);
    broken.breaks.into_iter().map(|found| (found.line, found.fault)).collect()
}
