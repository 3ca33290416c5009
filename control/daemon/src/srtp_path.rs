// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which implementation of SRTP runs, and who says so: the environment before the configuration, so that an operator
//! can override a file that many hosts share; else the fastest that the processor has. With `node.fips = true` it is the
//! FIPS module's, and whoever says otherwise is refused.

use std::fmt;

use culvert_srtp::{Path, PathError};

/// What the host has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrtpPaths {
    /// What the processor has, the fastest first.
    pub available: Vec<Path>,
    /// What the environment variable names.
    pub environment: Result<Option<Path>, PathError>,
}

/// The path to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The path.
    pub path: Path,
    /// Who says so.
    pub source: Source,
}

/// Who says which path to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The environment variable.
    Environment,
    /// The configuration.
    Configuration,
    /// Nobody: it is the fastest.
    Processor,
    /// `node.fips = true`.
    Fips,
}

/// Why there is no path to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SrtpPathError {
    /// By what the environment variable says.
    #[error("environment variable CULVERT_SRTP_PATH: {0}")]
    Environment(PathError),
    /// By what the configuration says.
    #[error("srtp.path: {0}")]
    Configuration(PathError),
    /// Key sets have been made before.
    #[error(transparent)]
    InUse(PathError),
    /// With `node.fips = true`, by what the environment variable says.
    #[error("environment variable CULVERT_SRTP_PATH: {0}")]
    EnvironmentOutsideModule(OutsideModule),
    /// With `node.fips = true`, by what the configuration says.
    #[error("srtp.path: {0}")]
    ConfigurationOutsideModule(OutsideModule),
}

/// A path that is not the FIPS module's, where it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} computes SRTP outside the FIPS module, which node.fips = true does not allow: leave it out, or name {module}",
    module = Path::AwsLc
)]
pub struct OutsideModule(pub Path);

impl SrtpPaths {
    /// Looks at this processor and at the environment.
    pub fn look() -> SrtpPaths {
        SrtpPaths { available: Path::available().collect(), environment: Path::from_environment() }
    }

    /// The path to use with what the configuration says.
    ///
    /// # Errors
    /// [`SrtpPathError::Environment`], [`SrtpPathError::Configuration`].
    pub fn choose(&self, configured: Option<Path>) -> Result<Choice, SrtpPathError> {
        if let Some(path) = self.environment.clone().map_err(SrtpPathError::Environment)? {
            return Ok(Choice { path, source: Source::Environment });
        }
        match configured {
            Some(path) if self.available.contains(&path) => {
                Ok(Choice { path, source: Source::Configuration })
            }
            Some(path) => Err(SrtpPathError::Configuration(PathError::lacking(path, self.available.clone()))),
            None => {
                let path = self.available.first().copied().unwrap_or(Path::Portable);
                Ok(Choice { path, source: Source::Processor })
            }
        }
    }

    /// As [`choose`](Self::choose), with `node.fips = true`.
    ///
    /// # Errors
    /// As those of [`choose`](Self::choose), [`SrtpPathError::EnvironmentOutsideModule`],
    /// [`SrtpPathError::ConfigurationOutsideModule`].
    pub fn choose_approved(&self, configured: Option<Path>) -> Result<Choice, SrtpPathError> {
        let other = |path: Option<Path>| path.filter(|path| *path != Path::AwsLc).map(OutsideModule);
        let environment = self.environment.clone().map_err(SrtpPathError::Environment)?;
        if let Some(outside) = other(environment) {
            return Err(SrtpPathError::EnvironmentOutsideModule(outside));
        }
        if let Some(outside) = other(configured) {
            return Err(SrtpPathError::ConfigurationOutsideModule(outside));
        }
        let Choice { path, source } = self.choose(Some(Path::AwsLc))?;
        let source = if environment.or(configured).is_none() { Source::Fips } else { source };
        Ok(Choice { path, source })
    }
}

