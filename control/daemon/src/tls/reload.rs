// SPDX-License-Identifier: MIT OR Apache-2.0
//! The set in force, and how another takes its place while the relay runs.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::Counter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use tokio::{
    signal::unix::Signal,
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tracing::{error, info, warn};

use super::{LinkRegister, Material, Policy, TlsError, load_all};
use crate::config::Tls;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// The certificates, key, authorities and revocation lists in force. Clones share them.
#[derive(Debug, Clone)]
pub struct TlsHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: Tls,
    policy: Policy,
    current: watch::Sender<Arc<Material>>,
    looked: Mutex<Looked>,
    reloads: Counter,
    failures: Counter,
}

/// What tells one state of the files from another. Through symbolic links, which certificate managers swap; and by the time
/// of a change to the file's mode or owner too, which may be what makes it readable.
type Stamp = Vec<Option<[i64; 7]>>;

#[derive(Debug)]
struct Looked {
    /// The state that was read last, with or without success.
    tried: Stamp,
    /// The state that was seen last.
    seen: Stamp,
}

impl TlsHandle {
    /// Reads the files of the configuration for the first time.
    ///
    /// # Errors
    /// The first of what is wrong with them; [`load_all`] has the rest.
    pub fn load(files: Tls, policy: Policy) -> Result<TlsHandle, TlsError> {
        // Before the files are read: what changes meanwhile is then seen as a change.
        let stamp = stamp(&files);
        let material = load_all(&files, policy).map_err(|mut errors| errors.swap_remove(0))?;
        Ok(TlsHandle(Arc::new(Inner {
            files,
            policy,
            current: watch::Sender::new(Arc::new(material)),
            looked: Mutex::new(Looked { tried: stamp.clone(), seen: stamp }),
            reloads: Counter::default(),
            failures: Counter::default(),
        })))
    }

    /// The set that new handshakes use.
    pub fn current(&self) -> Arc<Material> {
        self.0.current.borrow().clone()
    }

    /// Tells of each set that takes the place of another.
    pub fn changes(&self) -> watch::Receiver<Arc<Material>> {
        self.0.current.subscribe()
    }

    /// Reads the files again. New handshakes use what they hold; connections of clients that it would refuse are closed, the
    /// rest goes on. Returns how many were closed. Reads files and checks signatures: not for a thread that must not wait.
    ///
    /// # Errors
    /// All that is wrong with the files. The set in force stays.
    pub fn reload(&self, links: &LinkRegister) -> Result<usize, Vec<TlsError>> {
        let material = Arc::new(load_all(&self.0.files, self.0.policy)?);
        // In this order: a handshake that the old set accepts from here on sees the new one before it is through.
        self.0.current.send_replace(Arc::clone(&material));
        self.0.reloads.inc();
        tell(&material, "certificates reloaded");
        Ok(links.withdraw(material.verifier()))
    }

    /// Reloads when the files have changed, and when `hangup` comes. Never ends.
    pub async fn follow(self, links: LinkRegister, mut hangup: Signal) {
        tell(&self.current(), "certificates in use");
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = ticks.tick() => false,
                _ = hangup.recv() => true,
            };
            let (handle, links) = (self.clone(), links.clone());
            let _ = tokio::task::spawn_blocking(move || handle.look(asked, &links)).await;
        }
    }

    /// Reloads when asked, or when the files are others than last time and are no longer being written: twice in a row the
    /// same.
    fn look(&self, asked: bool, links: &LinkRegister) {
        let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stamp(&self.0.files);
        let settled = before == looked.seen && before != looked.tried;
        looked.seen.clone_from(&before);
        if !asked && !settled {
            return;
        }
        match self.reload(links) {
            Ok(_) => {}
            // Written while they were read: they will be looked at again.
            Err(_) if !asked && stamp(&self.0.files) != before => return,
            Err(errors) => {
                self.0.failures.inc();
                let causes: Vec<_> = errors.iter().map(TlsError::to_string).collect();
                error!(causes = causes.join("; "), "certificates not reloaded: those before stay in use");
            }
        }
        looked.tried = before;
    }

    /// Shows `control_tls_reloads_total`, `control_tls_reload_failures_total`, `control_tls_certificate_expiry_seconds` and,
    /// with revocation lists, `control_tls_crl_expiry_seconds`.
    pub fn register(&self, registry: &mut Registry) {
        let reloads = "Times that changed certificate files were taken into use";
        registry.register("control_tls_reloads", reloads, self.0.reloads.clone());
        let failures = "Times that changed certificate files could not be used";
        registry.register("control_tls_reload_failures", failures, self.0.failures.clone());
        registry.register_collector(Box::new(self.clone()));
    }
}

