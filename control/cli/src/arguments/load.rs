// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert load`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use culvert_load::{Ports, Share};

const AFTER_HELP: &str = "\
Examples:
  # 100 calls of 50 packets a second for ten seconds, over sockets of this host
  culvert load --sessions 100 --a-realm outside --b-realm inside --source 192.0.2.9 --sink 198.51.100.9

  # Both directions, GCM on leg A and plain RTP on leg B, to be kept within bounds
  culvert load --sessions 10 --both --a-suite AEAD_AES_256_GCM --b-suite plain --duration 1m --ramp 10s \\
    --a-realm outside --b-realm inside --source 192.0.2.9 --sink 198.51.100.9 \\
    --max-loss 0.1% --max-p99 1ms --html report.html

  # Millions of packets a second into a wire, as root: the kernel sends them from a pool and counts them
  culvert load --way xdp --sessions 100 --rate 3000000 --a-realm outside --b-realm inside \
    --source 192.0.2.9 --sink 198.51.100.9

  # Hostile packets besides: a tenth of the media rate forged, 5,000 STUN requests a second
  culvert load --sessions 100 --a-realm outside --b-realm inside --source 192.0.2.9 --sink 198.51.100.9 \\
    --forged 10% --stun 5000

The source address and the sink address are addresses of this host that the relay's realms reach. Sessions are
called load-RUN-NUMBER and deleted at the end, also when the run is interrupted (Ctrl-C).

