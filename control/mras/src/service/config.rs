// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::MediaRelay;
use crate::Quotas;

/// The shortest time that a credential can be asked for.
pub const MIN_DURATION: Duration = Duration::from_secs(60);
/// The longest.
pub const MAX_DURATION: Duration = Duration::from_secs(180 * 24 * 3600);
/// Unless another is asked for, and the longest that is granted unless the configuration says more.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(8 * 3600);

const LONGEST_REALM: usize = 127;

/// How the service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The STUN realm that credentials belong to.
    pub realm: String,
    /// When none is asked for. At most the maximum.
    pub default_duration: Duration,
    /// The longest that is granted, 1 minute to 180 days.
    pub maximum_duration: Duration,
    /// What a credential may be used at.
    pub relays: Vec<MediaRelay>,
    /// See [`Quotas`].
    pub quotas: Quotas,
    /// The shared secret of other TURN servers. Without one, each epoch has its own:
    /// [`Epoch::turn_rest_secret`](crate::Epoch::turn_rest_secret).
    pub turn_rest_secret: Option<TurnRestSecret>,
    /// Neither issue nor accept kinds that are not approved by FIPS 140-3: see [`Kind::is_fips_approved`](crate::Kind).
    pub approved_kinds_only: bool,
}

impl Config {
    /// 8 hours, no relays, no quotas, every kind.
    pub fn new(realm: &str) -> Config {
        Config {
            realm: realm.to_owned(),
            default_duration: DEFAULT_DURATION,
            maximum_duration: DEFAULT_DURATION,
            relays: Vec::new(),
            quotas: Quotas::default(),
            turn_rest_secret: None,
            approved_kinds_only: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let realm = &self.realm;
        if realm.is_empty()
            || realm.len() > LONGEST_REALM
            || !realm.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(ConfigError::Realm);
        }
        if !(MIN_DURATION..=MAX_DURATION).contains(&self.maximum_duration) {
            return Err(ConfigError::MaximumDuration);
        }
        if !(MIN_DURATION..=self.maximum_duration).contains(&self.default_duration) {
            return Err(ConfigError::DefaultDuration);
        }
        Ok(())
    }
}

/// What is wrong with a configuration.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The realm is no realm.
    #[error("realm: not 1 to {LONGEST_REALM} printable ASCII characters")]
    Realm,
    /// The maximum is out of its range.
    #[error("maximum_duration: not 1 minute to 180 days")]
    MaximumDuration,
    /// The default is out of its range.
    #[error("default_duration: not 1 minute to maximum_duration")]
    DefaultDuration,
    /// The shared secret is no good secret.
    #[error("turn_rest_secret: not {} to {} printable ASCII characters without space", TurnRestSecret::LENGTHS.start(), TurnRestSecret::LENGTHS.end())]
    TurnRestSecret,
}

/// The secret that another TURN server shares, as the operator gives it to both. The HMAC key is its bytes.
#[derive(Clone)]
pub struct TurnRestSecret(Zeroizing<Box<str>>);

impl TurnRestSecret {
    /// 16 characters of base64 hold 96 bits; fewer could be guessed off line by anyone who has a credential.
    const LENGTHS: std::ops::RangeInclusive<usize> = 16..=256;

    /// The secret of that text.
    ///
    /// # Errors
    /// [`ConfigError::TurnRestSecret`].
    pub fn new(text: &str) -> Result<TurnRestSecret, ConfigError> {
        let good = Self::LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(TurnRestSecret(Zeroizing::new(text.into()))) } else { Err(ConfigError::TurnRestSecret) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for TurnRestSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnRestSecret(..)")
    }
}
