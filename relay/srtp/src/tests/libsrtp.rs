// SPDX-License-Identifier: MIT OR Apache-2.0
//! libsrtp 2 behind a safe interface: an implementation of SRTP that shares nothing with ours. The declarations follow
//! `srtp2/srtp.h`; Debian has the library as libsrtp2-dev.

use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::ptr::null_mut;
use std::sync::Once;

use crate::{Kind, Suite};

/// libsrtp's status codes that tests look for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Status {
    AuthenticationFailed,
    Replayed,
    TooOld,
    KeyExpired,
    UnknownMki,
    Other(c_int),
}

#[repr(C)]
#[derive(Copy, Clone, Default)]
struct CryptoPolicy {
    cipher_type: u32,
    cipher_key_length: c_int,
    authentication_type: u32,
    authentication_key_length: c_int,
    tag_length: c_int,
    services: c_uint,
}

#[repr(C)]
struct SsrcSelector {
    kind: c_uint,
    value: c_uint,
}

#[repr(C)]
struct MasterKeyEntry {
    key: *mut u8,
    mki: *mut u8,
    mki_length: c_uint,
}

#[repr(C)]
struct Policy {
    ssrc: SsrcSelector,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *mut u8,
    keys: *mut *mut MasterKeyEntry,
    key_count: c_ulong,
    deprecated: *mut c_void,
    window_size: c_ulong,
    allow_repeat: c_int,
    encrypted_extensions: *mut c_int,
    encrypted_extension_count: c_int,
    next: *mut Policy,
}

type Set = unsafe extern "C" fn(*mut CryptoPolicy);

