// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tests share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use culvert_srtp::Suite;

use crate::{
    Bounds, Config, Credential, CredentialRequest, Identity, KeyRing, Kind, Location, MediaKind, MediaKinds,
    Mras, Suites,
};

pub(crate) const NOW: u64 = 1_800_000_000;
/// After the default duration.
pub(crate) const END: u64 = NOW + 8 * 3600;
pub(crate) const FRONT_END: &str = "frontend.example.org";
pub(crate) const ALICE: &str = "sip:Alice@example.org";
/// The bytes 0 to 63, as base64.
pub(crate) const SECRET: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Epoch 7, of [`SECRET`].
pub(crate) fn ring() -> KeyRing {
    KeyRing::parse(&format!("culvert-mras-keys 1\n7 100 {SECRET}\n")).unwrap()
}

pub(crate) fn service() -> Mras {
    Mras::new(Config::new("example.org"), ring()).unwrap()
}

pub(crate) fn request(identity: &str) -> CredentialRequest {
    CredentialRequest::new(Identity::new(identity).unwrap())
}

/// Everything that can be bound.
pub(crate) fn bounds() -> Bounds {
    Bounds {
        source: Some("2001:db8:1::/48".parse().unwrap()),
        peer: Some("2001:db8:2::/48".parse().unwrap()),
        bandwidth: Some(64_000),
        kinds: [MediaKind::Audio].into_iter().collect::<MediaKinds>(),
        suites: [Suite::AeadAes256Gcm].into_iter().collect::<Suites>(),
    }
}

pub(crate) fn bound_request() -> CredentialRequest {
    CredentialRequest { location: Some(Location::Intranet), bounds: bounds(), ..request(ALICE) }
}

pub(crate) fn issue(mras: &mut Mras, request: &CredentialRequest, kind: Kind) -> Credential {
    mras.issue(FRONT_END, std::slice::from_ref(request), kind, at(NOW)).unwrap().remove(0)
}
