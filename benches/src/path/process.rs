// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rivals' programs, which end with the bench, however that ends.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use culvert_testbed::Namespace;

use crate::path::error::PathError;

/// A running program, killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it in the namespace, on one processor, with its output in `<directory>/<program>.log`. To be called on the
    /// main thread: the kernel kills the program when the thread that started it ends.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<'a>(
        namespace: &Namespace,
        cpu: usize,
        directory: &Path,
        program: &'static str,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Process, PathError> {
        let failed = |source| PathError::Start { program, source };
        let log = directory.join(format!("{program}.log"));
        let output = File::create(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut command = namespace.command("setpriv");
        command
            .args(["--pdeathsig", "KILL", "taskset", "--cpu-list", &cpu.to_string(), program])
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C is for us, and we end what we started.
            .process_group(0);
        Ok(Process { child: command.spawn().map_err(failed)?, log })
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Where it says what is wrong.
    pub fn log(&self) -> PathBuf {
        self.log.clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
