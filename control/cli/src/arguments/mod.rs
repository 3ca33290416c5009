// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

mod audit;
mod create;
mod credentials;
mod doctor;
mod explain;
mod key;
mod load;
mod password;
mod protection;
mod secret;
mod top;
mod update;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use audit::{AuditCommand, Verify};
pub(crate) use create::{Answer, Create, Encryption, LegFlags, Source};
pub(crate) use credentials::{
    Bounds, CredentialsCommand, Issue, Kind as CredentialKind, Location, MediaKind, Reinstate, Revoke,
};
pub(crate) use doctor::Doctor;
pub(crate) use explain::Explain;
pub(crate) use key::{KeyCommand, Open, SessionKeys};
pub(crate) use load::{Load, Suite as LoadSuite, Way as LoadWay};
pub(crate) use password::Passwords;
pub(crate) use protection::Protection;
pub(crate) use secret::Secret;
pub(crate) use top::{Order as TopOrder, Top};
pub(crate) use update::Update;

const EXAMPLES: &str = "\
Examples:
  export CULVERT_SERVER=https://relay.example.net:7443
  export CULVERT_CA=ca.pem CULVERT_CERT=front-end.pem CULVERT_KEY=front-end.key
  culvert node show
  culvert session create --file call.json
  culvert session list
  culvert --json session show call-7 | jq .media[0].legs[0].local.rtp
  culvert session watch
  culvert explain call-7
  culvert protection --watch
  culvert top
  culvert credentials issue sip:alice@example.org --duration 1h
  culvert audit verify /var/lib/culvert/audit
  culvert doctor --config /etc/culvert/culvert.toml

Exit codes:
  0  done
  1  `explain` or `doctor` has found a fault, the audit log is broken, or the output could not be written
  2  the command line, or a file that it names, is wrong
  3  the relay refused
  4  the relay could not be reached, or TLS failed
  5  a load run missed a threshold";

/// Command line of the Culvert media relay
#[derive(Debug, Parser)]
#[command(name = "culvert", version, about, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to reach the relay, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The relay's control address, https://HOST:PORT
    #[arg(long, global = true, env = "CULVERT_SERVER", value_name = "URL", help_heading = "Connection")]
    pub(crate) server: Option<String>,
    /// PEM file with the authority that signed the relay's certificate
    #[arg(long, global = true, env = "CULVERT_CA", value_name = "FILE", help_heading = "Connection")]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file with your certificate
    #[arg(long, global = true, env = "CULVERT_CERT", value_name = "FILE", help_heading = "Connection")]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file with your certificate's private key
    #[arg(long, global = true, env = "CULVERT_KEY", value_name = "FILE", help_heading = "Connection")]
    pub(crate) key: Option<PathBuf>,
    /// Name in the relay's certificate, when it is not the URL's host
    #[arg(
        long,
        global = true,
        env = "CULVERT_SERVER_NAME",
        value_name = "NAME",
        help_heading = "Connection"
    )]
    pub(crate) server_name: Option<String>,
    /// How long to wait for an answer
    #[arg(long, global = true, env = "CULVERT_TIMEOUT", value_name = "TIME", default_value = "10s",
          value_parser = humantime::parse_duration, help_heading = "Connection")]
    pub(crate) timeout: Duration,
    /// Answer in JSON; errors too, on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Calls that the relay carries
    #[command(subcommand)]
    Session(SessionCommand),
    /// Says why a session's media do not pass, and what mends it
    Explain(Explain),
    /// Shows what protects each link of the relay
    Protection(Protection),
    /// Credentials of participants, from the media relay authentication service
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Sealed session keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// The relay itself
    #[command(subcommand)]
    Node(NodeCommand),
    /// Shows cores, queues, sessions and drops as they are now, each second
    Top(Top),
    /// Looks for what on this host keeps a relay from its best
    Doctor(Doctor),
    /// Puts load on the relay: sessions, SRTP through them, and a report of what arrived
    Load(Box<Load>),
    /// The log of receipts that a relay keeps
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Prints a completion script
    #[command(after_help = "Example:\n  culvert completions bash > /etc/bash_completion.d/culvert")]
    Completions {
        /// For which shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Makes a session and shows where its legs receive
    Create(Box<Create>),
    /// Changes a running session: keys, remote address, hold, DSCP
    Update(Box<Update>),
    /// Lists the sessions
    List {
        /// At most so many
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Shows one session with its counters
    Show {
        /// As it was created
        id: String,
    },
    /// Ends sessions and shows their final counters
    Delete {
        /// As they were created
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Makes fresh keys for legs of a session, sealed for their participants
    Keys(Box<SessionKeys>),
    /// Shows events as they happen, until interrupted
    #[command(after_help = "Examples:\n  culvert session watch\n  culvert --json session watch call-7")]
    Watch {
        /// Only of this session
        id: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Shows interfaces, queues, workers, realms and how full they are
    Show,
    /// Refuses new sessions from now on; running ones go on
    #[command(after_help = "Examples:\n  culvert node drain\n  culvert node drain --off")]
    Drain {
        /// Takes new sessions again
        #[arg(long)]
        off: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in
            ["culvert --json --server https://r:1 node show", "culvert node show --server https://r:1 --json"]
        {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert!(arguments.connection.json);
            assert_eq!(arguments.connection.server.as_deref(), Some("https://r:1"));
            assert_eq!(arguments.connection.timeout, Duration::from_secs(10));
        }
    }

    #[test]
    fn delete_takes_several_and_needs_one() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        let Command::Session(SessionCommand::Delete { ids }) =
            parse("culvert session delete a b").unwrap().command
        else {
            panic!("not a delete");
        };
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(parse("culvert session delete").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn help_has_examples_and_exit_codes() {
        let help = Arguments::command().render_long_help().to_string();
        for part in ["CULVERT_SERVER", "culvert session create --file call.json", "3  the relay refused"] {
            assert!(help.contains(part), "{part} is not in:\n{help}");
        }
    }

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "culvert", &mut script);
            let script = String::from_utf8(script).unwrap();
            for part in ["drain", "a-remote", "b-offers-srtp", "protection", "rotate-key", "password-file"] {
                assert!(script.contains(part), "{part} for {shell}");
            }
        }
    }
}
