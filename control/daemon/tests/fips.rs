// SPDX-License-Identifier: MIT OR Apache-2.0
//! `node.fips = true`: what it takes, and what it refuses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::process::Command;

use common::relay::{BINARY, Setup};
use culvert_srtp::Path;
use culvertd::config::{Tls, TlsVersion};
use culvertd::tls::{self, Policy};

const FIPS: Policy = Policy { minimum_version: TlsVersion::Tls12, fips: true };

/// The TLS of a setup that has been written.
fn files(setup: &Setup) -> Tls {
    Tls {
        certificate: setup.path("server.pem"),
        key: setup.path("server.key"),
        client_ca: setup.path("ca.pem"),
        client_crl: None,
        minimum_version: FIPS.minimum_version,
    }
}

/// A relay on loopback that asks for FIPS mode, and what it complains about, without the name of the file and the line.
fn complaint(setup: &mut Setup, environment: &str) -> String {
    setup.node += "fips = true\n";
    setup.write();
    let mut command = Command::new(BINARY);
    command.env(Path::VARIABLE, environment).arg("--check").arg("--config").arg(setup.path("culvert.toml"));
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
    let text = String::from_utf8(output.stderr).unwrap();
    text.trim_end().split_once("error: ").unwrap().1.to_owned()
}

#[cfg(not(feature = "fips"))]
mod without_the_module {
    use culvertd::tls::TlsError;

    use super::*;

    #[test]
    fn it_does_not_start() {
        let mut setup = Setup::loopback();
        let expected = "node.fips: cannot be had: culvertd was built without the feature fips; build it with --features fips, \
                        or set fips = false";
        assert_eq!(complaint(&mut setup, ""), expected);
        setup.node = "max_flows = 256\nfips = true\n".into();
        let mut relay = setup.launch(Command::new(BINARY));
        assert_eq!(relay.ended().code(), Some(1));
        let log = relay.whole_log();
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].as_str().unwrap().ends_with(expected), "{log:?}");
    }

    #[test]
    fn tls_cannot_be_that_of_the_module() {
        let setup = Setup::loopback();
        setup.write();
        let errors = tls::load_all(&files(&setup), FIPS).unwrap_err();
        assert_eq!(errors.iter().map(TlsError::key).collect::<Vec<_>>(), ["node.fips"]);
    }
}

#[cfg(feature = "fips")]
mod with_the_module {
    use std::{fs, process::Stdio};

    use common::{
        phone::{Phone, call},
        relay::{FRONT_END, Relay, refusal},
        request::{Pair, leg, session},
    };
    use culvert_api::v1::{
        CredentialKind, CredentialRequest, EncryptionLevel, IssueCredentialsRequest, IssueSessionKeysRequest,
        Participant,
    };
    use culvert_srtp::{Kind, Suite};
    use tonic::Code;

    use super::*;

    fn start() -> Relay {
        let mut setup = Setup::loopback();
        setup.node += "fips = true\n";
        let mut command = Command::new(BINARY);
        command.env_remove(Path::VARIABLE);
        setup.start_by(command)
    }

    fn module() -> String {
        format!("AWS-LC FIPS {}", aws_lc_rs::awslc_version())
    }