Exit codes:
  0  done
  3  the relay refused a session
  5  a threshold was missed, or a packet arrived that is not what was sent";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Load {
    /// Sessions to make
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) sessions: u32,
    /// Media packets a second, of all sessions together, in each direction
    #[arg(long, value_name = "NUMBER", conflicts_with = "session_rate")]
    pub(crate) rate: Option<f64>,
    /// Media packets a second of each session, in each direction [default: 50]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) session_rate: Option<f64>,
    /// How long media is sent, with the ramp
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) duration: Duration,
    /// End after so many media packets, both directions together, if that comes first
    #[arg(long, value_name = "NUMBER")]
    pub(crate) packets: Option<u64>,
    /// How long the rate grows from nothing to its full height
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) ramp: Duration,
    /// Leg B talks as well
    #[arg(long)]
    pub(crate) both: bool,
    /// Name of the run: 1 to 100 of A-Z a-z 0-9 . _ : @ + - [default: from the time]
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// The relay's network of leg A
    #[arg(long, value_name = "NAME", help_heading = "Legs")]
    pub(crate) a_realm: String,
    /// The relay's network of leg B
    #[arg(long, value_name = "NAME", help_heading = "Legs")]
    pub(crate) b_realm: String,
    /// SRTP suite of leg A (RFC 4568, 6188, 7714), or plain
    #[arg(long, value_name = "SUITE", default_value = "AES_CM_128_HMAC_SHA1_80", help_heading = "Legs")]
    pub(crate) a_suite: Suite,
    /// SRTP suite of leg B, or plain
    #[arg(long, value_name = "SUITE", default_value = "AES_CM_128_HMAC_SHA1_80", help_heading = "Legs")]
    pub(crate) b_suite: Suite,
    /// Address of this host on leg A
    #[arg(long, value_name = "ADDRESS", help_heading = "Legs")]
    pub(crate) source: IpAddr,
    /// Address of this host on leg B
    #[arg(long, value_name = "ADDRESS", help_heading = "Legs")]
    pub(crate) sink: IpAddr,
    /// Ports of leg A that the sessions share: a count, or FIRST-LAST
    #[arg(long, value_name = "PORTS", default_value = "16", value_parser = ports, help_heading = "Legs")]
    pub(crate) source_ports: Ports,
    /// Ports of leg B that the sessions share: a count, or FIRST-LAST
    #[arg(long, value_name = "PORTS", default_value = "16", value_parser = ports, help_heading = "Legs")]
    pub(crate) sink_ports: Ports,
    /// Where the relay is reached on leg A, if not at the address that it signals
    #[arg(long, value_name = "ADDRESS", help_heading = "Legs")]
    pub(crate) a_reach: Option<IpAddr>,
    /// Where the relay is reached on leg B, if not at the address that it signals
    #[arg(long, value_name = "ADDRESS", help_heading = "Legs")]
    pub(crate) b_reach: Option<IpAddr>,

    /// RTP payload in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 160, help_heading = "Packets")]
    pub(crate) payload: u16,
    /// RTP payload type
    #[arg(long, value_name = "NUMBER", default_value_t = 0, help_heading = "Packets")]
    pub(crate) payload_type: u8,
    /// Sequence number of each flow's first packet; near 65535 the roll-over counter grows at once
    #[arg(long, value_name = "NUMBER", default_value_t = 0, help_heading = "Packets")]
    pub(crate) sequence: u16,
    /// SSRC of the first flow; the others follow [default: random]
    #[arg(long, value_name = "NUMBER", help_heading = "Packets")]
    pub(crate) ssrc: Option<u32>,
    /// Packets that may leave at once to make good a pause, 1 to 64
    #[arg(long, value_name = "NUMBER", default_value_t = 64, help_heading = "Packets")]
    pub(crate) burst: u32,
    /// Open each so many packets of a flow at the sink, and compare; 0: none
    #[arg(long, value_name = "NUMBER", default_value_t = 16, help_heading = "Packets")]
    pub(crate) sample: u64,
    /// The sink listens until nothing has come for so long
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration,
          help_heading = "Packets")]
    pub(crate) settle: Duration,
    /// By which way packets go
    #[arg(long, value_enum, default_value_t = Way::Sockets, help_heading = "Packets")]
    pub(crate) way: Way,

    /// MAC address that frames to the relay go to, with --way af-xdp or xdp [default: the next hop's]
    #[arg(long, value_name = "MAC", value_parser = mac_address, help_heading = "Packets")]
    pub(crate) relay_mac: Option<[u8; 6]>,
    /// Frames that are made ahead, with --way xdp
    #[arg(long, value_name = "NUMBER", default_value_t = 1 << 20, help_heading = "Packets")]
    pub(crate) pool: u32,

    #[command(flatten)]
    pub(crate) hostile: Hostile,

    /// Miss if more than this share is lost in a direction, such as 0.1%
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Thresholds")]
    pub(crate) max_loss: Option<f64>,
    /// Miss if the 99th percentile of the latency is longer in a direction
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Thresholds")]
    pub(crate) max_p99: Option<Duration>,
    /// Miss if fewer packets a second are delivered in a direction
    #[arg(long, value_name = "NUMBER", help_heading = "Thresholds")]
    pub(crate) min_rate: Option<f64>,

    /// Write the report as one HTML page with plots
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(crate) html: Option<PathBuf>,
    /// A line a second on standard error, even if that is no terminal
    #[arg(long, help_heading = "Report")]
    pub(crate) progress: bool,
    /// Make the sessions, print the relay's endpoints as ADDRESS:PORT lines, and delete them when interrupted
    #[arg(long, conflicts_with_all = ["html", "packets"], help_heading = "Report")]
    pub(crate) print_ports: bool,
}

/// What is sent to leg A besides media: each a share of media (10%), or packets a second (5000).
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Hostile {
    /// Media packets that have not come yet, with wrong tags
    #[arg(long, value_name = "SHARE|RATE", value_parser = hostile, help_heading = "Hostile traffic")]
    pub(crate) forged: Option<Share>,
    /// Media packets a second time
    #[arg(long, value_name = "SHARE|RATE", value_parser = hostile, help_heading = "Hostile traffic")]
    pub(crate) replayed: Option<Share>,
    /// What is no RTP packet
    #[arg(long, value_name = "SHARE|RATE", value_parser = hostile, help_heading = "Hostile traffic")]
    pub(crate) malformed: Option<Share>,
    /// Media packets from other ports than the session's
    #[arg(long, value_name = "SHARE|RATE", value_parser = hostile, help_heading = "Hostile traffic")]
    pub(crate) sprayed: Option<Share>,
    /// STUN binding requests
    #[arg(long, value_name = "SHARE|RATE", value_parser = hostile, help_heading = "Hostile traffic")]
    pub(crate) stun: Option<Share>,
    /// Media packets to ports of the relay where no session is
    #[arg(long, value_name = "SHARE|RATE", value_parser = hostile, help_heading = "Hostile traffic")]
    pub(crate) unknown_ports: Option<Share>,
}

