// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared objects with the functions of c/rival.h: intel-ipsec-mb, libsrtp on OpenSSL, libsrtp on AWS-LC. All for
//! this very processor and with hidden symbols, so that two copies of libsrtp live in one process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

#[derive(Debug, thiserror::Error)]
enum BuildError {
    #[error("{0} is not set; run `cargo xtask bench crypto`, which sets it")]
    Unset(&'static str),
    #[error("cannot run {compiler:?} for {name}: {source}; install gcc")]
    Start { name: String, compiler: OsString, source: std::io::Error },
    #[error("the compiler ended with {status} for {name}; its output above says why")]
    Failed { name: String, status: ExitStatus },
}

/// Those that `configure --enable-openssl` would compile.
const LIBSRTP: [&str; 17] = [
    "srtp/srtp.c",
    "crypto/cipher/cipher.c",
    "crypto/cipher/cipher_test_cases.c",
    "crypto/cipher/null_cipher.c",
    "crypto/cipher/aes_icm_ossl.c",
    "crypto/cipher/aes_gcm_ossl.c",
    "crypto/hash/auth.c",
    "crypto/hash/auth_test_cases.c",
    "crypto/hash/null_auth.c",
    "crypto/hash/hmac_ossl.c",
    "crypto/kernel/alloc.c",
    "crypto/kernel/crypto_kernel.c",
    "crypto/kernel/err.c",
    "crypto/kernel/key.c",
    "crypto/math/datatypes.c",
    "crypto/replay/rdb.c",
    "crypto/replay/rdbx.c",
];

fn main() -> Result<(), BuildError> {
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rerun-if-env-changed=LIBSRTP_SOURCE");
    let out = variable("OUT_DIR")?;
    let c = Path::new("c");
    // The library is for x86-64 only.
    if cfg!(target_arch = "x86_64") {
        let shims = ["ipsec_mb.c", "ipsec_mb_cm.c", "ipsec_mb_gcm.c"].map(|name| c.join(name));
        link(&out, "ipsec-mb", &[], &shims, &["-lIPSec_MB".into()])?;
        link(&out, "ipsec-mb-sse", &[], &shims, &["-lIPSec_MB".into(), "-DIPSEC_MB_SSE".into()])?;
    }

    let libsrtp = variable("LIBSRTP_SOURCE")?;
    let mut sources: Vec<PathBuf> = LIBSRTP.iter().map(|name| libsrtp.join(name)).collect();
    sources.push(c.join("libsrtp.c"));
    let headers = [c.to_owned(), libsrtp.join("include"), libsrtp.join("crypto/include")];
    link(&out, "libsrtp-openssl", &headers, &sources, &["-lcrypto".into()])?;

    let mut headers = headers.to_vec();
    headers.push(variable("DEP_AWS_LC_0_47_0_INCLUDE")?);
    let root = variable("DEP_AWS_LC_0_47_0_ROOT")?;
    let aws_lc = ["-L".to_owned() + &root.to_string_lossy(), "-laws_lc_0_47_0_crypto".into()];
    link(&out, "libsrtp-aws-lc", &headers, &sources, &aws_lc)
}

fn variable(name: &'static str) -> Result<PathBuf, BuildError> {
    std::env::var_os(name).map(PathBuf::from).ok_or(BuildError::Unset(name))
}

fn link(
    out: &Path,
    name: &str,
    headers: &[PathBuf],
    sources: &[PathBuf],
    options: &[String],
) -> Result<(), BuildError> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "gcc".into());
    let mut command = Command::new(&compiler);
    command.args(["-O3", "-march=native", "-fPIC", "-shared", "-fvisibility=hidden", "-DHAVE_CONFIG_H"]);
    command.args(["-Wl,-Bsymbolic", "-Wl,-z,defs", "-Wl,--exclude-libs,ALL"]);
    command.args(headers.iter().map(|directory| format!("-I{}", directory.display())));
    command.arg("-o").arg(out.join(format!("{name}.so"))).args(sources).args(options).arg("-lpthread");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(BuildError::Failed { name: name.into(), status }),
        Err(source) => Err(BuildError::Start { name: name.into(), compiler, source }),
    }
}
