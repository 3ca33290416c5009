// SPDX-License-Identifier: MIT OR Apache-2.0
//! What keys and answers make of the model.

use std::time::{Duration, Instant, SystemTime};

use culvert_api::{ClientError, v1};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[path = "../../tests/command/terminal.rs"]
#[expect(dead_code, reason = "the tests of the program use the rest")]
mod terminal;

use super::ask::Answer;
use super::model::{Model, Outcome, Page};
use crate::arguments::TopOrder;
use crate::output::fixture;

/// 2023-11-14T22:13:20Z.
const START: u64 = 1_700_000_000;

pub(super) fn rates(id: &str, packets_per_second: f64, loss_ratio: f64) -> v1::SessionRates {
    v1::SessionRates {
        session_id: id.to_owned(),
        owner: "front-end.culvert.test".to_owned(),
        worker: 1,
        packets_per_second,
        bits_per_second: packets_per_second * 1376.0,
        drops_per_second: 0.5,
        loss_ratio,
        jitter_ms: 1.25,
        mos: 4.375,
    }
}

pub(super) fn model() -> Model {
    Model::new("relay.example.net:7443".to_owned(), TopOrder::Packets, String::new())
}

/// So many seconds after the first one.
pub(super) fn answer(first: Instant, seconds: u64, sessions: Vec<v1::SessionRates>) -> Answer {
    Answer {
        at: first + Duration::from_secs(seconds),
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(START + 7385 + seconds),
        node: None,
        top: Ok(v1::TopSessionsResponse {
            total: sessions.len() as u64,
            sessions,
            interval: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        }),
        session: None,
    }
}

pub(super) fn unreachable() -> ClientError {
    ClientError::Unreachable { endpoint: "https://r:1".to_owned(), reason: "connection refused".to_owned() }
}

pub(super) fn press(model: &mut Model, keys: &[KeyCode]) {
    for key in keys {
        assert_eq!(model.key(KeyEvent::from(*key)), Outcome::GoOn, "{key:?}");
    }
}

fn three() -> Vec<v1::SessionRates> {
    ["a", "b", "c"].map(|id| rates(id, 50.0, 0.0)).to_vec()
}

#[test]
fn the_mark_stays_on_its_session_and_within_the_list() {
    let (mut model, first) = (model(), Instant::now());
    model.answer(answer(first, 0, three()));
    press(&mut model, &[KeyCode::Down]);
    let mut turned = three();
    turned.reverse();
    turned.push(rates("d", 1.0, 0.0));
    turned.swap(0, 1);
    model.answer(answer(first, 1, turned));
    assert_eq!((model.selected, model.sessions[model.selected].session_id.as_str()), (0, "b"));
    press(&mut model, &[KeyCode::End, KeyCode::Down]);
    assert_eq!(model.selected, 3);
    press(&mut model, &[KeyCode::Up, KeyCode::Char('k'), KeyCode::Char('j')]);
    assert_eq!(model.selected, 2);
    press(&mut model, &[KeyCode::PageUp]);
    assert_eq!(model.selected, 0);
    press(&mut model, &[KeyCode::PageDown]);
    model.answer(answer(first, 2, vec![rates("e", 1.0, 0.0)]));
    assert_eq!(model.selected, 0);
    model.answer(answer(first, 3, vec![]));
    press(&mut model, &[KeyCode::Down, KeyCode::Enter]);
    assert_eq!((model.selected, model.opened.is_none()), (0, true));
}

#[test]
fn keys_choose_the_order() {
    let mut model = model();
    for (key, order) in ['1', '2', '3', '4', '5', '6'].into_iter().zip(TopOrder::ALL) {
        press(&mut model, &[KeyCode::Char(key)]);
        assert_eq!((model.order, model.question().order), (order, order));
    }
    let orders = TopOrder::ALL.map(|_| {
        press(&mut model, &[KeyCode::Char('s')]);
        model.order
    });
    assert_eq!(orders, TopOrder::ALL, "s after the last is the first");
}

#[test]
fn a_filter_applies_with_enter_and_not_with_escape() {
    let mut model = model();
    let written = [KeyCode::Char('/'), KeyCode::Char('q'), KeyCode::Char('x'), KeyCode::Backspace];
    press(&mut model, &written);
    assert_eq!((model.input.as_deref(), model.question().filter.as_str()), (Some("q"), ""));
    press(&mut model, &[KeyCode::Esc]);
    assert_eq!((model.input.as_deref(), model.filter.as_str()), (None, ""));
    press(&mut model, &written);
    press(&mut model, &[KeyCode::Enter]);
    assert_eq!((model.input.as_deref(), model.question().filter.as_str()), (None, "q"));
    press(&mut model, &[KeyCode::Char('/'), KeyCode::Char('r'), KeyCode::Enter]);
    assert_eq!(model.filter, "qr", "it begins with what it was");
}

