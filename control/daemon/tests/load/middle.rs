// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network between the generator and the relay that does not do its best.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use culvert_udp::{Message, Poller, ReceiveBurst, SendBurst, SocketOptions, UdpSocket};

/// Of every fifty packets the 10th is lost, the 20th comes twice, and the 30th after the two that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) seen: u64,
    pub(crate) dropped: u64,
    pub(crate) doubled: u64,
    pub(crate) held: u64,
}

/// Stands at an address for the relay's ports, and passes on to the relay from the same port.
pub(crate) struct Middle {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Faults>,
}

impl Middle {
    pub(crate) fn start(at: IpAddr, relay: IpAddr) -> Middle {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let bind = |port| UdpSocket::bind(SocketAddr::new(at, port), &SocketOptions::default()).unwrap();
        let sockets: Vec<_> = (20_000..20_100).map(bind).collect();
        let thread = std::thread::spawn(move || forward(&sockets, relay, &ended));
        Middle { stop, thread }
    }

    pub(crate) fn stop(self) -> Faults {
        self.stop.store(true, SeqCst);
        self.thread.join().unwrap()
    }
}

fn forward(sockets: &[UdpSocket], relay: IpAddr, stop: &AtomicBool) -> Faults {
    let mut poller = Poller::new(16).unwrap();
    for (socket, token) in sockets.iter().zip(0..) {
        poller.add(socket.as_fd(), token).unwrap();
    }
    let (mut faults, mut held) = (Faults::default(), None::<(u64, Vec<u8>)>);
    let (mut burst, mut buffer, mut sending) = (ReceiveBurst::new(1), [0; 2048], SendBurst::new(1));
    while !stop.load(SeqCst) {
        let ready = poller.wait(Some(Duration::from_millis(20))).unwrap();
        for socket in (0..ready).filter_map(|place| sockets.get(poller.ready(place)? as usize)) {
            if socket.receive(&mut burst, [&mut buffer[..]]).unwrap() == 0 {
                continue;
            }
            let packet = &buffer[..burst.datagrams()[0].length];
            let destination = SocketAddr::new(relay, socket.local_address().port());
            let mut send = |payload: &[u8]| {
                let message = Message { payload, destination, traffic_class: 0 };
                assert_eq!(socket.send(&mut sending, [message]).unwrap(), 1);
            };
            let number = faults.seen % 50;
            faults.seen += 1;
            match number {
                10 => faults.dropped += 1,
                20 => {
                    faults.doubled += 1;
                    send(packet);
                    send(packet);
                }
                30 => {
                    faults.held += 1;
                    held = Some((faults.seen + 2, packet.to_vec()));
                }
                _ => send(packet),
            }
            if let Some((_, late)) = held.take_if(|(when, _)| *when == faults.seen) {
                send(&late);
            }
        }
    }
    faults
}
