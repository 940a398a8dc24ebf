//! After a run that failed: what its words name and its walls do not reach. The kernel tells nobody what it refused, so this is a
//! place to look at, and says so.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Not more paths than anybody reads.
const MOST_TOLD: usize = 3;

/// One line for a person: the paths in `words` that are there, seen from `cwd`, and that the walls do not reach; and the lines of the
/// policy that would give them to `tool`.
pub(super) fn hint(tool: &str, words: &[OsString], cwd: &Path, reaches: &dyn Fn(&Path) -> bool) -> Option<String> {
    let mut found: Vec<PathBuf> = Vec::new();
    for word in words.iter().skip(1) {
        for path in named(&word.to_string_lossy(), cwd) {
            if !found.contains(&path) && !reaches(&path) {
                found.push(path);
            }
        }
    }
    found.truncate(MOST_TOLD);
    let shown: Vec<String> = found.iter().map(|path| crate::text::sanitise(&path.to_string_lossy())).collect();
    let quoted = |quote: &str| shown.iter().map(|path| format!("{quote}{path}{quote}")).collect::<Vec<_>>().join(", ");
    (!found.is_empty()).then(|| {
        let (paths, lines) = (quoted("`"), quoted("\""));
        format!("{tool} has no {paths} behind its walls, which may be why it failed; `[profile.{tool}]` with `read = [{lines}]` in /etc/sprag/policy.toml gives it that")
    })
}

/// The paths that a word names, alone or among others: `--ca=/x`, `sslrootcert=/x host=h`, `file:///x`.
fn named(word: &str, cwd: &Path) -> Vec<PathBuf> {
    let parts = word.split(|c: char| c.is_whitespace() || "='\",;:()@".contains(c)).filter(|part| part.contains('/'));
    let is_name = |path: &PathBuf| path.components().any(|c| matches!(c, Component::Normal(_)));
    parts.map(|part| cwd.join(part)).filter(is_name).filter_map(|path| path.canonicalize().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_and_not_reached_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let inside = |name: &str| dir.path().canonicalize().unwrap().join(name);
        for name in ["ca.pem", "own.sql"] {
            std::fs::write(inside(name), "").unwrap();
        }
        let ca = inside("ca.pem").display().to_string();
        let of = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            hint("psql", &words, dir.path(), &|path| path.ends_with("own.sql"))
        };
        for words in [
            &["psql", &ca][..],
            &["psql", "--x=./ca.pem"],
            &["psql", &format!("host=h sslrootcert={ca}")],
            &["psql", &format!("file://{ca}"), "./ca.pem"],
        ] {
            let line = of(words).unwrap_or_default();
            assert!(line.contains(&format!("`read = [\"{ca}\"]`")), "{words:?}: {line}");
        }
        for words in [&["psql"][..], &["psql", "-f", "./own.sql"], &["psql", "./missing"], &["psql", "/", "a/b", "ca.pem"]] {
            assert_eq!(of(words), None, "{words:?}");
        }
    }
}
