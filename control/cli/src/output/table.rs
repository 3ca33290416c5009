// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables for people.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use super::histogram::ratio;
use super::model::Pair;
use super::node::{Capacity, Drained, Node};
use super::session::{Leg, Media, Session, SessionList};
use super::text::{bytes, counts, nanoseconds, or_dash, percent};

/// One line per leg, so that no line is wider than a terminal.
pub(crate) fn sessions(out: &mut impl Write, list: &SessionList) -> io::Result<()> {
    let mut table =
        new(&["session", "media", "leg", "realm", "protection", "packets", "bytes", "drops"], &[5, 6, 7]);
    for session in &list.sessions {
        for (media, leg, index) in legs(session) {
            let drops: u64 = leg.received.drops.values().sum();
            table.add_row([
                if index == 0 { session.session_id.clone() } else { String::new() },
                if index == 0 { media.kind.to_owned() } else { String::new() },
                index.to_string(),
                leg.realm.clone(),
                protection(leg),
                leg.received.packets.to_string(),
                bytes(leg.received.bytes),
                drops.to_string(),
            ]);
        }
    }
    if !list.sessions.is_empty() {
        print(out, &table)?;
    }
    writeln!(out, "{} of {} sessions", list.sessions.len(), list.total)
}

pub(crate) fn session(out: &mut impl Write, session: &Session) -> io::Result<()> {
    writeln!(
        out,
        "session {}  owner {}  created {}  worker {}",
        session.session_id,
        session.owner,
        or_dash(session.created.as_ref()),
        session.worker
    )?;
    for (index, media) in session.media.iter().enumerate() {
        writeln!(out, "\nmedia {index}: {}, {} Hz", media.kind, media.clock_rate)?;
        print(out, &addresses(media))?;
        writeln!(out)?;
        print(out, &received(media))?;
        section(out, &authorities(media), media.legs.iter().all(|leg| leg.authority.is_none()))?;
    }
    Ok(())
}

fn addresses(media: &Media) -> Table {
    let mut table = new(
        &["leg", "realm", "class", "local", "signalled", "learnt", "protection", "source", "dscp", "state"],
        &[],
    );
    for (index, leg) in media.legs.iter().enumerate() {
        table.add_row([
            index.to_string(),
            leg.realm.clone(),
            or_dash(leg.peer_class.as_ref()),
            pair(Some(&leg.local)),
            pair(leg.signalled.as_ref()),
            pair(leg.learnt.as_ref()),
            protection(leg),
            leg.source.to_owned(),
            or_dash(leg.dscp.as_ref()),
            state(leg).to_owned(),
        ]);
    }
    table
}

fn received(media: &Media) -> Table {
    let head = [
        "leg",
        "packets",
        "bytes",
        "rtcp",
        "lost",
        "loss",
        "jitter",
        "mos",
        "re-keys",
        "last packet",
        "drops",
    ];
    let mut table = new(&head, &[1, 2, 3, 4, 5, 6, 7, 8]);
    for (index, leg) in media.legs.iter().enumerate() {
        let received = &leg.received;
        let lost: i64 = received.streams.iter().map(|stream| stream.lost).sum();
        // Of several streams, the worst.
        let jitter = received.streams.iter().map(|stream| stream.jitter_ms).fold(0.0, f64::max);
        let loss = received.streams.iter().map(|stream| stream.loss_ratio).fold(0.0, f64::max);
        let mos = received.streams.iter().filter_map(|stream| stream.mos).reduce(f64::min);
        table.add_row([
            index.to_string(),
            received.packets.to_string(),
            bytes(received.bytes),
            received.rtcp_packets.to_string(),
            lost.to_string(),
            percent(loss),
            format!("{jitter:.1} ms"),
            or_dash(mos.map(|mos| format!("{mos:.2}")).as_ref()),
            leg.rekeys.to_string(),
            or_dash(received.last_packet.as_ref()),
            counts(&received.drops),
        ]);
    }
    table
}

/// On whose behalf MRAS has keyed the legs.
fn authorities(media: &Media) -> Table {
    let mut table = new(&["leg", "issued to", "credential", "expiry", "state"], &[]);
    for (index, leg) in media.legs.iter().enumerate() {
        let Some(authority) = &leg.authority else { continue };
        table.add_row([
            index.to_string(),
            or_dash(authority.identity.as_ref()),
            authority.credential_id.clone(),
            or_dash(authority.expiry.as_ref()),
            authority.state.to_owned(),
        ]);
    }
    table
}

