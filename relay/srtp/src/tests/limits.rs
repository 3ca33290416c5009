// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends: of keys, of the index space, of the order of packets.

use super::harness::{every_suite_and_path, key_set, master_key, rtcp, rtp, table};
use crate::index::{MAX_INDEX, MAX_RTCP_INDEX};
use crate::{KeySet, Kind, MasterKey, Path, Reject, Suite};

fn limited(suite: Suite, path: Path, seed: u8, packets: u64) -> Box<KeySet> {
    let key: MasterKey = master_key(suite, seed, &[]).with_lifetime(packets).unwrap();
    key_set(suite, path, &[key])
}

fn packet(sequence: u16) -> Vec<u8> {
    rtp(1, sequence, 0, None, &[4; 20])
}

#[test]
fn a_key_lasts_as_long_as_its_lifetime() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| limited(suite, path, 1, 3));
        let mut protected = Vec::new();
        for sequence in 1..=3 {
            protected.push(table.protect(0, Kind::Rtp, &packet(sequence)).unwrap().0);
        }
        assert_eq!(table.protect(0, Kind::Rtp, &packet(4)), Err(Reject::KeyExpired));
        assert_eq!(table.protect(0, Kind::Rtcp, &rtcp(1, 1)), Err(Reject::KeyExpired));
        // Only packets that authenticate count, and replays are none.
        let mut forged = protected[2].clone();
        forged[12] ^= 1;
        for packet in &protected {
            assert_eq!(table.unprotect(0, Kind::Rtp, &forged), Err(Reject::AuthenticationFailed));
            assert!(table.unprotect(0, Kind::Rtp, packet).is_ok(), "{suite} {path}");
        }
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected[0]), Err(Reject::KeyExpired));

        // The same key again is as old as it was; another is not.
        table.send[0].rekey(limited(suite, path, 1, 3));
        assert_eq!(table.protect(0, Kind::Rtp, &packet(4)), Err(Reject::KeyExpired));
        table.receive[0].rekey(limited(suite, path, 1, 3));
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected[0]), Err(Reject::KeyExpired));
        table.send[0].rekey(limited(suite, path, 2, 3));
        table.receive[0].rekey(limited(suite, path, 2, 3));
        let (protected, _) = table.protect(0, Kind::Rtp, &packet(4)).unwrap();
        assert!(table.unprotect(0, Kind::Rtp, &protected).is_ok());
    });
}

#[test]
fn rtp_and_rtcp_are_counted_apart_and_end_together() {
    let suite = Suite::AesCm128HmacSha1_80;
    let mut table = table(|| limited(suite, Path::chosen(), 1, 2));
    table.protect(0, Kind::Rtp, &packet(1)).unwrap();
    table.protect(0, Kind::Rtcp, &rtcp(1, 1)).unwrap();
    table.protect(0, Kind::Rtcp, &rtcp(1, 1)).unwrap();
    assert_eq!(table.protect(0, Kind::Rtp, &packet(2)), Err(Reject::KeyExpired));
    assert_eq!(table.protect(0, Kind::Rtcp, &rtcp(1, 1)), Err(Reject::KeyExpired));
}

/// An index past the last would be the first again.
#[test]
fn the_index_space_ends() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| key_set(suite, path, &[master_key(suite, 1, &[])]));
        let (protected, _) = table.protect(0, Kind::Rtp, &packet(65_000)).unwrap();
        table.unprotect(0, Kind::Rtp, &protected).unwrap();
        table.send[0].jump(1, MAX_INDEX - 1, MAX_RTCP_INDEX as u32);
        table.receive[0].jump(1, MAX_INDEX - 1);

        let (protected, index) = table.protect(0, Kind::Rtp, &packet(65_535)).unwrap();
        assert_eq!(index, MAX_INDEX);
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((packet(65_535), MAX_INDEX)));
        assert_eq!(table.protect(0, Kind::Rtp, &packet(0)), Err(Reject::KeyExpired));
        assert_eq!(table.unprotect(0, Kind::Rtp, &rtp(1, 0, 0, None, &[0; 60])), Err(Reject::KeyExpired));

        let (protected, index) = table.protect(0, Kind::Rtcp, &rtcp(1, 1)).unwrap();
        assert_eq!(index, MAX_RTCP_INDEX);
        assert_eq!(table.unprotect(0, Kind::Rtcp, &protected), Ok((rtcp(1, 1), MAX_RTCP_INDEX)));
        assert_eq!(table.protect(0, Kind::Rtcp, &rtcp(1, 1)), Err(Reject::KeyExpired));
    });
}

