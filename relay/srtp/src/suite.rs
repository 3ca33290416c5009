// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

/// A cipher, its key length and its authentication: what SDES calls a crypto suite and DTLS a protection profile.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Suite {
    /// RFC 3711, RFC 4568 section 6.2.1.
    AesCm128HmacSha1_80,
    /// RFC 3711, RFC 4568 section 6.2.2. SRTCP keeps the 80-bit tag.
    AesCm128HmacSha1_32,
    /// RFC 6188.
    AesCm192HmacSha1_80,
    /// RFC 6188. SRTCP keeps the 80-bit tag.
    AesCm192HmacSha1_32,
    /// RFC 6188.
    AesCm256HmacSha1_80,
    /// RFC 6188. SRTCP keeps the 80-bit tag.
    AesCm256HmacSha1_32,
    /// RFC 7714, 128-bit tag.
    AeadAes128Gcm,
    /// RFC 7714, 128-bit tag.
    AeadAes256Gcm,
    /// RFC 3711 with the NULL cipher: authenticated, readable by anyone.
    NullHmacSha1_80,
}

/// How a suite hides and authenticates.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Transform {
    CounterMode,
    Gcm,
    Null,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Suite; 9] = [
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32,
        Suite::AesCm192HmacSha1_80,
        Suite::AesCm192HmacSha1_32,
        Suite::AesCm256HmacSha1_80,
        Suite::AesCm256HmacSha1_32,
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
        Suite::NullHmacSha1_80,
    ];

    /// Bytes of the master key, which are also those of the session encryption key.
    pub const fn key_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80
            | Self::AesCm128HmacSha1_32
            | Self::AeadAes128Gcm
            | Self::NullHmacSha1_80 => 16,
            Self::AesCm192HmacSha1_80 | Self::AesCm192HmacSha1_32 => 24,
            Self::AesCm256HmacSha1_80 | Self::AesCm256HmacSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt: 14, or 12 for the AEAD suites.
    pub const fn salt_length(self) -> usize {
        match self.transform() {
            Transform::CounterMode | Transform::Null => 14,
            Transform::Gcm => 12,
        }
    }

    /// Bytes of the authentication tag of an SRTP packet.
    pub const fn rtp_tag_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80
            | Self::AesCm192HmacSha1_80
            | Self::AesCm256HmacSha1_80
            | Self::NullHmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 | Self::AesCm192HmacSha1_32 | Self::AesCm256HmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Bytes of the authentication tag of an SRTCP packet, without the four bytes of the SRTCP index.
    pub const fn rtcp_tag_length(self) -> usize {
        match self.transform() {
            Transform::CounterMode | Transform::Null => 10,
            Transform::Gcm => 16,
        }
    }

    /// Whether the payload is hidden. `false` for the NULL cipher only.
    pub const fn encrypts(self) -> bool {
        !matches!(self, Self::NullHmacSha1_80)
    }

    /// Whether the suite is made of nothing but algorithms that FIPS 140-3 lets a module call approved: AES in counter mode
    /// or GCM (SP 800-38A, SP 800-38D), HMAC-SHA1 for authentication (SP 800-131A). Not the NULL cipher, and no tag of 32
    /// bits, which whoever sends a million packets a second guesses within the hour.
    pub const fn is_fips_approved(self) -> bool {
        self.encrypts() && self.rtp_tag_length() >= 10
    }

    /// The name that SDES registers (RFC 4568, 6188, 7714). The NULL suite has no registered SDES name; it is
    /// spelled as the DTLS-SRTP profile of RFC 5764 without its prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm192HmacSha1_80 => "AES_192_CM_HMAC_SHA1_80",
            Self::AesCm192HmacSha1_32 => "AES_192_CM_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::NullHmacSha1_80 => "NULL_HMAC_SHA1_80",
        }
    }

    /// The suite of that [`name`](Self::name). Letter case counts, as in RFC 4568.
    pub fn from_name(name: &str) -> Option<Suite> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    pub(crate) const fn transform(self) -> Transform {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => Transform::Gcm,
            Self::NullHmacSha1_80 => Transform::Null,
            _ => Transform::CounterMode,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_rfcs() {
        let table = Suite::ALL.map(|s| {
            (s.key_length(), s.salt_length(), s.rtp_tag_length(), s.rtcp_tag_length(), s.encrypts())
        });
        assert_eq!(
            table,
            [
                (16, 14, 10, 10, true),
                (16, 14, 4, 10, true),
                (24, 14, 10, 10, true),
                (24, 14, 4, 10, true),
                (32, 14, 10, 10, true),
                (32, 14, 4, 10, true),
                (16, 12, 16, 16, true),
                (32, 12, 16, 16, true),
                (16, 14, 10, 10, false),
            ]
        );
    }

    #[test]
    fn approved_is_what_encrypts_and_tags_in_full() {
        let approved: Vec<_> = Suite::ALL.into_iter().filter(|suite| suite.is_fips_approved()).collect();
        assert_eq!(
            approved,
            [
                Suite::AesCm128HmacSha1_80,
                Suite::AesCm192HmacSha1_80,
                Suite::AesCm256HmacSha1_80,
                Suite::AeadAes128Gcm,
                Suite::AeadAes256Gcm,
            ]
        );
    }

    #[test]
    fn names_find_their_suite() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_name(suite.name()), Some(suite));
        }
        assert_eq!(Suite::from_name("aes_cm_128_hmac_sha1_80"), None);
        assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
    }
}
