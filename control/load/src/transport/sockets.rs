// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP sockets, many packets a call.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use culvert_udp::{Message, Outcome, Poller, ReceiveBurst, SendBurst, SocketOptions, UdpSocket};

use super::{Incoming, Local, Outgoing, Side, Way};
use crate::LoadError;
use crate::plan::{MOST_AT_ONCE, Plan, Ports};

/// Room for a packet longer than any that the relay should send.
const ROOM: usize = 2048;
/// SO_RCVBUF and SO_SNDBUF, as far as the system grants them.
const BUFFER: u32 = 8 << 20;
/// Ports from which strangers send.
pub(crate) const STRANGERS: usize = 16;

/// The sockets of both legs, and those of strangers.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// Of A, B and strangers.
    sides: [Vec<UdpSocket>; 3],
    addresses: [Vec<SocketAddr>; 2],
    poller: Poller,
    send: SendBurst,
    receive: ReceiveBurst,
    buffers: Vec<[u8; ROOM]>,
}

impl Sockets {
    /// Binds what the plan says.
    pub(crate) fn bind(plan: &Plan) -> Result<Sockets, LoadError> {
        let options =
            SocketOptions { receive_buffer: Some(BUFFER), send_buffer: Some(BUFFER), timestamps: true };
        let bind = |address: IpAddr, ports: Ports| -> Result<Vec<UdpSocket>, LoadError> {
            let numbers: Vec<u16> = match ports {
                Ports::Any(count) => vec![0; count.into()],
                Ports::Range(first, last) => (first..=last).collect(),
            };
            // More ports than sessions would stay unused.
            let most = plan.sessions as usize;
            let socket = |port| Ok(UdpSocket::bind(SocketAddr::new(address, port), &options)?);
            numbers.into_iter().take(most).map(socket).collect()
        };
        let [a, b] = &plan.legs;
        let strangers = if plan.has_strangers() { STRANGERS } else { 0 };
        let stranger = |_| Ok(UdpSocket::bind(SocketAddr::new(a.address, 0), &SocketOptions::default())?);
        let strangers = (0..strangers).map(stranger).collect::<Result<_, LoadError>>()?;
        let sides = [bind(a.address, a.ports)?, bind(b.address, b.ports)?, strangers];
        let mut poller = Poller::new(MOST_AT_ONCE)?;
        let listening = sides[0].iter().zip(0..).map(|(socket, place)| (socket, place << 1));
        let listening =
            listening.chain(sides[1].iter().zip(0..).map(|(socket, place)| (socket, place << 1 | 1)));
        for (socket, token) in listening {
            poller.add(socket.as_fd(), token)?;
        }
        let addresses = |side: &Vec<UdpSocket>| side.iter().map(UdpSocket::local_address).collect();
        Ok(Sockets {
            addresses: [addresses(&sides[0]), addresses(&sides[1])],
            sides,
            poller,
            send: SendBurst::new(MOST_AT_ONCE),
            receive: ReceiveBurst::new(MOST_AT_ONCE),
            buffers: vec![[0; ROOM]; MOST_AT_ONCE],
        })
    }

    /// The generator's addresses of each leg.
    pub(crate) fn addresses(&self) -> &[Vec<SocketAddr>; 2] {
        &self.addresses
    }
}

impl Way for Sockets {
    fn send(&mut self, packets: &[Outgoing<'_>]) -> Result<usize, LoadError> {
        let mut sent = 0;
        while let Some(first) = packets.get(sent) {
            let rest = packets.get(sent..).unwrap_or_default();
            let run = rest.iter().take(MOST_AT_ONCE).take_while(|packet| packet.from == first.from).count();
            let side = match first.from.side {
                Side::A => &self.sides[0],
                Side::B => &self.sides[1],
                Side::Stranger => &self.sides[2],
            };
            let Some(socket) = side.get(first.from.place) else { return Ok(sent + run) };
            let messages = rest.iter().take(run).map(|packet| Message {
                payload: packet.payload,
                destination: packet.to,
                traffic_class: 0,
            });
            socket.send(&mut self.send, messages)?;
            for (outcome, packet) in self.send.outcomes().iter().zip(rest) {
                match outcome {
                    Outcome::Sent => sent += 1,
                    Outcome::Full => return Ok(sent),
                    refused => return Err(failed(*refused, packet.to)),
                }
            }
        }
        Ok(sent)
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) -> Result<usize, LoadError> {
        let ready = self.poller.wait(Some(Duration::ZERO))?;
        let mut count = 0;
        for token in (0..ready).filter_map(|index| self.poller.ready(index)) {
            let (side, sockets) = match token & 1 {
                0 => (Side::A, &self.sides[0]),
                _ => (Side::B, &self.sides[1]),
            };
            let place = (token >> 1) as usize;
            let Some(socket) = sockets.get(place) else { continue };
            let received =
                socket.receive(&mut self.receive, self.buffers.iter_mut().map(|buffer| &mut buffer[..]))?;
            count += received;
            for (datagram, buffer) in self.receive.datagrams().iter().zip(&mut self.buffers) {
                deliver(Incoming {
                    at: Local { side, place },
                    from: datagram.source,
                    payload: buffer.get_mut(..datagram.length).unwrap_or_default(),
                    received: datagram.received,
                });
            }
        }
        Ok(count)
    }

    fn wait(&mut self, time: Duration) -> Result<(), LoadError> {
        self.poller.wait(Some(time))?;
        Ok(())
    }
}

fn failed(outcome: Outcome, destination: SocketAddr) -> LoadError {
    let reason = match outcome {
        Outcome::TooBig => "the packet does not fit the interface's MTU; take a shorter payload".to_owned(),
        Outcome::Unreachable => "there is no route to it; see `ip route get`".to_owned(),
        Outcome::Failed(number) => std::io::Error::from_raw_os_error(number).to_string(),
        Outcome::Sent | Outcome::Full => "it is not clear why".to_owned(),
    };
    LoadError::Send { destination, reason }
}
