//! find: start folders and an expression. What `-delete` would take away and what `-exec` would start is judged with the files that
//! would be found, where a repository can say what they are worth; else with the start folders in their place.

use super::ground::{Ground, Place};
use super::loss::{Act, Judge};
use super::{help, operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::inspect::inner::{Launcher, UNSEEN};
use crate::inspect::{Findings, Probe};
use crate::reach::Reach;
use crate::tool::Reading;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// So many files are looked at to see what would be found.
const MOST_SEEN: usize = 100_000;
/// More files than these are not judged one by one.
const MOST_FOUND: usize = 10_000;

/// Tests and options without a value.
const PLAIN: [&str; 45] = [
    "-a",
    "-and",
    "-o",
    "-or",
    "-not",
    "!",
    "(",
    ")",
    ",",
    "-print",
    "-print0",
    "-ls",
    "-prune",
    "-quit",
    "-depth",
    "-d",
    "-follow",
    "-mount",
    "-xdev",
    "-noleaf",
    "-ignore_readdir_race",
    "-noignore_readdir_race",
    "-daystart",
    "-warn",
    "-nowarn",
    "-empty",
    "-executable",
    "-readable",
    "-writable",
    "-nogroup",
    "-nouser",
    "-true",
    "-false",
    "-delete",
    "-help",
    "--help",
    "-version",
    "--version",
    "-E",
    "-X",
    "-x",
    "-s",
    "-acl",
    "-H",
    "-P",
];
/// Tests and options with one.
const WITH_VALUE: [&str; 43] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-iwholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-xtype",
    "-maxdepth",
    "-mindepth",
    "-mtime",
    "-mmin",
    "-atime",
    "-amin",
    "-ctime",
    "-cmin",
    "-newer",
    "-anewer",
    "-cnewer",
    "-size",
    "-perm",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-links",
    "-inum",
    "-samefile",
    "-lname",
    "-ilname",
    "-fstype",
    "-used",
    "-context",
    "-printf",
    "-files0-from",
    "-fprint",
    "-fprint0",
    "-fls",
    "-flags",
    "-D",
];
const RUNS: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// What a file must be, all of it, to come to an action: the tests that stand before it. Where the expression says more, more files
/// count than would be found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tests {
    names: Vec<(bool, String)>,
    kind: Option<char>,
}

/// A call that is started.
#[derive(Debug)]
struct Started {
    words: Vec<OsString>,
    tests: Tests,
    /// In the folder of what is found.
    inside: bool,
    /// Once for all that is found, not for each.
    at_once: bool,
}

/// So many calls for one file each are judged one by one.
const MOST_CALLS: usize = 64;

/// What an expression comes to.
#[derive(Debug, Default)]
struct Search {
    starts: Vec<OsString>,
    /// `-delete`, with what a file must be to come to it.
    deletes: Option<Tests>,
    calls: Vec<Started>,
    /// Files that are written.
    outputs: Vec<OsString>,
    unknown: Vec<String>,
    /// The tests up to here.
    tests: Tests,
    deepest: Option<usize>,
    follows: bool,
    /// A start that is a link stands for what it leads to.
    follows_starts: bool,
    /// Alternatives and negations: nothing is left out by name then.
    involved: bool,
    help: bool,
}

/// Takes the words apart as GNU find does.
fn search(words: &[&OsStr]) -> Search {
    let mut out = Search::default();
    let mut at = 0;
    let text = |at: usize| words.get(at).map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    while at < words.len() {
        let word = text(at);
        match word.as_str() {
            "-H" => out.follows_starts = true,
            "-P" => out.follows_starts = false,
            "-L" => out.follows = true,
            "-D" => at += 1,
            w if w.starts_with("-O") => {}
            _ => break,
        }
        at += 1;
    }
    while let Some(word) = words.get(at) {
        let word_text = text(at);
        if (word_text.starts_with('-') && word_text.len() > 1) || ["(", ")", "!", ","].contains(&word_text.as_str()) {
            break;
        }
        out.starts.push((*word).to_os_string());
        at += 1;
    }
    if out.starts.is_empty() {
        out.starts.push(OsString::from("."));
    }
    while at < words.len() {
        at += out.primary(words, at);
    }
    out
}

