// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets over the kernel's UDP sockets, one for each local endpoint. Needs no privileges.

use std::os::fd::AsFd;
use std::time::Duration;

use culvert_udp::{Message, Outcome, Poller, ReceiveBurst, SendBurst, UdpError, UdpSocket, Waker};
use culvert_wire::Endpoint;

use super::{PacketIo, Transmitted};
use crate::burst::{BURST, Burst, PacketInfo, Verdict};
use crate::flow::FlowSlot;
use crate::reason::DropReason;
use crate::table::{EndpointTable, Port, Target};

/// Bytes of a frame: a datagram and what protection adds.
const FRAME: usize = 2048;
/// Longest datagram received. What is longer cannot have come over Ethernet unfragmented.
const LONGEST: usize = FRAME - 160;
/// Tokens of one look at the sockets.
const READY: usize = 256;
const WAKE: u64 = u64::MAX;

/// One worker's sockets and frames.
#[derive(Debug)]
pub struct SocketIo {
    sockets: Vec<Option<(Endpoint, UdpSocket)>>,
    /// Places in `sockets` that are vacant.
    vacant: Vec<u32>,
    /// From endpoints to places in `sockets`.
    places: EndpointTable,
    frames: Vec<Box<[u8]>>,
    received: ReceiveBurst,
    sent: SendBurst,
    poller: Poller,
    waker: Waker,
    /// Tokens of the poller's last answer, and how many of them have been served.
    ready: usize,
    served: usize,
}

impl SocketIo {
    /// Room for `max_endpoints` sockets.
    ///
    /// # Errors
    /// When the system gives no descriptors to wait on.
    pub fn new(max_endpoints: u32) -> Result<(SocketIo, Waker), UdpError> {
        let waker = Waker::new()?;
        let mut poller = Poller::new(READY)?;
        poller.add(waker.as_fd(), WAKE)?;
        let io = SocketIo {
            sockets: std::iter::repeat_with(|| None).take(max_endpoints as usize).collect(),
            vacant: (0..max_endpoints).rev().collect(),
            places: EndpointTable::new(max_endpoints as usize),
            frames: (0..BURST).map(|_| vec![0; FRAME].into_boxed_slice()).collect(),
            received: ReceiveBurst::new(BURST),
            sent: SendBurst::new(BURST),
            poller,
            waker: waker.clone(),
            ready: 0,
            served: 0,
        };
        Ok((io, waker))
    }

    fn look(&mut self, timeout: Duration) {
        self.ready = self.poller.wait(Some(timeout)).unwrap_or(0);
        self.served = 0;
    }

    /// Receives from the socket at a place; false when it may have more.
    fn receive_from(&mut self, place: u64, burst: &mut Burst<Box<[u8]>>) -> bool {
        let wanted = burst.room().min(self.frames.len());
        let Some(Some((endpoint, socket))) = self.sockets.get(place as usize) else { return true };
        let buffers = self.frames.iter_mut().rev().take(wanted).map(|frame| &mut frame[..LONGEST]);
        // An error is that of an earlier datagram, told by ICMP; it has been taken from the socket by now.
        let count = socket.receive(&mut self.received, buffers).unwrap_or(0);
        for datagram in self.received.datagrams().iter().take(count) {
            let Some(frame) = self.frames.pop() else { break };
            let source = Endpoint::from(datagram.source);
            let mut info = PacketInfo::datagram(
                source,
                *endpoint,
                datagram.traffic_class,
                0,
                datagram.length.min(LONGEST),
            );
            if datagram.truncated {
                info.verdict = Verdict::Drop(DropReason::ExceedsMtu);
            }
            if let Err(packet) = burst.push(frame, info) {
                self.frames.push(packet.frame);
            }
        }
        count < wanted
    }
}

/// A place in `sockets`, as the table has it.
fn at(place: u32) -> Target {
    Target::Flow { slot: FlowSlot(place), port: Port::Both }
}

impl PacketIo for SocketIo {
    type Frame = Box<[u8]>;