impl Collector for TlsHandle {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
        let material = self.current();
        let mut left = |name: &str, help: &str, end: i64| {
            let gauge = ConstGauge::new(end.saturating_sub(now));
            gauge.encode(encoder.encode_descriptor(name, help, None::<&Unit>, gauge.metric_type())?)
        };
        let certificate = "Seconds until the relay's certificate expires, negative after it";
        left("control_tls_certificate_expiry_seconds", certificate, material.not_after())?;
        let list = "Seconds until the first of the revocation lists expires, negative after it";
        material.next_update().map_or(Ok(()), |end| left("control_tls_crl_expiry_seconds", list, end))
    }
}

fn tell(material: &Material, message: &str) {
    let not_after = UNIX_EPOCH + Duration::from_secs(u64::try_from(material.not_after()).unwrap_or(0));
    let not_after = humantime::format_rfc3339_seconds(not_after);
    info!(subject = %material.subject(), serial = material.serial(), %not_after, "{message}");
    for (file, expired) in material.expired() {
        warn!(file, "{expired}");
    }
}

fn stamp(files: &Tls) -> Stamp {
    let Tls { certificate, key, client_ca, client_crl, minimum_version: _ } = files;
    let paths = [certificate, key, client_ca].into_iter().chain(client_crl);
    paths.map(|path| stamp_of(path)).collect()
}

