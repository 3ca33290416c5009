// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing JSON.

use std::io::{self, Write};

use culvert_load::LoadError;
use serde::{Serialize, Serializer};
use serde_json::json;
use zeroize::Zeroizing;

use crate::error::CliError;

/// One answer, indented.
pub(crate) fn answer(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// One object of many, on a line of its own.
pub(crate) fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// For the fields that are secret: what was asked for in so many words.
pub(super) fn secret<S: Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// `{"error": {"kind": .., "code": .., "message": ..}}`; `code` is the gRPC status when the relay refused.
pub(crate) fn error(error: &CliError) -> String {
    let code = match error {
        CliError::Client(client) | CliError::Load(LoadError::Relay { source: client, .. }) => {
            client.code().map(|code| upper_snake(&format!("{code:?}")))
        }
        _ => None,
    };
    json!({"error": {"kind": error.kind(), "code": code, "message": error.to_string()}}).to_string()
}

/// "NotFound" -> "NOT_FOUND", as the gRPC specification writes its codes.
fn upper_snake(camel: &str) -> String {
    let mut name = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_specification() {
        assert_eq!(["NotFound", "Internal"].map(upper_snake), ["NOT_FOUND", "INTERNAL"]);
    }

    #[test]
    fn an_error_is_an_object() {
        let value = CliError::value("session_id", "is missing");
        let expected = r#"{"error":{"code":null,"kind":"usage","message":"session_id: is missing"}}"#;
        assert_eq!(error(&value), expected);
    }
}