    fn receive(&mut self, burst: &mut Burst<Box<[u8]>>) -> usize {
        let before = burst.len();
        if self.served == self.ready {
            self.look(Duration::ZERO);
        }
        while self.served < self.ready && burst.room() > 0 && !self.frames.is_empty() {
            let drained = match self.poller.ready(self.served) {
                Some(WAKE) => {
                    self.waker.clear();
                    true
                }
                Some(place) => self.receive_from(place, burst),
                None => true,
            };
            // What a socket still holds, the next look tells again: one socket gets one turn of a look.
            if drained || burst.room() == 0 {
                self.served += 1;
            }
        }
        burst.len() - before
    }

    fn transmit(&mut self, burst: &mut Burst<Box<[u8]>>) -> Transmitted {
        let mut transmitted = Transmitted::default();
        let mut places = [u32::MAX; BURST];
        for (place, info) in places.iter_mut().zip(burst.infos.iter()) {
            if info.verdict == Verdict::Send {
                match self.places.get(&info.source) {
                    Some(Target::Flow { slot, .. }) => *place = slot.0,
                    _ => transmitted.unreachable += 1,
                }
            }
        }
        for first in 0..burst.len() {
            let place = places[first];
            if place == u32::MAX {
                continue;
            }
            let Some(Some((_, socket))) = self.sockets.get(place as usize) else { continue };
            let messages = burst
                .frames
                .iter()
                .zip(burst.infos.iter())
                .zip(places.iter())
                .skip(first)
                .filter(|(_, at)| **at == place)
                .map(|((frame, info), _)| Message {
                    payload: frame.get(info.start..info.end).unwrap_or_default(),
                    destination: info.destination.to_socket_addr(),
                    traffic_class: info.traffic_class,
                });
            if socket.send(&mut self.sent, messages).is_err() {
                transmitted.errors += 1;
            }
            for outcome in self.sent.outcomes() {
                match outcome {
                    Outcome::Sent => transmitted.sent += 1,
                    Outcome::Full => transmitted.full += 1,
                    Outcome::TooBig => transmitted.too_big += 1,
                    Outcome::Unreachable => transmitted.unreachable += 1,
                    Outcome::Failed(_) => transmitted.errors += 1,
                }
            }
            for at in places.iter_mut().skip(first).filter(|at| **at == place) {
                *at = u32::MAX;
            }
        }
        self.frames.extend(burst.drain().map(|packet| packet.frame));
        transmitted
    }

    fn wait(&mut self, timeout: Duration) {
        if self.served == self.ready {
            self.look(timeout);
        }
    }

    fn frame(&mut self) -> Option<Box<[u8]>> {
        self.frames.pop()
    }

    fn attach(&mut self, endpoint: Endpoint, socket: UdpSocket) -> Result<(), UdpSocket> {
        if self.places.get(&endpoint).is_some() {
            return Err(socket);
        }
        let Some(place) = self.vacant.pop() else { return Err(socket) };
        let entered = self.poller.add(socket.as_fd(), u64::from(place)).is_ok()
            && self.places.insert(endpoint, at(place));
        match self.sockets.get_mut(place as usize) {
            Some(entry) if entered => {
                *entry = Some((endpoint, socket));
                Ok(())
            }
            _ => {
                let _ = self.poller.remove(socket.as_fd());
                self.vacant.push(place);
                Err(socket)
            }
        }
    }

    fn detach(&mut self, endpoint: Endpoint) -> Option<UdpSocket> {
        let Target::Flow { slot: FlowSlot(place), .. } = self.places.get(&endpoint)? else { return None };
        let (_, socket) = self.sockets.get_mut(place as usize)?.take()?;
        self.places.remove(&endpoint, at(place));
        self.vacant.push(place);
        let _ = self.poller.remove(socket.as_fd());
        // The poller's last answer may name the place, which another socket may take.
        (self.ready, self.served) = (0, 0);
        Some(socket)
    }
}
