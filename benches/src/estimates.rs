// SPDX-License-Identifier: MIT OR Apache-2.0
//! What criterion has measured, read from the files that it leaves.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One benchmark's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// `group/function/parameter`.
    pub name: String,
    /// Median of the time per element, in nanoseconds.
    pub nanoseconds: f64,
    /// Half of the 95 % confidence interval of that.
    pub uncertainty: f64,
}

/// Everything that was measured last, sorted by name. `directory` is `target/criterion`.
///
/// # Errors
/// When a directory cannot be read. Files that are not criterion's are passed over.
pub fn read(directory: &Path) -> io::Result<Vec<Estimate>> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in directory.read_dir()? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == "new") {
                found.extend(estimate(&path));
            } else if path.is_dir() {
                left.push(path);
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn estimate(directory: &Path) -> Option<Estimate> {
    let read = |name: &str| -> Option<Value> {
        serde_json::from_str(&std::fs::read_to_string(directory.join(name)).ok()?).ok()
    };
    let benchmark = read("benchmark.json")?;
    let median = read("estimates.json")?.get("median")?.clone();
    let elements = benchmark.pointer("/throughput/Elements").and_then(Value::as_f64).unwrap_or(1.0);
    let interval = median.get("confidence_interval")?;
    let bound = |name: &str| interval.get(name).and_then(Value::as_f64);
    Some(Estimate {
        name: benchmark.get("full_id")?.as_str()?.to_owned(),
        nanoseconds: median.get("point_estimate")?.as_f64()? / elements,
        uncertainty: (bound("upper_bound")? - bound("lower_bound")?) / 2.0 / elements,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_per_element() {
        let directory = std::env::temp_dir().join(format!("culvert-estimates-{}", std::process::id()));
        let new = directory.join("srtp/protect/160/new");
        std::fs::create_dir_all(&new).unwrap();
        std::fs::write(
            new.join("benchmark.json"),
            r#"{"full_id":"srtp/protect/160","throughput":{"Elements":64}}"#,
        )
        .unwrap();
        std::fs::write(
            new.join("estimates.json"),
            r#"{"median":{"confidence_interval":{"confidence_level":0.95,"lower_bound":6336.0,"upper_bound":6464.0},"point_estimate":6400.0,"standard_error":1.0}}"#,
        )
        .unwrap();
        let estimates = read(&directory).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let expected = Estimate { name: "srtp/protect/160".into(), nanoseconds: 100.0, uncertainty: 1.0 };
        assert_eq!(estimates, [expected]);
    }
}
