// SPDX-License-Identifier: MIT OR Apache-2.0
//! rtpengine in user space with one worker thread, told about calls over ng.
//!
//! It passes a key on when both legs take the same suite. To be made to re-key, the answer takes AES_CM_128_HMAC_SHA1_32 out of
//! what it offers: what leaves then has a tag of 32 bits, under a key of its own.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::fixture::{Leg, master_bytes};
use crate::path::arena::Host;
use crate::path::bencode::Value;
use crate::path::contender::{Outgoing, Service};
use crate::path::error::PathError;
use crate::path::process::Process;
use crate::path::scenario::Scenario;
use crate::wire::load::SUITE;
use crate::wire::topology::{EDGE, Endpoints, RELAY};

const NG: &str = "127.0.0.1:2223";
const PATIENCE: Duration = Duration::from_secs(10);
const OUT: &str = "AES_CM_128_HMAC_SHA1_32";

/// Starts it and makes the calls.
///
/// # Errors
/// When it does not come up, or refuses a call.
pub fn start(host: &Host<'_>, scenario: Scenario, calls: u32) -> Result<Service, PathError> {
    let (interface, ng) = (format!("--interface={RELAY}"), format!("--listen-ng={NG}"));
    let mut process = Process::start(
        &host.topology.relay,
        host.placement.relay_cpu,
        host.directory,
        "rtpengine",
        [
            "--foreground",
            "--config-file=none",
            "--table=-1",
            "--num-threads=1",
            &interface,
            &ng,
            "--port-min=20000",
            "--port-max=39999",
            "--log-stderr",
            "--log-level=3",
        ],
    )?;
    let log = process.log();
    let calls = host.topology.relay.run(|| {
        let mut client = Client::connect(&mut process)?;
        (0..calls).map(|call| client.call(scenario, call)).collect::<Result<Vec<Call>, String>>()
    })?;
    let calls = calls.map_err(|fault| PathError::Rival { contender: "rtpengine", fault, log })?;
    let outgoing = if scenario.legs().1.is_some() {
        Outgoing::Srtp { tag: 4, keys: calls.iter().map(|call| call.key).collect() }
    } else {
        Outgoing::Rtp
    };
    let ports = calls.iter().map(|call| call.port).collect();
    Ok(Service { running: Box::new(process), ports, outgoing })
}

struct Call {
    /// Where the caller's media go.
    port: u16,
    /// Under which they leave.
    key: [u8; 30],
}

struct Client {
    socket: UdpSocket,
    cookie: u64,
}

