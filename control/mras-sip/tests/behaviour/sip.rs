// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIP around the body: RFC 3261.

use crate::support::{
    Issuer, ONE, answer, answers, header, message, message_with, parts, service, versioned,
};

const TYPE: &str = "Content-Type: application/msrtc-media-relay-auth+xml\r\n";

fn good() -> String {
    versioned("2.0", ONE)
}

/// Status and head of the answer to a message in which `from` has become `to`.
fn changed(from: &str, to: &str) -> (u16, String, bool) {
    let text = String::from_utf8(message(&good())).unwrap();
    assert!(text.contains(from), "{from}");
    let response = answer(&service(Issuer::default()), text.replacen(from, to, 1).as_bytes());
    (response.status(), parts(&response).0, response.closes())
}

#[test]
fn a_response_repeats_what_routes_it() {
    let response = answer(&service(Issuer::default()), &message(&good()));
    let (head, body) = parts(&response);
    let tag = header(&head, "To").unwrap().rsplit_once(";tag=").unwrap().1.to_owned();
    assert_eq!((tag.len(), tag.bytes().all(|byte| byte.is_ascii_hexdigit())), (16, true));
    assert_eq!(
        head,
        format!(
            "SIP/2.0 200 OK\r\n\
             Via: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK1\r\n\
             From: \"William Cooper\"<sip:w@example.com>;tag=6392;epid=e1\r\n\
             To: <sip:mras.culvert.test@example.com;gruu;opaque=srvr:MRAS:tms0>;tag={tag}\r\n\
             Call-ID: 3ca1e573619f\r\n\
             CSeq: 1 SERVICE\r\n\
             Content-Type: application/msrtc-media-relay-auth+xml\r\n\
             Content-Length: {}",
            body.len()
        )
    );
}

#[test]
fn a_repeated_request_gets_the_same_tag_and_another_one_another() {
    let service = service(Issuer::default());
    let tag = |bytes: &[u8]| header(&parts(&answer(&service, bytes)).0, "To").unwrap().to_owned();
    let text = String::from_utf8(message(&good())).unwrap();
    assert_eq!(tag(text.as_bytes()), tag(text.as_bytes()));
    assert_ne!(tag(text.as_bytes()), tag(text.replace("CSeq: 1", "CSeq: 2").as_bytes()));
}

/// Two Vias in one line and one in another, compact names in any case, folded lines, a tag that is there.
#[test]
fn every_form_of_header_is_understood() {
    let body = good();
    let text = format!(
        "SERVICE sips:mras.culvert.test SIP/2.0\r\n\
         v: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK1, SIP/2.0/TLS [2001:db8::1];branch=z9hG4bK2\r\n\
         VIA :SIP/2.0/TLS 172.16.7.8:58674;ms-received-port=58674;ms-received-cid=39700\r\n\
         F: \"quote \\\" ;tag=0\"\r\n  <tel:+1>;tag=1\r\n\
         t: <sip:m@example.com>\r\n\t;tag=mine\r\n\
         i: a@b\r\n\
         CSeq: 2147483647   SERVICE\r\n\
         c: Application/MSRTC-Media-Relay-Auth+XML ; charset=\"UTF-8\"\r\n\
         k: ms-dialog-route-set-update\r\n\
         ms-user-data: ms-publiccloud=FALSE\r\n\
         L:  {}\r\n\r\n{body}",
        body.len()
    );
    let response = answer(&service(Issuer::default()), text.as_bytes());
    let (head, _) = parts(&response);
    let lines: Vec<_> = head.split("\r\n").take(7).collect();
    assert_eq!(
        lines,
        [
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK1, SIP/2.0/TLS [2001:db8::1];branch=z9hG4bK2",
            "Via: SIP/2.0/TLS 172.16.7.8:58674;ms-received-port=58674;ms-received-cid=39700",
            "From: \"quote \\\" ;tag=0\" <tel:+1>;tag=1",
            "To: <sip:m@example.com> ;tag=mine",
            "Call-ID: a@b",
            "CSeq: 2147483647   SERVICE",
        ]
    );
}

