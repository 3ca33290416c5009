// SPDX-License-Identifier: MIT OR Apache-2.0

/// Why there is no traffic.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrafficError {
    /// Sizes that cannot be.
    #[error(
        "{frames} frames of up to {longest} bytes and {flows} flows: there must be some of each, of up to {} bytes, and not \
         more than 2^32 slots of 256 bytes",
        crate::LONGEST
    )]
    Config {
        /// Frames asked for.
        frames: u32,
        /// Bytes of the longest one.
        longest: usize,
        /// Flows asked for.
        flows: u32,
    },
    /// The object was refused.
    #[error(
        "cannot load the generator with {frames} frames of up to {longest} bytes: {source}; it takes root, and memory for them"
    )]
    Load {
        /// Frames asked for.
        frames: u32,
        /// Bytes of the longest one.
        longest: usize,
        /// What the kernel said.
        source: aya::EbpfError,
    },
    /// The object has no such program or map.
    #[error("the generator has no {0}: build culvert-traffic anew")]
    Missing(&'static str),
    /// A program was refused.
    #[error("generator program {program}: {source}")]
    Program {
        /// The program.
        program: &'static str,
        /// What the kernel said.
        source: aya::programs::ProgramError,
    },
    /// A map cannot be shared with the kernel.
    #[error("generator map {map} cannot be mapped: {source}; Linux 5.5 can")]
    Map {
        /// The map.
        map: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A frame does not fit its place.
    #[error("no frame of {length} bytes fits place {place}: the pool has {frames} places of {room} bytes")]
    Frame {
        /// The place.
        place: u32,
        /// Bytes of the frame.
        length: usize,
        /// Places there are.
        frames: u32,
        /// Bytes of each.
        room: usize,
    },
    /// A run that the pool has no frames or the meter no flows for.
    #[error(
        "a run of {frames} frames and {flows} flows does not fit a pool of {room} frames and {flow_room} flows; there must be one of each at least"
    )]
    Run {
        /// Frames asked for.
        frames: u32,
        /// Flows asked for.
        flows: usize,
        /// Frames there are.
        room: u32,
        /// Flows there may be.
        flow_room: u32,
    },
    /// The thread cannot be pinned.
    #[error("cannot run on processor {0}; choose one that this process may use")]
    Pin(usize),
}
