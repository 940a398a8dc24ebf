//! What a push does to the refs of a remote, with what the settings make of a plain one.

use super::{Git, resolve};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::Findings;
use crate::repository::{Id, Repository};

/// Commits whose authors are looked at.
const MOST_COMMITS: usize = 500;
/// Branches that are somebody else's too, whatever the repository says.
const SHARED: [&str; 5] = ["main", "master", "trunk", "develop", "production"];

/// One ref that is pushed.
struct Spec {
    /// The local side; empty where the ref is deleted.
    from: String,
    /// The remote side, shortened.
    to: String,
    /// It may be set back.
    forced: bool,
}

impl Spec {
    fn parse(text: &str, current: &str) -> Spec {
        let (forced, text) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        let to = if matches!(to, "HEAD" | "@") { current } else { to };
        // A lone `:` pushes the branches that both sides have.
        let from = if text == ":" { "HEAD" } else { from };
        Spec { from: from.to_owned(), to: super::refs::shortened(to).to_owned(), forced }
    }
}

impl Git<'_> {
    pub(super) fn push(&self, findings: &mut Findings) {
        let remote = self.remote();
        let every = format!("{remote}/*");
        let mut effects = Vec::new();
        let mirrors = self.settings().is_on(&format!("remote.{remote}.mirror")) == Some(true);
        if self.is_on("--mirror") || mirrors && self.operands().len() < 2 && !self.is_on("--no-mirror") {
            let note = "a mirror deletes and sets back what the remote has and this repository has not";
            effects.push(self.by_argv(Verb::Destroy, every.clone(), note).on_kind("remote-branch"));
        }
        if self.is_on("--prune") {
            let note = "branches of the remote that this repository has not are deleted";
            effects.push(self.by_argv(Verb::Destroy, every, note).on_kind("remote-branch"));
        }
        let specs = self.specs(&remote);
        if let [only] = specs.as_slice() {
            findings.facts.insert("git-branch".to_owned(), only.to.clone());
        }
        effects.extend(specs.iter().map(|spec| self.pushed(&remote, spec)));
        if let Some(url) = self.settings().value(&format!("remote.{remote}.url")) {
            findings.facts.insert("git-remote".to_owned(), url.to_owned());
        }
        self.settle(findings, effects);
    }

    fn current(&self) -> Option<String> {
        self.repository().and_then(Repository::head_branch)
    }

    /// The remote that is named, or that the settings name.
    fn remote(&self) -> String {
        let named = self.operands().first().map(|r| (*r).to_owned()).or_else(|| self.last("--repo").map(str::to_owned));
        named.unwrap_or_else(|| {
            let settings = self.settings();
            let current = self.current().unwrap_or_default();
            let by_branch = |name: &str| settings.value(&format!("branch.{current}.{name}"));
            let found =
                by_branch("pushRemote").or_else(|| settings.value("remote.pushDefault")).or_else(|| by_branch("remote"));
            found.unwrap_or("origin").to_owned()
        })
    }

    /// What is pushed: the refspecs of the call, of the settings, or the current branch.
    fn specs(&self, remote: &str) -> Vec<Spec> {
        let current = self.current().unwrap_or_else(|| "HEAD".to_owned());
        let operands = self.operands();
        let deletes = self.is_on("--delete");
        let mut found = Vec::new();
        let mut words = operands.iter().skip(1);
        while let Some(word) = words.next() {
            // `push origin tag v1`
            let word = if *word == "tag" { words.next().unwrap_or(word) } else { word };
            let mut spec = Spec::parse(word, &current);
            if deletes {
                spec.from.clear();
            }
            found.push(spec);
        }
        let whole = ["--all", "--branches", "--mirror", "--tags"].iter().any(|f| self.is_on(f));
        if found.is_empty() && !whole {
            let settings = self.settings();
            found.extend(settings.values(&format!("remote.{remote}.push")).map(|text| Spec::parse(text, &current)));
        }
        if found.is_empty() {
            let to = if whole { "*".to_owned() } else { current };
            found.push(Spec { from: "HEAD".to_owned(), to, forced: false });
        }
        found
    }

    fn pushed(&self, remote: &str, spec: &Spec) -> Effect {
        let target = format!("{remote}/{}", spec.to);
        let effect = |verb, note: &str| self.by_argv(verb, target.clone(), note).on_kind("remote-branch");
        if spec.from.is_empty() {
            return effect(Verb::Destroy, "the branch is deleted at the remote");
        }
        if spec.forced || self.is_on("--force") {
            return effect(Verb::Destroy, "commits of the remote may be lost, also some that are not known here");
        }
        if !self.is_on("--force-with-lease") {
            return effect(Verb::Write, "");
        }
        match self.leased(remote, spec) {
            Some(Ok(note)) => Effect::new(Verb::Write, target, Evidence::State).on_kind("remote-branch").because(note),
            Some(Err(note)) => Effect::new(Verb::Destroy, target, Evidence::State).on_kind("remote-branch").because(note),
            None => effect(Verb::Destroy, "commits of the remote are replaced"),
        }
    }

    /// What a push loses that only goes through while the remote is as it is known here: nothing where that is known and
    /// only the user's own commits on a branch of theirs are replaced.
    fn leased(&self, remote: &str, spec: &Spec) -> Option<Result<&'static str, &'static str>> {
        let repository = self.repository()?;
        let head = repository.stands_for(&format!("refs/remotes/{remote}/HEAD"));
        let main =
            head.as_deref().and_then(|h| h.strip_prefix(&format!("refs/remotes/{remote}/"))) == Some(spec.to.as_str());
        let old = self.known_of(repository, remote, &spec.to)?;
        let new = resolve(repository, &spec.from)?;
        let authors = repository.authors_between(new, old, MOST_COMMITS).ok()?;
        if authors.is_empty() {
            return Some(Ok("nothing that the remote is known to have is replaced"));
        }
        if main || SHARED.contains(&spec.to.as_str()) {
            return Some(Err("commits of a branch that others use are replaced"));
        }
        let own = self.settings().value("user.email").map(str::to_owned).or_else(|| self.call.var("GIT_AUTHOR_EMAIL"))?;
        if authors.len() < MOST_COMMITS && authors.iter().all(|a| *a == own) {
            return Some(Ok("only commits of the user's own are replaced, and they are kept here"));
        }
        Some(Err("commits of others are replaced"))
    }

    /// The commit that a branch of the remote is known to have.
    fn known_of(&self, repository: &Repository, remote: &str, branch: &str) -> Option<Id> {
        let lease = self.last("--force-with-lease").filter(|v| *v != "true");
        let expected = lease.and_then(|l| l.split_once(':')).map(|(_, expected)| expected).filter(|e| !e.is_empty());
        match expected {
            Some(expected) => resolve(repository, expected),
            None => repository.commit_of(&format!("refs/remotes/{remote}/{branch}")),
        }
    }
}
