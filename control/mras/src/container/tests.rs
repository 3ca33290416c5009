// SPDX-License-Identifier: MIT OR Apache-2.0
use std::num::NonZeroU32;

use culvert_srtp::Suite;
use proptest::prelude::*;

use super::*;
use crate::fixture::at;

const PASSWORD: &str = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE";
const END: u64 = 1_800_000_000;

fn media(index: u32, suite: Suite) -> MediaKeys {
    let key =
        |byte| KeyAndSalt::new(suite, &vec![byte; suite.key_length()], &vec![byte; suite.salt_length()]);
    MediaKeys { index, kid: format!("k{index}"), send: key(1).unwrap(), receive: key(2).unwrap() }
}

fn keys() -> SessionKeys {
    SessionKeys {
        session: "call \"1\"\n".to_owned(),
        participant: "sip:alice@example.org".to_owned(),
        media: Suite::ALL.into_iter().zip(0..).map(|(suite, index)| media(index, suite)).collect(),
    }
}

fn sealed(keys: &SessionKeys) -> String {
    seal(PASSWORD, CredentialId::of("user"), keys, END).unwrap()
}

/// A container of our own keys under another header.
fn under(header: &str, salt: &[u8], iterations: u32) -> String {
    holding(keys().to_json().unwrap().to_vec(), header, salt, iterations)
}

fn holding(mut content: Vec<u8>, header: &str, salt: &[u8], iterations: u32) -> String {
    let content_key = [7; 32];
    let wrapped = pbes2::wrap(PASSWORD, salt, NonZeroU32::new(iterations).unwrap(), &content_key).unwrap();
    let header = BASE64URL.encode(header);
    let key = RandomizedNonceKey::new(&AES_256_GCM, &content_key).unwrap();
    let aad = Aad::from(header.as_bytes());
    let (nonce, tag) = key.seal_in_place_separate_tag(aad, &mut content).unwrap();
    let parts = [&wrapped[..], nonce.as_ref(), &content, tag.as_ref()].map(|part| BASE64URL.encode(part));
    format!("{header}.{}", parts.join("."))
}

#[test]
fn what_was_sealed_is_opened_until_its_end() {
    let container = sealed(&keys());
    assert_eq!(open(PASSWORD, &container, at(0)), Ok(keys()));
    assert_eq!(open(PASSWORD, &container, at(END - 1)), Ok(keys()));
    assert_eq!(open(PASSWORD, &container, at(END)), Err(OpenError));
    assert_eq!(open(PASSWORD, &container, UNIX_EPOCH - Duration::from_secs(1)), Err(OpenError));
    assert_eq!(peek(&container), Ok((Some(CredentialId::of("user")), at(END))));
}

#[test]
fn the_header_says_what_the_documentation_says() {
    let container = sealed(&keys());
    let (header, _) = container.split_once('.').unwrap();
    let header: serde_json::Value = serde_json::from_slice(&BASE64URL.decode(header).unwrap()).unwrap();
    let salt = header["p2s"].as_str().unwrap();
    assert_eq!(BASE64URL.decode(salt).unwrap().len(), 16);
    let expected = serde_json::json!({
        "alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 1000, "p2s": salt, "exp": END,
        "kid": CredentialId::of("user").to_string(), "typ": "JOSE", "cty": "vnd.culvert.session-keys+json",
    });
    assert_eq!(header, expected);
}

#[test]
fn the_content_is_the_documented_json() {
    let keys = SessionKeys { media: vec![media(3, Suite::AeadAes128Gcm)], ..keys() };
    let json = keys.to_json().unwrap();
    assert_eq!(
        std::str::from_utf8(&json).unwrap(),
        concat!(
            r#"{"version":1,"session":"call \"1\"\n","participant":"sip:alice@example.org","media":["#,
            r#"{"index":3,"suite":"AEAD_AES_128_GCM","kid":"k3","#,
            r#""send":"inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==","#,
            r#""receive":"inline:AgICAgICAgICAgICAgICAgICAgICAgICAgICAg=="}]}"#
        )
    );
}

