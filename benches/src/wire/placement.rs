// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which processor does what. It decides every number of a veth path.

use std::fmt;
use std::fs;
use std::process::Command;

use clap::ValueEnum;

use crate::wire::error::WireError;
use crate::wire::topology::{EDGE_INTERFACE, RELAY_INTERFACE, Topology};

/// Where the far end's receive path runs; the generator and the relay's receive softirq are on the edge's processor, the
/// worker is on the relay's.
#[derive(Copy, Clone, Debug, Eq, PartialEq, ValueEnum)]
pub enum Sink {
    /// Placement A: on the relay's processor, where the kernel puts it.
    Relay,
    /// Placement B: on the edge's processor, by threaded NAPI. The relay has its processor to itself.
    Edge,
}

/// Where things run.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// Where the sink runs.
    pub sink: Sink,
    /// Number of the edge's processor.
    pub edge_cpu: usize,
    /// Number of the relay's.
    pub relay_cpu: usize,
}

impl Placement {
    /// Moves the sink, which must be attached.
    ///
    /// # Errors
    /// Without the tools that move a thread.
    pub fn apply(self, topology: &Topology) -> Result<(), WireError> {
        if self.sink == Sink::Relay {
            return Ok(());
        }
        topology.edge.enable_napi(EDGE_INTERFACE)?;
        // A veth with segmentation offload lets AF_XDP's socket buffers bypass the other end's NAPI.
        topology.relay.ethtool(["-K", RELAY_INTERFACE, "tso", "off"])?;
        topology.edge.enable_threaded_napi(EDGE_INTERFACE)?;
        let thread = napi_thread().ok_or(WireError::NoNapiThread(EDGE_INTERFACE))?;
        let cpu = self.edge_cpu.to_string();
        tool(&["taskset", "-c", "-p", &cpu, &thread])?;
        // Its ring of 256 packets would overflow while the generator, which never sleeps, has its slice.
        tool(&["chrt", "-f", "-p", "50", &thread])
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (edge, relay) = (self.edge_cpu, self.relay_cpu);
        match self.sink {
            Sink::Relay => write!(
                formatter,
                "A: generator and receive softirq of the relay's veth on processor {edge}, worker and softirq of the \
                 sink on processor {relay}"
            ),
            Sink::Edge => write!(
                formatter,
                "B: generator, receive softirq of the relay's veth and threaded NAPI of the sink on processor {edge}, \
                 worker on processor {relay}"
            ),
        }
    }
}

/// Identifier of the kernel thread that polls the edge's interface.
fn napi_thread() -> Option<String> {
    let prefix = format!("napi/{EDGE_INTERFACE}-");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let threads = processes.filter_map(|entry| entry.file_name().into_string().ok());
    threads
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|name| {
            fs::read_to_string(format!("/proc/{name}/comm")).is_ok_and(|comm| comm.starts_with(&prefix))
        })
        .max_by_key(|name| name.parse::<u32>().unwrap_or_default())
}

fn tool(line: &[&str]) -> Result<(), WireError> {
    let failed = |output: String| WireError::Tool { command: line.join(" "), output };
    let (program, arguments) = line.split_first().ok_or_else(|| failed(String::new()))?;
    let output = Command::new(program).args(arguments).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
