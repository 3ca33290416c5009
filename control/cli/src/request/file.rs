// SPDX-License-Identifier: MIT OR Apache-2.0
//! Session files: JSON or TOML, whichever it looks like.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::CliError;

/// `-` is standard input.
pub(super) fn read<T: DeserializeOwned>(path: &Path, command: &'static str) -> Result<T, CliError> {
    let stdin = path == Path::new("-");
    let name = if stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut text = Zeroizing::new(String::new());
    let outcome = if stdin {
        io::stdin().read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    outcome.map_err(|source| CliError::Read { what: "session file", path: name.clone(), source })?;
    parse(&text).map_err(|reason| CliError::File { path: name, reason, command })
}

/// The message of the TOML parser quotes the line at fault, which may hold a key: only what and where is kept.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("{} at line {}", error.message(), before.matches('\n').count() + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Form {
        key: String,
    }

    #[test]
    fn both_forms_are_read() {
        let form = Form { key: "x".to_owned() };
        assert_eq!(parse::<Form>(" \n{\"key\": \"x\"}"), Ok(Form { key: "x".to_owned() }));
        assert_eq!(parse::<Form>("key = \"x\"\n"), Ok(form));
    }

    #[test]
    fn a_fault_has_its_line_and_no_neighbouring_key() {
        let error = parse::<Form>("key = \"SECRET\"\nother = 1\n").unwrap_err();
        assert!(
            error.contains("other") && error.ends_with("at line 2") && !error.contains("SECRET"),
            "{error}"
        );
        let error = parse::<Form>("{\"key\": \"SECRET\",\n \"other\": 1}").unwrap_err();
        assert!(error.contains("other") && error.contains("line 2") && !error.contains("SECRET"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read::<Form>(Path::new("/nonexistent/call.json"), "create").unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read session file /nonexistent/call.json: "),
            "{error}"
        );
    }
}
