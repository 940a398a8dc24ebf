//! git: what a call would lose of the repository it works in, what its settings make of it, and what it runs.
//!
//! The repository is read by a library that runs nothing. Where there is none, or it gives no answer, there is no evidence, and the
//! verb of argv stands.

mod given;
mod push;
mod refs;
mod runs;
mod viewer;
mod worktree;

pub(super) use viewer::viewer;

use super::inner::Launcher;
use super::{Findings, Probe, deepen};
use crate::call::{Around, Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::reach::Reach;
use crate::repository::{Id, Repository, Settings, State, Unsaved};
use crate::text::sanitise;
use crate::tool::{self, Reading};
use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Aliases of aliases deeper than this are not followed.
const DEEPEST: usize = 8;
/// So many things that would be lost are looked for.
const MOST: usize = 10_000;
/// So many of them are named one by one.
const NAMED: usize = 8;
/// Variables that put parts of the repository elsewhere: what is read then may not be what git reads.
const PARTS: [&str; 4] = ["GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_REF_STORAGE"];

/// Looks closer at a call of git.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let git = Git::of(reading, call, probe);
    match reading.parsed.command {
        None => git.alias(findings),
        Some(_) if reading.parsed.is_on("--dry-run") => git.only_shows(findings),
        Some(_) => git.command(findings),
    }
    findings.effects.extend(given::smuggled(&git));
    findings.effects.extend(git.renamed());
    git.facts(findings);
}

/// A call of git and where it works.
struct Git<'a> {
    reading: &'a Reading<'a>,
    call: &'a Call,
    probe: &'a dyn Probe,
    /// The folder it works in.
    folder: PathBuf,
    /// What the call itself sets.
    given: Vec<crate::repository::Setting>,
    repository: OnceCell<Option<Repository>>,
    settings: OnceCell<Settings>,
}

