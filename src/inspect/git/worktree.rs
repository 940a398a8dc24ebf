//! What a command would lose of the worktree: changes, staged content and files that are in no commit.

use super::{Git, MOST, resolve};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::Findings;
use crate::inspect::paths::is_rebuildable;
use crate::repository::{Exclude, Excluded, Id, Repository, RepositoryError, State, Unsaved};
use std::path::{Path, PathBuf};

const CHANGES: &str = "changes would be lost";
const FILES: &str = "files would be deleted";

/// The answer of a repository; an error is none.
type Answer = Result<Vec<Unsaved>, RepositoryError>;

impl Git<'_> {
    /// Commands that touch the worktree.
    pub(super) fn in_worktree(&self, words: &[&str], findings: &mut Findings) {
        match words {
            ["reset"] => self.reset(findings),
            ["checkout"] => self.checkout(findings),
            ["restore"] => self.restore(findings),
            ["switch"] => self.switch(findings),
            ["clean"] => self.clean(findings),
            ["rm"] if self.is_on("--force") && !self.is_on("--cached") => {
                let lost = self.ask(|r| r.unsaved_tracked(&self.named_paths(&self.operands(), r), MOST));
                self.weigh(findings, lost, CHANGES);
            }
            ["rm"] if self.is_on("--force") => self.settle(findings, vec![self.write("only the index changes")]),
            // git itself refuses where something would be lost; that there is a commit only a repository can say.
            ["rm"]
                if self.repository().is_none()
                    && !self.is_on("--cached")
                    && self.operands().iter().any(|o| is_everything(o)) =>
            {
                self.weigh(findings, None, "every file would leave the worktree");
            }
            ["mv"] if self.is_on("--force") => {
                self.weigh(findings, self.ask(|r| r.unsaved(&self.moved_to(), MOST)), CHANGES)
            }
            ["read-tree"] if self.is_on("--reset") => self.weigh(findings, self.everywhere(), CHANGES),
            ["checkout-index"] if self.is_on("--force") => self.checkout_index(findings),
            ["sparse-checkout", "set" | "reapply"] => self.sparse_checkout(findings),
            ["sparse-checkout", "init"] if self.repository().is_some() => self.sparse_checkout(findings),
            ["worktree", "remove"] if self.is_on("--force") => self.worktree_remove(findings),
            ["submodule", what @ ("deinit" | "update")] if self.is_on("--force") => {
                let all = *what == "deinit";
                self.weigh(findings, self.ask(|r| self.in_submodules(r, all)), CHANGES);
            }
            _ => {}
        }
    }

    fn write(&self, note: &str) -> Effect {
        Effect::new(Verb::Write, self.folder.display().to_string(), Evidence::Argv).because(note)
    }

    /// What the repository answers; nothing where there is none, or it cannot say.
    fn ask(&self, question: impl Fn(&Repository) -> Answer) -> Option<Vec<Unsaved>> {
        self.repository().and_then(|r| question(r).ok())
    }

    /// Everything that is tracked and in no commit.
    fn everywhere(&self) -> Option<Vec<Unsaved>> {
        self.ask(|r| self.without_submodules(r, r.unsaved_tracked(&[r.root().to_path_buf()], MOST)))
    }

    /// What stands in submodules stays as it is, unless git is told to go into them.
    fn without_submodules(&self, repository: &Repository, answer: Answer) -> Answer {
        let told = self.last("--recurse-submodules").is_some() || self.settings().is_on("submodule.recurse") == Some(true);
        if told || !repository.root().join(".gitmodules").exists() {
            return answer;
        }
        only(answer, |u| !is_in_another(repository, u))
    }

    /// The paths of pathspecs; where a file names them, the whole worktree.
    fn named_paths(&self, specs: &[&str], repository: &Repository) -> Vec<PathBuf> {
        let everything = self.last("--pathspec-from-file").is_some() || specs.is_empty() && self.is_on("--patch");
        if everything { vec![repository.root().to_path_buf()] } else { self.paths(specs) }
    }

    /// Changes everywhere, and untracked files that stand where `target` has something.
    fn forced(&self, repository: &Repository, target: Option<Id>) -> Answer {
        let root = [repository.root().to_path_buf()];
        let mut lost = self.without_submodules(repository, repository.unsaved_tracked(&root, MOST))?;
        lost.extend(in_the_way(repository, &root, target)?);
        Ok(lost)
    }

    fn reset(&self, findings: &mut Findings) {
        let target = |r: &Repository| resolve(r, self.operands().first().unwrap_or(&"HEAD"));
        if self.is_on("--hard") {
            self.weigh(findings, self.ask(|r| self.forced(r, target(r))), CHANGES);
        } else if self.is_on("--merge") {
            let lost = self.everywhere().map(|all| all.into_iter().filter(|u| u.staged).collect());
            self.weigh(findings, lost, CHANGES);
        } else if !["--soft", "--keep", "--patch"].iter().any(|f| self.is_on(f))
            && let Some(all) = self.everywhere()
        {
            let gone: Vec<Unsaved> = all.into_iter().filter(|u| u.state == State::StagedAndGone).collect();
            if !gone.is_empty() {
                self.weigh(findings, Some(gone), "the index alone holds it");
            }
        }
    }

    /// `--abort` and `--skip` of `command`: what git itself made of the worktree is meant to go, conflicts and what was made of
    /// them too. A person's own are files that the command does not touch and that were staged meanwhile, and, as only a rebase
    /// resets hard where the others refuse, changes that are not staged.
    pub(super) fn given_up(&self, command: &str, findings: &mut Findings) {
        let lost = self.ask(|r| {
            if command == "rebase" && !["rebase-merge", "rebase-apply"].iter().any(|d| r.git_dir().join(d).is_dir()) {
                return Ok(Vec::new());
            }
            let side = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD^", "REBASE_HEAD"].iter().find_map(|n| r.resolve(n));
            let untouched = |u: &Unsaved| match (r.head(), side) {
                (Some(head), Some(side)) => Ok(r.object_at(head, &u.path)? == r.object_at(side, &u.path)?),
                // Which files the patches of `am` touch is not known; a rebase that stopped between commits touches none.
                (_, _) => Ok(command == "rebase"),
            };
            let mut found = Vec::new();
            for unsaved in self.without_submodules(r, r.unsaved_tracked(&[r.root().to_path_buf()], MOST))? {
                let is_own = match unsaved.state {
                    State::Changed => command == "rebase" && !unsaved.merging,
                    State::Staged | State::StagedAndGone => !unsaved.merging && untouched(&unsaved)?,
                    State::Untracked | State::Repository => false,
                };
                if is_own {
                    found.push(unsaved);
                }
            }
            Ok(found)
        });
        if lost.is_some() {
            self.weigh(findings, lost, CHANGES);
        }
    }

    fn switch(&self, findings: &mut Findings) {
        if self.is_on("--force") || self.is_on("--discard-changes") {
            self.force_to(self.operands().first().copied(), findings);
        } else if let Some(branch) = self.last("--force-create") {
            self.settle(findings, vec![self.moved_branch(branch, self.operands().first().copied())]);
        }
    }

    /// A switch that does not look at what it writes over.
    fn force_to(&self, target: Option<&str>, findings: &mut Findings) {
        let lost = self.ask(|r| self.forced(r, resolve(r, target.unwrap_or("HEAD"))));
        self.weigh(findings, lost, CHANGES);
        let created = self.last("-B").or_else(|| self.last("--force-create"));
        findings.effects.extend(created.map(|branch| self.moved_branch(branch, target)));
    }

    fn checkout(&self, findings: &mut Findings) {
        let (before, behind) = self.divided();
        if self.last("--track").is_some_and(|t| !matches!(t, "true" | "direct" | "inherit")) {
            findings.effects.push(self.by_argv(Verb::Unknown, "--track", "there is no such way to track"));
        }
        let switches = ["-b", "-B", "--orphan", "--detach", "--track"].iter().any(|f| self.last(f).is_some());
        let (tree, paths) =
            if switches { (before.first().copied(), Vec::new()) } else { self.tree_and_paths(before, behind) };
        let by_file = self.last("--pathspec-from-file").is_some();
        if !paths.is_empty() || by_file || self.is_on("--patch") {
            self.take_out(tree, &paths, true, findings);
        } else if self.is_on("--force") {
            self.force_to(tree, findings);
        } else if let Some(branch) = self.last("-B") {
            self.settle(findings, vec![self.moved_branch(branch, tree)]);
        }
    }

    /// Which operand of `checkout` names a commit and which ones paths.
    fn tree_and_paths<'o>(&self, before: Vec<&'o str>, behind: Vec<&'o str>) -> (Option<&'o str>, Vec<&'o str>) {
        if self.reading.parsed.dashes.is_some() {
            return (before.first().copied(), behind);
        }
        let Some((first, others)) = before.split_first() else { return (None, Vec::new()) };
        match self.repository() {
            Some(r) if resolve(r, first).is_some() || *first == "-" => (Some(first), others.to_vec()),
            // A branch that only a remote has is made here.
            Some(r) if others.is_empty() && !self.is_there(first) && is_of_a_remote(r, first) => (Some(first), Vec::new()),
            Some(_) => (None, before),
            None if others.is_empty() && !self.is_there(first) && !looks_like_a_path(first) => (Some(first), Vec::new()),
            None if others.is_empty() => (None, before),
            None => (Some(first), others.to_vec()),
        }
    }

    fn is_there(&self, path: &str) -> bool {
        !self.call.around.away && self.folder.join(path).symlink_metadata().is_ok()
    }

    /// With a prefix the files are written elsewhere: in front of each name, seen from the root.
    fn checkout_index(&self, findings: &mut Findings) {
        let operands = self.operands();
        let everything = self.is_on("--all") || self.is_on("--stdin");
        let paths = |r: &Repository| if everything { vec![r.root().to_path_buf()] } else { self.named_paths(&operands, r) };
        let prefix = self.last("--prefix").filter(|prefix| !prefix.is_empty());
        if let (Some(prefix), Some(repository)) = (prefix, self.repository())
            && let Ok(names) = repository.names_in_index(&paths(repository))
        {
            let to = |name: &PathBuf| repository.root().join(format!("{prefix}{}", name.display()));
            let words: Vec<PathBuf> = names.iter().map(to).collect();
            return self.settle(findings, crate::inspect::paths::overwritten(self.call, &words));
        }
        let lost = self.ask(|r| only(r.unsaved_tracked(&paths(r), MOST), |u| u.state == State::Changed));
        self.weigh(findings, lost, CHANGES);
    }

    fn restore(&self, findings: &mut Findings) {
        let staged = self.is_on("--staged");
        if staged && !self.is_on("--worktree") {
            self.settle(findings, vec![self.write("only the index changes")]);
            return;
        }
        self.take_out(self.last("--source"), &self.operands(), staged, findings);
    }

    /// Files are written as the index, or `tree`, has them; with a tree the index too where `indexed`.
    fn take_out(&self, tree: Option<&str>, specs: &[&str], indexed: bool, findings: &mut Findings) {
        let lost = self.ask(|r| {
            let paths = self.named_paths(specs, r);
            let both = indexed && (tree.is_some() || self.is_on("--staged"));
            // The sides of a merge are in its commits, and the merge can be made again.
            let sides = self.is_on("--ours") || self.is_on("--theirs") || self.is_on("--merge");
            let lost = |u: &Unsaved| match u.state {
                State::Changed => !(sides && u.merging),
                State::Staged | State::StagedAndGone => both,
                State::Untracked | State::Repository => false,
            };
            let mut found = only(self.without_submodules(r, r.unsaved_tracked(&paths, MOST)), lost)?;
            found.extend(in_the_way(r, &paths, tree.and_then(|t| resolve(r, t)))?);
            Ok(found)
        });
        self.weigh(findings, lost, CHANGES);
    }

    fn clean(&self, findings: &mut Findings) {
        let forced = self.reading.parsed.flags.iter().filter(|f| f.name == "--force").count();
        let must = self.settings().is_on("clean.requireForce").unwrap_or(true);
        if must && !self.is_on("--force") && !self.is_on("--interactive") {
            self.settle(findings, vec![self.write("without `--force` it deletes nothing")]);
            return;
        }
        let specs = self.operands();
        let lost = self.ask(|r| {
            let paths = if specs.is_empty() { vec![self.base()] } else { self.named_paths(&specs, r) };
            let mut lost = self.cleaned(r, &paths)?;
            lost.retain(|u| forced > 1 || u.state != State::Repository);
            if specs.is_empty() && !self.is_on("-d") {
                lost = stays_in_tracked_folders(r, lost)?;
            }
            lost.retain(|u| !is_rebuildable(u.path.strip_prefix(r.root()).unwrap_or(&u.path)));
            Ok(lost)
        });
        self.weigh(findings, lost, FILES);
    }

    /// What `clean` takes for its own: what is untracked, what is ignored, or both. The patterns of `--exclude` add to what is
    /// ignored, also with `-x`, where the files of the repository do not count.
    fn cleaned(&self, r: &Repository, paths: &[PathBuf]) -> Answer {
        let exclude = Exclude::of(self.reading.parsed.values("--exclude"));
        let only_ignored = self.is_on("-X");
        let says = |u: &Unsaved| {
            let inside = u.path.strip_prefix(r.root()).unwrap_or(&u.path);
            exclude.says(inside, u.path.is_dir() && !u.path.is_symlink())
        };
        let mut lost = Vec::new();
        // A folder is told as one, and may hold something that a pattern means.
        if !only_ignored || exclude.leaves_out {
            lost = r.untracked(paths, MOST)?;
            lost.retain(|u| only_ignored || says(u) != Excluded::Yes);
        }
        if only_ignored || self.is_on("-x") || exclude.takes_in {
            let ignored = r.ignored_in(paths, MOST)?.into_iter();
            let of = |path| Unsaved { path, state: State::Untracked, staged: false, merging: false };
            // With `-X` it is the ones that are taken in again that stay.
            let stays = |u: &Unsaved| match only_ignored {
                true => !exclude.unclear && says(u) == Excluded::TakenIn && !u.path.is_dir(),
                false => says(u) == Excluded::Yes,
            };
            lost.extend(ignored.map(of).filter(|u| !stays(u)));
        }
        Ok(lost)
    }

    /// git leaves alone what was changed, what is untracked and what is staged. With a folder that it takes out, which it does
    /// unless patterns are told to be no folders, ignored files go too.
    fn sparse_checkout(&self, findings: &mut Findings) {
        let kept = self.cones();
        let lost = self.ask(|r| {
            let mut lost = Vec::new();
            let root = [r.root().to_path_buf()];
            for path in if self.is_on("--no-cone") { vec![] } else { r.ignored_in(&root, MOST)? } {
                let inside = path.strip_prefix(r.root()).unwrap_or(&path);
                let holder = if path.is_dir() { Some(inside) } else { inside.parent() };
                let folder = holder.and_then(|holder| holder.components().next()).map(|top| r.root().join(top));
                // Of the folders above a kept one the files stay.
                let above = |k: &PathBuf| path.parent().is_some_and(|parent| k.starts_with(parent)) && !path.is_dir();
                let stays = is_rebuildable(inside) || kept.iter().any(|k| path.starts_with(k) || above(k));
                if let Some(folder) = folder.filter(|_| !stays)
                    && r.tracks_inside(&folder)?
                {
                    lost.push(Unsaved { path, state: State::Untracked, staged: false, merging: false });
                }
            }
            Ok(lost)
        });
        self.weigh(findings, lost, FILES);
    }

    /// The folders that `sparse-checkout set` surely keeps.
    fn cones(&self) -> Vec<PathBuf> {
        let is_plain = |o: &&&str| Path::new(o).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        let set = self.reading.command_words().get(1) == Some(&"set") && !self.is_on("--stdin");
        let base = self.base().canonicalize().ok().filter(|_| set);
        let folders = |base: PathBuf| self.operands().iter().filter(is_plain).map(|o| base.join(o)).collect();
        base.map(folders).unwrap_or_default()
    }

    fn moved_to(&self) -> Vec<PathBuf> {
        let operands = self.operands();
        let Some((to, from)) = operands.split_last() else { return Vec::new() };
        let to = self.folder.join(to);
        if !to.is_dir() {
            return vec![to];
        }
        from.iter().filter_map(|f| Path::new(f).file_name()).map(|name| to.join(name)).collect()
    }

    fn worktree_remove(&self, findings: &mut Findings) {
        let path = self.operands().first().map(|p| self.folder.join(p));
        let other = path.filter(|_| self.repository().is_some()).and_then(|p| Repository::at(&p));
        let lost = other.as_ref().and_then(|r| r.unsaved(&[r.root().to_path_buf()], MOST).ok());
        self.weigh(findings, lost, CHANGES);
        // Commits on no branch are held by the worktree alone.
        if let Some((other, commit)) =
            other.as_ref().filter(|r| r.head_branch().is_none()).and_then(|r| Some((r, r.head()?)))
            && let Some(here) = self.repository()
            && !here.is_held_without(&[], commit, &[]).unwrap_or(false)
        {
            let effect = Effect::new(Verb::Destroy, other.root().display().to_string(), Evidence::State);
            findings.effects.push(effect.because("its commits are on no branch"));
        }
    }

    fn in_submodules(&self, repository: &Repository, all: bool) -> Answer {
        let specs = self.operands();
        let paths = if specs.is_empty() { vec![repository.root().to_path_buf()] } else { self.paths(&specs) };
        only(repository.unsaved_tracked(&paths, MOST), |u| {
            is_in_another(repository, u) && (all || u.state != State::Untracked)
        })
    }
}

