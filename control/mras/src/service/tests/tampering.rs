// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

/// Both of every kind, with and without bounds where there can be some.
fn issued(mras: &mut Mras) -> Vec<Credential> {
    let kinds = Kind::ALL.map(|kind| issue(mras, &request(ALICE), kind));
    let bound = [Kind::Culvert, Kind::TurnRest].map(|kind| issue(mras, &bound_request(), kind));
    kinds.into_iter().chain(bound).collect()
}

#[test]
fn any_changed_bit_of_username_or_password_is_refused() {
    let mut mras = service();
    for credential in issued(&mut mras) {
        let Credential { username, password, .. } = &credential;
        assert!(mras.verify(username, password, at(NOW)).is_ok());
        let flips = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            (0..bytes.len() * 8).filter_map(move |bit| {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                String::from_utf8(bytes).ok()
            })
        };
        // The highest bit of a byte alone is no UTF-8, and so no text.
        assert_eq!(flips(username).count(), username.len() * 7);
        for changed in flips(username) {
            assert!(mras.verify(&changed, password, at(NOW)).is_err(), "{username} {changed}");
        }
        for changed in flips(password) {
            let refused = mras.verify(username, &changed, at(NOW)).unwrap_err();
            assert_eq!(refused.reason(), Reason::Password, "{} {changed}", credential.kind);
        }
    }
}

#[test]
fn what_is_cut_or_lengthened_is_refused() {
    let mut mras = service();
    for Credential { username, password, .. } in issued(&mut mras) {
        for length in 0..username.len() {
            assert!(mras.verify(&username[..length], &password, at(NOW)).is_err());
        }
        for length in 0..password.len() {
            assert!(mras.verify(&username, &password[..length], at(NOW)).is_err());
        }
        for more in ["=", "A", " ", "\0", "\n", &"A".repeat(1 << 20)] {
            assert!(mras.verify(&format!("{username}{more}"), &password, at(NOW)).is_err(), "{more:.2}");
            assert!(mras.verify(&username, &format!("{}{more}", *password), at(NOW)).is_err(), "{more:.2}");
        }
    }
}

#[test]
fn passwords_are_not_exchangeable() {
    let mut mras = service();
    let all = issued(&mut mras);
    for (a, one) in all.iter().enumerate() {
        for (b, other) in all.iter().enumerate() {
            assert_eq!(mras.verify(&one.username, &other.password, at(NOW)).is_ok(), a == b);
        }
    }
}

proptest! {
    #[test]
    fn no_text_is_a_credential(username in "\\PC{0,600}", password in "\\PC{0,80}") {
        prop_assert!(service().verify(&username, &password, at(NOW)).is_err());
    }

    /// As far as the parsers can be led astray.
    #[test]
    fn nothing_that_resembles_a_username_is_one(
        form in 0..4u8, bytes in proptest::collection::vec(any::<u8>(), 0..400), expiry in any::<u64>()
    ) {
        use base64::Engine;
        use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
        let mut token = vec![1, 0, 0, 0, 7];
        token.extend(&bytes);
        let mut blob = vec![1, 0, 0, 0x20];
        blob.extend(bytes.iter().chain(&[0; 48]).take(48));
        let username = match form {
            0 => BASE64_URL_SAFE_NO_PAD.encode(&token),
            1 => format!("{expiry}:~{}", BASE64_URL_SAFE_NO_PAD.encode(&token)),
            2 => format!("{expiry}:sip:alice@example.org"),
            _ => BASE64_STANDARD.encode(&blob),
        };
        prop_assert!(service().verify(&username, "password", at(NOW)).is_err());
    }
}
