// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert top`: a live view of a relay.

mod ask;
mod model;
mod rates;
mod screen;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::pin::pin;
use std::thread;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use self::model::{Model, Outcome};
use crate::arguments::{Connection, Top};
use crate::connect::connect;
use crate::error::CliError;

pub(crate) async fn top(connection: &Connection, arguments: Top) -> Result<(), CliError> {
    if connection.json {
        return Err(CliError::value("--json", "top is for people; programs ask `culvert --json node show`"));
    }
    if !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
        return Err(CliError::value("top", "needs a terminal; `culvert node show` does not"));
    }
    let client = connect(connection).await?;
    let server = connection.server.clone().unwrap_or_default();
    let server = server.strip_prefix("https://").unwrap_or(&server).to_owned();
    let mut model = Model::new(server, arguments.order, arguments.filter);
    let (questions, asked) = watch::channel(model.question());
    let (answered, mut answers) = mpsc::channel(1);
    let mut ask = pin!(ask::ask(client, arguments.interval, asked, answered));
    let mut signals = Signals::new()?;
    in_terminal(async |terminal| {
        let mut events = events();
        loop {
            terminal.draw(|frame| screen::draw(&model, frame))?;
            tokio::select! {
                event = events.recv() => match event {
                    Some(Ok(Event::Key(key))) if model.key(key) == Outcome::Quit => return Ok(()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
                Some(answer) = answers.recv() => model.answer(answer),
                () = &mut ask => return Ok(()),
                () = signals.end() => return Ok(()),
            }
            questions.send_if_modified(|asked| {
                let question = model.question();
                let modified = *asked != question;
                *asked = question;
                modified
            });
        }
    })
    .await?;
    Ok(())
}

/// Takes the terminal, and gives it back as it was, however `live` ends: a panic, too, as ratatui's hook sees to.
async fn in_terminal(live: impl AsyncFnOnce(&mut DefaultTerminal) -> io::Result<()>) -> io::Result<()> {
    let outcome = match ratatui::try_init() {
        Ok(mut terminal) => live(&mut terminal).await,
        Err(error) => Err(error),
    };
    outcome.and(ratatui::try_restore())
}

/// Keys and changes of size. Their thread waits in a system call, and ends with the process.
fn events() -> mpsc::Receiver<io::Result<Event>> {
    let (sender, events) = mpsc::channel(16);
    thread::spawn(move || {
        loop {
            let event = event::read();
            let last = event.is_err();
            if sender.blocking_send(event).is_err() || last {
                return;
            }
        }
    });
    events
}

/// Those that would end the process with the terminal in disorder.
struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
