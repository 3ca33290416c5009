// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests from flags.

use std::net::SocketAddr;

use culvert_api::v1::{self, protection::Kind};

use super::form::duration;
use crate::arguments::{Answer, Create, Encryption, LegFlags, Secret, Source, Update};
use crate::error::CliError;

pub(super) fn create(arguments: &Create) -> Result<v1::CreateSessionRequest, CliError> {
    let flags = arguments.legs();
    one_reader_of_stdin(flags.iter().flat_map(|(_, leg)| [&leg.sdes_receive, &leg.sdes_send]))?;
    let legs = flags.into_iter().map(|(_, flags)| leg(flags)).collect::<Result<_, _>>()?;
    let expected = match (arguments.packets_per_second, arguments.payload_bytes) {
        (None, None) => None,
        (packets, bytes) => Some(v1::Traffic {
            packets_per_second: packets.unwrap_or_default(),
            payload_bytes: bytes.unwrap_or_default(),
        }),
    };
    Ok(v1::CreateSessionRequest {
        session_id: arguments.id.clone().unwrap_or_default(),
        media: vec![v1::Media { kind: v1::MediaKind::Audio.into(), clock_rate: 0, legs, expected }],
        media_timeout: arguments.media_timeout.map(|time| duration("--media-timeout", time)).transpose()?,
    })
}

fn leg(flags: LegFlags) -> Result<v1::Leg, CliError> {
    Ok(v1::Leg {
        realm: flags.realm.unwrap_or_default(),
        remote: flags.remote.map(remote),
        protection: protection(flags.plain, flags.sdes_receive.as_ref(), flags.sdes_send.as_ref())?,
        rtcp_mux: flags.rtcp_mux,
        encryption: encryption(flags.encryption).into(),
        source: source(flags.source).into(),
        dscp: flags.dscp,
        ipv6: flags.ipv6,
        max_ssrcs: 0,
        peer_class: flags.peer_class.unwrap_or_default(),
        peer_offers_srtp: flags.offers_srtp.map(|answer| answer == Answer::Yes),
    })
}

pub(super) fn update(arguments: &Update) -> Result<v1::UpdateSessionRequest, CliError> {
    one_reader_of_stdin([&arguments.sdes_receive, &arguments.sdes_send])?;
    let held = match (arguments.hold, arguments.resume) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let leg = v1::LegUpdate {
        media: arguments.media,
        leg: arguments.leg.unwrap_or_default(),
        remote: arguments.remote.map(remote),
        protection: protection(
            arguments.plain,
            arguments.sdes_receive.as_ref(),
            arguments.sdes_send.as_ref(),
        )?,
        held,
        dscp: arguments.dscp.map(|dscp| dscp.0),
        source: source(arguments.source).into(),
    };
    Ok(v1::UpdateSessionRequest { session_id: arguments.id.clone().unwrap_or_default(), legs: vec![leg] })
}

fn remote(address: SocketAddr) -> v1::Remote {
    let rtp = v1::Endpoint { address: address.ip().to_string(), port: address.port().into() };
    v1::Remote { rtp: Some(rtp), rtcp: None }
}

fn protection(
    plain: bool,
    receive: Option<&Secret>,
    send: Option<&Secret>,
) -> Result<Option<v1::Protection>, CliError> {
    let text = |secret: Option<&Secret>| {
        secret.map_or(Ok(String::new()), |secret| secret.read().map(|text| text.to_string()))
    };
    let kind = if plain {
        Kind::Plain(v1::Plain {})
    } else if receive.is_some() || send.is_some() {
        Kind::Sdes(v1::Sdes { receive: text(receive)?, send: text(send)? })
    } else {
        return Ok(None);
    };
    Ok(Some(v1::Protection { kind: Some(kind) }))
}

