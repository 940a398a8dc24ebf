//! git in throw-away repositories, by the built binary: each way to lose work is held, what loses nothing is silent.

mod fixture;

use fixture::{Place, need};

/// A repository with a remote: `main` is pushed, `topic` is not and has a commit of its own, `merged` is at `main`.
const BEGIN: &str = r#"
set -e
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
git init -q --bare -b main ../remote.git
git init -q -b main
git config user.email a@example.com
git config user.name a
printf '/out/\n*.log\n' > .gitignore
mkdir d; echo a > a; echo b > d/b; echo c > d/c
git add .; git commit -q -m one
git remote add origin ../remote.git; git push -q -u origin main
git branch merged
git checkout -q -b topic; echo t > t; git add t; git commit -q -m topic; git checkout -q main
"#;

/// A conflict in `a`, while `d/b` and a new file come from the other side alone.
const CONFLICT: &str = "git checkout -q topic; echo y > a; echo y > d/b; echo n > n; git add .; git commit -q -m y; \
    git checkout -q main; echo x > a; git commit -q -am x;";

/// A submodule with a change of its own.
const SUBMODULE: &str =
    "git -c protocol.file.allow=always submodule --quiet add ./ sub; git add -A; git commit -q -m sub; echo x > sub/a";

fn place(setup: &str) -> Place {
    need("git");
    let place = Place::new();
    let ran = place.bare(&format!("{BEGIN}\n{setup}"));
    assert_eq!(ran.code, 0, "{setup}: {ran:?}");
    place
}

/// What is wrong with how a command of a repository is judged.
fn complaint(setup: &str, command: &str, held: bool) -> Option<String> {
    let ran = place(setup).run(command);
    let was_held = ran.code == 75 && ran.stderr.contains("sprag:");
    let silent = ran.code == 0 && !ran.stderr.contains("sprag");
    (if held { !was_held } else { !silent }).then(|| format!("[{setup}] `{command}`: {ran:?}"))
}

