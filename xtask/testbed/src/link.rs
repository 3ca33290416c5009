// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{Namespace, TestbedError, carrier};

/// One end of a veth pair.
#[derive(Debug, Clone)]
pub struct EndSpec {
    name: String,
    addresses: Vec<String>,
    queues: u32,
    mtu: Option<u32>,
    napi: bool,
}

impl EndSpec {
    /// An interface with one queue and no address; at most 15 characters.
    pub fn new(name: impl Into<String>) -> EndSpec {
        EndSpec { name: name.into(), addresses: Vec::new(), queues: 1, mtu: None, napi: false }
    }

    /// Adds an address with its prefix length: `192.0.2.1/24`, `2001:db8::1/64`.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> EndSpec {
        self.addresses.push(address.into());
        self
    }

    /// Receive and transmit queues, all active.
    #[must_use]
    pub fn queues(mut self, queues: u32) -> EndSpec {
        self.queues = queues;
        self
    }

    /// Bytes of the largest IP packet, instead of 1500.
    #[must_use]
    pub fn mtu(mut self, mtu: u32) -> EndSpec {
        self.mtu = Some(mtu);
        self
    }

    /// NAPI without an XDP program, see [`Namespace::enable_napi`].
    #[must_use]
    pub fn napi(mut self) -> EndSpec {
        self.napi = true;
        self
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Connects two namespaces by a veth pair; both ends are up and pass packets when this returns.
///
/// Checksums are computed by the sending end, because XDP sees frames as they are and the kernel leaves them unfinished
/// between veth ends. IPv6 addresses are usable at once.
///
/// # Errors
/// What `ip` or `ethtool` say; [`TestbedError::NoCarrier`].
pub fn connect(
    namespace: &Namespace,
    end: &EndSpec,
    other_namespace: &Namespace,
    other_end: &EndSpec,
) -> Result<(), TestbedError> {
    let (queues, other_queues) = (end.queues.to_string(), other_end.queues.to_string());
    // Made where it belongs: names collide neither with the host's nor with those of other testbeds.
    #[rustfmt::skip]
    namespace.ip([
        "link", "add", &end.name, "numrxqueues", &queues, "numtxqueues", &queues, "type", "veth",
        "peer", "name", &other_end.name, "netns", other_namespace.name(),
        "numrxqueues", &other_queues, "numtxqueues", &other_queues,
    ])?;
    let ends = [(namespace, end), (other_namespace, other_end)];
    for (namespace, end) in ends {
        set_up(namespace, end)?;
    }
    for (namespace, end) in ends {
        carrier::wait(namespace, &end.name)?;
    }
    Ok(())
}

fn set_up(namespace: &Namespace, end: &EndSpec) -> Result<(), TestbedError> {
    let name = end.name.as_str();
    namespace.ethtool(["-K", name, "tx", "off"])?;
    if let Some(mtu) = end.mtu {
        namespace.ip(["link", "set", name, "mtu", &mtu.to_string()])?;
    }
    for address in &end.addresses {
        let mut arguments = vec!["address", "add", address.as_str(), "dev", name];
        if address.contains(':') {
            arguments.push("nodad");
        }
        namespace.ip(arguments)?;
    }
    namespace.ip(["link", "set", name, "up"])?;
    if end.napi {
        // Not earlier: the kernel tells the other end that it may redirect frames here only when this end is up.
        namespace.enable_napi(name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::UdpSocket, time::Duration};

    #[test]
    #[ignore = "needs root"]
    fn a_pair_passes_the_first_packet_of_both_families() {
        let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
        connect(
            &left,
            &EndSpec::new("a0").address("192.0.2.1/24").address("2001:db8::1/64"),
            &right,
            &EndSpec::new("b0").address("192.0.2.2/24").address("2001:db8::2/64").queues(4).mtu(1400).napi(),
        )
        .unwrap();
        for (from, to) in [("192.0.2.1:9", "192.0.2.2:5004"), ("[2001:db8::1]:9", "[2001:db8::2]:5004")] {
            let receiver = right.run(|| UdpSocket::bind(to).unwrap()).unwrap();
            let sender = left.run(|| UdpSocket::bind(from).unwrap()).unwrap();
            receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            sender.send_to(b"first", to).unwrap();
            let mut buffer = [0; 16];
            let (length, source) = receiver.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], source.to_string().as_str()), (&b"first"[..], from));
        }
        let show = right.ip(["-details", "link", "show", "b0"]).unwrap();
        assert!(show.contains("mtu 1400") && show.contains("numrxqueues 4"), "{show}");
        right.enable_threaded_napi("b0").unwrap();
        let threaded = right.command("cat").arg("/sys/class/net/b0/threaded").output().unwrap();
        assert_eq!(threaded.stdout, b"1\n");
        let features = left.ethtool(["-k", "a0"]).unwrap();
        assert!(features.contains("tx-checksumming: off"), "{features}");
        let ends = (left.interface("a0").unwrap(), right.interface("b0").unwrap());
        let mac = ends.0.mac_address.map(|byte| format!("{byte:02x}")).join(":");
        assert!(left.ip(["link", "show", "a0"]).unwrap().contains(&mac));
        assert_ne!(ends.0.mac_address, ends.1.mac_address);
    }

    #[test]
    #[ignore = "needs root"]
    fn a_name_that_is_too_long_is_an_error_that_shows_the_command() {
        let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
        let long = EndSpec::new("sixteen-letters-");
        let error = connect(&left, &long, &right, &EndSpec::new("b0")).unwrap_err();
        assert!(
            matches!(&error, TestbedError::Tool { command, .. } if command.contains("sixteen-letters-")),
            "{error}"
        );
    }
}
