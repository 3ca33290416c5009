// SPDX-License-Identifier: MIT OR Apache-2.0
//! The real Prometheus on a real relay.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    common::{
        eventually,
        relay::{Relay, Setup},
    },
    dashboard, deployed,
    http::{escaped, get},
    lossy_call,
};

/// What a relay on sockets, without revocation lists, does not have.
const ELSEWHERE: [&str; 3] = [
    "culvert_control_tls_crl_expiry_seconds",
    "culvert_queue_socket_events_total",
    "culvert_xdp_packets_total",
];

fn promtool(arguments: &[&str], file: &str) {
    let output =
        Command::new("promtool").args(arguments).arg(deployed(file)).output().unwrap_or_else(|error| {
            panic!("promtool: {error}; `cargo xtask setup` installs Debian's prometheus")
        });
    assert!(output.status.success(), "{arguments:?} {file}: {output:#?}");
}

#[test]
fn rules_and_the_example_configuration_are_sound_and_alerts_fire_as_they_should() {
    promtool(&["check", "config"], "prometheus/prometheus.example.yml");
    promtool(&["check", "rules"], "prometheus/culvert.rules.yml");
    promtool(&["test", "rules"], "prometheus/culvert.rules.test.yml");
}

/// Killed on drop.
struct Prometheus {
    child: Child,
    address: String,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Collects from the relay, with the rules of `deploy`, much more often than anybody should.
    async fn start(relay: &Relay) -> Prometheus {
        let config = format!(
            "global: {{ scrape_interval: 200ms, evaluation_interval: 200ms }}\nrule_files: [{:?}]\n\
             scrape_configs: [{{ job_name: culvert, static_configs: [{{ targets: [{:?}] }}] }}]\n",
            deployed("prometheus/culvert.rules.yml"),
            relay.setup.metrics,
        );
        relay.setup.write_file("prometheus.yml", &config);
        let address = format!("{}:19090", relay.net().host(5));
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let child = Command::new("prometheus")
            .arg(option("config.file", &relay.setup.path("prometheus.yml")))
            .arg(option("storage.tsdb.path", &relay.setup.path("prometheus")))
            .args(["--log.level=error", &format!("--web.listen-address={address}")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { child, address };
        eventually("Prometheus is ready", async || get(&prometheus.address, "/-/ready")).await;
        prometheus
    }

    /// The data of an answer, which must be one of success.
    fn ask(&self, target: &str) -> Value {
        let body = get(&self.address, target).unwrap_or_else(|| panic!("refused: {target}"));
        let mut answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["status"], "success", "{target}: {answer}");
        answer["data"].take()
    }

    fn query(&self, expression: &str) -> Value {
        self.ask(&format!("/api/v1/query?query={}", escaped(expression)))
    }

    /// Of all series.
    fn names(&self) -> BTreeSet<String> {
        serde_json::from_value(self.ask("/api/v1/label/__name__/values")).unwrap()
    }

    fn rules(&self) -> Vec<Value> {
        let mut data = self.ask("/api/v1/rules");
        let groups = data["groups"].as_array_mut().unwrap();
        groups.iter_mut().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }
}

/// Names of our metrics and records in an expression.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    expression
        .split(move |letter| !part(letter))
        .filter(|word| word.contains("culvert_") || word.starts_with("process_"))
}

#[test]
fn metrics_are_found_in_expressions() {
    let expression =
        "sum by (le) (rate(culvert_a_total{job=\"culvert\"}[5m])) / on (x) a:culvert_b:c + process_d";
    assert_eq!(metrics(expression).collect::<Vec<_>>(), ["culvert_a_total", "a:culvert_b:c", "process_d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_has_all_that_rules_and_dashboard_ask_for() {
    let relay = Setup::loopback().with_mras("").start();
    let _connected = relay.operator().await;
    let prometheus = Prometheus::start(&relay).await;
    let _phones = lossy_call(&relay, "call", 20).await;

    let rules = eventually("all rules were evaluated", async || {
        let rules = prometheus.rules();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    })
    .await;
    let unwell: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
    assert_eq!((rules.len(), unwell), (31, Vec::new()));

    let asked = rules.iter().map(|rule| rule["query"].as_str().unwrap().to_owned());
    let asked: Vec<_> = asked.chain(dashboard::expressions()).collect();
    let wanted: BTreeSet<_> = asked.iter().flat_map(|expression| metrics(expression)).collect();
    assert!(wanted.len() > 50, "{wanted:?}");
    let missing = eventually("series of every metric", async || {
        let names = prometheus.names();
        let missing: Vec<_> = wanted.iter().copied().filter(|name| !names.contains(*name)).collect();
        (missing.len() <= ELSEWHERE.len()).then_some(missing)
    })
    .await;
    assert_eq!(missing, ELSEWHERE);

    for expression in dashboard::expressions() {
        prometheus.query(&expression);
    }
    // What was relayed, as the server has it; and an alert on what is true: the test's certificate lasts for a day.
    eventually("the call", async || {
        let answer = prometheus.query("culvert_relayed_packets_total");
        (answer["result"][0]["value"][1] == "40").then_some(())
    })
    .await;
    let certificate = eventually("the certificate's alert", async || {
        let rules = prometheus.rules();
        let alert = rules.into_iter().find(|rule| rule["name"] == "CulvertCertificateExpires").unwrap();
        (alert["state"] == "firing").then_some(alert)
    })
    .await;
    let summary = certificate["alerts"][0]["annotations"]["summary"].as_str().unwrap();
    assert!(
        summary.starts_with(&format!("the certificate of {} ends in ", relay.setup.metrics)),
        "{summary}"
    );
}
