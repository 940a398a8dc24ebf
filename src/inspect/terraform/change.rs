//! What a plan would do, resource by resource, and what of it cannot be undone.
//!
//! Which attributes decide that is data (`[[loss]]` in shims/terraform.toml). No value of a plan gets into an effect: only
//! addresses, types, names of attributes, and the words of the data.

use super::plan::{ConfigModule, Plan, Resource};
use crate::effect::{Effect, Evidence, Recovery, Verb};
use crate::tool::schema::{Loss, LossOn};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wildmatch::WildMatch;

/// What a plan would do; `folder` is the target of what has no other.
pub(super) fn effects(plan: &Plan<'_>, losses: &[Loss], folder: &str) -> Vec<Effect> {
    let losses = Losses::of(losses, plan);
    let elsewhere = runs_elsewhere(&plan.configuration.root_module, "");
    let mut found: Vec<Effect> = Vec::new();
    let deferred = plan.deferred_changes.iter().map(|d| &d.resource_change);
    for resource in plan.resource_changes.iter().chain(deferred) {
        found.extend(resource_effect(resource, &losses, plan));
        let made = resource.change.actions.iter().any(|a| a == "create");
        if made && elsewhere.contains(&without_instances(&resource.address)) {
            let effect = Effect::new(Verb::Escape, resource.address.clone(), Evidence::Plan);
            found.push(effect.on_kind(resource.kind.clone()).because("a provisioner runs commands on another host"));
        }
    }
    found.extend(plan.action_invocations.iter().map(|action| {
        let effect = Effect::new(Verb::Escape, action.address.clone(), Evidence::Plan);
        effect.on_kind(action.kind.clone()).because("an action of a provider runs, which no plan shows")
    }));
    found.extend(dropped(plan));
    let outputs: Vec<&str> =
        plan.output_changes.iter().filter(|(_, o)| o.actions != ["no-op"]).map(|(name, _)| name.as_ref()).collect();
    if found.is_empty() {
        let note = if outputs.is_empty() { "nothing but the state file changes" } else { "nothing but outputs change" };
        found.push(Effect::new(Verb::Write, folder, Evidence::Plan).because(note));
    }
    found
}

/// Resources that are gone, as far as these credentials see, and that nothing in the plan makes again: the state forgets
/// them. With the credentials of another account or region that is everything.
fn dropped(plan: &Plan<'_>) -> Vec<Effect> {
    let planned: BTreeSet<&str> =
        plan.resource_changes.iter().filter(|r| r.change.actions != ["no-op"]).map(|r| r.address.as_ref()).collect();
    let gone = plan.resource_drift.iter().filter(|r| r.change.actions == ["delete"]);
    let gone = gone.filter(|r| !planned.contains(r.address.as_ref()));
    let effect = |r: &Resource<'_>| {
        let effect = Effect::new(Verb::Destroy, address(r), Evidence::Plan).on_kind(r.kind.clone());
        effect.because("it cannot be found with these credentials, and the state would forget it")
    };
    gone.map(effect).collect()
}

fn address(resource: &Resource<'_>) -> String {
    match &resource.deposed {
        Some(key) => format!("{} (deposed {key})", resource.address),
        None => resource.address.clone().into_owned(),
    }
}

fn resource_effect(resource: &Resource<'_>, losses: &Losses<'_>, plan: &Plan<'_>) -> Option<Effect> {
    let effect = |verb| Effect::new(verb, address(resource), Evidence::Plan).on_kind(resource.kind.clone());
    let actions: Vec<&str> = resource.change.actions.iter().map(AsRef::as_ref).collect();
    match actions.as_slice() {
        ["no-op"] if resource.change.importing.is_some() => Some(effect(Verb::Write).because("comes under this state")),
        ["no-op"] => resource.previous_address.as_ref().map(|old| effect(Verb::Write).because(format!("was `{old}`"))),
        ["read"] => None,
        ["create"] => Some(effect(Verb::Write)),
        ["update"] if resource.kind.is_empty() => Some(effect(Verb::Unknown).because("its type is not told")),
        ["update"] => Some(update(effect(Verb::Write), resource, losses)),
        ["delete"] => Some(delete(effect(Verb::Destroy), resource, losses, delete_reason(resource, plan))),
        ["delete", "create"] | ["create", "delete"] => {
            Some(delete(effect(Verb::Destroy), resource, losses, replace_reason(resource)))
        }
        ["forget"] => Some(effect(Verb::Destroy).because("the state forgets it; it lives on, and nobody manages it")),
        ["create", "forget"] => {
            Some(effect(Verb::Destroy).because("a second one is made and the state forgets the first, which lives on"))
        }
        other => {
            let note = format!("the plan's action `{}` is not known", other.join(", "));
            Some(effect(Verb::Unknown).because(note))
        }
    }
}

