// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords of credentials. They never stand in the command line, where every user of the machine could read them.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use crate::error::CliError;

const VARIABLE: &str = "CULVERT_PASSWORD";
/// Far more than two passwords have.
const MAX_BYTES: u64 = 64 * 1024;

/// One password in each line; without a file, those of `CULVERT_PASSWORD`.
#[derive(Debug, Args)]
pub(crate) struct Passwords {
    /// File with the credential's password, - for standard input; without it, CULVERT_PASSWORD is read
    #[arg(long = "password-file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Passwords {
    /// As many as asked for, in the order of the files and of their lines.
    pub(crate) fn read(&self, count: usize) -> Result<Vec<Zeroizing<String>>, CliError> {
        if self.files.iter().filter(|path| *path == Path::new("-")).count() > 1 {
            return Err(CliError::value("--password-file", "standard input can be read once only"));
        }
        let mut found = Vec::new();
        for path in &self.files {
            found.extend(lines(&text(path)?));
        }
        if self.files.is_empty() {
            let value = env::var(VARIABLE)
                .map_err(|_| CliError::MissingOption { option: "--password-file", variable: VARIABLE })?;
            found.extend(lines(&Zeroizing::new(value)));
        }
        if found.len() != count {
            let reason = format!(
                "{count} needed, one in each line and in the order of the participants; {} given",
                found.len()
            );
            return Err(CliError::value("passwords", reason));
        }
        Ok(found)
    }

    pub(crate) fn read_stdin(&self) -> bool {
        self.files.iter().any(|path| path == Path::new("-"))
    }
}

fn lines(text: &str) -> Vec<Zeroizing<String>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| Zeroizing::new(line.to_owned())).collect()
}

fn text(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::new());
    let outcome = if path == Path::new("-") {
        io::stdin().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    };
    match outcome {
        Ok(_) => Ok(text),
        Err(source) => {
            Err(CliError::Read { what: "password file", path: path.display().to_string(), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn passwords_are_the_lines_of_the_files_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (one, two) = (file("one", "first\n"), file("two", "\n second\r\nthird"));
        let passwords = Passwords { files: vec![one, two] };
        let read = passwords.read(3).unwrap();
        assert_eq!(read.iter().map(|text| text.as_str()).collect::<Vec<_>>(), ["first", "second", "third"]);
        for count in [1, 2, 4] {
            let error = passwords.read(count).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "passwords: {count} needed, one in each line and in the order of the participants; 3 given"
                )
            );
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named_and_standard_input_is_read_once() {
        let of = |names: &[&str]| Passwords { files: names.iter().map(PathBuf::from).collect() };
        let error = of(&["/nonexistent/password"]).read(1).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read password file /nonexistent/password: "),
            "{error}"
        );
        let error = of(&["-", "-"]).read(2).unwrap_err();
        assert_eq!(error.to_string(), "--password-file: standard input can be read once only");
        assert!(of(&["x", "-"]).read_stdin() && !of(&["x"]).read_stdin());
    }
}
