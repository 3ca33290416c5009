// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert session update`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args};

use super::{Secret, Source};

const AFTER_HELP: &str = "\
Examples:
  culvert session update call-7 --leg 1 --remote 198.51.100.20:41000
  culvert session update call-7 --leg 0 --sdes-receive @new-offer --sdes-send @new-answer
  culvert session update call-7 --leg 0 --hold
  culvert session update --file change.json

What is not given stays as it is. Form of the file, JSON or TOML; all changes apply, or none:
  {
    \"session_id\": \"call-7\",
    \"legs\": [{ \"media\": 0, \"leg\": 1, \"held\": true, \"dscp\": 46, \"source\": \"fixed\",
              \"remote\": { ... }, \"protection\": { ... } }]
  }
with remote and protection as in `culvert session create --help`; \"dscp\": 64 is \"as it came\".";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = ArgGroup::new("change").multiple(true).required(true).args(
    ["file", "remote", "plain", "sdes_receive", "sdes_send", "hold", "resume", "dscp", "source"]))]
pub(crate) struct Update {
    /// As it was created
    #[arg(required_unless_present = "file")]
    pub(crate) id: Option<String>,
    /// File with the changes in JSON or TOML, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all =
          ["media", "leg", "remote", "plain", "sdes_receive", "sdes_send", "hold", "resume", "dscp", "source"])]
    pub(crate) file: Option<PathBuf>,
    /// Which medium, counted from 0
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    pub(crate) media: u32,
    /// Which leg of it, 0 or 1
    #[arg(long, value_name = "INDEX", required_unless_present = "file",
          value_parser = clap::value_parser!(u32).range(0..2))]
    pub(crate) leg: Option<u32>,
    /// Where the leg's endpoint receives RTP from now on
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) remote: Option<SocketAddr>,
    /// RTP in the clear from now on
    #[arg(long, conflicts_with_all = ["sdes_receive", "sdes_send"])]
    pub(crate) plain: bool,
    /// The a=crypto attribute that the endpoint sent: @FILE, - or the text
    #[arg(long, value_name = "KEY")]
    pub(crate) sdes_receive: Option<Secret>,
    /// The a=crypto attribute that the endpoint was given: @FILE, - or the text
    #[arg(long, value_name = "KEY")]
    pub(crate) sdes_send: Option<Secret>,
    /// Relay nothing from or to this leg
    #[arg(long, conflicts_with = "resume")]
    pub(crate) hold: bool,
    /// End a hold
    #[arg(long)]
    pub(crate) resume: bool,
    /// DSCP of what is sent on the leg: 0 to 63, or "keep" for as it came
    #[arg(long, value_name = "NUMBER")]
    pub(crate) dscp: Option<Dscp>,
    /// Where its packets may come from
    #[arg(long, value_enum, value_name = "RULE")]
    pub(crate) source: Option<Source>,
}

/// A DSCP, or 64 for "as it came".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dscp(pub(crate) u32);

impl FromStr for Dscp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(value @ 0..=63) => Ok(Self(value)),
            _ if text == "keep" => Ok(Self(64)),
            _ => Err("must be 0 to 63, or \"keep\"".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command, SessionCommand};
    use clap::Parser;

    fn parse(line: &str) -> Result<Update, clap::Error> {
        let line = format!("culvert session update {line}");
        match Arguments::try_parse_from(line.split_whitespace())?.command {
            Command::Session(SessionCommand::Update(update)) => Ok(*update),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_change_names_its_leg() {
        let update = parse("call-7 --leg 1 --remote 198.51.100.20:41000 --hold --dscp keep").unwrap();
        assert_eq!((update.media, update.leg, update.hold, update.dscp), (0, Some(1), true, Some(Dscp(64))));
        assert_eq!(parse("--file -").unwrap().leg, None);
    }

    #[test]
    fn what_does_not_go_together_is_a_usage_error() {
        for line in [
            "call-7",
            "call-7 --leg 1",
            "call-7 --hold",
            "call-7 --leg 2 --hold",
            "call-7 --leg 1 --hold --resume",
            "call-7 --leg 1 --dscp 64",
            "call-7 --leg 1 --plain --sdes-send @x",
            "call-7 --file x --leg 1",
        ] {
            assert_eq!(parse(line).map(|_| line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
