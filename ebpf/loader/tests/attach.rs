// SPDX-License-Identifier: MIT OR Apache-2.0
//! The XDP program on interfaces: modes, what steering does to real packets, and that nothing stays behind.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use culvert_ebpf_loader::{
    AttachError, AttachMode, Counter, LoadError, Mode, Steering, SteeringConfig, SteeringError,
};
use culvert_testbed::{EndSpec, Namespace, connect};
use culvert_wire::{Endpoint, Headers};
use culvert_xsk::{FramePool, RingSizes, Socket, SocketConfig, Umem, UmemConfig, ZeroCopy};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
const RELAY4: &str = "192.0.2.2:30000";
const RELAY6: &str = "[2001:db8::2]:30000";
const CHILD: &str = "CULVERT_TEST_HOLD";

struct Wire {
    peer: Namespace,
    relay: Namespace,
}

impl Wire {
    fn new() -> Self {
        let (peer, relay) = (Namespace::new("peer").unwrap(), Namespace::new("relay").unwrap());
        connect(
            &peer,
            &EndSpec::new("a0").address("192.0.2.1/24").address("2001:db8::1/64"),
            &relay,
            &EndSpec::new("b0").address("192.0.2.2/24").address("2001:db8::2/64"),
        )
        .unwrap();
        Self { peer, relay }
    }

    fn attach(
        &self,
        steering: &mut Steering,
        interface: &str,
        mode: Mode,
    ) -> Result<AttachMode, AttachError> {
        self.relay.run(|| steering.attach(interface, mode)).unwrap()
    }

    /// Whether `ip` sees an XDP program on an interface of the relay.
    fn has_program(&self, interface: &str) -> bool {
        let link = self.relay.ip(["link", "show", interface]).unwrap();
        link.contains("prog/xdp")
    }

    fn socket(&self, umem: &Umem, pool: &mut FramePool) -> Socket {
        let interface = self.relay.interface("b0").unwrap();
        let config = SocketConfig {
            rings: RingSizes { receive: 64, transmit: 64, fill: 64, completion: 64 },
            zero_copy: ZeroCopy::Never,
            ..SocketConfig::new(interface.index, "b0", 0)
        };
        let mut socket = self.relay.run(|| Socket::bind(umem, &config).unwrap()).unwrap();
        assert_eq!(socket.refill(pool), 64);
        socket
    }

    /// Sends a payload from the peer's port 4000 by a socket of the kernel.
    fn send(&self, to: &str, payload: &[u8]) {
        let from = if to.starts_with('[') { "[2001:db8::1]:4000" } else { "192.0.2.1:4000" };
        let sender = self.peer.run(|| UdpSocket::bind(from).unwrap()).unwrap();
        sender.send_to(payload, to).unwrap();
    }
}

fn steering() -> Steering {
    Steering::load(SteeringConfig { max_endpoints: 4, queues: 1 }).unwrap()
}

fn endpoint(text: &str) -> Endpoint {
    text.parse::<SocketAddr>().unwrap().into()
}

fn rtp(number: u8) -> [u8; 16] {
    [0x80, 0, 0, number, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
}

/// The next packet of the socket.
fn receive(socket: &mut Socket, pool: &mut FramePool) -> Vec<u8> {
    let deadline = Instant::now() + PATIENCE;
    let mut packet = None;
    while packet.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "no packet for {PATIENCE:?}");
        let timeout = Timespec::try_from(left).unwrap();
        poll(&mut [PollFd::new(&socket.as_fd(), PollFlags::IN)], Some(&timeout)).unwrap();
        socket.receive(1, |received| {
            packet = Some(received.frame[received.start..received.start + received.length].to_vec());
            pool.put(received.frame);
        });
    }
    packet.unwrap()
}

fn steers_real_packets(mode: Mode, expected: AttachMode) {
    let wire = Wire::new();
    let (umem, mut pool) =
        Umem::new(UmemConfig { frames: 128, frame_size: 2048, ..UmemConfig::default() }).unwrap();
    let mut socket = wire.socket(&umem, &mut pool);
    let mut steering = steering();
    steering.set_socket(0, socket.as_fd()).unwrap();
    assert_eq!(steering.mode(), None);
    assert_eq!(wire.attach(&mut steering, "b0", mode).unwrap(), expected);
    assert_eq!(steering.mode(), Some(expected));
    steering.insert(endpoint(RELAY4)).unwrap();
    steering.insert(endpoint(RELAY6)).unwrap();

    for (number, to, from) in [(1, RELAY4, "192.0.2.1:4000"), (2, RELAY6, "[2001:db8::1]:4000")] {
        wire.send(to, &rtp(number));
        let packet = receive(&mut socket, &mut pool);
        let headers = Headers::parse(&packet[..]).unwrap();
        assert_eq!((headers.source, headers.destination), (endpoint(from), endpoint(to)));
        assert_eq!(packet[headers.payload(&packet[..]).unwrap()], rtp(number));
    }

    // Both to the kernel: another port, and the same port when it is the relay's no longer.
    assert!(steering.remove(endpoint(RELAY4)).unwrap());
    for to in ["192.0.2.2:30001", RELAY4] {
        let receiver = wire.relay.run(|| UdpSocket::bind(to).unwrap()).unwrap();
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        wire.send(to, &rtp(3));
        let mut buffer = [0; 64];
        let (length, source) = receiver.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], source.to_string().as_str()), (&rtp(3)[..], "192.0.2.1:4000"));
    }

    let counters = steering.counters().unwrap();
    assert_eq!(counters.get(Counter::Redirected), 2);
    assert_eq!(counters.iter().map(|(_, packets)| packets).sum::<u64>(), 2);
}