fn delete_reason(resource: &Resource<'_>, plan: &Plan<'_>) -> String {
    let reason = match resource.action_reason.as_deref() {
        Some("delete_because_no_resource_config") => return no_configuration(resource, plan),
        Some("delete_because_no_module") => "its module is no longer in the configuration",
        Some("delete_because_wrong_repetition") => "`count` or `for_each` was put on it or taken off",
        Some("delete_because_count_index") => "`count` is smaller than its index",
        Some("delete_because_each_key") => "its key is no longer in `for_each`",
        Some("delete_because_no_move_target") => "it was moved to where the configuration has nothing",
        Some(other) => return other.replace('_', " "),
        None => "",
    };
    reason.to_owned()
}

/// A block that went away; where one like it came, it was perhaps only renamed.
fn no_configuration(resource: &Resource<'_>, plan: &Plan<'_>) -> String {
    let created = plan.resource_changes.iter().filter(|r| r.change.actions == ["create"] && r.kind == resource.kind);
    match created.map(|r| &r.address).next() {
        Some(new) => format!("it is no longer in the configuration; if `{new}` is its new name, a `moved` block keeps it"),
        None => "it is no longer in the configuration".to_owned(),
    }
}

fn replace_reason(resource: &Resource<'_>) -> String {
    let names = |path: &Vec<Value>| {
        let parts = path.iter().map(|p| p.as_str().map_or_else(|| p.to_string(), str::to_owned));
        format!("`{}`", parts.collect::<Vec<_>>().join("."))
    };
    let why = match resource.action_reason.as_deref() {
        Some("replace_because_tainted") => "it is tainted".to_owned(),
        Some("replace_because_cannot_update") => {
            let forced: Vec<String> = resource.change.replace_paths.iter().map(names).collect();
            match forced.is_empty() {
                true => "it cannot be changed in place".to_owned(),
                false => format!("{} cannot be changed in place", forced.join(", ")),
            }
        }
        Some("replace_by_request" | "replace_because_by_request") => "that was asked for".to_owned(),
        Some("replace_by_triggers" | "replace_because_by_triggers") => "what it depends on changes".to_owned(),
        Some(other) => other.replace('_', " "),
        None => return "replaced by a new one".to_owned(),
    };
    format!("replaced by a new one: {why}")
}

/// The rows of the table, by the types that a plan has: a pattern is tried once a type, not once a resource.
struct Losses<'a>(BTreeMap<&'a str, Vec<&'a Loss>>);

impl<'a> Losses<'a> {
    fn of(rows: &'a [Loss], plan: &'a Plan<'_>) -> Losses<'a> {
        let changed = plan.resource_changes.iter().filter(|r| r.change.actions != ["no-op"]);
        let deferred = plan.deferred_changes.iter().map(|d| &d.resource_change);
        let kinds: BTreeSet<&str> = changed.chain(deferred).map(|r| r.kind.as_ref()).collect();
        let speaks_of = |row: &&Loss, kind: &str| row.kinds.iter().any(|k| WildMatch::new(k).matches(kind));
        Losses(kinds.into_iter().map(|kind| (kind, rows.iter().filter(|row| speaks_of(row, kind)).collect())).collect())
    }

    fn on(&self, on: LossOn, kind: &str) -> Vec<&'a Loss> {
        self.0.get(kind).into_iter().flatten().copied().filter(|row| row.on == on).collect()
    }
}

/// A delete, with what it takes along for good.
fn delete(mut effect: Effect, resource: &Resource<'_>, losses: &Losses<'_>, reason: String) -> Effect {
    let rows = losses.on(LossOn::Delete, &resource.kind);
    let before = if rows.is_empty() { Value::Null } else { values(resource.change.before) };
    let lost = rows.into_iter().filter(|loss| {
        let Some(path) = &loss.attribute else { return true };
        reached(&before, path).iter().any(|value| is_named(loss, value))
    });
    let mut notes: Vec<String> = lost.map(|l| l.note.clone()).collect();
    if !notes.is_empty() {
        effect.recovery = Recovery::Irreversible;
    }
    notes.extend((!reason.is_empty()).then_some(reason));
    effect.because(notes.join("; "))
}

