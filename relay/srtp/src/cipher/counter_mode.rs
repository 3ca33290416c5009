// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES in counter mode (RFC 3711 section 4.1.1, RFC 6188 section 2).

/// The first counter block of a packet: salt, SSRC and index xored where RFC 3711 puts them, a block count of 0 behind.
///
/// ```text
///  0   1   2   3   4   5   6   7   8   9  10  11  12  13  14  15
/// +---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
/// |                     session salt                      |       |
/// +---------------+---------------+-----------------------+ count |
/// |               |     SSRC      |    48-bit index       |       |
/// +---------------+---------------+-----------------------+-------+
/// ```
pub(crate) fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    counter_block(salt, ssrc, index).to_le_bytes()
}

/// The same as a little-endian number, which never lies in memory.
#[inline(always)]
pub(crate) fn counter_block(salt: &[u8; 14], ssrc: u32, index: u64) -> u128 {
    let [s0, s1, s2, s3, s4, s5, ..] = *salt;
    let behind: [u8; 8] = core::array::from_fn(|i| salt[6 + i]);
    let low = u64::from_le_bytes([s0, s1, s2, s3, s4, s5, behind[0], behind[1]]);
    let high = u64::from_le_bytes(behind) >> 16;
    let low = low ^ u64::from(ssrc.swap_bytes()) << 32;
    let high = high ^ (index << 16).swap_bytes();
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::counter;
    use crate::Suite;
    use crate::cipher::aes::PortableAes;
    use crate::hex::hex;
    use crate::kdf::Material;
    use crate::kernel::Machine;
    use crate::session::{Position, RtpKeys};
    use crate::tests::harness::paths;

    /// The three key streams of the RFCs differ in the key alone, and print the blocks 0, 1, 2, 0xfeff, 0xff00, 0xff01.
    fn check(length: usize, key: &str, blocks: [&str; 6]) {
        let salt = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd").try_into().unwrap();
        let mut padded = [0; 32];
        padded[..length].copy_from_slice(&hex(key));
        let mut stream = vec![0; 16 * 0xff02];
        PortableAes::new(&padded, length).apply_keystream(&counter(&salt, 0, 0), &mut stream);
        for path in paths() {
            let suite = Suite::ALL.into_iter().find(|s| s.key_length() == length && s.encrypts()).unwrap();
            let material = Material { key: padded, authentication: [0; 20], salt };
            let keys = RtpKeys::new(suite, path, &material).unwrap();
            let mut by_path = vec![0; stream.len()];
            keys.apply_keystream(Machine::of(path), &mut by_path, Position { ssrc: 0, index: 0 });
            assert!(by_path == stream, "{path}");
        }
        for (number, block) in [0, 1, 2, 0xfeff, 0xff00, 0xff01].into_iter().zip(blocks) {
            assert_eq!(stream[16 * number..][..16], hex(block), "block {number:#x}");
        }
    }

    #[test]
    fn rfc_3711_appendix_b_2() {
        check(
            16,
            "2B7E151628AED2A6ABF7158809CF4F3C",
            [
                "E03EAD0935C95E80E166B16DD92B4EB4",
                "D23513162B02D0F72A43A2FE4A5F97AB",
                "41E95B3BB0A2E8DD477901E4FCA894C0",
                "EC8CDF7398607CB0F2D21675EA9EA1E4",
                "362B7C3C6773516318A077D7FC5073AE",
                "6A2CC3787889374FBEB4C81B17BA6C44",
            ],
        );
    }

    #[test]
    fn rfc_6188_section_7_1() {
        check(
            32,
            "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
            [
                "92bdd28a93c3f52511c677d08b5515a4",
                "9da71b2378a854f67050756ded165bac",
                "63c4868b7096d88421b563b8c94c9a31",
                "cea518c90fd91ced9cbb18c078a54711",
                "3dbc4814f4da5f00a08772b63c6a046d",
                "6eb246913062a16891433e97dd01a57f",
            ],
        );
    }

    #[test]
    fn rfc_6188_section_7_3() {
        check(
            24,
            "eab234764e517b2d3d160d587d8c8621 9740f65f99b6bcf7",
            [
                "35096cba4610028dc1b57503804ce37c",
                "5de986291dcce161d5165ec4568f5c9a",
                "474a40c77894bc17180202272a4c264d",
                "d108d1a31a00bad6367ec23eb044b415",
                "c8f57129fdeb970b59f917b257662d4c",
                "a5dab625811034e8cebdfeb6dc158dd3",
            ],
        );
    }
}
