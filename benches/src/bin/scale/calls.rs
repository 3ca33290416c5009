// SPDX-License-Identifier: MIT OR Apache-2.0
//! A front end that makes and ends sessions as fast as it is answered.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use culvert_api::Client;
use culvert_api::v1::{self, protection::Kind};
use culvert_benches::fixture::{Leg, master_bytes};
use culvert_srtp::Suite;
use tokio::task::JoinSet;

use crate::bed::{Bed, far, sink_address, source_address};
use crate::{Options, Outcome};

pub(crate) struct Calls {
    clients: Vec<Client>,
    requests: u32,
    suite: Suite,
}

/// So many of something, and when each was done.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) elapsed: Duration,
    /// The fewest in one second, but for the first and the last.
    pub(crate) slowest: u32,
    /// Of the single requests.
    pub(crate) latencies: Vec<Duration>,
}

impl Rate {
    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.count) / self.elapsed.as_secs_f64()
    }
}

impl Calls {
    pub(crate) async fn connect(options: &Options, bed: &Bed) -> Outcome<Calls> {
        let config = bed.client("front-end.culvert.test")?;
        let mut clients = Vec::new();
        for _ in 0..options.connections.max(1) {
            clients.push(Client::connect(&config).await?);
        }
        Ok(Calls { clients, requests: options.requests.max(1), suite: options.suite })
    }

    fn client(&self, number: u32) -> Outcome<Client> {
        let index = number as usize % self.clients.len();
        Ok(self.clients.get(index).ok_or("there is no connection")?.clone())
    }

    /// Makes a session whose media comes from the bed's source and goes to its sink; says where to send it.
    pub(crate) async fn create_talking(&self, number: u32) -> Outcome<SocketAddr> {
        let made = self.client(number)?.create_session(request(self.suite, number, true)).await?;
        let local = made.media.first().and_then(|media| media.legs.first()?.local_rtp.clone());
        let local = local.ok_or("the relay names no endpoint")?;
        Ok(SocketAddr::new(local.address.parse()?, u16::try_from(local.port)?))
    }

    pub(crate) async fn create_all(&self, numbers: Range<u32>) -> Outcome<Rate> {
        let suite = self.suite;
        self.all(numbers, move |mut client, number| async move {
            client.create_session(request(suite, number, false)).await.map(drop)
        })
        .await
    }

    pub(crate) async fn delete_all(&self, numbers: Range<u32>) -> Outcome<Rate> {
        self.all(
            numbers,
            |mut client, number| async move { client.delete_session(name(number)).await.map(drop) },
        )
        .await
    }

    pub(crate) async fn node(&self) -> Outcome<(u64, u64)> {
        let page = self.client(0)?.list_sessions(1, "").await?;
        Ok((page.sessions.len() as u64, page.total))
    }

    /// Does it for each number, so many at a time as requests may wait.
    async fn all<F>(
        &self,
        numbers: Range<u32>,
        ask: impl Fn(Client, u32) -> F + Clone + Send + 'static,
    ) -> Outcome<Rate>
    where
        F: Future<Output = Result<(), culvert_api::ClientError>> + Send,
    {
        let begun = Instant::now();
        let (next, end) = (Arc::new(AtomicU32::new(numbers.start)), numbers.end);
        let mut tasks = JoinSet::new();
        for task in 0..self.requests {
            let (client, next, ask) = (self.client(task)?, Arc::clone(&next), ask.clone());
            tasks.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= end {
                        return Ok(done);
                    }
                    let asked = begun.elapsed();
                    ask(client.clone(), number).await?;
                    done.push((asked, begun.elapsed()));
                }
            });
        }
        let mut done: Vec<(Duration, Duration)> = Vec::with_capacity(numbers.len());
        while let Some(task) = tasks.join_next().await {
            let task: Result<_, culvert_api::ClientError> = task?;
            done.extend(task?);
        }
        let elapsed = begun.elapsed();
        let mut seconds = vec![0; elapsed.as_secs() as usize + 1];
        for (_, answered) in &done {
            if let Some(second) = seconds.get_mut(answered.as_secs() as usize) {
                *second += 1;
            }
        }
        let whole = seconds.get(1..seconds.len() - 1).unwrap_or_default();
        Ok(Rate {
            count: done.len() as u32,
            elapsed,
            slowest: whole.iter().copied().min().unwrap_or(done.len() as u32),
            latencies: done.into_iter().map(|(asked, answered)| answered - asked).collect(),
        })
    }
}

fn name(number: u32) -> String {
    format!("call-{number:06}@scale.culvert.test")
}

/// The legs' endpoints are the bed's source and sink when it talks.
fn request(suite: Suite, number: u32, talks: bool) -> v1::CreateSessionRequest {
    let somebody = |realm| SocketAddr::new(far(realm), 1024 + (number % 32_768) as u16);
    let [caller, callee] =
        if talks { [source_address(), sink_address()] } else { [somebody(0), somebody(1)] };
    let legs = vec![
        leg("outside", caller, suite, [Leg::A, Leg::B], 2 * number),
        leg("inside", callee, suite, [Leg::A, Leg::B], 2 * number + 1),
    ];
    let media = v1::Media { kind: v1::MediaKind::Audio.into(), legs, ..v1::Media::default() };
    v1::CreateSessionRequest { session_id: name(number), media: vec![media], media_timeout: None }
}

fn leg(realm: &str, remote: SocketAddr, suite: Suite, keys: [Leg; 2], number: u32) -> v1::Leg {
    let [receive, send] = keys.map(|leg| {
        let bytes = master_bytes(suite, leg, number);
        let (key, salt) = bytes.split_at(suite.key_length());
        v1::MasterKey { key: key.to_vec(), salt: salt.to_vec(), mki: Vec::new(), lifetime: 0 }
    });
    let srtp = v1::SrtpKeys { suite: suite.name().into(), receive: vec![receive], send: vec![send] };
    v1::Leg {
        realm: realm.into(),
        remote: Some(v1::Remote { rtp: Some(endpoint(remote.ip(), remote.port())), rtcp: None }),
        protection: Some(v1::Protection { kind: Some(Kind::Srtp(srtp)) }),
        rtcp_mux: true,
        encryption: v1::EncryptionLevel::Required.into(),
        source: v1::SourceRule::Fixed.into(),
        ..v1::Leg::default()
    }
}

fn endpoint(address: IpAddr, port: u16) -> v1::Endpoint {
    v1::Endpoint { address: address.to_string(), port: port.into() }
}
