//! The state guard: is this the state that was here before?
//!
//! A plan carries the state it was made against, whatever the backend: lineage, serial and resources are read from there,
//! so they are those of exactly the plan that would be applied. What differs from what is remembered is an effect of its
//! own, with a name that policies can use.

use super::plan::Plan;
use super::values::Output;
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Learned, Probe};
use crate::memory::{Known, Whose};
use crate::tool::Reading;
use prost::Message;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The state that a configuration had is gone.
const MISSING: &str = "state:missing";
/// Another state lies in its place.
const LINEAGE: &str = "state:lineage";
/// An older version of it does.
const SERIAL: &str = "state:serial";
/// A plan makes things where nothing, or little, was known.
const NEW: &str = "state:new";
/// The state is a local file.
const LOCAL: &str = "state:local";
/// What is remembered cannot be read, or not compared.
const MEMORY: &str = "state:memory";
/// How many digits of a digest tell backends of one folder apart.
const DIGEST: usize = 16;
/// A state in a plan, and a state file, may be this long.
const MOST: u64 = 256 << 20;

/// A state, as far as it can be seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Absent where it cannot be seen; empty where there is none yet.
    lineage: Option<String>,
    serial: u64,
    resources: u64,
    types: BTreeSet<String>,
    backend: String,
    workspace: String,
}

/// A state file, version 4: what is read of it.
#[derive(Deserialize)]
struct StateFile {
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    lineage: String,
    #[serde(default)]
    resources: Vec<StateResource>,
}

#[derive(Deserialize)]
struct StateResource {
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    instances: Vec<serde::de::IgnoredAny>,
}

/// The part of a saved plan's `tfplan` that says where the state lives (planfile.proto: `Plan.backend`).
#[derive(Message)]
struct PlanMessage {
    #[prost(message, optional, tag = "13")]
    backend: Option<BackendMessage>,
}

#[derive(Message)]
struct BackendMessage {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    workspace: String,
}

impl State {
    /// The state that a plan was made against: from the sealed plan, where it can be opened, else what its JSON tells.
    /// OpenTofu can encrypt a plan, and a plan of HCP Terraform is only a name.
    pub(super) fn of_plan(sealed: Option<&OwnedFd>, plan: &Plan<'_>) -> State {
        let opened = sealed.and_then(|fd| fd.try_clone().ok()).and_then(|fd| State::in_archive(File::from(fd)));
        opened.unwrap_or_else(|| State { resources: plan.prior_resources(), ..State::default() })
    }

