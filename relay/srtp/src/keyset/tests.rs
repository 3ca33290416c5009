// SPDX-License-Identifier: MIT OR Apache-2.0
use zeroize::ZeroizeOnDrop;

use super::*;

fn key(suite: Suite, mki: &[u8]) -> MasterKey {
    let key =
        MasterKey::new(suite, &vec![0xa5; suite.key_length()], &vec![0x5a; suite.salt_length()]).unwrap();
    if mki.is_empty() { key } else { key.with_mki(Mki::new(mki).unwrap()) }
}

#[test]
fn keys_of_a_set_must_be_told_apart() {
    let suite = Suite::AesCm128HmacSha1_80;
    let set = |mkis: &[&[u8]]| {
        let keys: Vec<_> = mkis.iter().map(|mki| key(suite, mki)).collect();
        KeySet::new(suite, &keys).map(|set| set.overhead(Kind::Rtp)).err()
    };
    assert_eq!(set(&[&[]]), None);
    assert_eq!(set(&[&[1], &[2]]), None);
    assert_eq!(set(&[]), Some(KeyError::KeyCount { got: 0 }));
    assert_eq!(set(&[&[], &[]]), Some(KeyError::MkiMismatch { position: 0 }));
    assert_eq!(set(&[&[1], &[]]), Some(KeyError::MkiMismatch { position: 1 }));
    assert_eq!(set(&[&[1], &[2], &[0, 3]]), Some(KeyError::MkiMismatch { position: 2 }));
    assert_eq!(set(&[&[1], &[2], &[1]]), Some(KeyError::DuplicateMki { position: 2 }));
    let mkis: Vec<[u8; 1]> = (0..17).map(|i| [i]).collect();
    let mkis: Vec<&[u8]> = mkis.iter().map(|mki| &mki[..]).collect();
    assert_eq!(set(&mkis[..16]), None);
    assert_eq!(set(&mkis), Some(KeyError::KeyCount { got: 17 }));
    assert_eq!(
        KeySet::new(suite, &[key(Suite::AeadAes128Gcm, &[])]).err(),
        Some(KeyError::SuiteMismatch { position: 0, expected: suite, got: Suite::AeadAes128Gcm })
    );
}

#[test]
fn overhead_is_tag_mki_and_srtcp_index() {
    for suite in Suite::ALL {
        for mki in [&[][..], &[1, 2, 3, 4]] {
            let set = KeySet::new(suite, &[key(suite, mki)]).unwrap();
            assert_eq!(set.overhead(Kind::Rtp), suite.rtp_tag_length() + mki.len());
            assert_eq!(set.overhead(Kind::Rtcp), suite.rtcp_tag_length() + 4 + mki.len());
        }
    }
}

#[test]
fn debug_shows_no_key() {
    let set = KeySet::new(Suite::AeadAes256Gcm, &[key(Suite::AeadAes256Gcm, &[7])]).unwrap();
    assert_eq!(format!("{set:?} {:?}", *set), "Secret(..) KeySet { suite: AeadAes256Gcm, keys: 1, .. }");
}

#[test]
fn what_holds_keys_zeroizes_them() {
    fn zeroizes<T: ZeroizeOnDrop>() {}
    zeroizes::<MasterKey>();
    zeroizes::<Material>();
    zeroizes::<crate::cipher::hmac::HmacKey>();
    #[cfg(target_arch = "x86_64")]
    {
        zeroizes::<crate::kernel::CounterKey>();
        zeroizes::<crate::kernel::GcmKey>();
    }
    zeroizes::<aes::Aes128Enc>();
    zeroizes::<aes::Aes192Enc>();
    zeroizes::<aes::Aes256Enc>();
}

/// A set's slot is a multiple of 32 bytes, and there are 400,000 of them. A build with the FIPS module has one pointer more,
/// to its keys of SRTCP.
#[test]
fn a_set_fills_its_slot() {
    let set = if cfg!(feature = "fips") { 176 } else { 160 };
    assert_eq!((size_of::<KeySet>(), size_of::<RtpKeys>()), (set, 16));
}
