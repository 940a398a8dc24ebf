//! Whether what a call removes or writes over is lost: kept by a commit, ignored, made again by a build, empty, or not there is no
//! loss. Without such evidence it is one.

use super::ground::{Ground, Place};
use super::names;
use crate::effect::{Effect, Evidence, Verb};
use crate::repository::{Repository, State};
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// So many files without a commit are looked for before a folder counts as lost.
const MOST_UNSAVED: usize = 1000;
/// So many files of a folder that no repository speaks for are looked at.
const MOST_FILES: usize = 20_000;
/// So many effects are told one by one.
const MOST_TOLD: usize = 40;

/// What there is to say of a file by which people or programs get in.
pub(super) const TRUSTED: &str = "it says who may enter, or what runs for whom";

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// It goes away, with all below it.
    Remove,
    /// The file it leads to gets another content.
    Overwrite,
    /// The file it leads to, which must be there for it to make sense, loses its content.
    Empty,
    /// Something else takes its name.
    Replace,
}

/// What is known of one path.
enum Fate {
    /// Nothing is lost.
    Kept(&'static str),
    /// It is lost.
    Lost(String),
    /// It is lost for good.
    Gone(String),
    /// Nothing is lost; whoever writes it says who may enter.
    Trusted,
    /// Whether it is lost, the repository of this root knows.
    Asked(PathBuf, Breadth),
}

/// How much of a path a repository is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Breadth {
    /// Only what it tracks: the rest is made again.
    Tracked,
    /// All that is not ignored.
    All,
}

/// Judges paths, one ground for all of them.
pub(super) struct Judge<'g> {
    pub(super) ground: &'g Ground,
    mounts: OnceCell<Vec<PathBuf>>,
}

impl<'g> Judge<'g> {
    pub(super) fn new(ground: &'g Ground) -> Judge<'g> {
        Judge { ground, mounts: OnceCell::new() }
    }

    /// The effects of doing `act` to each of `words`.
    pub(super) fn all<W: AsRef<OsStr>>(&self, words: &[W], act: Act) -> Vec<Effect> {
        let mut roots = HashMap::new();
        let mut asked: BTreeMap<(PathBuf, Breadth), Vec<PathBuf>> = BTreeMap::new();
        let mut fates = Vec::new();
        for word in words {
            let (place, path) = self.ground.place(word.as_ref(), matches!(act, Act::Overwrite | Act::Empty));
            let fate = self.fate(word.as_ref(), place, &path, act, &mut roots);
            if let Fate::Asked(root, breadth) = &fate {
                asked.entry((root.clone(), *breadth)).or_default().push(path.clone());
            }
            fates.push((shown(word.as_ref(), place, &path), path, fate));
        }
        let mut lost = HashMap::new();
        for ((root, breadth), paths) in asked {
            lost.extend(unsaved(&root, &paths, breadth));
        }
        let effects = fates.into_iter().map(|(target, path, fate)| effect(target, &path, fate, &lost));
        told(effects.collect())
    }

    /// The effect of doing `act` to one path.
    pub(super) fn one(&self, word: &OsStr, act: Act) -> Vec<Effect> {
        self.all(&[word], act)
    }

    /// Whether a file of a repository holds changes that no commit has.
    pub(super) fn is_edited(&self, path: &Path) -> bool {
        let root = self.repository_of(path, &mut HashMap::new());
        root.is_some_and(|root| !unsaved(&root, &[path.to_path_buf()], Breadth::Tracked).is_empty())
    }

    fn fate(
        &self,
        word: &OsStr,
        place: Place,
        path: &Path,
        act: Act,
        roots: &mut HashMap<PathBuf, Option<PathBuf>>,
    ) -> Fate {
        let sink = names::is_sink(Path::new(word));
        if sink && matches!(act, Act::Overwrite | Act::Empty) {
            return Fate::Kept("kept nowhere");
        }
        let there = match path.symlink_metadata() {
            _ if self.ground.away => true,
            Ok(found) => act == Act::Remove || act == Act::Replace || !found.is_dir(),
            Err(e) => !matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory),
        };
        let trusts = matches!(act, Act::Overwrite | Act::Replace) && self.ground.is_trusted(path);
        match place {
            Place::Unseen | Place::Own | Place::Top => Fate::Lost(place.words().to_owned()),
            Place::Nowhere => Fate::Kept("no file has an empty name"),
            Place::Device => Fate::Gone(place.words().to_owned()),
            Place::Home | Place::System | Place::Outside if (self.ground.away || !there) && trusts => Fate::Trusted,
            Place::Home | Place::System | Place::Outside if self.ground.away => elsewhere(word, act),
            Place::Home | Place::Outside if self.is_a_siblings_output(path, roots) => {
                Fate::Kept("made again by its own build")
            }
            Place::Home | Place::System | Place::Outside if there || matches!(act, Act::Remove | Act::Empty) => {
                Fate::Lost(place.words().to_owned())
            }
            Place::Home | Place::System | Place::Outside => Fate::Kept("not there"),
            Place::Scratch if self.ground.away => Fate::Kept(place.words()),
            Place::Inside if !there => self.missing(path),
            Place::Scratch if !there => Fate::Kept("not there"),
            Place::Inside | Place::Scratch => self.existing(place, path, roots),
        }
    }