/// Makes this process use the path that the environment, the configuration or the processor asks for, or with `fips` the
/// FIPS module's.
///
/// # Errors
/// [`SrtpPathError`].
pub fn force(configured: Option<Path>, fips: bool) -> Result<Choice, SrtpPathError> {
    let paths = SrtpPaths::look();
    let choice = if fips { paths.choose_approved(configured)? } else { paths.choose(configured)? };
    Path::force(choice.path).map_err(SrtpPathError::InUse)?;
    Ok(choice)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Environment => f.write_str(Path::VARIABLE),
            Source::Configuration => f.write_str("srtp.path"),
            Source::Processor => f.write_str("processor"),
            Source::Fips => f.write_str("node.fips"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(environment: Result<Option<Path>, PathError>) -> SrtpPaths {
        SrtpPaths { available: vec![Path::Avx2, Path::AesNi, Path::Portable], environment }
    }

    #[test]
    fn the_environment_comes_before_the_file_and_the_file_before_the_processor() {
        let (none, aes_ni) = (host(Ok(None)), host(Ok(Some(Path::AesNi))));
        let choice = |path, source| Ok(Choice { path, source });
        assert_eq!(none.choose(None), choice(Path::Avx2, Source::Processor));
        assert_eq!(none.choose(Some(Path::Portable)), choice(Path::Portable, Source::Configuration));
        assert_eq!(aes_ni.choose(None), choice(Path::AesNi, Source::Environment));
        assert_eq!(aes_ni.choose(Some(Path::Portable)), choice(Path::AesNi, Source::Environment));
        // What is overridden need not fit.
        assert_eq!(aes_ni.choose(Some(Path::Avx512)), choice(Path::AesNi, Source::Environment));
    }

    #[test]
    fn a_refusal_names_the_setting_its_source_and_what_there_is() {
        let available = vec![Path::Avx2, Path::AesNi, Path::Portable];
        let unknown = PathError::Unknown { name: "quantum".into(), available };
        let error = |host: SrtpPaths, configured| host.choose(configured).unwrap_err().to_string();
        assert_eq!(
            error(host(Err(unknown)), Some(Path::Portable)),
            "environment variable CULVERT_SRTP_PATH: \"quantum\" is none of the SRTP paths avx512, avx2, aes-ni, \
             portable, aws-lc: choose one that this processor has: avx2, aes-ni, portable"
        );
        assert_eq!(
            error(host(Ok(None)), Some(Path::Avx512)),
            "srtp.path: this processor lacks instructions of the SRTP path avx512: choose one that it has: avx2, aes-ni, \
             portable"
        );
    }

    #[test]
    fn in_fips_mode_it_is_the_modules_path_or_none() {
        let host = |environment| SrtpPaths { available: vec![Path::Avx2, Path::AwsLc], environment };
        let (none, avx2, aws_lc) = (host(Ok(None)), host(Ok(Some(Path::Avx2))), host(Ok(Some(Path::AwsLc))));
        let choice = |source| Ok(Choice { path: Path::AwsLc, source });
        assert_eq!(none.choose_approved(None), choice(Source::Fips));
        assert_eq!(none.choose_approved(Some(Path::AwsLc)), choice(Source::Configuration));
        assert_eq!(aws_lc.choose_approved(None), choice(Source::Environment));
        let refused =
            |host: &SrtpPaths, configured| host.choose_approved(configured).unwrap_err().to_string();
        let outside = "avx2 computes SRTP outside the FIPS module, which node.fips = true does not allow: leave it out, or \
                       name aws-lc";
        assert_eq!(refused(&none, Some(Path::Avx2)), format!("srtp.path: {outside}"));
        // The environment would override it, and so is looked at first.
        for configured in [None, Some(Path::AwsLc), Some(Path::Portable)] {
            let expected = format!("environment variable CULVERT_SRTP_PATH: {outside}");
            assert_eq!(refused(&avx2, configured), expected);
        }
        // Whatever the environment says, the file must not say otherwise.
        assert_eq!(refused(&aws_lc, Some(Path::Avx2)), format!("srtp.path: {outside}"));
    }
}
