//! What of a worktree is in no commit.

use super::{Repository, RepositoryError};
use gix::bstr::{BStr, BString, ByteSlice};
use gix::dir::walk::{Action, Delegate, EmissionMode};
use gix::dir::{EntryRef, entry};
use gix::index::entry::{Flags, Mode, Stage};
use gix::index::{Entry, State as Index};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Files larger than this are not read to see whether a new time stamp means a new content.
const LARGEST_READ: u64 = 64 << 20;
/// So many entries are looked up in the tree of HEAD one by one; more are compared with the whole of it.
const FEW: usize = 200;

/// How the content of a path is in no commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Tracked, and other than in the index; maybe the index is other than the commit too.
    Changed,
    /// In the index as it is in the worktree, but not in the commit.
    Staged,
    /// In the index and not in the commit; the file itself is gone.
    StagedAndGone,
    /// Neither tracked nor ignored.
    Untracked,
    /// The root of a repository of its own, which this one does not hold.
    Repository,
}

/// A path whose content is in no commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// The path, absolute.
    pub path: PathBuf,
    /// How.
    pub state: State,
    /// What the index holds of it is in no commit either.
    pub staged: bool,
    /// The sides of a merge stand in the index: the worktree holds what was made of them.
    pub merging: bool,
}

impl Repository {
    /// The files at or under `paths` whose content is in no commit and that are not ignored; at most `limit`.
    ///
    /// # Errors
    /// Where the repository cannot be read; there is then no evidence that nothing would be lost.
    pub fn unsaved(&self, paths: &[PathBuf], limit: usize) -> Result<Vec<Unsaved>, RepositoryError> {
        let mut found = self.unsaved_tracked(paths, limit)?;
        if found.len() < limit {
            found.extend(self.untracked(paths, limit - found.len())?);
        }
        Ok(found)
    }

    /// The tracked ones among them.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn unsaved_tracked(&self, paths: &[PathBuf], limit: usize) -> Result<Vec<Unsaved>, RepositoryError> {
        let index = self.git.index_or_empty().map_err(RepositoryError::of)?;
        let wanted = self.names(paths);
        let covered = covered(&index, &wanted);
        let commit = Commit::of(self, &index, covered.len())?;
        let mut found = Vec::new();
        for at in covered {
            let entry = index.entry(at);
            if found.len() >= limit {
                break;
            }
            let path = self.root.join(OsStr::from_bytes(entry.path(&index)));
            if entry.mode.is_submodule() {
                found.extend(of_submodule(&path, limit - found.len())?);
                continue;
            }
            if let Some(unsaved) = self.tracked(&index, entry, &commit, path)? {
                found.push(unsaved);
            }
        }
        Ok(found)
    }

    /// What the index holds at or under `paths`, seen from the root.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn names_in_index(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, RepositoryError> {
        let index = self.git.index_or_empty().map_err(RepositoryError::of)?;
        let name = |at| PathBuf::from(OsStr::from_bytes(index.entry(at).path(&index)));
        Ok(covered(&index, &self.names(paths)).into_iter().map(name).collect())
    }

    /// `paths` as git names them; those outside are left out.
    fn names(&self, paths: &[PathBuf]) -> Vec<BString> {
        paths.iter().filter_map(|p| self.inside(p)).map(|p| BString::from(p.as_os_str().as_bytes())).collect()
    }

    fn tracked(
        &self,
        index: &Index,
        entry: &Entry,
        commit: &Commit<'_>,
        path: PathBuf,
    ) -> Result<Option<Unsaved>, RepositoryError> {
        if entry.mode.is_sparse() {
            return Ok(None);
        }
        let merging = entry.stage() != Stage::Unconflicted;
        let staged = merging || !commit.holds(entry, index)?;
        let there = path.symlink_metadata().ok().filter(|m| !m.is_dir());
        let state = match there {
            None if staged => State::StagedAndGone,
            None => return Ok(None),
            Some(metadata) if merging || !self.is_as_in_index(index, entry, &path, &metadata) => State::Changed,
            Some(_) if staged => State::Staged,
            Some(_) => return Ok(None),
        };
        Ok(Some(Unsaved { path, state, staged, merging }))
    }

    /// Whether the file holds what the index says. Only where time stamps cannot tell its bytes are read, and no filter is run on
    /// them: what a filter changed counts as changed then.
    fn is_as_in_index(&self, index: &Index, entry: &Entry, path: &Path, metadata: &Metadata) -> bool {
        if (entry.mode == Mode::SYMLINK) != metadata.is_symlink() {
            return false;
        }
        let options = gix::index::entry::stat::Options::default();
        let now =
            gix::index::fs::Metadata::from_path_no_follow(path).ok().and_then(|m| gix::index::entry::Stat::from_fs(&m).ok());
        let same = now.is_some_and(|now| entry.stat.matches(&now, options));
        if same && !entry.stat.is_racy(index.timestamp(), options) {
            return true;
        }
        if metadata.len() > LARGEST_READ {
            return false;
        }
        let content = if metadata.is_symlink() {
            std::fs::read_link(path).map(|target| target.as_os_str().as_bytes().to_vec())
        } else {
            std::fs::read(path)
        };
        let hash =
            content.ok().and_then(|c| gix::objs::compute_hash(self.git.object_hash(), gix::objs::Kind::Blob, &c).ok());
        hash.is_some_and(|hash| hash == entry.id)
    }

    /// What is neither tracked nor ignored at or under `paths`.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn untracked(&self, paths: &[PathBuf], limit: usize) -> Result<Vec<Unsaved>, RepositoryError> {
        self.walk(paths, limit, false)
    }

    /// What is ignored at or under `paths`; a folder of nothing else is told as one.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn ignored_in(&self, paths: &[PathBuf], limit: usize) -> Result<Vec<PathBuf>, RepositoryError> {
        Ok(self.walk(paths, limit, true)?.into_iter().map(|found| found.path).collect())
    }

    fn walk(&self, paths: &[PathBuf], limit: usize, ignored: bool) -> Result<Vec<Unsaved>, RepositoryError> {
        if self.is_bare() {
            return Ok(Vec::new());
        }
        let index = self.git.index_or_empty().map_err(RepositoryError::of)?;
        let mut patterns: Vec<BString> = Vec::new();
        for name in self.names(paths) {
            if name.is_empty() {
                patterns.clear();
                break;
            }
            patterns.push([b":(top,literal)", name.as_slice()].concat().into());
        }
        if patterns.is_empty() && !self.names(paths).iter().any(|n| n.is_empty()) {
            return Ok(Vec::new());
        }
        let options = self.git.dirwalk_options().map_err(RepositoryError::of)?;
        let options = options.emit_ignored(ignored.then_some(EmissionMode::CollapseDirectory));
        let mut found = Walk { root: &self.root, limit, ignored, found: Vec::new() };
        let walked = self.git.dirwalk(&checked_out(&index), patterns, &AtomicBool::new(false), options, &mut found);
        walked.map_err(RepositoryError::of)?;
        Ok(found.found)
    }
}