    /// A name that nothing bears. A pattern that a shell found nothing for, or that no shell saw, stands for all of its folder.
    fn missing(&self, path: &Path) -> Fate {
        let everything = path.file_name().is_some_and(|n| n.as_encoded_bytes().iter().all(|b| b"*.?".contains(b)));
        if path.ends_with(".git") {
            return Fate::Lost("the repository itself".to_owned());
        }
        match (everything, &self.ground.workspace) {
            (true, Some(workspace)) if path.parent() == Some(workspace) => Fate::Lost("all of the workspace".to_owned()),
            (_, _) => Fate::Kept("not there"),
        }
    }

    /// Whether another repository ignores what a build makes there again, and has nothing in it.
    fn is_a_siblings_output(&self, path: &Path, roots: &mut HashMap<PathBuf, Option<PathBuf>>) -> bool {
        let mounted = || self.mounts.get_or_init(mounts).iter().any(|m| m.starts_with(path));
        let Some(root) = self.repository_of(path, roots).filter(|root| root != path) else { return false };
        let large = names::is_crowded(&root) || self.ground.place_of(&root) == Place::Top;
        let made_again = path.strip_prefix(&root).is_ok_and(names::is_rebuildable);
        let ignored = || Repository::at(&root).is_some_and(|r| r.is_ignored(path));
        let paths = [path.to_path_buf()];
        let held = || of_git_folder(path).is_some() || mounted() || !unsaved(&root, &paths, Breadth::Tracked).is_empty();
        !large && made_again && ignored() && !held()
    }

    /// What is there, in the workspace or in a temporary folder.
    fn existing(&self, place: Place, path: &Path, roots: &mut HashMap<PathBuf, Option<PathBuf>>) -> Fate {
        if self.mounts.get_or_init(mounts).iter().any(|m| m.starts_with(path)) {
            return Fate::Lost("another file system is mounted there".to_owned());
        }
        if let Some(of_git) = of_git_folder(path) {
            return of_git;
        }
        let root = self.repository_of(path, roots);
        let inside = self.ground.inside(path).unwrap_or(path);
        match (root, place) {
            (Some(root), Place::Scratch) if root == path && is_a_mere_clone(&root) => Fate::Kept("a remote has all of it"),
            (Some(root), _) if root == path => Fate::Lost("a repository, with all it holds".to_owned()),
            (Some(root), Place::Inside) if names::is_rebuildable(inside) => Fate::Asked(root, Breadth::Tracked),
            (Some(root), _) => Fate::Asked(root, Breadth::All),
            (None, Place::Inside) if names::is_rebuildable(inside) => Fate::Kept("made again by a build"),
            (None, Place::Inside) => walk(path, Place::Inside),
            (None, _) => walk(path, place),
        }
    }

    /// The root of the repository that holds `path`; in the workspace none above it.
    fn repository_of(&self, path: &Path, roots: &mut HashMap<PathBuf, Option<PathBuf>>) -> Option<PathBuf> {
        if !path.is_symlink() && path.join(".git").symlink_metadata().is_ok() {
            return Some(path.to_path_buf());
        }
        let folder = path.parent()?;
        if let Some(known) = roots.get(folder) {
            return known.clone();
        }
        let top = self.ground.workspace.as_deref().filter(|w| path.starts_with(w));
        let above = folder.ancestors().take_while(|a| top.is_none_or(|top| a.starts_with(top)));
        let found = above.filter(|a| *a != Path::new("/")).find(|a| a.join(".git").symlink_metadata().is_ok());
        let found = found.map(Path::to_path_buf);
        roots.insert(folder.to_path_buf(), found.clone());
        found
    }
}

