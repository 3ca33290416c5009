// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "sendmmsg over preallocated arrays")]

use crate::{address::RawAddress, control::Control};
use std::{fmt, io, net::SocketAddr, os::fd::AsRawFd, os::fd::BorrowedFd, ptr};

/// A datagram to send.
#[derive(Debug, Clone, Copy)]
pub struct Message<'b> {
    /// UDP payload.
    pub payload: &'b [u8],
    /// Where to; of the socket's address family.
    pub destination: SocketAddr,
    /// DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel took it.
    Sent,
    /// The send buffer is full; it may be sent again later.
    Full,
    /// It does not fit the interface's MTU, or a datagram at all. Nothing is fragmented.
    TooBig,
    /// No route to the destination, or it is said to be unreachable.
    Unreachable,
    /// Another error of the system, by its number.
    Failed(i32),
}

/// The arrays of `sendmmsg`, made once and used for every call.
pub struct SendBurst {
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    addresses: Box<[RawAddress]>,
    controls: Box<[Control]>,
    outcomes: Vec<Outcome>,
}

// SAFETY: the pointers in the arrays are set anew by each call and followed by none but that call.
unsafe impl Send for SendBurst {}

impl SendBurst {
    /// For up to `capacity` messages a call.
    pub fn new(capacity: usize) -> SendBurst {
        // SAFETY: null pointers and zero lengths are valid for these structures.
        let (header, vector) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        SendBurst {
            headers: vec![header; capacity].into_boxed_slice(),
            vectors: vec![vector; capacity].into_boxed_slice(),
            addresses: vec![RawAddress::empty(); capacity].into_boxed_slice(),
            controls: vec![Control::EMPTY; capacity].into_boxed_slice(),
            outcomes: Vec::with_capacity(capacity),
        }
    }

    /// What became of each message of the last call, in order; as many as the call took.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    pub(crate) fn send<'b>(
        &mut self,
        socket: BorrowedFd<'_>,
        messages: impl IntoIterator<Item = Message<'b>>,
    ) -> io::Result<usize> {
        let mut count = 0;
        let slots =
            self.headers.iter_mut().zip(&mut self.vectors).zip(&mut self.addresses).zip(&mut self.controls);
        for ((((header, vector), address), control), message) in slots.zip(messages) {
            let (raw, length) = RawAddress::new(message.destination);
            *address = raw;
            // The kernel only reads through the vector of a message that is sent.
            *vector = libc::iovec {
                iov_base: message.payload.as_ptr().cast_mut().cast(),
                iov_len: message.payload.len(),
            };
            let control_length = control.write(message.destination.is_ipv4(), message.traffic_class);
            let raw = &mut header.msg_hdr;
            raw.msg_name = ptr::from_mut(address).cast();
            raw.msg_namelen = length;
            raw.msg_iov = vector;
            raw.msg_iovlen = 1;
            raw.msg_control = control.as_mut_ptr();
            raw.msg_controllen = control_length as _;
            raw.msg_flags = 0;
            count += 1;
        }
        let headers = &mut self.headers[..count];
        send_all(count, &mut self.outcomes, |first| {
            let rest = &mut headers[first..];
            // SAFETY: the headers point at this call's payloads, borrowed over the call, and at entries of our arrays, which
            // nothing else touches during the call.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
                )
            };
            crate::check(sent).map(|sent| sent as usize)
        })
    }
}

