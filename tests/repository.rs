//! What is read of a git repository, against repositories that the real git made.

use sprag::repository::{Repository, State};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A throw-away repository with one commit: `.gitignore`, `a`, `d/b`, `d/c`.
struct Repo(TempDir);

impl Repo {
    fn new() -> Repo {
        let repo = Repo(tempfile::tempdir().unwrap());
        repo.git("init -q -b main");
        repo.write(".gitignore", "/out/\n*.log\n");
        repo.write("a", "a\n");
        repo.write("d/b", "b\n");
        repo.write("d/c", "c\n");
        repo.git("add .");
        repo.git("commit -q -m one");
        repo
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(inside)
    }

    fn git_in(&self, folder: &str, words: &str) {
        let out = Command::new("git")
            .args(words.split(' '))
            .current_dir(self.path(folder))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs([
                ("GIT_AUTHOR_NAME", "a"),
                ("GIT_AUTHOR_EMAIL", "a@b"),
                ("GIT_COMMITTER_NAME", "a"),
                ("GIT_COMMITTER_EMAIL", "a@b"),
            ])
            .output()
            .unwrap();
        assert!(out.status.success(), "git {words}: {}", String::from_utf8_lossy(&out.stderr));
    }

    fn git(&self, words: &str) {
        self.git_in("", words);
    }

    fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn open(&self) -> Repository {
        Repository::around(&self.path("")).unwrap()
    }

