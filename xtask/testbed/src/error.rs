// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{io, process::ExitStatus};

/// What can go wrong with a testbed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// Namespaces need root.
    #[error("network namespaces need root: run this as root")]
    NotRoot,
    /// A program is not installed.
    #[error("{tool} is not installed: run `cargo xtask setup`")]
    MissingTool {
        /// The program.
        tool: String,
    },
    /// A program said no.
    #[error("`{command}` failed ({status}): {message}")]
    Tool {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error.
        message: String,
    },
    /// The system refused something.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A namespace has no interface of that name.
    #[error("no interface {interface} in namespace {namespace}")]
    NoInterface {
        /// The namespace.
        namespace: String,
        /// The interface.
        interface: String,
    },
    /// An interface did not come up.
    #[error("{interface} in namespace {namespace} has no carrier after {seconds} s: is the other end up?")]
    NoCarrier {
        /// The namespace.
        namespace: String,
        /// The interface.
        interface: String,
        /// How long was waited.
        seconds: u64,
    },
}

impl TestbedError {
    pub(crate) fn system(action: impl Into<String>, source: impl Into<io::Error>) -> TestbedError {
        TestbedError::System { action: action.into(), source: source.into() }
    }
}