#[test]
fn a_session_is_opened_compared_and_left() {
    let (mut model, first) = (model(), Instant::now());
    let ranked = || vec![rates("call-7", 50.0, 0.0)];
    model.answer(answer(first, 0, ranked()));
    press(&mut model, &[KeyCode::Enter]);
    assert_eq!(model.question().opened.as_deref(), Some("call-7"));
    let mut session = fixture::session();
    let with = |seconds, id: &str, session| Answer {
        session: Some((id.to_owned(), session)),
        ..answer(first, seconds, ranked())
    };
    model.answer(with(1, "call-6", Ok(fixture::session())));
    assert!(model.opened.as_ref().unwrap().session.is_none(), "an answer about another one");
    model.answer(with(2, "call-7", Ok(session.clone())));
    assert!(model.opened.as_ref().unwrap().earlier().is_none());
    session.media[0].legs[0].received.as_mut().unwrap().packets = 350;
    model.answer(with(4, "call-7", Ok(session)));
    let opened = model.opened.as_ref().unwrap();
    assert_eq!(opened.earlier().map(|earlier| earlier.seconds), Some(2.0));
    model.answer(with(5, "call-7", Err(unreachable())));
    assert!(model.problem.as_ref().unwrap().starts_with("NO ANSWER"));
    assert_eq!(model.opened.as_ref().unwrap().refused, None);
    press(&mut model, &[KeyCode::Esc]);
    assert_eq!((model.question().opened, model.selected), (None, 0));
}

#[test]
fn tab_goes_through_the_pages_and_escape_back_to_the_first() {
    let mut model = model();
    let pages = [(); 4].map(|()| {
        press(&mut model, &[KeyCode::Tab]);
        model.page
    });
    assert_eq!(pages, [Page::Cores, Page::Queues, Page::Drops, Page::Sessions]);
    press(&mut model, &[KeyCode::Tab, KeyCode::Tab, KeyCode::Esc]);
    assert_eq!(model.page, Page::Sessions);
}

#[test]
fn a_paused_model_stays_as_it_is() {
    let (mut model, first) = (model(), Instant::now());
    model.answer(answer(first, 0, three()));
    press(&mut model, &[KeyCode::Char('p')]);
    assert!(model.question().paused);
    model.answer(answer(first, 1, vec![]));
    assert_eq!(model.sessions, three());
    press(&mut model, &[KeyCode::Char('p')]);
    model.answer(answer(first, 2, vec![]));
    assert_eq!(model.sessions, []);
}

#[test]
fn a_problem_lasts_until_an_answer_comes() {
    let (mut model, first) = (model(), Instant::now());
    model.answer(answer(first, 0, three()));
    let time = model.time;
    let nothing =
        Answer { top: Err(unreachable()), node: Some(Err(unreachable())), ..answer(first, 1, vec![]) };
    model.answer(nothing);
    let problem = model.problem.clone().unwrap();
    assert!(problem.starts_with("NO ANSWER, trying again: cannot connect to https://r:1: "), "{problem}");
    assert_eq!((model.time, &model.sessions), (time, &three()), "what was there stays, with its time");
    model.answer(answer(first, 2, three()));
    assert_eq!(model.problem, None);
    assert_ne!(model.time, time);
}

#[test]
fn q_and_control_c_quit_and_no_other_control_key_does_anything() {
    let mut model = model();
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    assert_eq!(model.key(control('p')), Outcome::GoOn);
    assert!(!model.paused);
    assert_eq!(model.key(control('c')), Outcome::Quit);
    assert_eq!(model.key(KeyEvent::from(KeyCode::Char('q'))), Outcome::Quit);
    press(&mut model, &[KeyCode::Char('?'), KeyCode::Char('q')]);
    assert!(!model.help, "q closes the help first");
    press(&mut model, &[KeyCode::Char('/')]);
    assert_eq!(model.key(control('c')), Outcome::Quit, "in the middle of a filter, too");
}

/// Run by the test below, in a terminal of its own.
#[test]
fn panics_in_the_terminal() {
    if std::env::var_os(PANICS).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let live = super::in_terminal(async |terminal| {
            terminal.draw(|frame| super::screen::draw(&model(), frame))?;
            panic!("on purpose");
        });
        runtime.block_on(live).unwrap();
    }
}

const PANICS: &str = "CULVERT_TEST_PANICS";

#[test]
fn a_panic_leaves_the_terminal_in_order_and_its_message_to_be_read() {
    let program = std::env::current_exe().unwrap();
    let test = "top::tests::panics_in_the_terminal";
    let line = format!("{PANICS}=1 '{}' --exact {test} --nocapture", program.display());
    let screen = terminal::Terminal::run(&line).ended();
    assert!(screen.contains("\non purpose\n"), "{screen}");
    assert!(screen.contains("ended with 101\n"), "{screen}");
}
