// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "the bpf system call")]

//! An XDP program of a handful of instructions that redirects every packet of a queue to that queue's socket.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

const MAP_CREATE: i64 = 0;
const MAP_UPDATE_ELEM: i64 = 2;
const PROG_LOAD: i64 = 5;
const LINK_CREATE: i64 = 28;
const MAP_TYPE_XSKMAP: u32 = 17;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Generic = 2,
    Native = 4,
}

/// The attached program; detached on drop.
pub(crate) struct Redirect {
    map: OwnedFd,
    _link: OwnedFd,
}

impl Redirect {
    /// Attaches to an interface of the calling thread's namespace.
    pub(crate) fn attach(interface_index: u32, mode: Mode, queues: u32) -> io::Result<Redirect> {
        let map = descriptor(MAP_CREATE, &mut [pair(MAP_TYPE_XSKMAP, 4), pair(4, queues), 0])?;
        let map_fd = map.as_raw_fd() as u32;
        let instructions = [
            instruction(0x61, 2, 1, 16, 0),     // r2 = context->rx_queue_index
            instruction(0x18, 1, 1, 0, map_fd), // r1 = map
            0,                                  // (upper half of it)
            instruction(0xb7, 3, 0, 0, 2),      // r3 = XDP_PASS
            instruction(0x85, 0, 0, 0, 51),     // call redirect_map
            instruction(0x95, 0, 0, 0, 0),      // exit
        ];
        let license = c"Dual MIT/GPL";
        let mut load = [
            pair(PROG_TYPE_XDP, instructions.len() as u32),
            instructions.as_ptr() as u64,
            license.as_ptr() as u64,
            0,
            0,
            0,
        ];
        let program = descriptor(PROG_LOAD, &mut load)?;
        let mut link =
            [pair(program.as_raw_fd() as u32, interface_index), pair(ATTACH_XDP, mode as u32), 0, 0];
        Ok(Redirect { map, _link: descriptor(LINK_CREATE, &mut link)? })
    }

    pub(crate) fn set(&self, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
        let value = socket.as_raw_fd() as u32;
        let mut update = [self.map.as_raw_fd() as u64, &raw const queue as u64, &raw const value as u64, 0];
        bpf(MAP_UPDATE_ELEM, &mut update).map(drop)
    }
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn instruction(code: u8, destination: u8, source: u8, offset: u16, immediate: u32) -> u64 {
    u64::from(code)
        | u64::from(destination | source << 4) << 8
        | u64::from(offset) << 16
        | u64::from(immediate) << 32
}

fn descriptor(command: i64, attributes: &mut [u64]) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf(command: i64, attributes: &mut [u64]) -> io::Result<i32> {
    let size = size_of_val(attributes);
    // SAFETY: the kernel reads `size` bytes of attributes and what they point at, all alive over the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}