    #[test]
    fn another_path_of_srtp_is_refused() {
        let outside = "portable computes SRTP outside the FIPS module, which node.fips = true does not allow: leave it out, \
                       or name aws-lc";
        let mut setup = Setup::loopback();
        setup.srtp = "path = \"portable\"\n".into();
        assert_eq!(complaint(&mut setup, ""), format!("srtp.path: {outside}"));
        let expected = format!("CULVERT_SRTP_PATH: {outside}");
        assert_eq!(complaint(&mut Setup::loopback(), "portable"), expected);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_node_says_so() {
        let relay = start();
        let line = relay.wait_for(|line| line["message"] == "FIPS mode");
        assert_eq!(line["module"], format!("{}, in FIPS mode", module()));
        let line = relay.wait_for(|line| line["message"] == "SRTP path");
        assert_eq!((&line["path"], &line["chosen_by"]), (&"aws-lc".into(), &"node.fips".into()));
        let node = relay.operator().await.get_node().await.unwrap();
        assert_eq!((node.fips, node.srtp_path), (format!("{}, in FIPS mode", module()), "aws-lc".into()));

        // A relay that could and need not.
        let relay = Setup::loopback().start();
        let node = relay.operator().await.get_node().await.unwrap();
        assert_eq!(node.fips, "off");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn media_passes_under_approved_suites_and_others_are_refused() {
        let relay = start();
        let mut client = relay.front_end().await;
        let keys = [Pair::new(Suite::AesCm128HmacSha1_80, 1), Pair::new(Suite::AeadAes256Gcm, 0x41)];
        let (host, both) = (|host| relay.net().host(host), keys.each_ref().map(Some));
        let (mut caller, mut callee) = (Phone::new(host(3), 1, both[0]), Phone::new(host(4), 2, both[1]));
        call(&mut client, "approved", [&mut caller, &mut callee], both, true).await;
        for _ in 0..20 {
            let (said, answered) = (caller.talk(), callee.talk());
            assert_eq!((callee.hear(), caller.hear()), (said, answered));
        }
        let (said, answered) = (caller.tell(), callee.tell());
        assert_eq!((callee.read(), caller.read()), (said, answered));

        for (suite, number) in Suite::ALL.into_iter().zip((0x80..).step_by(2)) {
            let pair = Pair::new(suite, number);
            let (mut caller, mut callee) =
                (Phone::new(host(3), 3, Some(&pair)), Phone::new(host(4), 4, None));
            let legs = [
                leg("outside", Some(caller.remote(true)), pair.raw()),
                leg("inside", Some(callee.remote(true)), common::request::plain()),
            ];
            let made = client.create_session(session(suite.name(), legs)).await;
            if suite.is_fips_approved() {
                let made = made.unwrap();
                caller.answer(&made, 0);
                callee.answer(&made, 1);
                let said = caller.talk();
                assert_eq!(callee.wire(), said, "{suite}");
                let answered = callee.talk();
                let wire = caller.wire();
                assert_eq!(caller.unprotect(Kind::Rtp, &wire), Ok(answered), "{suite}");
            } else {
                let message = format!(
                    "media[0].legs[0].protection: is for {suite}, which this node, in FIPS mode, does not allow; use one of \
                     AES_CM_128_HMAC_SHA1_80, AES_192_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, AEAD_AES_128_GCM, \
                     AEAD_AES_256_GCM"
                );
                assert_eq!(refusal(made), (Code::InvalidArgument, message));
            }
        }
    }

    #[test]
    fn tls_has_nothing_that_is_not_approved() {
        let setup = Setup::loopback();
        setup.write();
        assert!(tls::load_all(&files(&setup), FIPS).unwrap().fips());
        let provider = tls::provider();
        assert!(provider.fips());
        let suites = provider.cipher_suites.iter().map(|suite| format!("{:?}", suite.suite()));
        let suites: Vec<_> = suites.collect();
        assert!(!suites.is_empty() && suites.iter().all(|suite| suite.contains("_AES_")), "{suites:?}");
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
        assert!(
            groups.contains(&"secp256r1".to_owned()) && !groups.contains(&"X25519".to_owned()),
            "{groups:?}"
        );
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        assert!(!schemes.iter().any(|scheme| format!("{scheme:?}").contains("SHA1")), "{schemes:?}");
    }

    fn credentials(kind: CredentialKind) -> IssueCredentialsRequest {
        let asked = CredentialRequest { identity: "sip:alice@example.org".into(), ..Default::default() };
        IssueCredentialsRequest { credentials: vec![asked], kind: kind.into() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn credentials_that_key_stun_by_md5_are_neither_issued_nor_accepted() {
        // The same signing keys, in a relay that is not in FIPS mode.
        let keys = tempfile::tempdir().unwrap();
        let mras = format!("[mras]\nkey_file = {:?}\n", keys.path().join("mras.keys"));
        let mut lax = Setup::loopback();
        lax.media += &mras;
        let lax = lax.start();
        let mut strict = Setup::loopback();
        strict.node += "fips = true\n";
        strict.media += &mras;
        let mut command = Command::new(BINARY);
        command.env_remove(Path::VARIABLE);
        let strict = strict.start_by(command);
        let (mut lax, mut client) = (lax.front_end().await, strict.front_end().await);
        let legs = ["outside", "inside"].map(|realm| {
            let mut leg = leg(realm, None, common::request::plain());
            (leg.protection, leg.encryption) = (None, EncryptionLevel::Required.into());
            leg
        });
        client.create_session(session("a", legs)).await.unwrap();
        let kinds = [
            (CredentialKind::Culvert, None),
            (CredentialKind::TurnRest, Some("turn-rest")),
            (CredentialKind::MrasV1, Some("mras-v1")),
            (CredentialKind::MrasV2, Some("mras-v2")),
        ];
        for (kind, name) in kinds {
            let issued = client.issue_credentials(credentials(kind)).await;
            let held = lax.issue_credentials(credentials(kind)).await.unwrap().remove(0);
            let participant =
                Participant { leg: 0, username: held.username.clone(), password: held.password.clone() };
            let request = |suite: Suite| IssueSessionKeysRequest {
                session_id: "a".into(),
                participants: vec![participant.clone()],
                suite: suite.name().into(),
            };
            let keyed = client.issue_session_keys(request(Suite::AeadAes256Gcm)).await.map(|_| ());
            let Some(name) = name else {
                assert_eq!(issued.unwrap().len(), 1);
                keyed.unwrap();
                let message = "suite: is AES_CM_128_HMAC_SHA1_32, which this node, in FIPS mode, does not allow; use one of \
                               AES_CM_128_HMAC_SHA1_80, AES_192_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, \
                               AEAD_AES_128_GCM, AEAD_AES_256_GCM";
                let short = client.issue_session_keys(request(Suite::AesCm128HmacSha1_32)).await;
                assert_eq!(refusal(short), (Code::InvalidArgument, message.to_owned()));
                continue;
            };
            let message = format!(
                "kind: {name} credentials are used through a STUN key made by MD5 (RFC 8489 section 9.2.2), which this node, \
                 in FIPS mode, does not allow; ask for the kind culvert"
            );
            assert_eq!(refusal(issued), (Code::InvalidArgument, message));
            let message = "participants[0]: the username and password do not hold; ask for new ones";
            assert_eq!(refusal(keyed), (Code::PermissionDenied, message.to_owned()), "{name}");
        }
    }

    /// An independent client, which offers what it is told and nothing else.
    struct OpenSsl<'r>(&'r Relay);

    impl OpenSsl<'_> {
        fn new(relay: &Relay) -> OpenSsl<'_> {
            let issued = relay.issue(FRONT_END);
            fs::write(relay.setup.path("client.pem"), &issued.certificate_pem).unwrap();
            fs::write(relay.setup.path("client.key"), &issued.key_pem).unwrap();
            let without = "openssl_conf = initial\n[initial]\nssl_conf = ssl\n[ssl]\nsystem_default = system\n\
                           [system]\nOptions = -ExtendedMasterSecret\n";
            fs::write(relay.setup.path("without_ems.cnf"), without).unwrap();
            OpenSsl(relay)
        }

        /// Whether the handshake comes to an end.
        fn connects(&self, options: &[&str], configuration: Option<&str>) -> bool {
            let path = |name| self.0.setup.path(name);
            let mut command = Command::new("openssl");
            command.args(["s_client", "-brief", "-alpn", "h2", "-verify_return_error", "-connect"]);
            command.arg(&self.0.setup.control).arg("-CAfile").arg(path("ca.pem"));
            command.arg("-cert").arg(path("client.pem")).arg("-key").arg(path("client.key")).args(options);
            if let Some(name) = configuration {
                command.env("OPENSSL_CONF", path(name));
            }
            let output = command.stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() == said.contains("CONNECTION ESTABLISHED"), "{said}");
            output.status.success()
        }
    }

    #[test]
    fn tls_clients_that_offer_nothing_approved_are_refused() {
        let relay = start();
        let client = OpenSsl::new(&relay);
        let accepted: [&[&str]; 5] = [
            &["-tls1_3"],
            &["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "-groups", "P-256"],
            &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"],
            &["-tls1_3", "-groups", "X25519:P-384"],
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        ];
        for options in accepted {
            assert!(client.connects(options, None), "{options:?}");
        }
        let refused: [(&[&str], Option<&str>); 6] = [
            (&["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], None),
            (&["-tls1_3", "-groups", "X25519"], None),
            (&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], None),
            (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], None),
            (&["-tls1_2", "-groups", "X25519"], None),
            (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], Some("without_ems.cnf")),
        ];
        for (options, configuration) in refused {
            assert!(!client.connects(options, configuration), "{options:?} {configuration:?}");
        }
    }
}
