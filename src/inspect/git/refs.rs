//! What a command does to refs: commits that nothing would hold any more, and what is forgotten of old ones.

use super::{Git, resolve};
use crate::call::Stdin as CallStdin;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Stdin, Until};
use crate::repository::{Id, Repository};
use crate::text::sanitise;

const LOST: &str = "commits that nothing else holds would be lost";
/// Settings that say when unreachable objects and old entries of the reflog go.
const AGES: [&str; 3] = ["gc.pruneExpire", "gc.reflogExpire", "gc.reflogExpireUnreachable"];

/// What becomes of one ref.
struct Change {
    /// Its full name.
    name: String,
    /// The commit it is set to, where that is known; none: it is deleted.
    to: Option<Option<Id>>,
}

impl Git<'_> {
    /// What `changes` lose together: the commits of a ref that goes may be held by one that stays.
    fn changed(&self, changes: &[Change]) -> Vec<Effect> {
        let names: Vec<String> = changes.iter().map(|c| c.name.clone()).collect();
        let also: Vec<Id> = changes.iter().filter_map(|c| c.to.flatten()).collect();
        changes.iter().map(|change| self.change(change, &names, &also)).collect()
    }

    fn change(&self, change: &Change, names: &[String], also: &[Id]) -> Effect {
        let short = shortened(&change.name);
        let Some(repository) = self.repository() else {
            return self.by_argv(Verb::Destroy, short, LOST);
        };
        let by_state = |verb, note: &str| Effect::new(verb, short, Evidence::State).because(note);
        let Some(commit) = repository.commit_of(&change.name) else {
            return by_state(Verb::Write, "there is none of that name");
        };
        if change.to.is_none() && repository.is_annotated(&change.name) {
            return by_state(Verb::Destroy, "the tag has a text of its own, which would be lost");
        }
        match repository.is_held_without(names, commit, also) {
            Ok(true) => by_state(Verb::Write, "its commits are held elsewhere"),
            Ok(false) => by_state(Verb::Destroy, LOST),
            Err(_) => by_state(Verb::Destroy, "whether something else holds its commits cannot be told"),
        }
    }

    /// A branch that is set to another commit: `to`, or HEAD's.
    pub(super) fn moved_branch(&self, branch: &str, to: Option<&str>) -> Effect {
        let to = self.repository().and_then(|r| resolve(r, to.unwrap_or("HEAD")));
        let name = format!("refs/heads/{branch}");
        let also: Vec<Id> = to.into_iter().collect();
        self.change(&Change { name: name.clone(), to: Some(to) }, &[name], &also)
    }

    pub(super) fn branch(&self, findings: &mut Findings) {
        let on = |flags: &[&str]| flags.iter().any(|f| self.last(f).is_some());
        let operands = self.operands();
        let deletes = on(&["-D"]) || on(&["--delete"]) && on(&["--force"]);
        if deletes {
            let folder = if on(&["--remotes"]) { "refs/remotes/" } else { "refs/heads/" };
            let change = |name: &&str| Change { name: format!("{folder}{name}"), to: None };
            self.settle(findings, self.changed(&operands.iter().map(change).collect::<Vec<_>>()));
        } else if on(&["-M", "-C"]) || on(&["--move", "--copy"]) && on(&["--force"]) {
            let from = operands.len().checked_sub(2).and_then(|at| operands.get(at)).copied();
            let to = operands.last().copied().unwrap_or_default();
            let current = self.repository().and_then(Repository::head_branch);
            let stays = self.repository().is_some() && from.map(str::to_owned).or(current).is_some_and(|f| f == to);
            let effect = if stays {
                Effect::new(Verb::Write, to, Evidence::State).because("it keeps its name")
            } else {
                self.moved_branch(to, from)
            };
            self.settle(findings, vec![effect]);
        } else if on(&["--force"]) && !on(&["--delete", "--move", "--copy"]) {
            let (name, to) = (operands.first().copied().unwrap_or_default(), operands.get(1).copied());
            self.settle(findings, vec![self.moved_branch(name, to)]);
        } else {
            let changes = ["--delete", "--move", "--copy", "--edit-description", "--set-upstream-to", "--unset-upstream"];
            let lists =
                ["--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at", "--show-current"];
            self.read_where(!on(&changes) && (operands.is_empty() || on(&lists)), findings);
        }
    }

    /// A list is a read.
    fn read_where(&self, lists: bool, findings: &mut Findings) {
        if lists {
            self.settle(findings, vec![self.by_argv(Verb::Read, self.folder.display().to_string(), "")]);
        }
    }

    pub(super) fn tag(&self, findings: &mut Findings) {
        let operands = self.operands();
        let on = |flags: &[&str]| flags.iter().any(|f| self.last(f).is_some());
        if on(&["--delete"]) {
            let change = |name: &&str| Change { name: format!("refs/tags/{name}"), to: None };
            self.settle(findings, self.changed(&operands.iter().map(change).collect::<Vec<_>>()));
        } else if on(&["--force"]) {
            let to = self.repository().and_then(|r| resolve(r, operands.get(1).unwrap_or(&"HEAD")));
            let name = format!("refs/tags/{}", operands.first().unwrap_or(&""));
            let annotated = self.repository().is_some_and(|r| r.is_annotated(&name));
            // The old text is lost with the old tag.
            let to = if annotated { None } else { Some(to) };
            self.settle(findings, self.changed(&[Change { name, to }]));
        } else {
            let lists =
                ["--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at", "--verify", "-n"];
            self.read_where(operands.is_empty() || on(&lists), findings);
        }
    }

    /// The full name of what a ref stands for: `HEAD` for its branch.
    fn full(&self, name: &str) -> String {
        let stands_for = self.repository().filter(|_| !self.is_on("--no-deref")).and_then(|r| r.stands_for(name));
        stands_for.unwrap_or_else(|| name.to_owned())
    }

    pub(super) fn update_ref(&self, findings: &mut Findings) {
        let operands = self.operands();
        let resolved = |text: &str| self.repository().and_then(|r| resolve(r, text));
        let changes = if self.is_on("--stdin") {
            match self.ref_lines(findings) {
                Some(lines) => lines.iter().filter_map(|line| self.ref_line(line)).collect(),
                None => return,
            }
        } else {
            let name = self.full(operands.first().unwrap_or(&""));
            let deletes = self.is_on("-d") || operands.get(1).is_some_and(|new| is_null(new));
            vec![Change { name, to: if deletes { None } else { Some(operands.get(1).and_then(|new| resolved(new))) } }]
        };
        if changes.is_empty() {
            self.settle(findings, vec![self.by_argv(Verb::Write, "refs", "")]);
        } else {
            self.settle(findings, self.changed(&changes));
        }
    }

    /// The instructions on standard input, which git then reads from a sealed copy; nothing where they cannot be seen.
    fn ref_lines(&self, findings: &mut Findings) -> Option<Vec<String>> {
        if self.call.stdin == CallStdin::Null {
            return Some(Vec::new());
        }
        let Ok(Stdin::Whole(text, sealed)) = self.probe.stdin(Until::End) else { return None };
        findings.rewrite.stdin = sealed;
        let text = String::from_utf8_lossy(&text).into_owned();
        (!self.is_on("-z")).then(|| text.lines().map(str::to_owned).collect())
    }

    /// What one instruction does; nothing where it loses nothing.
    fn ref_line(&self, line: &str) -> Option<Change> {
        let words: Vec<&str> = line.split(' ').collect();
        let name = words.get(1).map(|n| self.full(n.trim_matches('"')));
        match words.as_slice() {
            ["delete" | "symref-delete", _, ..] => Some(Change { name: name?, to: None }),
            ["update", _, new, ..] if is_null(new) => Some(Change { name: name?, to: None }),
            ["update", _, new, ..] => {
                Some(Change { name: name?, to: Some(self.repository().and_then(|r| resolve(r, new))) })
            }
            [
                "create" | "verify" | "option" | "start" | "prepare" | "commit" | "abort" | "symref-create"
                | "symref-verify",
                ..,
            ]
            | ["" | "symref-update", ..] => None,
            _ => Some(Change { name: sanitise(line), to: Some(None) }),
        }
    }

    /// A ref that leads to another one from now on.
    pub(super) fn symbolic_ref(&self, name: &str, to: &str, findings: &mut Findings) {
        let to = Some(self.repository().and_then(|r| resolve(r, to)));
        self.settle(findings, self.changed(&[Change { name: name.to_owned(), to }]));
    }

    pub(super) fn worktree_add(&self, findings: &mut Findings) {
        if let Some(branch) = self.last("-B") {
            self.settle(findings, vec![self.moved_branch(branch, self.operands().get(1).copied())]);
        }
    }

    pub(super) fn remote_remove(&self, findings: &mut Findings) {
        let Some(repository) = self.repository() else { return };
        let Some(remote) = self.operands().first().map(|r| (*r).to_owned()) else { return };
        let Ok(refs) = repository.refs(&format!("refs/remotes/{remote}/")) else { return };
        let change = |(name, _): (String, Id)| Change { name, to: None };
        let mut effects = self.changed(&refs.into_iter().map(change).collect::<Vec<_>>());
        effects.retain(|e| e.verb == Verb::Destroy);
        effects.push(Effect::new(Verb::Write, remote, Evidence::State).because("its address can be added again"));
        self.settle(findings, effects);
    }

    /// `fetch` and `pull` write over a local ref where a refspec names one and forces it.
    pub(super) fn fetch(&self, findings: &mut Findings) {
        let mut changes = Vec::new();
        // What the other side has not is deleted.
        let prunes = self.is_on("--prune");
        if self.is_on("--prune-tags") {
            changes.extend(self.matching("refs/tags/*"));
        }
        // Refspecs of the call itself; a mirror's own are meant.
        let given = self.given.iter().filter(|s| matches!(s.parts(), ("remote", _, "fetch"))).map(|s| s.value.as_str());
        let mapped = self.reading.parsed.values("--refmap");
        for spec in self.operands().into_iter().skip(1).chain(mapped).chain(given) {
            let plain = self.is_on("--force") || prunes && spec.contains('*');
            let (forced, spec) = spec.strip_prefix('+').map_or((plain, spec), |spec| (true, spec));
            let Some((_, to)) = spec.split_once(':').filter(|(_, to)| forced && !to.is_empty()) else { continue };
            let short = ["heads/", "tags/", "remotes/"].iter().any(|folder| to.starts_with(folder));
            let name = match to {
                _ if to.starts_with("refs/") => to.to_owned(),
                _ if short => format!("refs/{to}"),
                _ => format!("refs/heads/{to}"),
            };
            if !name.starts_with("refs/remotes/") {
                changes.extend(self.matching(&name));
            }
        }
        if !changes.is_empty() {
            self.settle(findings, self.changed(&changes));
        }
    }

    /// The refs of a name that may hold a `*`; each may be set to anything.
    fn matching(&self, name: &str) -> Vec<Change> {
        let any = |name: String| Change { name, to: Some(None) };
        let Some((prefix, _)) = name.split_once('*') else { return vec![any(name.to_owned())] };
        match self.repository().and_then(|r| r.refs(prefix).ok()) {
            Some(refs) => refs.into_iter().map(|(name, _)| any(name)).collect(),
            None => vec![any(name.to_owned())],
        }
    }

    /// What is forgotten: objects that nothing leads to, and old entries of the reflog.
    pub(super) fn forget(&self, findings: &mut Findings) {
        let words = self.reading.command_words();
        let flags = ["--prune", "--expire", "--expire-unreachable"];
        let by_flags = flags.iter().filter_map(|f| self.last(f)).filter(|v| *v != "true");
        let settings = self.settings();
        // The age of one ref's log: `gc.refs/heads/main.reflogExpire`.
        let of_refs = settings.all().iter().filter(|s| match s.parts() {
            ("gc", of, name) => !of.is_empty() && ["reflogexpire", "reflogexpireunreachable"].contains(&name),
            _ => false,
        });
        let of_refs: Vec<&str> = of_refs.map(|s| s.value.as_str()).collect();
        let by_settings = AGES.iter().filter_map(|key| settings.value(key)).chain(of_refs.iter().copied());
        let collects = matches!(words.as_slice(), ["gc", ..] | ["maintenance", "run", ..]);
        let given: Vec<&str> = if collects { by_flags.chain(by_settings).collect() } else { by_flags.collect() };
        let expires = words.first() == Some(&"reflog") && given.is_empty();
        let logs = AGES.iter().skip(1).filter_map(|key| settings.value(key)).chain(of_refs.iter().copied());
        let logs = logs.filter(|_| expires);
        let young: Vec<&str> = given.iter().copied().chain(logs).filter(|age| !is_old(age)).collect();
        let target = self.folder.display().to_string();
        if let Some(age) = young.first() {
            let note = format!("what nothing else leads to is deleted, back to `{}`", sanitise(age));
            self.settle(findings, vec![self.by_argv(Verb::Destroy, target, &note).irreversible()]);
        } else if words.first() == Some(&"prune") && !given.is_empty() {
            self.settle(findings, vec![self.by_argv(Verb::Write, target, "only what is old goes")]);
        }
    }
}

