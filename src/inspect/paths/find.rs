//! find: start folders and an expression. What `-delete` would take away and what `-exec` would start is judged with the files that
//! would be found; where they cannot be looked at, with the start folders in their place.

mod expression;
mod pattern;
mod test;
mod truth;
mod walk;
mod words;

use super::copy::moves_onto;
use super::ground::Ground;
use super::loss::{Act, Judge};
use super::{help, operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::inspect::inner::{Launcher, UNSEEN};
use crate::inspect::{Findings, Probe};
use crate::reach::Reach;
use crate::tool::{self, Reading};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use words::{Search, Started, search};

/// So many calls for one file each are judged one by one.
const MOST_CALLS: usize = 64;

/// find.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let search = search(&operands(reading));
    if search.help {
        return settle(reading, call, findings, help());
    }
    let ground = Ground::of(call);
    let from = From { search: &search, ground: &ground, launcher: Launcher::new(call, probe, Reach::Path) };
    let mut effects: Vec<Effect> = search
        .unknown
        .iter()
        .map(|why| Effect::new(Verb::Unknown, "expression", Evidence::Argv).because(why.clone()))
        .collect();
    effects.extend(Judge::new(&ground).all(&search.outputs, Act::Overwrite));
    effects.extend(from.actions());
    if effects.is_empty() {
        effects.push(Effect::new(Verb::Read, search.named(), Evidence::Argv));
    }
    settle(reading, call, findings, effects);
}

/// Where the actions of a find come from.
struct From<'a> {
    search: &'a Search,
    ground: &'a Ground,
    launcher: Launcher<'a>,
}

impl From<'_> {
    /// What the actions do.
    fn actions(&self) -> Vec<Effect> {
        let starts: Vec<Vec<Effect>> =
            self.search.calls.iter().map(|call| self.with(call, self.search.starts.clone())).collect();
        let changing = || self.search.calls.iter().zip(&starts).filter(|(_, effects)| worst(effects) > Verb::Read);
        let mut all: Vec<usize> = changing().map(|(call, _)| call.action).collect();
        // What one call renames another action may find.
        let mingle = !all.is_empty();
        all.extend(&self.search.deletes);
        let files = |own: &[usize]| walk::found(self.search, self.ground, if mingle { &all } else { own });
        let mut effects = Vec::new();
        if !self.search.deletes.is_empty() {
            effects.extend(self.deleted(files(&self.search.deletes)));
        }
        for (call, with_starts) in self.search.calls.iter().zip(starts) {
            effects.extend(self.started(call, with_starts, &files));
        }
        effects
    }

    /// What `-delete` takes away: of folders only empty ones, which are no loss.
    fn deleted(&self, found: Option<Vec<PathBuf>>) -> Vec<Effect> {
        let judge = Judge::new(self.ground);
        let Some(found) = found else { return judge.all(&self.search.starts, Act::Remove) };
        let files: Vec<PathBuf> = found.into_iter().filter(|p| !p.is_dir() || p.is_symlink()).collect();
        let none = Effect::new(Verb::Write, self.search.named(), Evidence::Argv);
        let none = none.because("nothing is found that could be lost");
        // Without a repository nothing says what may be there by then.
        let kept = |start: &OsString| {
            let path = self.ground.resolve(start, true);
            self.ground.away || self.ground.is_kept(&path) || self.ground.is_scratch(&path)
        };
        match files.is_empty() {
            true if self.search.starts.iter().all(kept) => vec![none],
            true => judge.all(&self.search.starts, Act::Remove),
            false => judge.all(&files, Act::Remove),
        }
    }

    /// What a call does with `paths` in the place of `{}`.
    fn with(&self, call: &Started, paths: Vec<OsString>) -> Vec<Effect> {
        self.launcher.words(filled(&call.words, &paths), Default::default()).effects
    }

    /// The call that starts a call for one file, and the word for it.
    fn at(&self, call: &Started, path: &Path) -> (Call, OsString) {
        let mut from = self.launcher.call.clone();
        match (call.inside, path.parent(), path.file_name()) {
            (true, Some(folder), Some(name)) => {
                from.cwd = folder.to_path_buf();
                (from, Path::new(".").join(name).into_os_string())
            }
            (_, _, _) => (from, path.as_os_str().to_os_string()),
        }
    }

    /// What a call does with one file.
    fn with_one(&self, call: &Started, path: &Path) -> Vec<Effect> {
        let (there, word) = self.at(call, path);
        From { launcher: Launcher { call: &there, ..self.launcher }, ..*self }.with(call, vec![word])
    }

    /// Whether a call for each file moves one after the other to the same name.
    fn piles_up(&self, call: &Started, path: &Path) -> bool {
        let (there, word) = self.at(call, path);
        let argv = filled(&call.words, &[word]);
        let name = argv.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        let tools = tool::find(&name).unwrap_or_default();
        let moves = Call { name, argv, ..there };
        tools.iter().any(|tool| moves_onto(&tool.read(&moves), &moves))
    }

    /// What a call of `-exec` does. What only reads does so whatever is found. What would lose the start folders is judged with what
    /// is found; what would not, with each file, for which it may be another call.
    fn started(
        &self,
        call: &Started,
        with_starts: Vec<Effect>,
        files: &dyn Fn(&[usize]) -> Option<Vec<PathBuf>>,
    ) -> Vec<Effect> {
        let named = call.words.iter().any(|w| w == "{}");
        if worst(&with_starts) == Verb::Read || !(named || call.inside) {
            return with_starts;
        }
        let Some(found) = files(&[call.action]) else { return with_starts };
        if found.is_empty() {
            let loses = worst(&with_starts) > Verb::Write;
            return if loses { vec![Effect::new(Verb::Read, "nothing is found", Evidence::Argv)] } else { with_starts };
        }
        let all = self.with(call, found.iter().map(|path| path.clone().into_os_string()).collect());
        let alike = self.launcher.takes_alike(&call.words) && !call.inside;
        // Where the name does not depend on the folder, two of them say so: one may bear it itself.
        let asked = if call.inside { found.len() } else { 2 };
        if !call.at_once && found.len() > 1 && found.iter().take(asked).any(|path| self.piles_up(call, path)) {
            // The last one stays; which one that is, the order of the folder says.
            let over = Judge::new(self.ground).all(&found, Act::Remove);
            if worst(&over) > Verb::Write {
                return over.into_iter().map(|effect| effect.by_tool("mv")).collect();
            }
        }
        if (call.at_once && named) || worst(&all) > Verb::Write || alike {
            return all;
        }
        // `cp a {}` of several files would be another call than several calls.
        let worse = found.iter().take(MOST_CALLS).map(|path| self.with_one(call, path)).find(|e| worst(e) > Verb::Write);
        worse.unwrap_or_else(|| {
            // Of more calls than that, nothing is lost if nothing would be by writing over what is found.
            let rest = found.get(MOST_CALLS..).unwrap_or_default();
            let over = Judge::new(self.ground).all(rest, Act::Overwrite);
            all.into_iter().chain(over.into_iter().filter(|effect| effect.verb > Verb::Write)).collect()
        })
    }
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
