//! What a git repository says of itself: what is in no commit, which branch is merged, what has reached a remote.
//!
//! Read by a library that runs nothing: no filters, no hooks, no file monitor, no other program. An error is no evidence: whoever
//! asks must then take the worst.

mod exclude;
mod settings;
mod unsaved;

pub use exclude::{Exclude, Excluded};
pub use settings::{Setting, Settings};
pub use unsaved::{State, Unsaved};

use gix::bstr::{BString, ByteSlice};
use gix::open::{Options, Permissions};
use gix::sec::{Permission, Trust};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a repository could not say something.
#[derive(Debug)]
pub struct RepositoryError(String);

impl RepositoryError {
    fn of(error: impl fmt::Display) -> RepositoryError {
        RepositoryError(error.to_string())
    }
}

impl fmt::Display for RepositoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit, a tree or a blob.
pub type Id = gix::ObjectId;

/// A repository and, unless it is bare, its worktree.
pub struct Repository {
    git: gix::Repository,
    root: PathBuf,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("root", &self.root).finish_non_exhaustive()
    }
}

/// A value set aside by `git stash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stash {
    /// The commit that holds it.
    pub id: Id,
    /// What it says of itself.
    pub message: String,
}

/// The nearest folder at or above `path` that is there, without symlinks on its way.
fn folder_of(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|a| a.canonicalize().ok()).map(|mut found| {
        if !found.is_dir() {
            found.pop();
        }
        found
    })
}

/// Only files of the machine and the user; no variable moves the repository or its parts.
fn options() -> Options {
    let mut permissions = Permissions::isolated();
    permissions.config.system = true;
    permissions.config.git = true;
    permissions.config.user = true;
    permissions.config.includes = true;
    permissions.env.home = Permission::Allow;
    permissions.env.xdg_config_home = Permission::Allow;
    // Nothing is run, whoever owns it.
    Options::default().permissions(permissions).with(Trust::Full)
}

impl Repository {
    /// The repository whose worktree holds `path`, the nearest one. No variable is considered; a linked worktree counts as well.
    pub fn around(path: &Path) -> Option<Repository> {
        let folder = folder_of(path)?;
        folder.ancestors().filter(|a| a.join(".git").symlink_metadata().is_ok()).find_map(Repository::at)
    }

    /// The repository of the worktree whose root is `root`.
    pub fn at(root: &Path) -> Option<Repository> {
        let git = options().open_path_as_is(false).open(root).ok()?.to_thread_local();
        let root = git.workdir()?.canonicalize().ok()?;
        Some(Repository { git, root })
    }

    /// The repository that git finds from `folder`: like [`Repository::around`], or a bare one.
    pub fn found_from(folder: &Path) -> Option<Repository> {
        let bare = |a: &Path| a.join("objects").is_dir() && a.join("refs").is_dir() && a.join("HEAD").is_file();
        let start = folder_of(folder)?;
        let nearest = start.ancestors().find(|a| a.join(".git").symlink_metadata().is_ok() || bare(a))?;
        if nearest.join(".git").symlink_metadata().is_ok() {
            return Repository::around(nearest);
        }
        Repository::of_git_dir(nearest, None)
    }

    /// The repository in the folder `git_dir`, with another worktree than its own where one is named.
    pub fn of_git_dir(git_dir: &Path, worktree: Option<&Path>) -> Option<Repository> {
        let mut git = options().open_path_as_is(true).open(git_dir).ok()?.to_thread_local();
        if let Some(worktree) = worktree {
            git.set_workdir(worktree.to_path_buf()).ok()?;
        }
        let root = git.workdir().unwrap_or_else(|| git.git_dir()).canonicalize().ok()?;
        Some(Repository { git, root })
    }

    /// The root of the worktree, without symlinks; of a bare repository its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder with the repository's own data; of a linked worktree its part of it.
    pub fn git_dir(&self) -> &Path {
        self.git.git_dir()
    }

    /// The folder with the data that all worktrees share.
    pub fn common_dir(&self) -> &Path {
        self.git.common_dir()
    }

    /// Whether it has no worktree.
    pub fn is_bare(&self) -> bool {
        self.git.workdir().is_none()
    }

