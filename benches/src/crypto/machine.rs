// SPDX-License-Identifier: MIT OR Apache-2.0
//! What figures were measured on.

use std::fs;

use culvert_srtp::Path;

/// Processor, instructions that matter here, kernel, and the path that Culvert takes.
pub fn description(cpu: usize) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        cpuinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let flags = field("flags");
    let interesting =
        ["aes", "pclmulqdq", "sha_ni", "vaes", "vpclmulqdq", "avx2", "avx512f", "avx512_vbmi2", "gfni"];
    let has: Vec<&str> =
        interesting.into_iter().filter(|flag| flags.split_whitespace().any(|has| has == *flag)).collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, family {} model {} ({}), {} processors, Linux {}; on processor {cpu}; Culvert's own choice of path is `{}`",
        field("model name"),
        field("cpu family"),
        field("model"),
        has.join(", "),
        cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        kernel.trim(),
        Path::chosen(),
    )
}
