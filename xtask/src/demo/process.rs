// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that end with the demo, however the demo ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::failure::{Context, Failure};
use crate::step::{self, program};

/// A running program, killed when dropped.
pub(super) struct Process {
    name: String,
    pub(super) child: Child,
}

impl Process {
    pub(super) fn spawn(name: &str, command: &mut Command) -> Result<Self, Failure> {
        // A process group of its own: Ctrl-C is for us, and we end what we started.
        let child = command.process_group(0).spawn().context(format_args!("{name}: cannot start"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// The status, when it has ended.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child.try_wait().context(&self.name)
    }

    /// Asks it to end (SIGTERM) and waits for so long.
    pub(super) fn terminate(&mut self, patience: Duration) -> Result<ExitStatus, Failure> {
        let id = self.child.id().to_string();
        if self.ended()?.is_none() && !step::succeeds(&mut program("kill", ["-TERM", &id])) {
            return Err(Failure::new(format!("{}: cannot be asked to end", self.name)));
        }
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(Failure::new(format!("{} did not end within {} s", self.name, patience.as_secs())))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
