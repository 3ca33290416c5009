// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends: of keys, of the index space, of the order of packets.

use super::harness::{every_suite_and_path, key_set, master_key, rtcp, rtp, table};
use crate::cipher::gcm::{self, PortableGcm};
use crate::cipher::hmac::HmacKey;
use crate::index::{MAX_INDEX, MAX_RTCP_INDEX};
use crate::kdf::{Material, Protocol};
use crate::session::E_BIT;
use crate::{KeySet, Kind, MasterKey, Path, Reject, SendContext, Suite};
use culvert_secret::Secret;

fn limited(suite: Suite, path: Path, seed: u8, packets: u64) -> Secret<KeySet> {
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

        // An endpoint with a new key may start afresh, and only at the start.
        let set = || key_set(suite, path, &[master_key(suite, 2, &[])]);
        table.receive[0].rekey(set());
        table.send[0] = SendContext::new(set(), 1);
        let (protected, _) = table.protect(0, Kind::Rtp, &packet(5)).unwrap();
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((packet(5), 5)), "{suite} {path}");
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

/// An SRTCP packet with that body and that word of E bit and index, with an authentic tag.
fn tagged(suite: Suite, key: &MasterKey, packet: &[u8], word: u32) -> Vec<u8> {
    let material = Material::derive(Path::Portable, key, Protocol::Srtcp).unwrap();
    let mut tagged = packet.to_vec();
    if suite.salt_length() == 12 {
        let mut salt = [0; 12];
        salt.copy_from_slice(&material.salt[..12]);
        let gcm = PortableGcm::new(&material.key, suite.key_length());
        let aad = [&packet[..8], &word.to_be_bytes()].concat();
        tagged.extend(gcm.tag(&gcm::nonce(&salt, 1, u64::from(word & !E_BIT)), &aad, &packet[8..]));
        tagged.extend(word.to_be_bytes());
    } else {
        tagged.extend(word.to_be_bytes());
        let tag = HmacKey::new(&material.authentication).tag(&tagged, []);
        tagged.extend(&tag[..10]);
    }
    tagged
}

/// What is in the clear is the session's choice, not the sender's. The NULL cipher hides nothing, so either E bit is true.
#[test]
fn a_suite_that_encrypts_wants_the_e_bit() {
    every_suite_and_path(|suite, path| {
        let key = master_key(suite, 1, &[]);
        let mut table = table(|| key_set(suite, path, core::slice::from_ref(&key)));
        let marked = tagged(suite, &key, &rtcp(1, 2), E_BIT | 4);
        let clear = tagged(suite, &key, &rtcp(1, 2), 5);
        let before = table.receive[0].snapshot();
        if suite.encrypts() {
            assert_eq!(table.unprotect(0, Kind::Rtcp, &clear), Err(Reject::AuthenticationFailed));
            assert_eq!(table.receive[0].snapshot(), before);
        } else {
            assert_eq!(table.unprotect(0, Kind::Rtcp, &clear), Ok((rtcp(1, 2), 5)));
        }
        assert_eq!(table.unprotect(0, Kind::Rtcp, &marked).unwrap().1, 4, "{suite} {path}");
        let (sent, _) = table.protect(0, Kind::Rtcp, &rtcp(1, 2)).unwrap();
        let word = if suite.salt_length() == 12 { sent.len() - 4 } else { sent.len() - 14 };
        let expected = if suite.encrypts() { [0x80, 0, 0, 0] } else { [0; 4] };
        assert_eq!(sent[word..word + 4], expected, "{suite} {path}");
    });
}