impl Search {
    /// Reads one part of the expression; returns how many words it has.
    fn primary(&mut self, words: &[&OsStr], at: usize) -> usize {
        let word = words.get(at).map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
        let value = words.get(at + 1).map(|w| w.to_string_lossy().into_owned());
        if RUNS.contains(&word.as_str()) {
            return self.call(words, at);
        }
        if word == "-fprintf" {
            self.outputs.extend(words.get(at + 1).map(|w| (*w).to_os_string()));
            return 3;
        }
        if WITH_VALUE.contains(&word.as_str()) || (word.starts_with("-newer") && word.len() == 8) {
            let Some(value) = value else {
                self.unknown.push(format!("`{word}` needs a value"));
                return 1;
            };
            self.test(&word, value);
            return 2;
        }
        match word.as_str() {
            "-delete" => self.deletes = Some(self.tests.clone()),
            "-follow" => self.follows = true,
            "-o" | "-or" | "-not" | "!" | "," => self.involved = true,
            "-help" | "--help" | "-version" | "--version" => self.help = true,
            known if PLAIN.contains(&known) => {}
            _ => self.unknown.push(format!("`{word}` is no test or action of find that is known")),
        }
        1
    }

    fn test(&mut self, word: &str, value: String) {
        match word {
            "-name" => self.tests.names.push((false, value)),
            "-iname" => self.tests.names.push((true, value)),
            "-type" => self.tests.kind = value.chars().next().filter(|_| value.len() == 1),
            "-maxdepth" => self.deepest = value.parse().ok(),
            "-fprint" | "-fprint0" | "-fls" => self.outputs.push(OsString::from(value)),
            "-files0-from" => self.starts.push(OsString::from(UNSEEN)),
            _ => {}
        }
    }

    /// `-exec … ;` or `-exec … {} +`.
    fn call(&mut self, words: &[&OsStr], at: usize) -> usize {
        let rest = words.get(at + 1..).unwrap_or_default();
        let plus = |n: usize| rest.get(n).is_some_and(|w| *w == "+") && n > 0 && rest.get(n - 1).is_some_and(|w| *w == "{}");
        // Without an end find refuses the line; what would be started is judged all the same.
        let end = (0..rest.len()).find(|n| rest.get(*n).is_some_and(|w| *w == ";") || plus(*n)).unwrap_or(rest.len());
        self.calls.push(Started {
            words: rest.iter().take(end).map(|w| (*w).to_os_string()).collect(),
            tests: self.tests.clone(),
            inside: words.get(at).is_some_and(|w| w.to_string_lossy().ends_with("dir")),
            at_once: plus(end),
        });
        end + 2
    }

    /// Whether a file would be found, as far as that is looked at; never no where find says yes.
    fn finds(&self, path: &Path, start: Option<&OsStr>, tests: &Tests) -> bool {
        if self.involved {
            return true;
        }
        // Of a start it is the word that is compared: `.` is called `.`.
        let name = match start {
            Some(word) => word.to_string_lossy().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
            None => path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        };
        let fits = |(fold, pattern): &(bool, String)| match pattern.contains(['[', '\\']) {
            true => true,
            false if *fold => WildMatch::new(&pattern.to_lowercase()).matches(&name.to_lowercase()),
            false => WildMatch::new(pattern).matches(&name),
        };
        let kind = match tests.kind {
            Some('f') if !self.follows => path.symlink_metadata().is_ok_and(|m| m.is_file()),
            Some('l') if !self.follows => path.is_symlink(),
            Some('f') => !path.is_dir(),
            Some('d') => path.is_dir() && (self.follows || !path.is_symlink()),
            _ => true,
        };
        kind && tests.names.iter().all(fits)
    }

