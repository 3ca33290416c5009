// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load on a relay, for operators and for tests: sessions made over gRPC, RTP or SRTP through them, hostile traffic besides,
//! and a report of what arrived, in which order, how late, and whether it was what it should be.
//!
//! [`run`] does all of it. A [`Plan`] says what, a [`Report`] what came of it, [`Thresholds`] whether that will do.
//!
//! ```text
//!                 gRPC: sessions, counters
//!   run ─────────────────────────────────────────► relay
//!    │                                             │   ▲
//!    └─ generator: source ─► leg A ────────────────┘   │
//!                  sink   ◄─ leg B ────────────────────┘
//! ```
//!
//! One thread sends and receives; a packet's time of sending is kept in a table by flow and index, so that packets carry
//! nothing that a telephone's would not.

mod calls;
mod error;
mod flow;
mod generator;
mod histogram;
mod hostile;
mod keys;
mod live;
mod media;
mod next_hop;
mod pace;
mod plan;
mod ports;
mod report;
mod run;
mod sink;
mod source;
mod stamps;
mod stop;
mod threshold;
mod track;
mod transport;

pub use culvert_srtp::Suite;
pub use error::{LoadError, SteeringFailure};
pub use generator::Second;
pub use histogram::Histogram;
pub use plan::{HostileKind, HostilePlan, LegPlan, Plan, Ports, Rate, Share, Transport};
pub use ports::print_ports;
pub use report::{Direction, HostileReport, Latency, RelayReport, Report, SampleReport, SessionsReport};
pub use run::{Progress, run};
pub use stop::Stop;
pub use threshold::{Missed, Thresholds};
