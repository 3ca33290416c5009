// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why there is no result.

use std::path::PathBuf;

use culvert_srtp::KeyError;

use crate::crypto::case::Case;
use crate::engine::EngineError;

/// Why a contest did not take place, or does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A rival's shared object.
    #[error("cannot load {}: {reason}; `cargo xtask bench crypto` builds it", path.display())]
    Load {
        /// Of the object.
        path: PathBuf,
        /// What the dynamic linker says.
        reason: String,
    },
    /// A rival's context.
    #[error("{contender} makes no context for {case}; see its create function in benches/rivals/c")]
    Create {
        /// Who.
        contender: String,
        /// For what.
        case: Case,
    },
    /// Culvert's keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The processor to run on.
    #[error("cannot run on processor {0}; choose another by --cpu")]
    Pin(usize),
    /// A contender other than asked for.
    #[error("no contender is called {name}; there are {known}")]
    Unknown {
        /// Asked for.
        name: String,
        /// Had.
        known: String,
    },
    /// Nothing left to measure.
    #[error("the filters leave nothing to measure; --help lists what there is")]
    Nothing,
    /// The reference cannot make packets.
    #[error(
        "{0} cannot protect the packets that the others are measured with; look at benches/rivals/c/libsrtp.c"
    )]
    Reference(String),
    /// Wrong bytes.
    #[error(
        "{contender} gives other bytes than {reference} for packet {packet} of {case}; its times mean nothing"
    )]
    Differs {
        /// Who.
        contender: String,
        /// From whom.
        reference: String,
        /// In the burst.
        packet: usize,
        /// Of what.
        case: Case,
    },
    /// A good packet was refused.
    #[error("{contender} refuses a valid packet of {case}; its times mean nothing")]
    Refused {
        /// Who.
        contender: String,
        /// Of what.
        case: Case,
    },
    /// A bad packet was taken.
    #[error("{contender} accepts a packet with {fault} of {case}; its times mean nothing")]
    Accepted {
        /// Who.
        contender: String,
        /// What was wrong.
        fault: &'static str,
        /// Of what.
        case: Case,
    },
    /// The engine's bench.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file that was asked for.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Of the file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
