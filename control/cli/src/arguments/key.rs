// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert session keys` and `culvert key`: session keys, sealed and opened.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};

use super::Passwords;

const KEYS_HELP: &str = "\
Examples:
  culvert session keys call-7 --participant 0:\"$USERNAME\" --password-file password
  culvert session keys call-7 --suite AEAD_AES_256_GCM \\
    --participant 0:\"$ALICE\" --password-file alice --participant 1:\"$BOB\" --password-file bob

Each leg that is named gets fresh keys, in force at once; again is a re-key. The answer holds them
sealed: who has the password opens them with `culvert key open`, or with any JOSE library.";

const OPEN_HELP: &str = "\
Examples:
  culvert key open container --password-file password
  CULVERT_PASSWORD=$(secret-tool lookup culvert alice) culvert --json key open < container

Shows keys. No relay takes part. A wrong password, a container that was changed and one whose time
is over are one and the same error, with exit code 2.";

/// `culvert session keys`.
#[derive(Debug, Args)]
#[command(after_help = KEYS_HELP)]
pub(crate) struct SessionKeys {
    /// As it was created
    #[arg(value_name = "SESSION")]
    pub(crate) id: String,
    /// A leg, 0 or 1, and the username of its participant's credential; once or twice
    #[arg(long = "participant", value_name = "LEG:USERNAME", required = true)]
    pub(crate) participants: Vec<Participant>,
    #[command(flatten)]
    pub(crate) passwords: Passwords,
    /// For the legs named here [default: AES_CM_128_HMAC_SHA1_80]
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
}

/// `LEG:USERNAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Participant {
    pub(crate) leg: u32,
    pub(crate) username: String,
}

impl FromStr for Participant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let leg = match text.split_once(':') {
            Some(("0", username)) => Some((0, username)),
            Some(("1", username)) => Some((1, username)),
            _ => None,
        };
        match leg {
            Some((leg, username)) if !username.is_empty() => Ok(Self { leg, username: username.to_owned() }),
            _ => Err("write LEG:USERNAME, where LEG is 0 or 1".to_owned()),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Opens sealed session keys with the credential's password, and shows them
    Open(Open),
}

/// `culvert key open`.
#[derive(Debug, Args)]
#[command(after_help = OPEN_HELP)]
pub(crate) struct Open {
    /// File with the container, - for standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) passwords: Passwords,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command, SessionCommand};

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Arguments::try_parse_from(line.split(' ')).map(|arguments| arguments.command)
    }

    #[test]
    fn a_participant_is_a_leg_and_a_username_that_may_hold_colons() {
        let line = "culvert session keys call-7 --participant 1:1700000000:alice --participant 0:bob \
                    --password-file a --password-file - --suite AEAD_AES_256_GCM";
        let Command::Session(SessionCommand::Keys(keys)) = parse(line).unwrap() else { panic!("not keys") };
        let participant = |leg, username: &str| Participant { leg, username: username.to_owned() };
        assert_eq!(keys.participants, [participant(1, "1700000000:alice"), participant(0, "bob")]);
        assert_eq!((keys.id.as_str(), keys.suite.as_deref()), ("call-7", Some("AEAD_AES_256_GCM")));
        assert!(keys.passwords.read_stdin());
        for wrong in ["", " --participant", " --participant 2:u", " --participant 0:", " --participant u"] {
            let line = format!("culvert session keys call-7{wrong}");
            assert_eq!(parse(&line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_container_comes_from_standard_input_unless_a_file_is_named() {
        for (line, expected) in [("culvert key open", "-"), ("culvert key open container", "container")] {
            let Command::Key(KeyCommand::Open(open)) = parse(line).unwrap() else { panic!("not an open") };
            assert_eq!(open.file, PathBuf::from(expected));
        }
        assert_eq!(parse("culvert key").unwrap_err().exit_code(), 2);
    }
}
