//! cp, mv, install, ln, rsync: what stands where something else comes to lie.

use super::ground::{Ground, Place};
use super::loss::{Act, Judge};
use super::{lacking, operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::{Launcher, is_plain_ssh};
use crate::inspect::{Findings, Probe};
use crate::reach::Reach;
use crate::tool::Reading;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// So many files of a folder that is copied are compared with what is there.
const MOST_PAIRS: usize = 10_000;
/// Files larger than this are not compared byte by byte.
const LARGEST_COMPARED: u64 = 4 << 20;

/// What comes where.
struct Transfer<'r> {
    sources: Vec<&'r OsStr>,
    /// The pairs of source and destination.
    pairs: Vec<(PathBuf, PathBuf)>,
    destination: OsString,
}

/// Sources and destination as cp, mv, ln and install find them.
fn transfer<'r>(reading: &'r Reading<'_>, ground: &Ground) -> Option<Transfer<'r>> {
    let mut sources = operands(reading);
    let folder = reading.parsed.last("--target-directory").map(OsString::from);
    let is_folder = folder.is_some();
    let destination = match folder {
        Some(folder) => folder,
        // `ln TARGET` makes a link of its name here.
        None if sources.len() == 1 && reading.tool.names.iter().any(|n| n == "ln") => OsString::from("."),
        None => sources.pop()?.to_os_string(),
    };
    if sources.is_empty() {
        return None;
    }
    let base = ground.resolve(&destination, true);
    let plain = reading.parsed.is_on("--no-target-directory");
    let link = reading.parsed.is_on("--no-dereference") && reading.tool.names.iter().any(|n| n == "ln");
    let itself = ground.resolve(&destination, false);
    let holds = base.is_dir() && !plain && !(link && itself.is_symlink());
    let into = is_folder || (!plain && sources.len() > 1) || holds;
    let whole_paths = reading.parsed.is_on("--parents");
    let pair = |source: &&OsStr| {
        let from = ground.resolve(source, false);
        let text = source.to_string_lossy();
        let to = match (into, Path::new(source).file_name()) {
            (true, Some(_)) if means_contents(&text) => base.clone(),
            (true, Some(_)) if whole_paths => base.join(text.trim_start_matches('/')),
            (true, Some(name)) => base.join(name),
            (true, None) => base.clone(),
            (false, _) => itself.clone(),
        };
        (from, to)
    };
    let pairs = sources.iter().map(pair).collect();
    Some(Transfer { sources, pairs, destination })
}

/// Whether a source stands for what is in it, which comes to lie there without it.
fn means_contents(source: &str) -> bool {
    [".", ".."].contains(&source) || source.ends_with("/.") || source.ends_with("/..")
}

/// Whether flags keep what was there. Of `-f`, `-i` and `-n` the last counts.
fn keeps(reading: &Reading<'_>, call: &Call) -> bool {
    let last = |names: &[&str]| reading.parsed.flags.iter().rposition(|flag| names.contains(&flag.name.as_str()));
    let unclobbered = last(&["--no-clobber"]).is_some_and(|at| last(&["--force", "--interactive"]).is_none_or(|n| n < at));
    let update = reading.parsed.last("--update").is_some_and(|u| u.starts_with("none"));
    let attributes = last(&["--attributes-only"]).is_some() && last(&["--remove-destination", "--force"]).is_none();
    update || unclobbered || attributes || backs_up(reading, call)
}

/// Whether what was there gets another name: `-b`, `--backup[=CONTROL]`, else by VERSION_CONTROL.
pub(super) fn backs_up(reading: &Reading<'_>, call: &Call) -> bool {
    let mut asked = reading.parsed.flags.iter().filter(|flag| ["-b", "--backup"].contains(&flag.name.as_str())).peekable();
    let is_asked = asked.peek().is_some();
    let control = asked.filter_map(|flag| flag.values.last()).rfind(|value| !value.is_empty()).cloned();
    let control = control.or_else(|| call.var("VERSION_CONTROL")).unwrap_or_default();
    is_asked && !(control == "off" || (!control.is_empty() && "none".starts_with(&control)))
}

/// Whether two files have the same content.
fn same(one: &Path, other: &Path) -> bool {
    let (Ok(a), Ok(b)) = (one.metadata(), other.metadata()) else { return false };
    let small = a.is_file() && b.is_file() && a.len() == b.len() && a.len() <= LARGEST_COMPARED;
    small && std::fs::read(one).ok().is_some_and(|bytes| std::fs::read(other).is_ok_and(|others| others == bytes))
}

