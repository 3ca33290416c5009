// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every outcome, byte by byte.

use std::time::Duration;

use culvert_mras_sip::{IssueError, Limits, Location, ReasonPhrase, Route, Service, Version};

use crate::support::{
    FROM_TO, Issuer, ONE, PASSWORD, answer, front_end, header, message, parts, request, service, versioned,
};

const XMLNS: &str = r#"xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp""#;

/// What a request is told that could be read.
fn known(version: &str, server_version: &str, reason: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><response requestID="3757984" version="{version}"{server_version} to="sip:mras.culvert.test@example.com;gruu;opaque=srvr:MRAS:tms0" from="sip:w@example.com" reasonPhrase="{reason}" {XMLNS}/>"#
    )
}

const V2: &str = r#" serverVersion="2.0""#;

/// What a request is told that could not.
fn unknown(reason: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><response version="2.0" serverVersion="2.0" reasonPhrase="{reason}" {XMLNS}/>"#
    )
}

#[test]
fn every_reason_phrase_has_its_status_and_body() {
    let busy = |millis| IssueError::ServerBusy { retry_after: Duration::from_millis(millis) };
    for (error, version, reason, status, retry_after, expected) in [
        (
            IssueError::Malformed,
            "2.0",
            ReasonPhrase::RequestMalformed,
            400,
            None,
            known("2.0", V2, "Request Malformed"),
        ),
        (
            IssueError::NotSupported,
            "2.0",
            ReasonPhrase::NotSupported,
            501,
            None,
            known("2.0", V2, "Not Supported"),
        ),
        (busy(2001), "2.0", ReasonPhrase::ServerBusy, 503, Some("3"), known("2.0", V2, "Server Busy")),
        (busy(0), "1.0", ReasonPhrase::ServerBusy, 503, Some("1"), known("1.0", "", "Server Busy")),
        (IssueError::TimeOut, "1.0", ReasonPhrase::TimeOut, 408, None, known("1.0", "", "Time Out")),
        (IssueError::Forbidden, "1.0", ReasonPhrase::Forbidden, 403, None, known("1.0", "", "Forbidden")),
        (
            IssueError::Internal,
            "2.0",
            ReasonPhrase::InternalServerError,
            500,
            None,
            known("2.0", V2, "Internal Server Error"),
        ),
        (IssueError::Other, "2.0", ReasonPhrase::OtherFailure, 500, None, known("2.0", V2, "Other Failure")),
    ] {
        let service = service(Issuer { error: Some(error), ..Issuer::default() });
        let response = answer(&service, &message(&versioned(version, ONE)));
        let (head, body) = parts(&response);
        assert_eq!((response.status(), response.reason()), (status, Some(reason)));
        assert_eq!(body, expected);
        assert_eq!(header(&head, "Retry-After"), retry_after, "{reason:?}");
        assert!(!response.closes());
    }
}

#[test]
fn phrases_are_those_of_the_schema() {
    let phrases = ReasonPhrase::ALL.map(|reason| (reason.as_str(), reason.status()));
    let expected = [
        ("OK", 200),
        ("Request Malformed", 400),
        ("Request Too Large", 413),
        ("Not Supported", 501),
        ("Server Busy", 503),
        ("Time Out", 408),
        ("Forbidden", 403),
        ("Internal Server Error", 500),
        ("Other Failure", 500),
        ("Version Mismatch", 488),
    ];
    assert_eq!(phrases, expected);
}

