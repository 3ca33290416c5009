// SPDX-License-Identifier: MIT OR Apache-2.0
//! All that a master key becomes, by the letter of the standards and without the code under test.

use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use culvert_srtp::Suite;
use sha1::block_api::compress;

use super::common::request::Key;
use super::scan::Needles;

fn encrypt(key: &[u8], mut block: [u8; 16]) -> [u8; 16] {
    let bytes: &mut Block<aes::Aes128Enc> = (&mut block).into();
    match key.len() {
        16 => aes::Aes128Enc::new_from_slice(key).unwrap().encrypt_block(bytes),
        24 => aes::Aes192Enc::new_from_slice(key).unwrap().encrypt_block(bytes),
        _ => aes::Aes256Enc::new_from_slice(key).unwrap().encrypt_block(bytes),
    }
    block
}

/// RFC 3711 section 4.3, key derivation rate 0.
fn derive(key: &[u8], salt: &[u8], label: u8, length: usize) -> Vec<u8> {
    let mut counter = [0; 16];
    counter[..salt.len()].copy_from_slice(salt);
    counter[7] ^= label;
    let blocks = (0..length.div_ceil(16)).flat_map(|number| {
        counter[15] = number as u8;
        encrypt(key, counter)
    });
    blocks.take(length).collect()
}

fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// FIPS 197 section 5.1.1.
fn substitute(byte: u8) -> u8 {
    let inverse = (1..=255).find(|other| multiply(byte, *other) == 1).unwrap_or(0);
    (0..5).fold(0x63, |sum, turn| sum ^ inverse.rotate_left(turn))
}

/// FIPS 197 section 5.2.
fn round_keys(key: &[u8]) -> Vec<u8> {
    let words = key.len() / 4;
    let mut all: Vec<[u8; 4]> = key.chunks(4).map(|word| word.try_into().unwrap()).collect();
    let mut constant = 1;
    for i in words..4 * (words + 7) {
        let mut word = all[i - 1];
        if i % words == 0 {
            word.rotate_left(1);
            word = word.map(substitute);
            word[0] ^= constant;
            constant = multiply(constant, 2);
        } else if words > 6 && i % words == 4 {
            word = word.map(substitute);
        }
        all.push(std::array::from_fn(|byte| all[i - words][byte] ^ word[byte]));
    }
    all.concat()
}

/// SHA-1 after the inner and the outer pad of RFC 2104, as words in memory and as bytes.
fn hmac_states(key: &[u8]) -> Vec<Vec<u8>> {
    let states = [0x36, 0x5c].map(|pad| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0_u32];
        compress(&mut state, &[block]);
        [state.map(u32::to_be_bytes).concat(), state.map(u32::to_ne_bytes).concat()]
    });
    states.into_iter().flatten().collect()
}

/// Adds a master key, its salt and all that is derived from them. The keys of SRTP, which are kept expanded, are named
/// `live NAME`.
pub(crate) fn add(needles: &mut Needles, name: &str, key: &Key) {
    let (master, salt) = key.secrets();
    for (part, secret) in [("master key", master), ("master salt", salt)] {
        needles.add(&format!("{name}: {part}"), secret);
        needles.add_text(&format!("{name}: {part}"), secret);
    }
    // As SDES has them.
    needles.add_text(&format!("{name}: key and salt"), &[master, salt].concat());
    let aead = salt.len() == 12;
    for (protocol, label) in [("SRTP", 0), ("SRTCP", 3)] {
        let cipher = derive(master, salt, label, master.len());
        needles.add(&format!("{name}: {protocol} salt"), &derive(master, salt, label + 2, salt.len()));
        let live = if protocol == "SRTP" { "live " } else { "" };
        if key.suite != Suite::NullHmacSha1_80 {
            needles.add(&format!("{live}{name}: {protocol} round keys"), &round_keys(&cipher));
        }
        if aead {
            let h = encrypt(&cipher, [0; 16]);
            needles.add(&format!("{name}: {protocol} hash key"), &h);
            needles.add(
                &format!("{name}: {protocol} hash key, reversed"),
                &u128::from_le_bytes(h).to_be_bytes(),
            );
        } else {
            let authentication = derive(master, salt, label + 1, 20);
            needles.add(&format!("{name}: {protocol} authentication key"), &authentication);
            for state in hmac_states(&authentication) {
                needles.add(&format!("{live}{name}: {protocol} HMAC state"), &state);
            }
        }
    }
    // RFC 6904.
    needles.add(&format!("{name}: extension key"), &derive(master, salt, 6, master.len()));
}

#[test]
fn round_keys_are_those_of_fips_197() {
    let key: Vec<u8> = (0..16).collect();
    assert_eq!(round_keys(&key)[16..20], [0xd6, 0xaa, 0x74, 0xfd]);
    assert_eq!([16, 24, 32].map(|length| round_keys(&vec![1; length]).len()), [176, 208, 240]);
}

#[test]
fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
    let key = 0xe1f9_7a0d_3e01_8be0_d64f_a32c_06de_4139_u128.to_be_bytes();
    let salt = 0x0ec6_75ad_498a_feeb_b696_0b3a_abe6_u128.to_be_bytes();
    let derived = derive(&key, &salt[2..], 0, 16);
    assert_eq!(derived, 0xc61e_7a93_744f_39ee_1073_4afe_3ff7_a087_u128.to_be_bytes());
}