/// The destinations that are written over when `from` is copied to `to`, folders gone through; nothing where that is too much to see.
fn written_over(from: &Path, to: &Path, found: &mut Vec<PathBuf>) -> Option<()> {
    let mut open = vec![(from.to_path_buf(), to.to_path_buf())];
    let mut seen = 0;
    while let Some((from, to)) = open.pop() {
        seen += 1;
        if seen > MOST_PAIRS {
            return None;
        }
        if from.is_dir() && to.is_dir() {
            for entry in from.read_dir().ok()?.flatten() {
                open.push((entry.path(), to.join(entry.file_name())));
            }
        } else if if from.is_dir() { to.symlink_metadata().is_ok() } else { !same(&from, &to) } {
            found.push(to);
        }
    }
    Some(())
}

/// The effects of what the pairs write over.
fn over(judge: &Judge<'_>, transfer: &Transfer<'_>, act: Act) -> Vec<Effect> {
    if judge.ground.place(&transfer.destination, true).0 == Place::Unseen {
        let effect = Effect::new(Verb::Unknown, transfer.destination.to_string_lossy(), Evidence::Argv);
        return vec![effect.because(Place::Unseen.words())];
    }
    let mut found = Vec::new();
    for (from, to) in &transfer.pairs {
        if judge.ground.away || super::names::is_sink(Path::new(&transfer.destination)) {
            found.push(PathBuf::from(&transfer.destination));
        } else if written_over(from, to, &mut found).is_none() {
            return judge.one(to.as_os_str(), Act::Remove);
        }
    }
    if found.is_empty() {
        let target = transfer.destination.to_string_lossy();
        return vec![Effect::new(Verb::Write, target, Evidence::Argv).because("nothing there gets another content")];
    }
    // Nothing is what the destination then holds.
    let emptied = judge.ground.away && transfer.sources.iter().all(|source| super::names::is_sink(Path::new(source)));
    judge.all(&found, if emptied { Act::Empty } else { act })
}

/// Nothing of what is there is written over.
pub(super) fn kept_at(to: &OsStr) -> Effect {
    Effect::new(Verb::Write, to.to_string_lossy(), Evidence::Argv).because("what is there is kept")
}

/// cp, install.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let folders = reading.parsed.is_on("--directory");
    let effects = match transfer(reading, &ground) {
        _ if folders => vec![Effect::new(Verb::Write, call.name.clone(), Evidence::Argv).because("folders are made")],
        None => lacking(call, "a file or where to copy it"),
        Some(t) if keeps(reading, call) => vec![kept_at(&t.destination)],
        Some(t) if reading.parsed.is_on("--remove-destination") => over(&judge, &t, Act::Replace),
        Some(t) => over(&judge, &t, Act::Overwrite),
    };
    settle(reading, call, findings, effects);
}

/// ln: only with -f something goes away; a new name that says who may enter is a grant without it.
pub(in crate::inspect) fn inspect_link(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let Some(transfer) = transfer(reading, &ground) else { return };
    let forced = reading.parsed.is_on("--force") && !backs_up(reading, call);
    let is_new = |to: &PathBuf| to.symlink_metadata().is_err() && ground.is_trusted(to);
    let names: Vec<&PathBuf> = transfer.pairs.iter().map(|(_, to)| to).filter(|to| forced || is_new(to)).collect();
    if names.is_empty() {
        return;
    }
    let effects = Judge::new(&ground).all(&names, Act::Replace);
    settle(reading, call, findings, effects);
}

/// mv: what stands at the destination, and where the sources are taken from.
pub(in crate::inspect) fn inspect_move(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let effects = match transfer(reading, &ground) {
        None => lacking(call, "a file or where to move it"),
        Some(t) => {
            let mut effects = taken(&judge, &t.sources);
            effects.extend(put_away(&judge, &t));
            let sink = super::names::is_sink(Path::new(&t.destination));
            effects.extend(match keeps(reading, call) && !sink {
                true => vec![kept_at(&t.destination)],
                false if sink => judge.one(&t.destination, Act::Replace),
                false => over(&judge, &t, Act::Replace),
            });
            effects
        }
    };
    settle(reading, call, findings, effects);
}

/// Whether a call moves a file to a name that is no folder's: another such call would write over it.
pub(super) fn moves_onto(reading: &Reading<'_>, call: &Call) -> bool {
    if reading.inspector() != Some("paths-move") || keeps(reading, call) {
        return false;
    }
    let ground = Ground::of(call);
    transfer(reading, &ground).is_some_and(|t| {
        let itself = ground.resolve(&t.destination, false);
        ground.place(&t.destination, false).0 != Place::Unseen
            && t.pairs.iter().any(|(from, to)| from != to && *to == itself)
    })
}

