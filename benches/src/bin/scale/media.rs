// SPDX-License-Identifier: MIT OR Apache-2.0
//! Media at a steady rate through some of the sessions, from the kernel and to the kernel: each packet is counted once.

use std::net::{SocketAddr, SocketAddrV4};
use std::process::Command;
use std::time::{Duration, Instant};

use culvert_benches::fixture::{Leg, RTP_HEADER, Rtp, VOICE_PAYLOAD, keys};
use culvert_benches::streams::Side;
use culvert_srtp::{Kind, Packet, SendContext, Suite, protect_burst};
use culvert_traffic::{Arrival, Run, Traffic, TrafficConfig};
use culvert_wire::emit::{self, HeaderSpec};
use culvert_wire::{ETHERNET_LENGTH, Endpoint, IPV4_LENGTH, MacAddress, UDP_LENGTH};

use crate::bed::{Bed, FAR_INTERFACES, sink_address, source_address};
use crate::{Options, Outcome};

/// What is under way arrives within this.
const SETTLE: Duration = Duration::from_millis(300);
const HEADERS: usize = ETHERNET_LENGTH + IPV4_LENGTH + UDP_LENGTH;
/// Packets of an attempt to get through.
const ATTEMPT: u32 = 2000;
/// Runs of the generator after which what is due goes out.
const BATCH: u32 = 64;
/// The generator spins between packets: it is to give way to those who have work, and needs little of a processor.
const NICENESS: &str = "5";
/// What a generator that gave way may catch up.
const CATCH_UP: Duration = Duration::from_millis(5);

pub(crate) struct Media {
    traffic: Traffic,
    sender: Side,
    /// Headers of each session's packets.
    specs: Vec<HeaderSpec>,
    sequence: u16,
    suite: Suite,
    rate: f64,
    frames: u32,
    interface: u32,
    cpu: usize,
}

/// What passed in an interval.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) sent: u64,
    /// Distinct packets at the right address.
    pub(crate) received: u64,
    pub(crate) duplicates: u64,
    pub(crate) wrong: u64,
    pub(crate) reordered: u64,
    /// From the first packet to the last that was sent.
    pub(crate) elapsed: Duration,
    /// What was measured meanwhile took that long.
    pub(crate) wanted: Duration,
}

impl Media {
    /// `relay`: where each session's packets go.
    pub(crate) fn new(options: &Options, bed: &Bed, relay: &[SocketAddr]) -> Outcome<Media> {
        let frames = (f64::from(options.media_rate) * options.media_seconds) as u32;
        let frames = frames.max(ATTEMPT);
        // What was made ready and not sent is a gap in the sequence numbers.
        if relay.is_empty() || frames / relay.len() as u32 >= 1 << 14 {
            return Err("too many packets a session: give more --talking, or fewer --media-seconds".into());
        }
        let longest = HEADERS + length(options.suite);
        let mut traffic = Traffic::load(TrafficConfig { frames, longest, flows: relay.len() as u32 })?;
        let [outside, inside] = FAR_INTERFACES;
        bed.far.run(|| traffic.generator.attach_sink(inside))??;
        let edge = bed.far.interface(outside)?;
        let source = bed.relay.interface("outside")?;
        let mut sender = Side::default();
        let mut specs = Vec::new();
        for (number, relay) in (0..).zip(relay) {
            // What the relay receives under, as the request has it.
            sender.send.push(SendContext::new(keys(options.suite, Leg::A, 2 * number)?, 1));
            specs.push(HeaderSpec {
                source_mac: MacAddress(edge.mac_address),
                destination_mac: MacAddress(source.mac_address),
                vlan: None,
                source: Endpoint::from(source_address()),
                destination: Endpoint::from(*relay),
                traffic_class: 46 << 2,
                hop_limit: 64,
            });
        }
        Ok(Media {
            traffic,
            sender,
            specs,
            sequence: 0,
            suite: options.suite,
            rate: f64::from(options.media_rate),
            frames,
            interface: edge.index,
            cpu: options.media_cpu,
        })
    }

