//! Compose files: each service is read as the `docker run` that it stands for, by the grammar of that.

use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe, Unasked, deepen, paths};
use crate::tool::schema::Tool;
use crate::tool::{self, Reading};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The names that compose looks for, the first that is there; each with what is read on top of it.
const NAMES: [(&str, &str); 4] = [
    ("compose.yaml", "compose.override.yaml"),
    ("compose.yml", "compose.override.yml"),
    ("docker-compose.yml", "docker-compose.override.yml"),
    ("docker-compose.yaml", "docker-compose.override.yaml"),
];
/// Files that include each other are followed so far.
const MAX_DEPTH: usize = 8;
/// Settings of a service that are a flag of `docker run` with one value, or one for each of a list.
const SETTINGS: [(&str, &str); 8] = [
    ("pid", "--pid"),
    ("ipc", "--ipc"),
    ("userns_mode", "--userns"),
    ("network_mode", "--network"),
    ("cap_add", "--cap-add"),
    ("devices", "--device"),
    ("security_opt", "--security-opt"),
    ("volumes_from", "--volumes-from"),
];

/// What the services of the call's files are given of this machine; what `cp` copies to it.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    match reading.command_words().last() {
        Some(&"cp") => paths::inspect_copy(reading, call, probe, findings),
        _ if reading.parsed.is_on("--dry-run") => {}
        _ => services(reading, call, findings),
    }
    // `compose run -v`.
    super::inspect(reading, call, probe, findings);
}

fn services(reading: &Reading<'_>, call: &Call, findings: &mut Findings) {
    let files = files(reading, call);
    let first = files.first().and_then(|file| file.parent()).unwrap_or(&call.cwd).to_owned();
    let project = reading.parsed.last("--project-directory").map_or(first, |folder| absolute(&call.cwd, Path::new(folder)));
    let docker = tool::find("docker").unwrap_or_default();
    let mut compose = Compose { call, docker: docker.first(), variables: variables(call, &project), found: Vec::new() };
    for file in &files {
        compose.file(file, &project, 0);
    }
    findings.effects.extend(compose.found);
    findings.read.extend(files);
}

