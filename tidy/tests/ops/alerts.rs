//! Alerts, their runbooks and the dashboard: every metric and label is one that a relay shows,
//! every alert says what to do, and promtool finds that it fires when it must.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::tools::{content, documents, fetched, read, repository};

/// Metric names of the catalogue with their own labels.
fn catalogue() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for line in read("docs/metrics.md").lines().filter(|l| l.starts_with("| `")) {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let (name, kind) = (cells.next().unwrap().trim_matches('`'), cells.next().unwrap());
        let (name, labels) = name.trim_end_matches('}').split_once('{').unwrap_or((name, ""));
        let mut labels: BTreeSet<_> = labels
            .split(',')
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect();
        if kind.contains("histogram") {
            for part in ["_sum", "_count"] {
                all.insert(format!("{name}{part}"), labels.clone());
            }
            labels.insert("le".into());
            all.insert(format!("{name}_bucket"), labels);
        } else {
            all.insert(name.to_owned(), labels);
        }
    }
    all
}

/// What Prometheus itself adds to everything that it scrapes.
const SCRAPED: [&str; 3] = ["job", "instance", "cluster"];
/// Metrics that are Prometheus's own.
const OUTSIDE: [&str; 2] = ["up", "ALERTS"];
/// Words of the language, as far as they are used.
const WORDS: [&str; 23] = [
    "abs",
    "and",
    "or",
    "unless",
    "by",
    "on",
    "group_right",
    "sum",
    "min",
    "max",
    "count",
    "rate",
    "increase",
    "changes",
    "histogram_quantile",
    "predict_linear",
    "time",
    "ignoring",
    "group_left",
    "without",
    "avg",
    "le",
    "bool",
];

/// What is wrong with an expression.
fn faults(expression: &str, known: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    let mut allowed: BTreeSet<String> = SCRAPED.iter().map(|s| (*s).to_owned()).collect();
    let mut rest = expression;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '"' || c == '{' || c == '[') {
        rest = &rest[at..];
        let (token, after) = match rest.as_bytes()[0] {
            // Ranges hold durations only.
            b'[' => rest.split_at(rest.find(']').unwrap() + 1),
            b'"' => rest.split_at(rest[1..].find('"').unwrap() + 2),
            b'{' => rest.split_at(1),
            _ => rest.split_at(
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len()),
            ),
        };
        rest = after;
        if !token.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        if let Some(labels) = known.get(token) {
            allowed.extend(labels.iter().cloned());
            let matched = rest
                .strip_prefix('{')
                .and_then(|r| r.split('}').next())
                .unwrap_or("");
            for label in matched
                .split(',')
                .filter_map(|m| m.split(['=', '!']).next())
                .filter(|l| !l.is_empty())
            {
                if !labels.contains(label) && !SCRAPED.contains(&label) {
                    faults.push(format!("{token} has no label {label}"));
                }
            }
        } else if token.starts_with("telesphor") {
            faults.push(format!("no relay shows {token}"));
        } else if !WORDS.contains(&token) && !OUTSIDE.contains(&token) {
            used.insert(token.to_owned());
        }
    }
    // Whatever is left are labels, in matchers and groupings.
    faults.extend(
        used.difference(&allowed)
            .map(|l| format!("no metric here has a label {l}")),
    );
    faults
}

fn rules() -> Vec<Value> {
    let file = documents(&read("ops/prometheus/telesphor.rules.yml")).remove(0);
    let groups = file["groups"].as_array().unwrap();
    groups
        .iter()
        .flat_map(|g| g["rules"].as_array().unwrap().clone())
        .collect()
}

#[test]
fn an_alert_or_a_panel_asks_for_what_no_relay_shows() {
    let known = catalogue();
    assert!(known.len() > 30);
    let mut found = Vec::new();
    for rule in rules() {
        let faults = faults(rule["expr"].as_str().unwrap(), &known);
        found.extend(faults.into_iter().map(|f| format!("{}: {f}", rule["alert"])));
    }
    let board: Value = serde_json::from_str(&read("ops/grafana/telesphor-relays.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let mut expressions = 0;
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions += 1;
            let faults = faults(target["expr"].as_str().unwrap(), &known);
            found.extend(
                faults
                    .into_iter()
                    .map(|f| format!("panel {}: {f}", panel["title"])),
            );
        }
    }
    assert!(expressions > 25, "{expressions}");
    assert!(found.is_empty(), "{found:#?}");
    // The judge is one.
    for wrong in [
        "telesphor_relay_redy == 0",
        "telesphor_relay_calls_total{code=\"busy\"} > 0",
        "sum by (patient) (telesphor_relay_sessions)",
    ] {
        assert!(!faults(wrong, &known).is_empty(), "{wrong}");
    }
}

#[test]
fn a_metric_of_the_relay_is_shown_nowhere() {
    let board = read("ops/grafana/telesphor-relays.json");
    let alerts = read("ops/prometheus/telesphor.rules.yml");
    // How many partitions there are and how often certificates were taken says nothing about now.
    let quiet = [
        "telesphor_relay_partitions",
        "telesphor_relay_draining",
        "telesphor_relay_traces_dropped_total",
        "telesphor_relay_certificate_reloads_total",
    ];
    let nowhere: Vec<_> = catalogue()
        .into_keys()
        .filter(|m| {
            !board.contains(m.as_str()) && !alerts.contains(m.as_str()) && !quiet.contains(&m.as_str())
        })
        .filter(|m| !m.ends_with("_sum") && !m.ends_with("_count") && !m.ends_with("_bucket"))
        .collect();
    assert!(nowhere.is_empty(), "neither a panel nor an alert: {nowhere:?}");
}

#[test]
fn an_alert_does_not_say_what_to_do() {
    let book = read("docs/runbooks.md");
    let sections: BTreeSet<_> = book.lines().filter_map(|l| l.strip_prefix("## ")).collect();
    let mut alerts = BTreeSet::new();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap().to_owned();
        let anchor = format!("docs/runbooks.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], anchor.as_str(), "{name}");
        assert!(
            sections.contains(name.as_str()),
            "docs/runbooks.md has no section {name}"
        );
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["page", "ticket"].contains(&severity), "{name}: {severity}");
        let section = book.split(&format!("\n## {name}\n")).nth(1).unwrap();
        let said = if severity == "page" {
            "*Page.*"
        } else {
            "*Ticket.*"
        };
        assert!(
            section.starts_with(said),
            "{name}: the runbook does not begin with {said}"
        );
        alerts.insert(name);
    }
    let stale: Vec<_> = sections.iter().filter(|s| !alerts.contains(**s)).collect();
    assert!(stale.is_empty(), "sections for alerts that are gone: {stale:?}");
}

#[test]
fn an_alert_does_not_fire_when_it_must() {
    let tests = read("ops/prometheus/telesphor.tests.yml");
    for rule in rules() {
        let named = format!("alertname=\"{}\"", rule["alert"].as_str().unwrap());
        assert!(tests.contains(&named), "no test lets {named} fire");
    }
    let Some(promtool) = fetched("promtool") else {
        return;
    };
    let folder = repository().join("ops/prometheus");
    let run = |arguments: &[&str]| content(Command::new(&promtool).args(arguments).current_dir(&folder));
    run(&["check", "rules", "telesphor.rules.yml"]);
    run(&["check", "config", "--syntax-only", "scrape.yml"]);
    run(&["test", "rules", "telesphor.tests.yml"]);
}
