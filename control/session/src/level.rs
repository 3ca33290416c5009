// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the levels of two ends and an offer come to.

use crate::{EncryptionLevel, ErrorKind, PeerClass, SessionError};

/// How a leg is to be protected.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Resolution {
    /// By SRTP.
    Srtp,
    /// Not at all.
    Plain,
}

/// Why two ends cannot agree.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, thiserror::Error)]
pub enum Disagreement {
    /// One end requires what the other does not support.
    #[error("one end requires encryption and the other does not support it")]
    Opposed,
    /// SRTP is required, and the peer has not offered it.
    #[error("encryption is required and the peer offers none")]
    NotOffered,
}

impl EncryptionLevel {
    /// The level at which both ends agree, before an offer is known; `None` when one requires what the other lacks.
    pub fn meet(self, other: EncryptionLevel) -> Option<EncryptionLevel> {
        use EncryptionLevel::{NotSupported, Required, Supported};
        match (self, other) {
            (Required, NotSupported) | (NotSupported, Required) => None,
            (Required, _) | (_, Required) => Some(Required),
            (NotSupported, _) | (_, NotSupported) => Some(NotSupported),
            (Supported, Supported) => Some(Supported),
        }
    }

    /// How a leg of this level is protected whose peer has the level `peer` and offers SRTP or does not.
    ///
    /// # Errors
    /// [`Disagreement`]; then no media may pass.
    pub fn resolve(self, peer: EncryptionLevel, peer_offers_srtp: bool) -> Result<Resolution, Disagreement> {
        match (self.meet(peer).ok_or(Disagreement::Opposed)?, peer_offers_srtp) {
            (EncryptionLevel::Required, false) => Err(Disagreement::NotOffered),
            (EncryptionLevel::Required | EncryptionLevel::Supported, true) => Ok(Resolution::Srtp),
            (EncryptionLevel::NotSupported, _) | (EncryptionLevel::Supported, false) => Ok(Resolution::Plain),
        }
    }
}

/// A leg's level as it is in force, once its own, its peer class's and the peer's offer are put together. `field` is the
/// path of the leg.
pub(crate) fn settle(
    field: &str,
    own: Option<EncryptionLevel>,
    class: Option<&PeerClass>,
    peer_offers_srtp: Option<bool>,
) -> Result<EncryptionLevel, SessionError> {
    let peer = class.map_or(EncryptionLevel::Supported, PeerClass::level);
    let own = own.unwrap_or(if class.is_some() { peer } else { EncryptionLevel::Required });
    let refuse = |message: String| {
        Err(SessionError::new(ErrorKind::FailedPrecondition, format!("{field}.encryption"), message))
    };
    let Some(level) = own.meet(peer) else {
        let name = class.map_or("", |class| class.name.as_str());
        return refuse(match (own, class) {
            (EncryptionLevel::Required, Some(class)) if !class.certificate => format!(
                "is REQUIRED, but peers of class {name:?} have no certificate, so that keys would travel on a clear \
                 control channel; give the class a certificate, or do not require encryption"
            ),
            (EncryptionLevel::Required, _) => format!(
                "is REQUIRED, but peers of class {name:?} do not support encryption; change the level of the leg or \
                 of the class"
            ),
            _ => format!(
                "is NOT_SUPPORTED, but peers of class {name:?} require encryption; change the level of the leg or of \
                 the class"
            ),
        });
    };
    match peer_offers_srtp.map(|offers| own.resolve(peer, offers)) {
        None => Ok(level),
        Some(Ok(Resolution::Srtp)) => Ok(EncryptionLevel::Required),
        Some(Ok(Resolution::Plain)) => Ok(EncryptionLevel::NotSupported),
        Some(Err(_)) => refuse(
            "is REQUIRED here or for the peer's class, and the peer offers no SRTP; have it offer SRTP, or set both \
             to SUPPORTED"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EncryptionLevel::{NotSupported, Required, Supported};

    const OPPOSED: Result<Resolution, Disagreement> = Err(Disagreement::Opposed);
    const NOT_OFFERED: Result<Resolution, Disagreement> = Err(Disagreement::NotOffered);
    const SRTP: Result<Resolution, Disagreement> = Ok(Resolution::Srtp);
    const PLAIN: Result<Resolution, Disagreement> = Ok(Resolution::Plain);

    #[test]
    fn all_eighteen_cases() {
        for (leg, peer, offered, not_offered) in [
            (Required, Required, SRTP, NOT_OFFERED),
            (Required, Supported, SRTP, NOT_OFFERED),
            (Required, NotSupported, OPPOSED, OPPOSED),
            (Supported, Required, SRTP, NOT_OFFERED),
            (Supported, Supported, SRTP, PLAIN),
            (Supported, NotSupported, PLAIN, PLAIN),
            (NotSupported, Required, OPPOSED, OPPOSED),
            (NotSupported, Supported, PLAIN, PLAIN),
            (NotSupported, NotSupported, PLAIN, PLAIN),
        ] {
            assert_eq!(leg.resolve(peer, true), offered, "{leg:?}, {peer:?}, offered");
            assert_eq!(leg.resolve(peer, false), not_offered, "{leg:?}, {peer:?}, not offered");
        }
    }

    fn class(encryption: EncryptionLevel, certificate: bool) -> PeerClass {
        PeerClass { name: "gateway".into(), encryption, certificate }
    }

    #[test]
    fn a_leg_takes_the_level_of_its_class_and_is_else_required() {
        let settled = |own, class: Option<&PeerClass>, offer| settle("leg", own, class, offer).ok();
        assert_eq!(settled(None, None, None), Some(Required));
        for level in [Required, Supported, NotSupported] {
            assert_eq!(settled(None, Some(&class(level, true)), None), Some(level));
            assert_eq!(settled(Some(level), None, None), Some(level));
        }
        assert_eq!(settled(Some(Required), Some(&class(Supported, true)), None), Some(Required));
        assert_eq!(settled(Some(Supported), None, Some(true)), Some(Required));
        assert_eq!(settled(Some(Supported), None, Some(false)), Some(NotSupported));
    }

    #[test]
    fn a_class_without_a_certificate_gets_no_srtp() {
        let gateway = class(Supported, false);
        assert_eq!(settle("leg", None, Some(&gateway), None), Ok(NotSupported));
        assert_eq!(settle("leg", Some(Supported), Some(&gateway), Some(true)), Ok(NotSupported));
        let error = settle("leg", Some(Required), Some(&gateway), None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::FailedPrecondition);
        assert_eq!(
            error.to_string(),
            "leg.encryption: is REQUIRED, but peers of class \"gateway\" have no certificate, so that keys would \
             travel on a clear control channel; give the class a certificate, or do not require encryption"
        );
    }

    #[test]
    fn ends_that_cannot_agree_are_told_which() {
        let error =
            |own, class: &PeerClass, offer| settle("leg", Some(own), Some(class), offer).unwrap_err().message;
        let opposed = error(Required, &class(NotSupported, true), None);
        assert!(
            opposed.starts_with("is REQUIRED, but peers of class \"gateway\" do not support"),
            "{opposed}"
        );
        let opposed = error(NotSupported, &class(Required, true), Some(true));
        assert!(opposed.starts_with("is NOT_SUPPORTED, but peers of class \"gateway\" require"), "{opposed}");
        let missing = error(Supported, &class(Required, true), Some(false));
        assert!(missing.contains("the peer offers no SRTP"), "{missing}");
    }
}
