// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one connection may take.

use std::time::Duration;

/// What one connection may take of memory and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request line with its headers. A longer one ends the connection: there is nobody to answer yet.
    pub head: usize,
    /// Header lines of a message.
    pub headers: usize,
    /// Bytes of a body. A longer one is answered with 413, unread, and ends the connection.
    pub body: usize,
    /// From one message or keep-alive to the next.
    pub idle: Duration,
    /// From the first byte of a message to its last; also for a peer to take a response.
    pub message: Duration,
}

impl Default for Limits {
    /// 16 KiB and 128 lines of head; 256 KiB of body, which holds 100 requests of ordinary identities twenty times over; 15 minutes
    /// between messages; 10 seconds for one.
    fn default() -> Limits {
        Limits {
            head: 16 * 1024,
            headers: 128,
            body: 256 * 1024,
            idle: Duration::from_secs(15 * 60),
            message: Duration::from_secs(10),
        }
    }
}
