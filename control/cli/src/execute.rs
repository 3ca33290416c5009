// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out a command.

use std::io::Write;
use std::pin::pin;

use clap::CommandFactory;

use crate::arguments::{
    Arguments, AuditCommand, Command, Connection, KeyCommand, NodeCommand, SessionCommand,
};
use crate::connect::connect;
use crate::error::CliError;
use crate::output::keys::SealedKeys;
use crate::output::{Drained, Ended, Event, Node, Session, SessionList, json, table};
use crate::{audit, credentials, doctor, explain, key, load, protection, request, top};

/// The largest page that the relay gives.
const PAGE: usize = 1000;

pub(crate) async fn run(arguments: Arguments, out: &mut impl Write) -> Result<(), CliError> {
    let connection = &arguments.connection;
    match arguments.command {
        Command::Session(command) => session(connection, command, out).await,
        Command::Explain(arguments) => explain::run(connection, arguments, out).await,
        Command::Protection(arguments) => protection::show(connection, arguments, out).await,
        Command::Credentials(command) => credentials::run(connection, command, out).await,
        Command::Key(KeyCommand::Open(arguments)) => key::open(&arguments, connection.json, out),
        Command::Node(command) => node(connection, command, out).await,
        Command::Top(arguments) => top::top(connection, arguments).await,
        Command::Doctor(arguments) => doctor::run(arguments, connection.json, out),
        Command::Load(arguments) => load::load(connection, &arguments, out).await,
        Command::Audit(AuditCommand::Verify(arguments)) => audit::verify(&arguments, connection.json, out),
        Command::Completions { shell } => {
            // Into memory first: the generator panics when it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "culvert", &mut script);
            Ok(out.write_all(&script)?)
        }
    }
}

async fn session(
    connection: &Connection,
    command: SessionCommand,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let session: Session = match command {
        SessionCommand::Create(arguments) => {
            let request = request::create(&arguments)?;
            connect(connection).await?.create_session(request).await?.into()
        }
        SessionCommand::Update(arguments) => {
            let request = request::update(&arguments)?;
            connect(connection).await?.update_session(request).await?.into()
        }
        SessionCommand::Show { id } => connect(connection).await?.get_session(id).await?.into(),
        SessionCommand::List { limit } => return list(connection, limit, out).await,
        SessionCommand::Delete { ids } => return delete(connection, ids, out).await,
        SessionCommand::Keys(arguments) => {
            let request = request::session_keys(&arguments)?;
            let keys = SealedKeys::from(connect(connection).await?.issue_session_keys(request).await?);
            return Ok(if connection.json { json::answer(out, &keys) } else { keys.text(out) }?);
        }
        SessionCommand::Watch { id } => return watch(connection, id, out).await,
    };
    show(connection, &session, out)
}

fn show(connection: &Connection, session: &Session, out: &mut impl Write) -> Result<(), CliError> {
    Ok(if connection.json { json::answer(out, session) } else { table::session(out, session) }?)
}

async fn list(connection: &Connection, limit: Option<usize>, out: &mut impl Write) -> Result<(), CliError> {
    let mut client = connect(connection).await?;
    let limit = limit.unwrap_or(usize::MAX);
    let mut list = SessionList { sessions: Vec::new(), total: 0 };
    let mut token = String::new();
    loop {
        let page = PAGE.min(limit.saturating_sub(list.sessions.len())).max(1);
        let answer = client.list_sessions(u32::try_from(page).unwrap_or(u32::MAX), token).await?;
        list.total = answer.total;
        list.sessions.extend(answer.sessions.into_iter().map(Session::from));
        token = answer.next_page_token;
        if token.is_empty() || list.sessions.len() >= limit {
            break;
        }
    }
    list.sessions.truncate(limit);
    Ok(if connection.json { json::answer(out, &list) } else { table::sessions(out, &list) }?)
}

/// Goes on after a refusal, so that one wrong name does not keep the others alive; the first refusal is the outcome.
async fn delete(connection: &Connection, ids: Vec<String>, out: &mut impl Write) -> Result<(), CliError> {
    let mut client = connect(connection).await?;
    let mut outcome = Ok(());
    for id in ids {
        match client.end_session(id).await.map(Ended::from) {
            Ok(ended) if connection.json => json::answer(out, &ended)?,
            Ok(ended) => table::session(out, &ended.session)?,
            Err(error) => outcome = outcome.and(Err(error.into())),
        }
    }
    outcome
}

async fn watch(connection: &Connection, id: Option<String>, out: &mut impl Write) -> Result<(), CliError> {
    let mut client = connect(connection).await?;
    let mut events = client.watch_events(id.unwrap_or_default()).await?;
    // One for all events: an interrupt that comes while a line is written is not lost.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            interrupted = &mut interrupted => return Ok(interrupted?),
        };
        let Some(event) = event.map(Event::from) else { return Ok(()) };
        if connection.json {
            json::line(out, &event)?;
        } else {
            writeln!(out, "{}", event.line())?;
        }
        out.flush()?;
    }
}

async fn node(connection: &Connection, command: NodeCommand, out: &mut impl Write) -> Result<(), CliError> {
    let mut client = connect(connection).await?;
    match command {
        NodeCommand::Show => {
            let node = Node::from(client.get_node().await?);
            Ok(if connection.json { json::answer(out, &node) } else { table::node(out, &node) }?)
        }
        NodeCommand::Drain { off } => {
            let drained = Drained::from(client.drain(!off).await?);
            Ok(if connection.json { json::answer(out, &drained) } else { table::drained(out, &drained) }?)
        }
    }
}
