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
        let roots = roots.into_iter().filter(|r| r.is_absolute());
        match first {
            "$CWD" | "$TARGET" | "$WORKSPACE" if rest.is_empty() => roots.flat_map(|root| self.parts(root)).collect(),
            "$CWD" | "$TARGET" | "$WORKSPACE" => roots.flat_map(|root| inside(&root, with_star(&root.join(rest)))).collect(),
            _ => roots.flat_map(|root| with_star(&root.join(rest))).collect(),
        }
    }

    /// Whether a folder is the home, or holds it. Such a folder holds keys and sprag's own memory too, and Landlock
    /// cannot take a part out of what it grants.
    pub fn holds_home(&self, folder: &Path) -> bool {
        let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
        real(&self.home).starts_with(real(folder))
    }

    /// What is granted of the folder a tool works in: all of it; of a home only what is not hidden; of what lies above
    /// one, nothing.
    fn parts(&self, folder: PathBuf) -> Vec<PathBuf> {
        if !self.holds_home(&folder) {
            return vec![folder];
        }
        let is_home = self.home.canonicalize().ok() == folder.canonicalize().ok();
        let entries = std::fs::read_dir(&folder).ok().filter(|_| is_home).into_iter().flatten().filter_map(Result::ok);
        let shown = entries.filter(|e| !e.file_name().as_encoded_bytes().starts_with(b"."));
        shown.map(|e| e.path()).filter(|p| !p.is_symlink()).collect()
    }

    /// The path that a variable of the caller's names.
    pub fn variable(&self, name: &str) -> Vec<PathBuf> {
        let value = self.env.iter().find(|(k, _)| k.as_os_str() == name).map(|(_, v)| v);
        value.filter(|v| !v.is_empty()).map(|v| self.cwd.join(v)).into_iter().collect()
    }
}

/// Of `paths` those that lead to something inside `folder`: a repository can hold a link to anywhere.
fn inside(folder: &Path, mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let folder = folder.canonicalize();
    paths.retain(|p| matches!((&folder, p.canonicalize()), (Ok(folder), Ok(real)) if real.starts_with(folder)));
    paths
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
