// SPDX-License-Identifier: MIT OR Apache-2.0
//! The relay's own endpoints: pools of ports by realm and address.

use std::net::SocketAddr;

use crate::{
    ErrorKind, NodeConfig, Realm, SessionError, fingerprint::Fingerprinter, ports::PortPool, view::Remote,
};

/// Endpoints that a leg holds.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Local {
    realm: usize,
    address: usize,
    pub(crate) bound: Remote,
    pub(crate) advertised: Remote,
}

impl Local {
    /// RTP and RTCP arrive at one port.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.bound.rtp == self.bound.rtcp
    }

    /// One endpoint, or two.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = SocketAddr> {
        let rtcp = (!self.is_multiplexed()).then_some(self.bound.rtcp);
        [Some(self.bound.rtp), rtcp].into_iter().flatten()
    }
}

#[derive(Debug)]
pub(crate) struct Locals {
    /// By realm, by address.
    pools: Vec<Vec<PortPool>>,
}

impl Locals {
    pub(crate) fn new(config: &NodeConfig, prints: &Fingerprinter) -> Locals {
        let pool = |realm: &Realm, address: &crate::RealmAddress| {
            let seed = prints.number(&format!("{} {}", realm.name, address.address));
            PortPool::new(realm.ports.clone(), seed)
        };
        let pools = |realm: &Realm| realm.addresses.iter().map(|address| pool(realm, address)).collect();
        Locals { pools: config.realms.iter().map(pools).collect() }
    }

    /// Endpoints in a realm: of the address of that family with the most free ports. `field` is the path of the leg.
    pub(crate) fn take(
        &mut self,
        config: &NodeConfig,
        field: &str,
        realm: usize,
        ipv6: bool,
        multiplexed: bool,
    ) -> Result<Local, SessionError> {
        let (Some(named), Some(pools)) = (config.realms.get(realm), self.pools.get_mut(realm)) else {
            return Err(SessionError::invalid(format!("{field}.realm"), "is not known"));
        };
        let mut candidates: Vec<_> = named
            .addresses
            .iter()
            .zip(pools)
            .enumerate()
            .filter(|(_, (own, _))| own.address.is_ipv6() == ipv6)
            .collect();
        candidates.sort_by_key(|(_, (_, pool))| pool.used());
        let (used, total) = candidates
            .iter()
            .fold((0, 0), |(used, total), (_, (_, pool))| (used + pool.used(), total + pool.total()));
        for (address, (own, pool)) in candidates {
            let taken = if multiplexed {
                pool.take_single().map(|port| (port, port))
            } else {
                pool.take_pair().map(|even| (even, even + 1))
            };
            let Some((rtp, rtcp)) = taken else { continue };
            let on = |ip| Remote { rtp: SocketAddr::new(ip, rtp), rtcp: SocketAddr::new(ip, rtcp) };
            return Ok(Local { realm, address, bound: on(own.address), advertised: on(own.advertised()) });
        }
        let what = if multiplexed { "port" } else { "pair of ports" };
        let family = if ipv6 { "IPv6" } else { "IPv4" };
        let message = format!(
            "realm {:?} has no free {what} on {family}: {used} of {total} ports are in use; \
             end sessions or widen the realm's port range",
            named.name
        );
        Err(SessionError::new(ErrorKind::ResourceExhausted, format!("{field}.realm"), message))
    }

    pub(crate) fn release(&mut self, local: &Local) {
        if let Some(pool) = self.pools.get_mut(local.realm).and_then(|pools| pools.get_mut(local.address)) {
            for endpoint in local.endpoints() {
                pool.release(endpoint.port());
            }
        }
    }

    /// Ports used and in all, by realm.
    pub(crate) fn usage(&self) -> impl Iterator<Item = (usize, usize)> {
        self.pools.iter().map(|pools| {
            pools.iter().fold((0, 0), |(used, total), pool| (used + pool.used(), total + pool.total()))
        })
    }
}
