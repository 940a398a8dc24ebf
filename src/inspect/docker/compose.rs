//! Compose files: each service is read as the `docker run` that it stands for, by the grammar of that; so are its build, its volumes.

use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::{Launcher, UNSEEN};
use crate::inspect::{Findings, Probe, Unasked, deepen, paths};
use crate::reach::Reach;
use crate::tool::schema::Tool;
use crate::tool::{self, Reading};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
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
const SETTINGS: [(&str, &str); 9] = [
    ("pid", "--pid"),
    ("ipc", "--ipc"),
    ("userns_mode", "--userns"),
    ("network_mode", "--network"),
    ("cap_add", "--cap-add"),
    ("devices", "--device"),
    ("device_cgroup_rules", "--device-cgroup-rule"),
    ("security_opt", "--security-opt"),
    ("volumes_from", "--volumes-from"),
];

/// What the services of the call's files are given of this machine; what `cp` copies to it.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    match reading.command_words().last() {
        Some(&"cp") => paths::inspect_copy(reading, call, probe, findings),
        _ if reading.parsed.is_on("--dry-run") => {}
        // The files lie on the other machine.
        _ if call.around.away => {}
        _ => services(reading, call, findings),
    }
    // `compose run -v`.
    super::inspect(reading, call, probe, findings);
}

fn services(reading: &Reading<'_>, call: &Call, findings: &mut Findings) {
    let folder = |named: &str| absolute(&call.cwd, Path::new(named));
    let start = reading.parsed.last("--project-directory").map(folder);
    // What stands in `.env` names the files, too.
    let beside = reading.parsed.values("--file").next().map(|file| folder(file).parent().unwrap_or(&call.cwd).to_owned());
    let begun = variables(reading, call, start.as_deref().or(beside.as_deref()).unwrap_or(&call.cwd));
    let files = files(reading, call, &begun);
    let first = files.first().and_then(|file| file.parent()).unwrap_or(&call.cwd).to_owned();
    let project = start.unwrap_or(first);
    let mut variables = variables(reading, call, &project);
    variables.extend(begun);
    let docker = tool::find("docker").unwrap_or_default();
    let command = reading.command_words().last().copied().unwrap_or_default();
    let mut compose = Compose { call, command, docker: docker.first(), variables, found: Vec::new() };
    for file in &files {
        compose.file(file, &project, 0);
    }
    findings.effects.extend(compose.found);
    findings.read.extend(files);
}

/// The files that compose would read.
fn files(reading: &Reading<'_>, call: &Call, variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let named: Vec<String> = match reading.parsed.values("--file").map(str::to_owned).collect::<Vec<_>>() {
        given if !given.is_empty() => given,
        _ => {
            let separator = variables.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
            let variable = variables.get("COMPOSE_FILE").map_or("", String::as_str);
            variable.split(separator).filter(|name| !name.is_empty()).map(str::to_owned).collect()
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

/// What `${NAME}` may stand for: the environment, and under it the files that are named for that, or the project's `.env`.
fn variables(reading: &Reading<'_>, call: &Call, project: &Path) -> BTreeMap<String, String> {
    let text = |s: &OsString| s.to_str().map(str::to_owned);
    let set = call.env.iter().filter_map(|(k, v)| Some((text(k)?, text(v)?)));
    // `docker stack deploy` reads none.
    if reading.command_words().first() == Some(&"stack") {
        return set.collect();
    }
    let by_flag: Vec<String> = reading.parsed.values("--env-file").map(str::to_owned).collect();
    let by_variable = || call.var("COMPOSE_ENV_FILES").filter(|v| !v.is_empty());
    let named = match by_variable() {
        Some(names) if by_flag.is_empty() => names.split(',').map(str::to_owned).collect(),
        Some(_) | None => by_flag,
    };
    let mut files: Vec<PathBuf> = named.iter().map(|name| absolute(&call.cwd, Path::new(name))).collect();
    if files.is_empty() {
        files.push(project.join(".env"));
    }
    files.iter().flat_map(|file| pairs(file)).chain(set).collect()
}

/// The variables of a file of lines `NAME=value`.
fn pairs(file: &Path) -> Vec<(String, String)> {
    let text = crate::place::read_small(file).unwrap_or_default();
    let plain = |value: &str| value.trim().trim_matches(['"', '\'']).to_owned();
    let lines = text.lines().map(|l| l.trim_start()).filter(|l| !l.starts_with('#'));
    let pairs = lines.filter_map(|l| l.strip_prefix("export ").unwrap_or(l).split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), plain(value))).collect()
}

