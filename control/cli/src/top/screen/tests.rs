// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole screens, letter for letter.

use std::collections::HashMap;
use std::time::Instant;

use culvert_api::v1;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;

use super::draw;
use crate::output::fixture;
use crate::top::ask::Answer;
use crate::top::model::Model;
use crate::top::tests::{answer, model, press, rates, unreachable};

/// The lines of a screen of this size, without the blanks behind them.
fn screen(model: &Model, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells = buffer.content().chunks(width.into());
    let lines = cells.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect()
}

fn assert_screen(model: &Model, width: u16, height: u16, expected: &str) {
    let found = screen(model, width, height).join("\n");
    let expected = expected.strip_prefix('\n').unwrap();
    assert_eq!(found, expected, "found:\n{found}\nexpected:\n{expected}");
}

/// The node two seconds later than `fixture::node`.
fn later() -> v1::GetNodeResponse {
    let mut node = fixture::node();
    let worker = &mut node.workers[0];
    worker.received += 100_000;
    worker.handed_over += 20;
    worker.drops.insert("unknown_destination".to_owned(), 30);
    let timing = worker.timing.as_mut().unwrap();
    timing.busy_nanoseconds += 50_000_000;
    timing.busy_cycles += 150_000_000;
    node.interfaces[0].counters = HashMap::from([("redirected".to_owned(), 50), ("zrtp".to_owned(), 8)]);
    let ring = |used| v1::RingOccupancy { used, size: 2048 };
    node.interfaces[0].queues[1].rings =
        HashMap::from([("rx".to_owned(), ring(512)), ("fill".to_owned(), ring(2048))]);
    node
}

/// A relay with three sessions that has answered twice.
fn busy() -> Model {
    let (mut model, first) = (model(), Instant::now());
    let sessions =
        || vec![rates("call-7", 2500.0, 0.0), rates("call-8", 50.0, 0.125), rates("call-9", 0.0, 1.0)];
    model.answer(Answer { node: Some(Ok(fixture::node())), ..answer(first, 0, sessions()) });
    let mut video = sessions();
    video[1].mos = 0.0;
    model.answer(Answer { node: Some(Ok(later())), ..answer(first, 2, video) });
    model
}

#[test]
fn the_overview_of_a_busy_relay() {
    assert_screen(
        &busy(),
        80,
        24,
        "
",
    );
}
