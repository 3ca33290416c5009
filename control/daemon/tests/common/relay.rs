// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon under test.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::IpAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Instant,
};

use culvert_api::{Client, ClientConfig, ClientError};
use culvert_devcerts::{Authority, Issued, Validity};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::PATIENCE;

pub const BINARY: &str = env!("CARGO_BIN_EXE_culvertd");
pub const SERVER_NAME: &str = "relay.culvert.test";
pub const FRONT_END: &str = "front-end.culvert.test";
pub const OTHER_FRONT_END: &str = "other.culvert.test";
pub const OPERATOR: &str = "operator.culvert.test";
pub const METRICS: &str = "metrics.culvert.test";
pub const NOBODY: &str = "nobody.culvert.test";

/// A network of the loopback interface that no other test has: every test may use the same ports.
#[derive(Clone, Copy, Debug)]
pub struct Net {
    number: u16,
}

impl Net {
    pub fn new() -> Net {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let process = (std::process::id() % 1000) as u16;
        Net { number: 256 + process * 60 + NEXT.fetch_add(1, Ordering::Relaxed) % 60 }
    }

    pub fn host(self, host: u8) -> IpAddr {
        let [high, low] = self.number.to_be_bytes();
        IpAddr::from([127, high, low, host])
    }

    /// Ports of this test's own on `::1`, of which there is but one.
    pub fn ipv6_ports(self) -> String {
        let first = 10_000 + self.number % 1000 * 20;
        format!("{first}-{}", first + 19)
    }
}

/// What to start.
pub struct Setup {
    pub net: Net,
    pub node: String,
    pub engine: String,
    pub srtp: String,
    pub media: String,
    pub realms: String,
    pub control: String,
    /// More of `[control.tls]`.
    pub tls: String,
    pub metrics: String,
    pub log: String,
    /// More tables.
    pub tables: String,
    pub directory: TempDir,
    pub authority: Authority,
}

impl Setup {
    /// Two realms on loopback: relay at hosts 1 (outside) and 2 (inside), sockets, one worker.
    pub fn loopback() -> Setup {
        let net = Net::new();
        let realm = |name: &str, host| {
            format!(
                "[[realm]]\nname = {name:?}\ninterface = \"lo\"\naddresses = [{{ address = \"{}\" }}]\nports = \"20000-20099\"\n",
                net.host(host)
            )
        };
        Setup {
            net,
            node: "max_flows = 256\n".into(),
            engine: "backend = \"socket\"\n".into(),
            srtp: String::new(),
            media: String::new(),
            realms: realm("outside", 1) + &realm("inside", 2),
            control: format!("{}:7443", net.host(1)),
            tls: String::new(),
            metrics: format!("{}:9464", net.host(1)),
            log: String::new(),
            tables: String::new(),
            directory: tempfile::tempdir().unwrap(),
            authority: Authority::new("test", Validity::Days(1)).unwrap(),
        }
    }