/// A suite's name, or `plain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite(pub(crate) Option<culvert_load::Suite>);

impl FromStr for Suite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "plain" {
            return Ok(Self(None));
        }
        let names = || culvert_load::Suite::ALL.map(culvert_load::Suite::name).join(", ");
        let suite = culvert_load::Suite::from_name(text);
        suite.map(|suite| Self(Some(suite))).ok_or_else(|| format!("take plain or one of {}", names()))
    }
}

/// By which way packets go
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// UDP sockets; needs no privileges
    Sockets,
    /// Frames of its own through AF_XDP sockets; root
    AfXdp,
    /// Frames that the kernel sends and counts itself, millions a second, from A to B, IPv4; root
    Xdp,
}

fn ports(text: &str) -> Result<Ports, String> {
    let wrong = || "write a count of ports, or FIRST-LAST".to_owned();
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0).ok_or_else(wrong);
    match text.split_once('-') {
        None => Ok(Ports::Any(number(text)?)),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if first <= last { Ok(Ports::Range(first, last)) } else { Err(wrong()) }
        }
    }
}

fn mac_address(text: &str) -> Result<[u8; 6], String> {
    let parts = text.split(':').map(|part| match part.len() {
        1 | 2 => u8::from_str_radix(part, 16).ok(),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = parts.collect();
    let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
    bytes.ok_or_else(|| "write six bytes in hex, such as 02:00:00:00:00:01".to_owned())
}

/// `0.1%`, or `0.001`.
fn share(text: &str) -> Result<f64, String> {
    let wrong = || "write a share from 0 to 1, or from 0% to 100%".to_owned();
    let (digits, whole) = match text.strip_suffix('%') {
        Some(digits) => (digits, 100.0),
        None => (text, 1.0),
    };
    let value = digits.trim().parse::<f64>().map_err(|_| wrong())? / whole;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(wrong()) }
}

fn hostile(text: &str) -> Result<Share, String> {
    let wrong = || "write a share of media such as 10%, or packets a second such as 5000".to_owned();
    let number = |text: &str| {
        let number = text.trim().parse::<f64>().map_err(|_| wrong())?;
        if number.is_finite() && number >= 0.0 { Ok(number) } else { Err(wrong()) }
    };
    match text.strip_suffix('%') {
        Some(percent) => Ok(Share::OfMedia(number(percent)? / 100.0)),
        None => Ok(Share::PerSecond(number(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_are_told_apart() {
        assert_eq!(hostile("10%"), Ok(Share::OfMedia(0.1)));
        assert_eq!(hostile("1000%"), Ok(Share::OfMedia(10.0)));
        assert_eq!(hostile("5000"), Ok(Share::PerSecond(5000.0)));
        assert_eq!(share("0.1%"), Ok(0.001));
        assert_eq!(share("0.5"), Ok(0.5));
        for wrong in ["", "%", "-1", "101%", "2", "NaN", "inf"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "ten", "-1", "NaN", "inf%"] {
            assert!(hostile(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_are_a_count_or_a_range() {
        assert_eq!(ports("16"), Ok(Ports::Any(16)));
        assert_eq!(ports("40000-40015"), Ok(Ports::Range(40_000, 40_015)));
        for wrong in ["0", "9-8", "1-", "70000", "a-b"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mac_address_is_six_bytes() {
        assert_eq!(mac_address("02:00:ab:0:00:1f"), Ok([2, 0, 0xab, 0, 0, 0x1f]));
        for wrong in ["", "02:00:ab:00:00", "02:00:ab:00:00:1f:1", "02:00:ab:00:00:100", "+2:0:0:0:0:g"] {
            assert!(mac_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_suite_has_its_name() {
        assert_eq!("plain".parse(), Ok(Suite(None)));
        assert_eq!("AEAD_AES_128_GCM".parse(), Ok(Suite(Some(culvert_load::Suite::AeadAes128Gcm))));
        assert!(
            "aes".parse::<Suite>().unwrap_err().contains("AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32")
        );
    }
}
