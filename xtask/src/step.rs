// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running programs, saying which.

use std::process::{Command, Stdio};

use crate::failure::{Context, Failure};
use crate::workspace;

/// `cargo` with the workspace as its directory.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace::root());
    command
}

pub(crate) fn program<'a>(name: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Announces the step, runs it with our own output, and fails when it does.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<(), Failure> {
    println!("==> {title}");
    let shown = shown(command);
    let status = command.status().context(format_args!("{title}: cannot run `{shown}`"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{title}: `{shown}` ended with {status}")))
    }
}

/// Whether the command can be run and succeeds, without a word.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// As one would type it: without the path of the cargo that runs us.
fn shown(command: &Command) -> String {
    let name = command.get_program().to_string_lossy();
    let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_names_the_command_and_its_status() {
        let failure = run("nothing", &mut program("/bin/false", ["now"])).unwrap_err();
        assert_eq!(failure.to_string(), "nothing: `false now` ended with exit status: 1");
        let failure = run("missing", &mut program("/nonexistent/tool", [])).unwrap_err();
        assert!(failure.to_string().starts_with("missing: cannot run `tool`: "), "{failure}");
    }
}
