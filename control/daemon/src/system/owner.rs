// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which process has a socket open.

use std::{collections::HashSet, fmt, fs, path::Path};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its number.
    pub pid: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// Owners by inode. Of processes that may not be looked into nothing is found.
pub(super) fn find(inodes: &HashSet<u64>) -> Vec<(u64, Owner)> {
    let mut found = Vec::new();
    if inodes.is_empty() {
        return found;
    }
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        for inode in sockets_of(&process.path()) {
            if inodes.contains(&inode) {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                found.push((inode, Owner { pid, name: name.trim_end().to_owned() }));
            }
        }
    }
    found
}

fn sockets_of(process: &Path) -> impl Iterator<Item = u64> {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|descriptor| socket_inode(fs::read_link(descriptor.path()).ok()?.to_str()?))
}

/// `socket:[1234]`
fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_descriptors() {
        assert_eq!(socket_inode("socket:[1234]"), Some(1234));
        for other in ["pipe:[1234]", "/dev/null", "socket:[]", "socket:[x]"] {
            assert_eq!(socket_inode(other), None);
        }
    }
}
