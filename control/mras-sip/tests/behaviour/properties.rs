// SPDX-License-Identifier: MIT OR Apache-2.0
//! For any bytes: no panic, at most one response for each message, and every response is one that a client can read.

use culvert_mras_sip::{Frame, Framer, Limits};
use proptest::prelude::*;

use crate::support::{Issuer, ONE, front_end, message, parts, service, versioned};

/// Replaces, inserts, removes or repeats at a place.
#[derive(Debug, Clone)]
enum Change {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>();
    let grammar = prop::sample::select(&b"\r\n\t \"<>;:,=[]()\\@/?&%#!-'\xc3\xa9\x000A1"[..]);
    let byte = prop_oneof![3 => grammar, 1 => any::<u8>()];
    prop_oneof![
        (at.clone(), byte.clone()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (at.clone(), prop::collection::vec(byte, 1..4)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at.clone(), 1..30_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (at, 1..200_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn changed(changes: Vec<Change>) -> Vec<u8> {
    let mut bytes = [message(&versioned("1.0", ONE)), message(&versioned("2.0", ONE))].concat();
    for change in changes {
        let end = |from: usize, length: usize, bytes: &[u8]| (from + length).min(bytes.len());
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Replace(at, byte) => *at.get_mut(&mut bytes) = byte,
            Change::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more);
            }
            Change::Remove(at, length) => {
                let at = at.index(bytes.len());
                bytes.drain(at..end(at, length, &bytes));
            }
            Change::Repeat(at, length) => {
                let at = at.index(bytes.len());
                let part = bytes[at..end(at, length, &bytes)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Runs the stream in pieces of `piece` bytes; how many messages it had, and the heads of the answers.
fn run(bytes: &[u8], piece: usize) -> Result<(usize, Vec<String>), TestCaseError> {
    let service = service(Issuer::default());
    let mut framer = Framer::new(Limits::default());
    let (mut messages, mut heads) = (0, Vec::new());
    'stream: for piece in bytes.chunks(piece) {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next() {
                Err(_) => break 'stream,
                Ok(None) => break,
                Ok(Some(Frame::KeepAlive)) => {}
                Ok(Some(Frame::Message(message))) => {
                    messages += 1;
                    let Some(answer) = service.answer(&front_end(), &message) else { continue };
                    let (head, body) = parts(&answer);
                    let status = format!("SIP/2.0 {} ", answer.status());
                    prop_assert!(head.starts_with(&status), "{head}");
                    let length = format!("\r\nContent-Length: {}", body.len());
                    prop_assert!(head.ends_with(&length), "{head}");
                    let known = [
                        "Via",
                        "From",
                        "To",
                        "Call-ID",
                        "CSeq",
                        "Warning",
                        "Allow",
                        "Accept",
                        "Accept-Encoding",
                    ];
                    let known = known.into_iter().chain([
                        "Supported",
                        "Unsupported",
                        "Content-Type",
                        "Content-Length",
                    ]);
                    for line in head.split("\r\n").skip(1) {
                        let name = line.split_once(": ").map(|(name, _)| name);
                        prop_assert!(
                            name.is_some_and(|name| known.clone().any(|known| known == name)),
                            "{line}"
                        );
                        prop_assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{line:?}");
                    }
                    heads.push(head.replace(|c: char| c.is_ascii_hexdigit(), ""));
                    if answer.closes() {
                        prop_assert!(matches!(framer.next(), Ok(None)));
                    }
                }
            }
        }
    }
    Ok((messages, heads))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000), piece in 1..2000_usize) {
        let (messages, heads) = run(&bytes, piece)?;
        prop_assert!(heads.len() <= messages);
    }

    #[test]
    fn changed_messages(changes in prop::collection::vec(change(), 0..10), piece in 1..3000_usize) {
        let bytes = changed(changes);
        let (messages, heads) = run(&bytes, piece)?;
        prop_assert!(heads.len() <= messages);
        // Neither does it matter how the stream is cut.
        prop_assert_eq!(run(&bytes, bytes.len().max(1))?, (messages, heads));
    }

    #[test]
    fn any_body(body in "[ -~\\r\\n]{0,200}|(<|>|/|request|identity|'|\"|=|&|;|#|!|\\[|CDATA|--|\\?|xml| |:|a){0,60}") {
        prop_assert_eq!(run(&message(&body), 4096)?.1.len(), 1);
    }
}
