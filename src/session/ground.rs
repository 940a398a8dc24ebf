//! Trees around what is hidden in them. Landlock cannot take a part out of what it grants, so a folder that holds something
//! hidden is granted piece by piece; what is made in such a folder later is not there for the session.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The paths that a line with `*` between two slashes stands for, there and real. A symlink stands for what it leads to.
pub(super) fn matching(line: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for part in line.iter().skip(1) {
        let text = part.to_string_lossy();
        found = match text.contains('*') {
            false => found.into_iter().map(|folder| folder.join(part)).collect(),
            true => {
                let pattern = wildmatch::WildMatch::new(&text);
                let inside = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
                let fits = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| pattern.matches(name));
                found.into_iter().flat_map(inside).filter(fits).map(|entry| entry.path()).collect()
            }
        };
    }
    found.into_iter().filter_map(|path| fs::canonicalize(path).ok()).collect()
}

/// What can be granted of the tree at `path` with nothing of `hidden` in it. Symlinks are left out: what they lead to is
/// granted where it lies, or not.
pub(super) fn around(path: &Path, hidden: &BTreeSet<PathBuf>, granted: &mut BTreeSet<PathBuf>) {
    if path.ancestors().any(|above| hidden.contains(above)) {
        return;
    }
    let holds_hidden = hidden.range(path.to_owned()..).next().is_some_and(|next| next.starts_with(path));
    if !holds_hidden {
        granted.insert(path.to_owned());
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => around(&entry.path(), hidden, granted),
            Ok(kind) if !kind.is_symlink() && !hidden.contains(&entry.path()) => {
                granted.insert(entry.path());
            }
            Ok(_) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_granted_around_what_is_hidden() {
        let room = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(room.path()).unwrap();
        for file in ["usr/bin/cat", "usr/bin/psql", "usr/lib/a", "usr/lib-x", "etc/key/one", "etc/hosts"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("usr/bin/psql"), root.join("usr/bin/other")).unwrap();
        let hidden: BTreeSet<PathBuf> = [root.join("usr/bin/psql"), root.join("etc/key")].into();
        let mut granted = BTreeSet::new();
        around(&root, &hidden, &mut granted);
        around(&root.join("etc/key/one"), &hidden, &mut granted);
        let expected = ["usr/bin/cat", "usr/lib", "usr/lib-x", "etc/hosts"].map(|p| root.join(p));
        assert_eq!(granted, expected.into());
        assert_eq!(matching(&root.join("*/bin/c*")), [root.join("usr/bin/cat")]);
        assert_eq!(matching(&root.join("nothing/*")), Vec::<PathBuf>::new());
    }
}
