// SPDX-License-Identifier: MIT OR Apache-2.0
//! `node.fips = true`: TLS, SRTP and MRAS have their cryptography from the AWS-LC FIPS module and from nowhere else, or the
//! daemon does not start. Not of the module, though of approved algorithms: the names of keys in answers (HMAC-SHA-256) and the
//! chain of receipts (SHA-256). They protect no traffic and no key.
//!
//! What that takes is in four places. TLS ([`Policy::fips`](crate::tls::Policy)): rustls with the feature `fips` has the
//! approved suites, groups and signature schemes only, and TLS 1.2 with the extended master secret (RFC 7627) only. SRTP: the
//! path `aws-lc` ([`crate::srtp_path`]). Sessions: [`Suite::is_fips_approved`](culvert_srtp::Suite::is_fips_approved).
//! Credentials: [`Kind::is_fips_approved`](culvert_mras::Kind::is_fips_approved), and so no MRAS by SIP.

/// Why `node.fips = true` cannot be had. Each continues a sentence that names the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FipsError {
    /// The module is not in this program.
    #[error(
        "cannot be had: culvertd was built without the feature fips; build it with --features fips, or set fips = false"
    )]
    NotBuilt,
    /// The module says that it is not in FIPS mode.
    #[error("cannot be had: AWS-LC says that it is not in FIPS mode; rebuild culvertd with --features fips")]
    NotInFipsMode,
}

/// The module's name and version, if it is in this program and says that it is in FIPS mode.
///
/// # Errors
/// [`FipsError::NotBuilt`], [`FipsError::NotInFipsMode`].
#[cfg(feature = "fips")]
pub fn module() -> Result<String, FipsError> {
    match aws_lc_rs::try_fips_mode() {
        Ok(()) => Ok(format!("AWS-LC FIPS {}", aws_lc_rs::awslc_version())),
        Err(_) => Err(FipsError::NotInFipsMode),
    }
}

/// The module's name and version, if it is in this program and says that it is in FIPS mode.
///
/// # Errors
/// [`FipsError::NotBuilt`]: it is not in this program.
#[cfg(not(feature = "fips"))]
pub fn module() -> Result<String, FipsError> {
    Err(FipsError::NotBuilt)
}

/// What the node says of itself: `off`, or the module and that it is in FIPS mode.
///
/// # Errors
/// As [`module`], where FIPS mode is `required`.
pub fn report(required: bool) -> Result<String, FipsError> {
    if required { module().map(|module| format!("{module}, in FIPS mode")) } else { Ok("off".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_required_is_off() {
        assert_eq!(report(false).as_deref(), Ok("off"));
    }

    #[cfg(feature = "fips")]
    #[test]
    fn the_module_says_its_name_its_version_and_its_mode() {
        let version = aws_lc_rs::awslc_version();
        assert_eq!(report(true), Ok(format!("AWS-LC FIPS {version}, in FIPS mode")));
        assert!(version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u8>().is_ok()));
    }

    #[cfg(not(feature = "fips"))]
    #[test]
    fn without_the_feature_there_is_no_module() {
        assert_eq!(report(true), Err(FipsError::NotBuilt));
        assert_eq!(
            FipsError::NotBuilt.to_string(),
            "cannot be had: culvertd was built without the feature fips; build it with --features fips, or set fips = false"
        );
    }
}
