// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a host keeps a relay from its best.
//!
//! [`diagnose`] holds a [`Host`] against an [`Intent`]: what is to run there. The answer is a list of [`Check`]s, each with a
//! verdict, what was found, and the commands that mend it. Nothing of the host is changed.
//!
//! ```no_run
//! use culvert_doctor::{Intent, Linux, Verdict, diagnose};
//!
//! let checks = diagnose(&Linux, &Intent { interfaces: vec!["eth0".to_owned()], ..Intent::default() });
//! let healthy = checks.iter().all(|check| check.verdict != Verdict::Problem);
//! ```

mod check;
mod checks;
mod cpus;
mod host;
mod intent;
mod linux;
mod netlink;
mod ports;

pub use check::{Check, Verdict};
pub use checks::diagnose;
pub use host::{Channels, Feature, Host, Link, Unseen, XdpFeatures};
pub use intent::{Backend, HugePages, Intent, IntentError, PortRange};
pub use linux::Linux;
