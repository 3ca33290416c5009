// SPDX-License-Identifier: MIT OR Apache-2.0
//! `Debug` of the messages that carry keys: it tells what is set and how long it is, never the bytes.

use std::fmt;

use crate::v1::{Credential, MasterKey, Participant, Sdes};

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("key", &format_args!("[{} bytes]", self.key.len()))
            .field("salt", &format_args!("[{} bytes]", self.salt.len()))
            .field("mki", &self.mki)
            .field("lifetime", &self.lifetime)
            .finish()
    }
}

impl fmt::Debug for Sdes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sdes")
            .field("receive", &format_args!("[{} characters]", self.receive.len()))
            .field("send", &format_args!("[{} characters]", self.send.len()))
            .finish()
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("leg", &self.leg)
            .field("username", &self.username)
            .field("password", &format_args!("[{} characters]", self.password.len()))
            .finish()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("identity", &self.identity)
            .field("username", &self.username)
            .field("password", &format_args!("[{} characters]", self.password.len()))
            .field("realm", &self.realm)
            .field("expiry", &self.expiry)
            .field("relays", &self.relays)
            .field("credential_id", &self.credential_id)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{CreateSessionRequest, Leg, Media, Protection, SrtpKeys, protection::Kind};

    fn request(kind: Kind) -> CreateSessionRequest {
        let leg = Leg { protection: Some(Protection { kind: Some(kind) }), ..Leg::default() };
        CreateSessionRequest {
            media: vec![Media { legs: vec![leg], ..Media::default() }],
            ..CreateSessionRequest::default()
        }
    }

    #[test]
    fn debug_of_a_whole_request_holds_no_key() {
        let key = MasterKey { key: vec![0xa7; 16], salt: vec![0xb9; 14], mki: vec![1], lifetime: 5 };
        let keys = SrtpKeys { suite: "S".into(), receive: vec![key], send: vec![] };
        let text = format!("{:?}", request(Kind::Srtp(keys)));
        assert!(
            text.contains("MasterKey { key: [16 bytes], salt: [14 bytes], mki: [1], lifetime: 5 }"),
            "{text}"
        );
        assert!(!text.contains("167") && !text.contains("185"), "{text}");
    }

    #[test]
    fn debug_of_sdes_holds_no_attribute() {
        let sdes = Sdes { receive: "1 X inline:SECRET".into(), send: String::new() };
        let text = format!("{:?}", request(Kind::Sdes(sdes)));
        assert!(text.contains("Sdes { receive: [17 characters], send: [0 characters] }"), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }

    #[test]
    fn debug_of_credentials_and_participants_holds_no_password() {
        let password = String::from("SECRET");
        let participant = Participant { leg: 1, username: "u".into(), password: password.clone() };
        assert_eq!(
            format!("{participant:?}"),
            r#"Participant { leg: 1, username: "u", password: [6 characters] }"#
        );
        let mut credential = Credential::default();
        credential.password = password;
        let text = format!("{credential:?}");
        assert!(text.contains("password: [6 characters]") && !text.contains("SECRET"), "{text}");
    }
}
