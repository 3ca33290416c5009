// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a body to a request: \[MS-AVEDGEA\] 2.2.2.

use std::num::NonZeroU32;

use ezk_sip_types::uri::SipUri;

use super::{
    Malformed,
    read::{Element, Reader, Token},
};
use crate::{CredentialsRequest, Location, Request, Route, Version};

/// Of credentialsRequests.
const MOST: usize = 100;

/// Characters of an identifier, the schema's max64CharStringType.
const IDENTIFIER: usize = 64;

/// Characters of an identity, the schema's max64kCharStringType.
const IDENTITY: usize = 64 * 1024;

/// Characters of a URI; those that front ends form have at most 454.
const URI: usize = 1024;

/// Why a body gets no credentials.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing of it can be trusted enough to be repeated.
    Malformed(Malformed),
    /// More than 100, and otherwise as it should be.
    TooLarge(Box<Request>),
    /// The request says a version that is not spoken here. The version in it is not that of the request.
    Version(Box<Request>),
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Refused {
        Refused::Malformed(malformed)
    }
}

pub(crate) fn parse(body: &[u8]) -> Result<Request, Refused> {
    let mut reader = Reader::new(body)?;
    let root = loop {
        match reader.next()? {
            Token::Open(element) if element.name == "request" => break element,
            Token::Text(text) if is_blank(&text) => {}
            Token::End | Token::Close => return Err(Malformed::IllFormed.into()),
            Token::Open(_) => return Err(Malformed::Element { expected: "request" }.into()),
            Token::Text(_) => return Err(Malformed::Text.into()),
        }
    };
    let (mut request, version) = attributes(root)?;
    let mut count = 0;
    while let Some(element) = child(&mut reader, "credentialsRequest")? {
        if element.name != "credentialsRequest" {
            return Err(Malformed::Element { expected: "credentialsRequest" }.into());
        }
        let one = credentials_request(&mut reader, element)?;
        count += 1;
        if count <= MOST {
            request.credentials.push(one);
        }
    }
    loop {
        match reader.next()? {
            Token::End => break,
            Token::Text(text) if is_blank(&text) => {}
            _ => return Err(Malformed::IllFormed.into()),
        }
    }
    match version {
        _ if count == 0 => Err(Malformed::Element { expected: "credentialsRequest" }.into()),
        None => Err(Refused::Version(Box::new(request))),
        Some(_) if count > MOST => Err(Refused::TooLarge(Box::new(request))),
        Some(_) => Ok(request),
    }
}

/// The request without its credentialsRequests, and its version if that is spoken here.
fn attributes(element: Element<'_>) -> Result<(Request, Option<Version>), Malformed> {
    const ELEMENT: &str = "request";
    let (mut id, mut version, mut route, mut from, mut to) = (None, None, Route::default(), None, None);
    for (name, value) in element.attributes {
        match name.as_str() {
            "requestID" => id = Some(identifier("requestID", &value)?),
            "version" => version = Some(self::version(&value)?),
            "route" => route = self::route(&value)?,
            "from" => from = Some(uri("from", &value)?),
            "to" => to = Some(uri("to", &value)?),
            _ => return Err(Malformed::UnknownAttribute { element: ELEMENT }),
        }
    }
    let missing = |attribute| Malformed::Missing { element: ELEMENT, attribute };
    let version = version.ok_or(missing("version"))?;
    let request = Request {
        id: id.ok_or(missing("requestID"))?,
        version: version.unwrap_or(Version::SERVER),
        route,
        from: from.ok_or(missing("from"))?,
        to: to.ok_or(missing("to"))?,
        credentials: Vec::new(),
    };
    Ok((request, version))
}

fn credentials_request(
    reader: &mut Reader<'_>,
    element: Element<'_>,
) -> Result<CredentialsRequest, Malformed> {
    const ELEMENT: &str = "credentialsRequest";
    const ATTRIBUTE: &str = "credentialsRequestID";
    let mut id = None;
    for (name, value) in element.attributes {
        match name.as_str() {
            ATTRIBUTE => id = Some(identifier(ATTRIBUTE, &value)?),
            _ => return Err(Malformed::UnknownAttribute { element: ELEMENT }),
        }
    }
    let id = id.ok_or(Malformed::Missing { element: ELEMENT, attribute: ATTRIBUTE })?;

    let expected = "identity";
    let identity = match child(reader, expected)? {
        Some(element) if element.name == "identity" => self::identity(&value(reader, &element, "identity")?)?,
        _ => return Err(Malformed::Element { expected }),
    };
    let (mut location, mut duration) = (None, None);
    let mut expected = "location, duration or the end of credentialsRequest";
    while let Some(element) = child(reader, expected)? {
        match element.name.as_str() {
            "location" if location.is_none() && duration.is_none() => {
                location = Some(self::location(&value(reader, &element, "location")?)?);
                expected = "duration or the end of credentialsRequest";
            }
            "duration" if duration.is_none() => {
                duration = Some(self::duration(&value(reader, &element, "duration")?)?);
                expected = "the end of credentialsRequest";
            }
            _ => return Err(Malformed::Element { expected }),
        }
    }
    Ok(CredentialsRequest { id, identity, location, duration })
}