/// `refs/heads/main` as people name it.
pub(super) fn shortened(name: &str) -> &str {
    ["refs/heads/", "refs/tags/", "refs/remotes/"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name)
}

/// The hash that stands for no object.
fn is_null(hash: &str) -> bool {
    hash.is_empty() || hash.len() >= 40 && hash.bytes().all(|b| b == b'0')
}

/// Whether an expiry leaves what is younger than a week: `never`, `2.weeks.ago`, `90 days`.
fn is_old(age: &str) -> bool {
    const WEEK: u16 = 7;
    let age = age.to_lowercase();
    if matches!(age.as_str(), "never" | "false") {
        return true;
    }
    // Git reads dates in many forms, of the future too: only the plain ones are known to be long ago.
    let plain = age.trim_end_matches("ago").trim_end_matches([' ', '.', '_']);
    let unit = plain.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = plain.strip_suffix(unit).and_then(|n| n.parse::<u16>().ok()).unwrap_or(0);
    match unit.trim_start_matches([' ', '.', '_', '-']) {
        "week" | "weeks" | "month" | "months" | "year" | "years" => number >= 1,
        "day" | "days" => number >= WEEK,
        // A year is none.
        "" => (WEEK..1000).contains(&number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn what_leaves_a_week_is_old() {
        for age in ["never", "2.weeks.ago", "90 days", "1.month", "30", "7.days.ago"] {
            assert!(is_old(age), "{age}");
        }
        for age in [
            "now",
            "all",
            "1.day.ago",
            "0",
            "yesterday",
            "5.minutes.ago",
            "",
            "3",
            "1800000000",
            "20270101",
            "2027",
            "1 week hence",
            "tomorrow7days",
            "10 days ago 0",
            "99999999 weeks",
        ] {
            assert!(!is_old(age), "{age}");
        }
    }
}