#[test]
fn credentials_name_relays_as_the_route_says_and_where_the_location_says() {
    let internet = |host: &str| {
        format!(
            "<mediaRelay><location>internet</location>{host}<udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay>"
        )
    };
    let intranet = |host: &str| {
        format!("<mediaRelay><location>intranet</location>{host}<udpPort>3478</udpPort></mediaRelay>")
    };
    let by_name = internet("<hostName>av.example.com</hostName>");
    // An address stands in for a name that a relay does not have.
    let unnamed = intranet("<hostName>2001:db8::1</hostName>");
    let by_address = internet("<directIPAddress>192.0.2.1</directIPAddress>");
    let inside = intranet("<directIPAddress>2001:db8::1</directIPAddress>");
    for (version, server_version, route, location, relays) in [
        ("1.0", "", "", "<location>internet</location>", by_name.clone()),
        ("2.0", V2, r#" route="loadbalanced""#, "", by_name + &unnamed),
        ("2.0", V2, r#" route="directip""#, "", by_address + &inside),
        ("1.0", "", r#" route="directip""#, "<location>intranet</location>", inside),
    ] {
        let one = format!(
            r#"<credentialsRequest credentialsRequestID="a&amp;&quot;"><identity>sip:w@example.com</identity>{location}<duration>60</duration></credentialsRequest>"#
        );
        let two = r#"<credentialsRequest credentialsRequestID="b"><identity>sip:x@example.com</identity><location>internet</location></credentialsRequest>"#;
        let xml =
            request(&format!(r#"requestID="3757984" version="{version}"{route} {FROM_TO}"#), &(one + two));
        let response = answer(&service(Issuer::default()), &message(&xml));
        let (head, body) = parts(&response);
        let second = if route.contains("directip") {
            internet("<directIPAddress>192.0.2.1</directIPAddress>")
        } else {
            internet("<hostName>av.example.com</hostName>")
        };
        let open = known(version, server_version, "OK").replace("/>", ">");
        let credentials = |id: &str, index: usize, duration: u32, relays: &str| {
            format!(
                r#"<credentialsResponse credentialsRequestID="{id}"><credentials><username>{version}-{index}</username><password>{PASSWORD}</password><duration>{duration}</duration><realm>example.com</realm></credentials><mediaRelayList>{relays}</mediaRelayList></credentialsResponse>"#
            )
        };
        let (one, two) = (credentials("a&amp;&quot;", 0, 60, &relays), credentials("b", 1, 480, &second));
        assert_eq!(body, format!("{open}{one}{two}</response>"));
        assert_eq!(response.status(), 200);
        assert_eq!(header(&head, "Content-Type"), Some("application/msrtc-media-relay-auth+xml"));
        assert_eq!(header(&head, "Content-Length"), Some(body.len().to_string().as_str()));
    }
}

#[test]
fn the_issuer_is_told_who_asks_what() {
    let issuer = std::sync::Arc::new(Issuer::default());
    let service = Service::new(issuer.clone(), Limits::default());
    let xml = request(&format!(r#"requestID="r" version="2.0" route="directip" {FROM_TO}"#), ONE);
    assert_eq!(answer(&service, &message(&xml)).status(), 200);
    let asked = issuer.asked.lock().unwrap();
    let (who, request) = &asked[0];
    assert_eq!(asked.len(), 1);
    assert_eq!(*who, front_end());
    assert_eq!((request.id.as_str(), request.version, request.route), ("r", Version::V2, Route::DirectIp));
    assert_eq!(request.from, "sip:w@example.com");
    assert_eq!(request.to, "sip:mras.culvert.test@example.com;gruu;opaque=srvr:MRAS:tms0");
    let [one] = &request.credentials[..] else { panic!("{request:?}") };
    assert_eq!((one.id.as_str(), one.identity.as_str()), ("7", "sip:w@example.com"));
    assert_eq!((one.location, one.duration.map(u32::from)), (Some(Location::Intranet), Some(60)));
}

#[test]
fn a_hundred_are_served_and_one_more_is_too_large() {
    let service = service(Issuer::default());
    let response = answer(&service, &message(&versioned("2.0", &ONE.repeat(100))));
    assert_eq!(response.reason(), Some(ReasonPhrase::Ok));
    assert_eq!(parts(&response).1.matches("<credentialsResponse ").count(), 100);
    for version in ["1.0", "2.0"] {
        let response = answer(&service, &message(&versioned(version, &ONE.repeat(101))));
        let server_version = if version == "1.0" { "" } else { V2 };
        assert_eq!(response.status(), 413);
        assert_eq!(parts(&response).1, known(version, server_version, "Request Too Large"));
    }
    // Only what is otherwise as it should be is too large.
    let mixed = ONE.repeat(101) + "<credentialsRequest/>";
    assert_eq!(parts(&answer(&service, &message(&versioned("2.0", &mixed)))).1, unknown("Request Malformed"));
}

#[test]
fn another_version_is_told_which_is_spoken() {
    for version in ["0.9", "1.1", "3.0", "12345.0"] {
        let response = answer(&service(Issuer::default()), &message(&versioned(version, ONE)));
        assert_eq!(response.status(), 488);
        assert_eq!(parts(&response).1, known("2.0", V2, "Version Mismatch"));
    }
}

#[test]
fn nothing_of_a_malformed_request_is_repeated() {
    let response = answer(&service(Issuer::default()), &message("<request"));
    assert_eq!(response.status(), 400);
    let (head, body) = parts(&response);
    assert_eq!(body, unknown("Request Malformed"));
    assert_eq!(header(&head, "Warning"), Some("399 mras \"the body is not well-formed XML 1.0\""));
}

#[test]
fn an_issuer_that_does_not_answer_what_was_asked_is_a_fault_of_the_server() {
    for issuer in [
        Issuer { short: 1, ..Issuer::default() },
        Issuer { no_relays: true, ..Issuer::default() },
        Issuer { realm: Some("a\u{1}b"), ..Issuer::default() },
        Issuer { realm: Some("a\u{fffe}b"), ..Issuer::default() },
    ] {
        let response = answer(&service(issuer), &message(&versioned("1.0", ONE)));
        assert_eq!(response.status(), 500);
        assert_eq!(parts(&response).1, known("1.0", "", "Internal Server Error"));
    }
}

#[test]
fn what_an_issuer_says_is_escaped() {
    let service = service(Issuer { realm: Some("<a&b>]]>\"'"), ..Issuer::default() });
    let body = parts(&answer(&service, &message(&versioned("2.0", ONE)))).1;
    let (_, after) = body.split_once("<realm>").unwrap();
    assert_eq!(after.split_once("</realm>").unwrap().0, "&lt;a&amp;b&gt;]]&gt;&quot;&apos;");
}

#[test]
fn debug_output_has_no_credentials() {
    let xml = versioned("2.0", ONE);
    let response = answer(&service(Issuer::default()), &message(&xml));
    assert_eq!(format!("{response:?}"), "Response { status: 200, reason: Some(Ok), closes: false, .. }");
}
