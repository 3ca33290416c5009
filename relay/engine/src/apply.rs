// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out commands.

use culvert_secret::Secret;
use culvert_srtp::KeySet;
use culvert_udp::UdpSocket;
use culvert_wire::Endpoint;
use rtrb::Consumer;

use crate::command::Command;
use crate::event::{Cause, Direction, Event, Retired};
use crate::flow::{Component, Flow, FlowSlot, NextHop, NextHopId, Rekeyed, SourceRule, Via};
use crate::io::PacketIo;
use crate::rate::Rate;
use crate::side::{Receive, Send};
use crate::state::{Events, WorkerState};
use crate::table::{Port, Target};

/// Most commands between two bursts, so that a flood of them does not hold up media.
const BATCH: usize = 64;

impl WorkerState {
    /// Carries out what control has queued, as far as there is room to give back what that retires. Says whether
    /// there was anything.
    pub fn take_commands<I: PacketIo>(&mut self, commands: &mut Consumer<Command>, io: &mut I) -> bool {
        let mut taken = 0;
        while taken < BATCH && self.events.can_retire() {
            let Ok(command) = commands.pop() else { break };
            self.apply(command, io);
            taken += 1;
        }
        taken > 0
    }

    /// Carries out one command. What it retires goes to the event ring, which must have room for two entries.
    pub fn apply<I: PacketIo>(&mut self, command: Command, io: &mut I) {
        match command {
            Command::Install { slot, flow } => self.install(slot, flow),
            Command::Remove { slot } => self.remove(slot),
            Command::Rekey { slot, receive, send } => self.rekey(slot, receive, send),
            Command::RetirePrevious { slot } => {
                if let Some(context) = self.flow_mut(slot).and_then(Flow::receive_context_mut)
                    && let Some(keys) = context.retire_previous()
                {
                    self.events.retire_keys(slot, Direction::Receive, Cause::Removed, keys);
                }
            }
            Command::SetReceive { slot, receive } => self.set_receive(slot, receive),
            Command::SetSend { slot, send } => self.set_send(slot, send),
            Command::SetSource { slot, component, rule } => self.set_source(slot, component, rule),
            Command::SetEgress { slot, component, egress } => {
                if let Some(flow) = self.flow_mut(slot) {
                    flow.egress[component.index()] = egress;
                }
            }
            Command::SetVia { slot, component, remote, via } => self.set_via(slot, component, remote, via),
            Command::SetHeld { slot, held } => {
                if let Some(flow) = self.flow_mut(slot) {
                    flow.held = held;
                }
            }
            Command::SetDscp { slot, dscp } => {
                if let Some(flow) = self.flow_mut(slot) {
                    flow.dscp = dscp;
                }
            }
            Command::SetRate { slot, rate } => self.set_rate(slot, rate),
            Command::SetNextHop { id, hop } => self.set_next_hop(id, hop),
            Command::RouteElsewhere { endpoint, worker } => {
                self.endpoints.insert(endpoint, Target::Worker(worker));
            }
            Command::ForgetElsewhere { endpoint, worker } => {
                self.endpoints.remove(&endpoint, Target::Worker(worker));
            }
            Command::Probe { probe } => {
                if let Err(probe) = self.arm(probe) {
                    let retired = Retired::Probe { cause: Cause::Refused, probe };
                    self.events.retire(Event::Retired(retired));
                }
            }
            Command::EndProbe { id } => {
                if let Some(probe) = self.disarm(id) {
                    let retired = Retired::Probe { cause: Cause::Removed, probe };
                    self.events.retire(Event::Retired(retired));
                }
            }
            Command::OpenEndpoint { endpoint, socket } => {
                if let Err(socket) = io.attach(endpoint, socket) {
                    self.events.retire_socket(endpoint, Cause::Refused, socket);
                }
            }
            Command::CloseEndpoint { endpoint } => {
                if let Some(socket) = io.detach(endpoint) {
                    self.events.retire_socket(endpoint, Cause::Removed, socket);
                }
            }
        }
    }

    fn install(&mut self, slot: FlowSlot, mut flow: Box<Flow>) {
        let vacant = matches!(self.flows.get(slot.0 as usize), Some(None));
        if !vacant || !self.route_endpoints(slot, &flow) {
            let retired = Retired::Flow { slot, cause: Cause::Refused, flow };
            self.events.retire(Event::Retired(retired));
            return;
        }
        flow.begin(self.key_warning);
        if let Some(place) = self.flows.get_mut(slot.0 as usize) {
            *place = Some(flow);
            self.installed += 1;
            self.counters.set_flows(self.installed);
        }
    }

    /// Routes a flow's endpoints to its slot: all of them or none.
    fn route_endpoints(&mut self, slot: FlowSlot, flow: &Flow) -> bool {
        let ports = ports(flow);
        for (place, (endpoint, port)) in ports.into_iter().flatten().enumerate() {
            if !self.endpoints.insert(endpoint, Target::Flow { slot, port }) {
                for (earlier, port) in ports.into_iter().flatten().take(place) {
                    self.endpoints.remove(&earlier, Target::Flow { slot, port });
                }
                return false;
            }
        }
        true
    }

