// SPDX-License-Identifier: MIT OR Apache-2.0
//! Netlink (RFC 3549, include/uapi/linux/netlink.h): a request, and the messages that answer it.

mod attribute;
mod generic;
pub(crate) mod link;

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};

pub(crate) use attribute::{Attributes, flag, nest, text, u32_of, u64_of, write};
pub(crate) use generic::Family;

/// NLMSG_ERROR: an errno, negated; 0 acknowledges.
const ERROR: u16 = 2;
/// NLMSG_DONE: the end of a dump.
const DONE: u16 = 3;
const REQUEST: u16 = 0x01;
const ACKNOWLEDGE: u16 = 0x04;
pub(crate) const DUMP: u16 = 0x300;
const HEADER: usize = 16;
const SEQUENCE: u32 = 1;
/// What the kernel puts into one datagram at most, unless asked for more.
const DATAGRAM: usize = 64 * 1024;
/// The kernel answers at once; this is for a filter that swallows the question.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// A netlink socket for one question at a time.
pub(crate) struct Netlink {
    socket: OwnedFd,
}

impl Netlink {
    fn open(protocol: Option<Protocol>) -> Result<Netlink, Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Netlink { socket })
    }

    /// NETLINK_ROUTE, whose number is 0.
    pub(crate) fn route() -> Result<Netlink, Errno> {
        Netlink::open(None)
    }

    /// NETLINK_GENERIC
    pub(crate) fn generic() -> Result<Netlink, Errno> {
        Netlink::open(Some(netlink::GENERIC))
    }

    /// The payloads of the answers of type `kind`, behind the netlink header.
    pub(crate) fn ask(&self, kind: u16, flags: u16, payload: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        send(&self.socket, &request(kind, flags, payload), SendFlags::empty())?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let (read, _) = recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty())?;
            if collect(buffer.get(..read).unwrap_or_default(), &mut answers)? {
                return Ok(answers);
            }
        }
    }
}

fn request(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    // A dump ends by itself; anything else by its acknowledgement.
    let flags = REQUEST | flags | if flags & DUMP == DUMP { 0 } else { ACKNOWLEDGE };
    let mut message = Vec::with_capacity(HEADER + payload.len());
    message.extend(u32::try_from(HEADER + payload.len()).unwrap_or(u32::MAX).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(SEQUENCE.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(payload);
    message
}

/// Takes a datagram apart; whether it was the last.
fn collect(mut datagram: &[u8], answers: &mut Vec<Vec<u8>>) -> Result<bool, Errno> {
    while let Some(length) = attribute::u32_at(datagram, 0) {
        let length = length as usize;
        let Some(message) = datagram.get(..length).filter(|message| message.len() >= HEADER) else {
            return Err(Errno::BADMSG);
        };
        let payload = message.get(HEADER..).unwrap_or_default();
        match attribute::u16_at(message, 4) {
            Some(DONE) => return Ok(true),
            Some(ERROR) => {
                return match attribute::u32_at(payload, 0).map(u32::cast_signed) {
                    Some(0) => Ok(true),
                    Some(error) => Err(Errno::from_raw_os_error(error.saturating_neg())),
                    None => Err(Errno::BADMSG),
                };
            }
            _ => answers.push(payload.to_vec()),
        }
        datagram = datagram.get(attribute::padded(length)..).unwrap_or_default();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut message = request(kind, 0, payload);
        message.resize(attribute::padded(message.len()), 0);
        message
    }

    #[test]
    fn a_request_has_the_header_of_rfc_3549() {
        let bytes = request(16, 0, b"abc");
        let expected: Vec<u8> = [
            19_u32.to_ne_bytes().to_vec(),
            16_u16.to_ne_bytes().to_vec(),
            5_u16.to_ne_bytes().to_vec(),
            1_u32.to_ne_bytes().to_vec(),
            vec![0; 4],
            b"abc".to_vec(),
        ]
        .concat();
        assert_eq!(bytes, expected);
        assert_eq!(attribute::u16_at(&request(18, DUMP, b""), 6), Some(0x301));
    }

    #[test]
    fn answers_end_with_done_an_acknowledgement_or_an_error() {
        let mut answers = Vec::new();
        let datagram = [message(20, b"first"), message(20, b"second")].concat();
        assert_eq!(collect(&datagram, &mut answers), Ok(false));
        assert_eq!(answers, [b"first".to_vec(), b"second".to_vec()]);
        assert_eq!(collect(&message(DONE, &[0; 4]), &mut answers), Ok(true));
        assert_eq!(collect(&message(ERROR, &[0; 20]), &mut answers), Ok(true));
        let refused = message(ERROR, &(-95_i32).to_ne_bytes());
        assert_eq!(collect(&refused, &mut answers), Err(Errno::OPNOTSUPP));
        assert_eq!(answers.len(), 2);
    }

    #[test]
    fn what_is_cut_short_is_an_error_and_not_a_panic() {
        let whole = message(20, b"payload!");
        for length in 0..whole.len() {
            let outcome = collect(&whole[..length], &mut Vec::new());
            assert_eq!(outcome, if length < 4 { Ok(false) } else { Err(Errno::BADMSG) }, "{length}");
        }
        assert_eq!(collect(&4_u32.to_ne_bytes(), &mut Vec::new()), Err(Errno::BADMSG));
        assert_eq!(collect(&0_u32.to_ne_bytes(), &mut Vec::new()), Err(Errno::BADMSG));
    }
}