/// What is on another machine or in a container, where nothing can be looked at.
fn elsewhere(word: &OsStr, act: Act) -> Fate {
    match act {
        Act::Remove if names::is_left_over(Path::new(word)) => Fate::Kept("made again, wherever it is"),
        Act::Remove | Act::Empty => {
            Fate::Lost("on another machine or in a container, where nothing can be looked at".to_owned())
        }
        Act::Overwrite | Act::Replace => Fate::Kept("on another machine or in a container"),
    }
}

/// What lies in a `.git` folder is the repository itself; a lock that a program left behind is not.
fn of_git_folder(path: &Path) -> Option<Fate> {
    let parts: Vec<&OsStr> = path.components().map(|c| c.as_os_str()).collect();
    let at = parts.iter().position(|p| *p == ".git")?;
    let is_lock = parts.len() > at + 1 && parts.last().is_some_and(|l| l.as_encoded_bytes().ends_with(b".lock"));
    Some(if is_lock { Fate::Kept("a lock") } else { Fate::Lost("the repository itself".to_owned()) })
}

/// What nothing speaks for: lost, unless all of it is empty, a link or made again. In a temporary folder only a repository counts.
fn walk(path: &Path, place: Place) -> Fate {
    let mut open = vec![path.to_path_buf()];
    let mut seen = 0;
    while let Some(next) = open.pop() {
        seen += 1;
        if seen > MOST_FILES {
            let temporary = place == Place::Scratch;
            return if temporary { Fate::Kept("temporary") } else { Fate::Lost("too many files to look at".to_owned()) };
        }
        let Ok(found) = next.symlink_metadata() else { continue };
        if found.is_file() && found.len() > 0 && place != Place::Scratch {
            return Fate::Lost("no repository keeps it".to_owned());
        }
        if !found.is_dir() {
            continue;
        }
        let Ok(entries) = next.read_dir() else {
            return Fate::Lost(format!("`{}` cannot be looked into", next.display()));
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name == ".git" {
                return Fate::Lost("a repository, with all it holds".to_owned());
            }
            let deeper = place != Place::Scratch || entry.file_type().is_ok_and(|t| t.is_dir());
            if deeper && !names::is_rebuildable(Path::new(&name)) {
                open.push(entry.path());
            }
        }
    }
    Fate::Kept(if place == Place::Scratch { "temporary" } else { "empty, or made again by a build" })
}

/// Which of `paths` hold what is in no commit, and why.
fn unsaved(root: &Path, paths: &[PathBuf], breadth: Breadth) -> HashMap<PathBuf, String> {
    let all_lost = |why: &str| paths.iter().map(|p| (p.clone(), why.to_owned())).collect();
    let Some(repository) = Repository::at(root) else { return all_lost("its repository cannot be read") };
    let found = match breadth {
        Breadth::All => repository.unsaved(paths, MOST_UNSAVED),
        Breadth::Tracked => repository.unsaved_tracked(paths, MOST_UNSAVED),
    };
    let Ok(found) = found else { return all_lost("its repository cannot be read") };
    if found.len() >= MOST_UNSAVED {
        return all_lost("more files than can be told are in no commit");
    }
    let mut lost: HashMap<PathBuf, (String, usize)> = HashMap::new();
    let precious = paths.iter().filter(|p| breadth == Breadth::All && names::is_precious(p) && is_file_with_content(p));
    for path in precious.filter(|p| repository.is_ignored(p)) {
        lost.insert(path.clone(), ("in no commit, and nothing makes it again".to_owned(), 0));
    }
    let wanted: HashMap<&Path, ()> = paths.iter().map(|p| (p.as_path(), ())).collect();
    for unsaved in found {
        let inside = unsaved.path.strip_prefix(root).unwrap_or(&unsaved.path);
        let why = match unsaved.state {
            State::Untracked if names::is_rebuildable(inside) || !is_file_with_content(&unsaved.path) => continue,
            State::Untracked => "in no commit",
            State::Changed => "changed since the last commit",
            State::Staged => "staged, in no commit yet",
            // Nothing is left to be lost but what the index holds, which stays.
            State::StagedAndGone => continue,
            State::Repository => "another repository",
        };
        for path in unsaved.path.ancestors().filter(|a| wanted.contains_key(a)) {
            let first = if path == unsaved.path { why.to_owned() } else { format!("`{}` is {why}", inside.display()) };
            lost.entry(path.to_path_buf()).or_insert((first, 0)).1 += 1;
        }
    }
    let words = |(first, count): (String, usize)| match count {
        0 | 1 => first,
        more => format!("{first}, and {} more", more - 1),
    };
    lost.into_iter().map(|(path, why)| (path, words(why))).collect()
}

