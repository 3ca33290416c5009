// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bad input for every element and attribute, and bodies that are bombs.

use std::time::{Duration, Instant};

use culvert_mras_sip::{Malformed, ReasonPhrase};

use crate::support::{FROM_TO, Issuer, ONE, answer, header, message, parts, request, service, versioned};

/// Asserts that a body is refused, and as what.
fn refused(body: &str, expected: Malformed) {
    let response = answer(&service(Issuer::default()), &message(body));
    let (head, _) = parts(&response);
    assert_eq!(response.reason(), Some(ReasonPhrase::RequestMalformed), "{body}");
    assert_eq!(header(&head, "Warning"), Some(format!("399 mras \"{expected}\"").as_str()), "{body}");
}

fn served(body: &str) {
    let response = answer(&service(Issuer::default()), &message(body));
    assert_eq!(response.reason(), Some(ReasonPhrase::Ok), "{body} {:?}", parts(&response).0);
}

fn one(content: &str) -> String {
    versioned(
        "2.0",
        &format!(r#"<credentialsRequest credentialsRequestID="1">{content}</credentialsRequest>"#),
    )
}

const IDENTITY: &str = "<identity>sip:w@example.com</identity>";

#[test]
fn attributes_of_request() {
    let id = "of 1 to 64 characters in one line";
    let long = "x".repeat(65);
    let long_uri = format!("sip:{}@example.com", "a".repeat(1020));
    let value = |name, must| Malformed::Value { name, must };
    let missing = |attribute| Malformed::Missing { element: "request", attribute };
    let to = r#"to="sip:m@example.com""#;
    let from = r#"from="sip:w@example.com""#;
    for (attributes, expected) in [
        (format!(r#"version="2.0" {FROM_TO}"#), missing("requestID")),
        (format!(r#"requestID="1" {FROM_TO}"#), missing("version")),
        (format!(r#"requestID="1" version="2.0" {to}"#), missing("from")),
        (format!(r#"requestID="1" version="2.0" {from}"#), missing("to")),
        (format!(r#"requestID="" version="2.0" {FROM_TO}"#), value("requestID", id)),
        (format!(r#"requestID="{long}" version="2.0" {FROM_TO}"#), value("requestID", id)),
        (format!(r#"requestID="a&#10;b" version="2.0" {FROM_TO}"#), value("requestID", id)),
        (
            format!(r#"requestID="1" version="" {FROM_TO}"#),
            value("version", "two numbers with a point between"),
        ),
        (
            format!(r#"requestID="1" version="2" {FROM_TO}"#),
            value("version", "two numbers with a point between"),
        ),
        (
            format!(r#"requestID="1" version="2.x" {FROM_TO}"#),
            value("version", "two numbers with a point between"),
        ),
        (
            format!(r#"requestID="1" version=" 2.0" {FROM_TO}"#),
            value("version", "two numbers with a point between"),
        ),
        (format!(r#"requestID="1" version="2.0" from="w@example.com" {to}"#), value("from", "a SIP URI")),
        (format!(r#"requestID="1" version="2.0" from="tel:+1" {to}"#), value("from", "a SIP URI")),
        (format!(r#"requestID="1" version="2.0" from="{long_uri}" {to}"#), value("from", "a SIP URI")),
        (format!(r#"requestID="1" version="2.0" {from} to="""#), value("to", "a SIP URI")),
        (format!(r#"requestID="1" version="2.0" {from} to="sip:a@b c""#), value("to", "a SIP URI")),
        (
            format!(r#"requestID="1" version="2.0" route="" {FROM_TO}"#),
            value("route", "loadbalanced or directip"),
        ),
        (
            format!(r#"requestID="1" version="2.0" route="DirectIP" {FROM_TO}"#),
            value("route", "loadbalanced or directip"),
        ),
        (
            format!(r#"requestID="1" version="2.0" more="1" {FROM_TO}"#),
            Malformed::UnknownAttribute { element: "request" },
        ),
        (
            format!(r#"requestID="1" version="2.0" xsi:type="a" {FROM_TO}"#),
            Malformed::UnknownAttribute { element: "request" },
        ),
        (
            format!(r#"requestID="1" version="2.0" no:where="a" {FROM_TO}"#),
            Malformed::UnknownAttribute { element: "request" },
        ),
        (format!(r#"requestID="1" requestID="2" version="2.0" {FROM_TO}"#), Malformed::IllFormed),
        (format!(r#"requestID="a<b" version="2.0" {FROM_TO}"#), Malformed::IllFormed),
        (format!(r#"requestID=1 version="2.0" {FROM_TO}"#), Malformed::IllFormed),
        (format!(r#"requestID="&#1;" version="2.0" {FROM_TO}"#), Malformed::IllFormed),
        (format!(r#"requestID="&more;" version="2.0" {FROM_TO}"#), Malformed::Entity),
    ] {
        refused(&request(&attributes, ONE), expected);
    }
    served(&request(&format!(r#"requestID="{}" version="2.0" {FROM_TO}"#, "é".repeat(64)), ONE));
    served(&request(&format!(r#"requestID='1' xsi:schemaLocation="a b" version="2.0" {FROM_TO}"#), ONE));
}

#[test]
fn credentials_requests() {
    let value = |name, must| Malformed::Value { name, must };
    let identity = value("identity", "of 1 to 65536 characters in one line");
    let location = value("location", "internet or intranet");
    let duration = value("duration", "a positive number of minutes");
    let end = Malformed::Element { expected: "the end of credentialsRequest" };
    let after = Malformed::Element { expected: "duration or the end of credentialsRequest" };
    let any = Malformed::Element { expected: "location, duration or the end of credentialsRequest" };
    for (content, expected) in [
        (String::new(), Malformed::Element { expected: "identity" }),
        ("<location>internet</location>".into(), Malformed::Element { expected: "identity" }),
        ("<identity/>".into(), identity),
        ("<identity>a&#10;b</identity>".into(), identity),
        ("<identity>a\tb</identity>".into(), identity),
        (format!("<identity>{}</identity>", "x".repeat(65537)), identity),
        ("<identity><b/></identity>".into(), value("identity", "text without elements")),
        ("<identity a='1'>x</identity>".into(), Malformed::UnknownAttribute { element: "identity" }),
        (format!("{IDENTITY}{IDENTITY}"), any),
        (format!("{IDENTITY}<other/>"), any),
        (format!("{IDENTITY}<location xmlns=''>internet</location>"), any),
        (format!("{IDENTITY}<location/>"), location),
        (format!("{IDENTITY}<location>Internet</location>"), location),
        (format!("{IDENTITY}<location> internet</location>"), location),
        (format!("{IDENTITY}<location>internet</location><location>internet</location>"), after),
        (format!("{IDENTITY}<duration>60</duration><location>internet</location>"), end),
        (format!("{IDENTITY}<duration>60</duration><duration>60</duration>"), end),
        (format!("{IDENTITY}<duration/>"), duration),
        (format!("{IDENTITY}<duration>0</duration>"), duration),
        (format!("{IDENTITY}<duration>-1</duration>"), duration),
        (format!("{IDENTITY}<duration>1.5</duration>"), duration),
        (format!("{IDENTITY}<duration>PT8H</duration>"), duration),
        (format!("{IDENTITY}<duration>+</duration>"), duration),
        (format!("{IDENTITY} x"), Malformed::Text),
        (format!("{IDENTITY}&amp;"), Malformed::Text),
        (format!("{IDENTITY}<![CDATA[x]]>"), Malformed::Text),
        ("<identity>]]></identity>".into(), Malformed::IllFormed),
        ("<identity>&more;</identity>".into(), Malformed::Entity),
        ("<identity>&#xfffe;</identity>".into(), Malformed::IllFormed),
        ("<identity>\u{1}</identity>".into(), Malformed::IllFormed),
        ("<identity>a</location>".into(), Malformed::IllFormed),
    ] {
        refused(&one(&content), expected);
    }
    for (content, expected) in [
        (
            "<credentialsRequest><identity>a</identity></credentialsRequest>".into(),
            Malformed::Missing { element: "credentialsRequest", attribute: "credentialsRequestID" },
        ),
        (ONE.replace('7', ""), value("credentialsRequestID", "of 1 to 64 characters in one line")),
        (
            ONE.replace('7', &"7".repeat(65)),
            value("credentialsRequestID", "of 1 to 64 characters in one line"),
        ),
        (ONE.replace("ID=", "Id="), Malformed::UnknownAttribute { element: "credentialsRequest" }),
        (String::new(), Malformed::Element { expected: "credentialsRequest" }),
        ("<other/>".into(), Malformed::Element { expected: "credentialsRequest" }),
        (format!("{ONE}<x:other xmlns:x='y'/>"), Malformed::Element { expected: "credentialsRequest" }),
        (format!("{ONE}text"), Malformed::Text),
    ] {
        refused(&versioned("2.0", &content), expected);
    }
    for content in [
        format!("{IDENTITY}<duration>+0060</duration>"),
        format!("{IDENTITY}<duration> 99999999999999999999 </duration>"),
        format!("\r\n\t <!-- a --><?a b?>{IDENTITY}\n"),
        "<identity>s<![CDATA[ip:]]>&#119;<!-- x -->&amp;w</identity>".into(),
    ] {
        served(&one(&content));
    }
}

#[test]
fn what_surrounds_the_root() {
    let good = versioned("2.0", ONE);
    for (body, expected) in [
        (String::new(), Malformed::IllFormed),
        (" ".into(), Malformed::IllFormed),
        ("hello".into(), Malformed::Text),
        (good.replace("2006/09", "2006/10"), Malformed::Element { expected: "request" }),
        (good.replace("request", "response"), Malformed::Element { expected: "request" }),
        ("<request/>".into(), Malformed::Element { expected: "request" }),
        (good.replace("</request>", ""), Malformed::IllFormed),
        (format!("{good}{good}"), Malformed::IllFormed),
        (format!("{good}x"), Malformed::IllFormed),
        (format!("x{good}"), Malformed::Text),
        (format!(" <?xml version='1.0'?>{good}"), Malformed::IllFormed),
        (format!("<?xml version='1.0' encoding='utf-16'?>{good}"), Malformed::Encoding),
        (format!("<?xml version='1.0' encoding='iso-8859-1'?>{good}"), Malformed::Encoding),
        (format!("<!DOCTYPE request>{good}"), Malformed::DocumentType),
        (format!("<!DOCTYPE request SYSTEM 'http://192.0.2.1/x'>{good}"), Malformed::DocumentType),
        (format!("<!DOCTYPE request [<!ENTITY a 'b'>]>{good}"), Malformed::DocumentType),
        (format!("<!-- a--b -->{good}"), Malformed::IllFormed),
    ] {
        refused(&body, expected);
    }
    served(&format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- a -->{good}\r\n"));
    served(
        &good
            .replace("xmlns=", "xmlns:m=")
            .replace("</", "</m:")
            .replace("<c", "<m:c")
            .replace("<i", "<m:i")
            .replace("<l", "<m:l")
            .replace("<d", "<m:d")
            .replace("<r", "<m:r"),
    );
}

#[test]
fn bodies_in_other_encodings() {
    let good = versioned("2.0", ONE);
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(good.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [&utf16[..], b"<request a='\xe9'/>"] {
        let mut message = message(&"x".repeat(bytes.len()));
        message.truncate(message.len() - bytes.len());
        message.extend_from_slice(bytes);
        let response = answer(&service(Issuer::default()), &message);
        let (head, _) = parts(&response);
        assert_eq!(header(&head, "Warning"), Some("399 mras \"the body is not UTF-8\""));
    }
}

/// `one` of 0, 1, 2 and so on, to the length of half a body.
fn many(one: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0.. {
        if text.len() > 120_000 {
            break;
        }
        text += &one(index);
    }
    text
}

/// Each of these is within the limit of a body, and each costs a parser dear that looks before it counts.
#[test]
fn bombs_cost_no_more_than_their_length() {
    let request = r#"<request xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp""#;
    let attributes = many(|index| format!(" a{index}=''"));
    let namespaces = many(|index| format!(" xmlns:a{index}='b'"));
    let inherited = format!("{request}{namespaces}>{}</request>", many(|_| "<a0:b/>".into()));
    let nested = versioned("2.0", &many(|index| format!("<credentialsRequest xmlns:a{index}='b'>")));
    let entities = many(|index| format!("<!ENTITY a{} '{}'>", index + 1, format!("&a{index};").repeat(10)));
    let comments = versioned("2.0", &many(|_| "<!---->".into()));
    let no_id = Malformed::Missing { element: "credentialsRequest", attribute: "credentialsRequestID" };
    let since = Instant::now();
    for (body, expected) in [
        (format!("{request}{attributes}/>"), Malformed::TooMany),
        (format!("{request}{namespaces}/>"), Malformed::TooMany),
        (inherited, Malformed::TooMany),
        (nested, no_id),
        (many(|_| "<a>".into()), Malformed::Element { expected: "request" }),
        (format!("<!DOCTYPE r [<!ENTITY a0 'ha'>{entities}]><r>&a9;</r>"), Malformed::DocumentType),
        (comments, Malformed::Element { expected: "credentialsRequest" }),
    ] {
        refused(&body, expected);
    }
    served(&one(&format!("<identity>{}</identity>", many(|_| "&#65;".into()))));
    // Minutes where the cost of one of them is not linear; some milliseconds where it is.
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}
