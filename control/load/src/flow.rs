// SPDX-License-Identifier: MIT OR Apache-2.0
//! A flow: the media of one session in one direction, with both its ends.

use std::net::SocketAddr;

use culvert_srtp::{Contexts, ReceiveContext, SendContext};

use crate::LoadError;
use crate::calls::Call;
use crate::plan::{Plan, Transport};
use crate::track::Track;
use crate::transport::{Local, Side};

/// One direction of one session.
pub(crate) struct Flow {
    /// 0: from A to B. 1: from B to A.
    pub(crate) direction: usize,
    pub(crate) ssrc: u32,
    /// Index of the next packet.
    pub(crate) next: u64,
    /// From where it is sent.
    pub(crate) from: Local,
    /// The relay, as the sender sees it.
    pub(crate) to: SocketAddr,
    /// Where it arrives.
    pub(crate) at: Local,
    /// The relay, as the receiver sees it.
    pub(crate) source: SocketAddr,
    pub(crate) track: Track,
    send: Option<SendContext>,
    receive: Option<ReceiveContext>,
    /// Under the relay's key, for who has to make up what was not kept.
    guide: Option<SendContext>,
}

/// Marks the context of a guide.
const GUIDE: u32 = 1 << 31;

impl Flow {
    /// Whether it is sent as SRTP.
    pub(crate) fn is_protected(&self) -> bool {
        self.send.is_some()
    }

    /// Whether it arrives as SRTP.
    pub(crate) fn arrives_protected(&self) -> bool {
        self.receive.is_some()
    }
}

/// All of them: first those from A to B in the order of the sessions, then those from B to A. A packet's context is its
/// flow's place here.
pub(crate) struct Flows {
    all: Vec<Flow>,
    first_ssrc: u32,
}

impl Flows {
    /// Derives the session keys; the master keys are erased with `calls`.
    pub(crate) fn new(plan: &Plan, calls: Vec<Call>, first_ssrc: u32) -> Result<Flows, LoadError> {
        let mut all = Vec::with_capacity(plan.flows());
        for direction in 0..if plan.both { 2 } else { 1 } {
            for call in &calls {
                let ssrc = first_ssrc.wrapping_add(all.len() as u32);
                let (here, there) = (&call.legs[direction], &call.legs[1 - direction]);
                let [from, at] = if direction == 0 { [Side::A, Side::B] } else { [Side::B, Side::A] };
                let send = here.keys.as_ref().map(|keys| keys.ours.set()).transpose()?;
                let guide = match &there.keys {
                    Some(keys) if matches!(plan.transport, Transport::Xdp { .. }) => Some(keys.relays.set()?),
                    _ => None,
                };
                let receive = there.keys.as_ref().map(|keys| keys.relays.set()).transpose()?;
                all.push(Flow {
                    direction,
                    ssrc,
                    next: plan.sequence.into(),
                    from: Local { side: from, place: here.local },
                    to: here.relay,
                    at: Local { side: at, place: there.local },
                    source: there.relay,
                    track: Track::new(plan.sequence.into()),
                    send: send.map(|keys| SendContext::new(keys, 1)),
                    receive: receive.map(|keys| ReceiveContext::new(keys, 1)),
                    guide: guide.map(|keys| SendContext::new(keys, 1)),
                });
            }
        }
        culvert_secret::scrub_stack();
        Ok(Flows { all, first_ssrc })
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get_mut(&mut self, id: usize) -> Option<&mut Flow> {
        self.all.get_mut(id)
    }

    pub(crate) fn get(&self, id: usize) -> Option<&Flow> {
        self.all.get(id)
    }

    /// The context that sends as the relay does on a flow's way to its receiver. Kept for the XDP way only.
    pub(crate) fn guide(flow: usize) -> u32 {
        flow as u32 | GUIDE
    }

    /// The flow with this SSRC.
    pub(crate) fn with_ssrc(&self, ssrc: u32) -> Option<usize> {
        let id = ssrc.wrapping_sub(self.first_ssrc) as usize;
        (id < self.all.len()).then_some(id)
    }
}

impl Contexts for Flows {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.all.get(id as usize)?.receive.as_ref()
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.all.get_mut(id as usize)?.receive.as_mut()
    }

    fn send(&self, id: u32) -> Option<&SendContext> {
        let flow = self.all.get((id & !GUIDE) as usize)?;
        if id & GUIDE == 0 { flow.send.as_ref() } else { flow.guide.as_ref() }
    }

    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        let flow = self.all.get_mut((id & !GUIDE) as usize)?;
        if id & GUIDE == 0 { flow.send.as_mut() } else { flow.guide.as_mut() }
    }
}