    fn in_archive(file: File) -> Option<State> {
        let mut archive = zip::ZipArchive::new(file).ok()?;
        let mut entry = |name: &str| {
            let mut bytes = Vec::new();
            archive.by_name(name).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        let before: StateFile = serde_json::from_slice(&entry("tfstate-prev")?).ok()?;
        // The state as it was before it was refreshed names neither (measured).
        let refreshed: StateFile = serde_json::from_slice(&entry("tfstate")?).ok()?;
        let backend = PlanMessage::decode(entry("tfplan")?.as_slice()).ok()?.backend;
        let mut state = State { lineage: Some(refreshed.lineage), serial: refreshed.serial, ..State::of_file(before) };
        if let Some(backend) = backend {
            (state.backend, state.workspace) = (backend.kind, backend.workspace);
        }
        Some(state)
    }

    fn of_file(file: StateFile) -> State {
        let managed = || file.resources.iter().filter(|r| r.mode == "managed" && !r.instances.is_empty());
        State {
            resources: managed().map(|r| r.instances.len() as u64).sum(),
            types: managed().map(|r| r.kind.clone()).collect(),
            lineage: Some(file.lineage),
            serial: file.serial,
            ..State::default()
        }
    }

    fn at(path: &Path) -> Option<State> {
        let mut bytes = Vec::new();
        crate::place::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok().map(State::of_file)
    }
}

/// Compares the state of a plan with what is remembered of it; also what is to be remembered once it was applied.
pub(super) fn guard(
    reading: &Reading<'_>,
    call: &Call,
    probe: &dyn Probe,
    state: State,
    plan: &Plan<'_>,
) -> (Vec<Effect>, Learned) {
    let whose = whose(reading, call, &state);
    let mut effects = Vec::new();
    let known = match probe.remembered(&whose) {
        Ok(known) => known,
        Err(e) => {
            let effect = Effect::new(Verb::Unknown, MEMORY, Evidence::State);
            // What can be done comes first: a path is long, and notes are cut.
            let note = format!("what is remembered of it cannot be read; a person mends it: `sprag state forget` ({e})");
            effects.push(effect.because(note));
            None
        }
    };
    let file = (state.backend == "local").then(|| local_file(reading, call, &state.workspace));
    effects.extend(compare(known.as_ref(), &state, plan.creates(), file.as_deref()));
    let made: u64 = plan.resource_changes.iter().map(|r| u64::from(r.change.actions == ["create"])).sum();
    let gone = |a: &[std::borrow::Cow<'_, str>]| a == ["delete"] || a == ["forget"];
    let lost: u64 = plan.resource_changes.iter().map(|r| u64::from(gone(&r.change.actions))).sum();
    let after = Known {
        whose,
        backend: state.backend,
        lineage: state.lineage.unwrap_or_default(),
        // Every apply that changes something writes the state at least once, and counts its serial up. What is only read, as
        // a check's data source is each time, does not.
        serial: state.serial + u64::from(plan.writes()),
        resources: (state.resources + made).saturating_sub(lost),
        types: state.types,
        seen: 0,
    };
    (effects, Learned { after, before: known, file })
}

/// What the state is once the tool has run: as its file tells, else as the plan would have it; nothing is learned from a
/// run that failed where there is no file to look at.
pub(in crate::inspect) fn settle(learned: Learned, succeeded: bool, now: u64) -> Option<Known> {
    let Learned { after, before, file } = learned;
    let settled = match file.and_then(|f| State::at(&f)) {
        Some(state) => Known {
            lineage: state.lineage.unwrap_or_default(),
            serial: state.serial,
            resources: state.resources,
            types: state.types,
            ..after
        },
        None if succeeded => after,
        None => before?,
    };
    Some(Known { seen: now, ..settled })
}

/// What is not as it was, or not as a policy may want it.
fn compare(known: Option<&Known>, state: &State, creates: u64, file: Option<&Path>) -> Vec<Effect> {
    let effect = |verb, name: &str, note: String| Effect::new(verb, name, Evidence::State).because(note);
    let mut found = Vec::new();
    if let Some(path) = file {
        found.push(effect(Verb::Write, LOCAL, format!("the state is the local file {}", path.display())));
    }
    let short = |lineage: &str| lineage.chars().take(8).collect::<String>();
    if let Some(known) = known {
        let (was, count) = (&known.lineage, known.resources);
        match &state.lineage {
            None if !was.is_empty() => {
                let note = "the plan does not tell which state it was made against, and earlier ones did";
                found.push(effect(Verb::Unknown, MEMORY, note.to_owned()));
            }
            Some(is) if is.is_empty() && count > 0 => {
                let note = format!("the state is gone: it held {count} resources, and now there is none");
                found.push(effect(Verb::Write, MISSING, note).counted(count, count));
            }
            None if count > 0 && state.resources == 0 => {
                let note = format!("the state is empty, and held {count} resources");
                found.push(effect(Verb::Write, MISSING, note).counted(count, count));
            }
            Some(is) if !is.is_empty() && !was.is_empty() && is != was => {
                let note = format!(
                    "this is another state: lineage {}, {} resources, where {} with {count} was",
                    short(is),
                    state.resources,
                    short(was)
                );
                found.push(effect(Verb::Destroy, LINEAGE, note));
            }
            Some(is) if is == was && state.serial < known.serial => {
                let (is, was) = (state.serial, known.serial);
                let note = format!("this is an older state, or a plan made of one: serial {is}, where {was} was");
                found.push(effect(Verb::Destroy, SERIAL, note));
            }
            Some(_) | None => {}
        }
    } else if let Some(backup) = file.map(backup_of).filter(|_| state.lineage.as_deref() == Some("")) {
        let held = State::at(&backup).map_or(0, |s| s.resources);
        if held > 0 {
            let note = format!("there is no state, but {} holds {held} resources", backup.display());
            found.push(effect(Verb::Write, MISSING, note).counted(held, held));
        }
    }
    let emptied = known.is_some_and(|k| k.resources > 0 && state.resources == 0);
    if creates > 0 && (known.is_none() || emptied) {
        let note = format!("{creates} resources would be made where the state holds {}", state.resources);
        found.push(effect(Verb::Write, NEW, note).counted(creates, creates + state.resources));
    }
    found
}

/// What policies may ask of a plan whose state is not remembered: `sprag inspect plan`.
pub(super) fn new_resources(plan: &Plan<'_>) -> Vec<Effect> {
    let state = State { resources: plan.prior_resources(), ..State::default() };
    compare(None, &state, plan.creates(), None)
}

fn whose(reading: &Reading<'_>, call: &Call, state: &State) -> Whose {
    let folder = std::fs::canonicalize(&reading.folder).unwrap_or_else(|_| reading.folder.clone());
    let named = || reading.facts.get("tf-workspace").cloned().unwrap_or_else(|| "default".to_owned());
    let workspace = if state.workspace.is_empty() { named() } else { state.workspace.clone() };
    Whose { file: place(reading, call, &workspace).unwrap_or_default(), folder, workspace }
}

/// A path with the symlinks of its folder followed; the file itself need not be there.
fn resolved(file: &Path) -> PathBuf {
    let folder = file.parent().and_then(|f| std::fs::canonicalize(f).ok());
    folder.and_then(|f| Some(f.join(file.file_name()?))).unwrap_or_else(|| file.to_owned())
}

/// Where a state lies that is not the usual file of its folder: the file, or the backend and a digest of its configuration,
/// so that what `-backend-config` or TF_DATA_DIR chooses is another state. A file is the same however it is spelled.
fn place(reading: &Reading<'_>, call: &Call, workspace: &str) -> Option<PathBuf> {
    let backend = Backend::of(reading, call).filter(|b| b.kind != "local");
    if let Some(backend) = backend {
        let digest = crate::text::hex(&Sha256::digest(backend.config.to_string()));
        return Some(format!("{}:{}", backend.kind, digest.get(..DIGEST).unwrap_or_default()).into());
    }
    let in_folder = |path: &str| resolved(&absolute(&reading.folder, Path::new(path)));
    let usual = match workspace {
        "default" => in_folder("terraform.tfstate"),
        _ => in_folder(&format!("terraform.tfstate.d/{workspace}/terraform.tfstate")),
    };
    let named = reading.parsed.last("-state").map(in_folder);
    let file = named.unwrap_or_else(|| resolved(&usual_file(reading, call, workspace)));
    (file != usual).then_some(file)
}

/// Where a local state lies: as a flag says, else in the usual file.
fn local_file(reading: &Reading<'_>, call: &Call, workspace: &str) -> PathBuf {
    match reading.parsed.last("-state-out").or(reading.parsed.last("-state")) {
        Some(path) => absolute(&reading.folder, Path::new(path)),
        None => usual_file(reading, call, workspace),
    }
}

/// Where a local state lies without a flag: as the backend's configuration says, or where it always does.
fn usual_file(reading: &Reading<'_>, call: &Call, workspace: &str) -> PathBuf {
    let in_folder = |path: &str| absolute(&reading.folder, Path::new(path));
    let config = Backend::of(reading, call).map(|b| b.config).unwrap_or_default();
    let or = |key: &str, usual: &str| in_folder(config.get(key).and_then(|v| v.as_str()).unwrap_or(usual));
    match workspace {
        "default" => or("path", "terraform.tfstate"),
        _ => or("workspace_dir", "terraform.tfstate.d").join(workspace).join("terraform.tfstate"),
    }
}

/// The outputs of a local state: none where there is no state yet, and nothing that says it lies elsewhere; absent where they cannot be
/// told.
pub(super) fn local_outputs(reading: &Reading<'_>, call: &Call) -> Option<BTreeMap<String, Output>> {
    #[derive(Deserialize)]
    struct Outputs {
        // What OpenTofu has encrypted has none.
        version: u64,
        #[serde(default)]
        outputs: BTreeMap<String, Output>,
    }
    let is_local = Backend::of(reading, call).is_none_or(|backend| backend.kind == "local");
    let workspace = reading.facts.get("tf-workspace").map_or("default", String::as_str);
    let file = local_file(reading, call, workspace);
    match file.symlink_metadata() {
        _ if !is_local => None,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(BTreeMap::new()),
        _ => serde_json::from_str::<Outputs>(&crate::place::read_small(&file).ok()?)
            .ok()
            .filter(|found| found.version == 4)
            .map(|found| found.outputs),
    }
}

fn backup_of(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".backup");
    path.into()
}

/// The backend that `terraform init` wrote down.
#[derive(Deserialize)]
pub(super) struct Backend {
    /// Its kind: `s3`, `remote`, …
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    config: serde_json::Value,
}

/// Where `terraform init` writes what it set up.
pub(super) fn data_folder(reading: &Reading<'_>, call: &Call) -> PathBuf {
    let data = call.var("TF_DATA_DIR").filter(|d| !d.is_empty()).unwrap_or_else(|| ".terraform".to_owned());
    absolute(&reading.folder, Path::new(&data))
}

impl Backend {
    /// The backend of a folder that was initialised with one; else the state is a file.
    pub(super) fn of(reading: &Reading<'_>, call: &Call) -> Option<Backend> {
        #[derive(Deserialize)]
        struct Written {
            backend: Option<Backend>,
        }
        let path = data_folder(reading, call).join("terraform.tfstate");
        let text = crate::place::read_small(&path).ok()?;
        serde_json::from_str::<Written>(&text).ok()?.backend
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lineage: &str, serial: u64, resources: u64) -> Known {
        Known {
            whose: Whose { folder: "/x".into(), workspace: "default".into(), file: PathBuf::new() },
            backend: "s3".into(),
            lineage: lineage.into(),
            serial,
            resources,
            types: BTreeSet::new(),
            seen: 1,
        }
    }

