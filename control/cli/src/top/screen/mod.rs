// SPDX-License-Identifier: MIT OR Apache-2.0
//! The screen: what it shows is a function of the model and of its size. It uses no colour.

mod node;
mod session;
#[cfg(test)]
mod tests;
mod text;

use std::time::SystemTime;

use ratatui::Frame;
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;

use self::node::Table;
use super::model::{Model, Opened, Page};
use crate::arguments::TopOrder;

/// Lines that are always there: two at the top, one at the bottom.
const FRAME: usize = 3;
/// The sessions keep so many lines, headings included, beside cores, queues and drops.
const SESSIONS: usize = 8;

const HELP: [&str; 15] = [
    "s        the next order of the sessions",
    "1 2 3    order by packets, bits, drops a second",
    "4 5 6    order by loss, jitter, MOS (the lowest first)",
    "/        only sessions whose identifier or owner contains a text:",
    "         Enter applies it, Esc leaves it as it was",
    "Enter    open the marked session; Esc: back",
    "Tab      all sessions, all cores, all queues, all drops",
    "Up Down PageUp PageDown Home End j k   move",
    "p        pause, go on",
    "q        quit",
    "",
    "PROMISED is what admitted sessions may take of a core; LIMIT bounds it.",
    "ns/PKT and CYC/PKT are the core's time for each packet received.",
    "MOVED/s are packets that arrived at a core and belong to another one's sessions.",
    "LOSS, JITTER and MOS are those of a session's worst stream since it began.",
];

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let lines = lines(model, area.width.into(), area.height.into());
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        frame.buffer_mut().set_line(area.x, y, line, area.width);
    }
}

/// Lines of an opened session, above which it cannot be scrolled.
pub(super) fn height_of(opened: &Opened) -> usize {
    session::opened(opened).len()
}

fn lines(model: &Model, width: usize, height: usize) -> Vec<Line<'static>> {
    let room = height.saturating_sub(FRAME);
    let mut lines = vec![Line::from(title(model)).bold(), status(model)];
    let body = match &model.opened {
        _ if model.help => plain(HELP.iter().map(|line| (*line).to_owned()), 0, room),
        Some(opened) => {
            let mut all = session::opened(opened);
            let scrolled = opened.scroll.min(all.len().saturating_sub(room.saturating_sub(1)));
            all.insert(0, format!("SESSION {}", opened.id));
            let heading = plain(all.drain(..1), 0, 1).into_iter().map(Line::reversed);
            heading.chain(plain(all.into_iter(), scrolled, room.saturating_sub(1))).collect()
        }
        None => match model.page {
            Page::Sessions => overview(model, width, room),
            Page::Cores => whole(node::cores(&model.rates), model.scroll, width, room),
            Page::Queues => whole(node::queues(&model.rates), model.scroll, width, room),
            Page::Drops => whole(node::drops(&model.rates), model.scroll, width, room),
        },
    };
    lines.extend(body);
    lines.resize(height.saturating_sub(1), Line::default());
    lines.push(foot(model));
    lines
}

fn title(model: &Model) -> String {
    let mut title = format!("culvert top  {}", model.server);
    if let Some(node) = &model.node {
        title += &format!("  {}  sessions {}/{}", node.backend, node.sessions, node.max_sessions);
        let started = node.started.and_then(|started| SystemTime::try_from(started).ok());
        let up = model.time.zip(started).and_then(|(now, started)| now.duration_since(started).ok());
        if let Some(up) = up {
            title += &format!("  up {}", text::age(up.as_secs()));
        }
        if node.draining {
            title += "  DRAINING";
        }
    }
    title
}

fn status(model: &Model) -> Line<'static> {
    match (&model.problem, model.paused) {
        (_, true) => Line::from("PAUSED: p goes on").bold(),
        (Some(problem), false) => Line::from(problem.clone()).bold(),
        (None, false) => {
            let time = model.time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
            Line::from(time.unwrap_or_else(|| "asking".to_owned()))
        }
    }
}

fn foot(model: &Model) -> Line<'static> {
    let text = match (&model.input, &model.opened) {
        (Some(input), _) => return Line::from(format!("filter: {input}_   Enter apply  Esc cancel")).bold(),
        _ if model.help => "any key: back",
        (None, Some(_)) => "Esc back  Up Down move  p pause  ? help  q quit",
        (None, None) => "q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    };
    Line::from(text)
}

/// Sessions below the head of each table of the node.
fn overview(model: &Model, width: usize, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let tables = [node::cores(&model.rates), node::queues(&model.rates), node::drops(&model.rates)];
    let tables: Vec<Table> = tables.into_iter().filter(|table| !table.rows.is_empty()).collect();
    // Shared alike, with a heading each and a blank line behind all of them.
    let mut spare = room.saturating_sub(SESSIONS + 1 + tables.len());
    let mut left = tables.len();
    for table in tables {
        let share = spare / left;
        left -= 1;
        if share == 0 {
            continue;
        }
        let rows = head(table.rows, share);
        spare -= rows.len();
        lines.push(heading(&table.heading, width));
        lines.extend(plain(rows.into_iter(), 0, share));
    }
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    let mut what = format!("SESSIONS by {}  {} of {}", name(model.order), model.sessions.len(), model.total);
    if !model.filter.is_empty() {
        what += &format!("  filter \"{}\"", model.filter);
    }
    if !model.measured {
        what += "  no rates yet";
    }
    lines.push(Line::from(what).bold());
    let (columns, rows) = session::ranked(model, width, room.saturating_sub(lines.len() + 1));
    lines.push(heading(&columns, width));
    lines.extend(rows.into_iter().map(|(row, selected)| {
        let line = Line::from(row);
        if selected { line.bold() } else { line }
    }));
    lines
}

fn whole(table: Table, scroll: usize, width: usize, room: usize) -> Vec<Line<'static>> {
    let rows = room.saturating_sub(1);
    let scroll = scroll.min(table.rows.len().saturating_sub(rows));
    let mut lines = vec![heading(&table.heading, width)];
    lines.extend(plain(table.rows.into_iter(), scroll, rows));
    lines
}

/// At most `room` rows; the last tells of those that are missing.
fn head(mut rows: Vec<String>, room: usize) -> Vec<String> {
    if rows.len() > room {
        let missing = rows.len() - (room - 1);
        rows.truncate(room - 1);
        rows.push(format!("  and {missing} more: Tab"));
    }
    rows
}

fn heading(text: &str, width: usize) -> Line<'static> {
    Line::styled(text::left(text, width), Style::new().reversed())
}

fn plain(lines: impl Iterator<Item = String>, skip: usize, room: usize) -> Vec<Line<'static>> {
    lines.skip(skip).take(room).map(Line::from).collect()
}

fn name(order: TopOrder) -> &'static str {
    match order {
        TopOrder::Packets => "packets/s",
        TopOrder::Bits => "bits/s",
        TopOrder::Drops => "drops/s",
        TopOrder::Loss => "loss",
        TopOrder::Jitter => "jitter",
        TopOrder::Mos => "MOS",
    }
}
