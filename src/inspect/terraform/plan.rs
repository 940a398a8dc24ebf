//! A plan as `terraform show -json` tells it (internals/json-format, major version 1): only what the judge reads, strictly
//! typed, in one pass.
//!
//! Values are kept as the text they are, so that twenty megabytes cost no more than looking at them, and no secret among
//! them is copied. What is not as the format says is an error, never a default.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The major version that is understood.
const FORMAT: &str = "1.";
/// A plan longer than this is not judged.
const MOST: usize = 128 << 20;

/// Why a plan cannot be judged.
#[derive(Debug, PartialEq, Eq)]
pub enum PlanError {
    /// It is longer than what is looked at.
    TooLong,
    /// It is not JSON, or not of the format's shape.
    Shape(String),
    /// Its format is not known.
    Format(String),
    /// It ended with an error.
    Errored,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::TooLong => write!(f, "the plan's JSON is longer than {} MiB; split the configuration", MOST >> 20),
            PlanError::Shape(why) => write!(f, "the plan's JSON is not what the format says: {why}"),
            PlanError::Format(version) => {
                write!(f, "the plan's format `{version}` is not known; a newer sprag may know it")
            }
            PlanError::Errored => f.write_str("the plan ended with an error and is not whole"),
        }
    }
}

/// A plan.
#[derive(Debug, Deserialize)]
pub struct Plan<'a> {
    #[serde(borrow)]
    format_version: Cow<'a, str>,
    /// The version of the tool that made it.
    #[serde(borrow, default)]
    pub terraform_version: Cow<'a, str>,
    #[serde(default)]
    errored: bool,
    /// Whether applying it would do anything; older versions do not say.
    #[serde(default)]
    pub applyable: Option<bool>,
    /// What happens to each resource.
    #[serde(borrow, default)]
    pub resource_changes: Vec<Resource<'a>>,
    /// What happened to resources behind the tool's back.
    #[serde(borrow, default)]
    pub resource_drift: Vec<Resource<'a>>,
    /// What cannot be planned yet.
    #[serde(borrow, default)]
    pub deferred_changes: Vec<Deferred<'a>>,
    /// Actions of providers that would run.
    #[serde(borrow, default)]
    pub action_invocations: Vec<Action<'a>>,
    /// What happens to outputs.
    #[serde(borrow, default)]
    pub output_changes: BTreeMap<Cow<'a, str>, OutputChange<'a>>,
    /// The values of the root module's variables.
    #[serde(borrow, default)]
    pub variables: BTreeMap<Cow<'a, str>, Variable<'a>>,
    #[serde(borrow, default)]
    prior_state: Option<PriorState<'a>>,
    /// The configuration it was made from.
    #[serde(borrow, default)]
    pub configuration: Configuration<'a>,
    // Left out of the digest: when it was made, and what drifted attributes matter, which changes nothing.
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    relevant_attributes: Option<&'a RawValue>,
}

/// What happens to one resource instance.
#[derive(Debug, Deserialize)]
pub struct Resource<'a> {
    /// Its full address.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// Its address before, where it moves.
    #[serde(borrow, default)]
    pub previous_address: Option<Cow<'a, str>>,
    /// Its type; empty where it is not told.
    #[serde(borrow, default, rename = "type")]
    pub kind: Cow<'a, str>,
    /// The key of an object that an earlier replace left behind.
    #[serde(borrow, default)]
    pub deposed: Option<Cow<'a, str>>,
    /// Why it is deleted, replaced or read.
    #[serde(borrow, default)]
    pub action_reason: Option<Cow<'a, str>>,
    /// What happens.
    #[serde(borrow)]
    pub change: Change<'a>,
}

/// A change of values.
#[derive(Debug, Deserialize)]
pub struct Change<'a> {
    /// What is done, in order.
    #[serde(borrow)]
    pub actions: Vec<Cow<'a, str>>,
    /// The values before.
    #[serde(borrow, default)]
    pub before: Option<&'a RawValue>,
    /// The values after.
    #[serde(borrow, default)]
    pub after: Option<&'a RawValue>,
    /// Which values will be known only afterwards.
    #[serde(borrow, default)]
    pub after_unknown: Option<&'a RawValue>,
    /// The attributes that force a replace, as paths.
    #[serde(default)]
    pub replace_paths: Vec<Vec<serde_json::Value>>,
    /// A live object comes under the state.
    #[serde(default)]
    pub importing: Option<IgnoredAny>,
}

/// A change that cannot be planned yet.
#[derive(Debug, Deserialize)]
pub struct Deferred<'a> {
    /// What is known of it.
    #[serde(borrow)]
    pub resource_change: Resource<'a>,
}

/// An action of a provider that would run.
#[derive(Debug, Deserialize)]
pub struct Action<'a> {
    /// Its full address.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// Its type.
    #[serde(borrow, default, rename = "type")]
    pub kind: Cow<'a, str>,
}

/// A change of an output.
#[derive(Debug, Deserialize)]
pub struct OutputChange<'a> {
    /// What is done.
    #[serde(borrow)]
    pub actions: Vec<Cow<'a, str>>,
}

