// SPDX-License-Identifier: MIT OR Apache-2.0
//! Session keys: sealed, as a relay gives them, and opened.

use std::io::{self, Write};
use std::time::SystemTime;

use culvert_api::v1;
use culvert_mras::container;
use serde::Serialize;
use zeroize::Zeroizing;

use super::model::time;
use super::text::{or_dash, printable};
use super::{Session, json};

/// `session keys`.
#[derive(Debug, Serialize)]
pub(crate) struct SealedKeys {
    keys: Vec<Sealed>,
    session: Session,
}

#[derive(Debug, Serialize)]
struct Sealed {
    leg: u32,
    credential_id: String,
    container: String,
    expiry: Option<String>,
}

impl From<v1::IssueSessionKeysResponse> for SealedKeys {
    fn from(answer: v1::IssueSessionKeysResponse) -> Self {
        let keys = answer.keys.into_iter().map(|keys| Sealed {
            leg: keys.leg,
            credential_id: keys.credential_id,
            container: keys.container,
            expiry: time(keys.expiry),
        });
        Self { keys: keys.collect(), session: answer.session.unwrap_or_default().into() }
    }
}

impl SealedKeys {
    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for keys in &self.keys {
            writeln!(
                out,
                "leg {}  credential {}  to be opened before {}",
                keys.leg,
                keys.credential_id,
                or_dash(keys.expiry.as_ref())
            )?;
            writeln!(out, "{}", keys.container)?;
        }
        Ok(())
    }
}

/// `key open`: the one answer that shows keys.
#[derive(Serialize)]
pub(crate) struct Opened {
    session_id: String,
    participant: String,
    expiry: Option<String>,
    media: Vec<Media>,
}

#[derive(Serialize)]
struct Media {
    index: u32,
    suite: &'static str,
    key_id: String,
    #[serde(serialize_with = "json::secret")]
    send: Zeroizing<String>,
    #[serde(serialize_with = "json::secret")]
    receive: Zeroizing<String>,
}

impl Opened {
    pub(crate) fn new(keys: &container::SessionKeys, expiry: SystemTime) -> Self {
        let media = keys.media.iter().map(|media| Media {
            index: media.index,
            suite: media.send.suite().name(),
            key_id: media.kid.clone(),
            send: media.send.inline(),
            receive: media.receive.inline(),
        });
        Self {
            session_id: keys.session.clone(),
            participant: keys.participant.clone(),
            expiry: time(Some(expiry.into())),
            media: media.collect(),
        }
    }

    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { session_id, participant, expiry, media } = self;
        writeln!(
            out,
            "session {}  participant {}  to be opened before {}",
            printable(session_id),
            printable(participant),
            or_dash(expiry.as_ref())
        )?;
        for Media { index, suite, key_id, send, receive } in media {
            writeln!(out, "\nmedia {index}  key {}", printable(key_id))?;
            writeln!(out, "send     a=crypto:1 {suite} {}", send.as_str())?;
            writeln!(out, "receive  a=crypto:1 {suite} {}", receive.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::fixture;

    #[test]
    fn a_container_stands_on_a_line_of_its_own() {
        let sealed = SealedKeys::from(fixture::sealed_keys());
        let mut out = Vec::new();
        sealed.text(&mut out).unwrap();
        let expected = "\
leg 0  credential c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0  to be opened before 2023-11-14T22:13:25.000Z
one.two.three.four.five
leg 1  credential c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1  to be opened before -
six.seven.eight.nine.ten
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let expected = json!({
            "keys": [
                {
                    "leg": 0, "credential_id": "c0".repeat(16), "container": "one.two.three.four.five",
                    "expiry": "2023-11-14T22:13:25.000Z",
                },
                {"leg": 1, "credential_id": "c1".repeat(16), "container": "six.seven.eight.nine.ten", "expiry": null},
            ],
            "session": Session::from(fixture::session()),
        });
        assert_eq!(serde_json::to_value(&sealed).unwrap(), expected);
    }
}
