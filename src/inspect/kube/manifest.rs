//! Objects of a cluster as manifests write them, and what sending them does.

use crate::effect::{Effect, Evidence, Verb};
use serde_json::Value;

/// Kinds that say who may do what.
const PERMISSIONS: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ServiceAccount",
    "PodSecurityPolicy",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "APIService",
    "CertificateSigningRequest",
];

/// The label that says what the pods of a namespace may do.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// Where a pod is specified, alone or in what makes it.
const SPECS: &[&str] = &["/spec", "/template/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

/// The objects of a text of YAML or JSON documents, lists opened.
pub(in crate::inspect) fn objects(text: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|e| e.to_string().lines().next().unwrap_or_default().to_owned())?;
    let mut found = Vec::new();
    let mut waiting: Vec<Value> = documents.into_iter().rev().collect();
    while let Some(document) = waiting.pop() {
        match document.get("items").and_then(Value::as_array) {
            // kubectl opens whatever has items, whatever it is called.
            Some(items) => waiting.extend(items.iter().rev().cloned()),
            None if document.is_object() => found.push(document),
            None if document.is_null() => {}
            None => return Err("a document that is no object".to_owned()),
        }
    }
    Ok(found)
}

/// What a command of this verb does to the object that it sends.
pub(super) fn effects(object: &Value, verb: Verb) -> Vec<Effect> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/kind");
    let name = if text("/metadata/name").is_empty() { text("/metadata/generateName") } else { text("/metadata/name") };
    let target = format!("{kind}/{name}");
    let own =
        if verb == Verb::Write && PERMISSIONS.contains(&kind) && kind != "ServiceAccount" { Verb::Grant } else { verb };
    let mut found = vec![Effect::new(own, target.clone(), Evidence::File).on_kind(kind)];
    if verb == Verb::Write {
        found.extend(losses(object, &target));
        found.extend(
            SPECS
                .iter()
                .filter_map(|path| object.pointer(path))
                .filter(|spec| spec.get("containers").is_some())
                .find_map(|spec| reaches_out(spec, &target)),
        );
        found.extend(loosens(object, &target).filter(|_| kind == "Namespace"));
        found.extend(by_kind(object, kind, &target));
    }
    found
}

/// What certain kinds are made for.
fn by_kind(object: &Value, kind: &str, target: &str) -> Option<Effect> {
    let effect = |verb, why: &str| Some(Effect::new(verb, target, Evidence::File).because(why));
    match kind {
        "PersistentVolume" if object.pointer("/spec/hostPath").is_some() => {
            effect(Verb::Escape, "whoever claims it is given files of its machine")
        }
        "Secret" if object.pointer("/type").is_some_and(|t| t == "kubernetes.io/service-account-token") => {
            effect(Verb::Grant, "a token that does not expire is made")
        }
        "Eviction" => effect(Verb::Destroy, "a pod is evicted"),
        _ => None,
    }
}

/// What a part of an object does that is put over `target`: `kind/name`.
pub(super) fn changed(part: &Value, target: &str) -> Vec<Effect> {
    let kind = target.split(['/', '.', ' ']).next().unwrap_or_default();
    let is = |name: &&str| {
        let plural = if let Some(stem) = name.strip_suffix('y') { format!("{stem}ies") } else { format!("{name}s") };
        kind.eq_ignore_ascii_case(name) || kind.eq_ignore_ascii_case(&plural)
    };
    let permits = PERMISSIONS.iter().filter(|kind| **kind != "ServiceAccount").any(is);
    let grant = || Effect::new(Verb::Grant, target, Evidence::Argv).because("who may do what changes");
    let mut found = losses(part, target);
    let account = |spec: &Value| ["serviceAccountName", "serviceAccount"].iter().any(|key| spec.get(*key).is_some());
    if SPECS.iter().filter_map(|path| part.pointer(path)).any(account) {
        found.push(Effect::new(Verb::Grant, target, Evidence::Argv).because("it acts as another account"));
    }
    found.extend(SPECS.iter().filter_map(|path| part.pointer(path)).find_map(|spec| reaches_out(spec, target)));
    found.extend(loosens(part, target));
    found.extend(permits.then(grant));
    found
}

/// A namespace whose pods may do what their machines may.
fn loosens(object: &Value, target: &str) -> Option<Effect> {
    let labels = object.pointer("/metadata/labels")?;
    let level = labels.get(ENFORCE);
    let is_space = ["ns/", "namespace/", "namespaces/"].iter().any(|kind| target.to_ascii_lowercase().starts_with(kind));
    let loose = level.is_some_and(|level| level.is_null() || level == "privileged") || (labels.is_null() && is_space);
    loose.then(|| Effect::new(Verb::Grant, target, Evidence::File).because("its pods may do what its machines may"))
}

/// What an object, or a part of one, takes away: no replicas, no finalizers, a volume that goes with its claim.
fn losses(object: &Value, target: &str) -> Vec<Effect> {
    let destroy = |why: &str| Effect::new(Verb::Destroy, target, Evidence::File).because(why);
    let mut found = Vec::new();
    if object.pointer("/spec/replicas").and_then(Value::as_f64) == Some(0.0) {
        found.push(destroy("nothing of it runs any more"));
    }
    let has = |path: &str, name: &str| object.pointer(path).is_some_and(|part| part.get(name).is_some());
    let taken = "$deleteFromPrimitiveList/finalizers";
    if has("/metadata", taken) || has("/spec", taken) {
        found.push(destroy("what waits before it is deleted is passed over"));
    }
    if ["/data", "/stringData", "/binaryData"].iter().any(|path| object.pointer(path).is_some_and(Value::is_null)) {
        found.push(destroy("the values in it are gone"));
    }
    let retained = |when: &str| object.pointer(&format!("/spec/persistentVolumeClaimRetentionPolicy/{when}"));
    if ["whenScaled", "whenDeleted"].into_iter().filter_map(retained).any(|policy| policy == "Delete") {
        found.push(destroy("its volumes go with its pods"));
    }
    let finalizers = object.pointer("/metadata/finalizers").or_else(|| object.pointer("/spec/finalizers"));
    if finalizers.is_some_and(|f| f.is_null() || f.as_array().is_some_and(Vec::is_empty)) {
        found.push(destroy("what waits before it is deleted is passed over"));
    }
    if object.pointer("/spec/persistentVolumeReclaimPolicy").and_then(Value::as_str) == Some("Delete") {
        found.push(destroy("the volume goes with its claim"));
    }
    found
}

/// A pod that is given the machine it runs on.
fn reaches_out(spec: &Value, target: &str) -> Option<Effect> {
    let on = |value: Option<&Value>| value.and_then(Value::as_bool) == Some(true);
    let each = |list: &str| spec.get(list).and_then(Value::as_array).into_iter().flatten().collect::<Vec<_>>();
    let privileged = [each("containers"), each("initContainers")]
        .concat()
        .into_iter()
        .any(|c| on(c.pointer("/securityContext/privileged")) || c.pointer("/securityContext/capabilities/add").is_some());
    let host = ["hostPID", "hostIPC", "hostNetwork"].iter().any(|key| on(spec.get(*key)));
    let mounts = each("volumes").into_iter().any(|v| v.get("hostPath").is_some());
    let why = match () {
        () if privileged => "a container that may do what its machine's root may",
        () if host => "it shares its machine's processes or network",
        () if mounts => "it is given files of its machine",
        () => return None,
    };
    Some(Effect::new(Verb::Escape, target, Evidence::File).because(why))
}
