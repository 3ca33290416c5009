// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole screens, letter for letter.

use std::collections::HashMap;
use std::time::Instant;

use culvert_api::{ClientError, v1};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Color;
use tonic::Code;

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
    assert_screen(&busy(), 80, 24, "\nA");
}

#[test]
fn a_small_terminal_has_room_for_sessions_first() {
    assert_screen(&busy(), 80, 12, "\nB");
    assert_screen(&busy(), 0, 0, "\n");
    assert_screen(&busy(), 12, 2, "\nB2");
}

#[test]
fn a_wide_terminal_shows_owners() {
    assert_screen(&busy(), 120, 20, "\nC");
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut model = busy();
    let core = model.rates.cores.remove(0);
    model.rates.cores = (0..32)
        .map(|worker| crate::top::rates::Core {
            worker,
            utilisation: Some(f64::from(worker) / 32.0),
            ..core.clone()
        })
        .collect();
    assert_screen(&model, 80, 24, "\nD");
    press(&mut model, &[KeyCode::Tab, KeyCode::Down, KeyCode::Down]);
    assert_screen(&model, 80, 8, "\nD2");
}

#[test]
fn pages_of_their_own() {
    let mut model = busy();
    press(&mut model, &[KeyCode::Tab, KeyCode::Tab]);
    assert_screen(&model, 80, 8, "\nE");
    press(&mut model, &[KeyCode::Tab]);
    assert_screen(&model, 80, 8, "\nE2");
}

#[test]
fn a_session_from_within() {
    let (mut model, first) = (busy(), Instant::now());
    press(&mut model, &[KeyCode::Enter]);
    assert_screen(&model, 80, 6, "\nF");
    let with = |seconds, session| Answer {
        session: Some(("call-7".to_owned(), session)),
        ..answer(first, seconds, vec![rates("call-7", 50.0, 0.0)])
    };
    let mut session = fixture::session();
    model.answer(with(2, Ok(session.clone())));
    let received = session.media[0].legs[0].received.as_mut().unwrap();
    received.packets += 100;
    received.bytes += 16_000;
    received.drops.insert("authentication_failed".to_owned(), 22);
    model.answer(with(4, Ok(session)));
    assert_screen(&model, 80, 24, "\nF2");
    press(&mut model, &[KeyCode::Down, KeyCode::Down]);
    assert_screen(&model, 80, 8, "\nF3");
    let gone =
        ClientError::Status { code: Code::NotFound, message: "session_id: no session \"call-7\"".to_owned() };
    model.answer(with(5, Err(gone)));
    press(&mut model, &[KeyCode::Home]);
    assert_screen(&model, 80, 8, "\nF4");
}

#[test]
fn what_is_wrong_stands_in_the_second_line() {
    let (mut model, first) = (model(), Instant::now());
    assert_screen(&model, 80, 8, "\nG");
    model.answer(Answer { top: Err(unreachable()), ..answer(first, 1, vec![]) });
    assert_screen(&model, 80, 8, "\nG2");
    let refusal =
        ClientError::Status { code: Code::PermissionDenied, message: "GetNode is for operators".to_owned() };
    model.answer(Answer { node: Some(Err(refusal)), ..answer(first, 2, vec![rates("call-7", 50.0, 0.0)]) });
    assert_screen(&model, 80, 8, "\nG3");
    press(&mut model, &[KeyCode::Char('/'), KeyCode::Char('x'), KeyCode::Char('p')]);
    assert_screen(&model, 80, 6, "\nG4");
    press(&mut model, &[KeyCode::Enter, KeyCode::Char('p')]);
    assert_screen(&model, 80, 6, "\nG5");
}

#[test]
fn the_help_fits_the_smallest_usual_terminal() {
    let mut model = busy();
    press(&mut model, &[KeyCode::Char('?')]);
    assert_screen(&model, 80, 24, "\nH");
}

#[test]
fn no_cell_has_a_colour() {
    let mut model = busy();
    for key in [KeyCode::Tab, KeyCode::Tab, KeyCode::Tab, KeyCode::Tab, KeyCode::Enter, KeyCode::Char('?')] {
        press(&mut model, &[key]);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(&model, frame)).unwrap();
        let plain = |cell: &Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
        assert!(terminal.backend().buffer().content().iter().all(plain), "{key:?}");
    }
}
