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
    /// A thread could not be pinned.
    #[error("cannot run on processor {0}: the wire bench needs two that this process may use")]
    Affinity(usize),
    /// The generator's object has no such program or map.
    #[error("the generator has no {0}: bench and generator are of different versions")]
    Missing(&'static str),
    /// The object was refused.
    #[error("cannot load the generator: {0}")]
    Load(#[from] aya::EbpfError),
    /// A program was refused.
    #[error("generator program {program}: {source}")]
    Program {
        /// The program.
        program: &'static str,
        /// What the kernel said.
        source: aya::programs::ProgramError,
    },
    /// A map could not be read or written.
    #[error("generator map {map}: {source}")]
    Map {
        /// The map.
        map: &'static str,
        /// What the kernel said.
        source: aya::maps::MapError,
    },
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
