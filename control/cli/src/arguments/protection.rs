// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert protection`.

use clap::Args;

const AFTER_HELP: &str = "\
Examples:
  culvert protection
  culvert protection --session call-7 --watch
  culvert --json protection | jq '.media[] | select(.protection == \"plain\")'

Control links are shown to operators. IN is what the leg's endpoint sends, OUT what the relay sends
to it. SINCE RE-KEY counts packets. The last line is for `culvert audit verify --head`.";

/// `culvert protection`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Protection {
    /// Only the legs of this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Again every second, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::{Arguments, Command};

    #[test]
    fn one_session_or_all_once_or_again() {
        for (line, session, watch) in [
            ("culvert protection", None, false),
            ("culvert protection --watch --session call-7", Some("call-7"), true),
        ] {
            let Command::Protection(protection) = Arguments::try_parse_from(line.split(' ')).unwrap().command
            else {
                panic!("not protection")
            };
            assert_eq!((protection.session.as_deref(), protection.watch), (session, watch));
        }
    }
}