/// The index as if all of it were checked out: the walk passes over folders of which nothing is, whatever lies there.
fn checked_out(index: &Index) -> Cow<'_, Index> {
    if !index.entries().iter().any(|e| e.mode.is_sparse() || e.flags.contains(Flags::SKIP_WORKTREE)) {
        return Cow::Borrowed(index);
    }
    let mut whole = index.clone();
    whole.remove_entries(|_, _, entry| entry.mode.is_sparse());
    whole.entries_mut().iter_mut().for_each(|entry| entry.flags.remove(Flags::SKIP_WORKTREE));
    Cow::Owned(whole)
}

/// The entries of the index at or under `wanted`.
fn covered(index: &Index, wanted: &[BString]) -> Vec<usize> {
    let mut found = Vec::new();
    for name in wanted {
        if name.is_empty() {
            return (0..index.entries().len()).collect();
        }
        found.extend(index.entry_range(name.as_bstr()).into_iter().flatten());
        let folder = [name.as_slice(), b"/"].concat();
        found.extend(index.prefixed_entries_range(folder.as_bstr()).into_iter().flatten());
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What a submodule's own worktree holds that it has not committed.
fn of_submodule(path: &Path, limit: usize) -> Result<Vec<Unsaved>, RepositoryError> {
    if path.join(".git").symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    match Repository::at(path) {
        Some(inner) => inner.unsaved(&[inner.root().to_path_buf()], limit),
        None => Err(RepositoryError::of("a submodule cannot be read")),
    }
}

/// What the commit that is checked out holds.
enum Commit<'r> {
    /// There is none.
    Unborn,
    /// Exactly what the index does.
    AsIndex,
    /// Its tree, to look up a few paths.
    Tree(gix::Tree<'r>),
    /// All of it, as an index.
    All(Box<gix::index::File>),
}

impl<'r> Commit<'r> {
    fn of(repository: &'r Repository, index: &Index, entries: usize) -> Result<Commit<'r>, RepositoryError> {
        if repository.git.head().map_err(RepositoryError::of)?.is_unborn() {
            return Ok(Commit::Unborn);
        }
        let tree = repository.git.head_tree().map_err(RepositoryError::of)?;
        let whole = index.tree().is_some_and(|t| {
            t.num_entries.and_then(|n| usize::try_from(n).ok()) == Some(index.entries().len()) && t.id == tree.id
        });
        if whole {
            return Ok(Commit::AsIndex);
        }
        if entries <= FEW {
            return Ok(Commit::Tree(tree));
        }
        let all = repository.git.index_from_tree(&tree.id).map_err(RepositoryError::of)?;
        Ok(Commit::All(Box::new(all)))
    }

    /// Whether it holds the content that the index has under this name.
    fn holds(&self, entry: &Entry, index: &Index) -> Result<bool, RepositoryError> {
        let name: &BStr = entry.path(index);
        Ok(match self {
            Commit::Unborn => false,
            Commit::AsIndex => true,
            Commit::Tree(tree) => {
                let found = tree.lookup_entry(name.as_bytes().split(|b| *b == b'/')).map_err(RepositoryError::of)?;
                found.is_some_and(|found| found.object_id() == entry.id)
            }
            Commit::All(all) => all.entry_by_path(name).is_some_and(|found| found.id == entry.id),
        })
    }
}

/// Collects what a walk meets.
struct Walk<'a> {
    root: &'a Path,
    limit: usize,
    ignored: bool,
    found: Vec<Unsaved>,
}

impl Delegate for Walk<'_> {
    fn emit(&mut self, entry: EntryRef<'_>, _: Option<entry::Status>) -> Action {
        let wanted = match entry.status {
            entry::Status::Untracked => !self.ignored,
            entry::Status::Ignored(_) => self.ignored,
            entry::Status::Pruned | entry::Status::Tracked => false,
        };
        if wanted {
            let nested = entry.disk_kind == Some(entry::Kind::Repository);
            let state = if nested { State::Repository } else { State::Untracked };
            let path = self.root.join(OsStr::from_bytes(&entry.rela_path));
            self.found.push(Unsaved { path, state, staged: false, merging: false });
        }
        if self.found.len() >= self.limit { Action::Break(()) } else { Action::Continue(()) }
    }
}
