// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert session create`: flags for the common call of two audio legs, a file for everything.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Secret;

const AFTER_HELP: &str = "\
Examples:
  # SRTP to SRTP, keys as the SDES attributes of an offer and an answer
  culvert session create call-7 \\
    --a-realm outside --a-remote 192.0.2.10:40000 --a-sdes-receive @offer --a-sdes-send @answer \\
    --b-realm inside --b-remote 198.51.100.10:40000 --b-plain --b-encryption not-supported

  # A gateway whose offer holds no SRTP: its class says whether that will do
  culvert session create call-8 --a-realm outside --a-sdes-receive @offer --a-sdes-send @answer \\
    --b-realm inside --b-peer-class gateway --b-offers-srtp no

  # Everything else: several media, raw keys, MKIs
  culvert session create --file call.json
  generate-call | culvert session create --file -

A key written into the command line can be read by every user of the machine (ps). Name a file (@FILE) or give
it by standard input (-).

Form of the file, JSON or TOML (names as in culvert/v1/relay.proto, keys in hex):
  {
    \"session_id\": \"call-7\",
    \"media_timeout\": \"30s\",
    \"media\": [{
      \"kind\": \"audio\", \"clock_rate\": 8000,
      \"expected\": { \"packets_per_second\": 50, \"payload_bytes\": 160 },
      \"legs\": [
        {
          \"realm\": \"outside\", \"rtcp_mux\": true, \"encryption\": \"required\", \"source\": \"learn\",
          \"remote\": { \"rtp\": { \"address\": \"192.0.2.10\", \"port\": 40000 } },
          \"protection\": { \"srtp\": {
            \"suite\": \"AES_CM_128_HMAC_SHA1_80\",
            \"receive\": [{ \"key\": \"32 hex digits\", \"salt\": \"28 hex digits\" }],
            \"send\": [{ \"key\": \"...\", \"salt\": \"...\", \"mki\": \"01\", \"lifetime\": 2147483648 }] } }
        },
        {
          \"realm\": \"inside\", \"dscp\": 46, \"ipv6\": false, \"max_ssrcs\": 4,
          \"peer_class\": \"gateway\", \"peer_offers_srtp\": true,
          \"protection\": { \"sdes\": { \"receive\": \"a=crypto:1 ...\", \"send\": \"a=crypto:1 ...\" } }
        }
      ]
    }]
  }
A leg in the clear has \"protection\": { \"plain\": {} }.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Create {
    /// Your name for the session: 1 to 128 of A-Z a-z 0-9 . _ : @ + -
    #[arg(required_unless_present = "file")]
    pub(crate) id: Option<String>,
    /// Session file in JSON or TOML, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["media_timeout", "a_realm", "b_realm"])]
    pub(crate) file: Option<PathBuf>,
    /// Raise an event when a leg's endpoint has been silent for so long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) media_timeout: Option<Duration>,
    /// Most packets in a second, each way, that the relay is to set time aside for [default: 50]
    #[arg(long, value_name = "NUMBER", conflicts_with = "file",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) packets_per_second: Option<u32>,
    /// Mean RTP payload of those packets, in bytes [default: 160]
    #[arg(long, value_name = "BYTES", conflicts_with = "file", value_parser = clap::value_parser!(u32).range(1..=9000))]
    pub(crate) payload_bytes: Option<u32>,
    #[command(flatten)]
    a: LegA,
    #[command(flatten)]
    b: LegB,
}

impl Create {
    /// The flags of both legs, with the prefix that names them in messages.
    pub(crate) fn legs(&self) -> [(&'static str, LegFlags); 2] {
        [("--a", self.a.flags()), ("--b", self.b.flags())]
    }
}

/// What the flags say of one leg.
#[derive(Clone, Debug, Default)]
pub(crate) struct LegFlags {
    pub(crate) realm: Option<String>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) plain: bool,
    pub(crate) sdes_receive: Option<Secret>,
    pub(crate) sdes_send: Option<Secret>,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) source: Option<Source>,
    pub(crate) rtcp_mux: bool,
    pub(crate) dscp: Option<u32>,
    pub(crate) ipv6: bool,
    pub(crate) peer_class: Option<String>,
    pub(crate) offers_srtp: Option<Answer>,
}

