//! What a patch changes of an object: merge patches, which are a part of one, and JSON patches, which are read as the part that they
//! change.

use super::manifest;
use crate::effect::{Effect, Evidence, Verb};
use serde_json::{Map, Value};

/// What a patch of `object`, which is `kind/name`, `kind name` or the kinds alone, does.
pub(super) fn effects(text: &str, object: &str) -> Vec<Effect> {
    let Ok(patch) = serde_saphyr::from_str::<Value>(text) else {
        return vec![Effect::new(Verb::Unknown, object, Evidence::Argv).because("a patch that cannot be read")];
    };
    let operations = patch.as_array().map(Vec::as_slice).unwrap_or_default();
    if operations.iter().any(is_unclear) {
        return vec![
            Effect::new(Verb::Unknown, object, Evidence::Argv).because("it moves values that only the server knows"),
        ];
    }
    let parts: Vec<Value> = match &patch {
        Value::Array(operations) => operations.iter().filter_map(part).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![patch.clone()],
    };
    parts.iter().flat_map(|part| manifest::changed(part, object)).collect()
}

/// Whether what an operation comes to depends on the object, or is the object.
fn is_unclear(operation: &Value) -> bool {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let plain = ["add", "replace", "remove", "test"].iter().any(|op| text("op") == Some(op));
    !plain || text("path").is_none_or(str::is_empty)
}

/// The part of an object that an operation of a JSON patch (RFC 6902) leaves changed; none where it changes nothing.
fn part(operation: &Value) -> Option<Value> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let removed = match text("op")? {
        "test" => return None,
        "remove" => true,
        _ => false,
    };
    let value = operation.get("value").cloned().unwrap_or_default();
    let names: Vec<String> = text("path")?.split('/').skip(1).map(|n| n.replace("~1", "/").replace("~0", "~")).collect();
    Some(names.iter().rev().fold(value, |inner, name| match is_position(name) {
        // Without its element a list may be empty.
        true if removed && inner.is_null() => Value::Array(vec![]),
        true => Value::Array(vec![inner]),
        false => Value::Object(Map::from_iter([(name.clone(), inner)])),
    }))
}

fn is_position(name: &str) -> bool {
    name == "-" || (!name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::worst;

    #[test]
    fn a_patch_is_the_part_that_it_changes() {
        for (patch, verb) in [
            (r#"{"spec":{"replicas":3}}"#, Verb::Read),
            ("spec:\n  replicas: 3\n", Verb::Read),
            (r#"[{"op":"replace","path":"/spec/replicas","value":3}]"#, Verb::Read),
            (r#"[{"op":"test","path":"/spec/replicas","value":0}]"#, Verb::Read),
            (r#"[{"op":"add","path":"/metadata/annotations/a~1b","value":"c"}]"#, Verb::Read),
            (r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"web:2"}]"#, Verb::Read),
            (r#"[{"op":"remove","path":"/spec/template/spec/containers/0/env/3"}]"#, Verb::Read),
            (r#"{"spec":{"template":{"spec":{"hostPID":false}}}}"#, Verb::Read),
            (r#"{"spec":{"replicas":0}}"#, Verb::Destroy),
            (r#"[{"op":"replace","path":"/spec/replicas","value":0}]"#, Verb::Destroy),
            (r#"[{"op":"remove","path":"/metadata/finalizers"}]"#, Verb::Destroy),
            (r#"[{"op":"remove","path":"/metadata/finalizers/0"}]"#, Verb::Destroy),
            (r#"{"metadata":{"finalizers":null}}"#, Verb::Destroy),
            (r#"{"spec":{"template":{"spec":{"hostPID":true}}}}"#, Verb::Escape),
            (r#"{"spec":{"hostNetwork":true}}"#, Verb::Escape),
            (r#"[{"op":"add","path":"/spec/template/spec/hostIPC","value":true}]"#, Verb::Escape),
            (r#"[{"op":"add","path":"/spec/template/spec/volumes/-","value":{"hostPath":{"path":"/"}}}]"#, Verb::Escape),
            (r#"[{"op":"add","path":"/spec/template/spec/volumes/0/hostPath","value":{"path":"/"}}]"#, Verb::Escape),
            (
                r#"[{"op":"replace","path":"/spec/template/spec/containers/0/securityContext/privileged","value":true}]"#,
                Verb::Escape,
            ),
            (r#"{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}"#, Verb::Grant),
            (r#"[{"op":"remove","path":"/metadata/labels/pod-security.kubernetes.io~1enforce"}]"#, Verb::Grant),
            (r#"[{"op":"move","from":"/metadata/finalizers","path":"/metadata/annotations/x"}]"#, Verb::Unknown),
            (r#"[{"op":"replace","path":"","value":{}}]"#, Verb::Unknown),
            (r#"{"spec":{"replicas":0.0}}"#, Verb::Destroy),
            (r#"{"data":null}"#, Verb::Destroy),
            (r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["x"]}}"#, Verb::Destroy),
            (r#"{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"}}}"#, Verb::Destroy),
            (r#"{"spec":{"template":{"spec":{"serviceAccountName":"admin"}}}}"#, Verb::Grant),
            (r#"{"metadata":{"labels":{"a":"b"}}}"#, Verb::Read),
            ("{", Verb::Unknown),
        ] {
            assert_eq!(worst(&effects(patch, "deploy/x")), verb, "{patch}");
        }
        assert_eq!(worst(&effects(r#"{"rules":[]}"#, "ClusterRole.v1.rbac.authorization.k8s.io/x")), Verb::Grant);
        assert_eq!(worst(&effects(r#"{"rules":[]}"#, "roles/x")), Verb::Grant);
        assert_eq!(worst(&effects(r#"{"metadata":{"labels":null}}"#, "ns/x")), Verb::Grant);
        assert_eq!(worst(&effects(r#"{"spec":{}}"#, "svc/role-model")), Verb::Read);
    }
}
