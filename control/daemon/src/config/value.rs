// SPDX-License-Identifier: MIT OR Apache-2.0
//! From TOML values to what settings are made of. An error says what was expected; the reader adds where.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use culvert_srtp::Path;
use toml::de::DeValue;

use super::{AttachMode, Backend, LogFormat, TlsVersion};
use crate::roles::Role;

pub(super) trait FromToml: Sized {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String>;
}

impl FromToml for bool {
    fn from_toml(value: &DeValue<'_>) -> Result<bool, String> {
        value.as_bool().ok_or_else(|| expected("true or false", value))
    }
}

impl FromToml for String {
    fn from_toml(value: &DeValue<'_>) -> Result<String, String> {
        value.as_str().map(str::to_owned).ok_or_else(|| expected("a text in quotes", value))
    }
}

impl FromToml for PathBuf {
    fn from_toml(value: &DeValue<'_>) -> Result<PathBuf, String> {
        match String::from_toml(value)? {
            path if path.is_empty() => Err("must name a file".into()),
            path => Ok(path.into()),
        }
    }
}

impl FromToml for u32 {
    fn from_toml(value: &DeValue<'_>) -> Result<u32, String> {
        let integer = value.as_integer().ok_or_else(|| expected("a whole number", value))?;
        let parsed = u32::from_str_radix(integer.as_str(), integer.radix());
        parsed.map_err(|_| format!("must be a whole number from 0 to {}, not {}", u32::MAX, integer.as_str()))
    }
}

impl FromToml for u16 {
    fn from_toml(value: &DeValue<'_>) -> Result<u16, String> {
        let number = u32::from_toml(value)?;
        u16::try_from(number)
            .map_err(|_| format!("must be a whole number from 0 to {}, not {number}", u16::MAX))
    }
}

impl FromToml for f64 {
    fn from_toml(value: &DeValue<'_>) -> Result<f64, String> {
        let text = match (value.as_float(), value.as_integer()) {
            (Some(float), _) => float.as_str(),
            (None, Some(integer)) => integer.as_str(),
            (None, None) => return Err(expected("a number", value)),
        };
        text.parse().map_err(|_| format!("must be a number, not {text}"))
    }
}

impl FromToml for Duration {
    fn from_toml(value: &DeValue<'_>) -> Result<Duration, String> {
        let form = "a duration in quotes, such as \"500ms\", \"5s\" or \"2m\"";
        let text = value.as_str().ok_or_else(|| expected(form, value))?;
        humantime::parse_duration(text).map_err(|_| format!("must be {form}, not {text:?}"))
    }
}

impl FromToml for SocketAddr {
    fn from_toml(value: &DeValue<'_>) -> Result<SocketAddr, String> {
        let form = "an address and a port, such as \"127.0.0.1:7443\" or \"[::1]:7443\"";
        let text = value.as_str().ok_or_else(|| expected(form, value))?;
        text.parse().map_err(|_| format!("must be {form}, not {text:?}"))
    }
}

/// An address and a port, or an empty text for none.
pub(super) struct Optional(pub(super) Option<SocketAddr>);

impl FromToml for Optional {
    fn from_toml(value: &DeValue<'_>) -> Result<Optional, String> {
        match value.as_str() {
            Some("") => Ok(Optional(None)),
            _ => SocketAddr::from_toml(value).map(|address| Optional(Some(address))),
        }
    }
}

/// A file, or an empty text for none.
pub(super) struct OptionalFile(pub(super) Option<PathBuf>);

impl FromToml for OptionalFile {
    fn from_toml(value: &DeValue<'_>) -> Result<OptionalFile, String> {
        let path = String::from_toml(value)?;
        Ok(OptionalFile((!path.is_empty()).then(|| path.into())))
    }
}

