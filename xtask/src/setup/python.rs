// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python packages that tests hold Culvert against, in an environment of their own under the target directory.

use super::Group;
use crate::failure::{Context, Failure};
use crate::step::{self, program};
use crate::workspace;

/// `jwcrypto` opens and makes containers of session keys; the rest is what it needs.
const PACKAGES: &[(&str, &str)] = &[
    ("cffi", "2.1.1"),
    ("cryptography", "50.0.2"),
    ("jwcrypto", "1.6.1"),
    ("pycparser", "3.12"),
    ("typing_extensions", "4.16.0"),
];

pub(super) fn install(group: Group) -> Result<(), Failure> {
    if !group.needs(Group::Test) {
        return Ok(());
    }
    let directory = workspace::target_directory().join("python");
    let path = directory.to_string_lossy();
    let python = directory.join("bin/python");
    let python = python.to_string_lossy();
    if step::succeeds(&mut program(&python, ["-c", &probe()])) {
        return Ok(());
    }
    println!("==> missing Python packages");
    step::run("Python environment", &mut program("python3", ["-m", "venv", "--clear", &path]))?;
    let wanted: Vec<_> = PACKAGES.iter().map(|(name, version)| format!("{name}=={version}")).collect();
    let mut command = program(&python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    command.args(["--no-deps", "--only-binary=:all:"]).args(&wanted);
    step::run("Python packages", &mut command)
        .context("pip takes them from the index that its configuration names")
}

/// Ends well where each package is there in its version.
fn probe() -> String {
    let wanted: Vec<_> = PACKAGES.iter().map(|(name, version)| format!("'{name}': '{version}'")).collect();
    format!(
        "from importlib.metadata import version as v; assert all(v(n) == w for n, w in {{{}}}.items())",
        wanted.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_fails_without_the_packages() {
        let probe = probe();
        assert!(probe.contains("'jwcrypto': '1.6.1'"), "{probe}");
        assert!(!step::succeeds(&mut program("python3", ["-I", "-S", "-c", &probe])));
    }
}
