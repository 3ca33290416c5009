// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network namespaces: caller, relay, callee.

use std::{
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use culvert_srtp::Kind;
use culvert_testbed::{EndSpec, Namespace, connect};

use super::{
    PATIENCE, eventually,
    phone::Phone,
    relay::{BINARY, Relay, Setup},
    request::Pair,
};

pub const OUTSIDE: [&str; 2] = ["192.0.2.1", "2001:db8:1::1"];
pub const INSIDE: [&str; 2] = ["198.51.100.1", "2001:db8:2::1"];
pub const CALLER: [&str; 2] = ["192.0.2.2", "2001:db8:1::2"];
pub const CALLEE: [&str; 2] = ["198.51.100.2", "2001:db8:2::2"];
pub const NAT: &str = "203.0.113.9";

/// Three namespaces: caller (wan0) - (outside) relay (inside) - (lan0) callee.
pub struct Bed {
    pub caller: Namespace,
    pub relay: Namespace,
    pub callee: Namespace,
}

impl Bed {
    pub fn new(queues: u32) -> Bed {
        let [caller, relay, callee] = ["caller", "relay", "callee"].map(|role| Namespace::new(role).unwrap());
        let end = |name: &str, addresses: [&str; 2]| {
            EndSpec::new(name)
                .address(format!("{}/24", addresses[0]))
                .address(format!("{}/64", addresses[1]))
                .queues(queues)
        };
        connect(&caller, &end("wan0", CALLER), &relay, &end("outside", OUTSIDE)).unwrap();
        connect(&callee, &end("lan0", CALLEE), &relay, &end("inside", INSIDE)).unwrap();
        Bed { caller, relay, callee }
    }

    /// Starts the daemon on AF_XDP.
    pub fn start(&self, mode: &str, workers: u32) -> Relay {
        self.launch(Bed::setup(mode, workers))
    }

    /// As [`Bed::start`], with what a test has made of [`Bed::setup`].
    pub fn launch(&self, setup: Setup) -> Relay {
        setup.start_by(self.relay.command(BINARY))
    }

    pub fn setup(mode: &str, workers: u32) -> Setup {
        let realm = |name: &str, [four, six]: [&str; 2], advertised: &str| {
            format!(
                "[[realm]]\nname = {name:?}\ninterface = {name:?}\nports = \"20000-20099\"\naddresses = [\n\
                 {{ address = \"{four}/24\", advertised = {advertised:?} }},\n{{ address = \"{six}/64\" }},\n]\n"
            )
        };
        let mut setup = Setup::loopback();
        setup.control = "127.0.0.1:7443".into();
        setup.metrics = "127.0.0.1:9464".into();
        setup.engine = format!("backend = \"xdp\"\nmode = {mode:?}\nworkers = {workers}\n");
        setup.realms = realm("outside", OUTSIDE, NAT) + &realm("inside", INSIDE, "");
        setup
    }

    pub fn caller(&self, family: usize, keys: Option<&Pair>) -> Phone {
        phone(&self.caller, CALLER[family], 0x0a0a_0a0a, keys)
    }

    pub fn callee(&self, family: usize, keys: Option<&Pair>) -> Phone {
        phone(&self.callee, CALLEE[family], 0x0b0b_0b0b, keys)
    }

    /// Runs the front end's side inside the relay's namespace, where the control interface is.
    pub fn control<T: Send>(&self, front_end: impl AsyncFnOnce() -> T + Send) -> T {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(front_end())
        };
        self.relay.run(run).unwrap()
    }

    pub fn has_xdp(&self) -> bool {
        self.relay.ip(["link", "show"]).unwrap().contains("xdp")
    }
}

fn phone(namespace: &Namespace, address: &str, ssrc: u32, keys: Option<&Pair>) -> Phone {
    let address: IpAddr = address.parse().unwrap();
    let bind = || namespace.run(|| UdpSocket::bind((address, 0)).unwrap()).unwrap();
    Phone::on(bind(), bind(), ssrc, keys)
}

/// Every packet is heard once the ways are known: the kernel looks for a neighbour when a session first needs it.
pub async fn ways_are_known(caller: &mut Phone, callee: &mut Phone) {
    reaches(caller, callee).await;
    reaches(callee, caller).await;
}

pub async fn reaches(from: &mut Phone, to: &mut Phone) {
    to.rtp.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    eventually("a way", async || {
        let said = from.talk();
        let mut buffer = [0; 2048];
        // What was sent before may still have been under way.
        while let Ok((length, source)) = to.rtp.recv_from(&mut buffer) {
            assert_eq!(source, to.relay()[0]);
            if to.unprotect(Kind::Rtp, &buffer[..length]).unwrap() == said {
                return Some(());
            }
        }
        None
    })
    .await;
    to.rtp.set_read_timeout(Some(PATIENCE)).unwrap();
}
