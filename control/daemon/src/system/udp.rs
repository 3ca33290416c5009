// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/proc/net/udp` and `udp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A UDP socket with a local port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundSocket {
    /// Where it receives.
    pub local: SocketAddr,
    /// By which its owner can be found; 0 when it has none any more.
    pub inode: u64,
}

impl BoundSocket {
    /// Whether it would receive what is sent to a port of `address`. An IPv6 socket bound to all addresses counts for IPv4
    /// too: whether it is IPV6_V6ONLY cannot be seen.
    pub fn takes(&self, address: IpAddr, first_port: u16, last_port: u16) -> bool {
        let own = self.local.ip().to_canonical();
        let meant = own == address
            || own == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
            || (own == IpAddr::V4(Ipv4Addr::UNSPECIFIED) && address.is_ipv4());
        meant && (first_port..=last_port).contains(&self.local.port())
    }
}

/// The sockets in the text of either file. Lines that are not as expected are left out.
pub(super) fn parse(text: &str) -> Vec<BoundSocket> {
    text.lines().skip(1).filter_map(parse_line).collect()
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...`
fn parse_line(line: &str) -> Option<BoundSocket> {
    let mut fields = line.split_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let inode = fields.nth(7)?.parse().ok()?;
    let port = u16::from_str_radix(port, 16).ok().filter(|port| *port != 0)?;
    Some(BoundSocket { local: SocketAddr::new(parse_address(address)?, port), inode })
}

/// Words of 32 bits in network order, each printed as a number in the host's.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let digits = text.get(index * 8..index * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   66: 0100007F:4E20 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 17253 2 0000000000000000 0
 1234: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 901 2 0000000000000000 0
 1235: 010200C0:0000 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 902 2 0000000000000000 0
garbage
";

    const UDP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  105: B80D0120000000000000000001000000:4E21 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 42 2 0000000000000000 0
  106: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 43 2 0000000000000000 0
";

    fn socket(local: &str, inode: u64) -> BoundSocket {
        BoundSocket { local: local.parse().unwrap(), inode }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn both_tables() {
        assert_eq!(parse(UDP), [socket("127.0.0.1:20000", 17253), socket("0.0.0.0:68", 901)]);
        assert_eq!(parse(UDP6), [socket("[2001:db8::1]:20001", 42), socket("[::]:5353", 43)]);
        assert_eq!(parse(""), []);
    }

    #[test]
    fn which_sockets_take_a_realms_ports() {
        let takes =
            |local: &str, address: &str| socket(local, 1).takes(address.parse().unwrap(), 20_000, 20_009);
        for (local, address, expected) in [
            ("192.0.2.1:20000", "192.0.2.1", true),
            ("192.0.2.1:20009", "192.0.2.1", true),
            ("192.0.2.1:20010", "192.0.2.1", false),
            ("192.0.2.1:19999", "192.0.2.1", false),
            ("192.0.2.2:20000", "192.0.2.1", false),
            ("0.0.0.0:20000", "192.0.2.1", true),
            ("0.0.0.0:20000", "2001:db8::1", false),
            ("[::]:20000", "2001:db8::1", true),
            ("[::]:20000", "192.0.2.1", true),
            ("[::ffff:192.0.2.1]:20000", "192.0.2.1", true),
            ("[2001:db8::1]:20000", "2001:db8::1", true),
        ] {
            assert_eq!(takes(local, address), expected, "{local} for {address}");
        }
    }
}
