// SPDX-License-Identifier: MIT OR Apache-2.0
//! `node.fips = true`: cryptography is that of the AWS-LC FIPS module and nothing else, or the daemon does not start.
//!
//! What that takes is in four places. TLS: rustls with the feature `fips` has the approved suites, groups and signature
//! schemes only, and TLS 1.2 with the extended master secret (RFC 7627) only. SRTP: the path `aws-lc`
//! ([`crate::srtp_path`]). Sessions: [`Suite::is_fips_approved`](culvert_srtp::Suite::is_fips_approved). Credentials:
//! [`allows`].

use rustls::ServerConfig;

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
    /// TLS would use more than the module, or more of it than is approved.
    #[error(
        "cannot be had: the TLS configuration is not that of the FIPS module; rebuild culvertd with --features fips"
    )]
    Tls,
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

/// Whether TLS keeps to the module and to what is approved of it.
///
/// # Errors
/// [`FipsError::Tls`].
pub fn check_tls(tls: &ServerConfig) -> Result<(), FipsError> {
    if tls.fips() { Ok(()) } else { Err(FipsError::Tls) }
}

/// What the node says of itself: `off`, or the module and that it is in FIPS mode.
///
/// # Errors
/// As [`module`], where FIPS mode is `required`.
pub fn report(required: bool) -> Result<String, FipsError> {
    if required { module().map(|module| format!("{module}, in FIPS mode")) } else { Ok("off".to_owned()) }
}

/// A kind of credential on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// Culvert's own.
    Culvert,
    /// The REST API of TURN (draft-uberti-behave-turn-rest).
    TurnRest,
    /// The token of MRAS, version 1 or 2.
    MrasToken,
}

/// A kind of credential whose password is good for nothing without MD5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} credentials are used through a STUN key made by MD5 (RFC 8489 section 9.2.2), which node.fips = true does not \
     allow; issue Culvert's own"
)]
pub struct Md5Keyed {
    name: &'static str,
}

/// Whether a kind of credential may be issued and verified with `node.fips = true`.
///
/// # Errors
/// [`Md5Keyed`]: clients make the key of STUN's MESSAGE-INTEGRITY from its password by MD5.
pub fn allows(credential: Credential) -> Result<(), Md5Keyed> {
    match credential {
        Credential::Culvert => Ok(()),
        Credential::TurnRest => Err(Md5Keyed { name: "TURN REST" }),
        Credential::MrasToken => Err(Md5Keyed { name: "MRAS" }),
    }
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

    #[test]
    fn credentials_that_need_md5_are_refused() {
        assert_eq!(allows(Credential::Culvert), Ok(()));
        for (credential, name) in [(Credential::TurnRest, "TURN REST"), (Credential::MrasToken, "MRAS")] {
            let expected = format!(
                "{name} credentials are used through a STUN key made by MD5 (RFC 8489 section 9.2.2), which node.fips = true \
                 does not allow; issue Culvert's own"
            );
            assert_eq!(allows(credential).map_err(|error| error.to_string()), Err(expected));
        }
    }
}