    /// `path` as git names it: from the root, without symlinks but a last one. The root itself is empty.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        if let Ok(inside) = path.strip_prefix(&self.root) {
            return Some(inside.to_path_buf());
        }
        let resolved = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if !path.ends_with("..") => folder_with(parent).join(name),
            (_, _) => folder_with(path),
        };
        let resolved = if resolved.starts_with(&self.root) { resolved } else { path.canonicalize().ok()? };
        resolved.strip_prefix(&self.root).ok().map(Path::to_path_buf)
    }

    /// Whether `path` is left out of the repository by its ignore files, and not tracked all the same.
    pub fn is_ignored(&self, path: &Path) -> bool {
        self.ignored(path).unwrap_or(false)
    }

    fn ignored(&self, path: &Path) -> Result<bool, RepositoryError> {
        use gix::index::entry::Mode;
        use gix::worktree::stack::state::ignore::Source;
        let Some(inside) = self.inside(path).filter(|p| !p.as_os_str().is_empty()) else { return Ok(false) };
        let index = self.git.index_or_empty().map_err(RepositoryError::of)?;
        let name = gix::path::into_bstr(inside.as_path()).map_err(RepositoryError::of)?;
        if index.entry_by_path(name.as_bstr()).is_some() {
            return Ok(false);
        }
        let mode = path.symlink_metadata().is_ok_and(|m| m.is_dir()).then_some(Mode::DIR);
        let mut excludes =
            self.git.excludes(&index, None, Source::WorktreeThenIdMappingIfNotSkipped).map_err(RepositoryError::of)?;
        Ok(excludes.at_path(&inside, mode).map_err(RepositoryError::of)?.is_excluded())
    }

    /// The branch that is checked out; nothing where HEAD stands on a commit.
    pub fn head_branch(&self) -> Option<String> {
        let name = self.git.head_name().ok()??;
        Some(name.shorten().to_str_lossy().into_owned())
    }

    /// The commit that HEAD stands on.
    pub fn head(&self) -> Option<Id> {
        self.git.head_id().ok().map(gix::Id::detach)
    }

    /// The object that a revision names: a ref, a hash, `HEAD~2`.
    pub fn resolve(&self, revision: &str) -> Option<Id> {
        self.git.rev_parse_single(revision).ok().map(gix::Id::detach)
    }

    /// The commit of the ref with this full name: `refs/heads/main`.
    pub fn commit_of(&self, full_name: &str) -> Option<Id> {
        self.git.try_find_reference(full_name).ok()??.into_fully_peeled_id().ok().map(gix::Id::detach)
    }

    /// The refs whose full names begin with `prefix`, and their commits.
    fn tips(&self, prefix: &str) -> Result<Vec<(String, Id)>, RepositoryError> {
        let refs = self.git.references().map_err(RepositoryError::of)?;
        let mut found = Vec::new();
        for reference in refs.prefixed(prefix).map_err(RepositoryError::of)? {
            // One that leads nowhere holds nothing.
            let Ok(reference) = reference else { continue };
            let name = reference.name().as_bstr().to_str_lossy().into_owned();
            if let Ok(id) = reference.into_fully_peeled_id() {
                found.push((name, id.detach()));
            }
        }
        Ok(found)
    }

    /// Whether everything that `commit` leads to can be reached from one of `tips` too.
    fn is_reached(&self, commit: Id, tips: Vec<Id>) -> Result<bool, RepositoryError> {
        if tips.contains(&commit) {
            return Ok(true);
        }
        let tips: Vec<Id> = tips.into_iter().filter(|id| self.git.find_commit(*id).is_ok()).collect();
        let walk = self.git.rev_walk([commit]).with_hidden(tips).all().map_err(RepositoryError::of)?;
        match { walk }.next() {
            None => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(e)) => Err(RepositoryError::of(e)),
        }
    }

    /// Whether the commits of a branch would still be held by another branch, a tag, a remote's branch or HEAD without it.
    /// Without an answer they would not.
    pub fn is_merged_or_pushed(&self, branch: &str) -> bool {
        let own = format!("refs/heads/{branch}");
        let commit = self.commit_of(&own);
        commit.is_some_and(|commit| self.is_held_without(&[own], commit, &[]).unwrap_or(false))
    }

    /// Whether `commit` would still be held by another branch, a tag, a remote's branch, HEAD or one of `also` without the refs of
    /// these full names.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn is_held_without(&self, names: &[String], commit: Id, also: &[Id]) -> Result<bool, RepositoryError> {
        let mut tips = also.to_vec();
        for prefix in ["refs/heads/", "refs/remotes/", "refs/tags/"] {
            tips.extend(self.tips(prefix)?.into_iter().filter(|(name, _)| !names.contains(name)).map(|(_, id)| id));
        }
        let head_name = self.git.head_name().ok().flatten().map(|name| name.as_bstr().to_str_lossy().into_owned());
        if head_name.is_none_or(|name| !names.contains(&name)) {
            tips.extend(self.head());
        }
        self.is_reached(commit, tips)
    }

    /// The commits that `from` leads to and `to` does not, at most `limit`, each with the mail address of its author.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn authors_between(&self, to: Id, from: Id, limit: usize) -> Result<Vec<String>, RepositoryError> {
        let walk = self.git.rev_walk([from]).with_hidden([to]).all().map_err(RepositoryError::of)?;
        let mut found = Vec::new();
        for info in walk.take(limit) {
            let commit = self.git.find_commit(info.map_err(RepositoryError::of)?.id).map_err(RepositoryError::of)?;
            let author = commit.author().map_err(RepositoryError::of)?;
            found.push(author.email.to_str_lossy().into_owned());
        }
        Ok(found)
    }

    /// The full names of the refs that begin with `prefix`, and their commits.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(String, Id)>, RepositoryError> {
        self.tips(prefix)
    }

    /// Whether the ref of this full name is a tag with a text of its own.
    pub fn is_annotated(&self, full_name: &str) -> bool {
        let target = self.git.try_find_reference(full_name).ok().flatten().and_then(|r| r.try_id().map(gix::Id::detach));
        target.and_then(|id| self.git.find_header(id).ok()).is_some_and(|h| h.kind() == gix::objs::Kind::Tag)
    }

    /// The full name of what a symbolic ref (`HEAD`, `refs/remotes/origin/HEAD`) stands for.
    pub fn stands_for(&self, full_name: &str) -> Option<String> {
        let reference = self.git.try_find_reference(full_name).ok()??;
        let name = reference.target().try_name()?.as_bstr().to_str_lossy().into_owned();
        Some(name)
    }

    /// Whether the commit or tree `id` has something at `path`.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn holds(&self, id: Id, path: &Path) -> Result<bool, RepositoryError> {
        Ok(self.object_at(id, path)?.is_some())
    }

    /// The object that the commit or tree `id` has at `path`.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn object_at(&self, id: Id, path: &Path) -> Result<Option<Id>, RepositoryError> {
        let Some(inside) = self.inside(path) else { return Ok(None) };
        let object = self.git.find_object(id).map_err(RepositoryError::of)?;
        let tree = object.peel_to_tree().map_err(RepositoryError::of)?;
        Ok(tree.lookup_entry_by_path(&inside).map_err(RepositoryError::of)?.map(|entry| entry.object_id()))
    }

    /// Whether the index has something inside the folder `path`; the root always counts.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn tracks_inside(&self, path: &Path) -> Result<bool, RepositoryError> {
        let Some(inside) = self.inside(path) else { return Ok(false) };
        let name = gix::path::into_bstr(inside).map_err(RepositoryError::of)?;
        let index = self.git.index_or_empty().map_err(RepositoryError::of)?;
        Ok(name.is_empty() || index.path_is_directory(name.as_bstr()))
    }

    /// Whether a remote is known to hold `commit`. Without an answer none is.
    pub fn is_on_a_remote(&self, commit: Id) -> bool {
        let tips = self.tips("refs/remotes/").map(|tips| tips.into_iter().map(|(_, id)| id).collect());
        tips.and_then(|tips| self.is_reached(commit, tips)).unwrap_or(false)
    }

    /// What is stashed, the newest first.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn stashes(&self) -> Result<Vec<Stash>, RepositoryError> {
        let Some(reference) = self.git.try_find_reference("refs/stash").map_err(RepositoryError::of)? else {
            return Ok(Vec::new());
        };
        let mut log = reference.log_iter();
        let Some(lines) = log.rev().map_err(RepositoryError::of)? else { return Ok(Vec::new()) };
        let stash = |line: gix::refs::log::Line| Stash { id: line.new_oid, message: line.message.to_str_lossy().into() };
        lines.map(|line| line.map(stash).map_err(RepositoryError::of)).collect()
    }

    /// The last value of a configuration key: `push.default`, `remote.origin.mirror`.
    pub fn config(&self, key: &str) -> Option<String> {
        let value: Option<BString> = self.git.config_snapshot().string(key);
        value.map(|v| v.to_str_lossy().into_owned())
    }
}

/// `path` without symlinks, as far as it is there.
fn folder_with(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|a| Some((a, a.canonicalize().ok()?)));
    match there {
        Some((ancestor, real)) => path.strip_prefix(ancestor).map_or_else(|_| real.clone(), |rest| real.join(rest)),
        None => path.to_path_buf(),
    }
}
