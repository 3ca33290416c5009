// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the relay has counted, awaited.

use culvert_api::{Client, v1};

use super::eventually;

pub fn received(session: &v1::Session, leg: usize) -> &v1::FlowCounters {
    session.media[0].legs[leg].received.as_ref().unwrap()
}

/// The session as soon as both directions have relayed so many packets.
pub async fn relayed(client: &mut Client, id: &str, packets: [u64; 2]) -> v1::Session {
    eventually("packets relayed", async || {
        let session = client.get_session(id).await.unwrap();
        let now = [0, 1].map(|leg| received(&session, leg).packets);
        assert!(now[0] <= packets[0] && now[1] <= packets[1], "{now:?} of {packets:?}");
        (now == packets).then_some(session)
    })
    .await
}

/// The session as soon as a leg has dropped so many packets for a reason.
pub async fn dropped(client: &mut Client, id: &str, leg: usize, reason: &str, count: u64) -> v1::Session {
    eventually("packets dropped", async || {
        let session = client.get_session(id).await.unwrap();
        (received(&session, leg).drops.get(reason) == Some(&count)).then_some(session)
    })
    .await
}
