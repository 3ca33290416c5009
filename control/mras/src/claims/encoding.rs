// SPDX-License-Identifier: MIT OR Apache-2.0
//! Claims as bytes, inside of a sealed token. All numbers are big-endian.
//!
//! ```text
//! +----------+-----------+------------+-------------+----------+
//! | presence | issued 8B | expires 8B | length-1 1B | identity |  then what `presence` names, in the order of its bits:
//! +----------+-----------+------------+-------------+----------+
//! 01 internet  02 intranet  04 source prefix  08 peer prefix  10 bandwidth 8B  20 kinds 1B  40 suites 2B
//! ```
//!
//! A prefix is 4 or 6, its length, and the address in 4 or 16 bytes.

use std::net::IpAddr;

use super::{Claims, Location, Subject};
use crate::bounds::{MediaKinds, Suites};
use crate::{Bounds, Identity, Prefix};

const INTERNET: u8 = 0x01;
const INTRANET: u8 = 0x02;
const SOURCE: u8 = 0x04;
const PEER: u8 = 0x08;
const BANDWIDTH: u8 = 0x10;
const KINDS: u8 = 0x20;
const SUITES: u8 = 0x40;

/// Appends them to `out`. `None` if there is no identity or no time of issue to write.
pub(crate) fn encode(claims: &Claims, out: &mut Vec<u8>) -> Option<()> {
    let Claims { subject, location, issued, expires, bounds } = claims;
    let identity = subject.identity()?.as_str();
    let presence = out.len();
    out.push(match location {
        None => 0,
        Some(Location::Internet) => INTERNET,
        Some(Location::Intranet) => INTRANET,
    });
    out.extend((*issued)?.to_be_bytes());
    out.extend(expires.to_be_bytes());
    out.push(u8::try_from(identity.len().checked_sub(1)?).ok()?);
    out.extend(identity.as_bytes());
    let mut present = 0;
    for (bit, prefix) in [(SOURCE, bounds.source), (PEER, bounds.peer)] {
        let Some(prefix) = prefix else { continue };
        present |= bit;
        match prefix.address() {
            IpAddr::V4(address) => {
                out.extend([4, prefix.length()]);
                out.extend(address.octets());
            }
            IpAddr::V6(address) => {
                out.extend([6, prefix.length()]);
                out.extend(address.octets());
            }
        }
    }
    if let Some(bandwidth) = bounds.bandwidth {
        present |= BANDWIDTH;
        out.extend(bandwidth.to_be_bytes());
    }
    if !bounds.kinds.is_empty() {
        present |= KINDS;
        out.push(bounds.kinds.bits());
    }
    if !bounds.suites.is_empty() {
        present |= SUITES;
        out.extend(bounds.suites.bits().to_be_bytes());
    }
    *out.get_mut(presence)? |= present;
    Some(())
}

/// `None` unless all of `bytes` are claims.
pub(crate) fn decode(bytes: &[u8]) -> Option<Claims> {
    let mut bytes = Reader(bytes);
    let [presence] = bytes.array()?;
    let location = match presence & (INTERNET | INTRANET) {
        0 => None,
        INTERNET => Some(Location::Internet),
        INTRANET => Some(Location::Intranet),
        _ => return None,
    };
    let issued = u64::from_be_bytes(bytes.array()?);
    let expires = u64::from_be_bytes(bytes.array()?);
    let [length] = bytes.array()?;
    let identity = bytes.take(usize::from(length) + 1)?;
    let identity = Identity::new(std::str::from_utf8(identity).ok()?).ok()?;
    let has = |bit| presence & bit != 0;
    let bounds = Bounds {
        source: if has(SOURCE) { Some(bytes.prefix()?) } else { None },
        peer: if has(PEER) { Some(bytes.prefix()?) } else { None },
        bandwidth: if has(BANDWIDTH) { Some(u64::from_be_bytes(bytes.array()?)) } else { None },
        kinds: if has(KINDS) {
            MediaKinds::from_bits(bytes.array::<1>()?[0])?
        } else {
            MediaKinds::default()
        },
        suites: if has(SUITES) {
            Suites::from_bits(u16::from_be_bytes(bytes.array()?))?
        } else {
            Suites::default()
        },
    };
    let known = INTERNET | INTRANET | SOURCE | PEER | BANDWIDTH | KINDS | SUITES;
    let complete = bytes.0.is_empty() && presence & !known == 0;
    let subject = Subject::Known(identity);
    complete.then_some(Claims { subject, location, issued: Some(issued), expires, bounds })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn prefix(&mut self) -> Option<Prefix> {
        let [family, length] = self.array()?;
        let address = match family {
            4 => IpAddr::from(self.array::<4>()?),
            6 => IpAddr::from(self.array::<16>()?),
            _ => return None,
        };
        Prefix::new(address, length).ok()
    }
}

#[cfg(test)]
mod tests {
    use culvert_srtp::Suite;

    use super::*;
    use crate::MediaKind;

    fn full() -> Claims {
        Claims {
            subject: Subject::Known(Identity::new("sip:a@b").unwrap()),
            location: Some(Location::Intranet),
            issued: Some(0x0102),
            expires: 0x0304,
            bounds: Bounds {
                source: Some("192.0.2.0/24".parse().unwrap()),
                peer: Some("2001:db8::/32".parse().unwrap()),
                bandwidth: Some(0x0005_0000),
                kinds: [MediaKind::Audio, MediaKind::ApplicationSharing].into_iter().collect(),
                suites: [Suite::AeadAes256Gcm, Suite::NullHmacSha1_80].into_iter().collect(),
            },
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_picture() {
        let mut bytes = Vec::new();
        encode(&full(), &mut bytes).unwrap();
        let mut expected = vec![0x7e];
        expected.extend([0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4]);
        expected.push(6);
        expected.extend(b"sip:a@b");
        expected.extend([4, 24, 192, 0, 2, 0]);
        expected.extend([6, 32, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0, 0, 0, 0, 0, 5, 0, 0]);
        expected.extend([5, 1, 0x80]);
        assert_eq!(bytes, expected);
        assert_eq!(decode(&bytes), Some(full()));
    }

    #[test]
    fn what_is_cut_or_has_more_behind_it_is_no_claims() {
        let mut bytes = Vec::new();
        encode(&full(), &mut bytes).unwrap();
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
        bytes.push(0);
        assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn an_unknown_presence_bit_or_both_locations_are_no_claims() {
        let mut bytes = Vec::new();
        encode(&Claims { bounds: Bounds::default(), location: None, ..full() }, &mut bytes).unwrap();
        assert!(decode(&bytes).is_some());
        for presence in [0x80, INTERNET | INTRANET] {
            bytes[0] = presence;
            assert_eq!(decode(&bytes), None);
        }
    }
}