impl<'a> Git<'a> {
    fn of(reading: &'a Reading<'a>, call: &'a Call, probe: &'a dyn Probe) -> Git<'a> {
        let folder = reading.parsed.values("-C").fold(call.cwd.clone(), |at, next| absolute(&at, Path::new(next)));
        let given = given::settings(reading, call);
        Git { reading, call, probe, folder, given, repository: OnceCell::new(), settings: OnceCell::new() }
    }

    fn is_on(&self, flag: &str) -> bool {
        self.reading.parsed.is_on(flag)
    }

    fn last(&self, flag: &str) -> Option<&str> {
        self.reading.parsed.last(flag).filter(|_| self.is_on(flag))
    }

    fn operands(&self) -> Vec<&str> {
        self.reading.operands()
    }

    /// The operands before and behind `--`.
    fn divided(&self) -> (Vec<&str>, Vec<&str>) {
        let parsed = &self.reading.parsed;
        let word = |at: &usize| self.reading.words.get(*at).map(|w| w.text.as_str());
        let (before, behind): (Vec<usize>, Vec<usize>) =
            parsed.operands.iter().partition(|at| parsed.dashes.is_none_or(|dashes| **at < dashes));
        (before.iter().filter_map(word).collect(), behind.iter().filter_map(word).collect())
    }

    fn env(&self, name: &str) -> Option<OsString> {
        self.call.env.get(OsStr::new(name)).filter(|v| !v.is_empty()).cloned()
    }

    /// The repository that git would work in, where it can be looked at.
    fn repository(&self) -> Option<&Repository> {
        self.repository.get_or_init(|| self.find()).as_ref()
    }

    fn find(&self) -> Option<Repository> {
        let moved = PARTS.iter().any(|name| self.env(name).is_some())
            || self.is_on("--bare")
            || self
                .given
                .iter()
                .any(|s| matches!(s.parts().0, "extensions") || s.key == "core.worktree" || s.key == "core.bare");
        if self.call.around.away || moved {
            return None;
        }
        let named = |flag: &str, variable: &str| {
            let flag = self.reading.parsed.values(flag).last().map(OsString::from);
            flag.or_else(|| self.env(variable)).map(|v| absolute(&self.folder, Path::new(&v)))
        };
        let (git_dir, worktree) = (named("--git-dir", "GIT_DIR"), named("--work-tree", "GIT_WORK_TREE"));
        let found = match (git_dir, worktree) {
            (None, None) => Repository::found_from(&self.folder)?,
            (Some(git_dir), worktree) => {
                // A named repository without a named worktree has the current folder for one.
                let worktree = worktree.unwrap_or_else(|| self.folder.clone());
                Repository::of_git_dir(&git_dir, Some(&worktree))?
            }
            (None, Some(worktree)) => {
                let git_dir = Repository::found_from(&self.folder)?.git_dir().to_path_buf();
                Repository::of_git_dir(&git_dir, Some(&worktree))?
            }
        };
        let index = self.env("GIT_INDEX_FILE").map(|v| absolute(&self.folder, Path::new(&v)));
        index.is_none_or(|index| index == found.git_dir().join("index")).then_some(found)
    }

    /// All settings that count.
    fn settings(&self) -> &Settings {
        self.settings.get_or_init(|| {
            let mut settings = if self.call.around.away {
                Settings::default()
            } else {
                Settings::read(self.repository(), &|name| self.env(name))
            };
            settings.add(&self.given);
            settings
        })
    }

    /// What a shell started by git would do.
    fn launcher(&self, reach: Reach) -> Launcher<'_> {
        Launcher::new(self.call, self.probe, reach)
    }

    fn command(&self, findings: &mut Findings) {
        let words = self.reading.command_words();
        match words.as_slice() {
            [name @ ("rebase" | "am" | "merge" | "cherry-pick" | "revert")]
                if self.is_on("--abort") || self.is_on("--skip") =>
            {
                self.given_up(name, findings)
            }
            ["push", ..] => self.push(findings),
            ["fetch" | "pull", ..] => self.fetch(findings),
            ["branch"] => self.branch(findings),
            ["tag"] => self.tag(findings),
            ["update-ref"] => self.update_ref(findings),
            ["symbolic-ref", name, to] if name.starts_with("refs/") && !name.starts_with("refs/remotes/") => {
                self.symbolic_ref(name, to, findings)
            }
            ["gc" | "prune" | "maintenance", ..] | ["reflog", "expire"] => self.forget(findings),
            ["remote", "remove" | "rm"] => self.remote_remove(findings),
            ["worktree", "add"] => self.worktree_add(findings),
            ["rebase" | "for-each-repo"] | ["config" | "clone", ..] => self.runs(findings),
            ["filter-repo"] if self.is_on("--analyze") => self.only_shows(findings),
            _ => self.in_worktree(&words, findings),
        }
    }

    /// The call itself makes an alias of a command's name. Git passes over it where it has that command built in, which not every
    /// command is: `lfs`, `svn`.
    fn renamed(&self) -> Option<Effect> {
        let key = format!("alias.{}", self.reading.command_words().first()?);
        let note = "the call itself gives a command's name to another";
        self.given.iter().any(|s| s.key == key).then(|| self.by_argv(Verb::Escape, key, note))
    }

    /// A call that only shows what it would do.
    fn only_shows(&self, findings: &mut Findings) {
        let effect = Effect::new(Verb::Read, self.folder.display().to_string(), Evidence::Argv);
        self.settle(findings, vec![effect.because("it only shows what it would do")]);
    }

    /// Puts `effects` in the place of what argv said of the command itself; what was not understood, and what no evidence
    /// answers, stays.
    fn settle(&self, findings: &mut Findings, effects: Vec<Effect>) {
        findings.effects.retain(|e| e.verb == Verb::Unknown);
        findings.effects.extend(self.reading.standing(self.call));
        findings.effects.extend(effects);
    }

    /// An effect of the words alone.
    fn by_argv(&self, verb: Verb, target: impl Into<String>, note: &str) -> Effect {
        Effect::new(verb, target, Evidence::Argv).because(note)
    }

    /// What is lost where `lost` is what would be; nothing known of it leaves `note` to stand for a destroy.
    fn weigh(&self, findings: &mut Findings, lost: Option<Vec<Unsaved>>, note: &str) {
        let effects = match lost {
            None => vec![self.by_argv(Verb::Destroy, self.folder.display().to_string(), note)],
            Some(lost) if lost.is_empty() => {
                let effect = Effect::new(Verb::Write, self.folder.display().to_string(), Evidence::State);
                vec![effect.because("the repository holds everything that it would replace")]
            }
            Some(lost) => lost_effects(&lost, note),
        };
        self.settle(findings, effects);
    }

    /// A word that is no command: an alias, or a program `git-…`.
    fn alias(&self, findings: &mut Findings) {
        let Some(at) = self.reading.parsed.operands.first().copied() else { return };
        let Some(name) = self.reading.words.get(at).map(|w| w.text.clone()) else { return };
        let key = format!("alias.{name}");
        let Some(meaning) = self.settings().value(&key).map(str::to_owned) else { return };
        if self.call.around.depth >= DEEPEST {
            return;
        }
        let rest: Vec<OsString> = self.reading.words.iter().skip(at + 1).map(|w| w.raw.clone()).collect();
        let found = match meaning.strip_prefix('!') {
            Some(text) => self.shell_alias(text, &rest),
            None => self.git_alias(&meaning, at, rest),
        };
        let Some(found) = found else { return };
        findings.effects.clear();
        super::inner::adopt(found, findings);
        if meaning.starts_with('!') && self.given.iter().any(|s| s.key == key.to_lowercase()) {
            let note = "the call itself makes an alias that is a shell command";
            findings.effects.push(self.by_argv(Verb::Escape, key, note));
        }
    }

    /// The call that an alias stands for.
    fn git_alias(&self, meaning: &str, at: usize, rest: Vec<OsString>) -> Option<Findings> {
        let words = shell_words::split(meaning).ok()?;
        let before = self.reading.words.iter().take(at).map(|w| w.raw.clone());
        let name = self.call.argv.first().cloned().into_iter();
        let argv = name.chain(before).chain(words.into_iter().map(OsString::from)).chain(rest).collect();
        let around = Around { depth: self.call.around.depth + 1, ..self.call.around };
        let call = Call { argv, around, ..self.call.clone() };
        // The table at hand may hold the commands of the words that were typed alone.
        let mut all = Findings::default();
        for (n, tool) in tool::find_for(&call.name, &call).ok()?.iter().enumerate() {
            let found = deepen(&tool.read(&call), &call, self.probe);
            if n == 0 { all = found } else { all.effects.extend(found.effects) }
        }
        Some(all)
    }

    /// A shell command, which git starts in the root of the worktree with the words of the call behind it.
    fn shell_alias(&self, text: &str, rest: &[OsString]) -> Option<Findings> {
        let words: Vec<String> = rest.iter().map(|w| w.to_string_lossy().into_owned()).collect();
        let cwd = self.repository().map_or_else(|| self.folder.clone(), |r| r.root().to_path_buf());
        let around = Around { depth: self.call.around.depth + 1, ..self.call.around };
        let call = Call { cwd, around, ..self.call.clone() };
        let from = Launcher::new(&call, self.probe, Reach::Path);
        Some(from.text(format!("{text} {}", shell_words::join(&words)).trim_end()))
    }

    /// Facts about the place, for calls that change something.
    fn facts(&self, findings: &mut Findings) {
        if crate::effect::worst(&findings.effects) == Verb::Read || findings.facts.contains_key("git-branch") {
            return;
        }
        if let Some(branch) = self.repository().and_then(Repository::head_branch) {
            findings.facts.insert("git-branch".to_owned(), branch);
        }
    }

    /// The folder that pathspecs begin at: outside the worktree git goes to its root.
    fn base(&self) -> PathBuf {
        let inside = |r: &Repository| self.folder.canonicalize().is_ok_and(|folder| folder.starts_with(r.root()));
        match self.repository() {
            Some(repository) if !inside(repository) => repository.root().to_path_buf(),
            Some(_) | None => self.folder.clone(),
        }
    }

    /// The paths that pathspecs may match. A pattern counts as the folder it begins with, one with a meaning of its own
    /// as the whole worktree.
    fn paths(&self, specs: &[&str]) -> Vec<PathBuf> {
        let root = || self.repository().map_or_else(|| self.folder.clone(), |r| r.root().to_path_buf());
        let base = self.base();
        let literal = self.is_on("--literal-pathspecs");
        let path = |spec: &&str| match spec.strip_prefix(':').filter(|_| !literal) {
            Some(rest) if rest.starts_with('/') => absolute(&root(), Path::new(rest.trim_start_matches('/'))),
            Some(_) => root(),
            None => match spec.find(['*', '?', '[', '\\']).filter(|_| !literal) {
                None => absolute(&base, Path::new(spec)),
                Some(at) => {
                    let fixed = spec.get(..at).unwrap_or_default();
                    absolute(&base, Path::new(fixed.rsplit_once('/').map_or("", |(folder, _)| folder)))
                }
            },
        };
        specs.iter().map(path).collect()
    }
}