    fn remove(&mut self, slot: FlowSlot) {
        let Some(flow) = self.flows.get_mut(slot.0 as usize).and_then(Option::take) else { return };
        for (endpoint, port) in ports(&flow).into_iter().flatten() {
            self.endpoints.remove(&endpoint, Target::Flow { slot, port });
        }
        self.installed -= 1;
        self.counters.set_flows(self.installed);
        self.events.retire(Event::Retired(Retired::Flow { slot, cause: Cause::Removed, flow }));
    }

    fn rekey(&mut self, slot: FlowSlot, receive: Option<Secret<KeySet>>, send: Option<Secret<KeySet>>) {
        let warning = self.key_warning;
        let mut flow = self.flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut);
        if let Some(keys) = receive {
            let direction = Direction::Receive;
            match rekeyed(flow.as_deref_mut(), keys, |flow, keys| flow.rekey_receive(keys, warning)) {
                Ok(Some(oldest)) => self.events.retire_keys(slot, direction, Cause::Replaced, oldest),
                Ok(None) => {}
                Err(refused) => self.events.retire_keys(slot, direction, Cause::Refused, refused),
            }
        }
        if let Some(keys) = send {
            let direction = Direction::Send;
            match rekeyed(flow, keys, |flow, keys| flow.rekey_send(keys, warning)) {
                Ok(old) => {
                    if let Some(old) = old {
                        self.events.retire_keys(slot, direction, Cause::Replaced, old);
                    }
                    self.events.inform(Event::RekeyDone { slot, direction });
                }
                Err(refused) => self.events.retire_keys(slot, direction, Cause::Refused, refused),
            }
        }
    }

    fn set_receive(&mut self, slot: FlowSlot, mut receive: Box<Receive>) {
        let warning = self.key_warning;
        let replaced = self.flow_mut(slot).is_some_and(|flow| flow.replace_receive(&mut receive, warning));
        let cause = if replaced { Cause::Replaced } else { Cause::Refused };
        self.events.retire(Event::Retired(Retired::Receive { slot, cause, receive }));
    }

    fn set_send(&mut self, slot: FlowSlot, mut send: Box<Send>) {
        let warning = self.key_warning;
        let replaced = self.flow_mut(slot).is_some_and(|flow| flow.replace_send(&mut send, warning));
        let cause = if replaced { Cause::Replaced } else { Cause::Refused };
        self.events.retire(Event::Retired(Retired::Send { slot, cause, send }));
    }

    fn set_rate(&mut self, slot: FlowSlot, rate: Option<Box<Rate>>) {
        let (cause, retired) = match self.flow_mut(slot) {
            Some(flow) => (Cause::Replaced, std::mem::replace(&mut flow.rate, rate)),
            None => (Cause::Refused, rate),
        };
        if let Some(rate) = retired {
            self.events.retire(Event::Retired(Retired::Rate { slot, cause, rate }));
        }
    }

    fn set_source(&mut self, slot: FlowSlot, component: Component, rule: SourceRule) {
        if let Some(flow) = self.flow_mut(slot) {
            flow.ingress[component.index()].source = rule;
        }
    }

    fn set_via(&mut self, slot: FlowSlot, component: Component, remote: Endpoint, via: Via) {
        if let Some(flow) = self.flow_mut(slot) {
            let egress = &mut flow.egress[component.index()];
            if egress.remote == Some(remote) {
                egress.via = via;
            }
        }
    }

    fn set_next_hop(&mut self, id: NextHopId, hop: Option<NextHop>) {
        if let Some(entry) = self.next_hops.get_mut(id.0 as usize) {
            *entry = hop;
        }
    }
}

/// Gives keys to a flow, if it is there.
fn rekeyed(
    flow: Option<&mut Flow>,
    keys: Secret<KeySet>,
    rekey: impl FnOnce(&mut Flow, Secret<KeySet>) -> Rekeyed,
) -> Rekeyed {
    match flow {
        Some(flow) => rekey(flow, keys),
        None => Err(keys),
    }
}

/// A flow's local endpoints, and what may arrive there.
fn ports(flow: &Flow) -> [Option<(Endpoint, Port)>; 2] {
    let [rtp, rtcp] = [flow.ingress[0].local, flow.ingress[1].local];
    match flow.is_multiplexed() {
        true => [Some((rtp, Port::Both)), None],
        false => [Some((rtp, Port::Rtp)), Some((rtcp, Port::Rtcp))],
    }
}

impl Events {
    fn retire_keys(&mut self, slot: FlowSlot, direction: Direction, cause: Cause, keys: Secret<KeySet>) {
        self.retire(Event::Retired(Retired::Keys { slot, direction, cause, keys }));
    }

    fn retire_socket(&mut self, endpoint: Endpoint, cause: Cause, socket: UdpSocket) {
        self.retire(Event::Retired(Retired::Socket { endpoint, cause, socket }));
    }
}
