//! Which files a find would come to.

use super::super::ground::{Ground, Place};
use super::test::File;
use super::words::Search;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// So many files are looked at to see what would be found.
const MOST_SEEN: usize = 100_000;
/// More files than these are not judged one by one.
const MOST_FOUND: usize = 10_000;

/// The files that may come to one of `actions`; nothing where they are too many, or not this machine's.
pub(super) fn found(search: &Search, ground: &Ground, actions: &[usize]) -> Option<Vec<PathBuf>> {
    let expression = search.expression();
    let mut open = starts(search, ground)?;
    let (mut found, mut seen) = (Vec::new(), 0);
    while let Some(file) = open.pop() {
        seen += 1;
        if seen > MOST_SEEN || found.len() > MOST_FOUND {
            return None;
        }
        let fate = if search.is_asked(file.depth) { expression.fate(&file) } else { Default::default() };
        if fate.reached.iter().any(|action| actions.contains(action)) {
            found.push(file.path.clone());
        }
        if file.metadata.is_dir() && !fate.pruned && search.goes_to(file.depth + 1) {
            open.extend(inside(&file)?);
        }
    }
    Some(found)
}

/// The starts that are there; nothing where one of them cannot be seen, or is followed wherever it leads.
fn starts(search: &Search, ground: &Ground) -> Option<Vec<File>> {
    let mut found = Vec::new();
    for start in &search.starts {
        let (place, path) = ground.place(start, search.follows_starts);
        let seen = !ground.away && !search.follows && place != Place::Unseen;
        let printed = start.to_string_lossy().into_owned();
        match path.symlink_metadata() {
            _ if !seen => return None,
            Ok(metadata) => found.push(File { path, printed, depth: 0, metadata }),
            // A word that a shell was to make something else of.
            Err(_) if printed.contains(['*', '?', '[', '~', '{', '$']) => return None,
            Err(e) if is_gone(&e) => {}
            Err(_) => return None,
        }
    }
    Some(found)
}

/// What stands in a folder.
fn inside(folder: &File) -> Option<Vec<File>> {
    let entries = match folder.path.read_dir() {
        Ok(entries) => entries,
        Err(e) if is_gone(&e) => return Some(vec![]),
        Err(_) => return None,
    };
    let slash = if folder.printed.ends_with('/') { "" } else { "/" };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.ok()?.path();
        let name = path.file_name().map(Path::new).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let printed = format!("{}{slash}{name}", folder.printed);
        match path.symlink_metadata() {
            Ok(metadata) => found.push(File { path, printed, depth: folder.depth + 1, metadata }),
            Err(e) if is_gone(&e) => {}
            Err(_) => return None,
        }
    }
    Some(found)
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::super::words::search;
    use super::*;
    use std::collections::BTreeSet;
    use std::ffi::{OsStr, OsString};
    use std::process::Command;

    /// Expressions that are drawn from what is surely understood.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }

        fn expression(&mut self, depth: u64) -> String {
            const ATOMS: [&str; 15] = [
                "ACTION",
                "ACTION",
                "ACTION",
                "-prune",
                "-name *.a",
                "-name [de]*",
                "-iname *.A",
                "-path ./d/*",
                "-path */e",
                "-type f",
                "-type d,l",
                "-regex .*a",
                "-empty",
                "-size +3c",
                "-xtype f",
            ];
            let atom = |dice: &mut Dice| ATOMS[usize::try_from(dice.roll(15)).unwrap()].to_owned();
            match if depth == 0 { 0 } else { self.roll(8) } {
                0 | 1 => atom(self),
                2 => format!("! {}", self.expression(0)),
                3 => format!("! ( {} )", self.expression(depth - 1)),
                4 => format!("{} -o {}", self.expression(depth - 1), self.expression(depth - 1)),
                5 => format!("( {} ) {}", self.expression(depth - 1), self.expression(depth - 1)),
                6 => format!("{} , {}", self.expression(depth - 1), self.expression(depth - 1)),
                _ => format!("{} {}", self.expression(depth - 1), self.expression(depth - 1)),
            }
        }
    }

    #[test]
    fn the_real_find_comes_to_no_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for file in ["x.a", "y.b", ".z.a", "d/x.A", "d/e/x.a", "e/d/y", "e/empty/"] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            match file.strip_suffix('/') {
                Some(empty) => std::fs::create_dir(root.join(empty)).unwrap(),
                None => std::fs::write(root.join(file), file).unwrap(),
            }
        }
        std::os::unix::fs::symlink("../d/e", root.join("e/link")).unwrap();
        std::fs::write(root.join("none.a"), "").unwrap();
        let call = crate::shim::call_of_words(vec![OsString::from("find")], &root).unwrap();
        const MANY: usize = 300;
        let (mut dice, mut same) = (Dice(99), 0);
        for _ in 0..MANY {
            let option = ["", "-depth ", "-maxdepth 2 ", "-mindepth 1 "][usize::try_from(dice.roll(4)).unwrap()];
            let text = format!(". {option}{} -o ACTION -name never", dice.expression(4));
            let ours: Vec<OsString> = text.replace("ACTION", "-exec x {} +").split(' ').map(OsString::from).collect();
            let ours = search(&ours.iter().map(OsString::as_os_str).collect::<Vec<&OsStr>>());
            let actions: Vec<usize> = ours.calls.iter().map(|call| call.action).collect();
            let found: BTreeSet<PathBuf> = found(&ours, &Ground::of(&call), &actions).unwrap().into_iter().collect();
            let real = text.replace("ACTION", "-print");
            let real = Command::new("find").args(real.split(' ')).current_dir(&root).output().unwrap();
            assert!(real.status.success(), "{text}: {real:?}");
            let lines = String::from_utf8(real.stdout).unwrap();
            let real: BTreeSet<PathBuf> = lines.lines().map(|line| root.join(line.trim_start_matches("./"))).collect();
            assert!(found.is_superset(&real), "{text}: {found:?} and not {real:?}");
            same += usize::from(found == real);
        }
        // What a list comes to is left open, as what `-prune` does behind `-depth`; and GNU find puts names in front of actions.
        assert!(same > MANY * 3 / 4, "only {same} are the same");
    }
}