#[test]
fn the_json_has_never_grown() {
    let name = "\u{1}".repeat(MAX_NAME);
    let media = (0..32).map(|index| MediaKeys { kid: name.clone(), ..media(index, Suite::AeadAes256Gcm) });
    let keys = SessionKeys { session: name.clone(), participant: name.clone(), media: media.collect() };
    let needed = 128 + 2 * 6 * MAX_NAME + 32 * (256 + 6 * MAX_NAME);
    let json = keys.to_json().unwrap();
    assert_eq!(json.capacity(), needed);
    assert!(json.len() <= needed);
}

#[test]
fn no_two_containers_share_a_byte_of_keys_salt_or_nonce() {
    let (one, other) = (sealed(&keys()), sealed(&keys()));
    let (one, other): (Vec<_>, Vec<_>) = (one.split('.').collect(), other.split('.').collect());
    assert_eq!(one.len(), 5);
    assert!(one.iter().zip(&other).all(|(a, b)| a != b));
}

#[test]
fn any_changed_bit_is_refused() {
    let keys = SessionKeys { media: vec![media(0, Suite::AesCm128HmacSha1_80)], ..keys() };
    let container = sealed(&keys);
    for bit in 0..container.len() * 8 {
        let mut bytes = container.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // The highest bit of a byte alone is no UTF-8, and so no text.
        let Ok(changed) = String::from_utf8(bytes) else {
            assert_eq!(bit % 8, 7);
            continue;
        };
        assert_eq!(open(PASSWORD, &changed, at(0)), Err(OpenError), "{bit}");
    }
    for bit in 0..PASSWORD.len() * 8 {
        let mut bytes = PASSWORD.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = String::from_utf8(bytes) {
            assert_eq!(open(&changed, &container, at(0)), Err(OpenError), "{bit}");
        }
    }
}

#[test]
fn what_is_cut_or_lengthened_is_refused() {
    let container = sealed(&keys());
    for length in 0..container.len() {
        assert_eq!(open(PASSWORD, &container[..length], at(0)), Err(OpenError));
    }
    for more in [".", "A", "=", " ", "\n", &"A".repeat(MAX_CONTAINER)] {
        assert_eq!(open(PASSWORD, &format!("{container}{more}"), at(0)), Err(OpenError));
        assert_eq!(open(PASSWORD, &format!("{more}{container}"), at(0)), Err(OpenError));
    }
}

