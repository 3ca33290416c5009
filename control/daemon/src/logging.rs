// SPDX-License-Identifier: MIT OR Apache-2.0
//! Logs on standard error, for people or for machines.
//!
//! Keys do not get into them by the types that hold keys, which redact themselves, and by never logging requests. The
//! libraries under the control interface could print what they carry when asked for everything: they are not asked.

use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Libraries that see decrypted requests or TLS secrets: never below INFO, whatever the directives say.
const CARRIERS: [&str; 9] =
    ["culvert_api", "h2", "hyper", "hyper_util", "netlink_proto", "prost", "rustls", "tokio_rustls", "tonic"];

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The level is neither a level nor directives.
    #[error("log.level: {0}")]
    Level(String),
    /// Another logger is set up already.
    #[error("logs are set up already")]
    Twice,
}

/// Sets up the process's logs.
pub fn init(log: &Log) -> Result<(), LogError> {
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    subscriber(log, ansi, std::io::stderr)?.try_init().map_err(|_| LogError::Twice)
}

/// Whether a text is a level or a list of directives; if not, what it should be.
pub(crate) fn check_level(level: &str) -> Result<(), String> {
    filter(level).map(drop)
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    let form = "must be one of \"error\", \"warn\", \"info\", \"debug\", \"trace\", or directives such as \
                \"info,culvert_route=debug\"";
    let plain = level.split(',').all(|directive| {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level).trim();
        ["error", "warn", "info", "debug", "trace", "off"].contains(&level.to_ascii_lowercase().as_str())
    });
    let parsed = EnvFilter::builder().parse(level);
    parsed.ok().filter(|_| plain).ok_or_else(|| format!("{form}, not {level:?}"))
}

fn subscriber<W>(log: &Log, ansi: bool, writer: W) -> Result<impl Subscriber + Send + Sync, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter(&log.level).map_err(LogError::Level)?;
    let carriers = CARRIERS.map(|target| (target, Level::INFO));
    let never = Targets::new().with_default(Level::TRACE).with_targets(carriers);
    Ok(tracing_subscriber::registry().with(lines(log.format, ansi, writer).with_filter(never)).with(filter))
}

fn lines<S, W>(format: LogFormat, ansi: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => Box::new(layer.with_ansi(ansi)),
        LogFormat::Json => Box::new(layer.json().flatten_event(true)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogFormat, act: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let log = Log { level: level.into(), format };
        tracing::subscriber::with_default(subscriber(&log, false, move || writer.clone()).unwrap(), act);
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_can_be_parsed() {
        let text = logged("info", LogFormat::Json, || tracing::info!(realm = "outside", ports = 7, "ready"));
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"ready".into()));
        assert_eq!((&line["realm"], &line["ports"]), (&"outside".into(), &7.into()));
        assert_eq!(line["target"], "culvertd::logging::tests");
    }

    #[test]
    fn text_lines_have_level_and_message() {
        let text = logged("info", LogFormat::Text, || tracing::warn!(realm = "outside", "odd"));
        assert!(text.ends_with(" WARN culvertd::logging::tests: odd realm=\"outside\"\n"), "{text}");
    }

    #[test]
    fn levels_and_directives_hold() {
        let act = || {
            tracing::debug!("one");
            tracing::debug!(target: "culvert_route", "two");
            tracing::info!("three");
        };
        let messages = |level| {
            let text = logged(level, LogFormat::Text, act);
            text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(messages("info"), ["three"]);
        assert_eq!(messages("info,culvert_route=debug"), ["two", "three"]);
        assert_eq!(messages("debug"), ["one", "two", "three"]);
        assert_eq!(messages("off"), Vec::<String>::new());
    }

    #[test]
    fn what_carries_requests_is_never_asked_for_everything() {
        let act = || {
            tracing::trace!(target: "h2::codec", "secret");
            tracing::debug!(target: "rustls::server", "secret");
            tracing::debug!(target: "tonic", "secret");
            tracing::info!(target: "tonic", "harmless");
        };
        for level in ["trace", "h2=trace,rustls=trace,tonic=trace"] {
            let text = logged(level, LogFormat::Text, act);
            assert!(text.contains("harmless") && !text.contains("secret"), "{level}: {text}");
        }
    }

    #[test]
    fn levels_that_are_none() {
        for level in ["loud", "", "info,culvert_route=loud", "culvert_route"] {
            let message = check_level(level).unwrap_err();
            assert!(message.ends_with(&format!("not {level:?}")), "{message}");
        }
    }
}
