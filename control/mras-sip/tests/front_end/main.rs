// SPDX-License-Identifier: MIT OR Apache-2.0
//! Front ends that others wrote, over mutual TLS: sipp, to which socat lends TLS (Debian builds it without), and Python.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
};

use culvert_devcerts::{FRONT_END, Files, Pair, write_directory};
use culvert_mras_sip::{
    CredentialIssuer, Credentials, FrontEnd, IssueError, Limits, Location, MediaRelay, Request, Service,
    Summary, connection,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// What became of one connection: refused by TLS, or what it did.
type Outcome = Result<Summary, String>;

struct Issuer;

impl CredentialIssuer for Issuer {
    fn issue(&self, front_end: &FrontEnd, request: &Request) -> Result<Vec<Credentials>, IssueError> {
        assert_eq!(front_end.as_str(), FRONT_END);
        let one = |(index, _)| Credentials {
            username: format!("dXNlcg{}-{index}", request.version.as_str()).into(),
            password: "cGFzc3dvcmQ=".to_owned().into(),
            duration: NonZeroU32::new(480).unwrap(),
            realm: "culvert.test".to_owned(),
            relays: vec![MediaRelay {
                location: Location::Internet,
                host_name: Some("av.culvert.test".to_owned()),
                address: Ipv4Addr::new(192, 0, 2, 1).into(),
                udp_port: Some(3478),
                tcp_port: Some(443),
            }],
        };
        Ok(request.credentials.iter().enumerate().map(one).collect())
    }
}

struct Server {
    directory: TempDir,
    files: Files,
    address: SocketAddr,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
}

impl Server {
    async fn start() -> Server {
        let directory = tempfile::tempdir().unwrap();
        let files = write_directory(directory.path(), &[]).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls(&files)));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, outcomes) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let service = Service::new(Arc::new(Issuer), Limits::default());
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, sender, service) = (acceptor.clone(), sender.clone(), service.clone());
                tokio::spawn(async move {
                    let outcome = match acceptor.accept(stream).await {
                        // The authority of these tests signs no other client that connects.
                        Ok(stream) => {
                            connection(stream, &FrontEnd::from(FRONT_END), &service, std::future::pending())
                                .await
                                .map_err(|error| error.to_string())
                        }
                        Err(error) => Err(error.to_string()),
                    };
                    let _ = sender.send(outcome);
                });
            }
        });
        Server { directory, files, address, outcomes }
    }

    /// A TCP port of this machine behind which TLS begins, with this certificate or none. For one connection.
    async fn socat(&self, client: Option<&Pair>) -> (Child, String) {
        let authority = self.files.authority.certificate.display();
        let mut to = format!("OPENSSL:{},commonname=localhost,verify=1,cafile={authority}", self.address);
        if let Some(pair) = client {
            to += &format!(",cert={},key={}", pair.certificate.display(), pair.key.display());
        }
        let mut child = Command::new("socat")
            .args(["-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1", &to])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("socat must be installed; run cargo xtask setup");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("socat says where it listens");
            if let Some((_, address)) = line.split_once("listening on AF=2 ") {
                break address.trim().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        (child, port)
    }

    async fn sipp(&self, scenario: &str, to: &str, calls: u32) -> Output {
        let one = r#"<credentialsRequest credentialsRequestID="c"><identity>sip:a@b</identity></credentialsRequest>"#;
        let mut command = Command::new("sipp");
        command.args(["-key", "too_many", &one.repeat(101)]);
        command.args(["-sf".as_ref(), file(scenario).as_os_str(), "-m".as_ref(), calls.to_string().as_ref()]);
        command.args(["-t", "t1", "-nostdin", "-trace_err", "-recv_timeout", "10000", "-max_reconnect", "0"]);
        command.args(["-timeout", "30", "-timeout_error", to]);
        run(command.current_dir(self.directory.path())).await
    }

    async fn python(&self, client: Option<&Pair>) -> Output {
        let mut command = Command::new("python3");
        command.arg(file("client.py")).arg(self.address.port().to_string());
        command.arg(&self.files.authority.certificate);
        if let Some(pair) = client {
            command.args([&pair.certificate, &pair.key]);
        }
        run(&mut command).await
    }
}

fn tls(files: &Files) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.authority.certificate).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let chain = vec![CertificateDer::from_pem_file(&files.server.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&files.server.key).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap()
}

async fn run(command: &mut Command) -> Output {
    let program: &OsStr = command.as_std().get_program();
    let missing = format!("{} must be installed; run cargo xtask setup", program.display());
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect(&missing)
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/front_end").join(name)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What sipp wrote about the calls that failed.
fn errors(directory: &Path) -> String {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_gets_credentials_and_every_refusal() {
    let mut server = Server::start().await;
    let (_socat, port) = server.socat(Some(&server.files.front_end)).await;
    let output = server.sipp("sipp.xml", &port, 10).await;
    assert!(output.status.success(), "{}{}", text(&output), errors(server.directory.path()));
    let summary = server.outcomes.recv().await.unwrap().unwrap();
    // The scenario: two of its six requests get credentials.
    assert_eq!((summary.answered, summary.issued), (60, 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_without_a_certificate_is_refused() {
    let mut server = Server::start().await;
    let (_socat, port) = server.socat(None).await;
    let output = server.sipp("sipp.xml", &port, 1).await;
    assert!(!output.status.success(), "{}", text(&output));
    assert_eq!(server.outcomes.recv().await.unwrap(), Err("peer sent no certificates".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_gets_credentials_with_a_certificate_only() {
    let mut server = Server::start().await;
    let output = server.python(Some(&server.files.front_end)).await;
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "200 OK: OK dXNlcg2.0-0 cGFzc3dvcmQ= 480 culvert.test av.culvert.test 3478 443\npong\n"
    );
    let summary = server.outcomes.recv().await.unwrap().unwrap();
    assert_eq!((summary.answered, summary.issued), (1, 1));

    let output = server.python(None).await;
    assert!(!output.status.success());
    assert!(text(&output).contains("CERTIFICATE_REQUIRED"), "{}", text(&output));
    assert_eq!(server.outcomes.recv().await.unwrap(), Err("peer sent no certificates".to_owned()));
}
