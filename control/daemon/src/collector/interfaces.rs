// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel did with packets to relay ports before the workers saw them. None with the socket back end.

use culvert_ebpf_loader::AttachMode;
use culvert_xsk::{Statistics, StatisticsReader};
use prometheus_client::encoding::DescriptorEncoder;

use super::encode::{Encoded, Labels, counter, gauge};
use crate::plane::XdpInterface;

/// One interface at the moment of a scrape.
#[derive(Debug)]
pub(super) struct InterfaceSample {
    name: String,
    mtu: u16,
    native: bool,
    verdicts: Vec<(&'static str, u64)>,
    queues: Vec<(bool, StatisticsReader)>,
}

impl InterfaceSample {
    pub(super) fn of(interface: &XdpInterface) -> InterfaceSample {
        let verdicts = match interface.counters() {
            Ok(counters) => counters.iter().map(|(counter, count)| (counter.name(), count)).collect(),
            Err(error) => {
                tracing::warn!(interface = interface.name, %error, "XDP counters cannot be read");
                Vec::new()
            }
        };
        let queues = interface.queues.iter().map(|queue| (queue.zero_copy, queue.statistics.clone()));
        InterfaceSample {
            name: interface.name.clone(),
            mtu: interface.mtu,
            native: matches!(interface.mode, AttachMode::Native),
            verdicts,
            queues: queues.collect(),
        }
    }

    fn labels(&self) -> Labels {
        vec![("interface", self.name.clone())]
    }

    /// This interface's labels and another one.
    fn and(&self, name: &'static str, value: String) -> Labels {
        vec![("interface", self.name.clone()), (name, value)]
    }
}

/// Name in labels, and how to read it.
type Read = (&'static str, fn(&Statistics) -> u64);

const SOCKET: [Read; 6] = [
    ("receive_dropped", |socket| socket.receive_dropped),
    ("receive_invalid_descriptors", |socket| socket.receive_invalid_descriptors),
    ("transmit_invalid_descriptors", |socket| socket.transmit_invalid_descriptors),
    ("receive_ring_full", |socket| socket.receive_ring_full),
    ("fill_ring_empty", |socket| socket.fill_ring_empty),
    ("transmit_ring_empty", |socket| socket.transmit_ring_empty),
];

pub(super) fn encode(interfaces: &[InterfaceSample], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let mtu = interfaces.iter().map(|interface| (interface.labels(), u64::from(interface.mtu)));
    gauge(encoder, "interface_mtu_bytes", "Longest IP packet", mtu)?;
    let native = interfaces.iter().map(|interface| (interface.labels(), u64::from(interface.native)));
    gauge(
        encoder,
        "interface_xdp_native",
        "1 where the driver runs the XDP program, 0 where the kernel does",
        native,
    )?;
    let verdicts = interfaces.iter().flat_map(|interface| {
        interface
            .verdicts
            .iter()
            .map(|(verdict, count)| (interface.and("verdict", (*verdict).to_owned()), *count))
    });
    counter(encoder, "xdp_packets", "Packets to relay ports as the XDP program judged them", verdicts)?;
    let zero_copy = interfaces.iter().flat_map(|interface| {
        let queues = interface.queues.iter().enumerate();
        queues
            .map(|(queue, (zero_copy, _))| (interface.and("queue", queue.to_string()), u64::from(*zero_copy)))
    });
    gauge(encoder, "queue_zero_copy", "1 where the driver works on the packet memory directly", zero_copy)?;
    let help = "What the kernel counts for a queue's AF_XDP socket, mostly drops, by reason";
    counter(encoder, "queue_socket_events", help, interfaces.iter().flat_map(sockets))
}

fn sockets(interface: &InterfaceSample) -> impl Iterator<Item = (Labels, u64)> {
    interface.queues.iter().enumerate().flat_map(move |(queue, (_, reader))| {
        let statistics = match reader.read() {
            Ok(statistics) => Some(statistics),
            Err(error) => {
                tracing::warn!(queue, %error, "socket statistics cannot be read");
                None
            }
        };
        let labels = move |reason: &str| {
            let mut labels = interface.and("queue", queue.to_string());
            labels.push(("reason", reason.to_owned()));
            labels
        };
        statistics
            .into_iter()
            .flat_map(move |statistics| SOCKET.map(|(reason, read)| (labels(reason), read(&statistics))))
    })
}
