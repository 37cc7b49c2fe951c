//! Kubernetes: what the overlays become, against the schemas, and what must never be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::render::render;
use super::tools::{content, documents, fetched, read, repository};

/// The version whose schemas are asked.
const KUBERNETES: &str = "1.34";

fn overlays() -> Vec<PathBuf> {
    [
        "one-hospital",
        "two-hospitals/hospital-a",
        "two-hospitals/hospital-b",
    ]
    .iter()
    .map(|o| repository().join("k8s/overlays").join(o))
    .collect()
}

/// Asks the judge of all these documents.
fn validate(documents: &[Value]) -> Option<Output> {
    let schemas = fetched("schemas")?;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", schemas)
        .args(["-m", "kubernetes_validate", "--strict", "-k", KUBERNETES]);
    for (number, document) in documents.iter().enumerate() {
        let file = folder.path().join(format!("{number}.json"));
        std::fs::write(&file, document.to_string()).unwrap();
        command.arg(file);
    }
    Some(command.output().unwrap())
}

#[test]
fn a_field_that_kubernetes_does_not_know_is_deployed() {
    // The Prometheus operator's own kind has no schema here.
    let ours = |d: &Value| d["apiVersion"] != "monitoring.coreos.com/v1";
    let all: Vec<_> = overlays().iter().flat_map(|o| render(o)).filter(ours).collect();
    assert!(all.len() > 40, "{}", all.len());
    let Some(output) = validate(&all) else { return };
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches(" passed for ").count(), all.len(), "{said}");
    // And the judge is one: a word wrong in one place, deep inside.
    let mut broken = all.into_iter().find(|d| d["kind"] == "StatefulSet").unwrap();
    broken["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = json!({});
    assert!(
        !validate(&[broken]).unwrap().status.success(),
        "everything passes"
    );
}

#[test]
fn kustomize_makes_something_else_of_an_overlay() {
    if Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_err()
    {
        eprintln!("not checked, not to be had here: kubectl");
        return;
    }
    for overlay in overlays() {
        let text = content(Command::new("kubectl").arg("kustomize").arg(&overlay));
        let by_name = |documents: Vec<Value>| -> BTreeMap<String, Value> {
            let named = |d: Value| (format!("{} {}", d["kind"], d["metadata"]["name"]), sorted(&d));
            documents.into_iter().map(named).collect()
        };
        let theirs = by_name(documents(&without_suffix(&text)));
        let ours = by_name(render(&overlay));
        let names = |m: &BTreeMap<String, Value>| m.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&theirs), names(&ours));
        for (name, theirs) in theirs {
            assert_eq!(theirs, ours[&name], "{name}");
        }
    }
}

/// Kustomize names a generated map by its content; the name without that is enough here.
fn without_suffix(text: &str) -> String {
    let marked = "nats-config-";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(marked) {
        out.push_str(&rest[..at + marked.len() - 1]);
        rest = &rest[at + marked.len() + 10..];
    }
    out + rest
}

/// Lists whose order means nothing, in one order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), sorted(v))).collect(),
        Value::Array(list) => {
            let mut list: Vec<_> = list.iter().map(sorted).collect();
            if list.iter().all(Value::is_object) {
                list.sort_by_key(ToString::to_string);
            }
            Value::Array(list)
        }
        other => other.clone(),
    }
}

#[test]
fn a_pod_runs_with_more_than_it_needs() {
    for overlay in overlays() {
        let all = render(&overlay);
        for set in all.iter().filter(|d| d["kind"] == "StatefulSet") {
            let name = &set["metadata"]["name"];
            let pod = &set["spec"]["template"]["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(
                pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault",
                "{name}"
            );
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
            assert_eq!(set["spec"]["replicas"], 3, "{name}");
            let apart =
                &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
            assert_eq!(
                apart["topologyKey"], "kubernetes.io/hostname",
                "{name}: two votes on one machine are one"
            );
            let containers = [&pod["initContainers"], &pod["containers"]];
            for container in containers.iter().filter_map(|c| c.as_array()).flatten() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
                let image = container["image"].as_str().unwrap();
                let tag = image.rsplit_once(':').map(|(_, tag)| tag);
                assert!(
                    tag.is_some_and(|t| t != "latest"),
                    "{name}: {image} is not pinned"
                );
            }
            for container in pod["containers"].as_array().unwrap() {
                for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                    assert!(container[probe].is_object(), "{name} has no {probe}");
                }
                assert!(
                    container["lifecycle"]["preStop"].is_object(),
                    "{name} is not drained"
                );
            }
            let budget = all
                .iter()
                .find(|d| d["kind"] == "PodDisruptionBudget" && d["metadata"]["name"] == *name);
            assert_eq!(budget.unwrap()["spec"]["maxUnavailable"], 1, "{name}");
        }
        let nothing = all
            .iter()
            .find(|d| d["kind"] == "NetworkPolicy" && d["metadata"]["name"] == "nothing");
        assert_eq!(
            nothing.unwrap()["spec"]["policyTypes"],
            json!(["Ingress", "Egress"])
        );
        assert!(
            all.iter().all(|d| d["kind"] != "Secret"),
            "a secret stands in the repository"
        );
        let printed = read("k8s/secrets");
        for name in all.iter().flat_map(secrets) {
            let prints = printed.contains(&format!("secret {name}\n"));
            assert!(prints, "k8s/secrets does not print {name}");
        }
    }
}

/// Names of the Secrets that a document needs.
fn secrets(document: &Value) -> Vec<String> {
    let volumes = document["spec"]["template"]["spec"]["volumes"].as_array();
    let of = |volume: &Value| -> Vec<Value> {
        let projected = volume["projected"]["sources"].as_array().into_iter().flatten();
        let projected = projected.map(|s| s["secret"]["name"].clone());
        projected
            .chain([volume["secret"]["secretName"].clone()])
            .collect()
    };
    let names = volumes.into_iter().flatten().flat_map(of);
    names.filter_map(|n| n.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_pod_is_given_a_setting_that_no_relay_has() {
    let settings = read("services/relay/src/config/model.rs");
    let relay = documents(&read("k8s/base/relay.yaml"))
        .into_iter()
        .find(|d| d["kind"] == "StatefulSet")
        .unwrap();
    let mut seen = 0;
    for variable in relay["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap()
    {
        let Some(path) = variable["name"]
            .as_str()
            .unwrap()
            .strip_prefix("TELESPHOR_RELAY__")
        else {
            continue;
        };
        let (_, name) = path.split_once("__").unwrap();
        assert!(
            settings.contains(&format!("pub {}:", name.to_lowercase())),
            "{path}"
        );
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}
