// SPDX-License-Identifier: MIT OR Apache-2.0
//! From an outcome to a body: \[MS-AVEDGEA\] 2.2.3.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use zeroize::Zeroizing;

use super::read::is_xml;
use crate::{Credentials, CredentialsRequest, MediaRelay, NAMESPACE, ReasonPhrase, Request, Route, Version};

/// The issuer's answer does not fit the request, or has characters that no XML can hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwritable;

/// The body of a response: with credentials, of a refusal of `request`, or, without a request, of a refusal of what could not be
/// read.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    reason: ReasonPhrase,
    request: Option<&'a Request>,
    credentials: &'a [Credentials],
}

/// Checks that the credentials can be written as the answer to the request.
pub(crate) fn body<'a>(
    reason: ReasonPhrase,
    request: Option<&'a Request>,
    credentials: &'a [Credentials],
) -> Result<Body<'a>, Unwritable> {
    let asked = match (reason, request) {
        (ReasonPhrase::Ok, Some(request)) => request.credentials.len(),
        _ => 0,
    };
    let writable = |credentials: &Credentials| {
        let relays = &credentials.relays;
        let names = relays.iter().filter_map(|relay| relay.host_name.as_deref());
        let texts = [credentials.username.as_str(), &credentials.password, &credentials.realm];
        !relays.is_empty() && texts.into_iter().chain(names).all(|text| text.chars().all(is_xml))
    };
    let fits = credentials.len() == asked && credentials.iter().all(writable);
    fits.then_some(Body { reason, request, credentials }).ok_or(Unwritable)
}

/// The bytes. They are counted before they are written, so that no buffer grows and leaves passwords behind.
pub(crate) fn write(body: Body<'_>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut count = Count(0);
    response(&mut Writer::new(&mut count), body)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(count.0));
    response(&mut Writer::new(&mut *bytes), body)?;
    Ok(bytes)
}

fn response<W: io::Write>(writer: &mut Writer<W>, body: Body<'_>) -> io::Result<()> {
    let valid = body.reason != ReasonPhrase::VersionMismatch;
    let version = body.request.map_or(Version::SERVER, |request| request.version);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", None, None)))?;
    let mut element = writer.create_element("response");
    if let Some(request) = body.request {
        element = element.with_attribute(("requestID", request.id.as_str()));
    }
    element = element.with_attribute(("version", version.as_str()));
    // Clients of version 1.0 do not know the attribute.
    if !(valid && version == Version::V1) {
        element = element.with_attribute(("serverVersion", Version::SERVER.as_str()));
    }
    if let Some(request) = body.request {
        element = element.with_attributes([("to", request.to.as_str()), ("from", request.from.as_str())]);
    }
    element = element.with_attributes([("reasonPhrase", body.reason.as_str()), ("xmlns", NAMESPACE)]);
    let Some(request) = body.request.filter(|_| !body.credentials.is_empty()) else {
        element.write_empty()?;
        return Ok(());
    };
    element.write_inner_content(|writer| {
        let pairs = request.credentials.iter().zip(body.credentials);
        pairs.into_iter().try_for_each(|(asked, given)| credentials(writer, asked, given, request.route))
    })?;
    Ok(())
}

fn credentials<W: io::Write>(
    writer: &mut Writer<W>,
    asked: &CredentialsRequest,
    given: &Credentials,
    route: Route,
) -> io::Result<()> {
    let element = writer.create_element("credentialsResponse");
    element.with_attribute(("credentialsRequestID", asked.id.as_str())).write_inner_content(|writer| {
        writer.create_element("credentials").write_inner_content(|writer| {
            text(writer, "username", &given.username)?;
            text(writer, "password", &given.password)?;
            text(writer, "duration", &given.duration.to_string())?;
            text(writer, "realm", &given.realm)
        })?;
        writer.create_element("mediaRelayList").write_inner_content(|writer| {
            given.relays.iter().try_for_each(|relay| media_relay(writer, relay, route))
        })?;
        Ok(())
    })?;
    Ok(())
}

fn media_relay<W: io::Write>(writer: &mut Writer<W>, relay: &MediaRelay, route: Route) -> io::Result<()> {
    let address = relay.address.to_string();
    writer.create_element("mediaRelay").write_inner_content(|writer| {
        text(writer, "location", relay.location.as_str())?;
        match route {
            Route::LoadBalanced => text(writer, "hostName", relay.host_name.as_ref().unwrap_or(&address))?,
            Route::DirectIp => text(writer, "directIPAddress", &address)?,
        }
        for (name, port) in [("udpPort", relay.udp_port), ("tcpPort", relay.tcp_port)] {
            if let Some(port) = port {
                text(writer, name, &port.to_string())?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn text<W: io::Write>(writer: &mut Writer<W>, name: &str, text: &str) -> io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