/// The value of a variable.
#[derive(Debug, Deserialize)]
pub struct Variable<'a> {
    /// Absent for an ephemeral one, which a plan does not hold.
    #[serde(borrow, default)]
    pub value: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct PriorState<'a> {
    #[serde(borrow, default)]
    values: Option<StateValues<'a>>,
}

#[derive(Debug, Deserialize)]
struct StateValues<'a> {
    #[serde(borrow, default)]
    root_module: StateModule<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct StateModule<'a> {
    #[serde(borrow, default)]
    resources: Vec<StateResource<'a>>,
    #[serde(borrow, default)]
    child_modules: Vec<StateModule<'a>>,
}

#[derive(Debug, Deserialize)]
struct StateResource<'a> {
    #[serde(borrow)]
    mode: Cow<'a, str>,
}

/// The configuration.
#[derive(Debug, Default, Deserialize)]
pub struct Configuration<'a> {
    /// Its root module.
    #[serde(borrow, default)]
    pub root_module: ConfigModule<'a>,
}

/// A module of the configuration.
#[derive(Debug, Default, Deserialize)]
pub struct ConfigModule<'a> {
    /// Its resources.
    #[serde(borrow, default)]
    pub resources: Vec<ConfigResource<'a>>,
    /// The modules it calls, by name.
    #[serde(borrow, default)]
    pub module_calls: BTreeMap<Cow<'a, str>, ModuleCall<'a>>,
}

/// A call of a module.
#[derive(Debug, Deserialize)]
pub struct ModuleCall<'a> {
    /// The module.
    #[serde(borrow, default)]
    pub module: ConfigModule<'a>,
}

/// A resource of the configuration.
#[derive(Debug, Deserialize)]
pub struct ConfigResource<'a> {
    /// Its address in its module, without instances.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// What runs when it is made.
    #[serde(borrow, default)]
    pub provisioners: Vec<Provisioner<'a>>,
}

/// A provisioner.
#[derive(Debug, Deserialize)]
pub struct Provisioner<'a> {
    /// `local-exec`, `remote-exec` or `file`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
}

