// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert top`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use culvert_api::v1::TopOrder;

const AFTER_HELP: &str = "\
Keys:
  s, 1-6         next order; by packets, bits, drops, loss, jitter, MOS
  /              filter by session or owner; Enter applies, Esc leaves it as it was
  Up, Down, PageUp, PageDown, Home, End
                 move
  Enter, Esc     open the session; back
  Tab            sessions, cores, queues, drops
  p, ?, q        pause, help, quit

Examples:
  culvert top
  culvert top --order loss --filter alice --interval 5s";

/// The shortest interval: what a session did is counted once a second.
const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Top {
    /// How often to ask the relay
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// By what the sessions are ranked at first
    #[arg(long, value_enum, default_value_t = Order::Packets)]
    pub(crate) order: Order,
    /// Only sessions whose identifier or owner contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) filter: String,
}

/// By what sessions are ranked
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Packets a second
    Packets,
    /// Bits a second
    Bits,
    /// Dropped packets a second
    Drops,
    /// Share of lost packets
    Loss,
    /// Interarrival jitter
    Jitter,
    /// Estimated mean opinion score, the lowest first
    Mos,
}

impl Order {
    pub(crate) const ALL: [Self; 6] =
        [Self::Packets, Self::Bits, Self::Drops, Self::Loss, Self::Jitter, Self::Mos];

    /// As the relay is asked for it.
    pub(crate) fn request(self) -> TopOrder {
        match self {
            Self::Packets => TopOrder::Packets,
            Self::Bits => TopOrder::Bits,
            Self::Drops => TopOrder::Drops,
            Self::Loss => TopOrder::Loss,
            Self::Jitter => TopOrder::Jitter,
            Self::Mos => TopOrder::Mos,
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval >= SHORTEST { Ok(interval) } else { Err("take 100ms or more".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_tenth_of_a_second_or_more() {
        assert_eq!(interval("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(interval("99ms"), Err("take 100ms or more".to_owned()));
        assert!(interval("fast").is_err());
    }
}
