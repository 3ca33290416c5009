// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;
use std::sync::OnceLock;

use crate::kernel::aes_ni::AesNi;

/// Which implementation of the ciphers a key set uses. All give the same bytes.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Path {
    /// The x86-64 AES instructions.
    AesNi,
    /// Portable code, which may still find instructions of its own.
    Portable,
}

impl Path {
    /// Every path, the fastest first.
    pub const ALL: [Path; 2] = [Path::AesNi, Path::Portable];

    /// The path that [`KeySet::new`](crate::KeySet::new) takes: the fastest that the processor has, or the one that the
    /// environment variable `CULVERT_SRTP_PATH` names when this is first asked. An unknown or unavailable name there is
    /// passed over.
    pub fn chosen() -> Path {
        static CHOSEN: OnceLock<Path> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let wanted = std::env::var("CULVERT_SRTP_PATH").ok();
            Self::choose(wanted.as_deref())
        })
    }

    fn choose(wanted: Option<&str>) -> Path {
        let named = Self::ALL.into_iter().find(|path| path.is_available() && wanted == Some(path.name()));
        named.or_else(|| Self::ALL.into_iter().find(|path| path.is_available())).unwrap_or(Self::Portable)
    }

    /// Whether this processor can run the path.
    pub fn is_available(self) -> bool {
        match self {
            Self::AesNi => AesNi::detect().is_some(),
            Self::Portable => true,
        }
    }

    /// The name that `CULVERT_SRTP_PATH` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesNi => "aes-ni",
            Self::Portable => "portable",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_forces_its_path() {
        assert_eq!(Path::choose(Some("portable")), Path::Portable);
        let fastest = if Path::AesNi.is_available() { Path::AesNi } else { Path::Portable };
        assert_eq!(Path::choose(None), fastest);
        assert_eq!(Path::choose(Some("quantum")), fastest);
        assert_eq!(Path::choose(Some("aes-ni")), fastest);
    }
}
