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
