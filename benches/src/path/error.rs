// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why there is no result.

use std::path::PathBuf;

/// Why the path bench stopped, or a contender has no row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Ctrl-C.
    #[error("interrupted; programs and namespaces are gone")]
    Interrupted,
    /// Namespaces, generator, sink, or Culvert.
    #[error(transparent)]
    Wire(#[from] crate::wire::error::WireError),
    /// The library that opens samples.
    #[error(transparent)]
    Library(#[from] crate::crypto::error::CryptoError),
    /// A rival's program.
    #[error("cannot start {program}: {source}; `cargo xtask bench path` installs it")]
    Start {
        /// Of the program.
        program: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A rival that does not do what it is asked.
    #[error("{contender} {fault}; its log is {}", log.display())]
    Rival {
        /// Who.
        contender: &'static str,
        /// What is wrong.
        fault: String,
        /// Where it says more.
        log: PathBuf,
    },
    /// AF_XDP of the forwarder.
    #[error(transparent)]
    Xsk(#[from] culvert_xsk::XskError),
    /// Sockets of the forwarder.
    #[error(transparent)]
    Udp(#[from] culvert_udp::UdpError),
    /// The XDP program of the forwarder.
    #[error("the AF_XDP forwarder: {0}")]
    Steering(String),
    /// A thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// What arrived is not what should have.
    #[error("{contender}: packet {number} at the sink {fault}")]
    Delivered {
        /// Whose.
        contender: &'static str,
        /// Its number.
        number: u32,
        /// What is wrong with it.
        fault: &'static str,
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

impl PathError {
    /// Whether the bench can go on: with the contender's next run, or with the others.
    pub fn is_of_run(&self) -> bool {
        !matches!(self, PathError::Interrupted | PathError::Write { .. })
    }
}

impl From<culvert_testbed::TestbedError> for PathError {
    fn from(error: culvert_testbed::TestbedError) -> PathError {
        PathError::Wire(error.into())
    }
}

impl From<culvert_traffic::TrafficError> for PathError {
    fn from(error: culvert_traffic::TrafficError) -> PathError {
        PathError::Wire(error.into())
    }
}
