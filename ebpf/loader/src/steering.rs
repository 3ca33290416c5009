// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::attach::{self, AttachMode, Attachment, Mode};
use crate::{AttachError, Counters, LoadError, SteeringError};
use aya::maps::{HashMap, Map, MapData, MapError, PerCpuArray, XskMap};
use aya::programs::Xdp;
use aya::{Ebpf, EbpfError, EbpfLoader};
use culvert_ebpf_abi::{
    COUNTERS, Counter, ENDPOINTS, EndpointKey, MEDIA_PORTS, MediaPorts, PROGRAM, Present, SOCKETS,
};
use culvert_wire::{Address, Endpoint};
use std::fmt;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/culvert"));

/// Sizes of the XDP program's maps. The kernel takes their memory at load: about 100 bytes an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SteeringConfig {
    /// Relay endpoints there can be at once, at least 1.
    pub max_endpoints: u32,
    /// Receive queues of the interface, at least 1.
    pub queues: u32,
}

/// The XDP program of one interface. Dropping it takes the program off the interface, and so does the end of the
/// process, however it ends.
pub struct Steering {
    config: SteeringConfig,
    ebpf: Ebpf,
    endpoints: HashMap<MapData, EndpointKey, Present>,
    media_ports: HashMap<MapData, [u8; 16], MediaPorts>,
    sockets: XskMap<MapData>,
    counters: PerCpuArray<MapData, u64>,
    attachment: Option<Attachment>,
}

impl Steering {
    /// Loads the program and makes its maps. Nothing is attached yet.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when a size is zero, the process may not use BPF, or the kernel refuses.
    pub fn load(config: SteeringConfig) -> Result<Self, LoadError> {
        let SteeringConfig { max_endpoints, queues } = config;
        for (field, size) in [("max_endpoints", max_endpoints), ("queues", queues)] {
            if size == 0 {
                return Err(LoadError::Empty { field });
            }
        }
        let refused = |source: EbpfError| LoadError::new(max_endpoints, queues, source);
        let mut ebpf = EbpfLoader::new()
            .btf(None)
            .map_max_entries(ENDPOINTS, max_endpoints)
            .map_max_entries(SOCKETS, queues)
            .load(OBJECT)
            .map_err(refused)?;
        program(&mut ebpf)
            .ok_or(LoadError::Missing { name: PROGRAM })?
            .load()
            .map_err(|error| refused(error.into()))?;
        Ok(Self {
            config,
            endpoints: take(&mut ebpf, ENDPOINTS)?,
            media_ports: take(&mut ebpf, MEDIA_PORTS)?,
            sockets: take(&mut ebpf, SOCKETS)?,
            counters: take(&mut ebpf, COUNTERS)?,
            ebpf,
            attachment: None,
        })
    }

    /// Steers the packets of a receive queue to an `AF_XDP` socket, which must be bound to that queue.
    ///
    /// The kernel takes the socket out when it is closed. Packets to relay endpoints that arrive on a queue without
    /// a socket are left to the kernel and counted as [`Counter::NoSocket`].
    ///
    /// # Errors
    ///
    /// [`SteeringError::NoSuchQueue`], or [`SteeringError::Socket`] when it is no such socket.
    pub fn set_socket(&mut self, queue: u32, socket: BorrowedFd<'_>) -> Result<(), SteeringError> {
        let queues = self.config.queues;
        if queue >= queues {
            return Err(SteeringError::NoSuchQueue { queue, queues });
        }
        self.sockets
            .set(queue, socket, 0)
            .map_err(|source| SteeringError::Socket { queue, source: Box::new(source) })
    }

    /// Attaches the program to an interface and says in which mode.
    ///
    /// # Errors
    ///
    /// [`AttachError`] names the interface, and what is in the way.
    pub fn attach(&mut self, interface: &str, preference: Mode) -> Result<AttachMode, AttachError> {
        if let Some(attachment) = &self.attachment {
            let attached = attachment.interface.clone();
            return Err(AttachError::Attached { interface: interface.into(), attached });
        }
        // The program was there when the object was loaded.
        let program =
            program(&mut self.ebpf).ok_or_else(|| AttachError::NoLink { interface: interface.into() })?;
        let attachment = attach::attach(program, interface, preference)?;
        let mode = attachment.mode;
        self.attachment = Some(attachment);
        Ok(mode)
    }

