// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sessions in rank, and one of them from within.

use culvert_api::v1;

use super::text::{left, mos, percent, right, scaled};
use crate::output::{Endpoint, media_kind, time};
use crate::top::model::{Model, Opened};
use crate::top::rates;

/// Of the columns behind the name.
const WIDTHS: [usize; 7] = [5, 8, 8, 8, 8, 8, 6];

/// The heading, and the rows of `room` sessions around the selected one.
pub(super) fn ranked(model: &Model, width: usize, room: usize) -> (String, Vec<(String, bool)>) {
    let fixed: usize = WIDTHS.iter().sum();
    let names = width.saturating_sub(fixed + 2).max(8);
    // The owner has a column of its own as soon as both can be read.
    let (id, owner) = if names >= 48 { (names - 24, 24) } else { (names, 0) };
    let row = |mark: char, name: &str, of: &str, cells: [&str; 7]| {
        let cells: String = cells.iter().zip(WIDTHS).map(|(cell, width)| right(cell, width)).collect();
        format!("{mark} {}{}{cells}", left(name, id), left(of, owner))
    };
    let heading = row(' ', "SESSION", "OWNER", ["CORE", "PKT/s", "BIT/s", "DROP/s", "LOSS", "JITTER", "MOS"]);
    // A page at a time: rows do not slide under the eye.
    let first = model.selected.checked_div(room).unwrap_or(0) * room;
    let shown = model.sessions.iter().enumerate().skip(first).take(room);
    let rows = shown.map(|(place, session)| {
        let selected = place == model.selected;
        let mark = if selected { '>' } else { ' ' };
        let cells = [
            session.worker.to_string(),
            scaled(Some(session.packets_per_second)),
            scaled(Some(session.bits_per_second)),
            scaled(Some(session.drops_per_second)),
            percent(Some(session.loss_ratio)),
            format!("{:.1}ms", session.jitter_ms),
            mos(session.mos),
        ];
        let cells = cells.each_ref().map(String::as_str);
        (row(mark, &session.session_id, &session.owner, cells), selected)
    });
    (heading, rows.collect())
}

/// All of an opened session.
pub(super) fn opened(opened: &Opened) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(opened.refused.iter().map(|refusal| format!("ENDED OR REFUSED: {refusal}")));
    let Some(session) = &opened.session else {
        if lines.is_empty() {
            lines.push("asking".to_owned());
        }
        return lines;
    };
    let created = time(session.created).unwrap_or_else(|| "-".to_owned());
    lines.push(format!("owner {}  core {}  since {created}", session.owner, session.worker));
    for (number, media) in session.media.iter().enumerate() {
        lines.push(String::new());
        lines.push(format!("MEDIA {number}  {}  {} Hz", media_kind(media.kind()), media.clock_rate));
        for (place, leg) in media.legs.iter().enumerate() {
            let nothing = v1::FlowCounters::default();
            let received = leg.received.as_ref().unwrap_or(&nothing);
            let flow = rates::flow(received, (number, place), opened.earlier());
            lines.extend(leg_lines(place, leg, received, &flow));
        }
    }
    lines
}

fn leg_lines(
    place: usize,
    leg: &v1::LegStatus,
    received: &v1::FlowCounters,
    flow: &rates::Flow,
) -> Vec<String> {
    let endpoint = |endpoint: Option<&v1::Endpoint>| {
        endpoint.map_or_else(|| "-".to_owned(), |endpoint| Endpoint::from(endpoint.clone()).to_string())
    };
    let rtp = |remote: &Option<v1::Remote>| endpoint(remote.as_ref().and_then(|remote| remote.rtp.as_ref()));
    let protection = if leg.protection.is_empty() { "no keys yet" } else { &leg.protection };
    let states = [
        (leg.held, "held"),
        (!leg.receive_ready, "cannot receive yet"),
        (!leg.send_ready, "cannot send yet"),
    ];
    let states: String = states.iter().filter(|(is, _)| *is).map(|(_, state)| format!("  {state}")).collect();
    let mut lines = vec![
        format!("  LEG {place}  {}  {protection}{states}", leg.realm),
        format!("    local {}", endpoint(leg.local_rtp.as_ref())),
        format!("    signalled {}  learnt {}", rtp(&leg.signalled), rtp(&leg.learnt)),
        format!(
            "    in {} pkt/s  {} bit/s  {} packets  {} bytes  {} RTCP  {} re-keys",
            scaled(flow.packets),
            scaled(flow.bits),
            received.packets,
            received.bytes,
            received.rtcp_packets,
            leg.rekeys
        ),
    ];
    lines.extend(flow.drops.iter().map(|drops| {
        format!("    dropped {}  {}/s  {} in all", drops.reason, scaled(drops.rate), drops.total)
    }));
    let row = |cells: [&str; 7]| {
        let cells = cells.iter().zip([10, 12, 9, 8, 10, 7, 13]);
        format!("    {}", cells.map(|(cell, width)| right(cell, width)).collect::<String>())
    };
    if !received.streams.is_empty() {
        lines.push(row(["SSRC", "PACKETS", "LOST", "LOSS", "JITTER", "MOS", "HIGHEST SEQ"]));
    }
    lines.extend(received.streams.iter().map(|stream| {
        row([
            &format!("{:08x}", stream.ssrc),
            &stream.packets.to_string(),
            &stream.lost.to_string(),
            &percent(Some(stream.loss_ratio)),
            &format!("{:.1}ms", stream.jitter_ms),
            &mos(stream.mos),
            &stream.highest_sequence.to_string(),
        ])
    }));
    lines
}