/// A plain leg's packets come in any order, and more than once.
#[test]
fn sends_what_is_in_the_window_once() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| key_set(suite, path, &[master_key(suite, 1, &[])]));
        let mut send = |sequence| table.protect(0, Kind::Rtp, &packet(sequence)).map(|(_, index)| index);
        assert_eq!(send(65_530), Ok(65_530));
        assert_eq!(send(3), Ok(0x1_0003));
        assert_eq!(send(65_533), Ok(65_533));
        assert_eq!(send(65_533), Err(Reject::IndexReused));
        assert_eq!(send(1), Ok(0x1_0001));
        assert_eq!(send(3), Err(Reject::IndexReused));
        assert_eq!(send(130), Ok(0x1_0082));
        assert_eq!(send(3), Err(Reject::IndexReused));
        assert_eq!(send(2), Err(Reject::TooOld));
        assert_eq!(send(40_000), Err(Reject::TooOld));
        assert_eq!(send(20_000), Ok(0x1_0000 + 20_000));
    });
}

/// Packets that the first one has overtaken lie before index 0.
#[test]
fn nothing_is_sent_before_the_first_index() {
    let suite = Suite::AeadAes128Gcm;
    let mut table = table(|| key_set(suite, Path::chosen(), &[master_key(suite, 1, &[])]));
    let mut send = |sequence| table.protect(0, Kind::Rtp, &packet(sequence)).map(|(_, index)| index);
    assert_eq!(send(2), Ok(2));
    assert_eq!(send(65_535), Err(Reject::TooOld));
    assert_eq!(send(65_500), Err(Reject::TooOld));
    assert_eq!(send(0), Ok(0));
    assert_eq!(send(3), Ok(3));
    // Too far away to have been overtaken: a source that jumps.
    assert_eq!(send(50_000), Ok(50_000));
}

/// RTCP may come first, and does not start the SRTP index.
#[test]
fn rtcp_alone_leaves_the_rtp_index_open() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| key_set(suite, path, &[master_key(suite, 1, &[])]));
        let (protected, index) = table.protect(0, Kind::Rtcp, &rtcp(1, 0)).unwrap();
        assert_eq!(table.unprotect(0, Kind::Rtcp, &protected), Ok((rtcp(1, 0), index)));
        let (protected, _) = table.protect(0, Kind::Rtp, &packet(60_000)).unwrap();
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((packet(60_000), 60_000)));
    });
}

/// The NULL cipher hides nothing, so either E bit is true.
#[test]
fn null_suite_takes_either_e_bit() {
    let suite = Suite::NullHmacSha1_80;
    let key = master_key(suite, 1, &[]);
    let mut table = table(|| key_set(suite, Path::chosen(), core::slice::from_ref(&key)));
    let (clear, _) = table.protect(0, Kind::Rtcp, &rtcp(1, 1)).unwrap();
    let word = clear.len() - 14;
    assert_eq!(clear[word..word + 4], [0, 0, 0, 0]);
    assert_eq!(clear[..word], rtcp(1, 1));
    let material = crate::kdf::Material::derive(Path::chosen(), &key, crate::kdf::Protocol::Srtcp);
    let mut marked = clear[..word].to_vec();
    marked.extend([0x80, 0, 0, 1]);
    let tag = crate::cipher::hmac::HmacKey::new(&material.authentication).tag(&marked, []);
    marked.extend(&tag[..10]);
    assert_eq!(table.unprotect(0, Kind::Rtcp, &clear), Ok((rtcp(1, 1), 0)));
    assert_eq!(table.unprotect(0, Kind::Rtcp, &marked), Ok((rtcp(1, 1), 1)));
}