pub(crate) fn node(out: &mut impl Write, node: &Node) -> io::Result<()> {
    let state = if node.draining { "draining" } else { "takes sessions" };
    writeln!(
        out,
        "culvertd {}  started {}  back end {}  {state}  {} of {} sessions",
        node.version,
        or_dash(node.started.as_ref()),
        node.backend,
        node.sessions,
        node.max_sessions
    )?;
    if !node.srtp_path.is_empty() {
        let available = node.srtp_paths_available.join(", ");
        writeln!(out, "SRTP path {}  available {available}", node.srtp_path)?;
    }
    if !node.fips.is_empty() {
        writeln!(out, "FIPS {}", node.fips)?;
    }

    let mut interfaces = new(&["interface", "mtu", "xdp", "queues", "counters"], &[1]);
    for interface in &node.interfaces {
        let queues = interface.queues.iter().map(|queue| {
            let copy = if queue.zero_copy { ", zero-copy" } else { "" };
            let drops = if queue.socket_drops.is_empty() {
                String::new()
            } else {
                format!(", {}", counts(&queue.socket_drops))
            };
            format!("{} on worker {}{copy}{drops}", queue.queue, queue.worker)
        });
        interfaces.add_row([
            interface.name.clone(),
            interface.mtu.to_string(),
            if interface.mode.is_empty() { "-".to_owned() } else { interface.mode.clone() },
            queues.collect::<Vec<_>>().join("\n"),
            counts(&interface.counters),
        ]);
    }
    section(out, &interfaces, node.interfaces.is_empty())?;

    let mut workers = new(
        &["worker", "cpu", "received", "transmitted", "flows", "promised", "drops without a flow"],
        &[2, 3],
    );
    for worker in &node.workers {
        workers.add_row([
            worker.worker.to_string(),
            or_dash(worker.cpu.as_ref()),
            worker.received.to_string(),
            worker.transmitted.to_string(),
            format!("{} of {}", worker.flows, worker.max_flows),
            promised(worker.capacity.as_ref()),
            counts(&worker.drops),
        ]);
    }
    section(out, &workers, node.workers.is_empty())?;
    section(out, &timing(node), node.workers.iter().all(|worker| worker.timing.is_none()))?;

    let mut realms = new(&["realm", "interface", "addresses", "advertised", "ports"], &[]);
    for realm in &node.realms {
        realms.add_row([
            realm.name.clone(),
            realm.interface.clone(),
            realm.addresses.join("\n"),
            realm.advertised.join("\n"),
            format!("{} of {} used", realm.ports_used, realm.ports_total),
        ]);
    }
    section(out, &realms, node.realms.is_empty())
}

/// Where the workers' time goes.
fn timing(node: &Node) -> Table {
    let head = [
        "worker",
        "busy",
        "time/packet",
        "cycles/packet",
        "in relay, median",
        "99 %",
        "burst",
        "handed over",
        "taken over",
    ];
    let mut table = new(&head, &[1, 2, 3, 4, 5, 6, 7, 8]);
    for worker in &node.workers {
        let Some(timing) = &worker.timing else { continue };
        let time = |value: Option<f64>| or_dash(value.map(nanoseconds).as_ref());
        let cycles = ratio(timing.busy_cycles, worker.received).filter(|cycles| *cycles > 0.0);
        table.add_row([
            worker.worker.to_string(),
            percent(timing.utilisation),
            time(ratio(timing.busy_nanoseconds, worker.received)),
            or_dash(cycles.map(|cycles| format!("{cycles:.0}")).as_ref()),
            time(timing.time_in_relay.quantile(0.5)),
            time(timing.time_in_relay.quantile(0.99)),
            or_dash(timing.burst_size.mean().map(|mean| format!("{mean:.1}")).as_ref()),
            worker.handed_over.to_string(),
            worker.taken_over.to_string(),
        ]);
    }
    table
}

/// Of the core's time.
fn promised(capacity: Option<&Capacity>) -> String {
    capacity.map_or_else(
        || "-".to_owned(),
        |capacity| format!("{:.1} of {:.0} %", capacity.promised * 100.0, capacity.limit * 100.0),
    )
}

pub(crate) fn drained(out: &mut impl Write, drained: &Drained) -> io::Result<()> {
    if drained.draining {
        writeln!(out, "draining: no new sessions, {} still run", drained.sessions)
    } else {
        writeln!(out, "taking sessions again, {} run", drained.sessions)
    }
}

fn legs(session: &Session) -> impl Iterator<Item = (&Media, &Leg, usize)> {
    session
        .media
        .iter()
        .flat_map(|media| media.legs.iter().enumerate().map(move |(index, leg)| (media, leg, index)))
}

fn protection(leg: &Leg) -> String {
    if leg.protection.is_empty() { "-".to_owned() } else { leg.protection.clone() }
}

