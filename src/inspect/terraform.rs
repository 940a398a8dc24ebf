//! terraform: what an apply would do is what its plan says, and exactly that plan is applied.
//!
//! The plan is made with the caller's own words into a sealed file; `show -json` of it is judged resource by resource; the
//! same file is applied, which needs no approval flag. Planning words beside a plan file are ignored by terraform (measured),
//! so none are passed.

use super::{Findings, Plan, Probe, ProbeError};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::text::hex;
use crate::tool::Reading;
use crate::verdict::Obligation;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Flags of apply, destroy and refresh that are about carrying out: they go to the apply and not to the plan.
const CARRYING_OUT: [&str; 3] = ["-auto-approve", "-backup", "-state-out"];
/// Flags that go to both.
const BOTH: [&str; 8] =
    ["-lock", "-lock-timeout", "-parallelism", "-no-color", "-json", "-compact-warnings", "-state", "-input"];
/// The major version of the plan's JSON that is understood (internals/json-format).
const FORMAT: &str = "1.";

pub(super) fn inspect(reading: &Reading<'_>, _call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    findings.obligations.push(Obligation::PinPlan);
    // A call that is not understood is not planned: it is held whatever the plan would say.
    if reading.effects.iter().any(|e| e.verb == Verb::Unknown) {
        return;
    }
    let saved = reading.operands().first().map(|file| absolute(&reading.folder, Path::new(file)));
    let plan = match &saved {
        Some(file) => probe.saved_plan(reading, file),
        None => probe.plan(reading, &plan_words(reading)),
    };
    match plan {
        Ok(plan) => judge_plan(reading, plan, saved.is_some(), findings),
        Err(ProbeError::NotAsked) => {}
        Err(ProbeError::Refused(code)) => findings.ended = Some(code),
        Err(ProbeError::Failed(why)) => {
            let note = format!("no plan could be made: {why}");
            findings.effects.push(Effect::new(Verb::Unknown, "plan", Evidence::Plan).because(note));
        }
    }
}

/// The words that plan what the call would carry out.
fn plan_words(reading: &Reading<'_>) -> Vec<OsString> {
    let mut words = folder_words(reading);
    words.push("plan".into());
    match reading.command_words().first() {
        Some(&"destroy") => words.push("-destroy".into()),
        Some(&"refresh") => words.push("-refresh-only".into()),
        _ => {}
    }
    words.extend(flag_words(reading, |name| !CARRYING_OUT.contains(&name)));
    words
}

/// The words before the subcommand.
fn folder_words(reading: &Reading<'_>) -> Vec<OsString> {
    let first = reading.parsed.path.first().copied().unwrap_or(0);
    reading.words.iter().take(first).map(|w| w.raw.clone()).collect()
}

/// The words of the subcommand's flags that are wanted, as they were written.
fn flag_words(reading: &Reading<'_>, wanted: impl Fn(&str) -> bool) -> Vec<OsString> {
    let after = reading.parsed.path.last().copied().unwrap_or(0);
    let flags = reading.parsed.flags.iter().filter(|f| f.at.first().is_some_and(|i| *i > after) && wanted(&f.name));
    flags.flat_map(|f| f.at.iter().filter_map(|i| reading.words.get(*i)).map(|w| w.raw.clone())).collect()
}

fn judge_plan(reading: &Reading<'_>, plan: Plan, saved: bool, findings: &mut Findings) {
    let Ok(json) = serde_json::from_slice::<Value>(&plan.json) else {
        let effect = Effect::new(Verb::Unknown, "plan", Evidence::Plan);
        findings.effects.push(effect.because("what `show -json` says of the plan is not JSON"));
        return;
    };
    // The plan says precisely what argv could only say roughly.
    findings.effects.retain(|e| !matches!(e.verb, Verb::Write | Verb::Destroy) || e.evidence == Evidence::State);
    findings.effects.extend(effects(&json, &reading.folder.display().to_string()));
    let changes_something = json.get("applyable").and_then(Value::as_bool).unwrap_or(true);
    findings.evidence = digest(json);
    let Some(sealed) = plan.sealed else { return };
    let mut argv = folder_words(reading);
    argv.push("apply".into());
    argv.extend(flag_words(reading, |name| {
        name != "-auto-approve" && (CARRYING_OUT.contains(&name) || BOTH.contains(&name))
    }));
    argv.push(format!("/proc/self/fd/{}", sealed.as_raw_fd()).into());
    findings.rewrite.argv = Some(argv);
    findings.rewrite.keep.push(sealed);
    findings.rewrite.stdin_null = true;
    // terraform asks before an apply without `-auto-approve` that changes something, but never before one of a saved plan.
    findings.rewrite.confirm = changes_something && !saved && !reading.strips_something();
}

