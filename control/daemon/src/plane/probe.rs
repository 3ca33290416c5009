// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks at the packets of a session, taken by the worker that has its keys.

use culvert_engine::{Cause, Command, Probe, ProbeId};
use culvert_session::FlowKey;
use tokio::sync::oneshot;

use super::Plane;

/// A probe under way.
#[derive(Debug)]
pub struct Probing {
    /// Where it is.
    pub worker: usize,
    /// Its name.
    pub id: ProbeId,
    /// The flows that it looks at, in the order of [`Probe::flows`].
    pub flows: Vec<FlowKey>,
    /// The probe, once it has ended, or at once with [`Cause::Refused`].
    pub back: oneshot::Receiver<(Cause, Box<Probe>)>,
}

impl Plane {
    /// Looks at the packets of flows, which are of one session, until [`Plane::end_probe`]. `None` when none is installed.
    pub fn probe(&mut self, keys: impl IntoIterator<Item = FlowKey>) -> Option<Probing> {
        let placed: Vec<_> = keys
            .into_iter()
            .filter_map(|key| self.flows.get(&key).map(|placed| (placed.worker, placed.slot, key)))
            .collect();
        let worker = placed.first()?.0;
        let of_worker = || placed.iter().filter(|(owner, ..)| *owner == worker);
        self.last_probe += 1;
        let id = ProbeId(self.last_probe);
        let probe = Box::new(Probe::new(id, of_worker().map(|(_, slot, key)| (*slot, key.media))));
        let flows = of_worker().map(|(.., key)| key.clone()).collect();
        let (forth, back) = oneshot::channel();
        let entry = self.workers.get_mut(worker)?;
        self.probes.insert(id, forth);
        entry.send(Command::Probe { probe });
        entry.handle.wake();
        Some(Probing { worker, id, flows, back })
    }

    /// Ends a probe. One that has ended already is none of the worker's business.
    pub fn end_probe(&mut self, worker: usize, id: ProbeId) {
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.send(Command::EndProbe { id });
            entry.handle.wake();
        }
    }

    pub(super) fn probed(&mut self, cause: Cause, probe: Box<Probe>) {
        if let Some(forth) = self.probes.remove(&probe.id) {
            // Who asked may have gone.
            let _ = forth.send((cause, probe));
        }
    }
}
