//! What `$HOME`, `$CWD` and the like stand for, and how a profile's paths become real ones.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// The folders that a profile's words stand for.
#[derive(Debug, Default, Clone)]
pub struct Places {
    /// `$HOME`: from the password database.
    pub home: PathBuf,
    /// `$CWD`.
    pub cwd: PathBuf,
    /// `$TARGET`: the folder the tool works in.
    pub target: PathBuf,
    /// `$WORKSPACE`.
    pub workspace: PathBuf,
    /// `$TMPDIR`: the run's private folder.
    pub tmpdir: PathBuf,
    /// `$MANAGER`: the trees of the version manager and the interpreter that the tool's script belongs to.
    pub managers: Vec<PathBuf>,
    /// The caller's environment, for paths that variables name.
    pub env: BTreeMap<OsString, OsString>,
}

impl Places {
    /// The paths that one line of a profile stands for, there or not. A relative result, or one whose variable is not
    /// set, is none.
    pub fn expand(&self, line: &str) -> Vec<PathBuf> {
        let (first, rest) = line.split_once('/').map_or((line, ""), |(f, r)| (f, r));
        let roots: Vec<PathBuf> = match first {
            "" => vec![PathBuf::from("/")],
            "$HOME" => vec![self.home.clone()],
            "$CWD" => vec![self.cwd.clone()],
            "$TARGET" => vec![self.target.clone()],
            "$WORKSPACE" => vec![self.workspace.clone()],
            "$TMPDIR" => vec![self.tmpdir.clone()],
            "$MANAGER" => self.managers.clone(),
            variable => self.variable(variable.trim_start_matches('$')),
        };
        roots.into_iter().filter(|r| r.is_absolute()).flat_map(|root| with_star(&root.join(rest))).collect()
    }

    /// The path that a variable of the caller's names.
    pub fn variable(&self, name: &str) -> Vec<PathBuf> {
        let value = self.env.iter().find(|(k, _)| k.as_os_str() == name).map(|(_, v)| v);
        value.filter(|v| !v.is_empty()).map(|v| self.cwd.join(v)).into_iter().collect()
    }
}

/// The paths that a path with `*` in its last component stands for; without one, the path itself.
fn with_star(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if !name.contains('*') {
        return vec![path.to_owned()];
    }
    let pattern = WildMatch::new(name);
    let Some(entries) = path.parent().and_then(|folder| std::fs::read_dir(folder).ok()) else { return vec![] };
    let fits = |p: &PathBuf| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| pattern.matches(n));
    entries.filter_map(Result::ok).map(|e| e.path()).filter(fits).collect()
}