/// The next child, or `None` at the end of its parent.
fn child<'a>(reader: &mut Reader<'a>, expected: &'static str) -> Result<Option<Element<'a>>, Malformed> {
    loop {
        match reader.next()? {
            Token::Open(element) if element.name.is_empty() => return Err(Malformed::Element { expected }),
            Token::Open(element) => return Ok(Some(element)),
            Token::Close => return Ok(None),
            Token::Text(text) if is_blank(&text) => {}
            Token::Text(_) => return Err(Malformed::Text),
            Token::End => return Err(Malformed::IllFormed),
        }
    }
}

/// The text of an element that has no attributes and no children.
fn value(reader: &mut Reader<'_>, element: &Element<'_>, name: &'static str) -> Result<String, Malformed> {
    if !element.attributes.is_empty() {
        return Err(Malformed::UnknownAttribute { element: name });
    }
    let mut value = String::new();
    loop {
        match reader.next()? {
            Token::Text(text) => value.push_str(&text),
            Token::Close => return Ok(value),
            Token::Open(_) => return Err(Malformed::Value { name, must: "text without elements" }),
            Token::End => return Err(Malformed::IllFormed),
        }
    }
}

fn identifier(name: &'static str, value: &str) -> Result<String, Malformed> {
    let fits = is_line(value, IDENTIFIER);
    fits.then(|| value.to_owned()).ok_or(Malformed::Value { name, must: "of 1 to 64 characters in one line" })
}

/// `None` for a version that is not spoken here.
fn version(value: &str) -> Result<Option<Version>, Malformed> {
    let number = |part: &str| (1..=5).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    match value {
        "1.0" => Ok(Some(Version::V1)),
        "2.0" => Ok(Some(Version::V2)),
        _ if value.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor)) => Ok(None),
        _ => Err(Malformed::Value { name: "version", must: "two numbers with a point between" }),
    }
}

fn route(value: &str) -> Result<Route, Malformed> {
    match value {
        "loadbalanced" => Ok(Route::LoadBalanced),
        "directip" => Ok(Route::DirectIp),
        _ => Err(Malformed::Value { name: "route", must: "loadbalanced or directip" }),
    }
}

fn uri(name: &'static str, value: &str) -> Result<String, Malformed> {
    let fits = is_line(value, URI) && value.parse::<SipUri>().is_ok();
    fits.then(|| value.to_owned()).ok_or(Malformed::Value { name, must: "a SIP URI" })
}

fn identity(value: &str) -> Result<String, Malformed> {
    let fits = is_line(value, IDENTITY);
    fits.then(|| value.to_owned())
        .ok_or(Malformed::Value { name: "identity", must: "of 1 to 65536 characters in one line" })
}

fn location(value: &str) -> Result<Location, Malformed> {
    match value {
        "internet" => Ok(Location::Internet),
        "intranet" => Ok(Location::Intranet),
        _ => Err(Malformed::Value { name: "location", must: "internet or intranet" }),
    }
}

/// xs:positiveInteger, which has no upper end: more than fits is as much as fits, and the issuer caps it anyway.
fn duration(value: &str) -> Result<NonZeroU32, Malformed> {
    let must = Malformed::Value { name: "duration", must: "a positive number of minutes" };
    let value = value.trim_matches(|character| matches!(character, ' ' | '\t' | '\r' | '\n'));
    let digits = value.strip_prefix('+').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(must);
    }
    let significant = digits.trim_start_matches('0');
    match significant.parse() {
        Ok(minutes) => Ok(minutes),
        Err(_) if significant.is_empty() => Err(must),
        Err(_) => Ok(NonZeroU32::MAX),
    }
}

/// One to `most` characters, none of which could break a line of a log or of a token.
fn is_line(value: &str, most: usize) -> bool {
    (1..=most).contains(&value.chars().count()) && !value.chars().any(char::is_control)
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