#[test]
fn only_these_parameters_are_taken() {
    let salt = [5; 16];
    let p2s = BASE64URL.encode(salt);
    let header =
        |alg: &str, enc: &str, more: &str| format!(r#"{{"alg":"{alg}","enc":"{enc}","p2s":"{p2s}"{more}}}"#);
    let good = |more: &str| header("PBES2-HS256+A128KW", "A256GCM", more);
    let usual = r#","p2c":1000,"exp":1800000000"#;
    let with = |more: &str| good(&format!("{usual}{more}"));
    let kid = r#","kid":"00112233445566778899aabbccddeeff""#;
    for (taken, header) in [
        (true, good(usual)),
        (true, with(kid)),
        (true, with(r#","typ":"JOSE","cty":"vnd.culvert.session-keys+json""#)),
        (false, header("PBES2-HS384+A192KW", "A256GCM", usual)),
        (false, header("PBES2-HS512+A256KW", "A256GCM", usual)),
        (false, header("dir", "A256GCM", usual)),
        (false, header("PBES2-HS256+A128KW", "A128GCM", usual)),
        (false, header("PBES2-HS256+A128KW", "A128CBC-HS256", usual)),
        (false, with(r#","zip":"DEF""#)),
        (false, with(r#","crit":["exp"]"#)),
        (false, with(r#","alg":"PBES2-HS256+A128KW""#)),
        (false, with(r#","typ":"JWT""#)),
        (false, with(r#","cty":"json""#)),
        (false, with(r#","kid":"alice""#)),
        (false, good(r#","p2c":1000"#)),
        (false, good(r#","exp":1800000000"#)),
        (false, good(r#","p2c":1000,"exp":"1800000000""#)),
        (false, good(r#","p2c":1000,"exp":-1"#)),
        (false, good(r#","p2c":1000,"exp":1e10"#)),
    ] {
        assert_eq!(open(PASSWORD, &under(&header, &salt, 1000), at(0)).is_ok(), taken, "{header}");
    }
    for (taken, iterations) in [(false, 1), (false, 999), (true, 1000), (true, 10_000), (false, 10_001)] {
        let header = good(&format!(r#","p2c":{iterations},"exp":1800000000"#));
        assert_eq!(open(PASSWORD, &under(&header, &salt, iterations), at(0)).is_ok(), taken, "{iterations}");
    }
    for (taken, length) in [(false, 0), (false, 7), (true, 8), (true, 64), (false, 65)] {
        let salt = vec![5; length];
        let header = good(usual).replace(&p2s, &BASE64URL.encode(&salt));
        assert_eq!(open(PASSWORD, &under(&header, &salt, 1000), at(0)).is_ok(), taken, "{length}");
    }
    let long = format!("{}{}", good(usual), " ".repeat(1024));
    assert_eq!(open(PASSWORD, &under(&long, &salt, 1000), at(0)), Err(OpenError));
}

#[test]
fn a_container_has_a_longest_length() {
    let salt = [5; 16];
    let header = format!(
        r#"{{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2s":"{}","p2c":1000,"exp":{END}}}"#,
        BASE64URL.encode(salt)
    );
    let padded = |spaces| {
        let mut content = keys().to_json().unwrap().to_vec();
        content.extend(std::iter::repeat_n(b' ', spaces));
        holding(content, &header, &salt, 1000)
    };
    // Three bytes become four characters.
    let spaces = (MAX_CONTAINER - padded(0).len()) / 4 * 3;
    let (longest, longer) = (padded(spaces), padded(spaces + 6));
    assert!(longest.len() <= MAX_CONTAINER && longer.len() > MAX_CONTAINER, "{}", longest.len());
    assert_eq!(open(PASSWORD, &longest, at(0)), Ok(keys()));
    assert_eq!(open(PASSWORD, &longer, at(0)), Err(OpenError));
    assert_eq!(peek(&longer), Err(OpenError));
}

#[test]
fn session_keys_are_held_to_their_bounds() {
    let seal = |keys: &SessionKeys| seal(PASSWORD, CredentialId::of("user"), keys, END);
    let refused = |keys: SessionKeys| match seal(&keys) {
        Err(SealError::Keys(error)) => error,
        other => panic!("{other:?}"),
    };
    let many = |count: u32| {
        let media = (0..count).map(|index| media(index, Suite::AeadAes256Gcm)).collect();
        SessionKeys { media, ..keys() }
    };
    for count in [0, 33] {
        assert_eq!(refused(many(count)), SessionKeysError::Media { count: count as usize });
    }
    let long = "n".repeat(MAX_NAME + 1);
    for name in ["", &long] {
        let field = |field| SessionKeysError::Name { field };
        assert_eq!(refused(SessionKeys { session: name.into(), ..keys() }), field("session"));
        assert_eq!(refused(SessionKeys { participant: name.into(), ..keys() }), field("participant"));
        let mut keys = keys();
        keys.media[1].kid = name.into();
        assert_eq!(refused(keys), field("kid"));
    }
    let mut mixed = keys();
    mixed.media[2].receive = mixed.media[0].receive.clone();
    assert_eq!(refused(mixed), SessionKeysError::Suites { position: 2 });

    // The largest that is sealed is opened.
    let name = "\u{1}".repeat(MAX_NAME);
    let mut largest = SessionKeys { session: name.clone(), participant: name.clone(), ..many(32) };
    assert_eq!(open(PASSWORD, &seal(&largest).unwrap(), at(0)), Ok(largest.clone()));
    largest.media.iter_mut().for_each(|media| media.kid = name.clone());
    assert_eq!(refused(largest), SessionKeysError::Size);
}

#[test]
fn what_is_no_session_keys_is_refused_inside_as_well() {
    let good = String::from_utf8(keys().to_json().unwrap().to_vec()).unwrap();
    assert_eq!(SessionKeys::from_json(good.as_bytes()), Some(keys()));
    for (part, other) in [
        ("\"version\":1", "\"version\":2"),
        ("\"version\":1,", ""),
        ("\"session\"", "\"sessions\""),
        ("\"index\":0", "\"index\":-1"),
        ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_81"),
        ("AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"),
        ("inline:", ""),
        ("inline:AQ", "inline:A"),
        ("inline:AQ", "inline:\\u0041Q"),
        ("}]}", "}]}}"),
        ("}]}", "}],\"more\":1}"),
    ] {
        let bad = good.replacen(part, other, 1);
        assert_ne!(bad, good, "{part}");
        assert_eq!(SessionKeys::from_json(bad.as_bytes()), None, "{part} {other}");
    }
}

#[test]
fn keys_have_the_lengths_of_their_suite_and_are_never_shown() {
    for suite in Suite::ALL {
        let (one, other) = (KeyAndSalt::generate(suite).unwrap(), KeyAndSalt::generate(suite).unwrap());
        assert_eq!((one.key().len(), one.salt().len()), (suite.key_length(), suite.salt_length()));
        assert!(one.key() != other.key() && one.salt() != other.salt() && one != other);
        assert_eq!(format!("{one:?}"), format!("KeyAndSalt({suite}, ..)"));
        let wrong = KeyAndSalt::new(suite, &[0; 15], one.salt()).unwrap_err();
        assert_eq!(wrong, KeyLengthError { suite });
        assert_eq!(KeyAndSalt::new(suite, one.key(), &[0; 13]).unwrap_err(), wrong);
    }
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    std::array::from_fn(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap())
}

/// RFC 7517 appendix C.4 and C.6: the same algorithm, around another content encryption.
#[test]
fn the_key_is_that_of_rfc_7517() {
    let password = "Thus from my lips, by yours, my sin is purged.";
    let salt = BASE64URL.decode("2WCTcJZ1Rvd_CJuJripQ1w").unwrap();
    let iterations = NonZeroU32::new(4096).unwrap();
    let derived = pbes2::derive(password, &salt, iterations).unwrap();
    assert_eq!(
        *derived.expose(),
        [110, 171, 169, 92, 129, 92, 109, 117, 233, 242, 116, 233, 170, 14, 24, 75]
    );
    let content_key = [
        111, 27, 25, 52, 66, 29, 20, 78, 92, 176, 56, 240, 65, 208, 82, 112, 161, 131, 36, 55, 202, 236, 185,
        172, 129, 23, 153, 194, 195, 48, 253, 182,
    ];
    let wrapped = pbes2::wrap(password, &salt, iterations, &content_key).unwrap();
    assert_eq!(BASE64URL.encode(wrapped), "TrqXOwuNUfDV9VPTNbyGvEJ9JMjefAVn-TR1uIxR9p6hsRQh9Tk7BA");
    let unwrapped = pbes2::unwrap(password, &salt, iterations, &wrapped).unwrap();
    assert_eq!(*unwrapped.expose(), content_key);
}

/// RFC 3394 section 4.1, of which we use the longer form: AES-128 as key encryption key.
#[test]
fn key_wrap_is_that_of_rfc_3394() {
    use aws_lc_rs::key_wrap::{AES_128, AesKek, KeyWrap};
    let kek = AesKek::new(&AES_128, &hex::<16>("000102030405060708090A0B0C0D0E0F")).unwrap();
    let mut wrapped = [0; 24];
    kek.wrap(&hex::<16>("00112233445566778899AABBCCDDEEFF"), &mut wrapped).unwrap();
    assert_eq!(wrapped, hex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"));
}

/// RFC 7914 section 11.
#[test]
fn pbkdf2_is_that_of_rfc_7914() {
    use aws_lc_rs::pbkdf2;
    let mut out = [0; 64];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, NonZeroU32::MIN, b"salt", b"passwd", &mut out);
    assert_eq!(
        out,
        hex(concat!(
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
        ))
    );
}

proptest! {
    #[test]
    fn no_text_is_a_container(text in "[A-Za-z0-9_.=-]{0,200}|\\PC{0,100}") {
        prop_assert_eq!(open(PASSWORD, &text, at(0)), Err(OpenError));
    }

    #[test]
    fn any_names_and_keys_come_back(
        session in "\\PC{1,60}", participant in "[\\x00-\\x7f]{1,60}", kid in ".{1,20}", suite in 0..Suite::ALL.len()
    ) {
        let suite = Suite::ALL[suite];
        let (send, receive) = (KeyAndSalt::generate(suite).unwrap(), KeyAndSalt::generate(suite).unwrap());
        let media = vec![MediaKeys { index: u32::MAX, kid, send, receive }];
        let keys = SessionKeys { session, participant, media };
        prop_assert_eq!(open(PASSWORD, &sealed(&keys), at(0)), Ok(keys));
    }
}
