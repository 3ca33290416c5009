// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests on the media relay authentication service.

use culvert_api::v1::{self, reinstate_request, revoke_request};

use super::form::duration;
use crate::arguments::{Bounds, CredentialKind, Issue, Location, MediaKind, Reinstate, Revoke, SessionKeys};
use crate::error::CliError;

/// The request of `credentials issue`: the same for each identity.
pub(crate) fn issue(arguments: &Issue) -> Result<v1::IssueCredentialsRequest, CliError> {
    let kind = match arguments.kind {
        CredentialKind::Culvert => v1::CredentialKind::Culvert,
        CredentialKind::TurnRest => v1::CredentialKind::TurnRest,
        CredentialKind::MrasV1 => v1::CredentialKind::MrasV1,
        CredentialKind::MrasV2 => v1::CredentialKind::MrasV2,
    };
    let location = match arguments.location {
        None => v1::Location::Unspecified,
        Some(Location::Internet) => v1::Location::Internet,
        Some(Location::Intranet) => v1::Location::Intranet,
    };
    let duration = arguments.duration.map(|time| duration("--duration", time)).transpose()?;
    let bounds = bounds(&arguments.bounds);
    let credentials = arguments.identities.iter().map(|identity| v1::CredentialRequest {
        identity: identity.clone(),
        location: location.into(),
        duration,
        bounds: bounds.clone(),
    });
    Ok(v1::IssueCredentialsRequest { credentials: credentials.collect(), kind: kind.into() })
}

fn bounds(bounds: &Bounds) -> Option<v1::Bounds> {
    let kinds = bounds.media_kinds.iter().map(|kind| match kind {
        MediaKind::Audio => v1::MediaKind::Audio.into(),
        MediaKind::Video => v1::MediaKind::Video.into(),
        MediaKind::ApplicationSharing => v1::MediaKind::ApplicationSharing.into(),
    });
    let made = v1::Bounds {
        source: bounds.source.clone().unwrap_or_default(),
        peer: bounds.peer.clone().unwrap_or_default(),
        bandwidth: bounds.bandwidth.map_or(0, |rate| rate.0),
        kinds: kinds.collect(),
        suites: bounds.suites.clone(),
    };
    (made != v1::Bounds::default()).then_some(made)
}

/// The target of `credentials revoke`.
pub(crate) fn revoke(arguments: Revoke) -> Result<revoke_request::Target, CliError> {
    use revoke_request::Target;
    let Revoke { identity, credential, epoch } = arguments;
    let target = identity.map(Target::Identity).or(credential.map(Target::Credential));
    target.or(epoch.map(Target::Epoch)).ok_or_else(|| CliError::value("--identity", "is missing"))
}

/// The target of `credentials reinstate`.
pub(crate) fn reinstate(arguments: Reinstate) -> Result<reinstate_request::Target, CliError> {
    use reinstate_request::Target;
    let Reinstate { identity, credential } = arguments;
    let target = identity.map(Target::Identity).or(credential.map(Target::Credential));
    target.ok_or_else(|| CliError::value("--identity", "is missing"))
}

