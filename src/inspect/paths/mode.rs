//! chmod, chown, chattr: who may do what with a file.

mod bits;

use super::ground::{Ground, Place};
use super::loss::shown;
use super::{help, is_help, lacking, names, operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe};
use crate::tool::Reading;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;

/// What chmod's words say.
#[derive(Default)]
struct Mode<'w> {
    mode: Option<String>,
    files: Vec<&'w OsStr>,
    /// Whole trees are meant.
    whole: bool,
    unknown: Vec<String>,
}

/// chmod takes `-x` for a mode, so that no flag table can read its words.
fn mode<'w>(words: &[&'w OsStr]) -> Mode<'w> {
    const LONG: [&str; 11] = [
        "--changes",
        "--silent",
        "--quiet",
        "--verbose",
        "--no-preserve-root",
        "--preserve-root",
        "--recursive",
        "--dereference",
        "--no-dereference",
        "--help",
        "--version",
    ];
    let mut found = Mode::default();
    let mut ended = false;
    for word in words {
        let text = word.to_string_lossy();
        match text.strip_prefix('-') {
            None | Some("") => found.files.push(word),
            Some(_) if ended => found.files.push(word),
            Some("-") => ended = true,
            Some(_) if text.starts_with("--ref") => found.mode = Some("a file's".to_owned()),
            Some(_) if LONG.iter().any(|l| text.len() > 3 && l.starts_with(text.as_ref())) => {
                found.whole |= text.starts_with("--rec");
            }
            Some(letters) if letters.chars().all(|c| "cfvRhHLP".contains(c)) => found.whole |= letters.contains('R'),
            Some(_) if text.starts_with("--") => found.unknown.push(text.into_owned()),
            Some(letters) if letters.starts_with(|c: char| "rwxXst".contains(c) || c.is_digit(8)) => {
                found.mode = Some(text.into_owned());
            }
            Some(_) => found.unknown.push(text.into_owned()),
        }
    }
    if found.mode.is_none() && !found.files.is_empty() {
        found.mode = Some(found.files.remove(0).to_string_lossy().into_owned());
    }
    found
}

/// Why a mode is a grant, where it is one.
fn opens(mode: &str) -> Option<&'static str> {
    let number = mode.trim_start_matches(['=', '+']);
    if !number.is_empty() && number.chars().all(|c| c.is_digit(8)) {
        let bits = u32::from_str_radix(number, 8).unwrap_or(0);
        return match bits {
            _ if bits & 0o6000 != 0 => Some("it runs as its owner"),
            _ if bits & 0o002 != 0 && bits & 0o1000 == 0 => Some("everybody may write it"),
            _ if bits & 0o700 == 0 => Some("nobody may open it"),
            _ => None,
        };
    }
    mode.split(',').find_map(clause)
}

/// Whether a mode leaves nothing to anybody but the owner, who keeps what is theirs.
fn shuts(mode: &str) -> bool {
    let octal = !mode.is_empty() && mode.chars().all(|c| c.is_digit(8));
    let only_owner = || u32::from_str_radix(mode, 8).is_ok_and(|bits| bits & 0o077 == 0 && bits & 0o700 != 0);
    let taken = |clause: &str| {
        clause.split_once('-').is_some_and(|(who, _)| !who.is_empty() && who.chars().all(|c| "go".contains(c)))
    };
    if octal { only_owner() } else { mode.split(',').all(taken) }
}

/// A file or a folder that is shut to others.
fn shut(ground: &Ground, word: &OsStr) -> Effect {
    match ground.place(word, true) {
        (place @ (Place::Home | Place::Outside), path) => {
            Effect::new(Verb::Write, shown(word, place, &path), Evidence::Argv).because("only its owner may open it")
        }
        _ => changed(ground, word, None),
    }
}

/// Whether a mode gives nobody more of a file of the system than is public there, and takes nothing that others need.
fn is_mild(ground: &Ground, word: &OsStr, mode: &str) -> bool {
    const PRIVATE: u32 = 0o600;
    let (place, path) = ground.place(word, true);
    if place != Place::System || ground.away || ground.is_trusted(&path) || !names::is_plain(word) {
        return false;
    }
    let now = match path.symlink_metadata() {
        Ok(found) if found.is_file() => found.mode() & 0o7777,
        // Not there yet: it may become a private one.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => PRIVATE,
        _ => return false,
    };
    let Some(then) = bits::after(mode, now) else { return false };
    let (given, taken) = (then & !now, now & !then);
    let reads = given & 0o044 != 0;
    (now | then) & 0o7000 == 0
        && given & 0o022 == 0
        && (!reads || names::is_public(&path))
        && (taken & 0o777 == 0 || names::is_own_setting(&path))
}

/// A file of the system of which nobody may do more.
fn of_system(ground: &Ground, word: &OsStr) -> Effect {
    let (place, path) = ground.place(word, true);
    Effect::new(Verb::Write, shown(word, place, &path), Evidence::Argv).because("nobody may do more with it")
}

/// One part of a symbolic mode: `go+w`.
fn clause(clause: &str) -> Option<&'static str> {
    let at = clause.find(['+', '-', '='])?;
    let (who, rest) = clause.split_at(at);
    let adds = rest.contains('+') || rest.contains('=');
    let everybody = who.contains('o') || who.contains('a');
    match () {
        () if adds && rest.contains('s') => Some("it runs as its owner"),
        () if adds && everybody && rest.contains('w') => Some("everybody may write it"),
        () if rest.starts_with('-') && (who.contains('a') || who.contains('u') || who.is_empty()) && rest.contains('r') => {
            Some("its owner may not open it")
        }
        () if rest == "=" && (who.contains('a') || who.contains('u') || who.is_empty()) => Some("its owner may not open it"),
        () => None,
    }
}