/// An update, which can destroy without any delete: what it switches off or empties.
fn update(mut effect: Effect, resource: &Resource<'_>, losses: &Losses<'_>) -> Effect {
    let rows = losses.on(LossOn::Update, &resource.kind);
    if rows.is_empty() {
        return effect;
    }
    let change = &resource.change;
    let (before, after, unknown) = (values(change.before), values(change.after), values(change.after_unknown));
    let mut notes = Vec::new();
    for loss in rows.into_iter().filter(|loss| loses(loss, &before, &after, &unknown)) {
        effect.verb = effect.verb.max(loss.verb);
        if loss.for_good {
            effect.recovery = Recovery::Irreversible;
        }
        notes.push(loss.note.clone());
    }
    effect.because(notes.join("; "))
}

/// Whether an update turns the row's attribute into one of its values. One that will be known only afterwards may.
fn loses(loss: &Loss, before: &Value, after: &Value, unknown: &Value) -> bool {
    let Some(path) = &loss.attribute else { return false };
    let (old, new) = (reached(before, path), reached(after, path));
    if old == new {
        return false;
    }
    if is_unknown(unknown, path) {
        return !old.iter().all(|v| is_named(loss, v));
    }
    if loss.shrinks {
        let number = |v: &Value| {
            let number = v.as_f64().or_else(|| v.as_str()?.parse().ok())?;
            Some(if loss.endless.is_some_and(|e| e as f64 == number) { f64::INFINITY } else { number })
        };
        let smaller = |(old, new): (&&Value, &&Value)| matches!((number(old), number(new)), (Some(o), Some(n)) if n < o);
        return old.len() == new.len() && old.iter().zip(&new).any(smaller);
    }
    new.iter().any(|v| is_named(loss, v)) && !old.iter().any(|v| is_named(loss, v))
}

fn is_named(loss: &Loss, value: &Value) -> bool {
    match value {
        Value::Null => loss.absent,
        Value::Array(list) if list.is_empty() => loss.absent,
        Value::Bool(_) | Value::Number(_) => loss.is.contains(&value.to_string()),
        Value::String(text) => loss.is.contains(text) || (loss.absent && text.is_empty()),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// The values that a path with dots leads to; through lists it leads to each element. Where it leads to nothing: null.
fn reached<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    const NOTHING: &Value = &Value::Null;
    let mut here = vec![value];
    for part in path.split('.') {
        let into = |v: &'v Value| match v {
            Value::Object(map) => vec![map.get(part).unwrap_or(NOTHING)],
            Value::Array(list) if list.is_empty() => vec![NOTHING],
            Value::Array(list) => list.iter().map(|v| v.get(part).unwrap_or(NOTHING)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![NOTHING],
        };
        here = here.into_iter().flat_map(into).collect();
    }
    here
}

/// Whether what a path leads to, or something on the way, will be known only afterwards.
fn is_unknown(unknown: &Value, path: &str) -> bool {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).any(|part| reached(unknown, part).contains(&&Value::Bool(true)))
}

