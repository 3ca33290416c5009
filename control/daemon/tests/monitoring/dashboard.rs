// SPDX-License-Identifier: MIT OR Apache-2.0
//! The dashboard as Grafana will read it. Debian has no Grafana; what can be wrong with the file is looked for here, and every
//! expression is asked of a Prometheus.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::deployed;

/// Of Grafana's grid.
const COLUMNS: u64 = 24;

pub(crate) fn read() -> Value {
    serde_json::from_str(&std::fs::read_to_string(deployed("grafana/culvert.json")).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

/// All that it asks of Prometheus, with its variables filled in.
pub(crate) fn expressions() -> Vec<String> {
    let dashboard = read();
    let targets = panels(&dashboard).flat_map(|panel| panel["targets"].as_array().unwrap());
    let annotations = dashboard["annotations"]["list"].as_array().unwrap();
    let asked = targets.chain(annotations).map(|target| target["expr"].as_str().unwrap());
    asked.map(|expr| expr.replace("$__rate_interval", "1m").replace("$instance", ".*")).collect()
}

#[test]
fn no_expression_has_a_variable_that_is_not_known() {
    let all = expressions();
    assert!(all.len() > 40, "{}", all.len());
    for expression in all {
        assert!(!expression.contains('$'), "{expression}");
    }
}

#[test]
fn panels_are_whole_and_have_a_place_of_their_own() {
    let dashboard = read();
    let source = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(width > 0 && height > 0 && x + width <= COLUMNS, "{panel:#}");
        let mut places = (x..x + width).flat_map(|column| (y..y + height).map(move |row| (column, row)));
        assert!(places.all(|place| taken.insert(place)), "{panel:#}");
    }
    let all: Vec<_> =
        dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for panel in panels(&dashboard) {
        let kinds = ["timeseries", "stat", "heatmap"];
        assert!(kinds.contains(&panel["type"].as_str().unwrap()), "{panel:#}");
        for text in [&panel["title"], &panel["description"], &panel["fieldConfig"]["defaults"]["unit"]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{panel:#}");
        }
        assert_eq!(panel["datasource"], source);
        let targets = panel["targets"].as_array().unwrap();
        assert!(targets.iter().all(|target| target["datasource"] == source), "{panel:#}");
        let names: BTreeSet<_> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert!(!names.is_empty() && names.len() == targets.len(), "{panel:#}");
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "instance"]);
}
