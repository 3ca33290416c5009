// SPDX-License-Identifier: MIT OR Apache-2.0
//! How sessions end: flows come back from their workers, and with the last of them there is a receipt.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use culvert_engine::FlowCounters;
use culvert_session::{Caller, FlowKey, SessionView};
use tokio::sync::oneshot;

use super::ledger::Ledger;
use super::{Inner, Node, NodeError, What};

/// How long a deletion waits for the worker's word that the keys are erased.
const LONGEST_REMOVAL: Duration = Duration::from_secs(2);

/// A deletion that waits for its flows to come back.
#[derive(Debug)]
pub(super) struct Removal {
    flows: HashSet<FlowKey>,
    ended: Ended,
    done: oneshot::Sender<Option<String>>,
}

/// A session that is gone but for its last packets.
#[derive(Debug)]
pub(super) struct Ended {
    view: SessionView,
    counters: HashMap<FlowKey, Arc<FlowCounters>>,
    ledger: Option<Ledger>,
}

/// A session that is gone, with the counters of its flows.
#[derive(Debug)]
pub struct Deleted {
    /// As it was.
    pub view: SessionView,
    /// What its flows have counted.
    pub counters: HashMap<FlowKey, Arc<FlowCounters>>,
    /// Its record in the audit trail, as JSON, where one is kept.
    pub receipt: Option<String>,
}

impl Node {
    /// Ends a session, and waits until its worker has given up its keys.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed.
    pub async fn delete(&self, caller: &Caller, id: &str) -> Result<Deleted, NodeError> {
        let (mut deleted, done) = self.begin_delete(caller, id)?;
        match tokio::time::timeout(LONGEST_REMOVAL, done).await {
            Ok(receipt) => deleted.receipt = receipt.ok().flatten(),
            Err(_) => {
                tracing::warn!(session = %deleted.view.id, "the worker has not yet given up the session's flows");
            }
        }
        Ok(deleted)
    }

    fn begin_delete(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<(Deleted, oneshot::Receiver<Option<String>>), NodeError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.plane.check_room()?;
        let changed = inner.sessions.delete(caller, id)?;
        let counters = self.observer.remove(&changed.view.id);
        let (done, is_done) = oneshot::channel();
        let view = changed.view;
        let ended =
            Ended { view: view.clone(), counters: counters.clone(), ledger: inner.ledgers.remove(&view.id) };
        inner.removals.push(Removal { flows: counters.keys().cloned().collect(), ended, done });
        inner.plane.apply(changed.effects, Instant::now())?;
        if let Some(mras) = &self.mras {
            mras.close(&view.id);
        }
        self.publish(&view.id, &view.owner, (0, 0), What::Deleted);
        Ok((Deleted { view, counters, receipt: None }, is_done))
    }

    /// Ends the data plane: bursts are finished, the XDP program is detached, keys are erased.
    ///
    /// # Errors
    /// When a worker had panicked.
    pub fn stop(&self) -> Result<(), culvert_engine::Panicked> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let stopped = inner.plane.stop();
        for removal in inner.removals.drain(..) {
            // Nobody waits for it any more.
            let _ = removal.done.send(self.give_receipt(removal.ended, false));
        }
        for (id, ledger) in inner.ledgers.drain() {
            let Ok(view) = inner.sessions.get(&Caller::Operator, id.as_str()) else { continue };
            let counters = self.observer.remove(&id);
            self.give_receipt(Ended { view, counters, ledger: Some(ledger) }, true);
        }
        stopped
    }

    /// Writes a session's receipt, and answers with it as JSON.
    fn give_receipt(&self, ended: Ended, stopped: bool) -> Option<String> {
        let (trail, Ended { view, counters, ledger: Some(ledger) }) = (self.trail.as_ref()?, ended) else {
            return None;
        };
        let find = |key: &FlowKey| counters.get(key).map(Arc::as_ref);
        let receipt = ledger.receipt(&view, &trail.node, stopped, SystemTime::now(), find);
        let text = serde_json::to_string(&receipt).ok();
        if !trail.writer.send(culvert_audit::Record::Receipt(Box::new(receipt))) {
            tracing::error!(session = %view.id, "its receipt is lost: the audit trail cannot be written fast enough");
        }
        text
    }

    /// Deletions are answered in their order: an identifier may have been used again since.
    pub(super) fn removed(&self, inner: &mut Inner, flow: &FlowKey) {
        let removals = &mut inner.removals;
        let Some(index) = removals.iter().position(|removal| removal.flows.contains(flow)) else { return };
        let Some(removal) = removals.get_mut(index) else { return };
        removal.flows.remove(flow);
        if removal.flows.is_empty() {
            let Removal { ended, done, .. } = removals.remove(index);
            // The caller may have gone.
            let _ = done.send(self.give_receipt(ended, false));
        }
    }
}
