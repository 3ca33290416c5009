// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;
use std::ffi::OsString;
use std::sync::OnceLock;

use thiserror::Error;

use crate::cipher::module;
use crate::kernel::Machine;

/// Which implementation of SRTP a key set uses. All give the same bytes.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Path {
    /// AVX-512 with VAES and VPCLMULQDQ.
    Avx512,
    /// AVX2 with VAES and VPCLMULQDQ, and SHA-NI.
    Avx2,
    /// AES-NI, PCLMULQDQ and SHA-NI.
    AesNi,
    /// Portable code, which may still find instructions of its own.
    Portable,
    /// The AWS-LC FIPS module, packet by packet: everything that SRTP computes, key derivation included, is computed inside
    /// it. Only in builds with the feature `fips`, and never chosen unless asked for.
    AwsLc,
}

/// Why a path cannot be had.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum PathError {
    /// No path has the name.
    #[error(
        "{name:?} is none of the SRTP paths {}: choose one that this processor has: {}",
        names(&Path::ALL),
        names(.available)
    )]
    Unknown {
        /// The name given.
        name: String,
        /// The paths that this processor has, the fastest first.
        available: Vec<Path>,
    },
    /// This processor lacks the instructions of the path.
    #[error(
        "this processor lacks instructions of the SRTP path {path}: choose one that it has: {}",
        names(.available)
    )]
    Unavailable {
        /// The path asked for.
        path: Path,
        /// The paths that this processor has, the fastest first.
        available: Vec<Path>,
    },
    /// The path's library is not in this build, or not in FIPS mode.
    #[error(
        "the SRTP path {path} runs in the AWS-LC FIPS module, which this build is without: build with the feature fips, or \
         choose one of {}",
        names(.available)
    )]
    NotBuilt {
        /// The path asked for.
        path: Path,
        /// The paths that can be had, the fastest first.
        available: Vec<Path>,
    },
    /// Key sets may have been made for another path.
    #[error("the SRTP path {in_use} is in use already: force {path} before the first key set is made")]
    InUse {
        /// The path asked for.
        path: Path,
        /// The path that this process uses.
        in_use: Path,
    },
}

impl PathError {
    /// That a path, which is none of the available ones, cannot be had.
    pub fn lacking(path: Path, available: Vec<Path>) -> PathError {
        match path {
            Path::AwsLc => Self::NotBuilt { path, available },
            Path::Avx512 | Path::Avx2 | Path::AesNi | Path::Portable => Self::Unavailable { path, available },
        }
    }
}

/// What [`Path::chosen`] gives from the first time on that it or [`Path::force`] is called.
static CHOSEN: OnceLock<Path> = OnceLock::new();

impl Path {
    /// Every path, the fastest first. The last is not for speed.
    pub const ALL: [Path; 5] = [Path::Avx512, Path::Avx2, Path::AesNi, Path::Portable, Path::AwsLc];

    /// The environment variable that names the path to use. An empty one is as none.
    pub const VARIABLE: &str = "CULVERT_SRTP_PATH";

    /// The path that [`KeySet::new`](crate::KeySet::new) takes: the one that was [forced](Self::force), else the one
    /// that the environment variable `CULVERT_SRTP_PATH` names when this is first asked, else the fastest that the
    /// processor has. A name in the environment that is unknown or unavailable is passed over; whoever would rather
    /// stop asks [`from_environment`](Self::from_environment) first.
    pub fn chosen() -> Path {
        *CHOSEN.get_or_init(|| Self::from_environment().ok().flatten().unwrap_or_else(Self::fastest))
    }

    /// Makes [`KeySet::new`](crate::KeySet::new) take a path, whatever the environment says. To be called before the
    /// first key set is made.
    ///
    /// # Errors
    /// [`PathError::Unavailable`], [`PathError::NotBuilt`]; [`PathError::InUse`] when another path has been chosen before.
    pub fn force(path: Path) -> Result<(), PathError> {
        Self::force_in(&CHOSEN, path)
    }

    fn force_in(chosen: &OnceLock<Path>, path: Path) -> Result<(), PathError> {
        if !path.is_available() {
            return Err(PathError::lacking(path, Self::available().collect()));
        }
        let in_use = *chosen.get_or_init(|| path);
        if in_use == path { Ok(()) } else { Err(PathError::InUse { path, in_use }) }
    }

    /// The path that the environment variable `CULVERT_SRTP_PATH` names, if it is set.
    ///
    /// # Errors
    /// [`PathError::Unknown`], [`PathError::Unavailable`], [`PathError::NotBuilt`].
    pub fn from_environment() -> Result<Option<Path>, PathError> {
        Self::from_variable(std::env::var_os(Self::VARIABLE))
    }

    fn from_variable(value: Option<OsString>) -> Result<Option<Path>, PathError> {
        let name = value.filter(|name| !name.is_empty());
        name.map(|name| Self::from_name(&name.to_string_lossy())).transpose()
    }

    /// The path of a name, if this processor has it.
    ///
    /// # Errors
    /// [`PathError::Unknown`], [`PathError::Unavailable`], [`PathError::NotBuilt`].
    pub fn from_name(name: &str) -> Result<Path, PathError> {
        Self::named(name, Self::available().collect())
    }