#[test]
#[ignore = "needs root"]
fn native_mode_steers_real_packets() {
    steers_real_packets(Mode::Native, AttachMode::Native);
}

#[test]
#[ignore = "needs root"]
fn generic_mode_steers_real_packets() {
    steers_real_packets(Mode::Generic, AttachMode::Generic);
}

#[test]
#[ignore = "needs root"]
fn generic_mode_is_the_way_out_where_the_driver_has_no_native_one() {
    let wire = Wire::new();
    let mut steering = steering();
    let error = wire.attach(&mut steering, "lo", Mode::Native).unwrap_err();
    assert!(matches!(&error, AttachError::NativeRefused { interface, .. } if interface == "lo"), "{error:?}");
    assert_eq!(wire.attach(&mut steering, "lo", Mode::NativeThenGeneric).unwrap(), AttachMode::Generic);
    assert!(wire.has_program("lo"));
    let mut other = self::steering();
    assert_eq!(wire.attach(&mut other, "b0", Mode::NativeThenGeneric).unwrap(), AttachMode::Native);
}

#[test]
#[ignore = "needs root"]
fn what_is_in_the_way_is_named() {
    let wire = Wire::new();
    let mut first = steering();
    wire.attach(&mut first, "b0", Mode::Generic).unwrap();
    for mode in [Mode::NativeThenGeneric, Mode::Native, Mode::Generic] {
        let error = wire.attach(&mut steering(), "b0", mode).unwrap_err();
        assert!(
            matches!(&error, AttachError::Occupied { interface } if interface == "b0"),
            "{mode:?}: {error:?}"
        );
    }
    let error = wire.attach(&mut first, "lo", Mode::Generic).unwrap_err();
    assert!(
        matches!(&error, AttachError::Attached { interface, attached } if interface == "lo" && attached == "b0"),
        "{error:?}"
    );
    for name in ["culvert-none", "", "b0\0"] {
        let error = wire.attach(&mut steering(), name, Mode::NativeThenGeneric).unwrap_err();
        assert!(
            matches!(&error, AttachError::UnknownInterface { interface } if interface == name),
            "{error:?}"
        );
    }
}

#[test]
#[ignore = "needs root"]
fn dropping_leaves_the_interface_as_it_was() {
    let wire = Wire::new();
    let before = wire.relay.ip(["link", "show", "b0"]).unwrap();
    for mode in [Mode::Native, Mode::Generic] {
        let mut steering = steering();
        wire.attach(&mut steering, "b0", mode).unwrap();
        assert!(wire.has_program("b0"));
        drop(steering);
        assert_eq!(wire.relay.ip(["link", "show", "b0"]).unwrap(), before);
    }
}

/// Not a test of its own: the process that the next one kills.
#[test]
#[ignore = "needs root"]
fn hold_the_program_until_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut steering = steering();
    steering.attach("b0", Mode::Native).unwrap();
    eprintln!("attached");
    loop {
        thread::park();
    }
}

#[test]
#[ignore = "needs root"]
fn a_killed_process_leaves_no_program_behind() {
    let wire = Wire::new();
    let mut child = wire
        .relay
        .command(std::env::current_exe().unwrap())
        .args(["--exact", "hold_the_program_until_killed", "--ignored", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let attached = lines.map_while(Result::ok).any(|line| line.ends_with("attached"));
    let had_program = wire.has_program("b0");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(attached && had_program);
    // The kernel takes the link down after the process, in its own time, and tells nobody.
    let deadline = Instant::now() + PATIENCE;
    while wire.has_program("b0") {
        assert!(Instant::now() < deadline, "the program is still there after {PATIENCE:?}");
        thread::yield_now();
    }
}

#[test]
#[ignore = "needs root"]
fn limits_are_errors_that_name_them() {
    for (max_endpoints, queues, expected) in [(0, 1, "max_endpoints"), (1, 0, "queues")] {
        let error = Steering::load(SteeringConfig { max_endpoints, queues }).unwrap_err();
        assert!(matches!(error, LoadError::Empty { field } if field == expected), "{error:?}");
    }
    let mut steering = Steering::load(SteeringConfig { max_endpoints: 2, queues: 3 }).unwrap();
    let port = |port| Endpoint::new(endpoint(RELAY4).address, port);
    steering.insert(port(1)).unwrap();
    steering.insert(port(2)).unwrap();
    let error = steering.insert(port(3)).unwrap_err();
    assert!(
        matches!(error, SteeringError::Full { max_endpoints: 2, endpoint } if endpoint == port(3)),
        "{error:?}"
    );
    assert!(steering.remove(port(1)).unwrap());
    steering.insert(port(3)).unwrap();

    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = steering.set_socket(2, udp.as_fd()).unwrap_err();
    assert!(matches!(error, SteeringError::Socket { queue: 2, .. }), "{error:?}");
    let error = steering.set_socket(3, udp.as_fd()).unwrap_err();
    assert!(matches!(error, SteeringError::NoSuchQueue { queue: 3, queues: 3 }), "{error:?}");
    let error = steering.test_run(&[0; 13], 1).unwrap_err();
    assert!(matches!(error, SteeringError::TestRun { length: 13, .. }), "{error:?}");
}
