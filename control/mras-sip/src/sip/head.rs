// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first line of a message and its headers.

use bytes::Bytes;
use ezk_sip_types::{
    Name,
    header::{
        HeaderParse,
        typed::{CSeq, MaxForwards, Via},
    },
    msg::{Line, PullParser},
    uri::SipUri,
};

/// A head that is text. What else may be wrong with it can be answered.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) start: Start,
    headers: Vec<(Name, String)>,
    /// What breaks SIP's grammar, so that the length of the message cannot be relied on.
    pub(crate) fault: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Request {
        method: String,
        target: Target,
    },
    /// Nobody was asked anything.
    Response,
    /// SIP, but not 2.0.
    OtherVersion,
    Malformed,
}

/// The Request-URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Sip,
    OtherScheme,
    Malformed,
}

impl Head {
    /// Parses a head with the empty line that ends it. `None` when it has bytes that could change their meaning on the way through
    /// a response: only text in whole lines is ever repeated.
    pub(crate) fn parse(bytes: &Bytes, most_headers: usize) -> Option<Head> {
        let text = std::str::from_utf8(bytes).ok()?;
        let lines_end_well =
            text.split("\r\n").all(|line| !line.contains(|c: char| c.is_control() && c != '\t'));
        if !lines_end_well {
            return None;
        }
        let mut lines =
            PullParser::new(bytes, 0).map_while(Result::ok).map(|line| std::str::from_utf8(line).ok());
        let start = Start::parse(lines.next()??);
        let mut head = Head { start, headers: Vec::new(), fault: None };
        for line in lines {
            match Line::parse(bytes, line?) {
                Ok((_, line)) if head.headers.len() < most_headers => {
                    head.headers.push((line.name, unfold(&line.value)));
                }
                Ok(_) => head.fault = Some("too many headers"),
                Err(_) => head.fault = Some("every header line needs a name and a colon"),
            }
        }
        if head.start == Start::Malformed {
            head.fault = Some("the first line must be a method, a URI and SIP/2.0");
        }
        Some(head)
    }

    /// The values of a header under either of its names, one for each line.
    pub(crate) fn values<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header that stands at most once.
    pub(crate) fn value<'a>(&'a self, name: &'a Name) -> Option<&'a str> {
        self.values(name).next()
    }

    /// Single values of a header that is a list.
    pub(crate) fn list<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim).filter(|value| !value.is_empty())
    }

    /// What is wrong with the headers that every request has, if anything: RFC 3261, section 8.1.1. A missing Max-Forwards does not
    /// matter to the last hop.
    pub(crate) fn problem(&self, method: &str) -> Option<&'static str> {
        for (name, missing) in [
            (Name::TO, "there must be one To"),
            (Name::FROM, "there must be one From"),
            (Name::CALL_ID, "there must be one Call-ID"),
            (Name::CSEQ, "there must be one CSeq"),
        ] {
            if self.values(&name).filter(|value| !value.is_empty()).count() != 1
                || self.values(&name).count() != 1
            {
                return Some(missing);
            }
        }
        if self.values(&Name::VIA).next().is_none() {
            return Some("there must be a Via");
        }
        if !self.values(&Name::VIA).all(is_via) {
            return Some("a Via is malformed");
        }
        if !self.value(&Name::CSEQ).is_some_and(|value| is_cseq(value, method)) {
            return Some("CSeq must be a number and the method of the request");
        }
        let mut hops = self.values(&Name::MAX_FORWARDS);
        match (hops.next(), hops.next()) {
            (None, _) => None,
            (Some(hops), None) if parsed::<MaxForwards>(hops).is_some() => None,
            _ => Some("Max-Forwards must be a number up to 255"),
        }
    }
}

impl Start {
    fn parse(line: &str) -> Start {
        let mut parts = line.split(' ');
        let (Some(first), Some(second), Some(third)) = (parts.next(), parts.next(), parts.next()) else {
            return Start::Malformed;
        };
        if is_version(first, Some("2.0")) {
            return Start::Response;
        }
        if parts.next().is_some() || first.is_empty() || second.is_empty() || !first.bytes().all(is_token) {
            return Start::Malformed;
        }
        if is_version(third, Some("2.0")) {
            Start::Request { method: first.to_owned(), target: Target::parse(second) }
        } else if is_version(third, None) {
            Start::OtherVersion
        } else {
            Start::Malformed
        }
    }
}

impl Target {
    fn parse(uri: &str) -> Target {
        let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
        match scheme {
            Some(scheme) if ["sip", "sips"].iter().any(|sip| scheme.eq_ignore_ascii_case(sip)) => {
                if uri.parse::<SipUri>().is_ok() { Target::Sip } else { Target::Malformed }
            }
            Some(scheme) if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Target::OtherScheme
            }
            _ => Target::Malformed,
        }
    }
}

