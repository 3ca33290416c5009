// SPDX-License-Identifier: MIT OR Apache-2.0
//! The encoding of rtpengine's control protocol ng: strings, lists and dictionaries of BitTorrent's BEP 3, of which answers are
//! only searched for strings.

use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// Bytes.
    Text(String),
    /// A number; requests have none.
    Number(i64),
    /// Values.
    List(Vec<Value>),
    /// Values by name.
    Dictionary(BTreeMap<String, Value>),
}

impl Value {
    /// A dictionary of strings and whatever else.
    pub fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::Dictionary(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A string.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// The string of that name in a dictionary.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self {
            Value::Dictionary(entries) => match entries.get(name)? {
                Value::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Appends the encoding.
    pub fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Value::Text(text) => {
                to.extend(format!("{}:{text}", text.len()).bytes());
            }
            Value::Number(number) => to.extend(format!("i{number}e").bytes()),
            Value::List(values) => {
                to.push(b'l');
                values.iter().for_each(|value| value.encode(to));
                to.push(b'e');
            }
            Value::Dictionary(entries) => {
                to.push(b'd');
                for (name, value) in entries {
                    Value::text(name).encode(to);
                    value.encode(to);
                }
                to.push(b'e');
            }
        }
    }

    /// Reads a value that takes all of the bytes.
    pub fn decode(bytes: &[u8]) -> Option<Value> {
        let (value, rest) = value(bytes, 0)?;
        rest.is_empty().then_some(value)
    }
}

const DEEPEST: usize = 16;

fn value(bytes: &[u8], depth: usize) -> Option<(Value, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        _ if depth > DEEPEST => None,
        b'i' => {
            let (number, rest) = until(rest, b'e')?;
            Some((Value::Number(number.parse().ok()?), rest))
        }
        b'l' => {
            let (mut values, mut rest) = (Vec::new(), rest);
            while rest.first()? != &b'e' {
                let (item, after) = value(rest, depth + 1)?;
                values.push(item);
                rest = after;
            }
            Some((Value::List(values), rest.get(1..)?))
        }
        b'd' => {
            let (mut entries, mut rest) = (BTreeMap::new(), rest);
            while rest.first()? != &b'e' {
                let (name, after) = text(rest)?;
                let (item, after) = value(after, depth + 1)?;
                entries.insert(name, item);
                rest = after;
            }
            Some((Value::Dictionary(entries), rest.get(1..)?))
        }
        _ => text(bytes).map(|(text, rest)| (Value::Text(text), rest)),
    }
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = until(bytes, b':')?;
    let (text, rest) = rest.split_at_checked(length.parse().ok()?)?;
    Some((String::from_utf8_lossy(text).into_owned(), rest))
}

fn until(bytes: &[u8], end: u8) -> Option<(&str, &[u8])> {
    let at = bytes.iter().position(|byte| *byte == end)?;
    Some((std::str::from_utf8(bytes.get(..at)?).ok()?, bytes.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_sorted_and_reads_back() {
        let request = Value::dictionary([
            ("sdp", Value::text("v=0")),
            ("command", Value::text("offer")),
            ("flags", Value::List(vec![Value::text("a"), Value::Number(-7)])),
        ]);
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        assert_eq!(bytes, b"d7:command5:offer5:flagsl1:ai-7ee3:sdp3:v=0e");
        assert_eq!(Value::decode(&bytes).unwrap(), request);
        assert_eq!(request.get("command"), Some("offer"));
        assert_eq!(request.get("flags"), None);
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_refused() {
        let whole = b"d6:result2:oke";
        for length in 0..whole.len() {
            assert_eq!(Value::decode(&whole[..length]), None);
        }
        assert_eq!(Value::decode(b"2:okx"), None);
        assert_eq!(Value::decode(b"99999999999999999999:ok"), None);
        assert_eq!(Value::decode(&[b'l'; 1000]), None);
    }
}