/// Yes or no
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answer {
    Yes,
    No,
}

/// How much encryption a leg demands
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encryption {
    /// SRTP with an encrypting suite
    Required,
    /// SRTP or plain RTP
    Supported,
    /// Plain RTP
    NotSupported,
}

/// Where a leg's packets may come from
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The remote endpoint as given
    Fixed,
    /// The first source whose packet authenticates (SRTP)
    Learn,
    /// The first source port at the remote address
    SignalledAddress,
    /// Whoever sends first (plain RTP; open to hijacking)
    LearnAny,
}

/// Two sets of flags that differ in their prefix only: clap has no prefixes for flattened groups.
macro_rules! leg_flags {
    ($name:ident, $prefix:literal, $heading:literal, $realm:ident, $plain:ident, $receive:ident, $send:ident) => {
        #[derive(Debug, Args)]
        struct $name {
            /// The relay's network on which the leg lives, as its configuration names it
            #[arg(long = concat!($prefix, "-realm"), value_name = "NAME", help_heading = $heading,
                  required_unless_present = "file")]
            $realm: Option<String>,
            /// Where the leg's endpoint receives RTP
            #[arg(id = concat!($prefix, "_remote"), long = concat!($prefix, "-remote"),
                  value_name = "ADDRESS:PORT", help_heading = $heading, conflicts_with = "file")]
            remote: Option<SocketAddr>,
            /// RTP in the clear
            #[arg(long = concat!($prefix, "-plain"), help_heading = $heading, conflicts_with = "file",
                  conflicts_with_all = [stringify!($receive), stringify!($send)])]
            $plain: bool,
            /// The a=crypto attribute that the endpoint sent: @FILE, - or the text
            #[arg(long = concat!($prefix, "-sdes-receive"), value_name = "KEY", help_heading = $heading,
                  conflicts_with = "file")]
            $receive: Option<Secret>,
            /// The a=crypto attribute that the endpoint was given: @FILE, - or the text
            #[arg(long = concat!($prefix, "-sdes-send"), value_name = "KEY", help_heading = $heading,
                  conflicts_with = "file")]
            $send: Option<Secret>,
            /// How much encryption the leg demands [default: that of its peer class, or required]
            #[arg(id = concat!($prefix, "_encryption"), long = concat!($prefix, "-encryption"), value_enum,
                  value_name = "LEVEL", help_heading = $heading, conflicts_with = "file")]
            encryption: Option<Encryption>,
            /// Where its packets may come from [default: learn for SRTP, signalled-address for plain RTP]
            #[arg(id = concat!($prefix, "_source"), long = concat!($prefix, "-source"), value_enum,
                  value_name = "RULE", help_heading = $heading, conflicts_with = "file")]
            source: Option<Source>,
            /// RTP and RTCP on one port (RFC 5761)
            #[arg(id = concat!($prefix, "_rtcp_mux"), long = concat!($prefix, "-rtcp-mux"),
                  help_heading = $heading, conflicts_with = "file")]
            rtcp_mux: bool,
            /// DSCP of what is sent on the leg, 0 to 63 [default: as it came]
            #[arg(id = concat!($prefix, "_dscp"), long = concat!($prefix, "-dscp"), value_name = "NUMBER",
                  help_heading = $heading, conflicts_with = "file", value_parser = clap::value_parser!(u32).range(0..64))]
            dscp: Option<u32>,
            /// IPv6 local ports, when no remote says which
            #[arg(id = concat!($prefix, "_ipv6"), long = concat!($prefix, "-ipv6"), help_heading = $heading,
                  conflicts_with = "file")]
            ipv6: bool,
            /// The kind of peer at the leg's other end, as the relay's configuration names it
            #[arg(id = concat!($prefix, "_peer_class"), long = concat!($prefix, "-peer-class"),
                  value_name = "NAME", help_heading = $heading, conflicts_with = "file")]
            peer_class: Option<String>,
            /// Whether the peer has offered SRTP: resolves the level now
            #[arg(id = concat!($prefix, "_offers_srtp"), long = concat!($prefix, "-offers-srtp"), value_enum,
                  value_name = "yes|no", help_heading = $heading, conflicts_with = "file")]
            offers_srtp: Option<Answer>,
        }

        impl $name {
            fn flags(&self) -> LegFlags {
                LegFlags {
                    realm: self.$realm.clone(),
                    remote: self.remote,
                    plain: self.$plain,
                    sdes_receive: self.$receive.clone(),
                    sdes_send: self.$send.clone(),
                    encryption: self.encryption,
                    source: self.source,
                    rtcp_mux: self.rtcp_mux,
                    dscp: self.dscp,
                    ipv6: self.ipv6,
                    peer_class: self.peer_class.clone(),
                    offers_srtp: self.offers_srtp,
                }
            }
        }
    };
}