    /// Whether a repository says what the files of every start folder are worth, or they are temporary.
    fn is_spoken_for(&self, ground: &Ground) -> bool {
        let workspace = ground.workspace.as_deref().filter(|w| w.join(".git").exists());
        self.starts.iter().all(|start| {
            let (place, path) = ground.place(start, self.follows_starts);
            match place {
                Place::Inside => workspace.is_some(),
                Place::Top => workspace == Some(path.as_path()) || ground.is_scratch(&path),
                Place::Scratch => true,
                Place::Unseen | Place::Nowhere | Place::Device | Place::Own => false,
                Place::System | Place::Home | Place::Outside => false,
            }
        })
    }

    /// The files that would come to an action behind `tests`; nothing where they are too many, or not this machine's.
    fn found(&self, ground: &Ground, tests: &Tests) -> Option<Vec<PathBuf>> {
        let mut open: Vec<(PathBuf, usize, Option<&OsStr>)> = Vec::new();
        for start in &self.starts {
            let (place, path) = ground.place(start, self.follows_starts);
            let seen = !ground.away && !self.follows && !matches!(place, Place::Unseen | Place::Own | Place::Device);
            let path = Some(path).filter(|path| seen && path.symlink_metadata().is_ok())?;
            open.push((path, 0, Some(start)));
        }
        let (mut found, mut seen) = (Vec::new(), 0);
        while let Some((path, depth, start)) = open.pop() {
            seen += 1;
            if seen > MOST_SEEN || found.len() > MOST_FOUND {
                return None;
            }
            if self.finds(&path, start, tests) {
                found.push(path.clone());
            }
            let deeper = self.deepest.is_none_or(|deepest| depth < deepest);
            if deeper && path.is_dir() && !path.is_symlink() {
                open.extend(path.read_dir().ok()?.flatten().map(|e| (e.path(), depth + 1, None)));
            }
        }
        Some(found)
    }
}

/// find.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let search = search(&operands(reading));
    if search.help {
        return settle(reading, call, findings, help());
    }
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let launcher = Launcher::new(call, probe, Reach::Path);
    let mut effects: Vec<Effect> = search
        .unknown
        .iter()
        .map(|why| Effect::new(Verb::Unknown, "expression", Evidence::Argv).because(why.clone()))
        .collect();
    effects.extend(judge.all(&search.outputs, Act::Overwrite));
    if let Some(tests) = &search.deletes {
        let found = if search.is_spoken_for(&ground) { search.found(&ground, tests) } else { None };
        effects.extend(deleted(&search, &judge, found));
    }
    for call in &search.calls {
        effects.extend(started(&search, call, &launcher, &ground));
    }
    if effects.is_empty() {
        let starts = search.starts.iter().map(|s| s.to_string_lossy()).collect::<Vec<_>>().join(" ");
        effects.push(Effect::new(Verb::Read, starts, Evidence::Argv));
    }
    settle(reading, call, findings, effects);
}

/// What `-delete` takes away: of folders only empty ones, which are no loss.
fn deleted(search: &Search, judge: &Judge<'_>, found: Option<Vec<PathBuf>>) -> Vec<Effect> {
    match found {
        Some(found) => {
            let files: Vec<PathBuf> = found.into_iter().filter(|p| !p.is_dir() || p.is_symlink()).collect();
            let starts = search.starts.iter().map(|s| s.to_string_lossy()).collect::<Vec<_>>().join(" ");
            let none = Effect::new(Verb::Write, starts, Evidence::Argv).because("nothing is found that could be lost");
            if files.is_empty() { vec![none] } else { judge.all(&files, Act::Remove) }
        }
        None => judge.all(&search.starts, Act::Remove),
    }
}

