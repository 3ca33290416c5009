// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "socket, setsockopt, bind and getsockname")]

use crate::{
    Message, ReceiveBurst, SendBurst, UdpError,
    address::{self, RawAddress},
    check,
};
use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// Sizes of a socket's buffers, where None leaves the system's default, and what comes with each datagram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// SO_RCVBUF in bytes, beyond the system's limit only with CAP_NET_ADMIN.
    pub receive_buffer: Option<u32>,
    /// SO_SNDBUF in bytes, beyond the system's limit only with CAP_NET_ADMIN.
    pub send_buffer: Option<u32>,
    /// Has the kernel say when it received each datagram (SO_TIMESTAMPNS): see [`Datagram::received`](crate::Datagram).
    pub timestamps: bool,
}

/// A non-blocking UDP socket bound to one local address.
///
/// An IPv6 socket takes no IPv4. Nothing it sends is fragmented, and no ICMP message makes it believe in a smaller MTU.
#[derive(Debug)]
pub struct UdpSocket {
    socket: OwnedFd,
    local: SocketAddr,
}

impl UdpSocket {
    /// Binds; an address that another socket has is an error, never shared.
    ///
    /// # Errors
    /// [`UdpError::Bind`] names the address and what to do; [`UdpError::Option`].
    pub fn bind(local: SocketAddr, options: &SocketOptions) -> Result<UdpSocket, UdpError> {
        let bind = |source| UdpError::Bind { address: local, source };
        let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: no memory is passed.
        let fd = check(unsafe { libc::socket(family, kind, 0) }).map_err(bind)?;
        // SAFETY: a new descriptor that nothing else owns.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        configure(&socket, local, options)?;

        let (raw, length) = RawAddress::new(local);
        // SAFETY: the kernel reads `length` bytes of an address that has as many.
        check(unsafe { libc::bind(fd, (&raw const raw).cast(), length) }).map_err(bind)?;
        let (mut raw, mut length) = (RawAddress::empty(), address::ROOM);
        // SAFETY: the kernel writes at most `length` bytes to an address that has as many.
        check(unsafe { libc::getsockname(fd, (&raw mut raw).cast(), &raw mut length) }).map_err(bind)?;
        Ok(UdpSocket { socket, local: raw.get().unwrap_or(local) })
    }

    /// The bound address, with the port that the system chose for port 0.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Receives datagram i into the i-th buffer, up to the burst's capacity, and returns their number: 0 when none waits.
    ///
    /// [`ReceiveBurst::datagrams`] describes them.
    ///
    /// # Errors
    /// [`UdpError::Receive`], never for what a network reported of datagrams sent earlier.
    pub fn receive<'b>(
        &self,
        burst: &mut ReceiveBurst,
        buffers: impl IntoIterator<Item = &'b mut [u8]>,
    ) -> Result<usize, UdpError> {
        match burst.receive(self.as_fd(), buffers) {
            Err(error) if is_nothing(&error) => Ok(0),
            result => result.map_err(|source| UdpError::Receive { address: self.local, source }),
        }
    }

    /// Sends messages up to the burst's capacity and returns how many the kernel took.
    ///
    /// [`SendBurst::outcomes`] says what became of each; one that cannot be sent does not keep the next from being sent.
    ///
    /// # Errors
    /// [`UdpError::Send`] when the system cannot send at all, whatever the message: it is out of memory, or the socket unusable.
    pub fn send<'b>(
        &self,
        burst: &mut SendBurst,
        messages: impl IntoIterator<Item = Message<'b>>,
    ) -> Result<usize, UdpError> {
        burst.send(self.as_fd(), messages).map_err(|source| UdpError::Send { address: self.local, source })
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a receive call says that there is nothing, or only what a network reported of a datagram sent earlier. The poller
/// tells of whatever still waits.
fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAGAIN | libc::EINTR | libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH)
    )
}

fn configure(socket: &OwnedFd, local: SocketAddr, options: &SocketOptions) -> Result<(), UdpError> {
    let set = |option: &'static str, level, name, value| {
        set(socket, level, name, value).map_err(|source| UdpError::Option { address: local, option, source })
    };
    if local.is_ipv4() {
        set("IP_RECVTOS", libc::IPPROTO_IP, libc::IP_RECVTOS, 1)?;
        set("IP_MTU_DISCOVER", libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?;
    } else {
        set("IPV6_V6ONLY", libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        set("IPV6_RECVTCLASS", libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)?;
        let probe = libc::IPV6_PMTUDISC_PROBE;
        set("IPV6_MTU_DISCOVER", libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, probe)?;
    }
    if options.timestamps {
        set("SO_TIMESTAMPNS", libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
    }
    for (option, size, force, plain) in [
        ("SO_RCVBUF", options.receive_buffer, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        ("SO_SNDBUF", options.send_buffer, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ] {
        let Some(size) = size else { continue };
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        if set(option, libc::SOL_SOCKET, force, size).is_err() {
            set(option, libc::SOL_SOCKET, plain, size)?;
        }
    }
    Ok(())
}

fn set(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of the value.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) })?;
    Ok(())
}
