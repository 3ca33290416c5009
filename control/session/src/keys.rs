// SPDX-License-Identifier: MIT OR Apache-2.0
//! From requested protection to checked keys.

use culvert_srtp::{KeyError, MAX_KEYS, MasterKey, Mki, Suite};

use crate::{
    KeyId, KeyMaterial, ProtectionRequest, SessionError,
    fingerprint::{Fingerprint, Fingerprinter},
    sdes,
};

/// What is kept of a key.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyPrint {
    /// Of the master key alone.
    pub(crate) key: Fingerprint,
    /// Of key, salt, MKI and lifetime.
    pub(crate) whole: Fingerprint,
}

impl KeyPrint {
    pub(crate) fn id(&self) -> KeyId {
        self.whole.key_id()
    }
}

/// Keys of one direction; none: not known yet.
#[derive(Debug, Default)]
pub(crate) struct NewKeys {
    pub(crate) keys: Vec<MasterKey>,
    pub(crate) prints: Vec<KeyPrint>,
}

/// A request's protection, with every key checked by itself.
#[derive(Debug)]
pub(crate) enum NewProtection {
    Unset,
    Plain,
    Srtp { suite: Suite, receive: NewKeys, send: NewKeys },
}

/// Checks a protection. `field` is the path of the protection itself.
pub(crate) fn read(
    prints: &Fingerprinter,
    field: &str,
    request: &ProtectionRequest,
) -> Result<NewProtection, SessionError> {
    match request {
        ProtectionRequest::Unset => Ok(NewProtection::Unset),
        ProtectionRequest::Plain => Ok(NewProtection::Plain),
        ProtectionRequest::Srtp(keys) => {
            let field = format!("{field}.srtp");
            let suite = Suite::from_name(&keys.suite).ok_or_else(|| {
                let known = Suite::ALL.map(Suite::name).join(", ");
                SessionError::invalid(format!("{field}.suite"), format!("must be one of {known}"))
            })?;
            let receive = raw(prints, suite, &format!("{field}.receive"), &keys.receive)?;
            let send = raw(prints, suite, &format!("{field}.send"), &keys.send)?;
            Ok(NewProtection::Srtp { suite, receive, send })
        }
        ProtectionRequest::Sdes { receive, send } => {
            let receive = attribute(prints, &format!("{field}.sdes.receive"), receive)?;
            let send = attribute(prints, &format!("{field}.sdes.send"), send)?;
            let field = format!("{field}.sdes");
            let suite = match (&receive, &send) {
                (Some((one, _)), Some((other, _))) if one != other => {
                    let message =
                        format!("receive is for {one} and send for {other}; give both for one suite");
                    return Err(SessionError::invalid(field, message));
                }
                (Some((suite, _)), _) | (None, Some((suite, _))) => *suite,
                (None, None) => {
                    let message =
                        "has neither receive nor send; leave the protection unset until one is known";
                    return Err(SessionError::invalid(field, message));
                }
            };
            let keys =
                |attribute: Option<(Suite, NewKeys)>| attribute.map(|(_, keys)| keys).unwrap_or_default();
            Ok(NewProtection::Srtp { suite, receive: keys(receive), send: keys(send) })
        }
    }
}

fn raw(
    prints: &Fingerprinter,
    suite: Suite,
    field: &str,
    material: &[KeyMaterial],
) -> Result<NewKeys, SessionError> {
    keys(prints, suite, material).map_err(|fault| match fault {
        Fault::Count => {
            SessionError::invalid(field, format!("has {} keys; give at most {MAX_KEYS}", material.len()))
        }
        Fault::Key { index, part, message } => {
            SessionError::invalid(format!("{field}[{index}].{part}"), message)
        }
    })
}

fn attribute(
    prints: &Fingerprinter,
    field: &str,
    line: &str,
) -> Result<Option<(Suite, NewKeys)>, SessionError> {
    if line.is_empty() {
        return Ok(None);
    }
    let crypto = sdes::parse(line).map_err(|error| SessionError::invalid(field, error.to_string()))?;
    let keys = keys(prints, crypto.suite, &crypto.keys).map_err(|fault| {
        let message = match fault {
            Fault::Count => format!("has {} keys; give at most {MAX_KEYS}", crypto.keys.len()),
            Fault::Key { index, part, message } => {
                format!("the {part} of key parameter {} {message}", index + 1)
            }
        };
        SessionError::invalid(field, message)
    })?;
    Ok(Some((crypto.suite, keys)))
}

/// What is wrong with a list of keys. `message` continues a sentence that begins with the part.
enum Fault {
    Count,
    Key { index: usize, part: &'static str, message: String },
}

fn keys(prints: &Fingerprinter, suite: Suite, material: &[KeyMaterial]) -> Result<NewKeys, Fault> {
    if material.len() > MAX_KEYS {
        return Err(Fault::Count);
    }
    let mut new = NewKeys::default();
    for (index, one) in material.iter().enumerate() {
        let fault = |part, message: &str| Fault::Key { index, part, message: message.to_owned() };
        if material.len() > 1 && one.mki.is_empty() {
            return Err(fault("mki", "is missing; of several keys each needs one"));
        }
        let earlier = material.get(..index).unwrap_or_default();
        if earlier.iter().any(|other| other.mki.len() != one.mki.len()) {
            return Err(fault("mki", "has another length than the first key's; give all the same length"));
        }
        if earlier.iter().any(|other| other.mki == one.mki) {
            return Err(fault("mki", "is that of an earlier key; give each key its own"));
        }
        new.keys.push(key(suite, one).map_err(|error| refusal(index, suite, &error))?);
        new.prints.push(KeyPrint { key: prints.key(&one.key), whole: prints.material(one) });
    }
    Ok(new)
}

fn key(suite: Suite, material: &KeyMaterial) -> Result<MasterKey, KeyError> {
    let mut key = MasterKey::new(suite, &material.key, &material.salt)?;
    if !material.mki.is_empty() {
        key = key.with_mki(Mki::new(&material.mki)?);
    }
    if material.lifetime != 0 {
        key = key.with_lifetime(material.lifetime)?;
    }
    Ok(key)
}

fn refusal(index: usize, suite: Suite, error: &KeyError) -> Fault {
    let (part, message) = match error {
        KeyError::KeyLength { got, .. } => {
            ("key", format!("has {got} bytes; {suite} takes {}", suite.key_length()))
        }
        KeyError::SaltLength { got, .. } => {
            ("salt", format!("has {got} bytes; {suite} takes {}", suite.salt_length()))
        }
        KeyError::Lifetime { got } => ("lifetime", format!("is {got}; give 1 to 2^48 packets, or 0")),
        KeyError::MkiLength { got } => ("mki", format!("has {got} bytes; give 1 to {}", Mki::MAX_LENGTH)),
        other => ("key", format!("is refused: {other}")),
    };
    Fault::Key { index, part, message }
}