#[test]
fn headers_that_every_request_has() {
    let warning = |head: &str| header(head, "Warning").unwrap_or_default().to_owned();
    let via = "Via: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK1\r\n";
    let from = "From: \"William Cooper\"<sip:w@example.com>;tag=6392;epid=e1\r\n";
    let to = "To: <sip:mras.culvert.test@example.com;gruu;opaque=srvr:MRAS:tms0>\r\n";
    let call = "Call-ID: 3ca1e573619f\r\n";
    let sequence = "CSeq must be a number and the method of the request";
    let hops = "Max-Forwards must be a number up to 255";
    for (old, new, expected) in [
        (via, "", "there must be a Via"),
        (via, "Via: SIP/2.0/TLS\r\n", "a Via is malformed"),
        (via, "Via: SIP/2.0/TLS a;branch=z9hG4bK1,\r\n", "a Via is malformed"),
        (via, "Via: SIP/2.0/TLS a;branch=z9hG4bK1 x\r\n", "a Via is malformed"),
        (from, "", "there must be one From"),
        (from, "From:\r\n", "there must be one From"),
        (from, &from.repeat(2), "there must be one From"),
        (to, "", "there must be one To"),
        (to, &format!("{to}t: <sip:x@y>\r\n"), "there must be one To"),
        (call, "", "there must be one Call-ID"),
        (call, &format!("{call}i: x\r\n"), "there must be one Call-ID"),
        ("CSeq: 1 SERVICE\r\n", "", "there must be one CSeq"),
        ("CSeq: 1 SERVICE", "CSeq: 1 OPTIONS", sequence),
        ("CSeq: 1 SERVICE", "CSeq: 1 SERVICES", sequence),
        ("CSeq: 1 SERVICE", "CSeq: 1 service", sequence),
        ("CSeq: 1 SERVICE", "CSeq: x SERVICE", sequence),
        ("CSeq: 1 SERVICE", "CSeq: 2147483648 SERVICE", sequence),
        ("CSeq: 1 SERVICE", "CSeq: 99999999999 SERVICE", sequence),
        ("CSeq: 1 SERVICE", "CSeq: 1", sequence),
        ("Max-Forwards: 69", "Max-Forwards: 256", hops),
        ("Max-Forwards: 69", "Max-Forwards: x", hops),
        ("Max-Forwards: 69\r\n", "Max-Forwards: 6\r\nMax-Forwards: 9\r\n", hops),
    ] {
        let (status, head, closes) = changed(old, new);
        assert_eq!((status, closes), (400, false), "{new:?}");
        assert_eq!(warning(&head), format!("399 mras \"{expected}\""), "{old:?} {new:?}");
    }
    for (old, new) in [("Max-Forwards: 69\r\n", ""), ("Max-Forwards: 69", "Max-Forwards: 0")] {
        assert_eq!(changed(old, new).0, 200, "{new:?}");
    }
}

#[test]
fn what_breaks_the_grammar_is_answered_and_ends_the_connection() {
    let start = "SERVICE sip:mras.culvert.test:5062;grid SIP/2.0";
    let length = format!("Content-Length: {}\r\n", good().len());
    let many = "X: y\r\n".repeat(128) + &length;
    let first = "the first line must be a method, a URI and SIP/2.0";
    for (old, new, expected) in [
        (start, "SERVICE  sip:m SIP/2.0", first),
        (start, "SERVICE sip:m", first),
        (start, "SERVICE sip:m HTTP/1.1", first),
        (start, "GET / HTTP/1.1 x", first),
        (&length, "", "there must be one Content-Length"),
        (&length, &length.repeat(2), "there must be one Content-Length"),
        (&length, &format!("{length}l: 5\r\n"), "there must be one Content-Length"),
        (&length, "Content-Length: +5\r\n", "Content-Length must be a number"),
        (&length, "Content-Length: -1\r\n", "Content-Length must be a number"),
        (&length, "Content-Length: 5, 5\r\n", "Content-Length must be a number"),
        (&length, "Content-Length: 5\r\n 5\r\n", "Content-Length must be a number"),
        (&length, "Content-Length:\r\n", "Content-Length must be a number"),
        ("Max-Forwards: 69", "no colon", "every header line needs a name and a colon"),
        (&length, &many, "too many headers"),
    ] {
        let (status, head, closes) = changed(old, new);
        assert_eq!((status, closes), (400, true), "{new:?}");
        assert_eq!(header(&head, "Warning"), Some(format!("399 mras \"{expected}\"").as_str()), "{new:?}");
    }
}

#[test]
fn bodies_that_are_too_large_are_not_read() {
    for length in ["262145", "4294967296", "99999999999999999999999999"] {
        let old = format!("Content-Length: {}", good().len());
        let (status, _, closes) = changed(&old, &format!("Content-Length: {length}"));
        assert_eq!((status, closes), (413, true), "{length}");
    }
    let whole = format!("{}{}", good(), " ".repeat(256 * 1024 - good().len()));
    assert_eq!(answer(&service(Issuer::default()), &message(&whole)).status(), 200);
}