/// The files that compose would read.
fn files(reading: &Reading<'_>, call: &Call) -> Vec<PathBuf> {
    let named: Vec<String> = match reading.parsed.values("--file").map(str::to_owned).collect::<Vec<_>>() {
        given if !given.is_empty() => given,
        _ => {
            let separator = call.var("COMPOSE_PATH_SEPARATOR").unwrap_or_else(|| ":".to_owned());
            let variable = call.var("COMPOSE_FILE").unwrap_or_default();
            variable.split(separator.as_str()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
    };
    if !named.is_empty() {
        return named.iter().map(|name| absolute(&call.cwd, Path::new(name))).collect();
    }
    let start = reading.parsed.last("--project-directory").map(|folder| absolute(&call.cwd, Path::new(folder)));
    for folder in start.unwrap_or_else(|| call.cwd.clone()).ancestors() {
        for (name, over) in NAMES {
            if folder.join(name).is_file() {
                let over = folder.join(over);
                return std::iter::once(folder.join(name)).chain(over.is_file().then_some(over)).collect();
            }
        }
    }
    Vec::new()
}

/// What `${NAME}` may stand for: the environment, and under it the project's `.env`.
fn variables(call: &Call, project: &Path) -> BTreeMap<String, String> {
    let text = crate::place::read_small(&project.join(".env")).unwrap_or_default();
    let of_file = text.lines().filter(|l| !l.trim_start().starts_with('#')).filter_map(|l| l.split_once('='));
    let plain = |value: &str| value.trim().trim_matches(['"', '\'']).to_owned();
    let mut variables: BTreeMap<String, String> = of_file.map(|(k, v)| (k.trim().to_owned(), plain(v))).collect();
    let text = |s: &OsString| s.to_str().map(str::to_owned);
    variables.extend(call.env.iter().filter_map(|(k, v)| Some((text(k)?, text(v)?))));
    variables
}

struct Compose<'c> {
    call: &'c Call,
    /// The grammar by which a service is read.
    docker: Option<&'c Tool>,
    variables: BTreeMap<String, String>,
    found: Vec<Effect>,
}

impl Compose<'_> {
    /// Reads one file, whose relative paths begin at `folder`.
    fn file(&mut self, file: &Path, folder: &Path, depth: usize) {
        let text = crate::place::read_small(file).map_err(|e| e.to_string());
        let read = text.and_then(|text| serde_saphyr::from_str::<Value>(&text).map_err(|e| e.to_string()));
        let document = match read {
            Ok(document) if depth < MAX_DEPTH => document,
            Ok(_) => return self.unknown(file, "too many files include each other"),
            Err(why) => return self.unknown(file, why.lines().next().unwrap_or_default()),
        };
        for included in list(document.get("include")) {
            let paths = list(included.get("path").or(Some(included)));
            for path in paths.iter().filter_map(|p| p.as_str()) {
                self.include(folder, path, depth);
            }
        }
        let services = document.get("services").and_then(Value::as_object);
        for (name, service) in services.into_iter().flatten() {
            if let Some(path) = service.pointer("/extends/file").and_then(Value::as_str) {
                self.include(folder, path, depth);
            }
            self.service(name, service, folder);
        }
    }

    fn include(&mut self, folder: &Path, path: &str, depth: usize) {
        match self.filled(path) {
            Some(path) if !path.contains("://") => {
                let file = absolute(folder, Path::new(&path));
                let beside = file.parent().unwrap_or(folder).to_owned();
                self.file(&file, &beside, depth + 1);
            }
            Some(_) | None => self.unknown(Path::new(path), "it is no file of this machine"),
        }
    }

    /// Reads a service as the container that is started for it.
    fn service(&mut self, name: &str, service: &Value, folder: &Path) {
        let Some(words) = self.words(service) else {
            return self.unknown(Path::new(name), "a variable of the service cannot be told");
        };
        let mut spelled = self.call.clone();
        spelled.name = "docker".to_owned();
        spelled.cwd = folder.to_owned();
        spelled.argv = ["docker", "run"].into_iter().map(OsString::from).chain(words).chain(["image".into()]).collect();
        let Some(tool) = self.docker else { return self.unknown(Path::new(name), "docker is no tool that is known") };
        let reading = tool.read(&spelled);
        let effects = deepen(&reading, &spelled, &Unasked(&spelled)).effects;
        let of_service = |e: Effect| {
            let note = if e.note.is_empty() { format!("service `{name}`") } else { format!("service `{name}`: {}", e.note) };
            Effect { evidence: Evidence::File, ..e }.because(note)
        };
        self.found.extend(effects.into_iter().filter(|e| e.verb > Verb::Write).map(of_service));
    }

    /// The flags of `docker run` for what a service is given of this machine; none where a variable has no value.
    fn words(&self, service: &Value) -> Option<Vec<OsString>> {
        let mut words = Vec::new();
        if setting(service, "privileged").is_some_and(|v| *v != Value::Bool(false)) {
            words.push("--privileged".to_owned());
        }
        for (name, flag) in SETTINGS {
            for value in list(setting(service, name)).iter().filter_map(|v| v.as_str()) {
                words.extend([flag.to_owned(), self.filled(value)?]);
            }
        }
        for volume in list(setting(service, "volumes")) {
            let text = |key: &str| volume.get(key).and_then(Value::as_str).unwrap_or_default();
            if let Some(short) = volume.as_str() {
                words.extend(["--volume".to_owned(), self.filled(short)?]);
            } else if text("type") == "bind" {
                let options = if volume.get("read_only") == Some(&Value::Bool(true)) { ":ro" } else { "" };
                words.extend(["--volume".to_owned(), self.filled(&format!("{}:/x{options}", text("source")))?]);
            }
        }
        Some(words.into_iter().map(OsString::from).collect())
    }

    /// A text with the values of its variables; none where one has none.
    fn filled(&self, text: &str) -> Option<String> {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let (inside, after) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => after.split_at(after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len())),
            };
            let end = inside.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(inside.len());
            let (name, default) = inside.split_at(end);
            let value = self.variables.get(name).filter(|v| !v.is_empty());
            let default = default.strip_prefix(":-").or_else(|| default.strip_prefix('-'));
            out.push_str(value.map(String::as_str).or(default).filter(|v| !v.contains('$'))?);
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    fn unknown(&mut self, what: &Path, why: &str) {
        let effect = Effect::new(Verb::Unknown, what.display().to_string(), Evidence::File);
        self.found.push(effect.because(why));
    }
}

/// A setting of a service, its own or that of what it merges (`<<`).
fn setting<'v>(service: &'v Value, name: &str) -> Option<&'v Value> {
    let merged = || list(service.get("<<")).into_iter().find_map(|part| setting(part, name));
    service.get(name).or_else(merged)
}

/// The members of a list; of what is none, itself.
fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(other) => vec![other],
        None => Vec::new(),
    }
}
