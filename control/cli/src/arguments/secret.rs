// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys on the command line: better named than written out.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::error::CliError;

/// Where a key is: `@FILE`, `-` for standard input, or the text itself.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// The text, without the white space around it.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, CliError> {
        let failed = |source| CliError::Read { what: "key file", path: self.name(), source };
        let text = if let Some(path) = self.0.strip_prefix('@') {
            fs::read_to_string(path).map_err(failed)?
        } else if self.0.as_str() == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(failed)?;
            text
        } else {
            self.0.to_string()
        };
        let text = Zeroizing::new(text);
        Ok(Zeroizing::new(text.trim().to_owned()))
    }

    /// Whether it would read all of standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.0.as_str() == "-"
    }

    fn name(&self) -> String {
        match self.0.strip_prefix('@') {
            Some(path) => path.to_owned(),
            None if self.is_stdin() => "-".to_owned(),
            None => "(given in the command line)".to_owned(),
        }
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_trimmed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offer");
        fs::write(&path, "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\n").unwrap();
        let secret: Secret = format!("@{}", path.display()).parse().unwrap();
        assert_eq!(secret.read().unwrap().as_str(), "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA");
        let missing: Secret = "@/nonexistent/offer".parse().unwrap();
        let error = missing.read().unwrap_err();
        assert!(error.to_string().starts_with("cannot read key file /nonexistent/offer: "), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_literal_is_itself_and_debug_does_not_show_it() {
        let secret: Secret = "1 X inline:SECRET".parse().unwrap();
        assert_eq!(secret.read().unwrap().as_str(), "1 X inline:SECRET");
        assert_eq!(format!("{secret:?}"), "Secret((given in the command line))");
        assert!(!secret.is_stdin());
    }
}
