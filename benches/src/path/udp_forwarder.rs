// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sockets can do at best: one thread takes bursts from one port and sends them from another, unread.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use culvert_udp::{Message, Poller, ReceiveBurst, SendBurst, SocketOptions, UdpSocket};

use crate::path::contender::{Outgoing, Service};
use crate::path::error::PathError;
use crate::wire::topology::Endpoints;

const BURST: usize = 64;
const ROOM: usize = 2048;
/// How soon it sees that it is to stop.
const LOOK: Duration = Duration::from_millis(20);

struct Forwarder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Way {
    ingress: UdpSocket,
    egress: UdpSocket,
    destination: std::net::SocketAddr,
}

/// Starts it in the thread's network namespace.
///
/// # Errors
/// When a port is taken.
pub fn start(calls: u32, cpu: usize) -> Result<Service, PathError> {
    let mut poller = Poller::new(256)?;
    let mut ways = Vec::new();
    for call in 0..calls {
        let Endpoints { ingress, egress, callee, .. } = Endpoints::of(call);
        let bind = |endpoint: culvert_wire::Endpoint| {
            UdpSocket::bind(endpoint.to_socket_addr(), &SocketOptions::default())
        };
        let way =
            Way { ingress: bind(ingress)?, egress: bind(egress)?, destination: callee.to_socket_addr() };
        poller.add(way.ingress.as_fd(), call.into())?;
        ways.push(way);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let thread = thread::Builder::new().name("udp-forwarder".into());
    let thread = thread
        .spawn(move || {
            if culvert_traffic::pin(cpu).is_ok() {
                forward(&ways, poller, &told);
            }
        })
        .map_err(PathError::Thread)?;
    let running = Box::new(Forwarder { stop, thread: Some(thread) });
    let ports = (0..calls).map(|call| Endpoints::of(call).ingress.port).collect();
    Ok(Service { running, ports, outgoing: Outgoing::AsSent })
}

fn forward(ways: &[Way], mut poller: Poller, stop: &AtomicBool) {
    let (mut received, mut sent) = (ReceiveBurst::new(BURST), SendBurst::new(BURST));
    let mut buffers = vec![[0; ROOM]; BURST];
    while !stop.load(Ordering::Relaxed) {
        let ready = poller.wait(Some(LOOK)).unwrap_or(0);
        for way in (0..ready).filter_map(|index| ways.get(poller.ready(index)? as usize)) {
            let count = way
                .ingress
                .receive(&mut received, buffers.iter_mut().map(|buffer| &mut buffer[..]))
                .unwrap_or(0);
            let messages =
                received.datagrams().iter().zip(&buffers).take(count).map(|(datagram, buffer)| Message {
                    payload: buffer.get(..datagram.length).unwrap_or_default(),
                    destination: way.destination,
                    traffic_class: datagram.traffic_class,
                });
            // What the kernel does not take is lost, and counted as such at the sink.
            let _ = way.egress.send(&mut sent, messages);
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