/// The digest of a plan, the same for two plans of the same change: without the time it was made.
fn digest(mut json: Value) -> String {
    if let Some(map) = json.as_object_mut() {
        map.remove("timestamp");
    }
    hex(&Sha256::digest(json.to_string().as_bytes()))
}

/// What a plan would do, resource by resource.
pub fn effects(plan: &Value, folder: &str) -> Vec<Effect> {
    let unknown = |note: &str| vec![Effect::new(Verb::Unknown, folder, Evidence::Plan).because(note)];
    if !plan.get("format_version").and_then(Value::as_str).is_some_and(|v| v.starts_with(FORMAT)) {
        return unknown("the plan has a format that is not known; a newer sprag may know it");
    }
    if plan.get("errored").and_then(Value::as_bool).unwrap_or(false) {
        return unknown("the plan ended with an error and is not complete");
    }
    let list = |key: &str| plan.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut found: Vec<Effect> = list("resource_changes").iter().filter_map(resource_effect).collect();
    for deferred in list("deferred_changes") {
        found.extend(deferred.get("resource_change").and_then(resource_effect));
    }
    if found.is_empty() {
        found.push(Effect::new(Verb::Write, folder, Evidence::Plan).because("nothing but the state file changes"));
    }
    found
}

fn resource_effect(change: &Value) -> Option<Effect> {
    let text = |key: &str| change.get(key).and_then(Value::as_str).unwrap_or_default();
    let actions: Vec<&str> =
        change.pointer("/change/actions")?.as_array()?.iter().map(|a| a.as_str().unwrap_or("?")).collect();
    let address = match text("deposed") {
        "" => text("address").to_owned(),
        deposed => format!("{} (deposed {deposed})", text("address")),
    };
    let effect = |verb, note: String| Some(Effect::new(verb, address.clone(), Evidence::Plan).because(note));
    let why = text("action_reason").replace('_', " ");
    match actions.as_slice() {
        ["no-op"] | ["read"] => None,
        ["create"] => effect(Verb::Write, String::new()),
        ["update"] => effect(Verb::Write, String::new()),
        ["delete"] => effect(Verb::Destroy, why),
        ["delete", "create"] | ["create", "delete"] => effect(Verb::Destroy, format!("replaced: {why}")),
        ["forget"] | ["create", "forget"] => {
            effect(Verb::Destroy, "forgotten by the state; it lives on unmanaged".to_owned())
        }
        other => effect(Verb::Unknown, format!("the plan's action `{}` is not known", other.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(changes: &str) -> Value {
        serde_json::from_str(&format!(r#"{{"format_version":"1.2","resource_changes":[{changes}],"timestamp":"now"}}"#))
            .unwrap()
    }

    fn change(address: &str, actions: &str) -> String {
        format!(r#"{{"address":"{address}","type":"t","change":{{"actions":[{actions}]}}}}"#)
    }

    fn verbs(plan: &Value) -> Vec<Verb> {
        effects(plan, "/x").into_iter().map(|e| e.verb).collect()
    }

    #[test]
    fn each_action_is_its_verb() {
        for (actions, verb) in [
            (r#""create""#, Verb::Write),
            (r#""update""#, Verb::Write),
            (r#""delete""#, Verb::Destroy),
            (r#""delete","create""#, Verb::Destroy),
            (r#""create","delete""#, Verb::Destroy),
            (r#""forget""#, Verb::Destroy),
            (r#""explode""#, Verb::Unknown),
        ] {
            assert_eq!(verbs(&plan(&change("a", actions))), [verb], "{actions}");
        }
    }

    #[test]
    fn a_plan_that_changes_nothing_is_a_write_of_the_state() {
        assert_eq!(verbs(&plan(&change("a", r#""no-op""#))), [Verb::Write]);
    }

    #[test]
    fn a_plan_that_is_not_known_or_not_whole_is_unknown() {
        let errored = serde_json::json!({"format_version": "1.2", "errored": true});
        let newer = serde_json::json!({"format_version": "2.0"});
        assert_eq!(verbs(&errored), [Verb::Unknown]);
        assert_eq!(verbs(&newer), [Verb::Unknown]);
        assert_eq!(verbs(&Value::Null), [Verb::Unknown]);
    }

    #[test]
    fn two_plans_of_the_same_change_have_one_digest() {
        let mut later = plan(&change("a", r#""delete""#));
        let first = digest(later.clone());
        later["timestamp"] = "later".into();
        assert_eq!(digest(later), first);
        assert_ne!(digest(plan(&change("b", r#""delete""#))), first);
    }
}
