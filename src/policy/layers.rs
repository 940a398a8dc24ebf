//! The layers of the policy: built-in < system < user < project, and who may loosen what.
//!
//! The system layer may loosen the built-in one. The user's may loosen only what the system layer names. A project's may
//! only tighten, because the guarded side can write it. A layer loosens only by name: what has the same rule id, or the
//! same key, takes the place of the lower layer's.

use super::decide::Context;
use super::schema::{self, Layer, Policy, Rule};
use crate::effect::{Effect, Verb};
use crate::place;
use std::fmt;
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// The built-in policy, as `build.rs` compiled it from `policy.toml`.
const BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/policy.bin"));
/// The system's layer, which only root can write.
const SYSTEM: &str = "/etc/sprag/policy.toml";
/// A project's layer.
const PROJECT: &str = "sprag.toml";

/// A policy that cannot be used. Everything but reads is then refused.
#[derive(Debug, PartialEq, Eq)]
pub struct PolicyError(pub String);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose calls are judged, and where: what decides which files are layers.
#[derive(Debug, Clone)]
pub struct Whose<'a> {
    /// The user's home, from the password database.
    pub home: &'a Path,
    /// The user's id.
    pub uid: u32,
    /// The folders above which a project's layer is looked for: the current one, the target's.
    pub folders: &'a [PathBuf],
}

/// Judges an example's command line: its effects and what may be known of it; nothing when no shim has its name.
pub type Judge<'a> = dyn Fn(&str) -> Option<(Vec<Effect>, Context)> + 'a;

/// The built-in policy alone.
///
/// # Errors
/// When the table in the binary is broken.
pub fn built_in() -> Result<Policy, PolicyError> {
    let broken = |_| PolicyError("the policy in this binary cannot be read; install sprag again".to_owned());
    Ok(Policy { base: postcard::from_bytes(BUILT_IN).map_err(broken)?, floors: Vec::new() })
}

/// Stacks the layers that hold for a call of `tool` (for all tools with none), checking their examples.
///
/// # Errors
/// `file:line:column:` of what is wrong. A layer that cannot be read is an error, never left out.
pub fn load(whose: &Whose<'_>, tool: Option<&str>, judge: &Judge<'_>) -> Result<Policy, PolicyError> {
    let mut policy = built_in()?;
    if let Some((layer, text)) = read(Path::new(SYSTEM), Some(0))? {
        check_examples(&layer, &text, tool, judge)?;
        replace(&mut policy.base, layer, &["*".to_owned()]);
    }
    let user = whose.home.join(".config/sprag/policy.toml");
    if let Some((layer, text)) = read(&user, Some(whose.uid))? {
        check_examples(&layer, &text, tool, judge)?;
        only_tightens(&layer, &text)?;
        let loosen = policy.base.may_loosen.clone();
        let rest = replace(&mut policy.base, layer, &loosen);
        policy.floors.push(rest);
    }
    for file in projects(whose.folders) {
        if let Some((layer, text)) = read(&file, None)? {
            check_examples(&layer, &text, tool, judge)?;
            only_tightens(&layer, &text)?;
            policy.floors.push(layer);
        }
    }
    complete(&policy.base)?;
    Ok(policy)
}

/// The nearest project file above each folder, each once.
fn projects(folders: &[PathBuf]) -> Vec<PathBuf> {
    let nearest = |folder: &PathBuf| folder.ancestors().map(|a| a.join(PROJECT)).find(|f| f.exists());
    let mut found: Vec<PathBuf> = folders.iter().filter_map(nearest).collect();
    found.sort();
    found.dedup();
    found
}

