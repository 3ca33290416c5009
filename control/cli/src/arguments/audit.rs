// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use culvert_audit::Head;

const AFTER_HELP: &str = "\
Examples:
  culvert audit verify /var/lib/culvert/audit
  culvert audit verify archive/ /var/lib/culvert/audit/audit.jsonl --head \"$(cat head-of-last-week)\"
  culvert --json audit verify /var/lib/culvert/audit --session call-7 | jq .receipts[0].media

Without --head a chain shows what was altered, removed or moved within it, but not that its end was
cut off or rewritten as a whole. Keep a head where the relay's administrator cannot write.

Exit codes:
  0  every record is there, and as the relay wrote it
  1  the chain is broken; standard output names each place
  2  a file cannot be read, or holds no receipt of the session";

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Checks a log, or several files of one, without a relay
    Verify(Verify),
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Verify {
    /// The log's files in any order, or directories with them (*.jsonl)
    #[arg(required = true, value_name = "FILE|DIRECTORY")]
    pub(crate) paths: Vec<PathBuf>,
    /// The log must have this record, which the relay reported, or later ones too
    #[arg(long, value_name = "SEQUENCE:HASH")]
    pub(crate) head: Option<Head>,
    /// Shows the receipts of this session as well
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::Arguments;

    #[test]
    fn a_head_has_its_form_and_a_path_is_needed() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        let head = format!("7:{}", "ab".repeat(32));
        parse(&format!("culvert audit verify log.jsonl more --head {head} --session call-7")).unwrap();
        for wrong in ["culvert audit verify", "culvert audit", "culvert audit verify log.jsonl --head 7"] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
        let error = parse("culvert audit verify log.jsonl --head 7").unwrap_err().to_string();
        assert!(error.contains("not a head: write SEQUENCE:HASH"), "{error}");
    }
}