fn stamp_of(path: &Path) -> Option<[i64; 7]> {
    let file = std::fs::metadata(path).ok()?;
    let identity = [file.dev().cast_signed(), file.ino().cast_signed(), file.size().cast_signed()];
    let [device, inode, size] = identity;
    Some([device, inode, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    use culvert_devcerts::{Authority, Validity};
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::config::TlsVersion;

    struct Fixture {
        directory: tempfile::TempDir,
        authority: Authority,
    }

    impl Fixture {
        fn new() -> Fixture {
            let directory = tempfile::tempdir().unwrap();
            let authority = Authority::new("test", Validity::Days(1)).unwrap();
            let fixture = Fixture { directory, authority };
            fixture.write_set("set-0");
            symlink("set-0", fixture.path("current")).unwrap();
            fixture
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        /// A directory with a new certificate. Returns its serial number.
        fn write_set(&self, name: &str) -> String {
            let own = self.authority.server(&["localhost"], Validity::Days(1)).unwrap();
            fs::create_dir_all(self.path(name)).unwrap();
            let write = |file: &str, text: &str| fs::write(self.path(name).join(file), text).unwrap();
            write("server.pem", &own.certificate_pem);
            write("server.key", &own.key_pem);
            write("ca.pem", self.authority.certificate_pem());
            format!("{:X}", own.serial)
        }

        /// As certificate managers do it.
        fn swap(&self, set: &str) {
            symlink(set, self.path("next")).unwrap();
            fs::rename(self.path("next"), self.path("current")).unwrap();
        }

        fn load(&self) -> Watched {
            let file = |name: &str| self.path("current").join(name);
            let files = Tls {
                certificate: file("server.pem"),
                key: file("server.key"),
                client_ca: file("ca.pem"),
                client_crl: None,
                minimum_version: TlsVersion::Tls12,
            };
            let policy = Policy { minimum_version: TlsVersion::Tls12, fips: false };
            Watched { tls: TlsHandle::load(files, policy).unwrap(), links: LinkRegister::new(1) }
        }
    }

    struct Watched {
        tls: TlsHandle,
        links: LinkRegister,
    }

    impl Watched {
        /// After so many ticks: the serial number in force, reloads, failures.
        fn after(&self, ticks: usize) -> (String, u64, u64) {
            for _ in 0..ticks {
                self.tls.look(false, &self.links);
            }
            self.counts()
        }

        fn counts(&self) -> (String, u64, u64) {
            let serial = self.tls.current().serial().to_owned();
            (serial, self.tls.0.reloads.get(), self.tls.0.failures.get())
        }
    }

    #[test]
    fn a_change_is_taken_up_once_the_files_rest() {
        let fixture = Fixture::new();
        let watched = fixture.load();
        let first = watched.counts().0;
        assert_eq!(watched.after(3), (first.clone(), 0, 0));

        let second = fixture.write_set("set-1");
        fixture.swap("set-1");
        assert_eq!(watched.after(1), (first, 0, 0));
        assert_eq!(watched.after(1), (second.clone(), 1, 0));
        assert_eq!(watched.after(5), (second.clone(), 1, 0));

        // In place, a file at a time: not before the last one has been seen twice.
        let third = fixture.authority.server(&["localhost"], Validity::Days(1)).unwrap();
        fs::write(fixture.path("set-1/server.pem"), &third.certificate_pem).unwrap();
        assert_eq!(watched.after(1), (second.clone(), 1, 0));
        fs::write(fixture.path("set-1/server.key"), &third.key_pem).unwrap();
        assert_eq!(watched.after(1), (second, 1, 0));
        assert_eq!(watched.after(1), (format!("{:X}", third.serial), 2, 0));
    }

    #[test]
    fn a_broken_set_is_counted_once_and_the_next_good_one_is_taken_up() {
        let fixture = Fixture::new();
        let watched = fixture.load();
        let first = watched.counts().0;
        fs::write(fixture.path("set-0/server.key"), "").unwrap();
        assert_eq!(watched.after(1), (first.clone(), 0, 0));
        assert_eq!(watched.after(1), (first.clone(), 0, 1));
        assert_eq!(watched.after(5), (first.clone(), 0, 1));
        // Another fault is another change.
        fs::remove_file(fixture.path("set-0/server.key")).unwrap();
        assert_eq!(watched.after(5), (first.clone(), 0, 2));
        // Asked for, it is tried and counted each time.
        watched.tls.look(true, &watched.links);
        assert_eq!(watched.after(5), (first, 0, 3));
        let second = fixture.write_set("set-0");
        assert_eq!(watched.after(2), (second, 1, 3));
    }

    #[test]
    fn asked_for_it_does_not_wait() {
        let fixture = Fixture::new();
        let watched = fixture.load();
        let second = fixture.write_set("set-1");
        fixture.swap("set-1");
        watched.tls.look(true, &watched.links);
        assert_eq!(watched.counts(), (second.clone(), 1, 0));
        assert_eq!(watched.after(3), (second, 1, 0));
    }

    #[test]
    fn metrics_tell_of_reloads_and_of_the_time_left() {
        let fixture = Fixture::new();
        let watched = fixture.load();
        let mut registry = Registry::with_prefix("culvert");
        watched.tls.register(&mut registry);
        watched.tls.look(true, &watched.links);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse::<i64>().ok())
        };
        assert_eq!(value("culvert_control_tls_reloads_total"), Some(1));
        assert_eq!(value("culvert_control_tls_reload_failures_total"), Some(0));
        let left = value("culvert_control_tls_certificate_expiry_seconds").unwrap();
        assert!((86_300..=86_400).contains(&left), "{left}");
        assert_eq!(value("culvert_control_tls_crl_expiry_seconds"), None);
    }
}
