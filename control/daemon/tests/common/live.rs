// SPDX-License-Identifier: MIT OR Apache-2.0
//! Telephones that talk without pause while something happens to their call.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use culvert_api::Client;

use super::{PATIENCE, counters::received, eventually, phone::Phone};

/// Between two packets.
const PAUSE: Duration = Duration::from_millis(1);

/// A telephone that talks on a thread of its own, and notes on another when something came.
struct Live {
    quiet: Arc<AtomicBool>,
    deaf: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
    talker: JoinHandle<(Phone, u64)>,
    listener: JoinHandle<Option<Instant>>,
}

impl Live {
    fn start(mut phone: Phone) -> Live {
        let [quiet, deaf] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let heard = Arc::new(AtomicU64::new(0));
        let ear = phone.rtp.try_clone().unwrap();
        let (stop, count) = (Arc::clone(&deaf), Arc::clone(&heard));
        // Of both, as they are one socket.
        ear.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let listener = std::thread::spawn(move || {
            let (mut last, mut buffer) = (None, [0; 2048]);
            while !stop.load(SeqCst) {
                match ear.recv(&mut buffer) {
                    Ok(_) => {
                        last = Some(Instant::now());
                        count.fetch_add(1, SeqCst);
                    }
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
                    }
                }
            }
            last
        });
        let stop = Arc::clone(&quiet);
        let talker = std::thread::spawn(move || {
            let mut sent = 0;
            while !stop.load(SeqCst) {
                phone.talk();
                sent += 1;
                std::thread::sleep(PAUSE);
            }
            (phone, sent)
        });
        Live { quiet, deaf, heard, talker, listener }
    }
}

/// Both sides of a call.
pub struct LiveCall([Live; 2]);

/// What became of it.
pub struct Ended {
    pub phones: [Phone; 2],
    /// When either heard something last.
    pub last: [Option<Instant>; 2],
}

impl LiveCall {
    /// Both talk; both have heard something when this returns.
    pub async fn start(phones: [Phone; 2]) -> LiveCall {
        let call = LiveCall(phones.map(Live::start));
        eventually("both hear each other", async || {
            call.0.iter().all(|live| live.heard.load(SeqCst) > 20).then_some(())
        })
        .await;
        call
    }

    /// Ends it once each direction has lost so many packets because a side has no keys. Every packet that was sent since
    /// the session was made is accounted for: `before` are those that were relayed and not sent here.
    pub async fn end(self, client: &mut Client, id: &str, lost: u64, before: [u64; 2]) -> Ended {
        eventually("packets dropped as not_ready", async || {
            let session = client.get_session(id).await.unwrap();
            let drops = [0, 1].map(|leg| received(&session, leg).drops.get("not_ready").copied());
            drops.iter().all(|count| *count >= Some(lost)).then_some(())
        })
        .await;
        self.0.iter().for_each(|live| live.quiet.store(true, SeqCst));
        let [one, other] = self.0;
        let (rest, talkers): (Vec<_>, Vec<_>) = [one, other]
            .map(|live| ((live.deaf, live.heard, live.listener), live.talker.join().unwrap()))
            .into_iter()
            .unzip();
        let sent = [talkers[0].1, talkers[1].1];
        let relayed = eventually("every packet is accounted for", async || {
            let session = client.get_session(id).await.unwrap();
            let counts = [0, 1].map(|leg| {
                let counters = received(&session, leg);
                assert!(counters.drops.keys().all(|reason| reason == "not_ready"), "{:?}", counters.drops);
                (counters.packets, counters.drops["not_ready"])
            });
            let all = [0, 1].map(|leg| counts[leg].0 + counts[leg].1 - before[leg]);
            (all == sent).then(|| [0, 1].map(|leg| counts[leg].0 - before[leg]))
        })
        .await;
        // What was relayed has arrived, and no more than that.
        for ((_, heard, _), relayed) in rest.iter().zip([relayed[1], relayed[0]]) {
            eventually("all is heard", async || (heard.load(SeqCst) == relayed).then_some(())).await;
        }
        let mut last = Vec::new();
        for (deaf, _, listener) in rest {
            deaf.store(true, SeqCst);
            last.push(listener.join().unwrap());
        }
        let phones: Vec<Phone> = talkers.into_iter().map(|(phone, _)| phone).collect();
        phones.iter().for_each(|phone| phone.rtp.set_read_timeout(Some(PATIENCE)).unwrap());
        Ended { phones: phones.try_into().unwrap_or_else(|_| unreachable!()), last: [last[0], last[1]] }
    }
}

impl Ended {
    /// How long after `moment` either heard something still.
    pub fn after(&self, moment: Instant) -> Duration {
        let since = |last: &Option<Instant>| last.unwrap().saturating_duration_since(moment);
        self.last.iter().map(since).max().unwrap()
    }
}
