// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert doctor`.

use std::path::PathBuf;

use clap::Args;

const AFTER_HELP: &str = "\
Examples:
  culvert doctor
  culvert doctor --config /etc/culvert/culvert.toml
  culvert doctor --interface eth0 --interface eth1
  culvert --json doctor | jq '.[] | select(.verdict == \"problem\") | .mend[]'

Looks at this host, without a relay, and changes nothing. As root it sees all.
The commands that it shows are for a root shell and hold until the host starts again.

Exit codes:
  0  no problems; there may be warnings
  1  problems were found
  2  the configuration cannot be read";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Doctor {
    /// culvertd's configuration, for its interfaces, workers, cores, back end and ports
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Looks at this interface, instead of the configuration's or of all physical ones
    #[arg(long = "interface", value_name = "NAME")]
    pub(crate) interfaces: Vec<String>,
}