#[link(name = "srtp2")]
unsafe extern "C" {
    fn srtp_init() -> c_int;
    fn srtp_create(session: *mut *mut c_void, policy: *const Policy) -> c_int;
    fn srtp_dealloc(session: *mut c_void) -> c_int;
    fn srtp_protect_mki(
        s: *mut c_void,
        packet: *mut c_void,
        length: *mut c_int,
        mki: c_uint,
        key: c_uint,
    ) -> c_int;
    fn srtp_unprotect_mki(s: *mut c_void, packet: *mut c_void, length: *mut c_int, mki: c_uint) -> c_int;
    fn srtp_protect_rtcp_mki(
        s: *mut c_void,
        packet: *mut c_void,
        length: *mut c_int,
        mki: c_uint,
        key: c_uint,
    ) -> c_int;
    fn srtp_unprotect_rtcp_mki(s: *mut c_void, packet: *mut c_void, length: *mut c_int, mki: c_uint)
    -> c_int;
    fn srtp_set_stream_roc(s: *mut c_void, ssrc: u32, roll_over_counter: u32) -> c_int;
    fn srtp_crypto_policy_set_rtp_default(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_128_16_auth(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_256_16_auth(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_null_cipher_hmac_sha1_80(policy: *mut CryptoPolicy);
}

/// Whether a session receives or sends.
#[derive(Copy, Clone)]
pub(super) enum Direction {
    Receive,
    Send,
}

/// A master key as libsrtp takes it: key and salt in one, and its MKI, which may be empty.
pub(super) struct Key {
    pub(super) key_and_salt: Vec<u8>,
    pub(super) mki: Vec<u8>,
}

/// A libsrtp session for any SSRC, with a replay window of 128 packets.
pub(super) struct Session {
    handle: *mut c_void,
    use_mki: bool,
}

impl Session {
    pub(super) fn new(suite: Suite, direction: Direction, keys: &[Key]) -> Session {
        Self::with_encrypted_extensions(suite, direction, keys, &[])
    }

    /// As [`new`](Self::new), and encrypts the header extension elements of these identifiers (RFC 6904).
    pub(super) fn with_encrypted_extensions(
        suite: Suite,
        direction: Direction,
        keys: &[Key],
        identifiers: &[u8],
    ) -> Session {
        static INITIALISED: Once = Once::new();
        // SAFETY: no arguments, and `Once` keeps it to one call.
        INITIALISED.call_once(|| assert_eq!(unsafe { srtp_init() }, 0));

        let (set_rtp, set_rtcp): (Set, Set) = match suite {
            Suite::AesCm128HmacSha1_80 => {
                (srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default)
            }
            Suite::AesCm128HmacSha1_32 => {
                (srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default)
            }
            Suite::AesCm192HmacSha1_80 => (
                srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
                srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
            ),
            Suite::AesCm192HmacSha1_32 => (
                srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32,
                srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
            ),
            Suite::AesCm256HmacSha1_80 => (
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
            ),
            Suite::AesCm256HmacSha1_32 => (
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
            ),
            Suite::AeadAes128Gcm => {
                (srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth)
            }
            Suite::AeadAes256Gcm => {
                (srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth)
            }
            Suite::NullHmacSha1_80 => (
                srtp_crypto_policy_set_null_cipher_hmac_sha1_80,
                srtp_crypto_policy_set_null_cipher_hmac_sha1_80,
            ),
        };
        let (mut rtp, mut rtcp) = (CryptoPolicy::default(), CryptoPolicy::default());
        // SAFETY: both write one policy through a valid pointer.
        unsafe {
            set_rtp(&mut rtp);
            set_rtcp(&mut rtcp);
        }

        let use_mki = keys.iter().any(|key| !key.mki.is_empty());
        // libsrtp copies what it needs of these while it creates the session. It reads the key length of the NULL cipher
        // as that of AES-256, so the buffers are long enough for that.
        let mut buffers: Vec<(Vec<u8>, Vec<u8>)> = keys
            .iter()
            .map(|key| {
                let mut padded = key.key_and_salt.clone();
                padded.resize(64, 0);
                (padded, key.mki.clone())
            })
            .collect();
        let mut entries: Vec<MasterKeyEntry> = buffers
            .iter_mut()
            .map(|(key, mki)| MasterKeyEntry {
                key: key.as_mut_ptr(),
                mki: mki.as_mut_ptr(),
                mki_length: mki.len() as c_uint,
            })
            .collect();
        let mut pointers: Vec<*mut MasterKeyEntry> = entries.iter_mut().map(std::ptr::from_mut).collect();
        let mut identifiers: Vec<c_int> = identifiers.iter().map(|id| c_int::from(*id)).collect();
        let policy = Policy {
            ssrc: SsrcSelector {
                kind: match direction {
                    Direction::Receive => 2,
                    Direction::Send => 3,
                },
                value: 0,
            },
            rtp,
            rtcp,
            key: null_mut(),
            keys: pointers.as_mut_ptr(),
            key_count: pointers.len() as c_ulong,
            deprecated: null_mut(),
            window_size: 128,
            allow_repeat: 0,
            encrypted_extensions: identifiers.as_mut_ptr(),
            encrypted_extension_count: identifiers.len() as c_int,
            next: null_mut(),
        };
        let mut handle = null_mut();
        // SAFETY: the policy and all that it points to live until the call returns.
        assert_eq!(unsafe { srtp_create(&mut handle, &policy) }, 0, "libsrtp does not take {suite}");
        Session { handle, use_mki }
    }

    /// Protects under the key at position `key`.
    pub(super) fn protect(&mut self, kind: Kind, packet: &[u8], key: u32) -> Result<Vec<u8>, Status> {
        let mki = c_uint::from(self.use_mki);
        self.apply(packet, |session, packet, length| {
            // SAFETY: the session is live, and the buffer has room for any trailer behind `length`.
            unsafe {
                match kind {
                    Kind::Rtp => srtp_protect_mki(session, packet, length, mki, key),
                    Kind::Rtcp => srtp_protect_rtcp_mki(session, packet, length, mki, key),
                }
            }
        })
    }

    pub(super) fn unprotect(&mut self, kind: Kind, packet: &[u8]) -> Result<Vec<u8>, Status> {
        let mki = c_uint::from(self.use_mki);
        self.apply(packet, |session, packet, length| {
            // SAFETY: the session is live, and the packet lies in a larger buffer.
            unsafe {
                match kind {
                    Kind::Rtp => srtp_unprotect_mki(session, packet, length, mki),
                    Kind::Rtcp => srtp_unprotect_rtcp_mki(session, packet, length, mki),
                }
            }
        })
    }

    /// Sets the roll-over counter of an SSRC that has had a packet.
    pub(super) fn set_roll_over_counter(&mut self, ssrc: u32, counter: u32) {
        // SAFETY: the session is live.
        assert_eq!(unsafe { srtp_set_stream_roc(self.handle, ssrc, counter) }, 0);
    }

    fn apply(
        &mut self,
        packet: &[u8],
        operation: impl FnOnce(*mut c_void, *mut c_void, *mut c_int) -> c_int,
    ) -> Result<Vec<u8>, Status> {
        let mut length = c_int::try_from(packet.len()).unwrap();
        // Room for a trailer; words, because libsrtp reads the header as such.
        let mut words = vec![0_u32; packet.len() / 4 + 64];
        for (word, bytes) in words.iter_mut().zip(packet.chunks(4)) {
            let mut padded = [0; 4];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = u32::from_ne_bytes(padded);
        }
        match operation(self.handle, words.as_mut_ptr().cast(), &mut length) {
            0 => {
                let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
                bytes.truncate(usize::try_from(length).unwrap());
                Ok(bytes)
            }
            7 => Err(Status::AuthenticationFailed),
            9 => Err(Status::Replayed),
            10 => Err(Status::TooOld),
            15 => Err(Status::KeyExpired),
            25 => Err(Status::UnknownMki),
            other => Err(Status::Other(other)),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the session was created and is used by nobody after this.
        unsafe { srtp_dealloc(self.handle) };
    }
}