    fn state(lineage: Option<&str>, serial: u64, resources: u64) -> State {
        State { lineage: lineage.map(str::to_owned), serial, resources, ..State::default() }
    }

    fn found(known: Option<Known>, state: State, creates: u64) -> Vec<(Verb, String)> {
        compare(known.as_ref(), &state, creates, None).into_iter().map(|e| (e.verb, e.target)).collect()
    }

    fn named(verb: Verb, name: &str) -> (Verb, String) {
        (verb, name.to_owned())
    }

    #[test]
    fn the_state_that_was_here_before_is_nothing_to_speak_of() {
        assert!(found(Some(known("a", 3, 5)), state(Some("a"), 3, 5), 0).is_empty());
        assert!(found(Some(known("a", 3, 5)), state(Some("a"), 9, 2), 100).is_empty(), "others work on it too");
        assert!(found(Some(known("a", 3, 0)), state(Some("a"), 4, 0), 100).is_empty(), "it was empty when last seen");
        assert!(found(Some(known("", 0, 5)), state(Some("a"), 3, 5), 0).is_empty(), "its lineage was not seen yet");
    }

    #[test]
    fn what_is_not_as_it_was_has_a_name() {
        let missing = [named(Verb::Write, MISSING), named(Verb::Write, NEW)];
        assert_eq!(found(Some(known("a", 3, 5)), state(Some(""), 0, 0), 5), missing);
        assert_eq!(found(Some(known("", 3, 5)), state(None, 0, 0), 5), missing, "where only the plan's JSON tells");
        assert_eq!(found(Some(known("a", 3, 5)), state(Some("b"), 9, 5), 0), [named(Verb::Destroy, LINEAGE)]);
        assert_eq!(found(Some(known("a", 3, 5)), state(Some("a"), 2, 5), 0), [named(Verb::Destroy, SERIAL)]);
        assert_eq!(found(Some(known("a", 3, 5)), state(None, 0, 5), 0), [named(Verb::Unknown, MEMORY)]);
    }

