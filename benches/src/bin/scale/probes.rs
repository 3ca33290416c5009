// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long an operator waits for answers.

use std::time::{Duration, Instant};

use culvert_api::{Client, v1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bed::{Bed, METRICS};
use crate::{Options, Outcome};

pub(crate) struct Probes {
    client: Client,
    questions: u32,
}

/// Each question, and how long each of its answers took.
pub(crate) type Latencies = Vec<(&'static str, Vec<Duration>)>;

const QUESTIONS: [&str; 6] =
    ["ListSessions, 100", "ListSessions, 1000", "GetSession", "TopSessions", "GetNode", "GET /metrics"];

impl Probes {
    pub(crate) async fn new(options: &Options, bed: &Bed) -> Outcome<Probes> {
        let client = Client::connect(&bed.client("operator.culvert.test")?).await?;
        Ok(Probes { client, questions: options.questions })
    }

    /// Asks all questions in turn, with a pause before each round.
    pub(crate) async fn ask_all(&self, pause: Duration) -> Outcome<Latencies> {
        let mut latencies: Latencies = QUESTIONS.map(|question| (question, Vec::new())).into();
        for _ in 0..self.questions {
            tokio::time::sleep(pause).await;
            for (question, latencies) in &mut latencies {
                let begun = Instant::now();
                self.ask(question).await?;
                latencies.push(begun.elapsed());
            }
        }
        Ok(latencies)
    }

    async fn ask(&self, question: &str) -> Outcome<()> {
        let mut client = self.client.clone();
        match question {
            "ListSessions, 100" => drop(client.list_sessions(100, "").await?),
            "ListSessions, 1000" => drop(client.list_sessions(1000, "").await?),
            "GetSession" => drop(client.get_session("call-000000@scale.culvert.test").await?),
            "TopSessions" => drop(client.top_sessions(v1::TopSessionsRequest::default()).await?),
            "GetNode" => drop(client.get_node().await?),
            _ => scrape().await?,
        }
        Ok(())
    }
}

async fn scrape() -> Outcome<()> {
    let mut stream = TcpStream::connect(METRICS).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200") && answer.ends_with("# EOF\n") {
        return Ok(());
    }
    Err(format!("/metrics answers {answer}").into())
}