fn only(answer: Answer, wanted: impl Fn(&Unsaved) -> bool) -> Answer {
    answer.map(|all| all.into_iter().filter(|u| wanted(u)).collect())
}

/// Whether a path stands in another repository than this one.
fn is_in_another(repository: &Repository, unsaved: &Unsaved) -> bool {
    let around = unsaved.path.parent().and_then(Repository::around);
    around.is_some_and(|r| r.root() != repository.root())
}

/// Untracked files where `target` has something: they are written over.
fn in_the_way(repository: &Repository, paths: &[PathBuf], target: Option<Id>) -> Answer {
    let Some(target) = target else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for unsaved in repository.untracked(paths, MOST)? {
        if repository.holds(target, &unsaved.path)? {
            found.push(unsaved);
        }
    }
    Ok(found)
}

/// Without `-d` only what stands in folders that hold something tracked.
fn stays_in_tracked_folders(repository: &Repository, all: Vec<Unsaved>) -> Answer {
    let mut found = Vec::new();
    for unsaved in all {
        // A folder is told as one also where all that is tracked in it is gone.
        let folder = unsaved.path.parent().filter(|_| !unsaved.path.is_dir()).unwrap_or(&unsaved.path);
        if repository.tracks_inside(folder)? {
            found.push(unsaved);
        }
    }
    Ok(found)
}

/// Whether exactly this name is a branch of a remote.
fn is_of_a_remote(repository: &Repository, name: &str) -> bool {
    let refs = repository.refs("refs/remotes/").unwrap_or_default();
    refs.iter().any(|(full, _)| full.splitn(4, '/').nth(3) == Some(name))
}

/// A pathspec that matches everything.
fn is_everything(spec: &str) -> bool {
    matches!(spec, "." | "./" | "*" | ":/" | "..")
}

/// A word that can be no branch, or hardly one: what is asked of it without a repository.
fn looks_like_a_path(word: &str) -> bool {
    word == "."
        || word == ".."
        || word.starts_with("./")
        || word.starts_with("../")
        || word.starts_with('/')
        || word.starts_with(':')
        || word.ends_with('/')
        || word.contains(['*', '?', '['])
}