    #[test]
    fn what_is_made_where_nothing_was_known_is_counted() {
        let effects = compare(None, &state(Some(""), 0, 3), 97, None);
        assert_eq!((effects[0].target.as_str(), effects[0].count, effects[0].of), (NEW, Some(97), Some(100)));
        assert!(compare(None, &state(Some("a"), 4, 3), 0, None).is_empty());
    }

    #[test]
    fn a_backup_beside_a_state_that_is_not_there_tells_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("terraform.tfstate");
        let backup = r#"{"version":4,"serial":7,"lineage":"a","resources":[
            {"mode":"managed","type":"t","name":"a","instances":[{},{}]},{"mode":"data","type":"d","name":"a","instances":[{}]}]}"#;
        let missing = |state: &State| {
            let effects = compare(None, state, 0, Some(&file));
            effects.into_iter().find(|e| e.target == MISSING).and_then(|e| e.count)
        };
        assert_eq!(missing(&state(Some(""), 0, 0)), None);
        std::fs::write(backup_of(&file), backup).unwrap();
        assert_eq!(missing(&state(Some(""), 0, 0)), Some(2));
        assert_eq!(missing(&state(Some("a"), 8, 0)), None, "emptied by a destroy");
    }

    #[test]
    fn what_a_run_left_behind_is_learned_from_its_file_or_its_plan() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s");
        let learned = |before: Option<Known>| Learned { after: known("", 1, 5), before, file: Some(file.clone()) };
        assert_eq!(settle(learned(None), true, 9), Some(Known { seen: 9, ..known("", 1, 5) }));
        assert_eq!(settle(learned(None), false, 9), None, "a failed run tells nothing");
        assert_eq!(settle(learned(Some(known("a", 1, 2))), false, 9).unwrap().resources, 2);
        std::fs::write(&file, r#"{"serial":4,"lineage":"l","resources":[{"mode":"managed","type":"t","instances":[{}]}]}"#)
            .unwrap();
        let after = settle(learned(None), false, 9).unwrap();
        assert_eq!((after.lineage.as_str(), after.serial, after.resources), ("l", 4, 1));
        assert_eq!(after.types, BTreeSet::from(["t".to_owned()]));
    }

    #[test]
    fn what_is_no_archive_is_told_by_the_json_alone() {
        let plan = r#"{"format_version":"1.2","prior_state":{"values":{"root_module":{
            "resources":[{"mode":"managed"},{"mode":"data"}],"child_modules":[{"resources":[{"mode":"managed"}]}]}}}}"#;
        let plan = Plan::read(plan.as_bytes()).unwrap();
        let file = tempfile::tempfile().unwrap();
        assert_eq!(State::of_plan(Some(&file.into()), &plan), state(None, 0, 2));
    }
}