    /// Waits until the relay knows its ways: what was sent before may have been lost.
    pub(crate) async fn settle(&mut self, bed: &Bed) -> Outcome<()> {
        let mut passed = Passed::default();
        for _ in 0..20 {
            self.fill(ATTEMPT)?;
            let pause = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(())
            };
            ((), passed) = self.during(bed, ATTEMPT, 100_000.0, pause).await?;
            if passed.received == passed.sent {
                return Ok(());
            }
        }
        Err(format!("media does not get through: {passed:?}").into())
    }

    /// Lets media flow while something is done, and for as long.
    pub(crate) async fn meanwhile<T>(
        &mut self,
        bed: &Bed,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<(T, Passed)> {
        let (frames, rate) = (self.frames, self.rate);
        self.fill(frames)?;
        self.during(bed, frames, rate, work).await
    }

    async fn during<T>(
        &self,
        bed: &Bed,
        packets: u32,
        rate: f64,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<(T, Passed)> {
        let interval = (1e9 / rate) as u64;
        let run = Run {
            packets: packets.into(),
            frames: packets,
            length: HEADERS + length(self.suite),
            interface: self.interface,
            interval,
            catch_up: CATCH_UP.as_nanos() as u64,
            arrival: Arrival { length: length(self.suite), number: HEADERS + 4 },
            stamped: false,
        };
        let SocketAddr::V4(sink) = sink_address() else { return Err("the sink has no IPv4 address".into()) };
        let destinations: Vec<SocketAddrV4> = vec![sink; self.specs.len()];
        let meter = &self.traffic.meter;
        meter.begin(&run, &destinations)?;
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let generating = scope.spawn(|| bed.far.run(|| self.generate())?);
            // This thread has nothing else to do: the runtime's others carry on.
            let done = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work));
            let wanted = begun.elapsed();
            // The sink must go on.
            meter.offer(meter.sent().packets.max(1));
            let generated = generating.join().map_err(|_| "the generator's thread has panicked")?;
            generated?;
            std::thread::sleep(SETTLE);
            let (sent, delivered) = (meter.sent(), meter.delivered());
            meter.end();
            let passed = Passed {
                sent: sent.packets,
                received: delivered.packets,
                duplicates: delivered.duplicates,
                wrong: delivered.wrong,
                reordered: delivered.reordered,
                elapsed: Duration::from_nanos(sent.span),
                wanted,
            };
            Ok((done?, passed))
        })
    }

    fn generate(&self) -> Outcome<()> {
        culvert_traffic::pin(self.cpu)?;
        let thread = std::fs::read_link("/proc/thread-self")?;
        let thread = thread.file_name().ok_or("this thread has no number")?;
        Command::new("renice").args(["-n", NICENESS, "-p"]).arg(thread).output()?;
        Ok(self.traffic.generator.send(&self.traffic.meter, BATCH)?)
    }

    /// Makes the next packets of all sessions ready.
    fn fill(&mut self, packets: u32) -> Outcome<()> {
        let frame = HEADERS + length(self.suite);
        let sessions = self.specs.len() as u32;
        let mut places = self.traffic.pool.places_mut(frame).take(packets as usize);
        let mut next = 0_u32;
        loop {
            let mut frames: Vec<&mut [u8]> = places.by_ref().take(64).collect();
            if frames.is_empty() {
                break;
            }
            let mut burst: Vec<Packet<'_>> = Vec::with_capacity(frames.len());
            for (number, frame) in (next..).zip(&mut frames) {
                let session = number % sessions;
                let sequence = self.sequence.wrapping_add((number / sessions) as u16);
                let buffer = frame.get_mut(HEADERS..).ok_or("a place is too short")?;
                // The timestamp is the packet's number, from which the sink knows it.
                let plain =
                    Rtp { ssrc: session + 1, sequence, timestamp: number }.write(buffer, VOICE_PAYLOAD);
                burst.push(Packet::new(buffer, plain, Kind::Rtp, session));
            }
            protect_burst(&mut burst, &mut self.sender);
            for packet in &burst {
                packet.outcome?;
            }
            drop(burst);
            for (number, place) in (next..).zip(&mut frames) {
                let (headers, payload) = place.split_at_mut(HEADERS);
                let spec = self.specs.get((number % sessions) as usize).ok_or("there is no such session")?;
                let payload = payload.get(..frame - HEADERS).ok_or("a place is too short")?;
                emit::write(headers, spec, payload).map_err(|error| format!("{error:?}"))?;
            }
            next += frames.len() as u32;
        }
        self.sequence = self.sequence.wrapping_add(packets.div_ceil(sessions) as u16);
        Ok(())
    }
}

/// Bytes of the payload of UDP.
fn length(suite: Suite) -> usize {
    RTP_HEADER + VOICE_PAYLOAD + suite.rtp_tag_length()
}
