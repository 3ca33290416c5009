// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is shown, and what keys and answers make of it.

use std::time::{Instant, SystemTime};

use culvert_api::{ClientError, v1};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::ask::{Answer, Question};
use super::rates::{self, Earlier};
use crate::arguments::TopOrder;

/// How far PageUp and PageDown go.
const PAGE: usize = 10;

/// All that the screen depends on, but its size.
#[derive(Debug)]
pub(super) struct Model {
    /// As the user wrote it.
    pub(super) server: String,
    pub(super) order: TopOrder,
    pub(super) filter: String,
    /// The filter while it is written.
    pub(super) input: Option<String>,
    pub(super) page: Page,
    pub(super) help: bool,
    pub(super) paused: bool,
    pub(super) node: Option<v1::GetNodeResponse>,
    pub(super) rates: rates::Node,
    pub(super) time: Option<SystemTime>,
    pub(super) sessions: Vec<v1::SessionRates>,
    pub(super) total: u64,
    /// The relay had looked at its counters twice.
    pub(super) measured: bool,
    /// Place in `sessions`.
    pub(super) selected: usize,
    /// Rows of a page without sessions that are above the screen.
    pub(super) scroll: usize,
    pub(super) opened: Option<Opened>,
    /// No answer came, or a part of it was refused.
    pub(super) problem: Option<String>,
    node_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Sessions,
    Cores,
    Queues,
    Drops,
}

/// The session that is looked into.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) id: String,
    pub(super) session: Option<v1::Session>,
    pub(super) before: Option<(v1::Session, f64)>,
    /// The relay's own sentence.
    pub(super) refused: Option<String>,
    /// Lines that are above the screen.
    pub(super) scroll: usize,
    at: Option<Instant>,
}

impl Opened {
    pub(super) fn earlier(&self) -> Option<Earlier<'_, v1::Session>> {
        self.before.as_ref().map(|(answer, seconds)| Earlier { answer, seconds: *seconds })
    }
}

/// What a key asks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    GoOn,
    Quit,
}

impl Model {
    pub(super) fn new(server: String, order: TopOrder, filter: String) -> Self {
        Self {
            server,
            order,
            filter,
            input: None,
            page: Page::Sessions,
            help: false,
            paused: false,
            node: None,
            rates: rates::Node::default(),
            time: None,
            sessions: Vec::new(),
            total: 0,
            measured: false,
            selected: 0,
            scroll: 0,
            opened: None,
            problem: None,
            node_at: None,
        }
    }

    /// What is to be asked for this to be shown.
    pub(super) fn question(&self) -> Question {
        Question {
            order: self.order,
            filter: self.filter.clone(),
            opened: self.opened.as_ref().map(|opened| opened.id.clone()),
            paused: self.paused,
        }
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        // An answer that was under way when the user paused would move what he looks at.
        if self.paused {
            return;
        }
        self.problem = None;
        match answer.top {
            Ok(top) => self.top(top),
            Err(error) => self.trouble("sessions", &error),
        }
        match answer.node {
            Some(Ok(node)) => self.node(node, answer.at),
            Some(Err(error)) => self.trouble("node", &error),
            None => {}
        }
        if let (Some((id, session)), Some(opened)) = (answer.session, &mut self.opened)
            && opened.id == id
        {
            match session {
                Ok(session) => opened.answer(session, answer.at),
                // What it did last stays to be read.
                Err(error @ ClientError::Status { .. }) => opened.refused = Some(error.to_string()),
                Err(error) => self.trouble("session", &error),
            }
        }
        if self.problem.is_none() {
            self.time = Some(answer.time);
        }
    }

    fn top(&mut self, top: v1::TopSessionsResponse) {
        let selected = self.sessions.get(self.selected).map(|session| session.session_id.clone());
        self.sessions = top.sessions;
        self.total = top.total;
        self.measured = top.interval.is_some();
        // The mark stays on its session, wherever that has gone.
        let moved = self.sessions.iter().position(|session| Some(&session.session_id) == selected.as_ref());
        self.selected = moved.unwrap_or(self.selected).min(self.sessions.len().saturating_sub(1));
    }

