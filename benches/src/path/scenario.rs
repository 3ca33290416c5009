// SPDX-License-Identifier: MIT OR Apache-2.0
//! What arrives, and what leaves.

use clap::ValueEnum;
use culvert_srtp::Suite;

use crate::relay::Legs;
use crate::wire::load::SUITE;

/// What the two legs of a call speak.
#[derive(Copy, Clone, Debug, Eq, PartialEq, ValueEnum)]
pub enum Scenario {
    /// SRTP under key A to SRTP under key B
    SrtpSrtp,
    /// SRTP to RTP
    SrtpRtp,
    /// RTP to RTP
    RtpRtp,
}

impl Scenario {
    /// As options and rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::SrtpSrtp => "srtp-srtp",
            Scenario::SrtpRtp => "srtp-rtp",
            Scenario::RtpRtp => "rtp-rtp",
        }
    }

    /// Of what arrives.
    pub fn received(self) -> Option<Suite> {
        self.legs().0
    }

    /// Suites of both legs.
    pub fn legs(self) -> Legs {
        match self {
            Scenario::SrtpSrtp => (Some(SUITE), Some(SUITE)),
            Scenario::SrtpRtp => (Some(SUITE), None),
            Scenario::RtpRtp => (None, None),
        }
    }
}
