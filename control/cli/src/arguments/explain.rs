// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert explain`.

use std::time::Duration;

use clap::Args;

const AFTER_HELP: &str = "\
Examples:
  culvert explain call-7
  culvert explain call-7 --observe 10s
  culvert --json explain call-7 | jq -r '.findings[0].kind'

The most likely cause comes first, with what was seen and what mends it. While it is observed, the
endpoints should send: what is judged are the packets that arrive meanwhile. Nothing of the session
changes. With --observe 0s, only what was counted since the session was made is judged.

Ends with 0 when nothing is wrong, and with 1 when something is.";

/// `culvert explain`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Explain {
    /// The session, as it was created
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// How long to look at its packets, up to 30s
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub(crate) observe: Duration,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use crate::arguments::{Arguments, Command};

    #[test]
    fn a_session_and_how_long_to_look_at_it() {
        for (line, observe) in
            [("culvert explain call-7", 2000), ("culvert explain --observe 500ms call-7", 500)]
        {
            let Command::Explain(explain) = Arguments::try_parse_from(line.split(' ')).unwrap().command
            else {
                panic!("not explain")
            };
            assert_eq!(
                (explain.session.as_str(), explain.observe),
                ("call-7", Duration::from_millis(observe))
            );
        }
        assert_eq!(Arguments::try_parse_from(["culvert", "explain"]).unwrap_err().exit_code(), 2);
    }
}