fn one_reader_of_stdin<'a>(secrets: impl IntoIterator<Item = &'a Option<Secret>>) -> Result<(), CliError> {
    let readers = secrets.into_iter().flatten().filter(|secret| secret.is_stdin()).count();
    if readers > 1 {
        return Err(CliError::value("-", "standard input can give one key only; name the others as @FILE"));
    }
    Ok(())
}

fn encryption(level: Option<Encryption>) -> v1::EncryptionLevel {
    match level {
        None => v1::EncryptionLevel::Unspecified,
        Some(Encryption::Required) => v1::EncryptionLevel::Required,
        Some(Encryption::Supported) => v1::EncryptionLevel::Supported,
        Some(Encryption::NotSupported) => v1::EncryptionLevel::NotSupported,
    }
}

fn source(rule: Option<Source>) -> v1::SourceRule {
    match rule {
        None => v1::SourceRule::Unspecified,
        Some(Source::Fixed) => v1::SourceRule::Fixed,
        Some(Source::Learn) => v1::SourceRule::Learn,
        Some(Source::SignalledAddress) => v1::SourceRule::SignalledAddress,
        Some(Source::LearnAny) => v1::SourceRule::LearnAny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command, SessionCommand};
    use clap::Parser;

    fn parse(line: &str) -> SessionCommand {
        match Arguments::try_parse_from(line.split_whitespace()).unwrap().command {
            Command::Session(command) => command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_legs_of_audio() {
        let SessionCommand::Create(arguments) = parse(
            "culvert session create call-7 --media-timeout 45s --packets-per-second 33 --a-realm outside --a-remote 192.0.2.10:40000 \
             --a-sdes-receive offer --a-rtcp-mux --a-offers-srtp yes --b-realm inside --b-plain --b-source fixed --b-dscp 0 \
             --b-peer-class gateway --b-offers-srtp no",
        ) else {
            panic!("not a create")
        };
        let request = create(&arguments).unwrap();
        assert_eq!(request.media_timeout, Some(prost_types::Duration { seconds: 45, nanos: 0 }));
        let [media] = request.media.as_slice() else { panic!("not one medium") };
        assert_eq!(media.kind(), v1::MediaKind::Audio);
        assert_eq!(media.expected, Some(v1::Traffic { packets_per_second: 33, payload_bytes: 0 }));
        let sdes = v1::Sdes { receive: "offer".to_owned(), send: String::new() };
        let first = v1::Leg {
            realm: "outside".to_owned(),
            remote: Some(remote("192.0.2.10:40000".parse().unwrap())),
            protection: Some(v1::Protection { kind: Some(Kind::Sdes(sdes)) }),
            rtcp_mux: true,
            peer_offers_srtp: Some(true),
            ..v1::Leg::default()
        };
        let second = v1::Leg {
            realm: "inside".to_owned(),
            protection: Some(v1::Protection { kind: Some(Kind::Plain(v1::Plain {})) }),
            source: v1::SourceRule::Fixed.into(),
            dscp: Some(0),
            peer_class: "gateway".to_owned(),
            peer_offers_srtp: Some(false),
            ..v1::Leg::default()
        };
        assert_eq!(media.legs, [first, second]);
    }

    #[test]
    fn an_update_says_what_was_given() {
        let SessionCommand::Update(arguments) =
            parse("culvert session update call-7 --leg 1 --resume --dscp keep --remote [2001:db8::1]:5004")
        else {
            panic!("not an update")
        };
        let expected = v1::LegUpdate {
            leg: 1,
            remote: Some(remote("[2001:db8::1]:5004".parse().unwrap())),
            held: Some(false),
            dscp: Some(64),
            ..v1::LegUpdate::default()
        };
        assert_eq!(update(&arguments).unwrap().legs, [expected]);
    }

    #[test]
    fn standard_input_is_read_once() {
        let SessionCommand::Create(arguments) =
            parse("culvert session create c --a-realm o --a-sdes-receive - --b-realm i --b-sdes-send -")
        else {
            panic!("not a create")
        };
        assert_eq!(create(&arguments).unwrap_err().exit_code(), 2);
    }
}
