// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the junk bench stopped.

use std::path::PathBuf;

/// Why the junk bench stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JunkError {
    /// Ctrl-C.
    #[error("interrupted; the namespaces are gone")]
    Interrupted,
    /// What notices Ctrl-C.
    #[error("cannot handle signals: {0}")]
    Signal(std::io::Error),
    /// Namespaces, generator, sink or relay.
    #[error(transparent)]
    Wire(#[from] crate::wire::error::WireError),
    /// The engine on in-memory rings.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// More is to be sent than there is room for.
    #[error(
        "{groups} packets of media with {ratio} of junk each do not fit the pool of {frames} frames; raise --packets or lower --seconds"
    )]
    Pool {
        /// Packets of media.
        groups: u64,
        /// Packets of junk for each.
        ratio: u32,
        /// Room.
        frames: u32,
    },
    /// A file.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Of the file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl From<culvert_testbed::TestbedError> for JunkError {
    fn from(error: culvert_testbed::TestbedError) -> JunkError {
        JunkError::Wire(error.into())
    }
}

impl From<culvert_traffic::TrafficError> for JunkError {
    fn from(error: culvert_traffic::TrafficError) -> JunkError {
        JunkError::Wire(error.into())
    }
}

impl From<crate::relay::RelayError> for JunkError {
    fn from(error: crate::relay::RelayError) -> JunkError {
        JunkError::Wire(error.into())
    }
}