/// A change of who may do what: a grant where it opens, and where the file is no one's in the workspace.
fn changed(ground: &Ground, word: &OsStr, opens: Option<&str>) -> Effect {
    let (place, path) = ground.place(word, true);
    let target = shown(word, place, &path);
    let of = |verb, note: &str| Effect::new(verb, target.clone(), Evidence::Argv).because(note);
    match (opens, place) {
        (Some(why), _) => of(Verb::Grant, why),
        (None, Place::Inside | Place::Scratch | Place::Unseen | Place::Nowhere) => of(Verb::Write, ""),
        (None, Place::Top) if ground.workspace.as_ref() == Some(&path) => of(Verb::Write, ""),
        (None, Place::Home | Place::Outside) if ground.away => of(Verb::Write, ""),
        (None, Place::Home | Place::Outside) if !path.is_dir() => of(Verb::Write, place.words()),
        (None, place) => of(Verb::Grant, place.words()),
    }
}

/// chmod.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = operands(reading);
    if is_help(&words) {
        return settle(reading, call, findings, help());
    }
    let ground = Ground::of(call);
    let found = mode(&words);
    let mut effects: Vec<Effect> = match &found.mode {
        Some(mode) if !found.files.is_empty() => {
            let opens = opens(mode);
            let mild = |file: &OsStr| !found.whole && opens.is_none() && is_mild(&ground, file, mode);
            let one = |file: &&OsStr| match opens.is_none() && shuts(mode) && !found.whole {
                _ if mild(file) => of_system(&ground, file),
                true => shut(&ground, file),
                false => changed(&ground, file, opens),
            };
            found.files.iter().map(one).collect()
        }
        _ => lacking(call, "a mode or a file"),
    };
    let unknown = |word: String| {
        let note = format!("`{word}` is no flag that is known");
        Effect::new(Verb::Unknown, word, Evidence::Argv).on_kind(crate::tool::argv::UNKNOWN_FLAG).because(note)
    };
    effects.extend(found.unknown.into_iter().map(unknown));
    settle(reading, call, findings, effects);
}

/// chown, chgrp: a whole tree that becomes another's is a grant.
pub(in crate::inspect) fn inspect_owner(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let mut files = operands(reading);
    let named = reading.parsed.last("--reference").is_none() && !files.is_empty();
    let owner = if named { Some(files.remove(0)) } else { None };
    let tree = reading.parsed.is_on("--recursive").then_some("a whole tree becomes another's");
    // With `-L` it goes where links lead.
    let stays = !reading.parsed.is_on("-L") && owner.is_some_and(|owner| has_the_workspace(&ground, owner));
    let own = |file: &&OsStr| {
        let (place, path) = ground.place(file, true);
        place == Place::Inside || (place == Place::Top && ground.workspace.as_ref() == Some(&path))
    };
    let one = |file: &&OsStr| changed(&ground, file, tree.filter(|_| !(stays && own(file))));
    let mut effects: Vec<Effect> = files.iter().map(one).collect();
    if effects.is_empty() {
        effects = lacking(call, "an owner or a file");
    }
    settle(reading, call, findings, effects);
}

/// Whether the workspace is this owner's already: what a container's root has left in it becomes theirs again.
fn has_the_workspace(ground: &Ground, owner: &OsStr) -> bool {
    let owner = owner.to_string_lossy();
    let name = owner.split(':').next().unwrap_or_default();
    let by_name = || nix::unistd::User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
    let uid = name.parse().ok().or_else(by_name);
    let of_workspace = ground.workspace.as_ref().and_then(|folder| folder.metadata().ok()).map(|found| found.uid());
    uid.is_some() && uid == of_workspace
}

/// chattr: words that begin with `-`, `+` or `=` are attributes or flags.
pub(in crate::inspect) fn inspect_attributes(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = operands(reading);
    let ground = Ground::of(call);
    let is_file = |w: &&&OsStr| !w.to_string_lossy().starts_with(['-', '+', '=']);
    let mut effects: Vec<Effect> = words.iter().filter(is_file).map(|file| changed(&ground, file, None)).collect();
    if effects.is_empty() {
        effects = lacking(call, "a file");
    }
    settle(reading, call, findings, effects);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_that_leaves_nothing_to_others_shuts() {
        for mode in ["700", "0600", "go-rwx", "o-r,g-w"] {
            assert!(shuts(mode), "{mode}");
        }
        for mode in ["755", "000", "u-w", "a-w", "go+r", "-x", "go-rwx,u+s", ""] {
            assert!(!shuts(mode), "{mode}");
        }
    }

    #[test]
    fn a_mode_opens_or_shuts() {
        for mode in ["777", "0777", "666", "o+w", "a+rwx", "ugo=rwx", "u+s", "4755", "2755", "000", "a-rwx", "u=,g=", "a="] {
            assert!(opens(mode).is_some(), "{mode}");
        }
        for mode in ["755", "+x", "u+x", "600", "0644", "+w", "g+w", "go-rwx", "u=rwX,go=rX", "1777", "-x", "-w"] {
            assert!(opens(mode).is_none(), "{mode}");
        }
    }
}
