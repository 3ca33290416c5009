// SPDX-License-Identifier: MIT OR Apache-2.0
//! An issuer that says what it is told to, and messages for it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use culvert_mras_sip::{
    CredentialIssuer, Credentials, Frame, Framer, FrontEnd, IssueError, Limits, Location, MediaRelay,
    Request, Response, Service,
};

pub(crate) const PASSWORD: &str = "cGFzc3dvcmQ=";

/// Answers with `error`, or one credential for each identity; remembers who asked what.
#[derive(Default)]
pub(crate) struct Issuer {
    pub(crate) error: Option<IssueError>,
    /// Answers with so many credentials fewer.
    pub(crate) short: usize,
    pub(crate) realm: Option<&'static str>,
    pub(crate) no_relays: bool,
    pub(crate) asked: Mutex<Vec<(FrontEnd, Request)>>,
}

impl CredentialIssuer for Issuer {
    fn issue(&self, front_end: &FrontEnd, request: &Request) -> Result<Vec<Credentials>, IssueError> {
        self.asked.lock().unwrap().push((front_end.clone(), request.clone()));
        if let Some(error) = self.error {
            return Err(error);
        }
        let one = |index: usize| {
            let asked = &request.credentials[index];
            let relay = |location, host_name: Option<&str>, address| MediaRelay {
                location,
                host_name: host_name.map(str::to_owned),
                address,
                udp_port: Some(3478),
                tcp_port: (location == Location::Internet).then_some(443),
            };
            let relays = [
                relay(Location::Internet, Some("av.example.com"), IpAddr::from(Ipv4Addr::new(192, 0, 2, 1))),
                relay(Location::Intranet, None, IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
            ];
            let wanted = |relay: &MediaRelay| {
                !self.no_relays && asked.location.is_none_or(|location| location == relay.location)
            };
            Credentials {
                username: format!("{}-{index}", request.version.as_str()).into(),
                password: PASSWORD.to_owned().into(),
                duration: asked.duration.unwrap_or(NonZeroU32::new(480).unwrap()),
                realm: self.realm.unwrap_or("example.com").to_owned(),
                relays: relays.into_iter().filter(wanted).collect(),
            }
        };
        Ok((0..request.credentials.len() - self.short).map(one).collect())
    }
}

pub(crate) fn front_end() -> FrontEnd {
    FrontEnd::from("front-end.culvert.test")
}

pub(crate) fn service(issuer: Issuer) -> Service {
    Service::new(Arc::new(issuer), Limits::default())
}

/// The head of a SERVICE request up to its Content-Type, with a Content-Length for `body`.
pub(crate) fn message(body: &str) -> Vec<u8> {
    message_with("SERVICE", "Content-Type: application/msrtc-media-relay-auth+xml\r\n", body)
}

pub(crate) fn message_with(method: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} sip:mras.culvert.test:5062;grid SIP/2.0\r\n\
         Via: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK1\r\n\
         From: \"William Cooper\"<sip:w@example.com>;tag=6392;epid=e1\r\n\
         To: <sip:mras.culvert.test@example.com;gruu;opaque=srvr:MRAS:tms0>\r\n\
         Call-ID: 3ca1e573619f\r\n\
         CSeq: 1 {method}\r\n\
         Max-Forwards: 69\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) const FROM_TO: &str =
    r#"from="sip:w@example.com" to="sip:mras.culvert.test@example.com;gruu;opaque=srvr:MRAS:tms0""#;

pub(crate) const ONE: &str = r#"<credentialsRequest credentialsRequestID="7"><identity>sip:w@example.com</identity><location>intranet</location><duration>60</duration></credentialsRequest>"#;

pub(crate) fn request(attributes: &str, content: &str) -> String {
    format!(
        r#"<request {attributes} xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{content}</request>"#
    )
}

/// A request of a version with this content.
pub(crate) fn versioned(version: &str, content: &str) -> String {
    request(&format!(r#"requestID="3757984" version="{version}" {FROM_TO}"#), content)
}

/// All answers to what arrives in one piece, and whether the stream can go on.
pub(crate) fn answers(service: &Service, bytes: &[u8]) -> Vec<Response> {
    let mut framer = Framer::new(service.limits());
    framer.buffer().extend_from_slice(bytes);
    let mut answers = Vec::new();
    while let Ok(Some(frame)) = framer.next() {
        if let Frame::Message(message) = frame {
            answers.extend(service.answer(&front_end(), &message));
        }
    }
    answers
}

pub(crate) fn answer(service: &Service, bytes: &[u8]) -> Response {
    let mut answers = answers(service, bytes);
    assert_eq!(answers.len(), 1, "{}", String::from_utf8_lossy(bytes));
    answers.remove(0)
}

/// Head without its last line end, and body.
pub(crate) fn parts(response: &Response) -> (String, String) {
    let text = std::str::from_utf8(response.bytes()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
