// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is measured.

use std::fmt;

use culvert_srtp::Suite;

/// The suites that every contender has.
pub const SUITES: [Suite; 4] =
    [Suite::AesCm128HmacSha1_80, Suite::AesCm256HmacSha1_80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm];
/// Bytes of payload behind a header of twelve.
pub const PAYLOADS: [usize; 4] = [60, 160, 500, 1200];
/// Streams with keys of their own.
pub const STREAMS: [u32; 2] = [1, 1000];
/// Packets of a call.
pub const BURSTS: [usize; 6] = [1, 2, 4, 8, 16, 64];

/// What contexts and packets are made for; bursts are cut from the same packets.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// Of both legs.
    pub suite: Suite,
    /// Streams with keys of their own.
    pub streams: u32,
    /// Bytes of payload.
    pub payload: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {} B, streams: {}", self.suite, self.payload, self.streams)
    }
}
