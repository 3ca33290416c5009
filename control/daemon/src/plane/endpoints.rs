// SPDX-License-Identifier: MIT OR Apache-2.0
//! Local endpoints: how packets to them reach the engine, on each back end.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use culvert_ebpf_loader::{AttachMode, Counters, Steering, SteeringError};
use culvert_engine::{Command, InterfaceId};
use culvert_udp::{SocketOptions, UdpError, UdpSocket};
use culvert_wire::Endpoint;
use culvert_xsk::{OccupancyReader, StatisticsReader};

/// How packets to local endpoints are had.
#[derive(Debug)]
pub enum Endpoints {
    /// The XDP program steers them to AF_XDP sockets.
    Xdp(XdpEndpoints),
    /// A UDP socket for each.
    Socket(SocketOptions),
}

/// The interfaces that carry the XDP program.
#[derive(Debug, Default)]
pub struct XdpEndpoints {
    /// By [`InterfaceId`].
    pub interfaces: Vec<XdpInterface>,
    /// Which interface has an address.
    pub by_address: HashMap<IpAddr, InterfaceId>,
}

/// An interface with the XDP program attached. Dropping it detaches the program.
#[derive(Debug)]
pub struct XdpInterface {
    /// Its name.
    pub name: String,
    /// Its index in the kernel.
    pub index: u32,
    /// Longest IP packet in bytes.
    pub mtu: u16,
    /// The program and its maps.
    pub steering: Steering,
    /// How the program is attached.
    pub mode: AttachMode,
    /// Queue `i` belongs to worker `i`.
    pub queues: Vec<XdpQueue>,
}

/// One queue's AF_XDP socket; the socket itself belongs to the worker.
#[derive(Debug)]
pub struct XdpQueue {
    /// The driver works on the packet memory directly.
    pub zero_copy: bool,
    /// What the kernel drops before the socket.
    pub statistics: StatisticsReader,
    /// How full its rings are.
    pub rings: OccupancyReader,
}

/// Why a local endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No interface of the relay has the address.
    #[error("no interface of the relay has the address {0}: add it, and restart the relay")]
    Address(IpAddr),
    /// The XDP program's map.
    #[error(transparent)]
    Steering(#[from] SteeringError),
    /// The system refused the socket.
    #[error(transparent)]
    Socket(#[from] UdpError),
}

impl Endpoints {
    /// Takes an endpoint into use. The command, if there is one, is for the worker of its flow.
    ///
    /// # Errors
    /// [`EndpointError`]; nothing has changed.
    pub fn open(&mut self, local: SocketAddr) -> Result<Option<Command>, EndpointError> {
        match self {
            Endpoints::Xdp(xdp) => {
                xdp.steering(local.ip())?.insert(Endpoint::from(local))?;
                Ok(None)
            }
            Endpoints::Socket(options) => {
                let socket = UdpSocket::bind(local, options)?;
                Ok(Some(Command::OpenEndpoint { endpoint: Endpoint::from(local), socket }))
            }
        }
    }

    /// Gives an endpoint up.
    ///
    /// # Errors
    /// [`EndpointError`] when the kernel refuses.
    pub fn close(&mut self, local: SocketAddr) -> Result<Option<Command>, EndpointError> {
        match self {
            Endpoints::Xdp(xdp) => {
                xdp.steering(local.ip())?.remove(Endpoint::from(local))?;
                Ok(None)
            }
            Endpoints::Socket(_) => Ok(Some(Command::CloseEndpoint { endpoint: Endpoint::from(local) })),
        }
    }

    /// Which of the engine's interfaces an index of the kernel means.
    pub fn interface(&self, index: u32) -> Option<InterfaceId> {
        match self {
            Endpoints::Xdp(xdp) => xdp
                .interfaces
                .iter()
                .position(|interface| interface.index == index)
                .and_then(|position| u8::try_from(position).ok())
                .map(InterfaceId),
            Endpoints::Socket(_) => None,
        }
    }

    /// The interfaces that carry the XDP program; none with sockets.
    pub fn interfaces(&self) -> &[XdpInterface] {
        match self {
            Endpoints::Xdp(xdp) => &xdp.interfaces,
            Endpoints::Socket(_) => &[],
        }
    }

    /// `xdp` or `socket`.
    pub fn name(&self) -> &'static str {
        match self {
            Endpoints::Xdp(_) => "xdp",
            Endpoints::Socket(_) => "socket",
        }
    }
}

impl XdpEndpoints {
    fn steering(&mut self, address: IpAddr) -> Result<&mut Steering, EndpointError> {
        self.by_address
            .get(&address)
            .and_then(|id| self.interfaces.get_mut(usize::from(id.0)))
            .map(|interface| &mut interface.steering)
            .ok_or(EndpointError::Address(address))
    }
}

impl XdpInterface {
    /// What the XDP program counts.
    ///
    /// # Errors
    /// [`SteeringError`] when the kernel refuses the read.
    pub fn counters(&self) -> Result<Counters, SteeringError> {
        self.steering.counters()
    }
}
