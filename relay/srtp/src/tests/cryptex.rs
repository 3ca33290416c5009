// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole packets of RFC 9335, Appendix A, through contexts, on every path and in both directions.

use super::harness::{Table, key_set, paths};
use crate::hex::hex;
use crate::{
    Cryptex, HeaderProtection, Kind, MasterKey, Path, ReceiveContext, Reject, SendContext, Suite, rekey_burst,
};
use crate::{Packet, tests::harness::ROOM};

/// The plain packets: with elements of one byte and of two, with CSRCs, and with CSRCs and an empty extension.
const PLAIN: [&str; 6] = [
    "900f1235 decafbad cafebabe bede0001 51000200 abababab abababab abababab abababab",
    "900f1236 decafbad cafebabe 10000001 05020002 abababab abababab abababab abababab",
    "920f1238 decafbad cafebabe 0001e240 0000b26e bede0001 51000200 abababab abababab abababab abababab",
    "920f1239 decafbad cafebabe 0001e240 0000b26e 10000001 05020002 abababab abababab abababab abababab",
    "920f123a decafbad cafebabe 0001e240 0000b26e bede0000 abababab abababab abababab abababab",
    "920f123b decafbad cafebabe 0001e240 0000b26e 10000000 abababab abababab abababab abababab",
];

/// Both contexts under that key, each with or without Cryptex.
fn table(path: Path, master: &MasterKey, receive: Cryptex, send: Cryptex) -> Table {
    let protection = |cryptex| HeaderProtection { cryptex, ..HeaderProtection::default() };
    let keys = || key_set(master.suite(), path, core::slice::from_ref(master));
    Table {
        receive: vec![ReceiveContext::new(keys(), 8).with_header_protection(protection(receive))],
        send: vec![SendContext::new(keys(), 8).with_header_protection(protection(send))],
    }
}

fn rekey(table: &mut Table, bytes: &[u8]) -> Vec<u8> {
    let mut buffer = [bytes, &[0xee; ROOM]].concat();
    let mut packet = [Packet::new(&mut buffer, bytes.len(), Kind::Rtp, 0)];
    rekey_burst(&mut packet, table);
    assert_eq!(packet[0].outcome, Ok(()));
    packet[0].bytes().to_vec()
}

fn check(master: &MasterKey, protected: [&str; 6]) {
    for (path, cryptex) in paths().flat_map(|path| [(path, Cryptex::Allowed), (path, Cryptex::Required)]) {
        let table = |receive, send| table(path, master, receive, send);
        let mut both = table(cryptex, cryptex);
        let mut open = table(cryptex, Cryptex::Off);
        let (mut opened, mut close) = (table(Cryptex::Off, Cryptex::Off), table(Cryptex::Off, cryptex));
        let mut through = table(cryptex, cryptex);
        for (plain, protected) in PLAIN.into_iter().zip(protected) {
            let (plain, protected) = (hex(plain), hex(protected));
            let index = u64::from(u16::from_be_bytes([plain[2], plain[3]]));
            assert_eq!(both.protect(0, Kind::Rtp, &plain), Ok((protected.clone(), index)), "{path}");
            assert_eq!(both.unprotect(0, Kind::Rtp, &protected), Ok((plain.clone(), index)), "{path}");
            // To a leg with Cryptex, to one without, and from that to one with.
            assert_eq!(rekey(&mut through, &protected), protected, "{path}");
            let clear = rekey(&mut open, &protected);
            assert_eq!(opened.unprotect(0, Kind::Rtp, &clear), Ok((plain, index)), "{path}");
            assert_eq!(rekey(&mut close, &clear), protected, "{path}");
        }
        // Without its empty extension the fifth packet is given one.
        let mut csrcs_alone = hex(PLAIN[4]);
        csrcs_alone.drain(20..24);
        csrcs_alone[0] = 0x82;
        let room = hex(protected[4]).len() - csrcs_alone.len();
        let send = |room| table(cryptex, cryptex).protect_with_room(0, Kind::Rtp, &csrcs_alone, room);
        assert_eq!(send(room).unwrap().0, hex(protected[4]), "{path}");
        assert_eq!(send(room - 1), Err(Reject::NoRoom), "{path}");
    }
}

#[test]
fn rfc_9335_appendix_a_1() {
    let (key, salt) = (hex("e1f97a0d3e018be0d64fa32c06de4139"), hex("0ec675ad498afeebb6960b3aabe6"));
    check(
        &MasterKey::new(Suite::AesCm128HmacSha1_80, &key, &salt).unwrap(),
        [
            "900f1235 decafbad cafebabe c0de0001 eb923652 51c3e036 f8de27e9 c27ee3e0 b4651d9f
             bc4218a7 0244522f 34a5",
            "900f1236 decafbad cafebabe c2de0001 4ed9cc4e 6a712b30 96c5ca77 339d4204 ce0d7739
             6cab6958 5fbce381 94a5",
            "920f1238 decafbad cafebabe 8bb6e12b 5cff16dd c0de0001 92838c8c 09e58393 e1de3a9a 74734d67 45671338
             c3acf11d a2df8423 bee0",
            "920f1239 decafbad cafebabe f70e513e b90b9b25 c2de0001 bbed4848 faa64466 5f3d7f34 125914e9 f4d0ae92
             3c6f479b 95a0f7b5 3133",
            "920f123a decafbad cafebabe 7130b6ab fe2ab0e3 c0de0000 e3d9f64b 25c9e74c b4cf8e43 fb92e378
             1c2c0cea b6b3a499 a14c",
            "920f123b decafbad cafebabe cbf24c12 4330e1c8 c2de0000 599dd45b c9d687b6 03e8b59d 771fd38e
             88b170e0 cd31e125 eabe",
        ],
    );
}

#[test]
fn rfc_9335_appendix_a_2() {
    let (key, salt) = (hex("000102030405060708090a0b0c0d0e0f"), hex("a0a1a2a3a4a5a6a7a8a9aaab"));
    check(
        &MasterKey::new(Suite::AeadAes128Gcm, &key, &salt).unwrap(),
        [
            "900f1235 decafbad cafebabe c0de0001 39972dc9 572c4d99 e8fc355d e743fb2e 94f9d8ff
             54e72f41 93bbc5c7 4ffab0fa 9fa0fbeb",
            "900f1236 decafbad cafebabe c2de0001 bb75a4c5 45cd1f41 3bdb7daa 2b1e3263 de313667
             c9632490 81b35a65 f5cb6c88 b394235f",
            "920f1238 decafbad cafebabe 63bbccc4 a7f695c4 c0de0001 8ad7c71f ac70a80c 92866b4c 6ba98546 ef913586
             e95ffaaf fe956885 bb0647a8 bc094ac8",
            "920f1239 decafbad cafebabe 3680524f 8d312b00 c2de0001 c78d1200 38422bc1 11a7187a 18246f98 0c059cc6
             bc9df8b6 26394eca 344e4b05 d80fea83",
            "920f123a decafbad cafebabe 15b6bb43 37906fff c0de0000 b7b96453 7a2b03ab 7ba5389c e9331712
             6b5d974d f30c6884 dcb651c5 e120c1da",
            "920f123b decafbad cafebabe dcb38c9e 48bf95f4 c2de0000 61ee432c f9203170 76613258 d3ce4236
             c06ac429 681ad084 13512dc9 8b5207d8",
        ],
    );
}
