//! What kustomize makes of a folder, as far as our folders use it: `resources`, `components`,
//! `configMapGenerator`, `patches` by path, `namespace`, `images`. Whatever else stands in a
//! kustomization is refused: what is rendered here is what a hospital gets.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::tools::documents;

/// Rendered documents, in no order that matters.
pub(crate) fn render(folder: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    apply(folder, &mut all);
    all
}

fn apply(folder: &Path, all: &mut Vec<Value>) {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let kustomization = documents(&read("kustomization.yaml")).remove(0);
    let part = |name: &str| kustomization[name].as_array().cloned().unwrap_or_default();
    for name in kustomization.as_object().unwrap().keys() {
        let known = [
            "apiVersion",
            "kind",
            "resources",
            "components",
            "configMapGenerator",
            "patches",
            "namespace",
            "images",
        ];
        assert!(
            known.contains(&name.as_str()),
            "{}: {name} is not rendered by this test: teach it, or do without",
            folder.display()
        );
    }
    for resource in part("resources") {
        let path = folder.join(resource.as_str().unwrap());
        if path.is_dir() {
            apply(&path, all);
        } else {
            all.extend(documents(&std::fs::read_to_string(&path).unwrap()));
        }
    }
    for generator in part("configMapGenerator") {
        let name = generator["name"].as_str().unwrap();
        let mut data = BTreeMap::new();
        for file in generator["files"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            let (key, file) = file.split_once('=').unwrap_or((file, file));
            data.insert(key.to_owned(), read(file));
        }
        if generator["behavior"] == "merge" {
            let map = find(all, "ConfigMap", name);
            merge(map, &json!({ "data": data }));
        } else {
            all.push(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data }));
        }
    }
    for component in part("components") {
        apply(&folder.join(component.as_str().unwrap()), all);
    }
    for patch in part("patches") {
        for change in documents(&read(patch["path"].as_str().unwrap())) {
            let (kind, name) = (&change["kind"], &change["metadata"]["name"]);
            let target = find(all, kind.as_str().unwrap(), name.as_str().unwrap());
            merge(target, &change);
        }
    }
    if let Some(namespace) = kustomization["namespace"].as_str() {
        for document in all.iter_mut().filter(|d| d["kind"] != "Namespace") {
            document["metadata"]["namespace"] = json!(namespace);
        }
    }
    for image in part("images") {
        for document in all.iter_mut() {
            rename(document, &image);
        }
    }
}

fn find<'a>(all: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    all.iter_mut()
        .find(|d| d["kind"] == kind && d["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("there is no {kind} {name} to change"))
}

/// By what the entries of a list are one and the same, as Kubernetes' own types say.
const KEYS: [(&str, &str); 5] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("ports", "containerPort"),
];

fn merge(into: &mut Value, change: &Value) {
    let (Value::Object(into), Value::Object(change)) = (&mut *into, change) else {
        *into = change.clone();
        return;
    };
    for (name, value) in change {
        let key = KEYS.iter().find(|(list, _)| list == name).map(|(_, key)| *key);
        match (key, into.get_mut(name), value) {
            (Some(key), Some(Value::Array(there)), Value::Array(more)) => {
                for one in more {
                    match there.iter_mut().find(|t| t[key] == one[key]) {
                        Some(same) => merge(same, one),
                        // Kustomize puts new ones first.
                        None => there.insert(0, one.clone()),
                    }
                }
            }
            (_, Some(there), _) => merge(there, value),
            (_, None, _) => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

fn rename(value: &mut Value, image: &Value) {
    match value {
        Value::Object(map) => {
            if map.get("image") == image.get("name") {
                map.insert("image".into(), json!(full(image.as_object().unwrap())));
            }
            map.values_mut().for_each(|v| rename(v, image));
        }
        Value::Array(list) => list.iter_mut().for_each(|v| rename(v, image)),
        _ => {}
    }
}

fn full(image: &Map<String, Value>) -> String {
    format!(
        "{}:{}",
        image["newName"].as_str().unwrap(),
        image["newTag"].as_str().unwrap()
    )
}