struct Compose<'c> {
    call: &'c Call,
    /// The last word of the command.
    command: &'c str,
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
            self.include(folder, included, depth);
        }
        let services = document.get("services").and_then(Value::as_object);
        for (name, service) in services.into_iter().flatten() {
            let extended = service.pointer("/extends/file").and_then(Value::as_str);
            if let Some(file) = extended.and_then(|path| self.local(folder, path)) {
                self.file(&file, file.parent().unwrap_or(folder), depth + 1);
            }
            self.build(name, service, folder);
            if self.command != "build" {
                self.service(name, service, folder);
            }
        }
        if self.command != "build" {
            self.volumes_and_files(&document, folder);
        }
    }

    /// The file that another names.
    fn local(&mut self, folder: &Path, path: &str) -> Option<PathBuf> {
        let file = self.filled(path).filter(|path| !path.contains("://")).map(|path| absolute(folder, Path::new(&path)));
        if file.is_none() {
            self.unknown(Path::new(path), "it is no file of this machine");
        }
        file
    }

    /// Reads the files that another includes: a path, or an object that says where their own paths and variables begin.
    fn include(&mut self, folder: &Path, included: &Value, depth: usize) {
        for path in list(included.get("path").or(Some(included))).into_iter().filter_map(Value::as_str) {
            let Some(file) = self.local(folder, path) else { continue };
            let named = included.get("project_directory").and_then(Value::as_str).and_then(|named| self.filled(named));
            let beside = file.parent().unwrap_or(folder).to_owned();
            let beside = named.map_or(beside, |named| absolute(folder, Path::new(&named)));
            let variables = match list(included.get("env_file")).into_iter().filter_map(Value::as_str).collect::<Vec<_>>() {
                files if files.is_empty() => pairs(&beside.join(".env")),
                files => files.into_iter().flat_map(|file| pairs(&absolute(folder, Path::new(file)))).collect(),
            };
            let around = self.variables.clone();
            self.variables = variables.into_iter().chain(around.clone()).collect();
            self.file(&file, &beside, depth + 1);
            self.variables = around;
        }
    }

    /// Reads a service as the container that is started for it.
    fn service(&mut self, name: &str, service: &Value, folder: &Path) {
        let shown = format!("service `{name}`");
        match self.words(service) {
            Some(words) => self.read(&shown, "run", words, "image", folder),
            None => self.unknown(Path::new(name), "a variable of the service cannot be told"),
        }
        if let Some(program) = setting(service, "provider").and_then(|p| p.get("type")).and_then(Value::as_str) {
            let program = self.filled(program).unwrap_or_else(|| UNSEEN.to_owned());
            let words = [program.as_str(), "compose", "up", name].map(OsString::from).to_vec();
            // By its name alone it is found as anything is that the caller starts.
            let reach = if program.contains('/') { Reach::Past } else { Reach::Path };
            let found = Launcher::new(self.call, &Unasked(self.call), reach).words(words, BTreeMap::new()).effects;
            self.keep(found, &shown);
        }
        let count = setting(service, "scale").or_else(|| setting(service, "deploy").and_then(|d| d.get("replicas")));
        let is_none = |count: &Value| {
            count.as_u64() == Some(0) || count.as_str().and_then(|c| self.filled(c)).is_some_and(|c| c == "0")
        };
        if ["up", "create", "deploy"].contains(&self.command) && count.is_some_and(is_none) {
            let effect = Effect::new(Verb::Destroy, name, Evidence::File);
            self.found.push(effect.because("nothing of it runs any more"));
        }
    }

    /// Reads how a service is built.
    fn build(&mut self, name: &str, service: &Value, folder: &Path) {
        let Some(build) = setting(service, "build") else { return };
        let privileged = setting(build, "privileged").filter(|v| **v != Value::Bool(false)).map(|_| "security.insecure");
        let allowed = list(setting(build, "entitlements")).into_iter().filter_map(Value::as_str).chain(privileged);
        let words: Vec<String> = allowed.flat_map(|what| ["--allow".to_owned(), what.to_owned()]).collect();
        if !words.is_empty() {
            self.read(&format!("service `{name}`"), "build", words, ".", folder);
        }
    }

    /// Reads the volumes that are made, and the files that are given to services as secrets or settings.
    fn volumes_and_files(&mut self, document: &Value, folder: &Path) {
        let under = |list: &str| document.get(list).and_then(Value::as_object).into_iter().flatten();
        for (name, volume) in under("volumes") {
            let options = volume.get("driver_opts").and_then(Value::as_object).into_iter().flatten();
            let pairs = options.map(|(key, value)| {
                let value = value.as_str().map_or_else(|| Some(value.to_string()), |text| self.filled(text))?;
                Some(["--opt".to_owned(), format!("{key}={value}")])
            });
            match pairs.collect::<Option<Vec<_>>>() {
                Some(words) => {
                    let words = std::iter::once("create".to_owned()).chain(words.into_iter().flatten()).collect();
                    self.read(&format!("volume `{name}`"), "volume", words, name, folder);
                }
                None => self.unknown(Path::new(name), "a variable of the volume cannot be told"),
            }
        }
        for (name, given) in under("secrets").chain(under("configs")) {
            let Some(file) = given.get("file").and_then(Value::as_str) else { continue };
            match self.filled(file) {
                Some(file) => {
                    let words = vec!["--volume".to_owned(), format!("{}:/x:ro", path(&file))];
                    self.read(&format!("`{name}`"), "run", words, "image", folder);
                }
                None => self.unknown(Path::new(name), "a variable of the file cannot be told"),
            }
        }
    }

    /// Reads the call of docker that something of a file stands for: a command, its words, and the operand behind them.
    fn read(&mut self, what: &str, command: &str, words: Vec<String>, operand: &str, folder: &Path) {
        let Some(tool) = self.docker else { return self.unknown(Path::new(what), "docker is no tool that is known") };
        let mut spelled = self.call.clone();
        spelled.name = "docker".to_owned();
        spelled.cwd = folder.to_owned();
        let all = ["docker", command].map(str::to_owned).into_iter().chain(words).chain([operand.to_owned()]);
        spelled.argv = all.map(OsString::from).collect();
        // Which plugins are run is said of the call itself.
        spelled.env.remove(OsStr::new("DOCKER_CONFIG"));
        let found = deepen(&tool.read(&spelled), &spelled, &Unasked(&spelled)).effects;
        self.keep(found, what);
    }

    /// Keeps what is more than that something starts.
    fn keep(&mut self, effects: Vec<Effect>, what: &str) {
        let of_it = |e: Effect| {
            let note = if e.note.is_empty() { what.to_owned() } else { format!("{what}: {}", e.note) };
            Effect { evidence: Evidence::File, ..e }.because(note)
        };
        self.found.extend(effects.into_iter().filter(|e| !matches!(e.verb, Verb::Read | Verb::Write)).map(of_it));
    }

    /// The flags of `docker run` for what a service is given of this machine; none where a variable has no value.
    fn words(&self, service: &Value) -> Option<Vec<String>> {
        let mut words = Vec::new();
        let is_on = |of: &Value, name: &str| setting(of, name).is_some_and(|v| *v != Value::Bool(false));
        let hooks = ["post_start", "pre_stop"].into_iter().flat_map(|hook| list(setting(service, hook)));
        if is_on(service, "privileged") || hooks.into_iter().any(|hook| is_on(hook, "privileged")) {
            words.push("--privileged".to_owned());
        }
        if is_on(service, "use_api_socket") {
            words.push("--use-api-socket".to_owned());
        }
        for (name, flag) in SETTINGS {
            let values = list(setting(service, name)).into_iter();
            for value in values.filter_map(|v| v.as_str().or_else(|| v.get("source")?.as_str())) {
                words.extend([flag.to_owned(), self.filled(value)?]);
            }
        }
        for volume in list(setting(service, "volumes")) {
            let text = |key: &str| self.filled(volume.get(key).and_then(Value::as_str).unwrap_or_default());
            if let Some(short) = volume.as_str() {
                words.extend(["--volume".to_owned(), self.filled(short)?]);
            } else if text("type")? == "bind" {
                let options = if volume.get("read_only") == Some(&Value::Bool(true)) { ":ro" } else { "" };
                words.extend(["--volume".to_owned(), format!("{}:/x{options}", path(&text("source")?))]);
            }
        }
        Some(words)
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

/// A path as `--volume` knows it from the name of a volume.
fn path(text: &str) -> String {
    if text.starts_with(['/', '.', '~']) { text.to_owned() } else { format!("./{text}") }
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
