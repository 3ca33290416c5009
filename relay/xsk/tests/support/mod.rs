// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two ends of a veth pair with AF_XDP sockets, and packets that can be told apart.
#![allow(dead_code, reason = "every test binary uses a part")]
#![expect(unsafe_code, reason = "poll")]

pub(crate) mod redirect;

use culvert_testbed::{EndSpec, Interface, Namespace, connect};
use culvert_xsk::{Frame, FramePool, RingSizes, Socket, SocketConfig, Umem, UmemConfig};
use std::{
    os::fd::{AsFd, AsRawFd},
    time::{Duration, Instant},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const RINGS: RingSizes = RingSizes { receive: 256, transmit: 256, fill: 256, completion: 256 };

/// A namespace with one end of the pair. Quiet: the kernel sends nothing of its own.
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    pub(crate) device: &'static str,
    pub(crate) interface: Interface,
}

pub(crate) fn pair(queues: u32) -> [Host; 2] {
    let hosts =
        [("left", "a0"), ("right", "b0")].map(|(role, device)| (Namespace::new(role).unwrap(), device));
    let specs = ["192.0.2.1/24", "192.0.2.2/24"];
    for (namespace, _) in &hosts {
        namespace.sysctl("net.ipv6.conf.default.disable_ipv6", "1").unwrap();
    }
    connect(
        &hosts[0].0,
        &EndSpec::new(hosts[0].1).address(specs[0]).queues(queues),
        &hosts[1].0,
        &EndSpec::new(hosts[1].1).address(specs[1]).queues(queues),
    )
    .unwrap();
    hosts.map(|(namespace, device)| {
        let interface = namespace.interface(device).unwrap();
        Host { namespace, device, interface }
    })
}

impl Host {
    pub(crate) fn config(&self, queue: u32) -> SocketConfig {
        SocketConfig { rings: RINGS, ..SocketConfig::new(self.interface.index, self.device, queue) }
    }

    pub(crate) fn bind(&self, umem: &Umem, config: &SocketConfig) -> Socket {
        self.namespace.run(|| Socket::bind(umem, config).unwrap()).unwrap()
    }
}

pub(crate) fn memory(frames: u32) -> (Umem, FramePool) {
    Umem::new(UmemConfig { frames, frame_size: 2048, ..UmemConfig::default() }).unwrap()
}

/// An IPv4 UDP packet from 192.0.2.1 to 192.0.2.2, port 5004, without a UDP checksum.
pub(crate) fn packet(from: &Host, to: &Host, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(42 + payload.len());
    packet.extend(to.interface.mac_address);
    packet.extend(from.interface.mac_address);
    packet.extend([0x08, 0x00]);
    let mut ip = [0; 20];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&(28 + payload.len() as u16).to_be_bytes());
    ip[8] = 64;
    ip[9] = 17;
    ip[12..16].copy_from_slice(&[192, 0, 2, 1]);
    ip[16..20].copy_from_slice(&[192, 0, 2, 2]);
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let checksum = !(((sum & 0xffff) + (sum >> 16)) as u16);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(ip);
    packet.extend(4000_u16.to_be_bytes());
    packet.extend(5004_u16.to_be_bytes());
    packet.extend((8 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

/// A payload that its number tells apart, of changing length.
pub(crate) fn payload(number: u32) -> Vec<u8> {
    let length = 4 + (number as usize * 37) % 1400;
    let mut payload = number.to_be_bytes().to_vec();
    payload.extend((4..length).map(|index| (index as u32).wrapping_mul(number | 1) as u8));
    payload
}

/// Copies a packet into a frame, somewhere inside it, and queues it.
pub(crate) fn queue(socket: &mut Socket, mut frame: Frame, packet: &[u8], start: usize) -> Result<(), Frame> {
    frame[start..start + packet.len()].copy_from_slice(packet);
    socket.transmit(frame, start, packet.len())
}

/// Waits until the socket has something to receive.
pub(crate) fn await_input(socket: &Socket, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    assert!(!left.is_zero(), "nothing came for {PATIENCE:?}");
    let mut poll = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, alive over the call.
    unsafe { libc::poll(&raw mut poll, 1, left.as_millis() as i32 + 1) };
}