    /// Adds a realm on `::1`.
    pub fn with_ipv6(mut self) -> Setup {
        self.realms += &format!(
            "[[realm]]\nname = \"six\"\ninterface = \"lo\"\naddresses = [{{ address = \"::1\" }}]\nports = {:?}\n",
            self.net.ipv6_ports()
        );
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes certificates and the configuration, whose text comes back.
    pub fn write(&self) -> String {
        let server = self.authority.server(&[SERVER_NAME], Validity::Days(1)).unwrap();
        self.write_file("server.pem", &server.certificate_pem);
        self.write_file("server.key", &server.key_pem);
        self.write_file("ca.pem", self.authority.certificate_pem());
        let role = |identity, role| format!("[[role]]\nidentity = {identity:?}\nroles = [{role:?}]\n");
        let text = format!(
            "[node]\n{}[control]\nlisten = {:?}\n[control.tls]\ncertificate = {:?}\nkey = {:?}\nclient_ca = {:?}\n\
             {}{}{}{}{}[metrics]\nlisten = {:?}\n[engine]\n{}{}[srtp]\n{}[media]\n{}[log]\nformat = \"json\"\n{}{}",
            self.node,
            self.control,
            self.path("server.pem"),
            self.path("server.key"),
            self.path("ca.pem"),
            self.tls,
            role(FRONT_END, "front_end"),
            role(OTHER_FRONT_END, "front_end"),
            role(OPERATOR, "operator"),
            role(METRICS, "metrics"),
            self.metrics,
            self.engine,
            self.realms,
            self.srtp,
            self.media,
            self.log,
            self.tables,
        );
        self.write_file("culvert.toml", &text);
        text
    }

    /// A file that nobody else may read.
    pub fn write_file(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Starts it and waits until it serves.
    pub fn start(self) -> Relay {
        self.start_by(Command::new(BINARY))
    }

    /// As [`Setup::start`], by a command of its own.
    pub fn start_by(self, command: Command) -> Relay {
        let relay = self.launch(command);
        relay.wait_for(|line| line["message"] == "serving");
        relay
    }

    /// Starts `command`, which is culvertd's or leads to it.
    pub fn launch(self, command: Command) -> Relay {
        let (child, log) = self.spawn(command);
        Relay { child, log, setup: self }
    }

    fn spawn(&self, mut command: Command) -> (Child, Arc<Log>) {
        self.write();
        let mut child = command
            .arg("--config")
            .arg(self.path("culvert.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let (stderr, writer) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                writer.push(Some(value));
            }
            writer.push(None);
        });
        (child, log)
    }
}

#[derive(Default)]
struct Log {
    /// Lines, and whether more can come.
    state: Mutex<(Vec<Value>, bool)>,
    grown: Condvar,
}

impl Log {
    fn push(&self, line: Option<Value>) {
        let mut state = self.state.lock().unwrap();
        match line {
            Some(line) => state.0.push(line),
            None => state.1 = true,
        }
        self.grown.notify_all();
    }
}

/// A running daemon. Killed on drop.
pub struct Relay {
    child: Child,
    log: Arc<Log>,
    pub setup: Setup,
}

impl Relay {
    pub fn net(&self) -> Net {
        self.setup.net
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first line of the log that is wanted, as soon as it is there.
    pub fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.log.state.lock().unwrap();
        loop {
            if let Some(line) = state.0.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !state.1, "not in the log: {:#?}", state.0);
            state = self.log.grown.wait_timeout(state, left).unwrap().0;
        }
    }

    /// All lines of the log, once the process has ended.
    pub fn whole_log(&self) -> Vec<Value> {
        let state = self.log.state.lock().unwrap();
        let (state, waited) = self.log.grown.wait_timeout_while(state, PATIENCE, |state| !state.1).unwrap();
        assert!(!waited.timed_out(), "it still runs");
        state.0.clone()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end of the process.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it still runs");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Ends the process in order.
    pub fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.ended().success());
    }

    /// Ends the process in order, and starts another with the same files.
    pub fn restart(&mut self) {
        self.stop();
        (self.child, self.log) = self.setup.spawn(Command::new(BINARY));
        self.wait_for(|line| line["message"] == "serving");
    }

    pub fn client_config(&self, client: &Issued) -> ClientConfig {
        let mut config = ClientConfig::new(
            format!("https://{}", self.setup.control),
            self.setup.authority.certificate_pem().into(),
            client.certificate_pem.clone().into(),
            client.key_pem.clone().into(),
        );
        config.server_name = Some(SERVER_NAME.into());
        config.request_timeout = PATIENCE;
        config
    }

    pub fn issue(&self, identity: &str) -> Issued {
        self.setup.authority.client(identity, Validity::Days(1)).unwrap()
    }

    pub async fn connect(&self, identity: &str) -> Client {
        Client::connect(&self.client_config(&self.issue(identity))).await.unwrap()
    }

    /// For services that the typed client does not know.
    pub async fn channel(&self, identity: &str) -> Channel {
        let issued = self.issue(identity);
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.setup.authority.certificate_pem()))
            .identity(Identity::from_pem(&issued.certificate_pem, &issued.key_pem))
            .domain_name(SERVER_NAME);
        let endpoint = Endpoint::from_shared(format!("https://{}", self.setup.control)).unwrap();
        endpoint.tls_config(tls).unwrap().connect().await.unwrap()
    }

    pub async fn front_end(&self) -> Client {
        self.connect(FRONT_END).await
    }

    pub async fn operator(&self) -> Client {
        self.connect(OPERATOR).await
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{:#?}", self.log.state.lock().map(|state| state.0.clone()));
        }
    }
}

/// The gRPC status of a call that was refused, and its sentence.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (tonic::Code, String) {
    match result {
        Err(ClientError::Status { code, message }) => (code, message),
        other => panic!("not refused by the relay: {other:?}"),
    }
}
