// SPDX-License-Identifier: MIT OR Apache-2.0
use base64::Engine;

use super::*;

/// Bytes 0 to 29, in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

fn one(rest: &str) -> Result<KeyMaterial, SdesError> {
    let mut crypto = parse(&format!("1 {SUITE} inline:{KEY}{rest}"))?;
    assert_eq!((crypto.tag, crypto.suite, crypto.keys.len()), (1, Suite::AesCm128HmacSha1_80, 1));
    Ok(crypto.keys.remove(0))
}

fn error(line: &str) -> SdesError {
    parse(line).unwrap_err()
}

#[test]
fn key_and_salt_are_the_two_parts_of_the_base64() {
    let key = one("").unwrap();
    assert_eq!(*key.key, (0..16).collect::<Vec<u8>>());
    assert_eq!(*key.salt, (16..30).collect::<Vec<u8>>());
    assert_eq!((key.mki.len(), key.lifetime), (0, 0));
}

#[test]
fn with_and_without_the_attribute_name() {
    for prefix in ["", "crypto:", "a=crypto:", "  a=crypto:"] {
        let crypto = parse(&format!("{prefix}999999999  {SUITE}\tinline:{KEY}\r\n")).unwrap();
        assert_eq!(crypto.tag, 999_999_999);
    }
    assert_eq!(error(&format!("a=1 {SUITE} inline:{KEY}")), SdesError::Name);
    assert_eq!(error(&format!("a=rtpmap:1 {SUITE} inline:{KEY}")), SdesError::Name);
    assert_eq!(error(&format!("krypto:1 {SUITE} inline:{KEY}")), SdesError::Name);
}

#[test]
fn every_suite_by_its_registered_name_padded_or_not() {
    for suite in Suite::ALL {
        let bytes: Vec<u8> = (0..).take(suite.key_length() + suite.salt_length()).collect();
        let padded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        for text in [padded.as_str(), padded.trim_end_matches('=')] {
            let crypto = parse(&format!("1 {} inline:{text}", suite.name())).unwrap();
            assert_eq!(crypto.suite, suite);
            assert_eq!(*crypto.keys[0].key, bytes[..suite.key_length()]);
            assert_eq!(*crypto.keys[0].salt, bytes[suite.key_length()..]);
        }
    }
}

#[test]
fn lifetimes() {
    for (text, packets) in [("|2^31", 1 << 31), ("|2^0", 1), ("|2^48", 1 << 48), ("|1000000", 1_000_000)] {
        assert_eq!(one(text).unwrap().lifetime, packets, "{text}");
    }
    for text in [
        "|",
        "|0",
        "|2^49",
        "|2^64",
        "|2^99999999999",
        "|2^",
        "|2^-1",
        "|+5",
        "|3^4",
        "|x",
        "|281474976710657",
    ] {
        assert_eq!(one(text).unwrap_err(), SdesError::Lifetime { position: 1 }, "{text}");
    }
}

