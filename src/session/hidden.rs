//! Where the real tools lie, under all their names: what a session must neither read nor run.
//!
//! A file is told by device and inode, since one program can have many names (git has 143). A copy that nobody knows of is
//! not found; the credentials are the boundary, not the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Trees that are searched for more names of a file when its link count says that there are some.
const TREES: [&str; 2] = ["/usr", "/opt"];

/// Every file in `folders` under one of the `names`, by its real path, with its other names. What leads to one of the
/// `managers`, programs that stand for many tools, is left alone; so is what `is_ours`.
pub(super) fn real_tools(
    folders: &BTreeSet<PathBuf>,
    names: &BTreeSet<String>,
    managers: &[String],
    is_ours: impl Fn(&Path) -> bool,
) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    // Device and inode of what has more names, and how many of them are not known yet.
    let mut more: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for folder in folders {
        for path in names.iter().map(|name| folder.join(name)) {
            let Ok(real) = fs::canonicalize(&path) else { continue };
            let name = real.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if managers.iter().any(|m| m == name) || is_ours(&real) {
                continue;
            }
            if let Ok(meta) = fs::metadata(&real)
                && meta.is_file()
                && found.insert(real)
                && meta.nlink() > 1
            {
                *more.entry((meta.dev(), meta.ino())).or_insert(meta.nlink()) -= 1;
            }
        }
    }
    more.retain(|_, left| *left > 0);
    // They mostly stand side by side; only where not, whole trees are searched.
    for folder in folders {
        other_names(folder, false, &mut more, &mut found);
    }
    for tree in TREES {
        other_names(Path::new(tree), true, &mut more, &mut found);
    }
    found
}

/// Finds more names of the files in `more` in a folder, and in those below it where `deep`.
fn other_names(folder: &Path, deep: bool, more: &mut BTreeMap<(u64, u64), u64>, found: &mut BTreeSet<PathBuf>) {
    if more.is_empty() {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() && deep {
            other_names(&entry.path(), deep, more, found);
        }
        let which = (meta.dev(), meta.ino());
        if meta.is_file()
            && let Some(left) = more.get_mut(&which)
            && let Ok(real) = fs::canonicalize(entry.path())
            && found.insert(real)
        {
            *left -= 1;
            if *left == 0 {
                more.remove(&which);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_under_all_its_names() {
        let room = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = fs::canonicalize(room.path()).unwrap().join(name);
            fs::create_dir_all(&folder).unwrap();
            folder
        };
        let (bin, core, lib) = (folder("bin"), folder("core"), folder("lib"));
        for (path, text) in [(lib.join("psql"), "1"), (bin.join("git"), "2"), (bin.join("rm"), "3"), (lib.join("mise"), "4")]
        {
            fs::write(path, text).unwrap();
        }
        fs::hard_link(bin.join("git"), core.join("git-log")).unwrap();
        fs::hard_link(bin.join("git"), core.join("another")).unwrap();
        std::os::unix::fs::symlink(lib.join("psql"), bin.join("psql")).unwrap();
        std::os::unix::fs::symlink(lib.join("mise"), bin.join("aws")).unwrap();
        let names = ["git", "psql", "aws", "terraform"].map(str::to_owned).into();
        let folders = [bin.clone(), core.clone()].into();
        let found = real_tools(&folders, &names, &["mise".to_owned()], |_| false);
        let expected = [lib.join("psql"), bin.join("git"), core.join("git-log"), core.join("another")];
        assert_eq!(found, expected.into());
        assert!(real_tools(&folders, &names, &[], |path| path.ends_with("git")).iter().all(|p| !p.ends_with("git")));
    }
}