    /// What is unsaved at or under `paths`: names from the root with their states, sorted.
    fn unsaved(&self, paths: &[&str]) -> Vec<(String, State)> {
        let paths: Vec<PathBuf> = paths.iter().map(|p| self.path(p)).collect();
        let root = self.path("");
        let name = |p: &Path| p.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let mut found: Vec<_> = self.open().unsaved(&paths, 100).unwrap().iter().map(|u| (name(&u.path), u.state)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }
}

fn rows(rows: &[(&str, State)]) -> Vec<(String, State)> {
    rows.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect()
}

#[test]
fn a_clean_worktree_holds_nothing_unsaved() {
    let repo = Repo::new();
    repo.write("out/x", "x");
    repo.write("d/y.log", "y");
    assert_eq!(repo.unsaved(&[""]), rows(&[]));
}

#[test]
fn every_way_of_being_in_no_commit_is_seen() {
    let repo = Repo::new();
    repo.write("a", "other\n");
    repo.write("d/b", "staged\n");
    repo.git("add d/b");
    repo.write("new/n", "new\n");
    repo.write("gone", "gone\n");
    repo.git("add gone");
    std::fs::remove_file(repo.path("gone")).unwrap();
    std::fs::remove_file(repo.path("d/c")).unwrap();
    let all = [("a", State::Changed), ("d/b", State::Staged), ("gone", State::StagedAndGone), ("new/n", State::Untracked)];
    assert_eq!(repo.unsaved(&[""]), rows(&all));
    assert_eq!(repo.unsaved(&["d"]), rows(&all[1..2]));
    assert_eq!(repo.unsaved(&["new", "a"]), rows(&[all[0], all[3]]));
    assert_eq!(repo.unsaved(&["d/c", "d/missing"]), rows(&[]));
}

#[test]
fn a_file_of_the_same_size_and_second_is_seen_to_be_changed() {
    let repo = Repo::new();
    repo.write("a", "b\n");
    assert_eq!(repo.unsaved(&["a"]), rows(&[("a", State::Changed)]));
}

#[test]
fn a_new_time_stamp_is_no_change() {
    let repo = Repo::new();
    let file = std::fs::File::options().write(true).open(repo.path("a")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(repo.unsaved(&["a"]), rows(&[]));
}

#[test]
fn names_that_look_like_patterns_are_names() {
    let repo = Repo::new();
    repo.write("[x]*", "1");
    repo.write("x", "2");
    repo.write(":(top)z", "3");
    assert_eq!(repo.unsaved(&["[x]*"]), rows(&[("[x]*", State::Untracked)]));
    assert_eq!(repo.unsaved(&[":(top)z"]), rows(&[(":(top)z", State::Untracked)]));
}

#[test]
fn a_repository_inside_is_one_of_its_own() {
    let repo = Repo::new();
    std::fs::create_dir(repo.path("inner")).unwrap();
    repo.git_in("inner", "init -q");
    repo.write("inner/x", "x");
    assert_eq!(repo.unsaved(&[""]), rows(&[("inner", State::Repository)]));
    let inner = Repository::around(&repo.path("inner/x")).unwrap();
    assert_eq!(inner.root(), repo.path("inner"));
}

#[test]
fn before_the_first_commit_everything_is_unsaved() {
    let repo = Repo(tempfile::tempdir().unwrap());
    repo.git("init -q");
    repo.write("a", "a");
    repo.git("add a");
    repo.write("b", "b");
    assert_eq!(repo.unsaved(&[""]), rows(&[("a", State::Staged), ("b", State::Untracked)]));
}

#[test]
fn a_linked_worktree_is_its_own() {
    let repo = Repo::new();
    repo.git("worktree add -q wt -b other");
    repo.write("wt/a", "changed\n");
    repo.write("wt/new", "new\n");
    let wt = Repository::around(&repo.path("wt/d/b")).unwrap();
    assert_eq!(wt.root(), repo.path("wt"));
    assert_eq!(wt.head_branch().as_deref(), Some("other"));
    assert_eq!(wt.unsaved(&[repo.path("wt")], 100).unwrap().len(), 2);
}

#[test]
fn paths_are_followed_to_where_they_lead() {
    let repo = Repo::new();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(repo.path(""), elsewhere.path().join("link")).unwrap();
    repo.write("a", "changed\n");
    let found = Repository::around(&elsewhere.path().join("link/d")).unwrap();
    assert_eq!(found.root(), repo.path(""));
    assert_eq!(found.unsaved(&[elsewhere.path().join("link/a")], 10).unwrap().len(), 1);
    assert!(Repository::around(elsewhere.path()).is_none());
}

#[test]
fn ignore_files_are_read_as_git_reads_them() {
    let repo = Repo::new();
    repo.write("out/x/y", "x");
    repo.write("d/y.log", "y");
    repo.write("kept.log", "k");
    repo.git("add -f kept.log");
    let open = repo.open();
    for (path, ignored) in
        [("out", true), ("out/x/y", true), ("d/y.log", true), ("kept.log", false), ("a", false), ("", false), ("new", false)]
    {
        assert_eq!(open.is_ignored(&repo.path(path)), ignored, "{path}");
    }
}

#[test]
fn a_branch_is_merged_or_pushed_where_something_else_holds_its_commits() {
    let repo = Repo::new();
    repo.git("branch same");
    repo.git("checkout -q -b ahead");
    repo.git("commit -q --allow-empty -m two");
    repo.git("checkout -q main");
    let open = repo.open();
    assert!(open.is_merged_or_pushed("same"));
    assert!(!open.is_merged_or_pushed("ahead"));
    assert!(!open.is_merged_or_pushed("missing"));
    let ahead = open.commit_of("refs/heads/ahead").unwrap();
    assert!(!open.is_on_a_remote(ahead));
    repo.git("update-ref refs/remotes/origin/ahead ahead");
    assert!(repo.open().is_merged_or_pushed("ahead"));
    assert!(repo.open().is_on_a_remote(ahead));
}

#[test]
fn stashes_are_counted() {
    let repo = Repo::new();
    assert!(repo.open().stashes().unwrap().is_empty());
    repo.write("a", "1\n");
    repo.git("stash push -q -m first");
    repo.write("a", "2\n");
    repo.git("stash push -q -m second");
    let stashes = repo.open().stashes().unwrap();
    assert_eq!(stashes.iter().map(|s| s.message.as_str()).collect::<Vec<_>>(), ["On main: second", "On main: first"]);
}

#[test]
fn a_bare_repository_is_found_where_git_finds_it() {
    let repo = Repo::new();
    repo.git("clone -q --bare . bare.git");
    let bare = Repository::found_from(&repo.path("bare.git/refs")).unwrap();
    assert!(bare.is_bare());
    assert!(bare.commit_of("refs/heads/main").is_some());
    assert_eq!(Repository::around(&repo.path("bare.git")).unwrap().root(), repo.path(""));
}
