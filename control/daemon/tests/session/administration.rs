// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making, listing, owning, deleting and spreading sessions.

use super::*;

fn empty(id: &str) -> v1::CreateSessionRequest {
    session(id, [leg_without_remote("outside"), leg_without_remote("inside")])
}

#[tokio::test(flavor = "multi_thread")]
async fn creation_is_idempotent_and_lists_come_in_pages() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let made = client.create_session(empty("s-0")).await.unwrap();
    assert_eq!(client.create_session(empty("s-0")).await.unwrap(), made);
    let mut other = empty("s-0");
    other.media[0].kind = v1::MediaKind::Video.into();
    let (code, text) = refusal(client.create_session(other).await);
    assert_eq!(
        (code, text.as_str()),
        (
            Code::AlreadyExists,
            "session_id: is in use for another session; choose another, or delete that session first"
        )
    );
    for number in 1..5 {
        client.create_session(empty(&format!("s-{number}"))).await.unwrap();
    }
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let page = client.list_sessions(2, token).await.unwrap();
        assert_eq!(page.total, 5);
        names.push(page.sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>());
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names, [vec!["s-0", "s-1"], vec!["s-2", "s-3"], vec!["s-4"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_their_makers_and_the_operators() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    client.create_session(empty("mine")).await.unwrap();
    let mut other = relay.connect(OTHER_FRONT_END).await;
    let unknown = (
        Code::NotFound,
        "session_id: names no session of yours; list the sessions to see their names".to_owned(),
    );
    let hold = || update("mine", v1::LegUpdate { held: Some(true), ..Default::default() });
    assert_eq!(refusal(other.get_session("mine").await), unknown);
    assert_eq!(refusal(other.update_session(hold()).await), unknown);
    assert_eq!(refusal(other.delete_session("mine").await), unknown);
    assert_eq!(refusal(other.watch_events("mine").await), unknown);
    assert_eq!(other.list_sessions(0, "").await.unwrap().total, 0);

    let mut operator = relay.operator().await;
    assert_eq!(operator.get_session("mine").await.unwrap().owner, "front-end.culvert.test");
    assert_eq!(operator.list_sessions(0, "").await.unwrap().total, 1);
    assert_eq!(operator.drain(true).await.unwrap(), v1::DrainResponse { draining: true, sessions: 1 });
    assert_eq!(
        refusal(client.create_session(empty("more")).await),
        (Code::Unavailable, "this relay is draining and takes no new sessions; use another one".to_owned())
    );
    // The session that runs goes on, and its maker may ask for it again.
    client.create_session(empty("mine")).await.unwrap();
    assert!(operator.get_node().await.unwrap().draining);
    operator.drain(false).await.unwrap();
    client.create_session(empty("more")).await.unwrap();
    operator.delete_session("mine").await.unwrap();
    assert_eq!(refusal(client.get_session("mine").await), unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_returns_the_last_counters_and_frees_the_ports() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    let made = call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    converse(&mut caller, &mut callee, 7);
    relayed(&mut client, "s", [7, 7]).await;
    let last = client.delete_session("s").await.unwrap();
    assert_eq!([0, 1].map(|leg| received(&last, leg).packets), [7, 7]);
    assert_eq!(received(&last, 0).bytes, 7 * (RTP + 16));
    assert_eq!((last.session_id, last.created), (made.session_id, made.created));
    let node = relay.operator().await.get_node().await.unwrap();
    assert_eq!((node.sessions, node.workers[0].flows), (0, 0));
    assert!(node.realms.iter().all(|realm| (realm.ports_used, realm.ports_total) == (0, 100)), "{node:?}");
    // Nobody receives there any more.
    std::net::UdpSocket::bind(caller.relay()[0]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_spread_over_workers() {
    let mut setup = Setup::loopback();
    setup.engine += "workers = 2\n";
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let mut workers = Vec::new();
    for number in [1, 3, 5, 7] {
        let keys =
            [Pair::new(Suite::AesCm128HmacSha1_80, number), Pair::new(Suite::AeadAes256Gcm, number + 0x40)];
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = phones(&relay, both);
        let id = format!("call-{number}");
        workers.push(call(&mut client, &id, [&mut caller, &mut callee], both, true).await.worker);
        converse(&mut caller, &mut callee, 5);
    }
    workers.sort_unstable();
    assert_eq!(workers, [0, 0, 1, 1]);
    let node = relay.operator().await.get_node().await.unwrap();
    let counts = node.workers.iter().map(|worker| (worker.flows, worker.received)).collect::<Vec<_>>();
    assert_eq!(counts, [(4, 20), (4, 20)]);
}