fn check(cases: &[(&str, &str)], held: bool) {
    let found: Vec<String> = std::thread::scope(|scope| {
        let jobs: Vec<_> =
            cases.iter().map(|(setup, command)| scope.spawn(move || complaint(setup, command, held))).collect();
        jobs.into_iter().filter_map(|job| job.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn what_would_lose_work_is_held() {
    let changed = "echo x > a";
    let staged = "echo x > d/b; git add d/b";
    let new = "echo n > new";
    let submodule = SUBMODULE;
    check(
        &[
            (changed, "git reset --hard"),
            (changed, "git reset --har HEAD"),
            (staged, "git reset --hard"),
            (staged, "git reset --merge"),
            ("echo x > s; git add s; rm s", "git reset"),
            ("echo x > t", "git reset --hard topic"),
            (changed, "git -C d reset --hard"),
            (changed, "git --git-dir=.git --work-tree=. reset --hard"),
            (changed, "cd d && GIT_DIR=../.git GIT_WORK_TREE=.. git reset --hard"),
            (changed, "git checkout -- a"),
            (changed, "git checkout a"),
            (changed, "git checkout ."),
            (changed, "git checkout HEAD a"),
            (changed, "git checkout -f"),
            (changed, "git checkout -f main"),
            (staged, "git checkout HEAD -- d"),
            ("echo x > t", "git checkout topic -- t"),
            ("echo x > d/b", "cd d && git checkout '*.c' b"),
            (changed, "git restore a"),
            (changed, "git restore ."),
            (changed, "git restore :/"),
            (changed, "git restore '*'"),
            (staged, "git restore -SW d/b"),
            (staged, "git restore --source HEAD --staged --worktree d"),
            (changed, "git switch -f topic"),
            (changed, "git switch --discard-changes topic"),
            (changed, "git read-tree --reset -u HEAD"),
            (changed, "git checkout-index -f -a"),
            (changed, "git rm -f a"),
            (changed, "git mv -f d/b a"),
            (new, "git clean -f"),
            (new, "cd / && git --git-dir=$OLDPWD/.git --work-tree=$OLDPWD clean -fd"),
            (changed, "cd / && git --git-dir=$OLDPWD/.git --work-tree=$OLDPWD checkout ."),
            ("mkdir n; echo x > n/f", "cd n && git clean -fd"),
            (changed, "git restore -p"),
            (changed, "git checkout -p"),
            (submodule, "git submodule deinit -f sub"),
            (submodule, "git submodule update -f"),
            (submodule, "git reset --hard --recurse-submodules"),
            (new, "git -c clean.requireForce=false clean"),
            ("mkdir n; echo x > n/f", "git clean -fd"),
            ("mkdir n; echo x > n/f", "git clean -f n"),
            ("echo x > x.log", "git clean -fx"),
            ("mkdir notes; echo x > notes/o; echo notes > .git/info/exclude", "git clean -fdX"),
            ("git init -q inner; echo x > inner/x", "git clean -ffd"),
            ("echo x > a; git stash -q", "git stash drop"),
            ("echo x > a; git stash -q", "git stash clear"),
            ("git worktree add -q ../wt; echo x > ../wt/new", "git worktree remove --force ../wt"),
            (
                "git worktree add -q --detach ../wt; cd ../wt; git commit -q --allow-empty -m x",
                "git worktree remove -f ../wt",
            ),
            ("", "git branch -D topic"),
            ("", "git branch -df topic"),
            ("git branch also topic", "git branch -D topic also"),
            ("", "git branch -f topic main"),
            ("", "git branch -M merged topic"),
            ("", "git checkout -B topic"),
            ("", "git switch -C topic main"),
            ("", "git worktree add -B topic ../wt main"),
            ("git tag -a -m text v1", "git tag -d v1"),
            ("git checkout -q topic; git tag v1; git checkout -q main; git branch -q -D topic", "git tag -d v1"),
            ("", "git update-ref -d refs/heads/topic"),
            ("", "git update-ref refs/heads/topic main"),
            ("", "echo delete refs/heads/topic | git update-ref --stdin"),
            ("", "git fetch . +main:topic"),
            ("", "git fetch -f . main:topic"),
            ("git push -q origin topic; git branch -q -D topic", "git remote remove origin"),
            ("", "git reflog expire --expire=now --all"),
            ("git config gc.reflogExpire now", "git gc"),
            ("", "git gc --prune=now"),
            ("", "git filter-branch --tree-filter true HEAD"),
            ("git config gc.refs/heads/topic.reflogExpireUnreachable now", "git gc"),
            ("git config gc.refs/heads/topic.reflogExpire now", "git reflog expire --all"),
            ("", "git -c remote.origin.fetch=+main:topic fetch"),
            ("", "git fetch --refmap=+main:heads/topic origin main"),
            ("", "git symbolic-ref refs/heads/topic refs/heads/main"),
            (changed, "echo a | git checkout-index -f --stdin"),
            ("mkdir to; echo x > to/a", "git checkout-index -f -a --prefix=to/"),
        ],
        true,
    );
}

/// Ignored, untracked and new files in the root, in a folder with tracked files and in one without.
const SCATTERED: &str = "mkdir n logs; echo x > .env; echo '.env' >> .gitignore; git commit -qam env; \
    for f in d/.env x.log d/x.log new d/new n/foo n/new logs/a.log; do echo x > $f; done;";

#[test]
fn what_clean_is_told_to_leave_out_is_no_loss() {
    let only_env = "echo .env >> .gitignore; git commit -qam env; echo x > .env; echo x > d/.env";
    check(
        &[
            (only_env, "git clean -fdx -e .env && test -f .env && test -f d/.env"),
            (only_env, "git clean -fdX -e '!.env' && test -f .env && test -f d/.env"),
            ("mkdir n; echo x > n/f", "git clean -fd -e n && git clean -fdx -e n/ && git clean -fdx -e '/n/*'; test -f n/f"),
            ("echo x > d/new", "git clean -fd -e d && cd d && git clean -fx -e /d/new && test -f new"),
            ("echo x > x.key", "git clean -fdx --exclude='*.key' && git clean -fdx -e '*.key' . && test -f x.key"),
        ],
        false,
    );
    check(
        &[
            (SCATTERED, "git clean -fdx -e .env"),
            (SCATTERED, "git clean -fd -e new"),
            (SCATTERED, "git clean -fdX -e '!.env'"),
            (only_env, "git clean -fdx -e '!.env'"),
            (only_env, "git clean -fdx -e .env -e '!.env'"),
            (only_env, "git clean -fdx -e /d/.env"),
            (only_env, "git clean -fdX -e .env"),
            (only_env, "git clean -fdX -e '!.env' -e .env"),
            (only_env, "git clean -fd -e '!.env'"),
            ("echo x > new", "git clean -fdX -e new"),
            ("echo x > new", "git clean -fdX -e 'n[e]w'"),
            ("echo x > new", "git clean -f -e '#new'"),
            ("mkdir notes; echo x > notes/x.log; echo notes > .git/info/exclude", "git clean -fdX -e '!notes'"),
            ("rm d/b d/c; echo x > d/x.log", "git clean -fx"),
            ("git sparse-checkout set e; mkdir d; echo x > d/x.log", "git clean -fx"),
            ("git sparse-checkout set e; mkdir d; echo x > d/new", "git clean -f"),
            ("git sparse-checkout set --sparse-index e; mkdir d; echo x > d/new", "git clean -fd"),
            ("mkdir notes; echo x > notes/x.log", "git clean -fd -e '!x.log'"),
        ],
        true,
    );
}

#[test]
fn a_sparse_checkout_loses_only_what_is_ignored() {
    let dirty =
        "mkdir e; echo e > e/f; git add .; git commit -qm e; echo x > d/b; echo x > d/new; echo x > e/g; git add e/g";
    let secret = "mkdir e; echo e > e/f; echo .env >> .gitignore; git add .; git commit -qm e; echo x > d/.env";
    check(
        &[
            (
                dirty,
                "git sparse-checkout set e && test -f d/b && test -f d/new && git sparse-checkout set d && git show :e/g",
            ),
            (
                dirty,
                "git sparse-checkout set --no-cone '/e/' && git sparse-checkout reapply && test -f d/b && test -f d/new",
            ),
            (secret, "git sparse-checkout set --cone d && test -f d/.env && git sparse-checkout disable"),
            (secret, "git sparse-checkout set --no-cone '/e/' && test -f d/.env"),
            ("echo x > x.log; mkdir out; echo x > out/o", "git sparse-checkout set d && test -f x.log && test -f out/o"),
            (
                "mkdir d/in; echo i > d/in/i; git add .; git commit -qm i; echo x > d/x.log",
                "git sparse-checkout set d/in; test -f d/x.log",
            ),
        ],
        false,
    );
    check(
        &[
            (secret, "git sparse-checkout set e"),
            (secret, "git sparse-checkout set --cone e"),
            (secret, "git sparse-checkout set ./d/../e"),
            (secret, "cd e && git sparse-checkout set d"),
            (secret, "echo e | git sparse-checkout set --stdin"),
            (secret, "git sparse-checkout init --cone"),
            (
                &format!("git sparse-checkout set e; {}", secret.replace("mkdir e", "mkdir -p e d")),
                "git sparse-checkout reapply",
            ),
        ],
        true,
    );
}

#[test]
fn giving_up_a_merge_or_a_rebase_loses_what_it_did_not_make() {
    let after = |command: &str, then: &str| format!("{CONFLICT} git {command} || true; {then}");
    let own = "echo own > own; git add own";
    check(
        &[
            (&after("rebase main topic", "echo work > d/c"), "git rebase --abort"),
            (&after("rebase main topic", "echo work > d/c"), "git rebase --skip"),
            (&after("rebase main topic", own), "git rebase --abort"),
            (&after("merge topic", own), "git merge --abort"),
            (&after("cherry-pick topic", own), "git cherry-pick --skip"),
            (&after("rebase -x false HEAD^", own), "git rebase --abort"),
        ],
        true,
    );
    check(
        &[
            (&after("rebase main topic", ""), "git rebase --abort"),
            (&after("rebase main topic", "echo solved > a; git add a"), "git rebase --abort"),
            (&after("rebase main topic", "echo new > new"), "git rebase --skip"),
            (&after("merge topic", "echo work > d/c"), "git merge --abort && grep -q work d/c"),
            (&after("merge topic", "echo solved > a; git add a"), "git merge --abort"),
            (&after("cherry-pick topic", ""), "git cherry-pick --abort"),
            (&after("revert topic", ""), "git revert --abort"),
            (&after("format-patch -q -1 topic -o ..; git am -3 ../0001-y.patch", ""), "git am --abort"),
            ("echo work > a", "git rebase --abort || true"),
            ("echo work > a", "git merge --abort || true"),
        ],
        false,
    );
}

#[test]
fn what_would_lose_something_of_a_remote_is_held() {
    let topic = "git push -q origin topic; git checkout -q topic; git commit -q --amend -m other";
    check(
        &[
            ("", "git push -f"),
            ("", "git push origin +main"),
            ("", "git push origin :main"),
            ("", "git push -d origin main"),
            ("", "git push --mirror"),
            ("", "git push --prune origin"),
            ("git config remote.origin.mirror true", "git push"),
            ("git config remote.origin.push +refs/heads/*:refs/heads/*", "git push"),
            ("git config alias.up 'push --force'", "git up"),
            ("git config alias.up '!git push --force'", "git up"),
            ("git commit -q --amend -m other", "git push --force-with-lease"),
            (topic, "git push -f origin topic"),
            (&format!("{topic}; git config user.email other@example.com"), "git push --force-with-lease origin topic"),
            ("", "git push --force-with-lease origin topic"),
        ],
        true,
    );
}

#[test]
fn what_loses_nothing_is_silent() {
    let new = "echo n > new";
    let topic = "git push -q origin topic; git checkout -q topic; git commit -q --amend -m other";
    check(
        &[
            ("", "git reset --hard"),
            (new, "git reset --hard topic"),
            ("rm a", "git reset --hard && test -f a"),
            ("touch -d 2001-01-01 a", "git reset --hard"),
            ("echo x > a; git add a", "git reset -q"),
            ("", "git reset --hard HEAD~0"),
            ("rm -r d", "git checkout -- d && test -f d/b"),
            ("", "git checkout ."),
            ("echo x > a", "git checkout -- d"),
            ("echo x > d/b; git add d/b; rm d/b", "git checkout -- d/b"),
            ("", "git checkout topic -- t"),
            ("", "git restore --source topic t"),
            ("echo x > a; git add a", "git restore --staged a"),
            ("", "git checkout -f topic"),
            ("", "git switch -f topic"),
            ("git push -q origin topic; git branch -q -D topic", "git checkout topic"),
            ("", "git clean -fd"),
            ("mkdir n; echo x > n/f", "git clean -f"),
            ("echo x > x.log", "git clean -fd"),
            ("mkdir out; echo x > out/o", "git clean -fdX"),
            (new, "git clean -n && git clean -nfdx && test -f new"),
            ("git worktree add -q ../wt", "git worktree remove --force ../wt"),
            ("", "git branch -D merged"),
            ("git push -q origin topic", "git branch -D topic"),
            ("git branch also topic", "git branch -D topic"),
            ("", "git branch -M trunk"),
            ("", "git branch -f merged topic"),
            ("", "git checkout -B merged"),
            ("git tag v1", "git tag -d v1"),
            (SUBMODULE, "git reset --hard && git checkout . && git submodule update"),
            ("", "git update-ref -d refs/heads/merged"),
            ("", "echo create refs/heads/x HEAD | git update-ref --stdin"),
            ("", "git fetch . +main:merged && git fetch -p origin"),
            ("", "git symbolic-ref refs/heads/merged refs/heads/main"),
            ("", "git -c 'remote.origin.fetch=+refs/heads/*:refs/remotes/origin/*' fetch -q"),
            ("git config gc.refs/heads/topic.reflogExpire never", "git gc -q"),
            ("echo x > a", "echo d/b | git checkout-index --stdin || true"),
            ("echo x > a", "git checkout-index -f -a --prefix=out/ && grep -q x a && grep -q a out/a"),
            ("", "git gc -q && git reflog expire --all"),
            ("", "git rm -q d/b && git rm -q --cached a"),
            ("", "git remote remove origin"),
            (topic, "git push -q --force-with-lease origin topic"),
            ("git config alias.st 'status -sb'; git config alias.r 'reset --hard'", "git st && git r"),
            (
                "git checkout -q topic; echo y > a; git commit -q -am y; git checkout -q main; echo x > a; git commit -q -am x; \
                 git merge topic || true",
                "git checkout --ours a && git add a",
            ),
        ],
        false,
    );
}

#[test]
fn a_day_of_git_is_silent() {
    let day = "
        set -e
        git status; git status --porcelain=v2 --branch; git log --oneline -5; git log -p -1 --stat; git show HEAD; git diff
        git diff --cached --name-only; git diff main..topic -- t; git blame a; git grep -n a; git ls-files; git branch -a; git branch -vv
        git remote -v; git rev-parse --show-toplevel; git rev-parse --abbrev-ref HEAD; git config user.email; git config --list
        git describe --all --always; git reflog -3; git stash list; git worktree list; git tag -l; git shortlog -sn HEAD
        git cat-file -p HEAD; git ls-tree -r HEAD; git for-each-ref --format='%(refname)'; git merge-base main topic
        git checkout -q -b feature; echo 1 >> a; git add -A; git commit -q -m 'push --force; rm -rf /'; echo 2 >> a; git commit -qam two
        git commit -q --amend --no-edit; git push -q -u origin feature; git pull -q; git pull -q --rebase; git fetch -q --all --prune
        echo 3 >> a; git stash -q; git stash show -p; git stash pop -q; git add -u; git commit -q -m three
        git rebase -q main; git switch -q main; git merge -q --no-ff -m merge feature; git branch -d merged; git cherry-pick -x topic
        git revert --no-edit HEAD; git tag v1; git tag -a v2 -m 'delete -d'; git push -q origin main --tags; git mv a a2; git restore --staged a a2
        git mv -k a2 a; git checkout -q -; git switch -q main; git reset -q --soft HEAD~1; git commit -q -m again; git clean -n
        git -c user.name=x -c core.pager=cat log -1; GIT_PAGER=cat git log -1; GIT_EDITOR=true git commit -q --amend
        git worktree add -q ../tree -b tree; git worktree remove ../tree; git bundle create -q ../b.bundle HEAD; git archive -o ../a.tar HEAD
        git format-patch -q -1 -o ../out; git apply --check ../out/*.patch || true; git submodule status; git bisect start; git bisect reset
        git clone -q . ../clone; git -C ../clone log -1; git init -q ../other; git config alias.x status; git count-objects -v; git fsck
    ";
    let place = place("");
    let ran = place.run(day);
    assert!(ran.code == 0 && !ran.stderr.contains("sprag"), "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn what_a_call_makes_git_start_is_held() {
    let home = "export HOME=$PWD/..;";
    let elsewhere = "mkdir -p x/git; git config -f x/.gitconfig core.fsmonitor 'touch x'; cp x/.gitconfig x/git/config";
    check(
        &[
            ("", "git -c core.fsmonitor='touch x' status"),
            ("", "git -c core.sshCommand='sh -c x' fetch"),
            ("", "git -c diff.external=x diff"),
            ("", "git -c filter.x.clean='touch x' add a"),
            ("", "git -c core.hooksPath=/tmp/hooks commit -m x"),
            ("", "git -c alias.x='!touch x' x"),
            ("", "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0='touch x' git status"),
            ("", "GIT_CONFIG_PARAMETERS=\"'core.fsmonitor=touch x'\" git status"),
            ("", "X='touch x' git --config-env=core.fsmonitor=X status"),
            ("", "GIT_SSH_COMMAND='touch x' git fetch"),
            ("", "GIT_EXTERNAL_DIFF=./x git diff"),
            ("", "GIT_EDITOR='./x y' git commit --amend"),
            ("", "git --exec-path=/tmp/x status"),
            ("", "git clone 'ext::sh -c x' y"),
            ("", "git fetch --upload-pack='touch x' origin"),
            ("", "git grep -Otouch a"),
            ("", "git difftool -y -x 'touch x'"),
            ("", "git config alias.x '!touch x'"),
            ("", "git config --global core.hooksPath /tmp/x"),
            ("", "git nosuchcommand"),
            (elsewhere, "HOME=$PWD/x git status"),
            (elsewhere, "XDG_CONFIG_HOME=x git status"),
            ("", "SSH_ASKPASS=$PWD/x git fetch"),
            ("", "EDITOR='vim -S x' git commit --amend"),
            ("", "PAGER='sh -c x' git log"),
        ],
        true,
    );
    check(
        &[
            (elsewhere, "GIT_CONFIG_GLOBAL=/dev/null HOME=$PWD/x git status -s"),
            ("git config -f x/.gitconfig user.name b || mkdir x", "HOME=$PWD/x git status -s"),
            ("", "GIT_ASKPASS=true SSH_ASKPASS=/bin/echo PAGER=less EDITOR=vim git fetch -q"),
            ("git config core.pager cat", "PAGER='own -x' EDITOR='own -x' git log -1"),
        ],
        false,
    );
    check(&[("", &format!("{home} git config --global alias.s status && git s && cd / && git s || true"))], false);
}

/// How the real git takes the value of a flag, as its own parser says; nothing where it does not know the flag.
fn arity(folder: &std::path::Path, command: &[String], flag: &str) -> Option<&'static str> {
    let say = |words: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(command).args(words).current_dir(folder).stdin(std::process::Stdio::null());
        let out = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
    };
    let is_unknown = |said: &str| ["unknown option", "unknown switch"].iter().any(|m| said.contains(m));
    let with = say(&[&format!("{flag}=1"), "-h"]);
    if is_unknown(&with) {
        return None;
    }
    if with.contains("takes no value") {
        return Some("switch");
    }
    if !with.contains("usage: git") {
        return None;
    }
    // A command that says nothing of what it does not know says nothing of what it knows.
    if !is_unknown(&say(&["--no-such-flag", "-h"])) {
        return None;
    }
    // What takes the next word takes `-h`, and git stumbles over the one behind it, if not over that.
    let next = say(&[flag, "-h", "--no-such-flag"]);
    match (is_unknown(&next), next.contains("error:") || next.contains("fatal:")) {
        (true, _) => Some("value"),
        (false, true) => None,
        (false, false) => Some("optional"),
    }
}

#[test]
fn flags_take_their_values_as_git_says() {
    need("git");
    let folder = tempfile::tempdir().unwrap();
    let init = std::process::Command::new("git").args(["init", "-q"]).current_dir(folder.path()).status().unwrap();
    assert!(init.success());
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shims/git.toml")).unwrap();
    let tool = sprag::tool::catalogue::parse(&text, "shims/git.toml").unwrap();
    let (mut known, mut wrong) = (0, Vec::new());
    // `-h` is no help to the ones that are left out, or they act before they read it.
    let read = |c: &&sprag::tool::schema::Command| {
        !c.open && !c.stop && c.path.first().is_some_and(|p| !p.starts_with("submodule"))
    };
    for command in tool.command.iter().filter(read) {
        let path: Vec<String> = command.path.iter().map(|p| p.split('|').next().unwrap().to_owned()).collect();
        for (list, ours) in
            [(&command.flags.switch, "switch"), (&command.flags.value, "value"), (&command.flags.optional, "optional")]
        {
            for flag in list.iter().flat_map(|l| l.split(' ')).filter(|f| f.starts_with("--")) {
                if let Some(theirs) = arity(folder.path(), &path, flag) {
                    known += 1;
                    if theirs != ours {
                        wrong.push(format!("git {} {flag}: {ours}, git says {theirs}", path.join(" ")));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(known > 700, "only {known} flags were known to git");
}
