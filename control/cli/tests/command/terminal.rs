// SPDX-License-Identifier: MIT OR Apache-2.0
//! A terminal of 80 columns and 24 lines, in tmux (`cargo xtask setup` installs it).

use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at the screen.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Terminal {
    directory: TempDir,
}

impl Terminal {
    /// Runs a command line of the shell.
    pub(crate) fn run(line: &str) -> Self {
        let terminal = Self { directory: tempfile::tempdir().unwrap() };
        let file = terminal.directory.path().join("line");
        // The shell stays, so that what the command left behind can be looked at.
        std::fs::write(&file, format!("{line}\necho \"ended with $?\"\nstty -a\nexec cat\n")).unwrap();
        let shell = format!("exec sh {}", file.display());
        terminal.tmux(&["new-session", "-d", "-x", "80", "-y", "24", &shell]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .env("TERM", "xterm")
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(self.directory.path().join("socket"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Keys by tmux's names: `Enter`, `Escape`, `q`.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The first screen that is as wanted.
    pub(crate) fn wait(&self, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "the screen stays:\n{screen}");
            sleep(LOOK);
        }
    }

    /// Waits for the end of the command, and checks that it has left the terminal as it was. Answers with all that is
    /// written there then.
    pub(crate) fn ended(&self) -> String {
        let screen = self.wait(|screen| screen.contains("ended with") && screen.contains("-extproc"));
        let state = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"]);
        assert_eq!(state.trim(), "0 1 0", "the first screen, with a cursor, and no mouse");
        let settings: Vec<&str> = screen.split_whitespace().map(|word| word.trim_end_matches(';')).collect();
        for setting in ["icanon", "echo", "isig", "opost", "icrnl"] {
            assert!(settings.contains(&setting), "{setting} is off:\n{screen}");
        }
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// The process that runs in the terminal and has this name.
    pub(crate) fn process(&self, name: &str) -> String {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let children = PathBuf::from(format!("/proc/{0}/task/{0}/children", shell.trim()));
        let children = std::fs::read_to_string(children).unwrap();
        let named = |pid: &&str| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/comm"));
            command.is_ok_and(|command| command.trim() == name)
        };
        children.split_whitespace().find(named).unwrap().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let socket = self.directory.path().join("socket");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}