/// Whether a repository holds nothing but what its remote is known to hold.
fn is_a_mere_clone(root: &Path) -> bool {
    let Some(repository) = Repository::at(root) else { return false };
    let names = |folder: &Path| -> Vec<String> {
        let packed = std::fs::read_to_string(folder.join("packed-refs")).unwrap_or_default();
        let packed = packed.lines().filter_map(|l| l.split_once(" refs/heads/")).map(|(_, name)| name.to_owned());
        let loose = folder.join("refs/heads").read_dir().into_iter().flatten().flatten();
        packed.chain(loose.map(|e| e.file_name().to_string_lossy().into_owned())).collect()
    };
    let reached = |name: String| {
        repository.commit_of(&format!("refs/heads/{name}")).is_some_and(|commit| repository.is_on_a_remote(commit))
    };
    repository.head().is_some_and(|head| repository.is_on_a_remote(head))
        && names(repository.common_dir()).into_iter().all(reached)
        && repository.stashes().is_ok_and(|s| s.is_empty())
        && repository.unsaved(&[root.to_path_buf()], 1).is_ok_and(|u| u.is_empty())
}

fn is_file_with_content(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|m| (m.is_file() && m.len() > 0) || m.is_dir())
}

/// The name of a path in an effect: where it really lies.
pub(super) fn shown(word: &OsStr, place: Place, path: &Path) -> String {
    let unresolved = matches!(place, Place::Unseen | Place::Nowhere);
    if unresolved { word.to_string_lossy().into_owned() } else { path.to_string_lossy().into_owned() }
}

fn effect(target: String, path: &Path, fate: Fate, lost: &HashMap<PathBuf, String>) -> Effect {
    let of = |verb, why: &str| Effect::new(verb, target.clone(), Evidence::Argv).because(why);
    match fate {
        Fate::Kept(why) => of(Verb::Write, why),
        Fate::Lost(why) => of(Verb::Destroy, &why),
        Fate::Gone(why) => of(Verb::Destroy, &why).irreversible(),
        Fate::Trusted => of(Verb::Grant, TRUSTED),
        Fate::Asked(..) => match lost.get(path) {
            Some(why) => of(Verb::Destroy, why),
            None => of(Verb::Write, "committed, ignored or made again by a build"),
        },
    }
}

/// Not more effects than anybody reads: of each verb a few, then how many more there are.
fn told(effects: Vec<Effect>) -> Vec<Effect> {
    if effects.len() <= MOST_TOLD {
        return effects;
    }
    let all = effects.len();
    let (lost, kept): (Vec<Effect>, Vec<Effect>) = effects.into_iter().partition(|e| e.verb > Verb::Write);
    let mut out: Vec<Effect> = Vec::new();
    for mut some in [lost, kept] {
        let more = some.len().saturating_sub(MOST_TOLD / 2);
        some.truncate(MOST_TOLD / 2);
        if let (Some(last), true) = (some.last_mut(), more > 0) {
            let count = u64::try_from(more + 1).unwrap_or(u64::MAX);
            *last = last.clone().counted(count, u64::try_from(all).unwrap_or(u64::MAX));
        }
        out.extend(some);
    }
    out
}

/// Where file systems are mounted.
fn mounts() -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let point = |line: &str| line.split(' ').nth(4).map(|p| PathBuf::from(p.replace("\\040", " ").replace("\\011", "\t")));
    table.lines().filter_map(point).collect()
}