    fn node(&mut self, node: v1::GetNodeResponse, at: Instant) {
        let seconds = self.node_at.map(|before| at.saturating_duration_since(before).as_secs_f64());
        let earlier = self.node.as_ref().zip(seconds).map(|(answer, seconds)| Earlier { answer, seconds });
        self.rates = rates::node(&node, earlier);
        self.node = Some(node);
        self.node_at = Some(at);
    }

    /// The first is the cause of the others.
    fn trouble(&mut self, what: &str, error: &ClientError) {
        self.problem.get_or_insert_with(|| match error {
            ClientError::Status { .. } => format!("{what}: {error}"),
            _ => format!("NO ANSWER, trying again: {error}"),
        });
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::GoOn;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            let quit = matches!(key.code, KeyCode::Char('c'));
            return if quit { Outcome::Quit } else { Outcome::GoOn };
        }
        if self.input.is_some() {
            self.edit(key.code);
        } else if self.help {
            // Any key closes it; `q` too, so that who looks for a way out of the help finds it.
            self.help = false;
        } else {
            return self.command(key.code);
        }
        Outcome::GoOn
    }

    fn edit(&mut self, code: KeyCode) {
        let Some(input) = &mut self.input else { return };
        match code {
            KeyCode::Char(letter) => input.push(letter),
            KeyCode::Backspace => {
                input.pop();
            }
            KeyCode::Enter => {
                self.filter = self.input.take().unwrap_or_default();
                self.selected = 0;
            }
            KeyCode::Esc => self.input = None,
            _ => {}
        }
    }

    fn command(&mut self, code: KeyCode) -> Outcome {
        match code {
            KeyCode::Char('q') => return Outcome::Quit,
            KeyCode::Char('?') => self.help = true,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('/') if self.opened.is_none() => {
                self.page = Page::Sessions;
                self.input = Some(self.filter.clone());
            }
            KeyCode::Char('s') => {
                let next = TopOrder::ALL.iter().cycle().skip_while(|order| **order != self.order).nth(1);
                self.order = next.copied().unwrap_or(self.order);
            }
            KeyCode::Char(digit @ '1'..='6') => {
                let place = digit.to_digit(10).unwrap_or(1) as usize - 1;
                self.order = TopOrder::ALL.get(place).copied().unwrap_or(self.order);
            }
            KeyCode::Esc => self.back(),
            KeyCode::Enter if self.page == Page::Sessions && self.opened.is_none() => self.open(),
            KeyCode::Tab if self.opened.is_none() => {
                self.scroll = 0;
                self.page = match self.page {
                    Page::Sessions => Page::Cores,
                    Page::Cores => Page::Queues,
                    Page::Queues => Page::Drops,
                    Page::Drops => Page::Sessions,
                }
            }
            code => self.go(code),
        }
        Outcome::GoOn
    }

    fn open(&mut self) {
        if let Some(session) = self.sessions.get(self.selected) {
            let id = session.session_id.clone();
            self.opened =
                Some(Opened { id, session: None, before: None, refused: None, scroll: 0, at: None });
        }
    }

    fn back(&mut self) {
        if self.opened.take().is_none() {
            self.page = Page::Sessions;
        }
    }

    fn go(&mut self, code: KeyCode) {
        let (place, count) = match &mut self.opened {
            Some(opened) => {
                let count = super::screen::height_of(opened);
                (&mut opened.scroll, count)
            }
            None => match self.page {
                Page::Sessions => (&mut self.selected, self.sessions.len()),
                Page::Cores => (&mut self.scroll, self.rates.cores.len()),
                Page::Queues => (&mut self.scroll, self.rates.queues.len()),
                Page::Drops => (&mut self.scroll, self.rates.drops.len()),
            },
        };
        let last = count.saturating_sub(1);
        let to = match code {
            KeyCode::Up | KeyCode::Char('k') => place.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => *place + 1,
            KeyCode::PageUp => place.saturating_sub(PAGE),
            KeyCode::PageDown => *place + PAGE,
            KeyCode::Home => 0,
            KeyCode::End => last,
            _ => return,
        };
        *place = to.min(last);
    }
}

impl Opened {
    fn answer(&mut self, session: v1::Session, at: Instant) {
        let seconds = self.at.map(|before| at.saturating_duration_since(before).as_secs_f64());
        self.before = self.session.take().zip(seconds);
        self.session = Some(session);
        self.at = Some(at);
        self.refused = None;
    }
}
