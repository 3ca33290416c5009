// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the wire bench stopped.

/// Why the wire bench stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The veth pair could not be made.
    #[error(transparent)]
    Testbed(#[from] culvert_testbed::TestbedError),
    /// A tool of util-linux failed.
    #[error("`{command}` failed: {output}")]
    Tool {
        /// The command line.
        command: String,
        /// What it printed.
        output: String,
    },
    /// Generator or sink.
    #[error(transparent)]
    Traffic(#[from] culvert_traffic::TrafficError),
    /// No kernel thread polls the edge's interface.
    #[error("{0} has no NAPI thread: threaded NAPI takes Linux 5.12")]
    NoNapiThread(&'static str),
    /// Key material was refused.
    #[error(transparent)]
    Key(#[from] culvert_srtp::KeyError),
    /// The relay under test could not be started.
    #[error(transparent)]
    Relay(#[from] crate::relay::RelayError),
    /// What arrived is not what should have been relayed.
    #[error("packet {number} at the sink: {fault}")]
    Delivered {
        /// Its place in the pool.
        number: u32,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The relay delivered nothing.
    #[error("the relay delivered nothing: look at the drop reasons above")]
    NothingDelivered,
}
