// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{
    RingSizes, SocketConfig, XskError, ZeroCopy,
    error::BindStep,
    mapping::Mapping,
    ring::{self, Consumer, Offsets, Producer},
    syscall::{self, XDP_MAX_TX_SKB_BUDGET},
    umem::Memory,
};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// The kernel unbinds a closed socket a little after the close and says nothing when it has: a restarted program would
/// find its own queue busy.
const BUSY_PATIENCE: Duration = Duration::from_millis(500);
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// Frames per kick that the kernel moves in copy mode unless told otherwise, and the least it can be told.
pub(crate) const DEFAULT_BUDGET: u32 = 32;

/// Packets that a driver takes in one poll (NAPI_POLL_WEIGHT).
const BUSY_POLL_BUDGET: libc::c_int = 64;

/// A bound socket with its rings.
pub(crate) struct Bound {
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) receive: Consumer<libc::xdp_desc>,
    pub(crate) transmit: Producer<libc::xdp_desc>,
    pub(crate) fill: Producer<u64>,
    pub(crate) completion: Consumer<u64>,
    pub(crate) zero_copy: bool,
    pub(crate) budget: u32,
    pub(crate) busy_poll: bool,
}

type Step<T> = Result<T, (BindStep, io::Error)>;

fn at<T>(step: BindStep, result: io::Result<T>) -> Step<T> {
    result.map_err(|source| (step, source))
}

pub(crate) fn bind(memory: &Memory, config: &SocketConfig) -> Result<Bound, XskError> {
    let sizes = config.rings.rounded()?;
    let bound = match memory.sharing_socket() {
        // The kernel takes the mode of the socket shared with, and refuses to be told one.
        Some(first) => patiently(memory, config, sizes, Some(&first), libc::XDP_SHARED_UMEM),
        None if config.zero_copy == ZeroCopy::Never => {
            patiently(memory, config, sizes, None, libc::XDP_COPY | libc::XDP_USE_NEED_WAKEUP)
        }
        // After a failed bind the socket's rings and registration are spent: the second try starts from nothing. Its
        // error is the one to report, because copy mode works on every driver.
        None => attempt(memory, config, sizes, None, libc::XDP_ZEROCOPY | libc::XDP_USE_NEED_WAKEUP)
            .or_else(|_| patiently(memory, config, sizes, None, libc::XDP_COPY | libc::XDP_USE_NEED_WAKEUP)),
    };
    let bound = bound.map_err(|(step, source)| XskError::Bind {
        interface: config.interface_name.clone(),
        queue: config.queue,
        step,
        source,
    })?;
    memory.add_socket(&bound.socket);
    Ok(bound)
}

fn patiently(
    memory: &Memory,
    config: &SocketConfig,
    sizes: RingSizes,
    share: Option<&OwnedFd>,
    flags: u16,
) -> Step<Bound> {
    let deadline = Instant::now() + BUSY_PATIENCE;
    loop {
        match attempt(memory, config, sizes, share, flags) {
            Err((BindStep::Bind, source))
                if source.raw_os_error() == Some(libc::EBUSY) && Instant::now() < deadline =>
            {
                thread::sleep(BUSY_PAUSE);
            }
            done => return done,
        }
    }
}

fn attempt(
    memory: &Memory,
    config: &SocketConfig,
    sizes: RingSizes,
    share: Option<&OwnedFd>,
    flags: u16,
) -> Step<Bound> {
    let socket = at(BindStep::Open, syscall::open())?;
    let fd = socket.as_fd();
    if share.is_none() {
        let registration = memory.registration();
        at(
            BindStep::RegisterMemory,
            syscall::set_option(fd, libc::SOL_XDP, libc::XDP_UMEM_REG, &registration),
        )?;
    }
    for (option, size) in [
        (libc::XDP_UMEM_FILL_RING, sizes.fill),
        (libc::XDP_UMEM_COMPLETION_RING, sizes.completion),
        (libc::XDP_RX_RING, sizes.receive),
        (libc::XDP_TX_RING, sizes.transmit),
    ] {
        at(BindStep::MakeRings, syscall::set_option(fd, libc::SOL_XDP, option, &size))?;
    }
    let offsets: libc::xdp_mmap_offsets =
        at(BindStep::MapRings, syscall::option(fd, libc::XDP_MMAP_OFFSETS))?;
    let rings = at(BindStep::MapRings, Rings::map(fd, &offsets, sizes))?;
    let budget = set_budget(fd, config.transmit_budget, sizes.transmit);
    let busy_poll = set_busy_poll(fd, config.busy_poll);
    set_send_buffer(fd, sizes.transmit, memory.region.frame_size);

    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as u16,
        sxdp_flags: flags,
        sxdp_ifindex: config.interface_index,
        sxdp_queue_id: config.queue,
        sxdp_shared_umem_fd: share.map_or(0, |first| first.as_raw_fd() as u32),
    };
    at(BindStep::Bind, syscall::bind(fd, &address))?;
    let options: libc::xdp_options = at(BindStep::Bind, syscall::option(fd, libc::XDP_OPTIONS))?;
    Ok(Bound {
        receive: rings.receive,
        transmit: rings.transmit,
        fill: rings.fill,
        completion: rings.completion,
        zero_copy: options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0,
        budget,
        busy_poll,
        socket: Arc::new(socket),
    })
}