impl FromToml for TlsVersion {
    fn from_toml(value: &DeValue<'_>) -> Result<TlsVersion, String> {
        choice(value, &[("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)])
    }
}

impl FromToml for Backend {
    fn from_toml(value: &DeValue<'_>) -> Result<Backend, String> {
        choice(value, &[("auto", Backend::Auto), ("xdp", Backend::Xdp), ("socket", Backend::Socket)])
    }
}

impl FromToml for AttachMode {
    fn from_toml(value: &DeValue<'_>) -> Result<AttachMode, String> {
        let choices =
            [("auto", AttachMode::Auto), ("native", AttachMode::Native), ("generic", AttachMode::Generic)];
        choice(value, &choices)
    }
}

impl FromToml for LogFormat {
    fn from_toml(value: &DeValue<'_>) -> Result<LogFormat, String> {
        choice(value, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
    }
}

impl FromToml for Role {
    fn from_toml(value: &DeValue<'_>) -> Result<Role, String> {
        choice(value, &Role::ALL.map(|role| (role.name(), role)))
    }
}

/// A path of SRTP, or `"auto"` for none.
pub(super) struct SrtpPath(pub(super) Option<Path>);

impl FromToml for SrtpPath {
    fn from_toml(value: &DeValue<'_>) -> Result<SrtpPath, String> {
        let paths = Path::ALL.map(|path| (path.name(), Some(path)));
        let choices: Vec<_> = std::iter::once(("auto", None)).chain(paths).collect();
        choice(value, &choices).map(SrtpPath).map_err(|message| {
            // Whether a path fits is for the check of the host to say, but who has to choose anew should know.
            let available: Vec<_> = Path::available().map(Path::name).collect();
            format!("{message} (this processor has {})", available.join(", "))
        })
    }
}

/// A range of ports, `"20000-29999"`.
pub(super) struct Ports(pub(super) u16, pub(super) u16);

impl FromToml for Ports {
    fn from_toml(value: &DeValue<'_>) -> Result<Ports, String> {
        let form = "a range of ports in quotes, such as \"20000-29999\"";
        let text = value.as_str().ok_or_else(|| expected(form, value))?;
        let range = text
            .split_once('-')
            .and_then(|(first, last)| Some(Ports(first.trim().parse().ok()?, last.trim().parse().ok()?)));
        range.ok_or_else(|| format!("must be {form}, not {text:?}"))
    }
}

pub(super) fn choice<T: Copy>(value: &DeValue<'_>, choices: &[(&str, T)]) -> Result<T, String> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let form = format!("one of \"{}\"", names.join("\", \""));
    let text = value.as_str().ok_or_else(|| expected(&form, value))?;
    match choices.iter().find(|(name, _)| *name == text) {
        Some((_, chosen)) => Ok(*chosen),
        None => Err(match nearest(text, &names) {
            Some(name) => format!("must be {form}, not {text:?}; did you mean {name:?}?"),
            None => format!("must be {form}, not {text:?}"),
        }),
    }
}

fn expected(what: &str, found: &DeValue<'_>) -> String {
    let found = match found.type_str() {
        kind @ ("integer" | "array") => format!("an {kind}"),
        kind => format!("a {kind}"),
    };
    format!("must be {what}, not {found}")
}

/// The candidate that a mistyped name most probably means.
pub(super) fn nearest<'a>(text: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let wanted = text.to_ascii_lowercase().replace('-', "_");
    let distance = |candidate: &str| strsim::damerau_levenshtein(&wanted, candidate);
    let near = candidates.iter().map(|candidate| (distance(candidate), *candidate)).min()?;
    let bound = wanted.chars().count().max(3) / 3 + 1;
    let related = candidates.iter().find(|candidate| {
        wanted.len() >= 4 && (candidate.starts_with(&wanted) || candidate.ends_with(&wanted))
    });
    if near.0 <= bound { Some(near.1) } else { related.copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        let names = ["max_sessions", "max_flows", "name", "drain"];
        for (text, expected) in [
            ("max_session", Some("max_sessions")),
            ("Max-Sessions", Some("max_sessions")),
            ("max_folws", Some("max_flows")),
            ("nmae", Some("name")),
            ("sessions", Some("max_sessions")),
            ("drained", Some("drain")),
            ("colour", None),
        ] {
            assert_eq!(nearest(text, &names), expected, "{text}");
        }
    }
}
