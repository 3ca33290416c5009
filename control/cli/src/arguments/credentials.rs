// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert credentials`.

use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

const ISSUE_HELP: &str = "\
Examples:
  culvert credentials issue sip:alice@example.org sip:bob@example.org --duration 1h
  culvert credentials issue sip:alice@example.org --source 192.0.2.0/24 --bandwidth 128kbit --media-kind audio
  culvert credentials issue alice --kind turn-rest
  culvert --json credentials issue sip:alice@example.org | jq -r .credentials[0].password > password

Shows passwords: they are what this command is for.";

const REVOKE_HELP: &str = "\
Examples:
  culvert credentials revoke --identity sip:alice@example.org
  culvert credentials revoke --credential 0123456789abcdef0123456789abcdef
  culvert credentials revoke --epoch 3

Legs that were keyed under what is revoked lose their keys within a second. An identity gets no new
credential until it is reinstated.";

const REINSTATE_HELP: &str = "\
Example:
  culvert credentials reinstate --identity sip:alice@example.org

What the revocation ended stays ended; credentials that have not expired are good again.";

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Makes credentials for participants and shows their passwords
    Issue(Box<Issue>),
    /// Ends credentials before their time
    Revoke(Revoke),
    /// Takes back the revocation of an identity or a credential
    Reinstate(Reinstate),
    /// Shows what is revoked, and the signing keys
    List,
    /// Makes a new signing key; credentials of the one before stay good until they expire
    RotateKey,
}

/// `culvert credentials issue`.
#[derive(Debug, Args)]
#[command(after_help = ISSUE_HELP)]
pub(crate) struct Issue {
    /// For whom, such as sip:alice@example.org; at most 100
    #[arg(required = true, value_name = "IDENTITY")]
    pub(crate) identities: Vec<String>,
    /// The credentials' form
    #[arg(long, value_enum, default_value = "culvert")]
    pub(crate) kind: Kind,
    /// Where the participants are [default: not known]
    #[arg(long, value_enum)]
    pub(crate) location: Option<Location>,
    /// How long they are good, 1 minute to 180 days; the relay may shorten it [default: 8h]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

/// What the credentials are good for. What is not given is not bound.
#[derive(Debug, Args)]
#[command(next_help_heading = "Bounds")]
pub(crate) struct Bounds {
    /// Where the participant's media must come from, such as 192.0.2.0/24
    #[arg(long, value_name = "PREFIX")]
    pub(crate) source: Option<String>,
    /// Where the other leg's endpoint must be
    #[arg(long, value_name = "PREFIX")]
    pub(crate) peer: Option<String>,
    /// Of IP packets, in each direction of each medium: 64kbit, 2Mbit
    #[arg(long, value_name = "RATE")]
    pub(crate) bandwidth: Option<Bandwidth>,
    /// Only these, separated by commas
    #[arg(long = "media-kind", value_enum, value_name = "KIND", value_delimiter = ',')]
    pub(crate) media_kinds: Vec<MediaKind>,
    /// Only these, separated by commas, such as AEAD_AES_256_GCM
    #[arg(long = "suite", value_name = "NAME", value_delimiter = ',')]
    pub(crate) suites: Vec<String>,
}

/// The form of a credential
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Claims sealed by authenticated encryption
    Culvert,
    /// What coturn's use-auth-secret takes
    TurnRest,
    /// The token of [MS-AVEDGEA], version 1; it bears no bounds
    #[value(name = "mras-v1")]
    MrasV1,
    /// Its version 2; it bears no bounds
    #[value(name = "mras-v2")]
    MrasV2,
}

/// Where a participant is
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Location {
    Internet,
    Intranet,
}

/// What media carry
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MediaKind {
    Audio,
    Video,
    ApplicationSharing,
}

/// Bits a second, not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bandwidth(pub(crate) u64);

impl FromStr for Bandwidth {
    type Err = String;

    /// Prefixes are those of the SI: 1kbit is 1000 bits.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale: Option<u64> = match unit {
            "bit" => Some(1),
            "kbit" => Some(1_000),
            "Mbit" => Some(1_000_000),
            "Gbit" => Some(1_000_000_000),
            _ => None,
        };
        match number.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(scale)) {
            Some(rate) if rate > 0 => Ok(Self(rate)),
            _ => Err("write a whole number and its unit: bit, kbit, Mbit or Gbit (a second)".to_owned()),
        }
    }
}

/// `culvert credentials revoke`.
#[derive(Debug, Args)]
#[command(after_help = REVOKE_HELP)]
#[command(group = ArgGroup::new("target").required(true).args(["identity", "credential", "epoch"]))]
pub(crate) struct Revoke {
    /// Every credential of this identity
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) identity: Option<String>,
    /// One credential, by its identifier or its username
    #[arg(long, value_name = "ID|USERNAME")]
    pub(crate) credential: Option<String>,
    /// Every credential under this signing key and those before it; for operators
    #[arg(long, value_name = "NUMBER")]
    pub(crate) epoch: Option<u32>,
}

/// `culvert credentials reinstate`.
#[derive(Debug, Args)]
#[command(after_help = REINSTATE_HELP)]
#[command(group = ArgGroup::new("target").required(true).args(["identity", "credential"]))]
pub(crate) struct Reinstate {
    /// This identity
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) identity: Option<String>,
    /// One credential, by its identifier or its username
    #[arg(long, value_name = "ID|USERNAME")]
    pub(crate) credential: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn parse(line: &str) -> Result<CredentialsCommand, clap::Error> {
        let line = format!("culvert credentials {line}");
        match Arguments::try_parse_from(line.split_whitespace())?.command {
            Command::Credentials(command) => Ok(command),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rate_has_a_unit_and_is_not_0() {
        for (text, bits) in
            [("64kbit", 64_000), ("1bit", 1), ("2Mbit", 2_000_000), ("10Gbit", 10_000_000_000)]
        {
            assert_eq!(text.parse(), Ok(Bandwidth(bits)));
        }
        for wrong in
            ["", "64", "64k", "kbit", "0kbit", "-1kbit", "1.5Mbit", "64Kbit", "18446744073709551615kbit"]
        {
            assert!(wrong.parse::<Bandwidth>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_a_usage_error() {
        for line in [
            "",
            "issue",
            "issue alice --kind mras-v3",
            "issue alice --location moon",
            "issue alice --duration long",
            "issue alice --bandwidth 64",
            "issue alice --media-kind audio,smell",
            "revoke",
            "revoke alice",
            "revoke --identity alice --epoch 3",
            "revoke --epoch -1",
            "reinstate",
            "reinstate --epoch 3",
            "reinstate --identity alice --credential x",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        for line in ["list", "rotate-key", "issue a b --kind mras-v1", "reinstate --credential x"] {
            parse(line).unwrap();
        }
    }
}
