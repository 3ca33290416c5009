// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks for many secrets at once.

use std::collections::{BTreeMap, HashMap};

/// Bytes that are compared: a fragment of a secret is found as well as the whole.
const WINDOW: usize = 8;

/// What must not be found, and under which name to report it.
#[derive(Default)]
pub(crate) struct Needles {
    /// By their windows.
    names: HashMap<[u8; WINDOW], String>,
    /// Which first three bytes any window has.
    first: Vec<u64>,
}

/// Where something was found: an offset into what was searched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) offset: usize,
}

impl Needles {
    /// Adds a secret as it is, of 8 bytes and more: every eighth of its windows, and the last.
    pub(crate) fn add(&mut self, name: &str, secret: &[u8]) {
        self.first.resize(1 << 18, 0);
        let windows =
            secret.windows(WINDOW).step_by(WINDOW).chain(secret.last_chunk::<WINDOW>().map(|w| &w[..]));
        for window in windows {
            let window: [u8; WINDOW] = window.try_into().unwrap();
            // Zeros are everywhere: where a key has so many, they are padding.
            if window.iter().filter(|byte| **byte == 0).count() < 5 {
                let at = Self::start(&window);
                self.first[at / 64] |= 1 << (at % 64);
                self.names.entry(window).or_insert_with(|| name.to_owned());
            }
        }
    }

    /// Adds a secret in all the forms that a text may have it in: base64, hexadecimal digits, a list of numbers.
    pub(crate) fn add_text(&mut self, name: &str, secret: &[u8]) {
        let hex = |upper: bool| {
            let digit = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            secret.iter().map(digit).collect::<String>()
        };
        let list =
            |separator: &str| secret.iter().map(|byte| byte.to_string()).collect::<Vec<_>>().join(separator);
        for (form, text) in [
            ("base64", super::common::request::base64(secret)),
            ("hex", hex(false)),
            ("HEX", hex(true)),
            ("list", list(", ")),
            ("list", list(",")),
        ] {
            self.add(&format!("{name} ({form})"), text.trim_end_matches('=').as_bytes());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    fn start(window: &[u8]) -> usize {
        usize::from(window[0]) | usize::from(window[1]) << 8 | usize::from(window[2]) << 16
    }

    /// Everything that is found in `bytes`.
    pub(crate) fn search(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        for (offset, window) in bytes.windows(WINDOW).enumerate() {
            let at = Self::start(window);
            if self.first[at / 64] >> (at % 64) & 1 != 0
                && let Some(name) = self.names.get(window)
            {
                found.push(Found { name: name.clone(), offset });
            }
        }
        found
    }
}

/// How often each name was found.
pub(crate) fn count(found: &[Found]) -> BTreeMap<&str, usize> {
    found.iter().fold(BTreeMap::new(), |mut counts, found| {
        *counts.entry(found.name.as_str()).or_default() += 1;
        counts
    })
}

#[test]
fn what_is_there_is_found_in_every_form() {
    let mut needles = Needles::default();
    let secret: Vec<u8> = (1..=30_u32).map(|i| (i * 83 % 251) as u8).collect();
    needles.add("raw", &secret);
    needles.add_text("text", &secret);
    let names =
        |bytes: &[u8]| count(&needles.search(bytes)).into_keys().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&[&[0; 3][..], &secret[8..], &[7; 9]].concat()), ["raw"]);
    assert_eq!(names(&secret[1..15]), Vec::<String>::new());
    assert_eq!(names(format!("x{:?}", &secret).as_bytes()), ["text (list)"]);
    assert_eq!(names(super::common::request::base64(&secret).as_bytes()), ["text (base64)"]);
    assert_eq!(names(&[0; 4096]), Vec::<String>::new());
}
