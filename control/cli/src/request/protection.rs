// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys, raw or as SDES attributes.

use culvert_api::v1;
use serde::Deserialize;
use zeroize::Zeroize;

use crate::error::CliError;

/// Exactly one of its variants, by name: `{"plain": {}}`, `{"srtp": {..}}`, `{"sdes": {..}}`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Protection {
    Plain {},
    Srtp(SrtpKeys),
    Sdes(Sdes),
}

impl Protection {
    pub(super) fn message(self, path: &str) -> Result<v1::Protection, CliError> {
        use v1::protection::Kind;
        let path = format!("{path}.protection");
        let kind = match self {
            Self::Plain {} => Kind::Plain(v1::Plain {}),
            Self::Srtp(keys) => Kind::Srtp(keys.message(&format!("{path}.srtp"))?),
            Self::Sdes(sdes) => Kind::Sdes(v1::Sdes { receive: sdes.receive, send: sdes.send }),
        };
        Ok(v1::Protection { kind: Some(kind) })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SrtpKeys {
    suite: String,
    #[serde(default)]
    receive: Vec<MasterKey>,
    #[serde(default)]
    send: Vec<MasterKey>,
}

impl SrtpKeys {
    fn message(self, path: &str) -> Result<v1::SrtpKeys, CliError> {
        let all = |keys: Vec<MasterKey>, direction: &str| -> Result<Vec<_>, CliError> {
            let keys = keys.into_iter().enumerate();
            keys.map(|(index, key)| key.message(&format!("{path}.{direction}[{index}]"))).collect()
        };
        Ok(v1::SrtpKeys {
            suite: self.suite,
            receive: all(self.receive, "receive")?,
            send: all(self.send, "send")?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sdes {
    #[serde(default)]
    receive: String,
    #[serde(default)]
    send: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MasterKey {
    key: Hex,
    salt: Hex,
    #[serde(default)]
    mki: Hex,
    #[serde(default)]
    lifetime: u64,
}

impl MasterKey {
    fn message(self, path: &str) -> Result<v1::MasterKey, CliError> {
        Ok(v1::MasterKey {
            key: self.key.bytes(&format!("{path}.key"))?,
            salt: self.salt.bytes(&format!("{path}.salt"))?,
            mki: self.mki.bytes(&format!("{path}.mki"))?,
            lifetime: self.lifetime,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Hex(String);

impl Hex {
    fn bytes(&self, path: &str) -> Result<Vec<u8>, CliError> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let (pairs, rest) = self.0.as_bytes().as_chunks::<2>();
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
        match bytes {
            Some(bytes) if rest.is_empty() => Ok(bytes),
            _ => Err(CliError::value(path, "is not an even number of hex digits")),
        }
    }
}

impl Drop for Hex {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_pairs_of_digits() {
        let bytes = |text: &str| Hex(text.to_owned()).bytes("key");
        assert_eq!(bytes("00fFa7").unwrap(), [0x00, 0xff, 0xa7]);
        assert!(bytes("").unwrap().is_empty());
        for wrong in ["0", "0g", "0x00", "+1", "ä"] {
            assert_eq!(bytes(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