impl<'a> Plan<'a> {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it is too long, not of the format, of another format, or not whole.
    pub fn read(json: &'a [u8]) -> Result<Plan<'a>, PlanError> {
        if json.len() > MOST {
            return Err(PlanError::TooLong);
        }
        // What serde says of a wrong value can quote it, and it may be a secret: the place alone is told.
        let plan: Plan<'a> = serde_json::from_slice(json)
            .map_err(|e| PlanError::Shape(format!("line {}, column {}, {:?} error", e.line(), e.column(), e.classify())))?;
        if !plan.format_version.starts_with(FORMAT) {
            return Err(PlanError::Format(plan.format_version.into_owned()));
        }
        if plan.errored { Err(PlanError::Errored) } else { Ok(plan) }
    }

    /// The digest of the plan, the same for two plans of the same change; `json`: what it was read from. `show -json`
    /// writes the same change as the same bytes but for the time (measured with 220 resources).
    pub fn digest(&self, json: &[u8]) -> String {
        let mut cuts: Vec<(usize, usize)> = [self.timestamp, self.relevant_attributes]
            .into_iter()
            .flatten()
            .filter_map(|raw| {
                let start = (raw.get().as_ptr() as usize).checked_sub(json.as_ptr() as usize)?;
                Some((start, start + raw.get().len()))
            })
            .collect();
        cuts.sort_unstable();
        let mut digest = Sha256::new();
        let mut from = 0;
        for (start, end) in cuts {
            digest.update(json.get(from..start).unwrap_or_default());
            from = end;
        }
        digest.update(json.get(from..).unwrap_or_default());
        crate::text::hex(&digest.finalize())
    }

    /// How many managed resource instances the state held before.
    pub fn prior_resources(&self) -> u64 {
        fn count(module: &StateModule<'_>) -> u64 {
            let managed = module.resources.iter().filter(|r| r.mode == "managed").count() as u64;
            managed + module.child_modules.iter().map(count).sum::<u64>()
        }
        let values = self.prior_state.as_ref().and_then(|s| s.values.as_ref());
        values.map_or(0, |v| count(&v.root_module))
    }

    /// Whether applying it surely writes the state.
    pub fn writes(&self) -> bool {
        let changes = |actions: &[Cow<'_, str>]| actions.iter().any(|a| a != "no-op" && a != "read");
        self.applyable == Some(true)
            && (self.resource_changes.iter().any(|r| changes(&r.change.actions))
                || self.output_changes.values().any(|o| changes(&o.actions)))
    }

    /// How many resources would be made where there was none.
    pub fn creates(&self) -> u64 {
        self.resource_changes.iter().filter(|r| r.change.actions == ["create"]).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Verb, worst};
    use crate::inspect::terraform::effects;
    use serde_json::{Value, json};

    fn full() -> Value {
        json!({
            "format_version": "1.2", "terraform_version": "1.11.4", "errored": false, "applyable": true, "complete": true,
            "variables": {"a": {"value": 1}},
            "resource_changes": [{
                "address": "aws_db_instance.a", "previous_address": "aws_db_instance.b", "mode": "managed",
                "type": "aws_db_instance", "deposed": "00", "action_reason": "replace_because_cannot_update",
                "change": {"actions": ["delete", "create"], "before": {"skip_final_snapshot": true}, "after": {},
                           "after_unknown": {}, "replace_paths": [["engine"]], "importing": {"id": "x"}}}],
            "resource_drift": [{"address": "t.a", "type": "t", "change": {"actions": ["delete"]}}],
            "deferred_changes": [{"resource_change": {"address": "t.b", "type": "t", "change": {"actions": ["create"]}}}],
            "action_invocations": [{"address": "action.a.b", "type": "a"}],
            "output_changes": {"o": {"actions": ["create"]}},
            "prior_state": {"values": {"root_module": {"resources": [{"mode": "managed"}], "child_modules": [{}]}}},
            "configuration": {"root_module": {"resources": [{"address": "t.a", "provisioners": [{"type": "remote-exec"}]}],
                              "module_calls": {"m": {"module": {}}}}},
            "timestamp": "2026-01-01T00:00:00Z",
        })
    }

    /// Every place in a JSON value, as a pointer.
    fn places(value: &Value, at: String, found: &mut Vec<String>) {
        found.push(at.clone());
        match value {
            Value::Object(map) => map.iter().for_each(|(k, v)| places(v, format!("{at}/{k}"), found)),
            Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| places(v, format!("{at}/{i}"), found)),
            _ => {}
        }
    }

    #[test]
    fn a_value_of_another_type_in_any_place_never_makes_it_milder() {
        let plan = full();
        assert_eq!(worst(&effects(plan.to_string().as_bytes(), "x")), Verb::Destroy);
        let mut all = Vec::new();
        places(&plan, String::new(), &mut all);
        // What is inside values is the provider's, and any type there is right.
        all.retain(|p| {
            !p.contains("/before") && !p.contains("/after") && !p.contains("timestamp") && !p.ends_with("/value")
        });
        for place in all {
            for wrong in
                [json!(null), json!(true), json!(7), json!("x"), json!([]), json!({}), json!([[1]]), json!({"z": 1})]
            {
                let mut changed = plan.clone();
                let old = changed.pointer_mut(&place).unwrap();
                if std::mem::discriminant(old) == std::mem::discriminant(&wrong) {
                    continue;
                }
                *old = wrong.clone();
                let verb = worst(&effects(changed.to_string().as_bytes(), "x"));
                assert!(verb >= Verb::Destroy, "{place} as {wrong} is {verb}");
            }
        }
    }

    #[test]
    fn a_plan_cut_off_anywhere_is_unknown() {
        let text = full().to_string();
        for end in 0..text.len() {
            assert_eq!(worst(&effects(&text.as_bytes()[..end], "x")), Verb::Unknown, "cut at {end}");
        }
        assert_eq!(worst(&effects(format!("{text} {{}}").as_bytes(), "x")), Verb::Unknown, "more behind it");
    }

    #[test]
    fn a_field_said_twice_is_unknown() {
        let twice = r#"{"format_version":"1.2","resource_changes":[],"resource_changes":[]}"#;
        assert_eq!(worst(&effects(twice.as_bytes(), "x")), Verb::Unknown);
    }

    #[test]
    fn a_plan_that_is_not_known_not_whole_or_too_long_is_an_error() {
        let read = |v: Value| Plan::read(v.to_string().as_bytes()).err();
        assert_eq!(read(json!({"format_version": "2.0"})), Some(PlanError::Format("2.0".to_owned())));
        assert_eq!(read(json!({"format_version": "1.2", "errored": true})), Some(PlanError::Errored));
        assert!(matches!(read(json!({})), Some(PlanError::Shape(_))));
        assert_eq!(Plan::read(&vec![b' '; MOST + 1]).err(), Some(PlanError::TooLong));
        let nested = "[".repeat(1 << 20);
        assert!(Plan::read(format!("{{\"format_version\":\"1.2\",\"variables\":{nested}").as_bytes()).is_err());
    }

    #[test]
    fn an_error_says_where_and_not_what() {
        let wrong = r#"{"format_version":"1.2","errored":"hunter2"}"#;
        let said = Plan::read(wrong.as_bytes()).unwrap_err().to_string();
        assert!(said.contains("line 1, column") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn two_plans_of_the_same_change_have_one_digest() {
        let digest = |v: &Value| {
            let text = v.to_string();
            Plan::read(text.as_bytes()).unwrap().digest(text.as_bytes())
        };
        let first = full();
        let mut later = full();
        later["timestamp"] = "2027-01-01T00:00:00Z".into();
        later["relevant_attributes"] = json!([{"resource": "t.a", "attribute": ["x"]}]);
        let mut same = first.clone();
        same["relevant_attributes"] = json!([]);
        assert_eq!(digest(&later), digest(&same));
        for place in
            ["/variables/a/value", "/resource_changes/0/change/before", "/configuration/root_module/resources/0/address"]
        {
            let mut other = first.clone();
            *other.pointer_mut(place).unwrap() = "other".into();
            assert_ne!(digest(&other), digest(&first), "{place}");
        }
    }
}
