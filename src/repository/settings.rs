//! git's configuration: the files of machine, user and repository in git's order, then what the call itself sets.

use super::Repository;
use gix::bstr::ByteSlice;
use gix::config::file::{Metadata, includes, init};
use gix::config::path::interpolate;
use gix::config::{File, Source};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `section.subsection.name`; section and name in lower case.
    pub key: String,
    /// Its value; a name alone means `true`.
    pub value: String,
}

impl Setting {
    /// A setting as a command line spells it.
    pub fn new(key: &str, value: &str) -> Setting {
        Setting { key: normal(key), value: value.to_owned() }
    }

    /// Section, subsection and name.
    pub fn parts(&self) -> (&str, &str, &str) {
        let (section, rest) = self.key.split_once('.').unwrap_or((&self.key, ""));
        rest.rsplit_once('.').map_or((section, "", rest), |(subsection, name)| (section, subsection, name))
    }
}

/// A key as git compares it: case counts in the subsection alone.
fn normal(key: &str) -> String {
    let Some((section, rest)) = key.split_once('.') else { return key.to_lowercase() };
    match rest.rsplit_once('.') {
        Some((subsection, name)) => format!("{}.{subsection}.{}", section.to_lowercase(), name.to_lowercase()),
        None => format!("{}.{}", section.to_lowercase(), rest.to_lowercase()),
    }
}

/// All settings, in the order in which git reads them: of several with one key the last counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// Those of the files of machine and user, as the variables `env` name them, and of `repository`. Files that cannot be read
    /// are left out.
    pub fn read(repository: Option<&Repository>, env: &dyn Fn(&str) -> Option<OsString>) -> Settings {
        let home = env("HOME").map(PathBuf::from);
        let xdg = env("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| home.as_ref().map(|h| h.join(".config")));
        let mut files = Vec::new();
        if env("GIT_CONFIG_NOSYSTEM").is_none_or(|v| ["", "0", "false", "no", "off"].iter().any(|n| v == *n)) {
            let system = env("GIT_CONFIG_SYSTEM").map_or_else(|| PathBuf::from("/etc/gitconfig"), PathBuf::from);
            files.push((system, Source::System));
        }
        if let Some(global) = env("GIT_CONFIG_GLOBAL") {
            files.push((global.into(), Source::User));
        } else {
            files.extend(xdg.map(|xdg| (xdg.join("git/config"), Source::Git)));
            files.extend(home.as_ref().map(|home| (home.join(".gitconfig"), Source::User)));
        }
        if let Some(repository) = repository {
            files.push((repository.common_dir().join("config"), Source::Local));
            files.push((repository.git_dir().join("config.worktree"), Source::Worktree));
        }
        let mut all = Settings::default();
        for (path, source) in files {
            all.0.extend(of_file(&path, source, repository, home.as_deref()));
        }
        all
    }

    /// Those of one file.
    pub fn of_file(path: &Path) -> Settings {
        Settings(of_file(path, Source::User, None, None))
    }

    /// Adds what the call itself sets.
    pub fn add(&mut self, settings: &[Setting]) {
        self.0.extend_from_slice(settings);
    }

    /// Every one, in order.
    pub fn all(&self) -> &[Setting] {
        &self.0
    }

    /// The value that counts for a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values(key).last()
    }

    /// Every value of a key, in order.
    pub fn values(&self, key: &str) -> impl DoubleEndedIterator<Item = &str> {
        let key = normal(key);
        self.0.iter().filter(move |s| s.key == key).map(|s| s.value.as_str())
    }

    /// Whether a key is on.
    pub fn is_on(&self, key: &str) -> Option<bool> {
        self.value(key).map(|v| !matches!(v.to_lowercase().as_str(), "" | "false" | "no" | "off" | "0"))
    }
}

fn of_file(path: &Path, source: Source, repository: Option<&Repository>, home: Option<&Path>) -> Vec<Setting> {
    // A pipe would be waited for for ever.
    if crate::place::read_small(path).is_err() {
        return Vec::new();
    }
    let metadata = || Metadata::from(source).at(path).with(gix::sec::Trust::Full);
    let branch = repository.and_then(|r| r.git.head_name().ok().flatten());
    let nowhere = Path::new("/");
    let conditions = includes::conditional::Context {
        git_dir: Some(repository.map_or(nowhere, Repository::git_dir)),
        branch_name: branch.as_ref().map(AsRef::as_ref),
    };
    let names = interpolate::Context { home_dir: home, ..interpolate::Context::default() };
    let options = |includes| init::Options { includes, lossy: true, ..init::Options::default() };
    // A condition that cannot be decided leaves the includes out.
    let file = File::from_paths_metadata([metadata()], options(includes::Options::follow(names, conditions)))
        .or_else(|_| File::from_paths_metadata([metadata()], options(includes::Options::no_follow())));
    let Ok(Some(file)) = file else { return Vec::new() };
    let mut found = Vec::new();
    for section in file.sections() {
        let subsection = section.header().subsection_name().map(|s| format!("{}.", s.to_str_lossy()));
        let prefix = format!("{}.{}", section.header().name().to_str_lossy(), subsection.unwrap_or_default());
        let mut seen: Vec<String> = Vec::new();
        for name in section.body().value_names() {
            if seen.contains(&name) {
                continue;
            }
            let values = section.body().values(&name);
            let implicit = values.is_empty();
            found.extend(values.iter().map(|v| Setting::new(&format!("{prefix}{name}"), &v.to_str_lossy())));
            if implicit {
                found.push(Setting::new(&format!("{prefix}{name}"), "true"));
            }
            seen.push(name);
        }
    }
    found
}