impl Client {
    fn connect(process: &mut Process) -> Result<Client, String> {
        let said = |error: std::io::Error| format!("cannot be asked: {error}");
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(said)?;
        socket.connect(NG).map_err(said)?;
        let mut client = Client { socket, cookie: 0 };
        let start = Instant::now();
        loop {
            client.socket.set_read_timeout(Some(Duration::from_millis(20))).map_err(said)?;
            let answer = client.ask(Value::dictionary([("command", Value::text("ping"))]));
            if answer.is_ok() {
                client.socket.set_read_timeout(Some(PATIENCE)).map_err(said)?;
                return Ok(client);
            }
            if !process.is_running() || start.elapsed() > PATIENCE {
                return Err(format!("does not answer on {NG}"));
            }
            // Nobody listens yet, which ICMP says at once.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ask(&mut self, request: Value) -> Result<Value, String> {
        self.cookie += 1;
        let cookie = format!("{} ", self.cookie);
        let mut bytes = cookie.clone().into_bytes();
        request.encode(&mut bytes);
        self.socket.send(&bytes).map_err(|error| error.to_string())?;
        let mut buffer = [0; 16_384];
        loop {
            let length =
                self.socket.recv(&mut buffer).map_err(|error| format!("does not answer: {error}"))?;
            // Late answers are those of earlier pings.
            if let Some(answer) = buffer.get(..length).and_then(|bytes| bytes.strip_prefix(cookie.as_bytes()))
            {
                return Value::decode(answer).ok_or_else(|| "gives an answer that is not bencode".into());
            }
        }
    }

    fn call(&mut self, scenario: Scenario, call: u32) -> Result<Call, String> {
        let endpoints = Endpoints::of(call);
        let (receive, send) = scenario.legs();
        let profile = |secure: bool| if secure { "RTP/SAVP" } else { "RTP/AVP" };
        let key = base64(&master_bytes(SUITE, Leg::A, call));
        let crypto = receive.map(|suite| format!("a=crypto:1 {suite} inline:{key}\r\n"));
        let offer = sdp(endpoints.caller.port, profile(receive.is_some()), crypto);
        let offered = self.exchange("offer", call, offer, profile(send.is_some()))?;
        let line = send.map(|_| crypto_line(&offered).ok_or("offers no key of the suite")).transpose()?;
        // The callee's own key, for what it would send.
        let answer_key = base64(&master_bytes(SUITE, Leg::B, call));
        let crypto = line.as_ref().map(|(tag, _)| format!("a=crypto:{tag} {OUT} inline:{answer_key}\r\n"));
        let answer = sdp(endpoints.callee.port, profile(send.is_some()), crypto);
        let answered = self.exchange("answer", call, answer, profile(receive.is_some()))?;
        let port = media_port(&answered).ok_or("answers without a port")?;
        let key = line.map_or([0; 30], |(_, key)| key);
        if line.is_some() && key.as_slice() == master_bytes(SUITE, Leg::A, call) {
            return Err("passes the caller's key on".into());
        }
        Ok(Call { port, key })
    }

    fn exchange(&mut self, command: &str, call: u32, sdp: String, profile: &str) -> Result<String, String> {
        let mut request = vec![
            ("command", command.to_owned()),
            ("call-id", format!("call-{call}")),
            ("from-tag", "caller".into()),
            ("sdp", sdp),
            ("transport-protocol", profile.to_owned()),
            ("ICE", "remove".into()),
            ("DTLS", "off".into()),
        ];
        if command == "answer" {
            request.push(("to-tag", "callee".into()));
        }
        let request = request.into_iter().map(|(name, text)| (name.to_owned(), Value::Text(text)));
        let answer = self.ask(Value::Dictionary(request.collect()))?;
        match (answer.get("result"), answer.get("sdp")) {
            (Some("ok"), Some(sdp)) => Ok(sdp.to_owned()),
            _ => Err(format!(
                "refuses the {command} of call {call}: {}",
                answer.get("error-reason").unwrap_or("no reason given")
            )),
        }
    }
}

fn sdp(port: u16, profile: &str, crypto: Option<String>) -> String {
    let crypto = crypto.unwrap_or_default();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {EDGE}\r\ns=-\r\nc=IN IP4 {EDGE}\r\nt=0 0\r\nm=audio {port} {profile} 0\r\na=rtcp-mux\r\n{crypto}"
    )
}

fn media_port(sdp: &str) -> Option<u16> {
    sdp.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()
}

/// Tag and key of the suite that is to be taken.
fn crypto_line(sdp: &str) -> Option<(u32, [u8; 30])> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=crypto:")).find_map(|line| {
        let mut words = line.split(' ');
        let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
        let key = key.strip_prefix("inline:").filter(|_| suite == OUT)?;
        Some((tag.parse().ok()?, unbase64(key.split('|').next()?)?.try_into().ok()?))
    })
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Of bytes whose number is a multiple of three, as that of key and salt is.
fn base64(bytes: &[u8]) -> String {
    let group = |chunk: &[u8]| chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    let letters = |word: u32| [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(word >> shift & 63) as usize]));
    bytes.chunks_exact(3).flat_map(|chunk| letters(group(chunk))).collect()
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let value = |letter: &u8| ALPHABET.iter().position(|known| known == letter);
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let word = chunk.iter().try_fold(0u32, |word, letter| Some(word << 6 | value(letter)? as u32))?;
        let [_, first, second, third] = word.to_be_bytes();
        bytes.extend([first, second, third]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_port_and_key_of_an_offer() {
        let key: Vec<u8> = (100..130).collect();
        let sdp = format!(
            "v=0\r\nm=audio 20016 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}\r\na=crypto:8 {OUT} inline:{}|2^31\r\n",
            base64(&[1; 30]),
            base64(&key)
        );
        assert_eq!(media_port(&sdp), Some(20_016));
        assert_eq!(crypto_line(&sdp), Some((8, key.try_into().unwrap())));
        assert_eq!(crypto_line("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"), None);
    }

    #[test]
    fn base64_of_known_bytes() {
        assert_eq!(base64(b"Man...\xff\xff\xff"), "TWFuLi4u////");
        assert_eq!(unbase64("TWFuLi4u////").unwrap(), b"Man...\xff\xff\xff");
        assert_eq!(unbase64("TW=u"), None);
    }
}
