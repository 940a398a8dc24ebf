//! `podman kube play`: what the pods of a manifest are given of this machine.

use super::bound;
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe, input, kube, paths};
use crate::place::read_small;
use crate::tool::Reading;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;

/// Where an object has its pods.
const SPECS: [&str; 2] = ["/spec", "/spec/template/spec"];
/// Where it, or its pods, have words of podman's own.
const ANNOTATIONS: [&str; 2] = ["/metadata/annotations", "/spec/template/metadata/annotations"];
/// Those of them by which a container is given more than it would have.
const GIVES: [&str; 7] = ["privileged", "userns", "seccomp", "apparmor", "label", "volumes-from", "device"];

/// Adds what the pods of the named manifests are given.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    for file in reading.operands() {
        let effects = match text(file, call, probe, findings) {
            Err(effect) => vec![*effect],
            Ok(text) => match kube::objects(&text) {
                Err(why) => vec![unknown(file, &format!("no manifest that can be read: {why}"))],
                Ok(objects) => objects.iter().flat_map(|object| given(object, call)).collect(),
            },
        };
        findings.effects.extend(effects);
    }
    for annotation in reading.parsed.values("--annotation") {
        let (name, value) = annotation.split_once('=').unwrap_or((annotation, ""));
        findings.effects.extend(loosens(name, value).then(|| escape(annotation, LOOSE)));
    }
}

const LOOSE: &str = "what confines it is taken away";

fn unknown(file: &str, why: &str) -> Effect {
    Effect::new(Verb::Unknown, file, Evidence::File).because(why)
}

fn escape(target: &str, why: &str) -> Effect {
    Effect::new(Verb::Escape, target, Evidence::File).because(why)
}

/// What a manifest says; nothing where it is not there, which podman itself says.
fn text(file: &str, call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Result<String, Box<Effect>> {
    let fail = |why: &str| Box::new(unknown(file, why));
    if file == "-" {
        let bytes = input::whole(call, probe, findings)?;
        return Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned());
    }
    if file.contains("://") || call.around.away {
        return Err(fail("it is no file of this machine"));
    }
    let path = absolute(&call.cwd, Path::new(file));
    if path.exists() { read_small(&path).map_err(|e| fail(&e.to_string())) } else { Ok(String::new()) }
}

/// What an object gives its pods.
fn given(object: &Value, call: &Call) -> Vec<Effect> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let target = format!("{}/{}", text("/kind"), text("/metadata/name"));
    let mut found = Vec::new();
    let annotations = ANNOTATIONS.iter().filter_map(|path| object.pointer(path)?.as_object()).flatten();
    let annotations: Vec<(&str, &str)> = annotations.map(|(n, v)| (n.as_str(), v.as_str().unwrap_or_default())).collect();
    if annotations.iter().any(|(name, value)| loosens(name, value)) {
        found.push(escape(&target, LOOSE));
    }
    found.extend(claimed(&annotations, &target, call));
    for spec in SPECS.iter().filter_map(|path| object.pointer(path)).filter(|spec| spec.get("containers").is_some()) {
        found.extend(reaches_out(spec).map(|why| escape(&target, why)));
        for volume in each(spec, "volumes") {
            let Some(path) = volume.pointer("/hostPath/path").and_then(Value::as_str) else { continue };
            let given = paths::given(call, OsStr::new(path), is_only_read(spec, volume.get("name")));
            found.extend(given.map(|(verb, note)| Effect::new(verb, path, Evidence::File).because(note)));
        }
    }
    found
}

/// A claim for a volume that is a part of this machine, by podman's own words.
fn claimed(annotations: &[(&str, &str)], target: &str, call: &Call) -> Option<Effect> {
    let options: Vec<(&str, &str)> =
        annotations.iter().filter_map(|(name, value)| Some((name.strip_prefix("volume.podman.io/")?, *value))).collect();
    let named = options.iter().map(|(name, value)| (if *name == "mount-options" { "o" } else { name }, *value));
    if let Some((folder, read_only)) = bound(named) {
        let given = paths::given(call, OsStr::new(&folder), read_only);
        return given.map(|(verb, note)| Effect::new(verb, folder, Evidence::File).because(note));
    }
    let device = options.iter().any(|(name, value)| *name == "device" && value.starts_with("/dev/"));
    device.then(|| escape(target, "it has a device of this machine"))
}

fn each<'v>(of: &'v Value, list: &str) -> Vec<&'v Value> {
    of.get(list).and_then(Value::as_array).into_iter().flatten().collect()
}

fn containers(spec: &Value) -> Vec<&Value> {
    [each(spec, "initContainers"), each(spec, "containers")].concat()
}

/// Whether every container that has a volume only reads it.
fn is_only_read(spec: &Value, name: Option<&Value>) -> bool {
    let mounts: Vec<&Value> =
        containers(spec).into_iter().flat_map(|c| each(c, "volumeMounts")).filter(|m| m.get("name") == name).collect();
    !mounts.is_empty() && mounts.iter().all(|m| m.get("readOnly") == Some(&Value::Bool(true)))
}

/// Why a pod can do more than what runs in a container.
fn reaches_out(spec: &Value) -> Option<&'static str> {
    let on = |value: Option<&Value>| value.is_some_and(|v| *v != Value::Bool(false) && !v.is_null());
    if ["hostPID", "hostIPC"].iter().any(|key| on(spec.get(*key))) {
        return Some("it sees and ends every process of this machine");
    }
    let containers = containers(spec);
    let contexts = containers.iter().map(|c| c.get("securityContext")).chain([spec.get("securityContext")]).flatten();
    for context in contexts {
        let is = |path: &str, value: &str| {
            context.pointer(path).and_then(Value::as_str).is_some_and(|v| v.eq_ignore_ascii_case(value))
        };
        let loose =
            is("/seccompProfile/type", "unconfined") || is("/procMount", "unmasked") || is("/seLinuxOptions/type", "spc_t");
        if on(context.get("privileged")) || on(context.pointer("/capabilities/add")) {
            return Some("it may do on this machine what others may not");
        } else if loose {
            return Some(LOOSE);
        }
    }
    let limits = containers.iter().filter_map(|c| c.pointer("/resources/limits")?.as_object()).flatten();
    let mut devices = limits.filter(|(name, _)| name.starts_with("podman.io/device"));
    devices.next().map(|_| "it has a device of this machine")
}

/// Whether an annotation takes away what confines a container.
fn loosens(name: &str, value: &str) -> bool {
    let own = name.strip_prefix("io.podman.annotations.").is_some_and(|rest| GIVES.iter().any(|g| rest.starts_with(g)));
    own || value.contains("unconfined") || name.starts_with("run.oci.")
}
