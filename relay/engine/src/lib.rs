// SPDX-License-Identifier: MIT OR Apache-2.0
//! The per-core relay engine: what happens to a packet between the receive and the transmit ring.
//!
//! A [`Flow`] is one direction of one stream. [`process()`] takes a burst of packets through the flows of one
//! [`WorkerState`]; it does no input or output and reads no clock. A [`Worker`] is the thread around it: commands in,
//! packets in, [`process()`], packets out, events out. Control holds a [`WorkerHandle`] for each worker; commands and
//! events pass through bounded single-producer single-consumer rings, and whatever a command replaces comes back
//! as [`Event::Retired`], so that a worker never frees memory and keys are erased on the control side.
//!
//! The state rule: a packet that is not accepted (its tag is wrong, it is a replay, its source is not the flow's)
//! changes a drop counter and nothing else.
#![forbid(unsafe_code)]

mod apply;
pub mod burst;
pub mod clock;
pub mod command;
pub mod cost;
pub mod counters;
pub mod event;
pub mod flow;
pub mod handle;
pub mod handover;
pub mod histogram;
pub mod io;
pub mod prefix;
pub mod probe;
pub mod process;
pub mod rate;
pub mod reason;
pub mod side;
pub mod state;
pub mod statistics;
mod table;
pub mod worker;

pub use burst::{BURST, Burst, FrameBuffer, InterfaceId, Link, Packet, PacketInfo, Verdict};
pub use clock::{Clock, Nanos, cycles_per_second};
pub use command::Command;
pub use counters::{FlowCounters, WorkerCounters};
pub use event::{Cause, Direction, Event, Retired};
pub use flow::{Component, Dscp, Egress, Flow, FlowSlot, Ingress, NextHop, NextHopId, SourceRule, Via};
pub use handle::{Engine, Full, Panicked, SlotAllocator, WorkerHandle};
pub use handover::Handover;
pub use histogram::{Histogram, HistogramSnapshot};
pub use io::PacketIo;
pub use prefix::Prefix;
pub use probe::{Note, Probe, ProbeId, ProbedFlow, ProtectionStanding, Shape, SideStanding, Standing, Tried};
pub use process::process;
pub use rate::Rate;
pub use reason::DropReason;
pub use side::{Encrypted, NotEncrypting, Protection, Receive, Send, Side};
pub use state::{Wait, WorkerConfig, WorkerState};
pub use statistics::{StreamSnapshot, StreamStatistics};
pub use worker::{SpawnError, Stopped, Worker};
