// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where flows send: destinations, and the next hops towards them.

use std::net::SocketAddr;

use culvert_engine::{Command, Egress, Via};
use culvert_route::{Resolution, RouteWatcher};
use culvert_session::FlowKey;

use super::next_hops::{Care, Change, Destination};
use super::{Placed, Plane, translate};

impl Plane {
    /// Points one port of a flow at a remote: the old destination is counted out, the new one in.
    pub(super) fn aim(
        &mut self,
        key: &FlowKey,
        port: usize,
        egress: culvert_session::Egress,
    ) -> (Egress, Vec<Change>) {
        let mut changes = Vec::new();
        let mut via = Via::Unresolved;
        let destination = egress.remote.and_then(|remote| self.destination(egress.local, remote));
        if let Some(placed) = self.flows.get_mut(key)
            && let Some(entry) = self.workers.get_mut(placed.worker)
        {
            let before = placed.destinations.get_mut(port).and_then(Option::take);
            if let Some(destination) = destination {
                let (routes, endpoints) = (&self.routes, &self.endpoints);
                let acquired = entry.next_hops.acquire(
                    destination,
                    || resolve(routes, destination),
                    |index| endpoints.interface(index),
                );
                if let Some((id, change)) = acquired {
                    via = Via::Table(id);
                    changes.extend(change);
                    if let Some(place) = placed.destinations.get_mut(port) {
                        *place = Some(destination);
                    }
                }
            }
            changes.extend(before.and_then(|before| entry.next_hops.release(before)));
            if let Some(place) = placed.unresolved.get_mut(port) {
                *place = None;
            }
        }
        let egress = Egress {
            local: translate::endpoint(egress.local),
            remote: egress.remote.map(translate::endpoint),
            via,
        };
        (egress, changes)
    }

    fn destination(&self, local: SocketAddr, remote: SocketAddr) -> Option<Destination> {
        self.routes.as_ref()?;
        let interface = *self.interfaces.get(&local.ip())?;
        Some(Destination { address: remote.ip(), interface })
    }

    pub(super) fn forget_destinations(&mut self, placed: &Placed) -> Vec<Change> {
        let Some(entry) = self.workers.get_mut(placed.worker) else { return Vec::new() };
        placed
            .destinations
            .iter()
            .flatten()
            .filter_map(|destination| entry.next_hops.release(*destination))
            .collect()
    }

    /// Passes on which neighbours the kernel should keep resolved.
    pub(super) fn tell_kernel(&mut self) {
        let Some(routes) = &self.routes else { return };
        for care in self.workers.iter_mut().flat_map(|worker| worker.next_hops.take_care()) {
            match self.neighbours.account(care) {
                Some(Care::Request(neighbour)) => routes.request_neighbour(neighbour),
                Some(Care::Release(neighbour)) => routes.release_neighbour(neighbour),
                None => {}
            }
        }
    }

    /// Resolves all next hops again and tells the workers what changed.
    pub fn refresh_next_hops(&mut self) {
        let (routes, endpoints) = (&self.routes, &self.endpoints);
        for worker in &mut self.workers {
            let changes = worker
                .next_hops
                .refresh(|destination| resolve(routes, destination), |index| endpoints.interface(index));
            let changed = !changes.is_empty();
            for change in changes {
                worker.send(Command::SetNextHop { id: change.id, hop: change.hop });
            }
            if changed {
                worker.handle.wake();
            }
        }
        self.tell_kernel();
        self.adopt_resolved();
    }
}

fn resolve(routes: &Option<RouteWatcher>, destination: Destination) -> Resolution {
    match routes {
        Some(routes) => routes.resolve_by(destination.address, destination.interface),
        None => Resolution::Unreachable(culvert_route::Unreachable::NoRoute),
    }
}
