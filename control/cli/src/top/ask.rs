// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking the relay, again and again, for what the screen shows.

use std::time::{Duration, Instant, SystemTime};

use culvert_api::{Client, ClientError, v1};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::arguments::TopOrder;

/// More than a screen shows; the relay ranks them, so that more would not say more.
const SESSIONS: u32 = 200;

/// What the screen wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) order: TopOrder,
    pub(super) filter: String,
    /// The session that is looked into.
    pub(super) opened: Option<String>,
    pub(super) paused: bool,
}

/// What the relay said, each in turn.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) at: Instant,
    pub(super) time: SystemTime,
    /// Not asked when only the question changed: a rate over a moment says nothing.
    pub(super) node: Option<Result<v1::GetNodeResponse, ClientError>>,
    pub(super) top: Result<v1::TopSessionsResponse, ClientError>,
    /// Of the session by this name.
    pub(super) session: Option<(String, Result<v1::Session, ClientError>)>,
}

/// Asks at once, when the question changes, and each `interval`, until nobody listens. The client reconnects by itself.
pub(super) async fn ask(
    mut client: Client,
    interval: Duration,
    mut question: watch::Receiver<Question>,
    answers: mpsc::Sender<Answer>,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let whole = tokio::select! {
            _ = ticks.tick() => true,
            changed = question.changed() => match changed {
                Ok(()) => false,
                Err(_) => return,
            },
        };
        let question = question.borrow_and_update().clone();
        if question.paused {
            continue;
        }
        let answer = once(&mut client, question, whole).await;
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}

async fn once(client: &mut Client, question: Question, whole: bool) -> Answer {
    let request = v1::TopSessionsRequest {
        order: question.order.request().into(),
        limit: SESSIONS,
        filter: question.filter,
    };
    let top = client.top_sessions(request).await;
    // Whoever does not answer one question does not answer the next, and each would take its time-out.
    let answers = !matches!(&top, Err(error) if error.code().is_none());
    let node = if whole && answers { Some(client.get_node().await) } else { None };
    let session = match question.opened {
        Some(id) if answers => Some((id.clone(), client.get_session(id).await)),
        _ => None,
    };
    Answer { at: Instant::now(), time: SystemTime::now(), node, top, session }
}