    /// Makes an endpoint one of the relay's. Inserting one twice is no error.
    ///
    /// # Errors
    ///
    /// [`SteeringError::Full`] when there are [`SteeringConfig::max_endpoints`] of them, [`SteeringError::Endpoint`]
    /// when the kernel refuses otherwise.
    pub fn insert(&mut self, endpoint: Endpoint) -> Result<(), SteeringError> {
        self.endpoints.insert(EndpointKey::new(endpoint), 1, 0).map_err(|source| match source {
            MapError::SyscallError(ref error) if error.io_error.kind() == ErrorKind::ArgumentListTooLong => {
                SteeringError::Full { endpoint, max_endpoints: self.config.max_endpoints }
            }
            source => SteeringError::Endpoint { endpoint, source: Box::new(source) },
        })
    }

    /// Keeps ports of an address for relay endpoints: packets to those that are none are dropped and counted as
    /// [`Counter::UnknownPort`], not left to the kernel. `false`, and no change, when the address has
    /// [`MediaPorts::RANGES`] ranges already. Packets that come before are judged by what was
    /// kept then.
    ///
    /// # Errors
    ///
    /// [`SteeringError::Endpoint`] with the first port when the kernel refuses.
    pub fn keep_ports(&mut self, address: Address, first: u16, last: u16) -> Result<bool, SteeringError> {
        let mut ports = self.media_ports.get(&address.0, 0).unwrap_or(MediaPorts::none());
        if !ports.add(first, last) {
            return Ok(false);
        }
        self.media_ports.insert(address.0, ports, 0).map(|()| true).map_err(|source| {
            SteeringError::Endpoint { endpoint: Endpoint::new(address, first), source: Box::new(source) }
        })
    }

    /// Makes an endpoint one of the host's own again, and says whether it was one of the relay's.
    ///
    /// # Errors
    ///
    /// [`SteeringError::Endpoint`] when the kernel refuses.
    pub fn remove(&mut self, endpoint: Endpoint) -> Result<bool, SteeringError> {
        match self.endpoints.remove(&EndpointKey::new(endpoint)) {
            Ok(()) => Ok(true),
            Err(MapError::KeyNotFound) => Ok(false),
            Err(MapError::SyscallError(error)) if error.io_error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(SteeringError::Endpoint { endpoint, source: Box::new(source) }),
        }
    }

    /// What the program counted since it was loaded.
    ///
    /// # Errors
    ///
    /// [`SteeringError::Counters`] when the kernel does not give them.
    pub fn counters(&self) -> Result<Counters, SteeringError> {
        let mut counters = Counters::default();
        for counter in Counter::all() {
            let values = self
                .counters
                .get(&counter.index(), 0)
                .map_err(|source| SteeringError::Counters { source: Box::new(source) })?;
            counters.set(counter, values.iter().sum());
        }
        Ok(counters)
    }

    /// The mode the program is attached in, and `None` before [`Steering::attach`].
    pub fn mode(&self) -> Option<AttachMode> {
        self.attachment.as_ref().map(|attachment| attachment.mode)
    }

    pub(crate) fn program(&self) -> Option<&Xdp> {
        self.ebpf.program(PROGRAM)?.try_into().ok()
    }
}

impl fmt::Debug for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steering")
            .field("config", &self.config)
            .field("attachment", &self.attachment)
            .finish_non_exhaustive()
    }
}

fn program(ebpf: &mut Ebpf) -> Option<&mut Xdp> {
    ebpf.program_mut(PROGRAM)?.try_into().ok()
}

fn take<M: TryFrom<Map>>(ebpf: &mut Ebpf, name: &'static str) -> Result<M, LoadError> {
    ebpf.take_map(name).and_then(|map| M::try_from(map).ok()).ok_or(LoadError::Missing { name })
}
