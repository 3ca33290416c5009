// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages out of a stream.

use culvert_mras_sip::{Frame, FrameError, Framer, Limits};

use crate::support::{Issuer, ONE, answers, front_end, message, service, versioned};

/// What a framer makes of bytes that arrive in these pieces: K for a keep-alive, M and the status of its answer for a message.
fn frames(pieces: &[&[u8]]) -> Result<Vec<String>, FrameError> {
    let service = service(Issuer::default());
    let mut framer = Framer::new(Limits::default());
    let mut frames = Vec::new();
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        while let Some(frame) = framer.next()? {
            frames.push(match frame {
                Frame::KeepAlive => "K".to_owned(),
                Frame::Message(message) => {
                    let status = service.answer(&front_end(), &message).map_or(0, |answer| answer.status());
                    format!("M{status}")
                }
            });
        }
    }
    Ok(frames)
}

#[test]
fn pipelined_messages_are_answered_in_turn() {
    let bytes = [
        message(&versioned("1.0", ONE)),
        b"\r\n".to_vec(),
        message("<x/>"),
        b"\r\n\r\n".to_vec(),
        message(&versioned("3.0", ONE)),
    ]
    .concat();
    let expected = ["M200", "M400", "K", "M488"];
    assert_eq!(frames(&[&bytes]).unwrap(), expected);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(frames(&single).unwrap(), expected);
    for cut in 0..bytes.len() {
        let (one, two) = bytes.split_at(cut);
        assert_eq!(frames(&[one, two]).unwrap(), expected, "cut at {cut}");
    }
}

#[test]
fn keep_alives() {
    for (bytes, expected) in [
        (&b""[..], &[][..]),
        (b"\r\n", &[]),
        (b"\r\n\r", &[]),
        (b"\r\n\r\n", &["K"]),
        (b"\r\n\r\n\r\n", &["K"]),
        (b"\r\n\r\n\r\n\r\n", &["K", "K"]),
    ] {
        assert_eq!(frames(&[bytes]).unwrap(), expected, "{bytes:?}");
    }
}

#[test]
fn nothing_follows_a_message_whose_end_cannot_be_told() {
    let good = message(&versioned("1.0", ONE));
    let text = String::from_utf8(good.clone()).unwrap();
    for bad in [
        text.replace("Content-Length: ", "Content-Length: x"),
        text.replace("Content-Length: ", "Content-Length: 9999999"),
    ] {
        let stream = [bad.into_bytes(), good.clone()].concat();
        assert_eq!(answers(&service(Issuer::default()), &stream).len(), 1);
    }
}

#[test]
fn heads_have_a_limit() {
    let limit = Limits::default().head;
    let head = |length: usize| {
        let rest = "SERVICE sip:m SIP/2.0\r\nContent-Length: 0\r\nX: ";
        format!("{rest}{}\r\n\r\n", "x".repeat(length - rest.len() - 4))
    };
    assert_eq!(frames(&[head(limit).as_bytes()]).unwrap(), ["M400"]);
    let error = Err(FrameError::HeadTooLarge { limit });
    assert_eq!(frames(&[head(limit + 1).as_bytes()]), error);
    assert_eq!(frames(&[&vec![b'x'; limit]]), error);
    assert_eq!(frames(&[&vec![b'x'; limit - 1]]), Ok(vec![]));
}

#[test]
fn what_is_no_text_ends_the_stream() {
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\r\n\r\n"[..], b"SERVICE \xff\r\n\r\n", b"A\nB\r\n\r\n", b"\nA\r\n\r\n"]
    {
        assert_eq!(frames(&[bytes]), Err(FrameError::NotText), "{bytes:?}");
    }
}
