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

use culvert_api::{Client, v1};

use super::{PATIENCE, counters::received, eventually, phone::Phone};

/// Between two packets.
const PAUSE: Duration = Duration::from_millis(1);

/// A telephone that talks on a thread of its own, and notes on another when something came.
struct Live {
    quiet: Arc<AtomicBool>,
    deaf: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
    talker: JoinHandle<Phone>,
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
            while !stop.load(SeqCst) {
                phone.talk();
                std::thread::sleep(PAUSE);
            }
            phone
        });
        Live { quiet, deaf, heard, talker, listener }
    }
}

/// Both sides of a call.
pub struct LiveCall {
    sides: [Live; 2],
    /// Of each leg, as it was before.
    before: [v1::FlowCounters; 2],
}

/// What became of it.
pub struct Ended {
    pub phones: [Phone; 2],
    /// When either heard something last.
    pub last: [Option<Instant>; 2],
}

/// The counters of both legs, once they account for so many packets that were sent.
async fn accounted(client: &mut Client, id: &str, sent: [u64; 2]) -> [v1::FlowCounters; 2] {
    eventually("every packet is accounted for", async || {
        let session = client.get_session(id).await.unwrap();
        let counters = [0, 1].map(|leg| received(&session, leg).clone());
        let all = counters.each_ref().map(|leg| leg.packets + leg.drops.values().sum::<u64>());
        (all == sent).then_some(counters)
    })
    .await
}

impl LiveCall {
    /// Both talk; both have heard something when this returns. Nothing but audio has been sent before.
    pub async fn start(client: &mut Client, id: &str, phones: [Phone; 2]) -> LiveCall {
        let before = accounted(client, id, phones.each_ref().map(Phone::said)).await;
        let sides = phones.map(Live::start);
        eventually("both hear each other", async || {
            sides.iter().all(|live| live.heard.load(SeqCst) > 20).then_some(())
        })
        .await;
        LiveCall { sides, before }
    }

    /// Ends it once each direction has lost so many packets because a side has no keys. Every packet that was sent is
    /// accounted for, and every one that was relayed is heard.
    pub async fn end(self, client: &mut Client, id: &str, lost: u64) -> Ended {
        eventually("packets dropped as not_ready", async || {
            let session = client.get_session(id).await.unwrap();
            let drops = [0, 1].map(|leg| received(&session, leg).drops.get("not_ready").copied());
            drops.iter().all(|count| *count >= Some(lost)).then_some(())
        })
        .await;
        self.sides.iter().for_each(|live| live.quiet.store(true, SeqCst));
        let (ears, phones): (Vec<_>, Vec<_>) = self
            .sides
            .map(|live| ((live.deaf, live.heard, live.listener), live.talker.join().unwrap()))
            .into_iter()
            .unzip();
        let Ok(phones) = <[Phone; 2]>::try_from(phones) else { unreachable!() };
        let mut after = accounted(client, id, phones.each_ref().map(Phone::said)).await;
        let relayed = [0, 1].map(|leg| after[leg].packets - self.before[leg].packets);
        for (leg, before) in after.iter_mut().zip(&self.before) {
            leg.drops.remove("not_ready");
            assert_eq!(leg.drops, before.drops);
        }
        for ((_, heard, _), relayed) in ears.iter().zip([relayed[1], relayed[0]]) {
            eventually("all is heard", async || (heard.load(SeqCst) == relayed).then_some(())).await;
        }
        let mut last = [None; 2];
        for (last, (deaf, _, listener)) in last.iter_mut().zip(ears) {
            deaf.store(true, SeqCst);
            *last = listener.join().unwrap();
        }
        phones.iter().for_each(|phone| phone.rtp.set_read_timeout(Some(PATIENCE)).unwrap());
        Ended { phones, last }
    }
}

impl Ended {
    /// How long after `moment` either heard something still.
    pub fn after(&self, moment: Instant) -> Duration {
        let since = |last: &Option<Instant>| last.unwrap().saturating_duration_since(moment);
        self.last.iter().map(since).max().unwrap()
    }
}
