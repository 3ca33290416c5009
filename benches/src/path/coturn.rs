// SPDX-License-Identifier: MIT OR Apache-2.0
//! coturn with one relay thread. The callee of every call is a TURN client (RFC 8656) with an allocation, and the caller its peer:
//! what the caller sends to the relayed address comes to the client in ChannelData messages, four bytes longer. coturn opens
//! nothing.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use crate::path::arena::Host;
use crate::path::contender::{Outgoing, Service};
use crate::path::error::PathError;
use crate::path::process::Process;
use crate::wire::topology::{EDGE, Endpoints, RELAY};

const PORT: u16 = 3478;
const PATIENCE: Duration = Duration::from_secs(10);
const COOKIE: u32 = 0x2112_a442;

const ALLOCATE: u16 = 0x0003;
const CHANNEL_BIND: u16 = 0x0009;
const SUCCESS: u16 = 0x0100;
const CHANNEL_NUMBER: u16 = 0x000c;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// Starts it, allocates, and binds the channels.
///
/// # Errors
/// When it does not come up, or refuses a request.
pub fn start(host: &Host<'_>, calls: u32) -> Result<Service, PathError> {
    let (relay, port) = (RELAY.to_string(), PORT.to_string());
    let database = host.directory.join("turndb");
    let mut process = Process::start(
        &host.topology.relay,
        host.placement.relay_cpu,
        host.directory,
        "turnserver",
        [
            "-n",
            "--no-auth",
            "--relay-threads",
            "1",
            "--listening-ip",
            &relay,
            "--relay-ip",
            &relay,
            "--listening-port",
            &port,
            "--min-port",
            "20000",
            "--max-port",
            "39999",
            "--no-tcp",
            "--no-tcp-relay",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--log-file",
            "stdout",
            "--simple-log",
            "--pidfile",
            "/dev/null",
            "--userdb",
            &database.to_string_lossy(),
        ],
    )?;
    let log = process.log();
    let ports = host
        .topology
        .edge
        .run(|| (0..calls).map(|call| client(call, &mut process)).collect::<Result<Vec<u16>, String>>())?;
    let ports = ports.map_err(|fault| PathError::Rival { contender: "coturn", fault, log })?;
    Ok(Service { running: Box::new(process), ports, outgoing: Outgoing::ChannelData })
}

/// Port of the relayed address.
fn client(call: u32, process: &mut Process) -> Result<u16, String> {
    let said = |error: std::io::Error| format!("cannot be asked: {error}");
    let endpoints = Endpoints::of(call);
    let socket = UdpSocket::bind(endpoints.callee.to_socket_addr()).map_err(said)?;
    socket.connect((RELAY, PORT)).map_err(said)?;
    let transport = [17, 0, 0, 0];
    let allocated = ask(&socket, process, ALLOCATE, call, &[(REQUESTED_TRANSPORT, &transport)])?;
    let relayed = attribute(&allocated, XOR_RELAYED_ADDRESS).ok_or("allocates nothing")?;
    let port = xored(&relayed).ok_or("relays at no IPv4 address")?.port();
    let [first, second] = channel(call).to_be_bytes();
    let peer = xor(SocketAddrV4::new(EDGE, endpoints.caller.port));
    ask(
        &socket,
        process,
        CHANNEL_BIND,
        call,
        &[(CHANNEL_NUMBER, &[first, second, 0, 0]), (XOR_PEER_ADDRESS, &peer)],
    )?;
    Ok(port)
}

/// The channel of a call.
pub fn channel(call: u32) -> u16 {
    0x4000 + call as u16
}

/// The answer's attributes.
fn ask(
    socket: &UdpSocket,
    process: &mut Process,
    method: u16,
    call: u32,
    attributes: &[(u16, &[u8])],
) -> Result<Vec<u8>, String> {
    let message = message(method, call, attributes);
    let _ = socket.set_read_timeout(Some(Duration::from_millis(50)));
    let start = Instant::now();
    let mut buffer = [0; 1500];
    while start.elapsed() < PATIENCE && process.is_running() {
        // Nobody may listen yet: ICMP says so at once, or nobody says anything.
        if socket.send(&message).is_err() {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        let Ok(length) = socket.recv(&mut buffer) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let answer = buffer.get(..length).unwrap_or_default();
        if answer.get(4..20) != message.get(4..20) {
            continue;
        }
        let kind = answer.first_chunk().map(|kind| u16::from_be_bytes(*kind));
        return match (kind, answer.get(20..)) {
            (Some(kind), Some(attributes)) if kind == method | SUCCESS => Ok(attributes.to_vec()),
            _ => Err(format!("refuses method {method:#06x} of call {call}")),
        };
    }
    Err(format!("does not answer on {RELAY}:{PORT}"))
}

/// RFC 8489 section 5; attributes of whole words need no padding.
fn message(method: u16, call: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(*value);
    }
    let mut message = method.to_be_bytes().to_vec();
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(COOKIE.to_be_bytes());
    message.extend([0; 6]);
    message.extend(method.to_be_bytes());
    message.extend(call.to_be_bytes());
    message.extend(body);
    message
}

fn attribute(mut attributes: &[u8], wanted: u16) -> Option<Vec<u8>> {
    loop {
        let (head, rest) = attributes.split_first_chunk::<4>()?;
        let [k0, k1, l0, l1] = *head;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if u16::from_be_bytes([k0, k1]) == wanted {
            return rest.get(..length).map(<[u8]>::to_vec);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn xor(address: SocketAddrV4) -> [u8; 8] {
    let [p0, p1] = (address.port() ^ (COOKIE >> 16) as u16).to_be_bytes();
    let [a0, a1, a2, a3] = (u32::from(*address.ip()) ^ COOKIE).to_be_bytes();
    [0, 1, p0, p1, a0, a1, a2, a3]
}

fn xored(value: &[u8]) -> Option<SocketAddrV4> {
    let [_, 1, p0, p1, a0, a1, a2, a3] = *value.first_chunk::<8>()? else { return None };
    let port = u16::from_be_bytes([p0, p1]) ^ (COOKIE >> 16) as u16;
    Some(SocketAddrV4::new(Ipv4Addr::from(u32::from_be_bytes([a0, a1, a2, a3]) ^ COOKIE), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_there_and_back() {
        // RFC 5769 section 2.2: 192.0.2.1 port 32853.
        let vector = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let address = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 32_853);
        assert_eq!(xor(address), vector);
        assert_eq!(xored(&vector), Some(address));
        assert_eq!(xored(&[0, 2, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn an_attribute_is_found_behind_padding() {
        let attributes = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0, 0, 0x16, 0, 2, 7, 8, 0, 0];
        assert_eq!(attribute(&attributes, 0x16).unwrap(), [7, 8]);
        assert_eq!(attribute(&attributes, 0x17), None);
        assert_eq!(attribute(&attributes[..13], 0x16), None);
    }

    #[test]
    fn a_request_has_header_cookie_and_attributes() {
        let message = message(ALLOCATE, 5, &[(REQUESTED_TRANSPORT, &[17, 0, 0, 0])]);
        let expected = [
            0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0x19, 0, 4, 17, 0, 0,
            0,
        ];
        assert_eq!(message, expected);
    }
}
