// SPDX-License-Identifier: MIT OR Apache-2.0
//! What AF_XDP can do at best: one thread takes bursts as Culvert's worker does, writes the headers anew and sends them, without
//! a look at the payload. Program, packet memory, rings and waiting are Culvert's.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use culvert_ebpf_loader::{Mode, Steering, SteeringConfig};
use culvert_udp::{Poller, Waker};
use culvert_xsk::{FramePool, Socket, SocketConfig, Umem, UmemConfig};

use crate::path::contender::{Outgoing, Service};
use crate::path::error::PathError;
use crate::wire::topology::{Endpoints, Macs, RELAY_INTERFACE};

const BURST: usize = culvert_engine::BURST;
const HEADERS: usize = 42;
const IDLE: Duration = Duration::from_millis(20);
const UNSENT: Duration = Duration::from_micros(50);

struct Forwarder {
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    _steering: Steering,
}

/// Starts it on the relay's interface, in the thread's network namespace.
///
/// # Errors
/// When AF_XDP or the program is refused.
pub fn start(calls: u32, macs: Macs, cpu: usize) -> Result<Service, PathError> {
    let said = |error: &dyn std::error::Error| PathError::Steering(error.to_string());
    let (umem, pool) = Umem::new(UmemConfig { frames: 16_384, frame_size: 2048, headroom: 0 })?;
    let index = culvert_xsk::interface_index(RELAY_INTERFACE)?;
    let mut config = SocketConfig::new(index, RELAY_INTERFACE, 0);
    config.transmit_budget = Some(256);
    let socket = Socket::bind(&umem, &config)?;
    let config = SteeringConfig { max_endpoints: calls, queues: 1 };
    let mut steering = Steering::load(config).map_err(|error| said(&error))?;
    steering.set_socket(0, socket.as_fd()).map_err(|error| said(&error))?;
    for call in 0..calls {
        steering.insert(Endpoints::of(call).ingress).map_err(|error| said(&error))?;
    }
    let (stop, waker) = (Arc::new(AtomicBool::new(false)), Waker::new()?);
    let mut poller = Poller::new(2)?;
    poller.add(waker.as_fd(), 0)?;
    poller.add(socket.as_fd(), 1)?;
    let told = Arc::clone(&stop);
    let ways = (0..calls).map(|call| Way::new(call, macs)).collect::<Vec<Way>>();
    let thread = thread::Builder::new().name("xdp-forwarder".into());
    let thread = thread
        .spawn(move || {
            if culvert_traffic::pin(cpu).is_ok() {
                forward(&ways, socket, pool, poller, &told);
            }
        })
        .map_err(PathError::Thread)?;
    steering.attach(RELAY_INTERFACE, Mode::Native).map_err(|error| said(&error))?;
    let running = Box::new(Forwarder { stop, waker, thread: Some(thread), _steering: steering });
    let ports = (0..calls).map(|call| Endpoints::of(call).ingress.port).collect();
    Ok(Service { running, ports, outgoing: Outgoing::AsSent })
}

/// What the headers of a call become.
struct Way {
    macs: [u8; 12],
    /// Source and destination address, then source and destination port.
    addresses: [u8; 12],
}

impl Way {
    fn new(call: u32, macs: Macs) -> Way {
        let Endpoints { egress, callee, .. } = Endpoints::of(call);
        let mut way = Way { macs: [0; 12], addresses: [0; 12] };
        way.macs[..6].copy_from_slice(&macs.edge.0);
        way.macs[6..].copy_from_slice(&macs.relay.0);
        way.addresses[..4].copy_from_slice(&egress.address.ipv4_octets().unwrap_or_default());
        way.addresses[4..8].copy_from_slice(&callee.address.ipv4_octets().unwrap_or_default());
        way.addresses[8..10].copy_from_slice(&egress.port.to_be_bytes());
        way.addresses[10..].copy_from_slice(&callee.port.to_be_bytes());
        way
    }
}