/// The request of `session keys`. Reads the passwords.
pub(crate) fn session_keys(arguments: &SessionKeys) -> Result<v1::IssueSessionKeysRequest, CliError> {
    let participants = &arguments.participants;
    match participants.as_slice() {
        [_] => {}
        [first, second] if first.leg != second.leg => {}
        [_, _] => return Err(CliError::value("--participant", "both are of one leg; name leg 0 and leg 1")),
        _ => return Err(CliError::value("--participant", "1 or 2 can be given: a session has two legs")),
    }
    let passwords = arguments.passwords.read(participants.len())?;
    let participants = participants.iter().zip(&passwords).map(|(participant, password)| v1::Participant {
        leg: participant.leg,
        username: participant.username.clone(),
        password: password.to_string(),
    });
    Ok(v1::IssueSessionKeysRequest {
        session_id: arguments.id.clone(),
        participants: participants.collect(),
        suite: arguments.suite.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command, CredentialsCommand, SessionCommand};

    fn parse(line: &str) -> Command {
        Arguments::try_parse_from(line.split_whitespace()).unwrap().command
    }

    fn issue_of(line: &str) -> v1::IssueCredentialsRequest {
        match parse(&format!("culvert credentials issue {line}")) {
            Command::Credentials(CredentialsCommand::Issue(arguments)) => issue(&arguments).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_given_is_not_asked_for() {
        let credential = |identity: &str| v1::CredentialRequest {
            identity: identity.to_owned(),
            ..v1::CredentialRequest::default()
        };
        let expected = v1::IssueCredentialsRequest {
            credentials: vec![credential("sip:alice@example.org"), credential("sip:bob@example.org")],
            kind: v1::CredentialKind::Culvert.into(),
        };
        assert_eq!(issue_of("sip:alice@example.org sip:bob@example.org"), expected);
    }

    #[test]
    fn every_flag_is_in_the_request_of_each_identity() {
        let request = issue_of(
            "alice bob --kind turn-rest --location intranet --duration 90m --source 192.0.2.0/24 --peer 2001:db8::/32 \
             --bandwidth 64kbit --media-kind audio,video --media-kind application-sharing --suite A,B --suite C",
        );
        assert_eq!(request.kind(), v1::CredentialKind::TurnRest);
        let expected = |identity: &str| v1::CredentialRequest {
            identity: identity.to_owned(),
            location: v1::Location::Intranet.into(),
            duration: Some(prost_types::Duration { seconds: 5400, nanos: 0 }),
            bounds: Some(v1::Bounds {
                source: "192.0.2.0/24".to_owned(),
                peer: "2001:db8::/32".to_owned(),
                bandwidth: 64_000,
                kinds: vec![
                    v1::MediaKind::Audio.into(),
                    v1::MediaKind::Video.into(),
                    v1::MediaKind::ApplicationSharing.into(),
                ],
                suites: ["A", "B", "C"].map(str::to_owned).to_vec(),
            }),
        };
        assert_eq!(request.credentials, [expected("alice"), expected("bob")]);
        for (name, kind) in [("mras-v1", v1::CredentialKind::MrasV1), ("mras-v2", v1::CredentialKind::MrasV2)]
        {
            assert_eq!(issue_of(&format!("alice --kind {name}")).kind(), kind);
        }
        let location = issue_of("alice --location internet").credentials[0].location();
        assert_eq!(location, v1::Location::Internet);
    }

    #[test]
    fn a_target_is_what_was_named() {
        let revoked = |line: &str| match parse(&format!("culvert credentials revoke {line}")) {
            Command::Credentials(CredentialsCommand::Revoke(arguments)) => revoke(arguments).unwrap(),
            other => panic!("{other:?}"),
        };
        use revoke_request::Target;
        assert_eq!(revoked("--identity alice"), Target::Identity("alice".to_owned()));
        assert_eq!(revoked("--credential c0"), Target::Credential("c0".to_owned()));
        assert_eq!(revoked("--epoch 0"), Target::Epoch(0));
        let reinstated = |line: &str| match parse(&format!("culvert credentials reinstate {line}")) {
            Command::Credentials(CredentialsCommand::Reinstate(arguments)) => reinstate(arguments).unwrap(),
            other => panic!("{other:?}"),
        };
        use reinstate_request::Target as Again;
        assert_eq!(reinstated("--identity alice"), Again::Identity("alice".to_owned()));
        assert_eq!(reinstated("--credential c0"), Again::Credential("c0".to_owned()));
    }

    #[test]
    fn passwords_go_to_their_participants() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        fs::write(&one, "first\n").unwrap();
        fs::write(&two, "second\n").unwrap();
        let keys = |line: &str| {
            let (one, two) = (one.display(), two.display());
            let files = format!("--password-file {one} --password-file {two}");
            match parse(&format!("culvert session keys call-7 {line} {files}")) {
                Command::Session(SessionCommand::Keys(arguments)) => session_keys(&arguments),
                other => panic!("{other:?}"),
            }
        };
        let participant = |leg, username: &str, password: &str| v1::Participant {
            leg,
            username: username.to_owned(),
            password: password.to_owned(),
        };
        let expected = v1::IssueSessionKeysRequest {
            session_id: "call-7".to_owned(),
            participants: vec![participant(1, "a:b", "first"), participant(0, "c", "second")],
            suite: "AEAD_AES_256_GCM".to_owned(),
        };
        let line = "--participant 1:a:b --participant 0:c --suite AEAD_AES_256_GCM";
        assert_eq!(keys(line).unwrap(), expected);
        for (line, message) in [
            ("--participant 0:a", "passwords: 1 needed"),
            ("--participant 0:a --participant 0:b", "--participant: both are of one leg"),
            ("--participant 0:a --participant 1:b --participant 0:c", "--participant: 1 or 2 can be given"),
        ] {
            let error = keys(line).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