leg_flags!(LegA, "a", "First leg", a_realm, a_plain, a_sdes_receive, a_sdes_send);
leg_flags!(LegB, "b", "Second leg", b_realm, b_plain, b_sdes_receive, b_sdes_send);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command, SessionCommand};
    use clap::Parser;

    fn parse(line: &str) -> Result<Create, clap::Error> {
        let line = format!("culvert session create {line}");
        match Arguments::try_parse_from(line.split_whitespace())?.command {
            Command::Session(SessionCommand::Create(create)) => Ok(*create),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_flags_of_a_leg_are_its_own() {
        let create = parse(
            "call-7 --a-realm outside --a-remote 192.0.2.10:40000 --a-sdes-receive @o --a-sdes-send @a --a-rtcp-mux \
             --b-realm inside --b-remote [2001:db8::1]:40000 --b-plain --b-encryption not-supported --b-dscp 46 \
             --b-peer-class gateway --b-offers-srtp no",
        )
        .unwrap();
        assert_eq!(create.id.as_deref(), Some("call-7"));
        let [(_, a), (_, b)] = create.legs();
        assert_eq!((a.realm.as_deref(), b.realm.as_deref()), (Some("outside"), Some("inside")));
        assert_eq!(a.remote, Some("192.0.2.10:40000".parse().unwrap()));
        assert_eq!(b.remote, Some("[2001:db8::1]:40000".parse().unwrap()));
        assert_eq!((a.plain, b.plain, a.rtcp_mux, b.rtcp_mux), (false, true, true, false));
        assert_eq!((a.encryption, b.encryption), (None, Some(Encryption::NotSupported)));
        assert_eq!((a.dscp, b.dscp), (None, Some(46)));
        assert_eq!((a.peer_class.as_deref(), b.peer_class.as_deref()), (None, Some("gateway")));
        assert_eq!((a.offers_srtp, b.offers_srtp), (None, Some(Answer::No)));
        assert!(a.sdes_receive.is_some() && a.sdes_send.is_some() && b.sdes_send.is_none());
    }

    #[test]
    fn what_does_not_go_together_is_a_usage_error() {
        for line in [
            "",
            "call-7",
            "call-7 --a-realm outside",
            "call-7 --a-realm o --b-realm i --b-plain --b-sdes-send @x",
            "call-7 --a-realm o --b-realm i --b-dscp 64",
            "call-7 --a-realm o --b-realm i --a-remote 192.0.2.10",
            "--file call.json --a-realm o",
            "--file call.json --b-plain",
            "--file call.json --packets-per-second 50",
            "call-7 --a-realm o --b-realm i --payload-bytes 9001",
            "call-7 --a-realm o --b-realm i --packets-per-second 0",
            "call-7 --a-realm o --b-realm i --a-source anywhere",
            "call-7 --a-realm o --b-realm i --a-offers-srtp perhaps",
            "--file call.json --a-peer-class gateway",
            "--file call.json --b-offers-srtp yes",
        ] {
            assert_eq!(parse(line).map(|_| line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(parse("--file -").unwrap().id, None);
        assert_eq!(parse("other-name --file call.json").unwrap().id.as_deref(), Some("other-name"));
    }
}
