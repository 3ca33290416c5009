// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::TestbedError;
use std::{ffi::OsStr, io, process::Command};

/// Runs a program to its end and returns what it wrote to its standard output.
pub(crate) fn run<S: AsRef<OsStr>>(
    tool: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String, TestbedError> {
    let mut command = Command::new(tool);
    command.args(arguments);
    output(tool, command)
}

/// As `run`, of a command that may be wrapped; `tool` is the name for errors.
pub(crate) fn output(tool: &str, mut command: Command) -> Result<String, TestbedError> {
    let output = command.output().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => TestbedError::MissingTool { tool: tool.to_owned() },
        _ => TestbedError::system(format!("run {tool}"), source),
    })?;
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // `ip netns exec` finds the program missing only after it was started itself.
    if message.starts_with("exec of") && message.ends_with("No such file or directory") {
        return Err(TestbedError::MissingTool { tool: tool.to_owned() });
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let command = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    Err(TestbedError::Tool { command, status: output.status, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_the_remedy() {
        let error = run("culvert-no-such-tool", ["x"]).unwrap_err();
        assert_eq!(error.to_string(), "culvert-no-such-tool is not installed: run `cargo xtask setup`");
    }

    #[test]
    fn a_failed_program_is_quoted() {
        let error = run("sh", ["-c", "echo no good >&2; exit 3"]).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo no good >&2; exit 3` failed (exit status: 3): no good");
        assert_eq!(run("echo", ["good"]).unwrap(), "good\n");
    }
}