/// Values of a change; what is no JSON cannot be, since it was read as such, and counts as nothing known.
fn values(raw: Option<&serde_json::value::RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The addresses, without instances, of resources with a provisioner that runs commands on another host.
fn runs_elsewhere(module: &ConfigModule<'_>, prefix: &str) -> BTreeSet<String> {
    let remote = module.resources.iter().filter(|r| r.provisioners.iter().any(|p| p.kind == "remote-exec"));
    let mut found: BTreeSet<String> = remote.map(|r| format!("{prefix}{}", r.address)).collect();
    for (name, call) in &module.module_calls {
        found.extend(runs_elsewhere(&call.module, &format!("{prefix}module.{name}.")));
    }
    found
}

/// An address without the instances in brackets; a key can hold brackets, in quotes.
fn without_instances(address: &str) -> String {
    let (mut out, mut inside, mut quoted, mut escaped) = (String::new(), false, false, false);
    for c in address.chars() {
        match (inside, quoted, c) {
            (true, true, _) if escaped => escaped = false,
            (true, true, '\\') => escaped = true,
            (true, _, '"') => quoted = !quoted,
            (true, false, ']') => inside = false,
            (false, _, '[') => inside = true,
            (false, ..) => out.push(c),
            (true, ..) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::worst;
    use serde_json::json;

    fn judged(changes: Value) -> Vec<Effect> {
        judged_plan(json!({"format_version": "1.2", "resource_changes": changes}))
    }

    fn judged_plan(plan: Value) -> Vec<Effect> {
        let losses = crate::tool::losses("terraform").unwrap();
        effects(&Plan::read(plan.to_string().as_bytes()).unwrap(), &losses, "/x")
    }

    fn change(kind: &str, actions: Value, before: Value, after: Value) -> Value {
        json!({"address": format!("{kind}.a"), "type": kind,
               "change": {"actions": actions, "before": before, "after": after}})
    }

    #[test]
    fn each_action_is_its_verb() {
        for (actions, verb) in [
            (json!(["create"]), Verb::Write),
            (json!(["update"]), Verb::Write),
            (json!(["delete"]), Verb::Destroy),
            (json!(["delete", "create"]), Verb::Destroy),
            (json!(["create", "delete"]), Verb::Destroy),
            (json!(["forget"]), Verb::Destroy),
            (json!(["create", "forget"]), Verb::Destroy),
            (json!(["explode"]), Verb::Unknown),
            (json!(["update", "delete"]), Verb::Unknown),
            (json!([]), Verb::Unknown),
        ] {
            let found = judged(json!([change("t", actions.clone(), json!({}), json!({}))]));
            assert_eq!(found.iter().map(|e| e.verb).collect::<Vec<_>>(), [verb], "{actions}");
            assert_eq!((found[0].target.as_str(), found[0].kind.as_str()), ("t.a", "t"));
        }
    }

    #[test]
    fn a_plan_that_changes_nothing_is_a_write_of_the_state() {
        let found = judged(json!([change("t", json!(["no-op"]), json!({}), json!({}))]));
        assert_eq!(found.iter().map(|e| e.verb).collect::<Vec<_>>(), [Verb::Write]);
        let read = judged(json!([change("t", json!(["read"]), Value::Null, json!({}))]));
        assert_eq!((worst(&read), read[0].target.as_str()), (Verb::Write, "/x"));
    }

    #[test]
    fn moves_and_imports_are_writes_of_their_address() {
        let mut moved = change("t", json!(["no-op"]), json!({}), json!({}));
        moved["previous_address"] = "t.old".into();
        let mut imported = change("t", json!(["no-op"]), json!({}), json!({}));
        imported["change"]["importing"] = json!({"id": "i"});
        for (found, note) in [(judged(json!([moved])), "was `t.old`"), (judged(json!([imported])), "comes under this state")]
        {
            assert_eq!((found[0].verb, found[0].target.as_str(), found[0].note.as_str()), (Verb::Write, "t.a", note));
        }
    }

    #[test]
    fn a_deposed_object_is_told_from_the_one_in_use() {
        let mut deposed = change("t", json!(["delete"]), json!({}), Value::Null);
        deposed["deposed"] = "00d1".into();
        assert_eq!(judged(json!([deposed]))[0].target, "t.a (deposed 00d1)");
    }

    #[test]
    fn a_delete_says_what_it_takes_along_for_good() {
        let gone = |before| judged(json!([change("aws_db_instance", json!(["delete"]), before, Value::Null)])).remove(0);
        let snapshot = gone(json!({"skip_final_snapshot": false, "delete_automated_backups": false}));
        assert_eq!(snapshot.recovery, Recovery::Recoverable, "{snapshot:?}");
        let nothing = gone(json!({"skip_final_snapshot": true, "delete_automated_backups": true}));
        assert_eq!(nothing.recovery, Recovery::Irreversible);
        assert!(nothing.note.contains("final snapshot") && nothing.note.contains("backups"), "{nothing:?}");
        let replaced = judged(json!([change(
            "aws_db_instance",
            json!(["delete", "create"]),
            json!({"skip_final_snapshot": true}),
            json!({})
        )]));
        assert_eq!(replaced[0].recovery, Recovery::Irreversible, "a replace deletes too");
    }

    #[test]
    fn an_update_that_destroys_is_a_destroy_and_an_everyday_one_is_not() {
        let verb = |kind: &str, before: Value, after: Value| {
            worst(&judged(json!([change(kind, json!(["update"]), before, after)])))
        };
        for (kind, before, after) in [
            ("aws_db_instance", json!({"backup_retention_period": 7}), json!({"backup_retention_period": 0})),
            ("aws_db_instance", json!({"deletion_protection": true}), json!({"deletion_protection": false})),
            ("aws_ecs_service", json!({"desired_count": 2}), json!({"desired_count": 0})),
            (
                "aws_s3_bucket_versioning",
                json!({"versioning_configuration": [{"status": "Enabled"}]}),
                json!({"versioning_configuration": [{"status": "Suspended"}]}),
            ),
            ("aws_cloudwatch_log_group", json!({"retention_in_days": 0}), json!({"retention_in_days": 30})),
            ("aws_dynamodb_table", json!({"deletion_protection_enabled": true}), json!({})),
        ] {
            assert_eq!(verb(kind, before.clone(), after.clone()), Verb::Destroy, "{kind} {before} {after}");
            if kind != "aws_cloudwatch_log_group" {
                assert_eq!(verb(kind, after, before), Verb::Write, "{kind}: the other way round protects");
            }
        }
        for (kind, before, after) in [
            ("aws_db_instance", json!({"backup_retention_period": 7}), json!({"backup_retention_period": 14})),
            ("aws_db_instance", json!({"deletion_protection": null}), json!({"deletion_protection": false})),
            (
                "aws_db_instance",
                json!({"deletion_protection": false, "a": 1}),
                json!({"deletion_protection": false, "a": 2}),
            ),
            ("aws_instance", json!({"tags": {"a": "1"}}), json!({"tags": {"a": "2"}})),
            ("aws_cloudwatch_log_group", json!({"retention_in_days": 30}), json!({"retention_in_days": 0})),
            ("aws_ecs_service", json!({"desired_count": 2}), json!({"desired_count": 1})),
        ] {
            assert_eq!(verb(kind, before.clone(), after.clone()), Verb::Write, "{kind} {before} {after}");
        }
    }

    #[test]
    fn what_will_be_known_only_afterwards_may_be_the_worst() {
        let mut update = change("aws_db_instance", json!(["update"]), json!({"deletion_protection": true}), json!({}));
        update["change"]["after_unknown"] = json!({"deletion_protection": true});
        assert_eq!(worst(&judged(json!([update]))), Verb::Destroy);
    }

    #[test]
    fn what_is_gone_and_not_made_again_is_forgotten() {
        let gone = change("t", json!(["delete"]), json!({}), Value::Null);
        let plan =
            |changes: Value| json!({"format_version": "1.2", "resource_changes": changes, "resource_drift": [gone.clone()]});
        assert_eq!(worst(&judged_plan(plan(json!([])))), Verb::Destroy);
        let again = json!([change("t", json!(["create"]), Value::Null, json!({}))]);
        assert_eq!(worst(&judged_plan(plan(again))), Verb::Write);
        let changed = change("t", json!(["update"]), json!({}), json!({}));
        let plan = json!({"format_version": "1.2", "resource_drift": [changed]});
        assert_eq!(worst(&judged_plan(plan)), Verb::Write, "drift alone destroys nothing");
    }

    #[test]
    fn a_provisioner_on_another_host_is_an_escape_where_its_resource_is_made() {
        let plan = |action: &str, kind: &str| {
            let address = "module.m[\"a.b]c\"].t.a[0]";
            json!({"format_version": "1.2",
                "resource_changes": [{"address": address, "type": "t", "change": {"actions": [action]}}],
                "configuration": {"root_module": {"module_calls": {"m": {"module": {"resources":
                    [{"address": "t.a", "provisioners": [{"type": kind}]}]}}}}}})
        };
        assert_eq!(worst(&judged_plan(plan("create", "remote-exec"))), Verb::Escape);
        assert_eq!(worst(&judged_plan(plan("update", "remote-exec"))), Verb::Write);
        // What it calls is judged when it is called.
        assert_eq!(worst(&judged_plan(plan("create", "local-exec"))), Verb::Write);
    }

    #[test]
    fn deferred_changes_and_actions_count() {
        let deferred = json!([{"reason": "x", "resource_change": change("t", json!(["delete"]), json!({}), Value::Null)}]);
        assert_eq!(worst(&judged_plan(json!({"format_version": "1.2", "deferred_changes": deferred}))), Verb::Destroy);
        let action = json!([{"address": "action.aws_lambda_invoke.a", "type": "aws_lambda_invoke"}]);
        assert_eq!(worst(&judged_plan(json!({"format_version": "1.2", "action_invocations": action}))), Verb::Escape);
    }

    #[test]
    fn a_new_name_is_guessed_and_no_value_is_said() {
        let secret = json!({"password": "hunter2", "engine": "hunter2"});
        let mut old = change("aws_db_instance", json!(["delete"]), secret.clone(), Value::Null);
        old["action_reason"] = "delete_because_no_resource_config".into();
        let mut new = change("aws_db_instance", json!(["create"]), Value::Null, secret.clone());
        new["address"] = "aws_db_instance.b".into();
        let mut replaced = change("aws_db_instance", json!(["delete", "create"]), secret.clone(), secret);
        replaced["action_reason"] = "replace_because_cannot_update".into();
        replaced["change"]["replace_paths"] = json!([["engine"], ["tags", 0]]);
        let found = judged(json!([old, new, replaced]));
        assert!(found[0].note.contains("if `aws_db_instance.b` is its new name, a `moved` block keeps it"), "{found:?}");
        assert!(found[2].note.contains("`engine`, `tags.0` cannot be changed in place"), "{found:?}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}