/// What is moved from where it is kept to where nothing stays.
fn put_away(judge: &Judge<'_>, transfer: &Transfer<'_>) -> Vec<Effect> {
    if judge.ground.place(&transfer.destination, true).0 != Place::Scratch
        && !judge.ground.is_scratch(Path::new(&transfer.destination))
    {
        return vec![];
    }
    let kept = |word: &&&OsStr| {
        let (place, path) = judge.ground.place(word, false);
        let is_there = judge.ground.away || path.symlink_metadata().is_ok();
        is_there && (place == Place::Home || (judge.ground.away && super::names::is_system(&path)))
    };
    let effect = |word: &&OsStr| {
        let path = judge.ground.resolve(word, false);
        Effect::new(Verb::Destroy, path.to_string_lossy(), Evidence::Argv).because("it would lie where nothing stays")
    };
    transfer.sources.iter().filter(kept).map(effect).collect()
}

/// What must not leave its place, though it is kept at another.
pub(super) fn taken(judge: &Judge<'_>, sources: &[&OsStr]) -> Vec<Effect> {
    let must_stay = |word: &&&OsStr| {
        let (place, path) = judge.ground.place(word, false);
        let git = path.components().any(|c| c.as_os_str() == ".git") && path.exists() || path.ends_with(".git");
        git || matches!(place, Place::Own | Place::Top | Place::Device | Place::System)
    };
    let gone: Vec<&OsStr> = sources.iter().filter(must_stay).copied().collect();
    let note = "it is taken from its place";
    let effect =
        |word: &OsStr| Effect::new(Verb::Destroy, judge.ground.resolve(word, false).to_string_lossy(), Evidence::Argv);
    gone.into_iter().map(|word| effect(word).because(note)).collect()
}

/// rsync: what `--delete` takes away, what is written over in the workspace, what `-e` starts.
pub(in crate::inspect) fn inspect_rsync(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let mut words = operands(reading);
    let destination = if words.len() > 1 { words.pop() } else { None };
    let on = |names: &[&str]| reading.parsed.flags.iter().any(|f| names.contains(&f.name.as_str()));
    let deletes = reading.parsed.flags.iter().any(|f| f.name == "--del" || f.name.starts_with("--delete"));
    if on(&["--server"]) {
        // The other end of a call that was judged where it was made.
        let verb = if on(&["--sender"]) { Verb::Read } else { Verb::Write };
        let path = destination.unwrap_or_default().to_string_lossy();
        return settle(reading, call, findings, vec![Effect::new(verb, path, Evidence::Argv)]);
    }
    // Also what only looks starts what carries the bytes.
    let mut effects = shell(reading, call, probe);
    if on(&["--dry-run", "--list-only"]) {
        effects.push(Effect::new(Verb::Read, "list", Evidence::Argv));
        return settle(reading, call, findings, effects);
    }
    match destination {
        // What it was made from it does again, wherever that leads in the only folder that is named.
        _ if reading.parsed.last("--read-batch").is_some() => {
            effects.extend(destination.into_iter().chain(words.last().copied()).take(1).flat_map(|to| emptied(&judge, to)));
        }
        None => effects.push(Effect::new(Verb::Read, "list", Evidence::Argv)),
        // The file takes the device's place, and what is sent there is kept nowhere.
        Some(to) if super::names::is_sink(Path::new(to)) => effects.extend(judge.one(to, Act::Replace)),
        Some(to) if is_remote(to) => {
            let verb = if deletes { Verb::Destroy } else { Verb::Write };
            let note = if deletes { "what the source has not is deleted there" } else { "" };
            effects.push(Effect::new(verb, to.to_string_lossy(), Evidence::Argv).because(note));
        }
        Some(to) if deletes && !on(&["--backup"]) => effects.extend(emptied(&judge, to)),
        Some(to) if on(&["--backup", "--ignore-existing"]) => effects.push(kept_at(to)),
        Some(to) => {
            let whole_paths = on(&["--relative"]) && !on(&["--no-relative"]);
            let named = |word: &&OsStr| source(word, whole_paths, reading.parsed.last("--files-from").is_some());
            effects.extend(brought(&judge, &words.iter().map(named).collect::<Vec<_>>(), to));
        }
    }
    if on(&["--remove-source-files", "--remove-sent-files"]) {
        let local: Vec<&OsStr> = words.iter().filter(|w| !is_remote(w)).copied().collect();
        effects.extend(taken(&judge, &local));
        let remote = words.iter().filter(|w| is_remote(w));
        let note = "its files are taken away";
        effects.extend(remote.map(|w| Effect::new(Verb::Destroy, w.to_string_lossy(), Evidence::Argv).because(note)));
    }
    settle(reading, call, findings, effects);
}

