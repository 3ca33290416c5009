// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two namespaces, a veth pair, and the addresses and ports of the flows.

use std::net::Ipv4Addr;

use culvert_testbed::{EndSpec, Interface, Namespace, connect};
use culvert_wire::{Address, Endpoint, MacAddress};

use crate::wire::error::WireError;

/// Interface of callers and callees.
pub const EDGE_INTERFACE: &str = "edge0";
/// Interface of the relay.
pub const RELAY_INTERFACE: &str = "relay0";
/// Port of flow 0 where its packets arrive at the sink.
pub const SINK_PORT: u16 = 40_000;

/// Address of callers and callees.
pub const EDGE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// Address of the relay.
pub const RELAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Ports of [`RELAY`] that calls may have, first and last.
pub const RELAY_PORTS: [u16; 2] = [RELAY_PORT_A, SINK_PORT - 1];
const CALLER_PORT: u16 = 10_000;
const RELAY_PORT_A: u16 = 20_000;
const RELAY_PORT_B: u16 = 30_000;

/// The four endpoints of a flow.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Endpoints {
    /// Sends under key A.
    pub caller: Endpoint,
    /// The relay's, where that arrives.
    pub ingress: Endpoint,
    /// The relay's, from which it sends under key B.
    pub egress: Endpoint,
    /// Where that arrives.
    pub callee: Endpoint,
}

impl Endpoints {
    /// Those of flow `flow`. Every 5,000 flows have addresses of their own, so that ports suffice; the namespaces have
    /// those of the first 5,000.
    pub fn of(flow: u32) -> Endpoints {
        const FLOWS: u32 = 5000;
        let (network, offset) = ((flow / FLOWS) as u8, (2 * (flow % FLOWS)) as u16);
        let at = |address: Ipv4Addr, port: u16| {
            let [first, second, third, fourth] = address.octets();
            let address = [first, second.wrapping_add(network), third, fourth];
            Endpoint::new(Address::from_ipv4(address), port + offset)
        };
        Endpoints {
            caller: at(EDGE, CALLER_PORT),
            ingress: at(RELAY, RELAY_PORT_A),
            egress: at(RELAY, RELAY_PORT_B),
            callee: at(EDGE, SINK_PORT),
        }
    }
}

/// Addresses of the veth pair's ends.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Macs {
    /// Of [`EDGE_INTERFACE`].
    pub edge: MacAddress,
    /// Of [`RELAY_INTERFACE`].
    pub relay: MacAddress,
}

/// The namespaces with their veth pair. Dropping it removes them.
#[derive(Debug)]
pub struct Topology {
    /// Generator and sink.
    pub edge: Namespace,
    /// The relay.
    pub relay: Namespace,
    /// The veth pair.
    pub macs: Macs,
    /// Kernel index of [`EDGE_INTERFACE`].
    pub edge_index: u32,
}

impl Topology {
    /// Makes it.
    ///
    /// # Errors
    /// Without root, iproute2 or ethtool.
    pub fn new() -> Result<Topology, WireError> {
        let (edge, relay) = (Namespace::new("edge")?, Namespace::new("relay")?);
        let edge_end = EndSpec::new(EDGE_INTERFACE).address(format!("{EDGE}/24"));
        // Without NAPI the relay's end would not take what the generator redirects, before AF_XDP brings its program.
        let relay_end = EndSpec::new(RELAY_INTERFACE).address(format!("{RELAY}/24")).napi();
        connect(&edge, &edge_end, &relay, &relay_end)?;
        // The kernel may leave the socket back end's checksums to the interface, as it may with most NICs.
        relay.ethtool(["-K", RELAY_INTERFACE, "tx", "on"])?;
        let (edge_link, relay_link) = (edge.interface(EDGE_INTERFACE)?, relay.interface(RELAY_INTERFACE)?);
        neighbour(&edge, EDGE_INTERFACE, RELAY, relay_link)?;
        neighbour(&relay, RELAY_INTERFACE, EDGE, edge_link)?;
        let macs =
            Macs { edge: MacAddress(edge_link.mac_address), relay: MacAddress(relay_link.mac_address) };
        Ok(Topology { edge, relay, macs, edge_index: edge_link.index })
    }
}

/// The sink drops everything, so nobody would answer a question for the address.
fn neighbour(namespace: &Namespace, interface: &str, of: Ipv4Addr, link: Interface) -> Result<(), WireError> {
    let mac = MacAddress(link.mac_address).to_string();
    namespace.ip(["neighbour", "replace", &of.to_string(), "lladdr", &mac, "dev", interface])?;
    Ok(())
}
