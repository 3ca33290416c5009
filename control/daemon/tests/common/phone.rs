// SPDX-License-Identifier: MIT OR Apache-2.0
//! A telephone: real UDP sockets, and the keys of its own leg.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use culvert_api::{Client, v1};
use culvert_srtp::{
    Contexts, Kind, Packet, ReceiveContext, Reject, SendContext, protect_burst, unprotect_burst,
};

use super::{
    PATIENCE,
    request::{Pair, endpoint, leg, plain, session},
};

/// The number of a telephone's first packet.
const FIRST: u16 = 100;

pub struct Phone {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub ssrc: u32,
    pub sequence: u16,
    relay: Option<[SocketAddr; 2]>,
    secret: Option<Secret>,
}

struct Secret {
    send: SendContext,
    receive: ReceiveContext,
}

impl Contexts for Secret {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        Some(&self.receive)
    }

    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        Some(&mut self.receive)
    }

    fn send(&self, _: u32) -> Option<&SendContext> {
        Some(&self.send)
    }

    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        Some(&mut self.send)
    }
}

impl Phone {
    pub fn new(ip: IpAddr, ssrc: u32, keys: Option<&Pair>) -> Phone {
        let bind = || UdpSocket::bind((ip, 0)).unwrap();
        Phone::on(bind(), bind(), ssrc, keys)
    }

    pub fn on(rtp: UdpSocket, rtcp: UdpSocket, ssrc: u32, keys: Option<&Pair>) -> Phone {
        for socket in [&rtp, &rtcp] {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut phone = Phone { rtp, rtcp, ssrc, sequence: FIRST, relay: None, secret: None };
        keys.into_iter().for_each(|keys| phone.key(keys));
        phone
    }

    /// Its first keys, or such as know nothing of those before.
    pub fn key(&mut self, keys: &Pair) {
        self.secret = Some(Secret {
            send: SendContext::new(keys.endpoint.set(), 4),
            receive: ReceiveContext::new(keys.relay.set(), 4),
        });
    }

    /// What it signals.
    pub fn remote(&self, rtcp_mux: bool) -> v1::Remote {
        let rtcp = (!rtcp_mux).then(|| endpoint(self.rtcp.local_addr().unwrap()));
        v1::Remote { rtp: Some(endpoint(self.rtp.local_addr().unwrap())), rtcp }
    }

    /// Takes in what the relay signals.
    pub fn answer(&mut self, session: &v1::Session, leg: usize) {
        let leg = &session.media[0].legs[leg];
        self.relay = Some([&leg.local_rtp, &leg.local_rtcp].map(|local| {
            let local = local.as_ref().unwrap();
            SocketAddr::new(local.address.parse().unwrap(), local.port as u16)
        }));
    }

    /// Reaches the relay at another address than it signals.
    pub fn reach(&mut self, address: IpAddr) {
        self.relay.as_mut().unwrap().iter_mut().for_each(|relay| relay.set_ip(address));
    }

    pub fn relay(&self) -> [SocketAddr; 2] {
        self.relay.unwrap()
    }

    /// Packets of audio so far.
    pub fn said(&self) -> u64 {
        u64::from(self.sequence.wrapping_sub(FIRST))
    }

    pub fn rekey(&mut self, keys: &Pair) {
        let secret = self.secret.as_mut().unwrap();
        secret.send.rekey(keys.endpoint.set());
        secret.receive.rekey(keys.relay.set());
    }

    /// The next RTP packet in the clear: 20 ms of audio at 8 kHz, told apart by its number.
    pub fn packet(&mut self) -> Vec<u8> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.to_be_bytes());
        packet.extend((u32::from(sequence) * 160).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend((0..160).map(|i| (i as u8) ^ (sequence as u8) ^ (self.ssrc as u8)));
        packet
    }

    /// A sender report.
    pub fn report(&self) -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6];
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend((0..20).map(|i| i as u8));
        packet
    }

    pub fn protect(&mut self, kind: Kind, packet: &[u8]) -> Vec<u8> {
        let Some(secret) = &mut self.secret else { return packet.to_vec() };
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + 200, 0);
        let mut burst = [Packet::new(&mut buffer, packet.len(), kind, 0)];
        protect_burst(&mut burst, secret);
        assert_eq!(burst[0].outcome, Ok(()));
        let length = burst[0].length;
        buffer.truncate(length);
        buffer
    }

    pub fn unprotect(&mut self, kind: Kind, packet: &[u8]) -> Result<Vec<u8>, Reject> {
        let Some(secret) = &mut self.secret else { return Ok(packet.to_vec()) };
        let mut buffer = packet.to_vec();
        let mut burst = [Packet::new(&mut buffer, packet.len(), kind, 0)];
        unprotect_burst(&mut burst, secret);
        burst[0].outcome?;
        let length = burst[0].length;
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Sends the next packet of audio; in the clear it was what comes back.
    pub fn talk(&mut self) -> Vec<u8> {
        let packet = self.packet();
        let wire = self.protect(Kind::Rtp, &packet);
        self.rtp.send_to(&wire, self.relay()[0]).unwrap();
        packet
    }

    /// Sends a report, on the port that RTCP has.
    pub fn tell(&mut self) -> Vec<u8> {
        let packet = self.report();
        let wire = self.protect(Kind::Rtcp, &packet);
        let [rtp, rtcp] = self.relay();
        let socket = if rtp == rtcp { &self.rtp } else { &self.rtcp };
        socket.send_to(&wire, rtcp).unwrap();
        packet
    }

    /// The next datagram as it came, from the relay and nobody else.
    pub fn wire(&self) -> Vec<u8> {
        let (packet, source) = receive(&self.rtp);
        assert_eq!(source, self.relay()[0]);
        packet
    }

    /// The next packet of audio in the clear.
    pub fn hear(&mut self) -> Vec<u8> {
        let wire = self.wire();
        self.unprotect(Kind::Rtp, &wire).unwrap()
    }

    /// The next report in the clear.
    pub fn read(&mut self) -> Vec<u8> {
        let [rtp, rtcp] = self.relay();
        let (wire, source) = receive(if rtp == rtcp { &self.rtp } else { &self.rtcp });
        assert_eq!(source, rtcp);
        self.unprotect(Kind::Rtcp, &wire).unwrap()
    }
}

/// Both talk at once, and both hear every packet.
pub fn converse(caller: &mut Phone, callee: &mut Phone, packets: usize) {
    for _ in 0..packets {
        let (said, answered) = (caller.talk(), callee.talk());
        assert_eq!(callee.hear(), said);
        assert_eq!(caller.hear(), answered);
    }
}

pub fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 2048];
    let (length, source) = socket.recv_from(&mut buffer).unwrap();
    buffer.truncate(length);
    (buffer, source)
}

/// What a front end makes of two telephones, with raw keys where there are any.
pub async fn call(
    client: &mut Client,
    id: &str,
    phones: [&mut Phone; 2],
    keys: [Option<&Pair>; 2],
    rtcp_mux: bool,
) -> v1::Session {
    let [caller, callee] = phones;
    let protection = |keys: Option<&Pair>| keys.map_or_else(plain, Pair::raw);
    let mut legs = [
        leg("outside", Some(caller.remote(rtcp_mux)), protection(keys[0])),
        leg("inside", Some(callee.remote(rtcp_mux)), protection(keys[1])),
    ];
    for leg in &mut legs {
        leg.rtcp_mux = rtcp_mux;
    }
    let made = client.create_session(session(id, legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    made
}