/// Sends `count` messages by calls that each take some from `first` on, or say what is wrong with that one.
fn send_all(
    count: usize,
    outcomes: &mut Vec<Outcome>,
    mut call: impl FnMut(usize) -> io::Result<usize>,
) -> io::Result<usize> {
    outcomes.clear();
    let mut sent = 0;
    let mut reported = false;
    while outcomes.len() < count {
        let error = match call(outcomes.len()) {
            Ok(0) => libc::EAGAIN,
            Ok(taken) => {
                let taken = taken.min(count - outcomes.len());
                outcomes.extend((0..taken).map(|_| Outcome::Sent));
                sent += taken;
                reported = false;
                continue;
            }
            Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
        };
        match error {
            libc::EINTR => {}
            libc::EAGAIN | libc::ENOBUFS => outcomes.extend((outcomes.len()..count).map(|_| Outcome::Full)),
            libc::ENOMEM | libc::EPIPE | libc::EBADF | libc::ENOTSOCK => {
                outcomes.extend((outcomes.len()..count).map(|_| Outcome::Failed(error)));
                return Err(io::Error::from_raw_os_error(error));
            }
            // What a network said of an earlier datagram, reported once; this one was not tried.
            libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH if !reported => reported = true,
            error => {
                outcomes.push(outcome(error));
                reported = false;
            }
        }
    }
    Ok(sent)
}

fn outcome(error: i32) -> Outcome {
    match error {
        libc::EMSGSIZE => Outcome::TooBig,
        libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN => {
            Outcome::Unreachable
        }
        number => Outcome::Failed(number),
    }
}

impl fmt::Debug for SendBurst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBurst").field("capacity", &self.headers.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome::*, *};

    /// Plays a kernel that answers as listed; returns where each call began.
    fn play(count: usize, answers: &[Result<usize, i32>]) -> (usize, Vec<Outcome>, Vec<usize>) {
        let (mut outcomes, mut calls) = (vec![Sent; 3], Vec::new());
        let sent = send_all(count, &mut outcomes, |first| {
            calls.push(first);
            answers[calls.len() - 1].map_err(io::Error::from_raw_os_error)
        });
        assert_eq!(calls.len(), answers.len());
        (sent.unwrap(), outcomes, calls)
    }

    #[test]
    fn a_partial_send_goes_on_where_it_stopped() {
        assert_eq!(play(5, &[Ok(2), Err(libc::EINTR), Ok(3)]), (5, vec![Sent; 5], vec![0, 2, 2]));
    }

    #[test]
    fn a_full_buffer_ends_the_call() {
        assert_eq!(play(4, &[Ok(1), Err(libc::EAGAIN)]), (1, vec![Sent, Full, Full, Full], vec![0, 1]));
        assert_eq!(play(2, &[Err(libc::ENOBUFS)]), (0, vec![Full, Full], vec![0]));
        assert_eq!(
            play(2, &[Ok(0)]),
            (0, vec![Full, Full], vec![0]),
            "a call that does nothing must not spin"
        );
    }

    #[test]
    fn one_bad_message_does_not_hold_up_the_rest() {
        let answers = [Ok(1), Err(libc::EMSGSIZE), Err(libc::EPERM), Ok(1)];
        assert_eq!(play(4, &answers), (2, vec![Sent, TooBig, Failed(libc::EPERM), Sent], vec![0, 1, 2, 3]));
    }

    #[test]
    fn a_refusal_of_an_earlier_datagram_costs_none_and_a_second_one_is_final() {
        assert_eq!(play(2, &[Err(libc::ECONNREFUSED), Ok(2)]), (2, vec![Sent, Sent], vec![0, 0]));
        let no_route = [Err(libc::ENETUNREACH), Err(libc::ENETUNREACH), Ok(1)];
        assert_eq!(play(2, &no_route), (1, vec![Unreachable, Sent], vec![0, 0, 1]));
    }

    #[test]
    fn a_system_that_cannot_send_is_an_error_and_leaves_no_message_untold() {
        let (mut outcomes, mut answers) = (Vec::new(), vec![Err(libc::ENOMEM), Ok(1)]);
        let call = |_| answers.pop().unwrap().map_err(io::Error::from_raw_os_error);
        let error = send_all(3, &mut outcomes, call).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
        assert_eq!(outcomes, [Sent, Failed(libc::ENOMEM), Failed(libc::ENOMEM)]);
    }

    #[test]
    fn nothing_to_send_is_no_call() {
        assert_eq!(play(0, &[]), (0, vec![], vec![]));
    }
}