#[test]
fn master_key_identifiers() {
    let mki = |text| one(text).unwrap().mki;
    assert_eq!(mki("|2^31|1:1"), [1]);
    assert_eq!(mki("|1:4"), [0, 0, 0, 1]);
    assert_eq!(mki("|66051:4"), [0, 1, 2, 3]);
    assert_eq!(mki("|18446744073709551616:9"), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(mki("|0:128"), [0; 128]);
    assert_eq!(one("|2^31|1:1").unwrap().lifetime, 1 << 31);
    for text in ["|256:1", "|1:0", "|1:129", "|:1", "|1:", "|-1:1", "|1:+1", "|a:1", "|1:1:1", "|2^31|1"] {
        assert_eq!(one(text).unwrap_err(), SdesError::Mki { position: 1 }, "{text}");
    }
    for text in ["|1:1|2^31", "|2^31|1:1|", "|2^31|1:1|x"] {
        assert_eq!(one(text).unwrap_err(), SdesError::Trailing { position: 1 }, "{text}");
    }
}

#[test]
fn several_keys() {
    let crypto = parse(&format!("2 {SUITE} inline:{KEY}|2^20|1:2;inline:{KEY}|2^21|2:2")).unwrap();
    let keys: Vec<_> = crypto.keys.iter().map(|key| (key.mki.as_slice(), key.lifetime)).collect();
    assert_eq!(keys, [(&[0, 1][..], 1 << 20), (&[0, 2][..], 1 << 21)]);

    assert_eq!(error(&format!("2 {SUITE} inline:{KEY};{KEY}")), SdesError::KeyMethod { position: 2 });
    assert_eq!(error(&format!("2 {SUITE} inline:{KEY};")), SdesError::KeyMethod { position: 2 });
    let many = vec![format!("inline:{KEY}"); 17].join(";");
    assert_eq!(error(&format!("2 {SUITE} {many}")), SdesError::KeyCount { count: 17 });
}

#[test]
fn malformed_lines() {
    assert_eq!(error(""), SdesError::Tag);
    assert_eq!(error(&format!("1234567890 {SUITE} inline:{KEY}")), SdesError::Tag);
    assert_eq!(error(&format!("+1 {SUITE} inline:{KEY}")), SdesError::Tag);
    assert_eq!(error("1"), SdesError::SuiteMissing);
    assert_eq!(error(&format!("1 aes_cm_128_hmac_sha1_80 inline:{KEY}")), SdesError::SuiteUnknown);
    assert_eq!(error(&format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}")), SdesError::SuiteUnknown);
    assert_eq!(error(&format!("1 {SUITE}")), SdesError::KeyMissing);
    assert_eq!(error(&format!("1 {SUITE} uri:{KEY}")), SdesError::KeyMethod { position: 1 });
    assert_eq!(error(&format!("1 {SUITE} inline:{KEY}\u{e9}")), SdesError::Character);
    assert_eq!(error(&format!("1 {SUITE} inline:{KEY}\0")), SdesError::Character);
    for text in ["!!!", "A", "AAEC=AwQ", "AB=="] {
        let found = error(&format!("1 {SUITE} inline:{text}"));
        assert_eq!(found, SdesError::Base64 { position: 1 }, "{text}");
    }
}

#[test]
fn key_lengths_are_those_of_the_suite() {
    let length = |got| SdesError::KeyLength { position: 1, suite: Suite::AesCm128HmacSha1_80, got };
    assert_eq!(error(&format!("1 {SUITE} inline:")), length(0));
    assert_eq!(error(&format!("1 {SUITE} inline:{}", &KEY[..36])), length(27));
    assert_eq!(error(&format!("1 {SUITE} inline:{KEY}AAAA")), length(33));
    assert_eq!(
        length(27).to_string(),
        "key parameter 1 has 27 bytes of key and salt; AES_CM_128_HMAC_SHA1_80 takes 16 + 14"
    );
}

#[test]
fn session_parameters() {
    for text in [" WSH=64", " WSH=1024", " KDR=0", " -x-vendor=7", " WSH=64 KDR=0"] {
        assert!(one(text).is_ok(), "{text}");
    }
    for name in ["UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP"] {
        assert_eq!(one(&format!(" {name}")).unwrap_err(), SdesError::Unsupported { name });
    }
    assert_eq!(one(" FEC_ORDER=FEC_SRTP").unwrap_err(), SdesError::Unsupported { name: "FEC_ORDER" });
    assert_eq!(
        one(&format!(" FEC_KEY=inline:{KEY}")).unwrap_err(),
        SdesError::Unsupported { name: "FEC_KEY" }
    );
    assert_eq!(one(" KDR=1").unwrap_err(), SdesError::Unsupported { name: "KDR" });
    assert_eq!(one(" KDR=25").unwrap_err(), SdesError::Value { name: "KDR" });
    assert_eq!(one(" KDR").unwrap_err(), SdesError::Value { name: "KDR" });
    assert_eq!(one(" WSH=63").unwrap_err(), SdesError::Value { name: "WSH" });
    assert_eq!(one(" WSH=64 x=1").unwrap_err(), SdesError::Unknown { position: 2 });
    assert_eq!(one(" -").unwrap_err(), SdesError::Unknown { position: 1 });
}

#[test]
fn no_error_and_no_debug_holds_the_key() {
    for line in [
        format!("1 inline:{KEY}"),
        KEY.to_owned(),
        format!("1 {SUITE} {KEY}"),
        format!("1 {SUITE} inline:{KEY}{KEY}"),
        format!("1 {SUITE} inline:{KEY}|{KEY}"),
        format!("1 {SUITE} inline:{KEY}|1:{KEY}"),
        format!("1 {SUITE} inline:{KEY} {KEY}"),
    ] {
        let error = error(&line);
        assert!(!format!("{error} {error:?}").contains(&KEY[..8]), "{error:?}");
    }
    let text = format!("{:?}", parse(&format!("1 {SUITE} inline:{KEY}")).unwrap());
    assert!(text.contains("key_length: 16") && !text.contains("[0, 1, 2"), "{text}");
}
