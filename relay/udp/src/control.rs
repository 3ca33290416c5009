// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "control messages are walked by pointer")]

//! The traffic class of a datagram (DSCP and ECN), which travels as a control message beside it.

/// Room for the control messages of one datagram: one that holds an int, and what an unknown one may need.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Control([u8; 64]);

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

    /// The class among the control messages that came with a datagram; 0 when it did not come.
    pub(crate) fn traffic_class(message: &libc::msghdr) -> u8 {
        // SAFETY: the message's control pointer and length are those the kernel filled in for its own `Control`.
        let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
        // SAFETY: a header that the macros return lies whole within the control room.
        while let Some(header) = unsafe { next.as_ref() } {
            let data = header.cmsg_len.saturating_sub(size_of::<libc::cmsghdr>());
            match (header.cmsg_level, header.cmsg_type) {
                // One byte from the kernel for IPv4, an int for IPv6, whatever the manual pages say.
                (libc::IPPROTO_IP, libc::IP_TOS) if data >= 1 => {
                    // SAFETY: the data has at least one byte.
                    return unsafe { libc::CMSG_DATA(header).read() };
                }
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) if data >= size_of::<libc::c_int>() => {
                    // SAFETY: the data has at least an int.
                    return unsafe { libc::CMSG_DATA(header).cast::<libc::c_int>().read_unaligned() } as u8;
                }
                _ => {}
            }
            // SAFETY: the header is one of this message.
            next = unsafe { libc::CMSG_NXTHDR(message, header) };
        }
        0
    }
}
