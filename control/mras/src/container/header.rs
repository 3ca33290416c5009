// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protected header. Only the algorithms and the parameters named here are taken: one that is not known might be
//! critical.

use std::num::NonZeroU32;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;

use crate::CredentialId;

pub(super) const ALGORITHM: &str = "PBES2-HS256+A128KW";
const ENCRYPTION: &str = "A256GCM";
const CONTENT_TYPE: &str = "vnd.culvert.session-keys+json";
pub(super) const ITERATIONS: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Fewer than these no library writes; more would let a container cost its reader time.
const ITERATIONS_TAKEN: std::ops::RangeInclusive<u32> = 1000..=10_000;
/// RFC 7518 section 4.8.1.1 demands 8 octets or more.
const SALTS_TAKEN: std::ops::RangeInclusive<usize> = 8..=64;
/// In base64url.
const LONGEST: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    alg: &'a str,
    enc: &'a str,
    p2c: u32,
    p2s: &'a str,
    exp: u64,
    kid: Option<&'a str>,
    typ: Option<&'a str>,
    cty: Option<&'a str>,
}

pub(super) struct Header {
    pub(super) salt: Vec<u8>,
    pub(super) iterations: NonZeroU32,
    pub(super) expires: u64,
    pub(super) credential: Option<CredentialId>,
}

pub(super) fn write(salt: &[u8], credential: CredentialId, expires: u64) -> String {
    let salt = BASE64URL.encode(salt);
    format!(
        r#"{{"alg":"{ALGORITHM}","enc":"{ENCRYPTION}","p2c":{ITERATIONS},"p2s":"{salt}","exp":{expires},"kid":"{credential}","typ":"JOSE","cty":"{CONTENT_TYPE}"}}"#
    )
}

/// From base64url.
pub(super) fn parse(header: &str) -> Option<Header> {
    if header.len() > LONGEST {
        return None;
    }
    let header = BASE64URL.decode(header).ok()?;
    let json: Json<'_> = serde_json::from_slice(&header).ok()?;
    let salt = BASE64URL.decode(json.p2s).ok()?;
    let known = json.alg == ALGORITHM
        && json.enc == ENCRYPTION
        && json.typ.is_none_or(|typ| typ == "JOSE")
        && json.cty.is_none_or(|cty| cty == CONTENT_TYPE)
        && ITERATIONS_TAKEN.contains(&json.p2c)
        && SALTS_TAKEN.contains(&salt.len());
    if !known {
        return None;
    }
    let credential = match json.kid {
        Some(kid) => Some(kid.parse().ok()?),
        None => None,
    };
    Some(Header { salt, iterations: NonZeroU32::new(json.p2c)?, expires: json.exp, credential })
}