/// What a call of `-exec` does. What only reads does so whatever is found. What would lose the start folders is judged with what is
/// found, where a repository says what that is worth; what would not, with each file, for which it may be another call.
fn started(search: &Search, call: &Started, launcher: &Launcher<'_>, ground: &Ground) -> Vec<Effect> {
    let with = |paths: Vec<OsString>, launcher: &Launcher<'_>| {
        launcher.words(filled(&call.words, &paths), Default::default()).effects
    };
    let effects = with(search.starts.clone(), launcher);
    let named = call.words.iter().any(|w| w == "{}");
    if worst(&effects) == Verb::Read || !(named || call.inside) {
        return effects;
    }
    let loses = worst(&effects) > Verb::Write;
    let looks = !loses || search.is_spoken_for(ground);
    let Some(found) = search.found(ground, &call.tests).filter(|_| looks) else { return effects };
    if found.is_empty() {
        return if loses { vec![Effect::new(Verb::Read, "nothing is found", Evidence::Argv)] } else { effects };
    }
    let all = with(found.iter().map(|path| path.clone().into_os_string()).collect(), launcher);
    if (call.at_once && named) || worst(&all) > Verb::Write || (launcher.takes_alike(&call.words) && !call.inside) {
        return all;
    }
    // `cp a {}` of several files would be another call than several calls.
    let one = |path: &PathBuf| match (call.inside, path.parent(), path.file_name()) {
        (true, Some(folder), Some(name)) => {
            let mut there = launcher.call.clone();
            there.cwd = folder.to_path_buf();
            with(vec![Path::new(".").join(name).into_os_string()], &Launcher { call: &there, ..*launcher })
        }
        (_, _, _) => with(vec![path.clone().into_os_string()], launcher),
    };
    let worse = found.iter().take(MOST_CALLS).map(one).find(|effects| worst(effects) > Verb::Write);
    worse.unwrap_or_else(|| {
        // Of more calls than that, nothing is lost if nothing would be by writing over what is found.
        let rest = found.get(MOST_CALLS..).unwrap_or_default();
        let over = Judge::new(ground).all(rest, Act::Overwrite);
        all.into_iter().chain(over.into_iter().filter(|effect| effect.verb > Verb::Write)).collect()
    })
}

/// The words of a call with `{}` filled in; within a word it is not known what it will be.
fn filled(words: &[OsString], paths: &[OsString]) -> Vec<OsString> {
    let fill = |word: &OsString| match word.to_string_lossy() {
        text if text == "{}" => paths.to_vec(),
        text if text.contains("{}") => vec![OsString::from(text.replace("{}", UNSEEN))],
        _ => vec![word.clone()],
    };
    words.iter().flat_map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Search {
        let words = shell_words::split(line).unwrap();
        search(&words.iter().map(OsStr::new).collect::<Vec<_>>())
    }

    #[test]
    fn an_expression_is_taken_apart() {
        let found = read("a b -maxdepth 1 -name '*.o' -delete");
        assert_eq!((found.starts.len(), found.deletes.is_some(), found.deepest), (2, true, Some(1)));
        assert!(read(". -name -delete").deletes.is_none());
        assert!(read(". -exec echo -delete ';'").deletes.is_none());
        assert!(read(". -exec echo {} + -delete").deletes.is_some());
        assert_eq!(read("-exec rm {} ';'").calls.len(), 1);
        assert_eq!(read(". -exec rm").calls.len(), 1);
        assert_eq!(read(". -fprintf out %p -fls o2").outputs.len(), 2);
        assert_eq!(read("-L -O3 -D tree x -newermt 2020-01-01").unknown.len(), 0);
    }

    #[test]
    fn a_test_counts_for_what_stands_behind_it() {
        let names = |tests: &Tests| tests.names.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        let found = read(". -name a -exec rm {} + -name b -execdir cp x {} ';' -delete -name c");
        let of = |n: usize| found.calls.get(n).unwrap();
        assert_eq!((names(&of(0).tests), of(0).inside, of(0).at_once), (vec!["a".to_owned()], false, true));
        assert_eq!((names(&of(1).tests), of(1).inside, of(1).at_once), (vec!["a".to_owned(), "b".to_owned()], true, false));
        assert_eq!(names(found.deletes.as_ref().unwrap()), ["a", "b"]);
    }
}
