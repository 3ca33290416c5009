// SPDX-License-Identifier: MIT OR Apache-2.0
//! The primitives of the suites in the AWS-LC FIPS module, packet by packet.
//!
//! A key takes memory when it is made, and none when it is used: AWS-LC copies the state of an HMAC as it lies, and keeps
//! those of AES-CTR and of AES-GCM on its stack. That memory is the memory for keys, but for the state of GCM's AEAD, which
//! AWS-LC puts on the C heap: erased when it is freed, but until then neither locked nor out of core dumps. It has session keys
//! in it, of SRTP and of SRTCP, and no master key: keys are derived by AES-CTR.

use core::cell::RefCell;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use culvert_secret::{Secret, scrub_stack};
use zeroize::Zeroizing;

use crate::Suite;
use crate::kdf::Material;
use crate::session::{Position, gcm_salt};
use crate::suite::Transform;

/// Bytes that no packet has more of.
const SCRATCH: usize = 1 << 16;

thread_local! {
    /// Where GCM decrypts a packet that is only judged. AWS-LC computes no tag without that, and what is judged is not to
    /// change.
    static JUDGED: RefCell<[u8; SCRATCH]> = const { RefCell::new([0; SCRATCH]) };
}

/// Whether the module says that it is in FIPS mode.
pub(crate) fn is_available() -> bool {
    aws_lc_rs::try_fips_mode().is_ok()
}

/// AES in counter mode.
pub(crate) struct ModuleAes(Secret<EncryptingKey>);

impl ModuleAes {
    /// Expands the first 16, 24 or 32 bytes of `key`, as many as `length` says. A key is tried once: `None` if the module
    /// refuses it or what is asked of it.
    pub(crate) fn new(key: &[u8; 32], length: usize) -> Option<ModuleAes> {
        let algorithm = match length {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        // What this stack held before would be kept with the key, and what is there is likely another key.
        scrub_stack();
        let aes = Self(expand(algorithm, key.get(..length)?)?);
        aes.encrypt(&[0; 16], &mut [0; 16])?;
        Some(aes)
    }

    fn encrypt(&self, counter: &[u8; 16], data: &mut [u8]) -> Option<()> {
        let context = EncryptionContext::Iv128(FixedLength::from(counter));
        self.0.less_safe_encrypt(data, context).ok().map(drop)
    }

    /// Xors the key stream that starts at `counter` into `data`. If the module refuses, which it does not once it has taken
    /// the key, `data` is zeros: nothing that ought to be encrypted is left as it was.
    pub(crate) fn apply_keystream(&self, counter: &[u8; 16], data: &mut [u8]) {
        if self.encrypt(counter, data).is_none() {
            data.fill(0);
        }
    }
}

/// The schedules of a key. AWS-LC makes them on the stack with room for AES-256, moves them whole, and writes no more of them
/// than a key has rounds.
// Inlined, they would lie beside what the caller has, which is not erased before.
#[inline(never)]
fn expand(algorithm: &'static Algorithm, key: &[u8]) -> Option<Secret<EncryptingKey>> {
    let key = UnboundCipherKey::new(algorithm, key).ok()?;
    Some(Secret::new(EncryptingKey::ctr(key).ok()?))
}

/// The keys of one protocol.
pub(crate) struct ModuleKeys(Secret<Keys>);

enum Keys {
    CounterMode {
        aes: ModuleAes,
        hmac: Secret<hmac::Key>,
        salt: Zeroizing<[u8; 14]>,
    },
    Gcm {
        aead: LessSafeKey,
        /// The same key again. A packet is decrypted only after it has authenticated, and by then its tag may be gone.
        aes: ModuleAes,
        salt: Zeroizing<[u8; 12]>,
    },
    Null(Secret<hmac::Key>),
}

impl ModuleKeys {
    /// `None` if the module refuses a key.
    pub(crate) fn new(suite: Suite, material: &Material) -> Option<ModuleKeys> {
        let aes = || ModuleAes::new(&material.key, suite.key_length());
        // AWS-LC keeps room for any hash in each, more than a kilobyte.
        let hmac = || {
            Secret::build(|| hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &material.authentication))
        };
        let keys = match suite.transform() {
            Transform::CounterMode => {
                Keys::CounterMode { aes: aes()?, hmac: hmac(), salt: Zeroizing::new(material.salt) }
            }
            Transform::Gcm => {
                let algorithm =
                    if suite.key_length() == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
                let key = UnboundKey::new(algorithm, material.key.get(..suite.key_length())?).ok()?;
                Keys::Gcm { aead: LessSafeKey::new(key), aes: aes()?, salt: gcm_salt(material) }
            }
            Transform::Null => Keys::Null(hmac()),
        };
        Some(Self(Secret::new(keys)))
    }

    /// Encrypts or decrypts in place: both ciphers are key streams.
    pub(crate) fn apply_keystream(&self, data: &mut [u8], position: Position) {
        match &*self.0 {
            Keys::CounterMode { aes, salt, .. } => aes.apply_keystream(&position.counter(salt), data),
            Keys::Gcm { aes, salt, .. } => {
                let mut counter = [0; 16];
                counter[..12].copy_from_slice(&position.nonce(salt));
                // The block of count 1 is the tag's.
                counter[15] = 2;
                aes.apply_keystream(&counter, data);
            }
            Keys::Null(_) => {}
        }
    }

    /// Encrypts in place. GCM's tag; zeros where the tag is not GCM's.
    pub(crate) fn seal(&self, aad: &[u8], data: &mut [u8], position: Position) -> [u8; 16] {
        let mut tag = [0; 16];
        match &*self.0 {
            Keys::Gcm { aead, salt, .. } => {
                let nonce = Nonce::assume_unique_for_key(position.nonce(salt));
                match aead.seal_in_place_separate_tag(nonce, Aad::from(aad), data) {
                    Ok(sealed) if sealed.as_ref().len() == tag.len() => tag.copy_from_slice(sealed.as_ref()),
                    // As above: no packet is refused, and were one, nothing of it would leave.
                    _ => data.fill(0),
                }
            }
            Keys::CounterMode { .. } | Keys::Null(_) => self.apply_keystream(data, position),
        }
        tag
    }

    /// Whether `tag` is GCM's of what it is for, compared in constant time. Never where the tag is not GCM's.
    pub(crate) fn opens(&self, aad: &[u8], ciphertext: &[u8], tag: &[u8], position: Position) -> bool {
        let Keys::Gcm { aead, salt, .. } = &*self.0 else { return false };
        JUDGED.with(|scratch| {
            let Ok(mut scratch) = scratch.try_borrow_mut() else { return false };
            let Some(plain) = scratch.get_mut(..ciphertext.len()) else { return false };
            let nonce = Nonce::assume_unique_for_key(position.nonce(salt));
            let opened = aead.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plain);
            plain.fill(0);
            opened.is_ok()
        })
    }

    /// The HMAC of a message in two parts. `None` where the tag is GCM's.
    pub(crate) fn hmac(&self, message: [&[u8]; 2]) -> Option<[u8; 20]> {
        let (Keys::CounterMode { hmac, .. } | Keys::Null(hmac)) = &*self.0 else { return None };
        let mut context = hmac::Context::with_key(hmac);
        message.into_iter().for_each(|part| context.update(part));
        context.sign().as_ref().try_into().ok()
    }
}

#[cfg(test)]
mod tests;
