// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is measured.

use std::fmt;

use clap::ValueEnum;
use culvert_traffic::Arrival;

use crate::path::arena::Host;
use crate::path::error::PathError;
use crate::path::scenario::Scenario;
use crate::path::{coturn, rtpengine, udp_forwarder, xdp_forwarder};
use crate::relay::{Backend, Relay};
use crate::wire::error::WireError;
use crate::wire::load::{self, NUMBER, frame_length};
use crate::wire::topology::Endpoints;

/// A contender.
#[derive(Copy, Clone, Debug, Eq, PartialEq, ValueEnum)]
pub enum Contender {
    /// Culvert on AF_XDP, native mode
    CulvertXdp,
    /// Culvert on AF_XDP, generic mode
    CulvertXdpGeneric,
    /// Culvert on sockets
    CulvertSocket,
    /// rtpengine in user space
    Rtpengine,
    /// A forwarder on sockets, which opens nothing
    UdpForwarder,
    /// coturn, which opens nothing
    Coturn,
    /// A forwarder on AF_XDP, which opens nothing
    XdpForwarder,
}

impl Contender {
    /// As options and rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Contender::CulvertXdp => "culvert-xdp",
            Contender::CulvertXdpGeneric => "culvert-xdp-generic",
            Contender::CulvertSocket => "culvert-socket",
            Contender::Rtpengine => "rtpengine",
            Contender::UdpForwarder => "udp-forwarder",
            Contender::Coturn => "coturn",
            Contender::XdpForwarder => "xdp-forwarder",
        }
    }

    /// Whether it does what the scenario says. What opens no packet is measured with those of SRTP to SRTP alone, as the others
    /// would give the same.
    pub fn takes(self, scenario: Scenario) -> bool {
        let opens = !matches!(self, Contender::UdpForwarder | Contender::Coturn | Contender::XdpForwarder);
        opens || scenario == Scenario::SrtpSrtp
    }

    /// Starts it with so many calls, each from caller to callee. To be called on the main thread.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(self, host: &Host<'_>, scenario: Scenario, calls: u32) -> Result<Service, PathError> {
        let culvert = |backend| culvert(host, backend, scenario, calls);
        let cpu = host.placement.relay_cpu;
        match self {
            Contender::CulvertXdp => culvert(Backend::Xdp),
            Contender::CulvertXdpGeneric => culvert(Backend::XdpGeneric),
            Contender::CulvertSocket => culvert(Backend::Socket),
            Contender::Rtpengine => rtpengine::start(host, scenario, calls),
            Contender::UdpForwarder => host.topology.relay.run(|| udp_forwarder::start(calls, cpu))?,
            Contender::Coturn => coturn::start(host, calls),
            Contender::XdpForwarder => {
                host.topology.relay.run(|| xdp_forwarder::start(calls, host.topology.macs, cpu))?
            }
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What leaves a contender.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// What has arrived, byte for byte.
    AsSent,
    /// The same in ChannelData messages.
    ChannelData,
    /// RTP.
    Rtp,
    /// SRTP of AES_CM_128 with a tag of so many bytes, under the call's key and salt.
    Srtp {
        /// 4 or 10.
        tag: usize,
        /// By call.
        keys: Vec<[u8; 30]>,
    },
}

impl Outgoing {
    /// What the sink is to expect.
    pub fn arrival(&self, scenario: Scenario) -> Arrival {
        let headers = NUMBER - 4;
        let plain = frame_length(None) - headers;
        match self {
            Outgoing::AsSent => {
                Arrival { length: frame_length(scenario.received()) - headers, number: NUMBER }
            }
            Outgoing::ChannelData => {
                Arrival { length: frame_length(scenario.received()) - headers + 4, number: NUMBER + 4 }
            }
            Outgoing::Rtp => Arrival { length: plain, number: NUMBER },
            Outgoing::Srtp { tag, .. } => Arrival { length: plain + tag, number: NUMBER },
        }
    }
}

/// A running contender. Dropping it ends it.
pub struct Service {
    /// Whatever must be kept until then.
    pub running: Box<dyn Send>,
    /// The relay's port that each call's packets are to be sent to.
    pub ports: Vec<u16>,
    /// What comes of them.
    pub outgoing: Outgoing,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Service").field("calls", &self.ports.len()).finish_non_exhaustive()
    }
}

/// Ends it as a program ends: dropping the handle would leave the thread running.
struct Culvert(Option<Relay>);

impl Drop for Culvert {
    fn drop(&mut self) {
        let _ = self.0.take().map(Relay::stop);
    }
}

fn culvert(host: &Host<'_>, backend: Backend, scenario: Scenario, calls: u32) -> Result<Service, PathError> {
    let topology = host.topology;
    let start = || Relay::start(backend, calls, scenario.legs(), topology.macs, host.placement.relay_cpu);
    let relay = topology.relay.run(start)?.map_err(WireError::from)?;
    let outgoing = match scenario.legs().1 {
        Some(suite) => {
            Outgoing::Srtp { tag: suite.rtp_tag_length(), keys: (0..calls).map(load::callee_key).collect() }
        }
        None => Outgoing::Rtp,
    };
    let ports = (0..calls).map(|call| Endpoints::of(call).ingress.port).collect();
    Ok(Service { running: Box::new(Culvert(Some(relay))), ports, outgoing })
}
