// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of a running process: as a core dump has it, and as it is.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

/// The core of a running process, with what the kernel would put into it: mappings that are advised against are left out.
pub(crate) fn core(pid: u32, directory: &Path) -> Vec<u8> {
    let file = directory.join("core");
    let output = Command::new("gdb")
        .args(["--batch", "-nx", "-p", &pid.to_string()])
        .args(["-ex", "set use-coredump-filter on", "-ex", "set dump-excluded-mappings off"])
        .args(["-ex", &format!("generate-core-file {}", file.display()), "-ex", "detach"])
        .output()
        .unwrap();
    assert!(file.exists(), "{output:#?}");
    fs::read(file).unwrap()
}

/// A mapping of a process, and its flags as `/proc/PID/smaps` has them.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) addresses: Range<u64>,
    name: String,
    flags: Vec<String>,
    writable: bool,
}

impl Mapping {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }

    /// Whether `malloc` of the C library gives out what is in it: the main heap, or one of those of threads, which start at
    /// multiples of 64 MiB.
    pub(crate) fn is_heap(&self) -> bool {
        let of_thread = self.name.is_empty() && self.addresses.start.is_multiple_of(64 << 20);
        // The memory for keys and buffers, which is left out of dumps, may start there too.
        (self.name == "[heap]" || of_thread) && !self.has("dd")
    }
}

pub(crate) fn mappings(pid: u32) -> Vec<Mapping> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut all: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let range = words[0].split_once('-').and_then(|(start, end)| {
            Some(u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
        });
        match (range, all.last_mut()) {
            (Some(addresses), _) => all.push(Mapping {
                addresses,
                name: words.get(5).copied().unwrap_or_default().to_owned(),
                flags: Vec::new(),
                writable: words[1].starts_with("rw"),
            }),
            (None, Some(last)) if words[0] == "VmFlags:" => {
                last.flags = words[1..].iter().map(|flag| (*flag).to_owned()).collect();
            }
            _ => {}
        }
    }
    all.retain(|mapping| mapping.writable);
    all
}

/// What is in a mapping.
pub(crate) fn read(pid: u32, mapping: &Mapping) -> Vec<u8> {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut bytes = vec![0; (mapping.addresses.end - mapping.addresses.start) as usize];
    // What the kernel itself has mapped cannot be read.
    if memory.read_exact_at(&mut bytes, mapping.addresses.start).is_err() {
        bytes.clear();
    }
    bytes
}

/// The address at which a byte of a core was, if it was in memory. What is not, such as registers, is in notes.
pub(crate) fn address(core: &[u8], offset: usize) -> Option<u64> {
    let number = |at: usize, length: usize| {
        core[at..at + length].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let (headers, size, count) = (number(32, 8) as usize, number(54, 2) as usize, number(56, 2) as usize);
    (0..count).map(|index| headers + index * size).find_map(|header| {
        let (kind, file, address, length) =
            (number(header, 4), number(header + 8, 8), number(header + 16, 8), number(header + 32, 8));
        let within = (offset as u64).checked_sub(file).filter(|within| kind == 1 && *within < length);
        within.map(|within| address + within)
    })
}
