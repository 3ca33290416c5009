// SPDX-License-Identifier: MIT OR Apache-2.0
//! The secrets of MRAS: signing keys, passwords, and the master keys that containers carry.

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use culvert_mras::KeyRing;
use v1::revoke_request::Target;

use super::{
    common::mras::{CAROL, keys_for, open, unkeyed},
    *,
};

const KINDS: [v1::CredentialKind; 4] = [
    v1::CredentialKind::Culvert,
    v1::CredentialKind::TurnRest,
    v1::CredentialKind::MrasV1,
    v1::CredentialKind::MrasV2,
];

impl Run {
    /// The signing keys of the file, and the shared secret that other TURN servers are given.
    fn signing_keys(&mut self, text: &str) {
        for line in text.lines().skip(1) {
            let [number, _, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let name = format!("signing key {number}");
            let secret = BASE64_STANDARD.decode(secret).unwrap();
            assert_eq!(secret.len(), 64);
            self.needles.add(&name, &secret);
            self.needles.add_text(&name, &secret);
        }
        for epoch in KeyRing::parse(text).unwrap().epochs() {
            let name = format!("TURN REST secret of {}", epoch.number());
            self.needles.add(&name, epoch.turn_rest_secret().as_bytes());
            self.needles
                .add(&name, &BASE64_URL_SAFE_NO_PAD.decode(epoch.turn_rest_secret().as_str()).unwrap());
        }
    }

    /// Credentials of a kind; their passwords are not to be found.
    async fn credentials(&mut self, client: &mut Client, number: usize) -> [v1::Credential; 2] {
        let kind = KINDS[number % KINDS.len()];
        // Other names each time: kinds without a nonce give one name one credential in a second.
        let asked = |who: &str| common::mras::asked(&format!("sip:{who}-{number}@example.org"));
        let request = v1::IssueCredentialsRequest {
            credentials: vec![asked("alice"), asked("bob")],
            kind: kind.into(),
        };
        let issued = client.issue_credentials(request).await.unwrap();
        for credential in &issued {
            let name = format!("password of {}, {kind:?}", credential.identity);
            self.needles.add(&name, credential.password.as_bytes());
            let bytes = BASE64_STANDARD
                .decode(&credential.password)
                .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(&credential.password))
                .unwrap();
            self.needles.add(&name, &bytes);
            self.needles.add_text(&name, &bytes);
        }
        self.say("IssueCredentials", format!("{issued:?}"));
        issued.try_into().unwrap()
    }

    /// Has a session keyed, and opens the containers.
    async fn session_keys(
        &mut self,
        client: &mut Client,
        (id, name): (&str, &str),
        suite: Suite,
        credentials: &[v1::Credential; 2],
    ) -> [Pair; 2] {
        let request = keys_for(id, suite.name(), &[(0, &credentials[0]), (1, &credentials[1])]);
        let issued = client.issue_session_keys(request).await.unwrap();
        self.say("IssueSessionKeys", format!("{issued:?}"));
        [0, 1].map(|leg| {
            let pair = open(&credentials[leg], &issued.keys[leg]);
            for (whose, key) in [("endpoint's", &pair.endpoint), ("relay's", &pair.relay)] {
                secrets::add(&mut self.needles, &format!("{id} {name} leg {leg}, {whose}"), key);
            }
            pair
        })
    }
}