/// What a revision names.
fn resolve(repository: &Repository, revision: &str) -> Option<Id> {
    // `-` is the branch before; whether it is there does not matter to what is lost.
    repository.resolve(if revision == "-" { "@{-1}" } else { revision })
}

/// One effect for each thing that would be lost; of many only the first are named.
fn lost_effects(lost: &[Unsaved], note: &str) -> Vec<Effect> {
    let why = |unsaved: &Unsaved| match unsaved.state {
        State::Changed => "its changes are in no commit",
        State::Staged | State::StagedAndGone => "what is staged of it is in no commit",
        State::Untracked => "it is in no commit",
        State::Repository => "it is a repository of its own",
    };
    let effect = |unsaved: &Unsaved| {
        let target = unsaved.path.display().to_string();
        Effect::new(Verb::Destroy, target, Evidence::State).because(format!("{note}: {}", why(unsaved))).irreversible()
    };
    let mut effects: Vec<Effect> = lost.iter().take(NAMED).map(effect).collect();
    if lost.len() > NAMED {
        let more = lost.len() - NAMED;
        let at_least = if lost.len() >= MOST { "at least " } else { "" };
        let target = lost.last().map(|u| u.path.display().to_string()).unwrap_or_default();
        let effect = Effect::new(Verb::Destroy, target, Evidence::State).irreversible();
        effects.push(effect.because(sanitise(&format!("and {at_least}{more} more files"))));
    }
    effects
}