/// "SIP/" and this version, or any.
fn is_version(text: &str, version: Option<&str>) -> bool {
    let Some((sip, number)) = text.split_once('/') else { return false };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    sip.eq_ignore_ascii_case("SIP")
        && match version {
            Some(version) => number == version,
            None => number.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor)),
        }
}

/// RFC 3261, section 25.1.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// One or more Via values.
fn is_via(value: &str) -> bool {
    let source = Bytes::copy_from_slice(value.as_bytes());
    let Ok(mut rest) = std::str::from_utf8(&source) else { return false };
    loop {
        match Via::parse(&source, rest) {
            Ok((left, _)) => match left.trim_start().strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None => return left.trim_start().is_empty(),
            },
            Err(_) => return false,
        }
    }
}

/// The library reads every method that begins as a known one for that one, so the method is compared here.
fn is_cseq(value: &str, method: &str) -> bool {
    parsed::<CSeq>(value).is_some_and(|cseq| cseq.cseq < 1 << 31)
        && value.trim_start_matches(|c: char| c.is_ascii_digit()).trim() == method
}

fn parsed<T: HeaderParse>(value: &str) -> Option<T> {
    let source = Bytes::copy_from_slice(value.as_bytes());
    let text = std::str::from_utf8(&source).ok()?;
    T::parse(&source, text).ok().map(|(_, parsed)| parsed)
}

/// RFC 3261, section 7.3.1: a line end with the white space after it is one space.
fn unfold(value: &str) -> String {
    let mut lines = value.split("\r\n").map(str::trim);
    let mut unfolded = lines.next().unwrap_or_default().to_owned();
    for line in lines.filter(|line| !line.is_empty()) {
        unfolded.push(' ');
        unfolded.push_str(line);
    }
    unfolded
}

/// Whether a From or To has a tag: outside of quotes and angle brackets.
pub(super) fn has_tag(address: &str) -> bool {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    let top_level_semicolon = |c: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            _ if was_escaped => false,
            '\\' if quoted => {
                escaped = true;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            '<' | '>' if !quoted => {
                bracketed = c == '<';
                false
            }
            ';' => !quoted && !bracketed,
            _ => false,
        }
    };
    let parameters = address.split(top_level_semicolon).skip(1);
    parameters
        .map(|parameter| parameter.split('=').next().unwrap_or_default().trim())
        .any(|name| name.eq_ignore_ascii_case("tag"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_parameter_and_nothing_else() {
        for (address, expected) in [
            ("<sip:a@b>;tag=1", true),
            ("<sip:a@b> ; TAG = 1", true),
            ("sip:a@b;tag=1", true),
            ("\"A\" <sip:a@b>;epid=2;tag=1", true),
            ("\"quote \\\" ;tag=1\" <sip:a@b>", false),
            ("<sip:a@b;tag=1>", false),
            ("<sip:a@b>;stag=1", false),
            ("<sip:a@b>", false),
        ] {
            assert_eq!(has_tag(address), expected, "{address}");
        }
    }

    #[test]
    fn first_lines() {
        let request = |method: &str, target| Start::Request { method: method.into(), target };
        for (line, expected) in [
            ("SERVICE sip:a@b;gruu;opaque=srvr:MRAS:x SIP/2.0", request("SERVICE", Target::Sip)),
            ("OPTIONSX sips:b sip/2.0", request("OPTIONSX", Target::Sip)),
            ("SERVICE tel:+1 SIP/2.0", request("SERVICE", Target::OtherScheme)),
            ("SERVICE sip:a@ SIP/2.0", request("SERVICE", Target::Malformed)),
            ("SERVICE a SIP/2.0", request("SERVICE", Target::Malformed)),
            ("SERVICE sip:a@b SIP/3.0", Start::OtherVersion),
            ("SERVICE sip:a@b SIP/2", Start::Malformed),
            ("SERVICE sip:a@b HTTP/1.1", Start::Malformed),
            ("SERVICE  sip:a@b SIP/2.0", Start::Malformed),
            ("SERVICE sip:a@b SIP/2.0 ", Start::Malformed),
            ("SER(VICE sip:a@b SIP/2.0", Start::Malformed),
            ("SERVICE", Start::Malformed),
            ("SIP/2.0 200 OK", Start::Response),
            ("SIP/2.0 486 Busy Here", Start::Response),
        ] {
            assert_eq!(Start::parse(line), expected, "{line}");
        }
    }
}
