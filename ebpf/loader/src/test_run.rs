// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{Steering, SteeringError};
use aya::programs::{ProgramError, TestRun as _, TestRunOptions};
use std::time::Duration;

/// What the program says is to become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `XDP_DROP`.
    Drop,
    /// `XDP_PASS`: the kernel's business.
    Pass,
    /// `XDP_REDIRECT`: to a socket.
    Redirect,
    /// A verdict this program never gives.
    Other(u32),
}

impl From<u32> for Verdict {
    fn from(action: u32) -> Self {
        match action {
            1 => Self::Drop,
            2 => Self::Pass,
            4 => Self::Redirect,
            other => Self::Other(other),
        }
    }
}

/// The result of running the program on one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// What is to become of the packet.
    pub verdict: Verdict,
    /// The packet as the program left it.
    pub packet: Vec<u8>,
    /// The mean time of one run.
    pub duration: Duration,
}

impl Steering {
    /// Runs the program `repeat` times on a packet as if it had arrived on queue 0, without sending it anywhere.
    ///
    /// For tests and measurements; it counts as any other packet does.
    ///
    /// # Errors
    ///
    /// [`SteeringError::TestRun`] when the kernel refuses: it wants 14 bytes at least.
    pub fn test_run(&self, packet: &[u8], repeat: u32) -> Result<TestRun, SteeringError> {
        let error = |source| SteeringError::TestRun { length: packet.len(), source: Box::new(source) };
        let program = self.program().ok_or_else(|| error(ProgramError::NotLoaded))?;
        let mut output = vec![0; packet.len()];
        let result = program
            .test_run(TestRunOptions {
                data_in: Some(packet),
                data_out: Some(&mut output),
                repeat,
                ..TestRunOptions::default()
            })
            .map_err(error)?;
        output.truncate(result.data_size_out as usize);
        Ok(TestRun { verdict: result.return_value.into(), packet: output, duration: result.duration })
    }
}
