// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which queue packets leave by. What leaves one end of a veth pair by queue n arrives at the other end on queue n.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use culvert_testbed::Namespace;

/// Moves all that an interface with two queues sends to one of them, at once: by the CPUs that each queue transmits for
/// (XPS). A shell that stays does it, so that a move takes no longer than a system call or two.
pub struct Steering {
    shell: Child,
    orders: ChildStdin,
    done: BufReader<ChildStdout>,
}

impl Steering {
    pub fn of(namespace: &Namespace, interface: &str) -> Steering {
        let script = r#"cd "/sys/class/net/$1/queues" || exit 1
            while read -r to from; do echo "$2" > "tx-$to/xps_cpus" && echo 0 > "tx-$from/xps_cpus" && echo done; done"#;
        let mut shell = namespace
            .command("sh")
            .args(["-c", script, "sh", interface, &all_cpus()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, done) = (shell.stdin.take().unwrap(), BufReader::new(shell.stdout.take().unwrap()));
        Steering { shell, orders, done }
    }

    /// What is sent after this returns leaves by this queue, 0 or 1.
    pub fn use_queue(&mut self, queue: usize) {
        writeln!(self.orders, "{queue} {}", 1 - queue).unwrap();
        let mut answer = String::new();
        self.done.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// As the kernel reads a set of CPUs: 32 of them in each group, the last ones first.
fn all_cpus() -> String {
    let possible = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let last: u32 = possible.trim().rsplit(['-', ',']).next().unwrap().parse().unwrap();
    let first = u32::MAX >> (31 - last % 32);
    let others = std::iter::repeat_n(",ffffffff", last as usize / 32);
    std::iter::once(format!("{first:x}")).chain(others.map(str::to_owned)).collect()
}
