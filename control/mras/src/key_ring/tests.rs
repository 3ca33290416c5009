// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::*;
use crate::fixture::{SECRET as SECRET_TEXT, at, ring};

const HOUR: Duration = Duration::from_secs(3600);

fn numbers(ring: &KeyRing) -> Vec<u32> {
    ring.epochs().map(Epoch::number).collect()
}

#[test]
fn keys_are_those_that_rfc_5869_derives() {
    let ring = ring();
    let epoch = ring.epoch(7).unwrap();
    // Python: hmac.new(b"culvert mras 1", bytes(range(64)), "sha256").digest() is the PRK; each key is
    // hmac.new(prk, label + b"\1", "sha256").hexdigest().
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        [
            epoch.claims_key(),
            epoch.password_key(),
            epoch.mras_key::<0>(),
            epoch.mras_key::<1>(),
            epoch.mras_key::<2>()
        ]
        .map(|key| hex(key)),
        [
            "a5aefb4e38a056e586c39a4a40c19d15f18172beb4e1cbce62400ced2b970477",
            "6a939d6aa9ebb5fdd1b13c0703f5e900cd3e0e6c76a76018a8b5111e3059d05e",
            "878777497de74b6ff65c460118209712627cb468cdb8ea7ab4f9a7da7621b3f3",
            "931aae2f1f111e420ee9b8f8fe543f5c24a346a7e0dfd8f548b32bb31052423d",
            "26bd27f2f0f11f1d40eacc49461a6ff99e8fce0017d3025b797e79e6ea3473bd"
        ]
    );
    assert_eq!(*epoch.turn_rest_secret(), "T88D1Ppb4bGjv-xxGtNK3SRQVKsZIFwaNNd_EXF46UY");
}

#[test]
fn an_epoch_goes_when_its_last_credential_has_expired_and_not_before() {
    let mut ring = KeyRing::generate(at(0)).unwrap();
    assert_eq!(ring.rotate(at(100), HOUR), Ok(2));
    assert_eq!(numbers(&ring), [2, 1]);
    // Epoch 1 signed until 100.
    assert_eq!(ring.rotate(at(3699), HOUR), Ok(3));
    assert_eq!(numbers(&ring), [3, 2, 1]);
    assert_eq!(ring.rotate(at(3700), HOUR), Ok(4));
    assert_eq!(numbers(&ring), [4, 3, 2]);
    // Long after, two are left all the same.
    assert_eq!(ring.rotate(at(1_000_000), HOUR), Ok(5));
    assert_eq!(numbers(&ring), [5, 4]);
}

#[test]
fn the_newest_epoch_that_has_begun_signs() {
    let text = format!("culvert-mras-keys 1\n1 100 {SECRET_TEXT}\n2 200 {SECRET_TEXT}\n");
    let mut ring = KeyRing::parse(&text).unwrap();
    for (now, number) in [(0, 1), (100, 1), (199, 1), (200, 2), (201, 2)] {
        assert_eq!(ring.active(now).number(), number, "{now}");
    }
    assert_eq!(ring.rotate(at(199), HOUR), Err(KeyRingError::Ahead { number: 2, begins: 200 }));
}

#[test]
fn a_full_ring_and_used_up_numbers_refuse_to_rotate() {
    let mut ring = KeyRing::generate(at(0)).unwrap();
    for number in 2..=256 {
        assert_eq!(ring.rotate(at(1), HOUR), Ok(number));
    }
    assert_eq!(ring.rotate(at(1), HOUR), Err(KeyRingError::Full));
    assert_eq!(ring.epochs().count(), MAX_EPOCHS);
    assert_eq!(KeyRing::parse(&ring.to_text()).unwrap().to_text(), ring.to_text());

    let text = format!("culvert-mras-keys 1\n{} 0 {SECRET_TEXT}\n", u32::MAX);
    assert_eq!(KeyRing::parse(&text).unwrap().rotate(at(1), HOUR), Err(KeyRingError::Numbers));
}

#[test]
fn the_text_is_read_as_it_is_written() {
    let mut ring = KeyRing::generate(at(1)).unwrap();
    ring.rotate(at(2), HOUR).unwrap();
    let text = ring.to_text();
    assert_eq!(text.lines().count(), 3);
    let again = KeyRing::parse(&text).unwrap();
    assert_eq!(again.to_text(), text);
    assert_eq!(again.epoch(2).unwrap().claims_key(), ring.epoch(2).unwrap().claims_key());
    assert_ne!(again.epoch(1).unwrap().claims_key(), ring.epoch(2).unwrap().claims_key());
}

#[test]
fn a_wrong_text_is_refused_with_its_line() {
    use KeyRingTextError as E;
    let s = SECRET_TEXT;
    let of = |rest: &str| KeyRing::parse(&format!("culvert-mras-keys 1\n{rest}")).unwrap_err();
    assert_eq!(KeyRing::parse("").unwrap_err(), E::FirstLine);
    assert_eq!(KeyRing::parse("culvert-mras-keys 2\n").unwrap_err(), E::FirstLine);
    assert_eq!(KeyRing::parse("culvert-mras-keys 1").unwrap_err(), E::Empty);
    assert_eq!(of(""), E::Empty);
    assert_eq!(of("\n"), E::Fields { line: 2 });
    assert_eq!(of(&format!("1 0 {s}\n\n")), E::Fields { line: 3 });
    assert_eq!(of(&format!("1 0 {s} \n")), E::Fields { line: 2 });
    assert_eq!(of(&format!("x 0 {s}\n")), E::Number { line: 2 });
    assert_eq!(of(&format!("4294967296 0 {s}\n")), E::Number { line: 2 });
    assert_eq!(of(&format!("1 0 {s}\n1 0 {s}\n")), E::Number { line: 3 });
    assert_eq!(of(&format!("1 x {s}\n")), E::Time { line: 2 });
    assert_eq!(of(&format!("1 9 {s}\n2 8 {s}\n")), E::Time { line: 3 });
    for wrong in [&s[..84], &s[..87], "", &s.replace('+', "-"), &format!("{s}\r"), &s.replace("==", "A=")] {
        assert_eq!(of(&format!("1 0 {wrong}\n")), E::Secret { line: 2 }, "{wrong}");
    }
    let many: String = (1..=257).map(|number| format!("{number} 0 {s}\n")).collect();
    assert_eq!(of(&many), E::TooMany { line: 258 });
}

#[test]
fn nothing_shows_a_key() {
    let ring = ring();
    assert_eq!(format!("{ring:?}"), "KeyRing { epochs: [Epoch { number: 7, created: 100, .. }] }");
    assert_eq!(format!("{:?}", ring.epochs[0].secret()), "Secret<64>(..)");
}
