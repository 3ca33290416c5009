// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io;

use thiserror::Error;

/// Why memory is not as keys need it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system gave no memory, or would not leave it out of core dumps.
    #[error("cannot map {bytes} bytes of memory for keys: {source}")]
    Map {
        /// As many were asked for.
        bytes: usize,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The memory is there, but can be swapped out.
    #[error(
        "cannot lock {bytes} bytes of memory for keys, of which this process may lock {}: set LimitMEMLOCK=infinity in \
         the systemd unit, or raise `ulimit -l`",
        bound(*.limit)
    )]
    NotLocked {
        /// As many are not locked.
        bytes: usize,
        /// `RLIMIT_MEMLOCK`, in bytes. `None`: no limit, and the system is out of memory.
        limit: Option<u64>,
    },
}

fn bound(limit: Option<u64>) -> String {
    limit.map_or_else(|| "as many as there are".into(), |bytes| bytes.to_string())
}