struct Rings {
    receive: Consumer<libc::xdp_desc>,
    transmit: Producer<libc::xdp_desc>,
    fill: Producer<u64>,
    completion: Consumer<u64>,
}

impl Rings {
    fn map(fd: BorrowedFd<'_>, offsets: &libc::xdp_mmap_offsets, sizes: RingSizes) -> io::Result<Rings> {
        fn map<T>(
            fd: BorrowedFd<'_>,
            offsets: &Offsets,
            size: u32,
            page: libc::off_t,
        ) -> io::Result<Mapping> {
            Mapping::of_socket(fd, ring::mapping_length::<T>(offsets, size), page)
        }
        let fill_page = libc::XDP_UMEM_PGOFF_FILL_RING as libc::off_t;
        let completion_page = libc::XDP_UMEM_PGOFF_COMPLETION_RING as libc::off_t;
        let receive = map::<libc::xdp_desc>(fd, &offsets.rx, sizes.receive, libc::XDP_PGOFF_RX_RING)?;
        let transmit = map::<libc::xdp_desc>(fd, &offsets.tx, sizes.transmit, libc::XDP_PGOFF_TX_RING)?;
        let fill = map::<u64>(fd, &offsets.fr, sizes.fill, fill_page)?;
        let completion = map::<u64>(fd, &offsets.cr, sizes.completion, completion_page)?;
        Ok(Rings {
            receive: Consumer::new(receive, &offsets.rx, sizes.receive)?,
            transmit: Producer::new(transmit, &offsets.tx, sizes.transmit)?,
            fill: Producer::new(fill, &offsets.fr, sizes.fill)?,
            completion: Consumer::new(completion, &offsets.cr, sizes.completion)?,
        })
    }
}

/// What the kernel does from now on; without the option (before 6.17) that is its default.
fn set_budget(fd: BorrowedFd<'_>, wanted: Option<u32>, transmit: u32) -> u32 {
    // A transmit ring below the default could not hold a budget the kernel accepts.
    let Some(budget) = wanted.filter(|_| transmit >= DEFAULT_BUDGET) else { return DEFAULT_BUDGET };
    let budget = budget.clamp(DEFAULT_BUDGET, transmit);
    match syscall::set_option(fd, libc::SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget) {
        Ok(()) => budget,
        Err(_) => DEFAULT_BUDGET,
    }
}

/// All three or none: without the budget the kernel takes 8 packets at a time, and without the preference interrupts go on.
fn set_busy_poll(fd: BorrowedFd<'_>, microseconds: u32) -> bool {
    let Ok(time) = libc::c_int::try_from(microseconds) else { return false };
    let set = |option, value: libc::c_int| syscall::set_option(fd, libc::SOL_SOCKET, option, &value).is_ok();
    time > 0
        && set(libc::SO_PREFER_BUSY_POLL, 1)
        && set(libc::SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET)
        && set(libc::SO_BUSY_POLL, time)
}

/// In copy mode each frame in flight counts against the send buffer, whose default holds about a hundred. Best effort:
/// beyond the system's limit it needs CAP_NET_ADMIN, and less only means more waiting.
fn set_send_buffer(fd: BorrowedFd<'_>, transmit: u32, frame_size: u32) {
    let bytes = i32::try_from(u64::from(transmit) * u64::from(frame_size)).unwrap_or(i32::MAX / 2);
    if syscall::set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &bytes).is_err() {
        let _ = syscall::set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &bytes);
    }
}