fn state(leg: &Leg) -> &'static str {
    match (leg.held, leg.receive_ready, leg.send_ready) {
        (true, _, _) => "held",
        (_, true, true) => "ready",
        (_, true, false) => "cannot send yet",
        (_, false, true) => "cannot receive yet",
        (_, false, false) => "not ready",
    }
}

/// The RTP address, and RTCP's below it when it is another.
fn pair(pair: Option<&Pair>) -> String {
    let Some(pair) = pair else { return "-".to_owned() };
    let rtp = or_dash(pair.rtp.as_ref());
    match &pair.rtcp {
        Some(rtcp) if Some(rtcp) != pair.rtp.as_ref() => format!("{rtp}\n{rtcp}"),
        _ => rtp,
    }
}

pub(super) fn new(head: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|name| name.to_uppercase()));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(super) fn section(out: &mut impl Write, table: &Table, empty: bool) -> io::Result<()> {
    if empty {
        return Ok(());
    }
    writeln!(out)?;
    print(out, table)
}

pub(super) fn print(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use culvert_api::v1;

    use super::*;
    use crate::output::fixture::{self, text};

    #[test]
    fn a_session_is_three_tables_per_medium() {
        let shown = text(|out| session(out, &fixture::session().into()));
        let expected = "\
session call-7  owner front-end.culvert.test  created 2023-11-14T22:13:20.000Z  worker 1

media 0: audio, 8000 Hz
LEG  REALM    CLASS    LOCAL               SIGNALLED         LEARNT           PROTECTION               SOURCE             DSCP  STATE
0    outside  -        203.0.113.7:20000   192.0.2.10:40000  192.0.2.77:1024  AES_CM_128_HMAC_SHA1_80  learn              -     ready
                                           192.0.2.10:40001
1    inside   gateway  198.51.100.1:20000  -                 -                -                        signalled_address  46    not ready

LEG  PACKETS    BYTES  RTCP  LOST   LOSS  JITTER   MOS  RE-KEYS  LAST PACKET               DROPS
0        250  5.0 KiB     3     1  0.4 %  0.5 ms  4.38        1  2023-11-14T22:13:25.000Z  authentication_failed 2, replayed 1
1          0      0 B     0     0  0.0 %  0.0 ms     -        0  -                         none

LEG  ISSUED TO              CREDENTIAL                        EXPIRY                    STATE
0    sip:alice@example.org  c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0  2023-11-15T06:13:20.000Z  valid
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_list_has_a_line_per_leg_and_the_total() {
        let list = SessionList { sessions: vec![fixture::session().into()], total: 12 };
        let expected = "\
SESSION  MEDIA  LEG  REALM    PROTECTION               PACKETS    BYTES  DROPS
call-7   audio  0    outside  AES_CM_128_HMAC_SHA1_80      250  5.0 KiB      3
                1    inside   -                              0      0 B      0
1 of 12 sessions
";
        assert_eq!(text(|out| sessions(out, &list)), expected);
        let none = SessionList { sessions: vec![], total: 0 };
        assert_eq!(text(|out| sessions(out, &none)), "0 of 0 sessions\n");
    }

    #[test]
    fn a_node_has_its_interfaces_workers_and_realms() {
        let expected = "\
culvertd 0.1.0  started 2023-11-14T22:13:20.000Z  back end xdp  takes sessions  2 of 1000 sessions
SRTP path avx2  available avx2, aes-ni, portable
FIPS off

INTERFACE   MTU  XDP     QUEUES                                     COUNTERS
eth0       1500  native  0 on worker 0, zero-copy                   redirected 9
                         1 on worker 1, rx_fill_ring_empty_descs 4

WORKER  CPU  RECEIVED  TRANSMITTED  FLOWS       PROMISED      DROPS WITHOUT A FLOW
0       2         100           90  4 of 40000  12.5 of 80 %  unknown_destination 10

WORKER    BUSY  TIME/PACKET  CYCLES/PACKET  IN RELAY, MEDIAN     99 %  BURST  HANDED OVER  TAKEN OVER
0       12.5 %       500 ns           1500           16.4 us  32.4 us    2.5            7           5

REALM    INTERFACE  ADDRESSES    ADVERTISED   PORTS
outside  eth0       10.0.0.7     203.0.113.7  4 of 20000 used
                    2001:db8::7
";
        assert_eq!(text(|out| node(out, &fixture::node().into())), expected);
        let older = v1::GetNodeResponse { backend: "xdp".to_owned(), ..v1::GetNodeResponse::default() };
        let expected = "culvertd   started -  back end xdp  takes sessions  0 of 0 sessions\n";
        assert_eq!(text(|out| node(out, &older.into())), expected);
    }
}
