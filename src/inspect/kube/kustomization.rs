//! Kustomizations: the manifests and patches that a folder puts together.
//!
//! What makes manifests by a program or brings them from elsewhere cannot be read before.

use super::{manifest, patch};
use crate::effect::{Effect, Evidence, Verb};
use crate::place::read_small;
use serde_json::Value;
use std::path::Path;

/// Folders are followed so far.
const MAX_DEPTH: usize = 16;
/// The names that a kustomization may have.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// What lists files and folders.
const LISTS: [&str; 4] = ["resources", "bases", "components", "crds"];
/// What makes or changes manifests by programs and charts.
const MAKERS: [&str; 7] = [
    "helmCharts",
    "helmChartInflationGenerator",
    "generators",
    "transformers",
    "validators",
    "replacements",
    "configurations",
];

/// What a command of this verb does with the objects of `folder`; nothing where it holds no kustomization, which the tool says itself.
///
/// # Errors
/// Why it cannot be known.
pub(super) fn effects(folder: &Path, verb: Verb) -> Result<Vec<Effect>, String> {
    let mut found = Vec::new();
    folder_effects(folder, verb, 0, &mut found)?;
    Ok(found)
}

/// Whether an entry is fetched from elsewhere, as kustomize tells it: an address, or a host's path.
pub(super) fn is_remote(entry: &str) -> bool {
    let lower = entry.to_ascii_lowercase();
    let user = lower.split_once(':').is_some_and(|(before, _)| before.contains('@'));
    lower.contains("://") || lower.starts_with("git::") || lower.starts_with("github.com") || user
}

fn read(file: &Path) -> Result<String, String> {
    read_small(file).map_err(|e| format!("`{}` cannot be read: {e}", file.display()))
}

fn folder_effects(folder: &Path, verb: Verb, depth: usize, found: &mut Vec<Effect>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("folders that name each other, too deep to follow".to_owned());
    }
    let Some(file) = NAMES.iter().map(|name| folder.join(name)).find(|file| file.exists()) else { return Ok(()) };
    let text = read(&file)?;
    let whole: Value = serde_saphyr::from_str(&text).map_err(|e| format!("`{}`: {e}", file.display()))?;
    if let Some(maker) = MAKERS.iter().find(|key| whole.get(**key).is_some()) {
        return Err(format!("`{}` makes manifests by `{maker}`", file.display()));
    }
    for entry in LISTS.iter().flat_map(|key| entries(&whole, key)) {
        let Some(entry) = entry.as_str() else { return Err(format!("`{}` lists what is no name", file.display())) };
        listed(entry, folder, verb, depth, found)?;
    }
    for entry in ["patches", "patchesStrategicMerge", "patchesJson6902"].iter().flat_map(|key| entries(&whole, key)) {
        found.extend(patched(entry, folder)?);
    }
    for replicas in entries(&whole, "replicas").filter(|r| r.get("count").and_then(Value::as_f64) == Some(0.0)) {
        let name = replicas.get("name").and_then(Value::as_str).unwrap_or("replicas");
        found.push(Effect::new(Verb::Destroy, name, Evidence::File).because("nothing of it runs any more"));
    }
    let labels = entries(&whole, "labels").filter_map(|label| label.get("pairs")).chain(whole.get("commonLabels"));
    for label in labels {
        let part = serde_json::json!({ "metadata": { "labels": label } });
        found.extend(manifest::changed(&part, "labels"));
    }
    Ok(())
}

fn entries<'v>(whole: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    whole.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// A file or a folder of a list.
fn listed(entry: &str, folder: &Path, verb: Verb, depth: usize, found: &mut Vec<Effect>) -> Result<(), String> {
    if is_remote(entry) {
        return Err(format!("`{entry}` comes from elsewhere"));
    }
    let path = folder.join(entry);
    if path.is_dir() {
        return folder_effects(&path, verb, depth + 1, found);
    }
    // The tool itself says that it is not there.
    if path.exists() {
        let text = read(&path)?;
        let objects = manifest::objects(&text).map_err(|e| format!("`{}`: {e}", path.display()))?;
        found.extend(objects.iter().flat_map(|object| manifest::effects(object, verb)));
    }
    Ok(())
}

/// A patch: its text, a file, or either under a key.
fn patched(entry: &Value, folder: &Path) -> Result<Vec<Effect>, String> {
    let of = |key: &str| entry.get(key).and_then(Value::as_str);
    let text = match (entry.as_str(), of("patch"), of("path")) {
        (Some(text), ..) if text.contains('\n') => text.to_owned(),
        (Some(file), ..) | (None, None, Some(file)) => read(&folder.join(file))?,
        (None, Some(text), _) => text.to_owned(),
        (None, None, None) => return Ok(vec![]),
    };
    let target = entry.pointer("/target/kind").and_then(Value::as_str).unwrap_or("patch");
    Ok(patch::effects(&text, target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::worst;

    #[test]
    fn what_a_folder_puts_together_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let verb = |text: &str| {
            write("kustomization.yaml", text);
            effects(dir.path(), Verb::Write).map(|found| worst(&found))
        };
        write("map.yaml", "kind: ConfigMap\nmetadata: {name: m}\n");
        write("base/Kustomization", "resources: [role.yaml]\n");
        write("base/role.yaml", "kind: ClusterRole\nmetadata: {name: r}\n");
        write("patch.yaml", "spec: {template: {spec: {hostPID: true}}}\n");
        write("loop/kustomization.yml", "resources: [../loop]\n");
        assert_eq!(verb("resources: [map.yaml, missing.yaml]\nimages: [{name: a, newTag: b}]\n"), Ok(Verb::Write));
        assert_eq!(verb("resources: [map.yaml]\npatches: [{path: map.yaml}]\n"), Ok(Verb::Write));
        assert_eq!(verb("resources: [base]\n"), Ok(Verb::Grant));
        assert_eq!(verb("resources: [map.yaml]\npatchesStrategicMerge: [patch.yaml]\n"), Ok(Verb::Escape));
        assert_eq!(
            verb("patches:\n- patch: |-\n    - op: replace\n      path: /spec/replicas\n      value: 0\n"),
            Ok(Verb::Destroy)
        );
        assert_eq!(verb("replicas: [{name: web, count: 0}]\n"), Ok(Verb::Destroy));
        assert_eq!(verb("labels: [{pairs: {pod-security.kubernetes.io/enforce: privileged}}]\n"), Ok(Verb::Grant));
        assert_eq!(verb("labels: [{pairs: {app: web}}]\nresources: [map.yaml]\n"), Ok(Verb::Write));
        for text in [
            "replacements: [{path: x.yaml}]\n",
            "resources: ['https://example.com/x.yaml']\n",
            "resources: ['github.com/a/b']\n",
            "resources: [loop]\n",
            "helmCharts: [{name: x}]\n",
            "generators: [x.yaml]\n",
            "resources: [{a: b}]\n",
            "{",
        ] {
            assert!(verb(text).is_err(), "{text}");
        }
    }
}
