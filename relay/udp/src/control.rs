// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "control messages are walked by pointer")]

//! What travels as control messages beside a datagram: its traffic class (DSCP and ECN), and when it was received.

use std::time::Duration;

/// Room for the control messages of one datagram: one that holds an int, and one that holds a time.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Control([u8; 64]);

/// What came beside a datagram.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// 0 when it did not come.
    pub(crate) traffic_class: u8,
    pub(crate) received: Option<Duration>,
}

impl Control {
    pub(crate) const EMPTY: Control = Control([0; 64]);
    pub(crate) const ROOM: usize = size_of::<Control>();

    pub(crate) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }

    /// Writes the class for a datagram of that family, and returns the length to give the kernel.
    pub(crate) fn write(&mut self, is_ipv4: bool, traffic_class: u8) -> usize {
        let (level, kind) =
            if is_ipv4 { (libc::IPPROTO_IP, libc::IP_TOS) } else { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) };
        let value = libc::c_int::from(traffic_class);
        // SAFETY: the header and its int fit the room, which is aligned for the header.
        unsafe {
            let header = self.0.as_mut_ptr().cast::<libc::cmsghdr>();
            (*header).cmsg_level = level;
            (*header).cmsg_type = kind;
            (*header).cmsg_len = libc::CMSG_LEN(size_of_val(&value) as u32) as _;
            libc::CMSG_DATA(header).cast::<libc::c_int>().write_unaligned(value);
            libc::CMSG_SPACE(size_of_val(&value) as u32) as usize
        }
    }

    /// The control messages that came with a datagram.
    pub(crate) fn read(message: &libc::msghdr) -> Came {
        let mut came = Came::default();
        // SAFETY: the message's control pointer and length are those the kernel filled in for its own `Control`.
        let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
        // SAFETY: a header that the macros return lies whole within the control room.
        while let Some(header) = unsafe { next.as_ref() } {
            let data = header.cmsg_len.saturating_sub(size_of::<libc::cmsghdr>());
            match (header.cmsg_level, header.cmsg_type) {
                // One byte from the kernel for IPv4, an int for IPv6, whatever the manual pages say.
                (libc::IPPROTO_IP, libc::IP_TOS) if data >= 1 => {
                    // SAFETY: the data has at least one byte.
                    came.traffic_class = unsafe { libc::CMSG_DATA(header).read() };
                }
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) if data >= size_of::<libc::c_int>() => {
                    // SAFETY: the data has at least an int.
                    let class = unsafe { libc::CMSG_DATA(header).cast::<libc::c_int>().read_unaligned() };
                    came.traffic_class = class as u8;
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) if data >= size_of::<libc::timespec>() => {
                    // SAFETY: the data has at least a time.
                    let time = unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() };
                    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
                    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
                    came.received = Some(Duration::new(seconds, nanoseconds));
                }
                _ => {}
            }
            // SAFETY: the header is one of this message.
            next = unsafe { libc::CMSG_NXTHDR(message, header) };
        }
        came
    }
}
