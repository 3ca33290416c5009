// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{TestbedError, require_root, tool};
use nix::{
    ifaddrs::{InterfaceAddressIterator, getifaddrs},
    sched::{CloneFlags, setns},
};
use std::{
    ffi::OsStr,
    fs::{self, File},
    panic,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

const DIRECTORY: &str = "/run/netns";
const PREFIX: &str = "culvert-";

/// A network namespace with its loopback interface up, removed on drop with all its interfaces.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: File,
}

/// What the kernel knows of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Its index in its namespace.
    pub index: u32,
    /// Its Ethernet address.
    pub mac_address: [u8; 6],
}

impl Namespace {
    /// Makes a namespace named after `role`, this process and a counter, so that no two collide.
    ///
    /// The first call of a process also removes the namespaces of processes that no longer run.
    ///
    /// # Errors
    /// Not root, or no `ip`.
    pub fn new(role: &str) -> Result<Namespace, TestbedError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        static SWEEP: Once = Once::new();
        require_root()?;
        SWEEP.call_once(|| leftovers(Path::new(DIRECTORY)).iter().for_each(|name| delete(name)));

        let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{counter}-{role}", process::id());
        tool::run("ip", ["netns", "add", &name])?;
        let path = PathBuf::from(DIRECTORY).join(&name);
        let namespace = match File::open(&path) {
            Ok(handle) => Namespace { name, handle },
            Err(source) => {
                delete(&name);
                return Err(TestbedError::system(format!("open {}", path.display()), source));
            }
        };
        // Addresses are to be usable at once: nobody else is on these links. Without IPv6 there is nothing to set.
        namespace.run(|| {
            for scope in ["all", "default"] {
                for (setting, value) in [("accept_dad", "0"), ("router_solicitations", "0")] {
                    let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/{setting}"), value);
                }
            }
        })?;
        namespace.ip(["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a closure on a thread inside the namespace. Sockets it makes stay in the namespace wherever they go.
    ///
    /// Panics of the closure go on in the caller.
    ///
    /// # Errors
    /// When the thread cannot be started or cannot enter the namespace.
    pub fn run<T: Send>(&self, closure: impl FnOnce() -> T + Send) -> Result<T, TestbedError> {
        thread::scope(|scope| {
            let inside = || self.enter().map(|()| closure());
            let thread = thread::Builder::new()
                .name(self.name.clone())
                .spawn_scoped(scope, inside)
                .map_err(|source| TestbedError::system("start a thread", source))?;
            thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread into the namespace, for good: for threads that belong there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn enter(&self) -> Result<(), TestbedError> {
        setns(&self.handle, CloneFlags::CLONE_NEWNET)
            .map_err(|source| TestbedError::system(format!("enter namespace {}", self.name), source))
    }

    /// A command that will run inside the namespace; its process is the program's own, to be awaited or killed.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs `ip` on the namespace and returns what it wrote.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn ip<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, TestbedError> {
        let mut command = Command::new("ip");
        command.args(["-n", &self.name]).args(arguments);
        tool::output("ip", command)
    }

    /// Runs `ethtool` inside the namespace and returns what it wrote.
    ///
    /// # Errors
    /// What `ethtool` says, or that it is missing.
    pub fn ethtool<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, TestbedError> {
        let mut command = self.command("ethtool");
        command.args(arguments);
        tool::output("ethtool", command)
    }

    /// Writes a network setting, named as `sysctl` names it: `net.ipv4.ip_forward`.
    ///
    /// # Errors
    /// No such setting, or a value it does not take.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<(), TestbedError> {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        self.run(|| fs::write(path, value))?
            .map_err(|source| TestbedError::system(format!("set {name} to {value}"), source))
    }

    /// Gives a veth end NAPI without an XDP program, which it needs to take frames that XDP redirects into the pair.
    ///
    /// # Errors
    /// What `ethtool` says.
    pub fn enable_napi(&self, interface: &str) -> Result<(), TestbedError> {
        self.ethtool(["-K", interface, "gro", "on"]).map(drop)
    }

    /// Moves an interface's NAPI to kernel threads of its own, which can be pinned. Call it after an XDP program was attached.
    ///
    /// # Errors
    /// When the interface has no NAPI.
    pub fn enable_threaded_napi(&self, interface: &str) -> Result<(), TestbedError> {
        let mut command = self.command("sh");
        command.args(["-c", "echo 1 > \"/sys/class/net/$1/threaded\"", "sh", interface]);
        tool::output("sh", command).map(drop)
    }

    /// Index and Ethernet address of an interface.
    ///
    /// # Errors
    /// [`TestbedError::NoInterface`].
    pub fn interface(&self, name: &str) -> Result<Interface, TestbedError> {
        let found = self.run(|| getifaddrs().map(|entries| link_of(entries, name)))?;
        found.map_err(|source| TestbedError::system("list interfaces", source))?.ok_or_else(|| {
            TestbedError::NoInterface { namespace: self.name.clone(), interface: name.to_owned() }
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

fn link_of(mut entries: InterfaceAddressIterator, name: &str) -> Option<Interface> {
    entries.find_map(|entry| {
        let address = entry.address.filter(|_| entry.interface_name == name)?;
        let link = address.as_link_addr()?;
        Some(Interface { index: u32::try_from(link.ifindex()).ok()?, mac_address: link.addr()? })
    })
}

/// Best effort: what stays is removed by the next process.
fn delete(name: &str) {
    let _ = tool::run("ip", ["netns", "delete", name]);
}

/// Namespaces of this crate whose process is gone.
fn leftovers(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| {
            let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            process
                .and_then(|process| process.parse::<u32>().ok())
                .is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str) -> bool {
        Path::new(DIRECTORY).join(name).exists()
    }

    #[test]
    #[ignore = "needs root"]
    fn a_namespace_is_apart_and_goes_with_its_handle() {
        let namespace = Namespace::new("apart").unwrap();
        let other = Namespace::new("apart").unwrap();
        assert_ne!(namespace.name(), other.name());
        let name = namespace.name().to_owned();
        assert!(listed(&name));
        let inside = namespace.run(|| fs::read_link("/proc/thread-self/ns/net").unwrap()).unwrap();
        assert_ne!(inside, fs::read_link("/proc/thread-self/ns/net").unwrap());
        let output = namespace.command("readlink").arg("/proc/self/ns/net").output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), inside.to_str().unwrap());
        assert!(namespace.ip(["-brief", "link"]).unwrap().starts_with("lo "));
        assert!(namespace.run(|| std::net::UdpSocket::bind("[::1]:0").is_ok()).unwrap());
        drop(namespace);
        assert!(!listed(&name));
    }

    #[test]
    #[ignore = "needs root"]
    fn panics_inside_come_out_and_the_namespace_still_goes() {
        let mut name = String::new();
        let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let namespace = Namespace::new("panic").unwrap();
            name = namespace.name().to_owned();
            namespace.run(|| panic!("inside")).unwrap()
        }));
        assert_eq!(*result.unwrap_err().downcast::<&str>().unwrap(), "inside");
        assert!(!listed(&name));
    }

    #[test]
    fn only_namespaces_of_dead_processes_are_leftovers() {
        let directory = std::env::temp_dir().join(format!("culvert-testbed-{}", process::id()));
        fs::create_dir_all(&directory).unwrap();
        let alive = format!("culvert-{}-0-caller", process::id());
        let dead = format!("culvert-{}-7-caller", u32::MAX);
        for name in [&alive, &dead, "culvert-by-hand", "other-1-0-caller"] {
            fs::write(directory.join(name), "").unwrap();
        }
        assert_eq!(leftovers(&directory), [dead]);
        fs::remove_dir_all(&directory).unwrap();
        assert!(leftovers(&directory).is_empty());
    }

    #[test]
    #[ignore = "needs root"]
    fn what_is_missing_is_named() {
        let namespace = Namespace::new("missing").unwrap();
        let error = namespace.interface("wan0").unwrap_err();
        assert_eq!(error.to_string(), format!("no interface wan0 in namespace {}", namespace.name()));
        let mut command = namespace.command("culvert-no-such-tool");
        command.arg("x");
        let error = tool::output("culvert-no-such-tool", command).unwrap_err();
        assert!(matches!(error, TestbedError::MissingTool { .. }), "{error}");
        assert!(namespace.sysctl("net.ipv4.no_such", "1").is_err());
        namespace.sysctl("net.ipv4.ip_forward", "1").unwrap();
    }
}
