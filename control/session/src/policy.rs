// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a leg's encryption level and protection allow.

use culvert_srtp::Suite;

use crate::{EncryptionLevel, SessionError, SourceRule, leg::Protection};

/// Checks a leg as it is to be. `field` is the path of the leg.
pub(crate) fn check(
    field: &str,
    level: EncryptionLevel,
    protection: &Protection,
    source: Option<SourceRule>,
) -> Result<(), SessionError> {
    let refuse = |part: &str, message: &str| Err(SessionError::invalid(format!("{field}.{part}"), message));
    match (level, protection) {
        (EncryptionLevel::Required, Protection::Plain) => {
            return refuse("protection", "is plain on a leg that requires encryption; give SRTP keys");
        }
        (EncryptionLevel::Required, Protection::Srtp { suite, .. }) if !suite.encrypts() => {
            return refuse(
                "protection",
                "has the NULL cipher on a leg that requires encryption; choose a suite that encrypts",
            );
        }
        (EncryptionLevel::NotSupported, Protection::Srtp { .. }) => {
            return refuse("protection", "is SRTP on a leg that does not support encryption; make it plain");
        }
        _ => {}
    }
    match (source, protection) {
        (Some(SourceRule::Learn), Protection::Plain) => refuse(
            "source",
            "is LEARN on a plain leg, where nothing authenticates; use SIGNALLED_ADDRESS or FIXED",
        ),
        (Some(SourceRule::LearnAny), Protection::Srtp { .. }) => refuse(
            "source",
            "is LEARN_ANY on an SRTP leg; use LEARN, which asks for a packet that authenticates",
        ),
        _ => Ok(()),
    }
}

/// Checks the suite of a leg where only approved ones are allowed. `field` is the path of the leg.
pub(crate) fn check_approved(field: &str, only: bool, protection: &Protection) -> Result<(), SessionError> {
    match protection {
        Protection::Srtp { suite, .. } if only && !suite.is_fips_approved() => {
            Err(not_approved(&format!("{field}.protection"), "is for", *suite))
        }
        _ => Ok(()),
    }
}

/// A suite that is not approved: `field` is it, or is for it, as `verb` says.
pub(crate) fn not_approved(field: &str, verb: &str, suite: Suite) -> SessionError {
    let approved = Suite::ALL.into_iter().filter(|suite| suite.is_fips_approved()).map(Suite::name);
    let approved = approved.collect::<Vec<_>>().join(", ");
    let message =
        format!("{verb} {suite}, which this node, in FIPS mode, does not allow; use one of {approved}");
    SessionError::invalid(field, message)
}

/// The rule of a leg that names none.
pub(crate) fn default_source(protection: &Protection) -> SourceRule {
    match protection {
        Protection::Plain => SourceRule::SignalledAddress,
        Protection::Unset | Protection::Srtp { .. } => SourceRule::Learn,
    }
}
