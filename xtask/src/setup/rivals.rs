// SPDX-License-Identifier: MIT OR Apache-2.0
//! The libraries that the crypto bench measures Culvert against, which benches/rivals builds.

use std::fs;
use std::path::{Path, PathBuf};

use super::Group;
use crate::failure::{Context, Failure};
use crate::step::{self, cargo, program};
use crate::workspace;

/// Debian 13's source of libsrtp, as upstream released it: Debian 12's is older, and built with NSS.
const VERSION: &str = "2.7.0-3";
const ARCHIVE: &str = "libsrtp2_2.7.0.orig.tar.gz";
const ARCHIVE_SHA256: &str = "54facb1727a557c2a76b91194dcb2d0a453aaf8e2d0cbbf1e3c2848c323e28ad";
const SOURCE: &str = "libsrtp-2.7.0";
const APT_LINE: &str = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
                        http://deb.debian.org/debian trixie main\n";

/// Builds what has changed, and says where the shared objects are.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    super::run(Group::Rivals)?;
    let directory = workspace::target_directory().join("rivals");
    fs::create_dir_all(&directory).context(directory.display())?;
    let source = directory.join(SOURCE);
    if !source.join("srtp/srtp.c").is_file() {
        let archive = directory.join(ARCHIVE);
        if !archive.is_file() {
            download(&directory)?;
        }
        verify(&directory)?;
        let mut unpack = program("tar", ["--extract", "--file", ARCHIVE]);
        step::run("libsrtp's source", unpack.current_dir(&directory))?;
    }
    let mut command = cargo([
        "run",
        "--release",
        "--quiet",
        "--locked",
        "--manifest-path",
        "benches/rivals/Cargo.toml",
        "--",
    ]);
    command.arg(&directory).env("LIBSRTP_SOURCE", &source).env("CARGO_TARGET_DIR", directory.join("build"));
    step::run("the rivals", &mut command)?;
    Ok(directory)
}

/// By an apt of our own, so that the machine's sources stay as they are; apt checks Debian's signature.
fn download(directory: &Path) -> Result<(), Failure> {
    let apt = directory.join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        let path = apt.join(part);
        fs::create_dir_all(&path).context(path.display())?;
    }
    let list = apt.join("sources.list");
    fs::write(&list, APT_LINE).context(list.display())?;
    let apt_get = |arguments: &[&str]| {
        let mut command =
            program("apt-get", ["--quiet", "--quiet", "--option", "Dir::Etc::sourceparts=/dev/null"]);
        for (option, path) in [
            ("Dir::Etc::sourcelist", &list),
            ("Dir::State::lists", &apt.join("lists")),
            ("Dir::Cache", &apt.join("cache")),
        ] {
            command.arg("--option").arg(format!("{option}={}", path.display()));
        }
        command.args(arguments).current_dir(directory);
        command
    };
    let hint = format!(
        "without Debian's apt, put {ARCHIVE} (SHA-256 {ARCHIVE_SHA256}) into {}",
        directory.display()
    );
    step::run("lists of Debian 13's sources", &mut apt_get(&["update"])).context(&hint)?;
    let package = format!("libsrtp2={VERSION}");
    let mut source = apt_get(&["source", "--download-only", "--tar-only", &package]);
    step::run("libsrtp's archive", &mut source).context(&hint)
}

fn verify(directory: &Path) -> Result<(), Failure> {
    let sums = directory.join("SHA256SUMS");
    fs::write(&sums, format!("{ARCHIVE_SHA256}  {ARCHIVE}\n")).context(sums.display())?;
    let mut command = program("sha256sum", ["--check", "--quiet", "--strict", "SHA256SUMS"]);
    step::run("libsrtp's checksum", command.current_dir(directory))
        .context(format_args!("remove {} and try again", directory.join(ARCHIVE).display()))
}