/// Reads a layer; `owner`: who, beside root, may own it.
fn read(path: &Path, owner: Option<u32>) -> Result<Option<(Layer, String)>, PolicyError> {
    if !path.exists() && path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let fail = |why: String| PolicyError(format!("{}:1:1: {why}", path.display()));
    if let Some(owner) = owner {
        place::trusted(path, owner).map_err(|e| fail(e.to_string()))?;
    }
    // A project's is whoever's the folder is.
    let read = if owner.is_some() { place::read_own } else { place::read_small };
    let text = read(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    let layer = schema::parse(&text, &path.display().to_string()).map_err(PolicyError)?;
    Ok(Some((layer, text)))
}

/// Checks the examples of every rule that speaks of `tool`.
///
/// # Errors
/// At the place of the first example that the rule matches and must not, or must and does not.
pub fn check_examples(layer: &Layer, text: &str, tool: Option<&str>, judge: &Judge<'_>) -> Result<(), PolicyError> {
    for rule in &layer.rules {
        for example in &rule.examples {
            let first = example.run.split_whitespace().next().unwrap_or_default();
            if tool.is_some_and(|t| t != first) {
                continue;
            }
            let why = match judge(&example.run) {
                None => Some(format!("`{first}` is no tool that is known")),
                Some((effects, context)) => {
                    let hit = effects.iter().any(|e| covers(rule, e, &context));
                    let must = if example.matches {
                        "does not match this call, and must"
                    } else {
                        "matches this call, and must not"
                    };
                    (hit != example.matches).then(|| format!("rule `{}` {must}", rule.id))
                }
            };
            if let Some(why) = why {
                return Err(PolicyError(place::cite_at(&layer.file, text, example.offset, &why)));
            }
        }
    }
    Ok(())
}

/// Whether a rule speaks of an effect, whatever the environment: an example says nothing of where it would happen.
fn covers(rule: &Rule, effect: &Effect, context: &Context) -> bool {
    Rule { environment: Vec::new(), ..rule.clone() }.matches(effect, context, &[])
}

/// Settings of approval and walls belong to the system's layer: the guarded side can write the others.
fn only_tightens(layer: &Layer, text: &str) -> Result<(), PolicyError> {
    let misplaced = [
        ("approval", layer.approval.is_some()),
        ("confine", layer.confine.is_some()),
        ("session", layer.session.as_ref().is_some_and(schema::Session::loosens)),
        ("profile", !layer.profiles.is_empty()),
        ("user", !layer.may_loosen.is_empty()),
    ];
    match misplaced.iter().find(|(_, there)| *there) {
        Some((name, _)) => {
            let offset = text.find(&format!("[{name}]")).or_else(|| text.find(&format!("[{name}."))).unwrap_or(0);
            let why = format!("`[{name}]` belongs in {SYSTEM}: this layer can only tighten rules");
            Err(PolicyError(place::cite_at(&layer.file, text, offset, &why)))
        }
        None => Ok(()),
    }
}

/// Moves into `base` what `layer` may replace there by name; returns the rest.
fn replace(base: &mut Layer, mut layer: Layer, may: &[String]) -> Layer {
    let free = |name: &str| may.iter().any(|p| WildMatch::new(p).matches(name));
    let all = free("*");
    for rule in std::mem::take(&mut layer.rules) {
        if free(&rule.id) {
            base.rules.retain(|r| r.id != rule.id);
            base.rules.push(rule);
        } else {
            layer.rules.push(rule);
        }
    }
    let line = layer.default_line;
    for (verb, decision) in std::mem::take(&mut layer.default) {
        if free(&format!("default.{verb}")) {
            base.default.insert(verb, decision);
            (base.default_line, base.file) = (line, layer.file.clone());
        } else {
            layer.default.insert(verb, decision);
        }
    }
    replace_environments(base, &mut layer, &free);
    if free("session") {
        base.session = layer.session.take().or(base.session.take());
    }
    for (tool, more) in std::mem::take(&mut layer.profiles) {
        if free(&format!("profile.{tool}")) {
            base.profiles.insert(tool, more);
        } else {
            layer.profiles.insert(tool, more);
        }
    }
    if all {
        base.approval = layer.approval.take().or(base.approval.take());
        base.confine = layer.confine.take().or(base.confine.take());
        base.may_loosen = std::mem::take(&mut layer.may_loosen);
    }
    layer
}

fn replace_environments(base: &mut Layer, layer: &mut Layer, free: &dyn Fn(&str) -> bool) {
    for environment in std::mem::take(&mut layer.environments) {
        let every_key = Verb::ALL.iter().all(|v| free(&format!("environment.{}.{v}", environment.name)));
        if every_key {
            base.environments.retain(|e| e.name != environment.name);
            base.environments.push(environment);
        } else {
            layer.environments.push(environment);
        }
    }
}

/// The base must speak of every verb, and not take what is not understood for mild.
fn complete(base: &Layer) -> Result<(), PolicyError> {
    let at = format!("{}:{}:1", base.file, base.default_line);
    if let Some(verb) = Verb::ALL.iter().find(|v| !base.default.contains_key(v)) {
        return Err(PolicyError(format!("{at}: `[default]` says nothing of `{verb}`; add it")));
    }
    if base.default.get(&Verb::Unknown) < base.default.get(&Verb::Destroy) {
        return Err(PolicyError(format!("{at}: `unknown` is milder than `destroy` in `[default]`; make it as strict")));
    }
    Ok(())
}
