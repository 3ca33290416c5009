// SPDX-License-Identifier: MIT OR Apache-2.0
//! Media at a steady rate through some of the sessions, counted at both ends.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use culvert_benches::fixture::{Leg, VOICE_PAYLOAD, keys};
use culvert_srtp::{Contexts, Kind, Packet, ReceiveContext, SendContext, Suite, protect_burst};
use nix::sys::socket::{setsockopt, sockopt};

use crate::bed::Bed;
use crate::{Options, Outcome};

/// What is under way arrives within this.
const SETTLE: Duration = Duration::from_millis(300);
/// Packets that may wait to be read.
const BUFFER: usize = 64 << 20;

pub(crate) struct Media {
    shared: Arc<Shared>,
    /// Sent and received when the interval began.
    before: [u64; 2],
    begun: Instant,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    paused: AtomicBool,
    stopped: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
}

/// What passed in an interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) elapsed: Duration,
}

impl Media {
    pub(crate) fn start(
        options: &Options,
        bed: &Bed,
        sink: UdpSocket,
        relay: Vec<SocketAddr>,
    ) -> Outcome<Media> {
        let shared = Arc::new(Shared::default());
        setsockopt(&sink, sockopt::RcvBufForce, &BUFFER)?;
        sink.set_read_timeout(Some(Duration::from_millis(100)))?;
        let source = bed.source()?;
        let mut talkers = Vec::new();
        for (number, relay) in (0..).zip(relay) {
            talkers.push(Talker::new(options.suite, number, relay)?);
        }
        let (receiving, sending) = (Arc::clone(&shared), Arc::clone(&shared));
        let rate = f64::from(options.rate);
        let threads = vec![
            std::thread::spawn(move || receive(&sink, &receiving)),
            std::thread::spawn(move || send(&source, talkers, rate, &sending)),
        ];
        Ok(Media { shared, before: [0; 2], begun: Instant::now(), threads })
    }

    /// Waits until the relay knows its ways: what was sent before may have been lost.
    pub(crate) async fn settle(&mut self) -> Outcome<()> {
        for _ in 0..50 {
            self.begin();
            tokio::time::sleep(Duration::from_millis(200)).await;
            let Passed { sent, received, .. } = self.end().await?;
            if sent > 0 && sent == received {
                return Ok(());
            }
        }
        Err("media does not get through".into())
    }

    pub(crate) fn begin(&mut self) {
        self.before = self.counts();
        self.begun = Instant::now();
        self.shared.paused.store(false, Relaxed);
    }

    /// Ends the interval: stops sending and lets arrive what is under way.
    pub(crate) async fn end(&mut self) -> Outcome<Passed> {
        self.shared.paused.store(true, Relaxed);
        let elapsed = self.begun.elapsed();
        tokio::time::sleep(SETTLE).await;
        let [sent, received] = self.counts();
        if self.threads.iter().any(JoinHandle::is_finished) {
            return Err("a thread of the media has ended".into());
        }
        Ok(Passed { sent: sent - self.before[0], received: received - self.before[1], elapsed })
    }

    fn counts(&self) -> [u64; 2] {
        [self.shared.sent.load(Relaxed), self.shared.received.load(Relaxed)]
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One endpoint: its keys, and its next packet.
struct Talker {
    relay: SocketAddr,
    context: SendContext,
    ssrc: u32,
    sequence: u16,
}

impl Talker {
    fn new(suite: Suite, number: u32, relay: SocketAddr) -> Outcome<Talker> {
        // What the relay receives under, as the request has it.
        let context = SendContext::new(keys(suite, Leg::A, 2 * number)?, 1);
        Ok(Talker { relay, context, ssrc: number + 1, sequence: 0 })
    }

    fn talk(&mut self, socket: &UdpSocket) -> Outcome<()> {
        let mut buffer = [0x55; 12 + VOICE_PAYLOAD + 32];
        self.sequence = self.sequence.wrapping_add(1);
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        buffer[..2].copy_from_slice(&[0x80, 0]);
        buffer[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        buffer[4..8].copy_from_slice(&timestamp.to_be_bytes());
        buffer[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let mut packets = [Packet::new(&mut buffer, 12 + VOICE_PAYLOAD, Kind::Rtp, 0)];
        protect_burst(&mut packets, self);
        let [packet] = packets;
        packet.outcome?;
        let length = packet.length;
        socket.send_to(buffer.get(..length).unwrap_or_default(), self.relay)?;
        Ok(())
    }
}

impl Contexts for Talker {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        None
    }

    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        None
    }

    fn send(&self, _: u32) -> Option<&SendContext> {
        Some(&self.context)
    }

    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        Some(&mut self.context)
    }
}

/// What is due is sent once a millisecond; what could not be in time is not made up for.
fn send(socket: &UdpSocket, mut talkers: Vec<Talker>, rate: f64, shared: &Shared) {
    let mut next = 0;
    let mut last = Instant::now();
    let mut due = 0.0;
    while !shared.stopped.load(Relaxed) && !talkers.is_empty() {
        std::thread::sleep(Duration::from_millis(1));
        let now = Instant::now();
        let elapsed = (now - last).min(Duration::from_millis(10));
        last = now;
        if shared.paused.load(Relaxed) {
            continue;
        }
        due += rate * elapsed.as_secs_f64();
        while due >= 1.0 {
            due -= 1.0;
            next = (next + 1) % talkers.len();
            let Some(talker) = talkers.get_mut(next) else { return };
            if talker.talk(socket).is_err() {
                return;
            }
            shared.sent.fetch_add(1, Relaxed);
        }
    }
}

fn receive(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 2048];
    while !shared.stopped.load(Relaxed) {
        // The timeout is there to see the end.
        if socket.recv(&mut buffer).is_ok() {
            shared.received.fetch_add(1, Relaxed);
        }
    }
}