#[test]
fn uris_and_versions_of_sip() {
    let start = "SERVICE sip:mras.culvert.test:5062;grid SIP/2.0";
    for (new, expected) in [
        ("SERVICE sip:@ SIP/2.0", 400),
        ("SERVICE mras SIP/2.0", 400),
        ("SERVICE tel:+1 SIP/2.0", 416),
        ("SERVICE sip:m SIP/3.0", 505),
        ("SERVICE sip:m SIP/1.0", 505),
        ("SERVICE sip:m sip/2.0", 200),
    ] {
        assert_eq!(changed(start, new).0, expected, "{new}");
    }
}

#[test]
fn other_methods() {
    let service = service(Issuer::default());
    for method in ["INVITE", "MESSAGE", "OPTIONSX", "service", "ACKNOWLEDGE", "X-%!"] {
        let response = answer(&service, &message_with(method, TYPE, &good()));
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(header(&parts(&response).0, "Allow"), Some("SERVICE, OPTIONS"), "{method}");
        assert_eq!(parts(&response).1, "");
    }
    assert_eq!(answer(&service, &message_with("CANCEL", "", "")).status(), 481);
    assert_eq!(answers(&service, &message_with("ACK", "", "")).len(), 0);
    assert_eq!(answers(&service, &message_with("ACK", TYPE, &good())).len(), 0);
    let response = answer(&service, &message_with("OPTIONS", "", ""));
    let (head, _) = parts(&response);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&head, "Allow"), Some("SERVICE, OPTIONS"));
    assert_eq!(header(&head, "Accept"), Some("application/msrtc-media-relay-auth+xml"));
    assert_eq!(header(&head, "Content-Length"), Some("0"));
}

#[test]
fn responses_are_not_answered() {
    let text = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(answers(&service(Issuer::default()), text.as_bytes()).len(), 0);
}

#[test]
fn other_content() {
    let service = service(Issuer::default());
    let media_type = Some("application/msrtc-media-relay-auth+xml");
    for (headers, accept, encoding) in [
        ("", media_type, None),
        ("Content-Type: application/sdp\r\n", media_type, None),
        ("Content-Type: application/msrtc-media-relay-auth\r\n", media_type, None),
        ("Content-Type: application/msrtc-media-relay-auth+xml;charset=iso-8859-1\r\n", media_type, None),
        (&TYPE.repeat(2), media_type, None),
        (&format!("{TYPE}Content-Encoding: gzip\r\n"), None, Some("identity")),
    ] {
        let response = answer(&service, &message_with("SERVICE", headers, &good()));
        let (head, body) = parts(&response);
        assert_eq!(response.status(), 415, "{headers}");
        assert_eq!(
            (header(&head, "Accept"), header(&head, "Accept-Encoding")),
            (accept, encoding),
            "{headers}"
        );
        assert_eq!(body, "");
    }
    let identity = format!("{TYPE}e: Identity\r\n");
    assert_eq!(answer(&service, &message_with("SERVICE", &identity, &good())).status(), 200);
}

#[test]
fn required_extensions_are_named() {
    let headers = format!("{TYPE}Require: 100rel, ms-x\r\nRequire:timer\r\n");
    let response = answer(&service(Issuer::default()), &message_with("SERVICE", &headers, &good()));
    assert_eq!(response.status(), 420);
    assert_eq!(header(&parts(&response).0, "Unsupported"), Some("100rel, ms-x, timer"));
}

/// Whatever a header holds, it comes back as one line or not at all.
#[test]
fn headers_cannot_be_injected() {
    let service = service(Issuer::default());
    for bad in ["a\nX-Injected: 1", "a\rX-Injected: 1", "a\u{0}", "a\u{85}X-Injected: 1", "a\u{7f}"] {
        let text = String::from_utf8(message(&good())).unwrap().replace("3ca1e573619f", bad);
        assert_eq!(answers(&service, text.as_bytes()).len(), 0, "{bad:?}");
    }
    let (status, head, _) = changed("3ca1e573619f", "a\r\n\tX-Injected: 1\r\n  b");
    assert_eq!(status, 200);
    assert_eq!(header(&head, "Call-ID"), Some("a X-Injected: 1 b"));
    assert_eq!(header(&head, "X-Injected"), None);
}