    fn named(name: &str, available: Vec<Path>) -> Result<Path, PathError> {
        match Self::ALL.into_iter().find(|path| path.name() == name) {
            None => Err(PathError::Unknown { name: name.to_owned(), available }),
            Some(path) if available.contains(&path) => Ok(path),
            Some(path) => Err(PathError::lacking(path, available)),
        }
    }

    /// The paths that this processor has, the fastest first, and last the FIPS module's if it is in this build. The portable
    /// one is always among them.
    pub fn available() -> impl Iterator<Item = Path> {
        Self::ALL.into_iter().filter(|path| path.is_available())
    }

    fn fastest() -> Path {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// Whether this processor can run the path, or for [`AwsLc`](Self::AwsLc), whether this build has a module that says that
    /// it is in FIPS mode.
    pub fn is_available(self) -> bool {
        match self {
            Self::Avx512 | Self::Avx2 | Self::AesNi => Machine::of(self).is_some(),
            Self::Portable => true,
            Self::AwsLc => module::is_available(),
        }
    }

    /// The name that `CULVERT_SRTP_PATH` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::AesNi => "aes-ni",
            Self::Portable => "portable",
            Self::AwsLc => "aws-lc",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn names(paths: &[Path]) -> String {
    paths.iter().map(|path| path.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn names_round_trip() {
        assert_eq!(Path::ALL.map(Path::name), ["avx512", "avx2", "aes-ni", "portable", "aws-lc"]);
        for path in Path::ALL {
            assert_eq!(Path::named(path.name(), Path::ALL.to_vec()), Ok(path));
            assert_eq!(path.to_string(), path.name());
        }
        for path in Path::available() {
            assert_eq!(Path::from_name(path.name()), Ok(path));
        }
    }

    #[test]
    fn a_name_that_cannot_be_had_is_refused_with_those_that_can() {
        let error =
            |name: &str| Path::named(name, vec![Path::AesNi, Path::Portable]).unwrap_err().to_string();
        for name in ["quantum", "AVX2", ""] {
            assert_eq!(
                error(name),
                format!(
                    "{name:?} is none of the SRTP paths avx512, avx2, aes-ni, portable, aws-lc: choose one that this \
                     processor has: aes-ni, portable"
                )
            );
        }
        assert_eq!(
            error("avx2"),
            "this processor lacks instructions of the SRTP path avx2: choose one that it has: aes-ni, portable"
        );
        assert_eq!(
            error("aws-lc"),
            "the SRTP path aws-lc runs in the AWS-LC FIPS module, which this build is without: build with the feature \
             fips, or choose one of aes-ni, portable"
        );
    }

    #[test]
    fn the_variable_names_a_path_or_is_as_good_as_none() {
        let variable = |value: &str| Path::from_variable(Some(value.into()));
        assert_eq!(Path::from_variable(None), Ok(None));
        assert_eq!(variable(""), Ok(None));
        assert_eq!(variable("portable"), Ok(Some(Path::Portable)));
        let available: Vec<_> = Path::available().collect();
        let unknown =
            |name: &str| Err(PathError::Unknown { name: name.to_owned(), available: available.clone() });
        assert_eq!(variable("quantum"), unknown("quantum"));
        assert_eq!(Path::from_variable(Some(OsString::from_vec(vec![b'a', 0xff]))), unknown("a\u{fffd}"));
    }

    #[test]
    fn a_path_is_forced_once() {
        let chosen = OnceLock::new();
        assert_eq!(Path::force_in(&chosen, Path::Portable), Ok(()));
        assert_eq!(Path::force_in(&chosen, Path::Portable), Ok(()));
        assert_eq!(chosen.get(), Some(&Path::Portable));
        for path in Path::ALL.into_iter().filter(|path| *path != Path::Portable) {
            let available = Path::available().collect();
            let error = match path.is_available() {
                true => PathError::InUse { path, in_use: Path::Portable },
                false if path == Path::AwsLc => PathError::NotBuilt { path, available },
                false => PathError::Unavailable { path, available },
            };
            assert_eq!(Path::force_in(&chosen, path), Err(error));
        }
        assert_eq!(
            PathError::InUse { path: Path::Avx2, in_use: Path::Portable }.to_string(),
            "the SRTP path portable is in use already: force avx2 before the first key set is made"
        );
    }

    #[test]
    fn what_is_chosen_stays() {
        let chosen = Path::chosen();
        let from_environment = Path::from_environment().ok().flatten();
        assert_eq!(chosen, from_environment.unwrap_or_else(Path::fastest));
        assert_eq!(Path::force(chosen), Ok(()));
        assert_eq!(Path::chosen(), chosen);
    }

    #[test]
    fn the_fastest_comes_first_and_the_portable_is_always_there() {
        let mut available: Vec<_> = Path::available().collect();
        assert_eq!(available.first(), Some(&Path::fastest()));
        if cfg!(feature = "fips") {
            assert_eq!(available.pop(), Some(Path::AwsLc));
        }
        assert_eq!(available.last(), Some(&Path::Portable));
    }
}