/// `host:path`, `host::module`, `rsync://…`: a colon before any slash.
pub(super) fn is_remote(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    text.starts_with("rsync://") || text.split('/').next().is_some_and(|first| first.contains(':'))
}

/// What is left of a folder once only the source's files may stay.
pub(super) fn emptied(judge: &Judge<'_>, to: &OsStr) -> Vec<Effect> {
    let (place, path) = judge.ground.place(to, true);
    let missing = matches!(place, Place::Inside | Place::Scratch) && !path.exists();
    if missing && place == Place::Inside && !judge.ground.is_kept(&path) {
        let effect = Effect::new(Verb::Destroy, path.to_string_lossy(), Evidence::Argv);
        return vec![effect.because("what the source has not is deleted there, and no repository says what that is worth")];
    }
    if missing { judge.one(to, Act::Overwrite) } else { judge.one(path.as_os_str(), Act::Remove) }
}

/// A source of a copy, and the name it gets in the destination; none where what is in it comes to lie there itself.
pub(super) struct Source {
    pub(super) word: OsString,
    pub(super) name: Option<PathBuf>,
}

/// A source as rsync finds it: with its whole path (`--relative`, from `/./` on), or as a folder out of which files are taken.
fn source(word: &OsStr, whole_paths: bool, files_from: bool) -> Source {
    let text = word.to_string_lossy();
    let path = if is_remote(word) { text.rsplit_once(':').map_or(text.as_ref(), |(_, path)| path) } else { text.as_ref() };
    let contents = files_from || (!whole_paths && (text.ends_with('/') || means_contents(&text)));
    let name = match path.rsplit_once("/./") {
        _ if contents => None,
        Some((_, behind)) if whole_paths => Some(PathBuf::from(behind)),
        _ if whole_paths => Some(PathBuf::from(path.trim_start_matches(['/', '.']))),
        _ => Path::new(path).file_name().map(PathBuf::from),
    };
    Source { word: word.to_os_string(), name }
}

/// What a copy brought up to date writes over: a file as `cp` does; a folder of the workspace too, while elsewhere that is what the copy
/// is for.
pub(super) fn brought(judge: &Judge<'_>, sources: &[Source], to: &OsStr) -> Vec<Effect> {
    let (place, path) = judge.ground.place(to, true);
    if matches!(place, Place::Unseen | Place::Own | Place::Device) {
        return judge.one(to, Act::Overwrite);
    }
    let work = place == Place::Inside || judge.ground.workspace.as_ref() == Some(&path);
    let mut found = Vec::new();
    for source in sources.iter().filter(|_| place != Place::Nowhere) {
        let remote = is_remote(&source.word);
        let from = judge.ground.resolve(&source.word, true);
        let into = source.name.as_ref().filter(|name| path.is_dir() || name.components().count() > 1);
        let target = into.map_or_else(|| path.clone(), |name| path.join(name));
        if remote || !from.is_dir() {
            // Of a remote one it is not known whether it is a folder.
            let comes_over = if target.is_dir() { !remote && from.exists() } else { !same(&from, &target) };
            found.extend(comes_over.then_some(target));
        } else if work && written_over(&from, &target, &mut found).is_none() {
            return judge.one(path.as_os_str(), Act::Remove);
        }
    }
    if found.is_empty() {
        return vec![Effect::new(Verb::Write, to.to_string_lossy(), Evidence::Argv)];
    }
    // A folder goes where a file comes, with --force or once it is empty.
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = found.into_iter().partition(|path| path.is_dir());
    let mut effects = judge.all(&files, Act::Overwrite);
    effects.extend(judge.all(&folders, Act::Remove));
    effects
}

/// The program that carries the bytes; ssh with plain options is what everybody uses.
fn shell(reading: &Reading<'_>, call: &Call, probe: &dyn Probe) -> Vec<Effect> {
    let variable = call.var("RSYNC_RSH").filter(|v| !v.is_empty());
    let Some(text) = reading.parsed.last("--rsh").map(str::to_owned).or(variable) else { return vec![] };
    let Ok(words) = shell_words::split(&text) else {
        return vec![Effect::new(Verb::Unknown, text, Evidence::Argv).because("the words of the remote shell")];
    };
    let first = words.first().map(|w| w.rsplit('/').next().unwrap_or(w).to_owned()).unwrap_or_default();
    let launcher = Launcher::new(call, probe, Reach::Path);
    if is_plain_ssh(&launcher, &text) {
        return vec![];
    }
    let note = format!("it starts `{}`", crate::text::sanitise(&first));
    let mut effects = launcher.words(words.into_iter().map(OsString::from).collect(), Default::default()).effects;
    effects.push(Effect::new(Verb::Escape, text, Evidence::Argv).because(note));
    effects
}