fn forward(ways: &[Way], mut socket: Socket, mut pool: FramePool, mut poller: Poller, stop: &AtomicBool) {
    let mut burst = Vec::with_capacity(BURST);
    let first = Endpoints::of(0).ingress.port;
    socket.refill(&mut pool);
    while !stop.load(Ordering::Relaxed) {
        if socket.receive(BURST, |received| burst.push(received)) == 0 {
            let _ = socket.wake_receive();
            let wait = if socket.unsent() > 0 { UNSENT } else { IDLE };
            let _ = poller.wait(Some(wait));
            if socket.unsent() > 0 {
                let _ = socket.flush();
            }
            socket.reclaim(&mut pool);
            socket.refill(&mut pool);
            continue;
        }
        socket.refill(&mut pool);
        for mut packet in burst.drain(..) {
            let bytes = packet.frame.get_mut(packet.start..packet.start + packet.length);
            let refused = match bytes.and_then(|bytes| rewrite(bytes, ways, first)) {
                Some(()) => socket.transmit(packet.frame, packet.start, packet.length).err(),
                None => Some(packet.frame),
            };
            if let Some(frame) = refused {
                pool.put(frame);
            }
        }
        let _ = socket.flush();
        socket.reclaim(&mut pool);
        socket.refill(&mut pool);
    }
}

/// Addresses by the destination port, and checksums by what has changed (RFC 1624).
fn rewrite(frame: &mut [u8], ways: &[Way], first: u16) -> Option<()> {
    let headers = frame.first_chunk_mut::<HEADERS>()?;
    let port = u16::from_be_bytes([headers[36], headers[37]]);
    let way = ways.get(usize::from(port.checked_sub(first)?) / 2)?;
    headers[..12].copy_from_slice(&way.macs);
    let mut addresses = [0; 12];
    addresses.copy_from_slice(&headers[26..38]);
    headers[26..38].copy_from_slice(&way.addresses);
    let ip = sum(&way.addresses[..8])
        + sum(&addresses[..8].iter().map(|byte| !byte).collect::<arrayvec::ArrayVec<u8, 8>>());
    let ports =
        sum(&way.addresses[8..]) + sum(&[!addresses[8], !addresses[9], !addresses[10], !addresses[11]]);
    adjust(headers, 24, ip);
    adjust(headers, 40, ip + ports);
    Some(())
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks_exact(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum()
}

fn adjust(headers: &mut [u8; HEADERS], at: usize, change: u32) {
    let old = u16::from_be_bytes([headers[at], headers[at + 1]]);
    let mut sum = u32::from(!old) + change;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    headers[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use culvert_wire::MacAddress;
    use culvert_wire::emit::{self, HeaderSpec};

    use super::*;
    use crate::wire::load::headers;

    #[test]
    fn headers_are_those_that_would_be_written_from_nothing() {
        let macs = Macs { edge: MacAddress([2; 6]), relay: MacAddress([4; 6]) };
        let ways: Vec<Way> = (0..300).map(|call| Way::new(call, macs)).collect();
        for call in [0, 1, 299] {
            let payload: Vec<u8> = (0..182).map(|byte| byte ^ call as u8).collect();
            let endpoints = Endpoints::of(call);
            let frame = |spec: &HeaderSpec| {
                let mut frame = [&[0; HEADERS], &payload[..]].concat();
                emit::write(&mut frame[..HEADERS], spec, &payload).unwrap();
                frame
            };
            let arriving = headers(endpoints, macs);
            let leaving = HeaderSpec {
                source_mac: macs.relay,
                destination_mac: macs.edge,
                source: endpoints.egress,
                destination: endpoints.callee,
                ..arriving
            };
            let mut rewritten = frame(&arriving);
            assert_eq!(rewrite(&mut rewritten, &ways, 20_000), Some(()));
            assert_eq!(rewritten, frame(&leaving));
        }
        assert_eq!(rewrite(&mut [0; 60], &ways, 20_000), None);
    }
}