/// Requests that are refused, with passwords in them.
async fn refusals(run: &mut Run, client: &mut Client, id: &str, credentials: &[v1::Credential; 2]) {
    let [alice, bob] = credentials;
    let good = || keys_for(id, "", &[(0, alice), (1, bob)]);
    let with = |change: &dyn Fn(&mut v1::IssueSessionKeysRequest)| {
        let mut request = good();
        change(&mut request);
        request
    };
    let wrong = [
        with(&|request| request.session_id = "nobody".into()),
        with(&|request| request.suite = "ROT13".into()),
        with(&|request| request.session_id.clone_from(&alice.password)),
        with(&|request| request.participants[0].password.push('A')),
        with(&|request| request.participants[0].password.clone_from(&bob.password)),
        with(&|request| request.participants[0].username.clone_from(&alice.password)),
        with(&|request| request.participants[1].leg = 0),
    ];
    for request in wrong {
        let (code, message) = refusal(client.issue_session_keys(request).await);
        run.say("error", format!("{code:?} {message}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root: gdb attaches to the relay"]
async fn hygiene_no_secret_of_mras_is_in_logs_the_audit_trail_answers_or_a_core() {
    let mut setup = Setup::loopback().with_mras("");
    setup.log = "level = \"trace\"\n".into();
    let mut relay = setup.start();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    let mut events = client.watch_events("").await.unwrap();
    let mut run = Run::default();
    operator.rotate_signing_key().await.unwrap();
    let keys = std::fs::read_to_string(relay.setup.path("mras.keys")).unwrap();
    run.signing_keys(&keys);

    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(|suite| suite.encrypts()).collect();
    for (index, suite) in suites.iter().enumerate() {
        let id = format!("mras-{}", suite.name());
        let credentials = run.credentials(&mut client, index).await;
        let net = relay.net();
        let mut caller = Phone::new(net.host(3), 0x0a0a_0a0a, None);
        let mut callee = Phone::new(net.host(4), 0x0b0b_0b0b, None);
        unkeyed(&mut client, &id, [&mut caller, &mut callee]).await;
        refusals(&mut run, &mut client, &id, &credentials).await;
        let [one, other] = run.session_keys(&mut client, (&id, "first"), *suite, &credentials).await;
        caller.key(&one);
        callee.key(&other);
        converse(&mut caller, &mut callee);
        let [one, other] = run.session_keys(&mut client, (&id, "again"), *suite, &credentials).await;
        caller.rekey(&one);
        callee.rekey(&other);
        converse(&mut caller, &mut callee);
        run.say("GetSession", format!("{:?}", client.get_session(&id).await.unwrap()));
    }
    // Some are gone or revoked before the dump, the others live on.
    for suite in &suites[..2] {
        let ended = client.end_session(format!("mras-{}", suite.name())).await.unwrap();
        run.say("DeleteSession", format!("{ended:?}"));
    }
    let revoked = client.get_session(format!("mras-{}", suites[2].name())).await.unwrap();
    for leg in &revoked.media[0].legs {
        let id = leg.authority.as_ref().unwrap().credential_id.clone();
        assert_eq!(client.revoke(Target::Credential(id)).await.unwrap(), 1);
    }
    client.revoke(Target::Identity(CAROL.into())).await.unwrap();
    run.say("ListRevocations", format!("{:?}", operator.list_revocations().await.unwrap()));
    let all = v1::GetProtectionRequest::default();
    run.say("GetProtection", format!("{:?}", operator.get_protection(all).await.unwrap()));
    run.say("GetNode", without_timing(operator.get_node().await.unwrap()));
    run.say("metrics", metrics(&relay));
    loop {
        let event = events.next().await.unwrap().unwrap();
        run.say("WatchEvents", format!("{event:?}"));
        if matches!(event.kind, Some(v1::event::Kind::AuthorityEnded(_))) && event.leg == 1 {
            break;
        }
    }
    for (source, text) in &run.texts {
        run.check(source, text.as_bytes());
    }

    // The pattern is right: what the relay must have is in the memory for keys.
    let found = in_memory_for_keys(&run, relay.pid());
    let live = count(&found);
    assert!(live.contains_key("signing key 1") && live.contains_key("signing key 2"), "{live:#?}");
    for suite in &suites[3..] {
        for (leg, whose) in [(0, "endpoint's"), (0, "relay's"), (1, "endpoint's"), (1, "relay's")] {
            let name = format!("live mras-{} again leg {leg}, {whose}: SRTP", suite.name());
            assert!(live.keys().any(|key| key.starts_with(&name)), "{name}: {live:#?}");
        }
    }
    // Nothing is kept of master keys and passwords, nor of what has ended.
    let gone = |name: &str| {
        name.starts_with("live ")
            && suites[..3].iter().any(|suite| name.contains(&format!("mras-{} ", suite.name())))
    };
    let kept: Vec<_> = live
        .keys()
        .filter(|name| name.contains("master") || name.contains("password") || gone(name))
        .collect();
    assert!(kept.is_empty(), "{kept:#?}");

    let last = run.credentials(&mut client, 8).await;
    let id = format!("mras-{}", suites[4].name());
    run.session_keys(&mut client, (&id, "last"), suites[4], &last).await;
    check_core(&run, &relay, &format!("mras-{}", Suite::AeadAes256Gcm.name()));
    for suite in [Suite::AeadAes128Gcm, Suite::AeadAes256Gcm] {
        client.end_session(format!("mras-{}", suite.name())).await.unwrap();
    }
    check_heap(&run, relay.pid());
    check_log(&run, &mut relay);
    for file in ["audit.jsonl", "mras.keys.revoked"] {
        run.check(file, &std::fs::read(relay.setup.path(file)).unwrap());
    }
    // They can be found where they are.
    assert!(!run.needles.search(keys.as_bytes()).is_empty());
}
