//! Files by their paths, in throw-away trees: what would be lost is held and is still there, what is kept elsewhere or made again goes
//! without a word. Nothing here is run on the machine's own files: what lies there is only judged.

mod fixture;

use fixture::Place;
use sprag::effect::{Effect, Verb, worst};
use sprag::inspect::{self, Unasked};
use sprag::{shim, tool};
use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A tree with a repository in it: `ws` is the workspace, `ws/kept.txt` and `ws/src/a.rs` are committed.
struct Tree(TempDir);

impl Tree {
    fn new() -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        for file in ["ws/kept.txt", "ws/src/a.rs", "ws/build/tracked.txt", "ws/edited.txt"] {
            tree.write(file, "one");
        }
        tree.write("ws/.gitignore", "*.log\n/ignored/\n.env\n");
        for words in ["init -q", "add .", "commit -q -m one"] {
            tree.git("ws", words);
        }
        tree.write("ws/edited.txt", "two and more");
        tree.write("ws/new.txt", "work");
        tree.write("ws/empty.txt", "");
        tree.write("ws/ignored/x", "x");
        tree.write("ws/run.log", "x");
        tree.write("ws/.env", "KEY=1");
        tree.write("ws/node_modules/m/index.js", "x");
        tree
    }

    /// A tree whose workspace no repository speaks for.
    fn plain() -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        tree.write("ws/new.txt", "work");
        tree.write("ws/dist/a.js", "x");
        tree
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn git(&self, folder: &str, words: &str) {
        let author = [("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b")];
        let committer = [("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@b"), ("GIT_CONFIG_GLOBAL", "/dev/null")];
        let mut git = Command::new("git");
        git.args(words.split(' ')).current_dir(self.path(folder)).envs(author).envs(committer);
        assert!(git.status().unwrap().success(), "git {words}");
    }

    fn effects(&self, folder: &str, line: &str) -> Vec<Effect> {
        let words = shell_words::split(line).unwrap().into_iter().map(OsString::from).collect();
        let call = shim::call_of_words(words, &self.path(folder)).unwrap();
        let tools = tool::find(&call.name).unwrap();
        let reading = tools[0].read(&call);
        inspect::deepen(&reading, &call, &Unasked(&call)).effects
    }

    /// Every line, called in `folder`, comes to `verb`.
    fn all(&self, folder: &str, verb: Verb, lines: &[&str]) {
        let mut wrong = Vec::new();
        for line in lines {
            let effects = self.effects(folder, line);
            if worst(&effects) != verb {
                wrong.push(format!("`{line}` is no {verb}: {effects:?}"));
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}

#[test]
fn what_a_commit_an_ignore_file_or_a_build_keeps_is_no_loss() {
    let tree = Tree::new();
    tree.all(
        "ws",
        Verb::Write,
        &[
            "rm kept.txt",
            "rm -r src",
            "rm -rf node_modules dist target",
            "rm -rf ./node_modules/",
            "rm run.log",
            "rm -rf ignored",
            "rm -rf build",
            "rm empty.txt",
            "rm -f nothing.txt",
            "rm -f '*.o'",
            "mv kept.txt src/moved.txt",
            "mv new.txt src/",
            "cp kept.txt src/a.rs",
            "cp new.txt src/new.txt",
            "cp -r src copy",
            "tee kept.txt",
            "truncate -s 0 run.log",
            "dd if=/dev/zero of=kept.txt",
            "sed -i s/a/b/ edited.txt",
            "install -m 755 new.txt dist/new",
            "ln -sf new.txt kept.txt",
            "find . -name '*.log' -delete",
            "find src -type f -exec rm {} +",
            "find src -type f -exec cp kept.txt {} ;",
            "sed -i.bak s/a/b/ new.txt",
            "env -C src rm a.rs",
            "rsync -a --delete src/ node_modules/",
            "rsync kept.txt src/a.rs",
            "rclone copy kept.txt r:x",
            "rclone copy src .",
            "rclone sync r:x node_modules",
            "rclone move new.txt r:x",
            "rsync -a h:kept.txt .",
            "rsync -a h:src .",
            "rsync -a nothing/ .",
            "rsync -a src/ .",
            "rsync -a new.txt /etc/nosuch",
            "tar xf a.tar",
            "chmod -R u+w .",
        ],
    );
    tree.all(
        "ws/src",
        Verb::Write,
        &["rm a.rs", "rm ../kept.txt", "rm -rf ../node_modules", "find .. -name '*.log' -delete"],
    );
}

#[test]
fn what_is_packed_or_unpacked_by_force_comes_over_what_is_there() {
    let tree = Tree::new();
    for file in
        ["ws/new.txt.gz", "ws/new.txt.zst", "ws/kept.txt.gz", "ws/deep/f", "ws/deep/f.gz", "ws/new.tgz", "ws/new.tar"]
    {
        tree.write(file, "work");
    }
    let mild = [
        "gzip new.txt",
        "gunzip new.txt.gz",
        "gunzip -kf kept.txt.gz",
        "gzip -kf src/a.rs",
        "gzip -r deep",
        "xz -kf src",
        "zstd -k new.txt",
    ];
    tree.all("ws", Verb::Write, &mild);
    let lost = [
        "gzip -f new.txt",
        "gunzip -f new.txt.gz",
        "gzip -kdf new.tgz",
        "zstd -f new.txt",
        "zstd -f kept.txt -o new.txt",
        "unzstd -f new.txt.zst",
        "gzip -rkf deep",
        "zstd -f kept.txt -o=new.txt",
        "zstd -t -d -f new.txt.zst",
        "zstd -c -f kept.txt -o new.txt",
        "xz -t -z -kf new.txt",
        "gunzip -f new.txt.GZ",
        "tar -c -I 'zstd -f -o new.txt' -f a.tar src",
    ];
    tree.write("ws/new.txt.xz", "work");
    tree.write("ws/new.txt.GZ", "work");
    tree.all("ws", Verb::Destroy, &lost);
    let looks =
        ["gzip -t -f new.txt", "zstd -d -t -f new.txt.zst", "xz -kdf --list new.txt.gz", "zstd -f kept.txt -o new.txt -c"];
    assert!(looks.iter().all(|line| worst(&tree.effects("ws", line)) <= Verb::Write));
    tree.all("ws", Verb::Unknown, &["xz --files=names", "zstd -f --filelist names"]);
}

#[test]
fn what_is_unpacked_into_the_machines_own_folders_asks() {
    let tree = Tree::new();
    for line in [
        "tar xf a.tar -C /",
        "tar xf a.tar -C /etc",
        "tar xzf a.tgz -C /usr --strip-components=1",
        "tar -xPf a.tar --transform s,a,/etc/, a",
    ] {
        assert_eq!(worst(&tree.effects("ws", line)), Verb::Destroy, "{line}");
    }
    for line in ["tar xf a.tar -C /root/.ssh", "tar xf a.tar -C /etc/cron.d", "tar xf a.tar -C /etc/sudoers.d"] {
        assert_eq!(worst(&tree.effects("ws", line)), Verb::Grant, "{line}");
    }
    for line in [
        "tar xf a.tar -C /usr/local",
        "tar xf a.tar -C /opt",
        "tar xf a.tar",
        "tar xf a.tar --transform s,a,b, kept.txt",
        "tar -I 'zstd -19 -T0' -cf a.tar src",
    ] {
        assert_eq!(worst(&tree.effects("ws", line)), Verb::Write, "{line}");
    }
}

#[test]
fn a_list_names_what_tar_unpacks_or_removes() {
    let tree = Tree::new();
    tree.write("ws/names", "kept.txt\nsrc/a.rs\n");
    tree.write("ws/work", "kept.txt\nnew.txt\n");
    tree.write("ws/flags", "-C /etc\npasswd\n");
    tree.all(
        "ws",
        Verb::Write,
        &["tar xf a.tar -T names", "tar --remove-files -cf a.tar -T names", "tar -cf a.tar -T flags"],
    );
    let lost =
        ["tar xf a.tar -T work", "tar --remove-files -cf a.tar -T work", "tar --remove-files -cf a.tar -C src ../new.txt"];
    tree.all("ws", Verb::Destroy, &lost);
    tree.all("ws", Verb::Unknown, &["tar xf a.tar -T flags", "tar --remove-files -cf a.tar -T -"]);
}

#[test]
fn work_that_no_commit_holds_is_a_loss() {
    let tree = Tree::new();
    tree.write("ws/staged.txt", "staged");
    tree.git("ws", "add staged.txt");
    tree.write("ws/build/tracked.txt", "changed by hand");
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "rm new.txt",
            "rsync kept.txt new.txt",
            "rclone copyto kept.txt new.txt",
            "rclone copy r:x/new.txt .",
            "rclone sync r:x .",
            "rclone sync --ignore-existing r:x .",
            "rclone sync r:x :local,encoding=None:.",
            "rclone move . r:x",
            "rsync -a h:new.txt .",
            "rsync -a h:x/edited.txt ./",
            "rm edited.txt",
            "rm staged.txt",
            "rm -rf build",
            "rm .env",
            "rm kept.txt new.txt",
            "rm -rf .git",
            "rm .git/config",
            "rm -rf .",
            "rm -rf ../ws",
            "rm -rf src/..",
            "cp kept.txt new.txt",
            "mv kept.txt new.txt",
            "mv .git elsewhere",
            "tee edited.txt",
            "truncate -s 0 new.txt",
            "dd if=/dev/zero of=new.txt",
            "ln -sf kept.txt new.txt",
            "sort kept.txt -o new.txt",
            "find . -name new.txt -delete",
            "find . -delete",
            "find . -type f -exec rm {} +",
            "find . -name '*.txt' -exec rm {} ;",
            "find . -delete -name nothing",
            "find . -name . -exec rm -rf {} +",
            "find . -exec rm -rf {} + -name nothing",
            "find . -name new.txt -exec cp kept.txt {} ;",
            "find . -name new.txt -execdir ln -sf kept.txt {} ;",
            "find . -type f -name '*.txt' -exec sort -o {} kept.txt ;",
            "sed ':a;w new.txt' kept.txt",
            "cp --backup=none kept.txt new.txt",
            "cp -b --backup=off kept.txt new.txt",
            "mv -n -f kept.txt new.txt",
            "truncate -r empty.txt new.txt",
            "truncate -r empty.txt -s +0 new.txt",
            "env -C src rm ../new.txt",
            "env --chdir nothing -C src rm ../new.txt",
            "rsync -a --delete src/ .",
            "rsync -a --delete node_modules/ ./",
            "tar cf new.txt src",
            "tar xf a.tar new.txt",
            "shred kept.txt",
        ],
    );
    tree.all("ws/src", Verb::Destroy, &["rm ../new.txt", "rm -rf ../../ws", "find .. -name new.txt -delete"]);
    tree.all(
        "ws",
        Verb::Write,
        &[
            "rm .git/index.lock",
            "cp -n kept.txt new.txt",
            "mv -f -n kept.txt new.txt",
            "mv -b kept.txt new.txt",
            "cp --backup=numbered kept.txt new.txt",
            "tee -a new.txt",
        ],
    );
}

#[test]
fn a_copy_lands_where_the_tool_puts_it() {
    let tree = Tree::new();
    tree.write("ws/a.rs", "work");
    tree.write("ws/to/src/a.rs", "work");
    tree.write("ws/to/src/new/a.rs/work", "work");
    tree.write("ws/ignored/a.rs", "x");
    tree.write("other/new.txt", "work");
    tree.git("other", "init -q");
    symlink(tree.path("other"), tree.path("ws/lnk")).unwrap();
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "cp -r src/. .",
            "cp --parents src/a.rs to",
            "cp --attributes-only --remove-destination kept.txt new.txt",
            "ln -sf src/a.rs",
            "find to -name a.rs -execdir rm a.rs ;",
            "rsync -a src/. .",
            "rsync -aR src/a.rs to",
            "rsync -aR h:x/./src/a.rs to",
            "rsync -a --files-from=names src .",
            "rsync -a --read-batch=b .",
            "rsync -a --force src/a.rs to/src/new",
            "find -H lnk -name new.txt -delete",
        ],
    );
    tree.all(
        "ws",
        Verb::Write,
        &[
            "rsync -aR src/a.rs .",
            "rsync -aR src/./a.rs ignored",
            "rsync -a src/a.rs other",
            "cp -r src/. kept",
            "cp --parents src/a.rs .",
            "cp --attributes-only kept.txt new.txt",
            "ln -s kept.txt there",
        ],
    );
    tree.all("ws", Verb::Grant, &["ln -s /srv/key /root/.ssh/authorized_keys2", "ln /srv/x /etc/cron.d/sprag-nothing"]);
}

#[test]
fn a_repository_says_what_is_lost() {
    let tree = Tree::new();
    tree.write("ws/lib/deep/work.txt", "work");
    let effects = tree.effects("ws", "rm -rf lib");
    assert_eq!(effects.len(), 1);
    assert!(effects[0].note.contains("lib/deep/work.txt"), "{effects:?}");
    assert_eq!(effects[0].target, tree.path("ws/lib").canonicalize().unwrap().to_str().unwrap());
}

#[test]
fn what_lies_where_nothing_is_checked_out_counts() {
    let tree = Tree::new();
    tree.git("ws", "sparse-checkout set build");
    tree.write("ws/src/new.txt", "work");
    tree.all("ws", Verb::Destroy, &["rm src/new.txt", "rm -r src", "find . -path './src/new*' -delete"]);
    tree.write("ws/lib/x.log", "x");
    tree.all("ws", Verb::Write, &["rm -r lib"]);
}

#[test]
fn who_may_use_a_file_of_the_system_is_a_grant_only_where_it_opens() {
    let tree = Tree::new();
    let uid = nix::unistd::getuid();
    // As Debian has them: 0644, 0755, 4755, 0640.
    tree.all(
        "ws",
        Verb::Write,
        &[
            "chmod 644 /etc/debian_version",
            "chmod a+r /etc/debian_version",
            "chmod u=rw,go=r /etc/debian_version",
            "chmod +x /usr/bin/env",
            "chmod 755 /usr/bin/env",
            "chmod u+w /etc/debian_version",
            "chmod a+r /etc/apt/keyrings/sprag-nothing.gpg",
            "chmod +x /usr/local/bin/sprag-nothing",
            "chmod 0755 /usr/local/bin/sprag-nothing",
            "chmod 600 /etc/debian_version",
            &format!("chown -R {uid}:{uid} ."),
            &format!("chown -R {uid} src new.txt"),
        ],
    );
    tree.all(
        "ws",
        Verb::Grant,
        &[
            "chown -R nobody src",
            "chgrp -R staff src",
            "chmod 666 /etc/hosts",
            "chmod g+w /etc/hosts",
            "chmod 664 /etc/hosts",
            "chmod o=u /etc/hosts",
            "chmod u+s /usr/bin/env",
            "chmod 2755 /usr/bin/env",
            "chmod 755 /usr/bin/passwd",
            "chmod -x /usr/bin/env",
            "chmod 600 /usr/bin/env",
            "chmod 644 /etc/shadow",
            "chmod 644 /etc/passwd",
            "chmod 440 /etc/sudoers.d/sprag-nothing",
            "chmod a+r /etc/ssl/private/sprag-nothing.key",
            "chmod 644 /etc/sprag-nothing.conf",
            "chmod a+r /etc/apt/auth.conf.d/sprag-nothing.key",
            "chmod 600 /etc/hosts",
            "chmod 755 /etc",
            "chmod -R 644 /etc/hosts",
            "chmod +x '/usr/bin/*'",
            "chmod g=o,x /etc/hosts",
            "chmod --reference=a /etc/hosts",
            "chown -R nobody /etc",
            "chown -R nobody ..",
            &format!("chown -RL {uid} src"),
            &format!("chown -R {uid} /srv"),
            "chown -R nobody /srv",
            "chown -R nobody src /usr",
        ],
    );
}

#[test]
fn links_lead_where_they_lead() {
    let tree = Tree::new();
    tree.write("other/work.txt", "work");
    tree.git("other", "init -q");
    symlink(tree.path("other"), tree.path("ws/out")).unwrap();
    symlink("/etc", tree.path("ws/etc")).unwrap();
    symlink("/etc/passwd", tree.path("ws/passwd")).unwrap();
    symlink("new.txt", tree.path("ws/to-new")).unwrap();
    tree.all("ws", Verb::Write, &["rm out", "rm -rf etc", "rm passwd", "rm to-new", "ln -sfn src out"]);
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "rm -rf out/",
            "rm -rf out/.",
            "rm out/work.txt",
            "rm -rf etc/",
            "rm etc/hosts",
            "rm etc/../etc/hosts",
            "cp kept.txt passwd",
            "tee passwd",
            "tee to-new",
            "cp kept.txt etc/hostname",
        ],
    );
}

#[test]
fn another_repository_is_not_this_ones_to_remove() {
    let tree = Tree::new();
    tree.write("ws/vendor/lib/a", "a");
    tree.git("ws/vendor/lib", "init -q");
    tree.write("ws/node_modules/b/.git/HEAD", "x");
    tree.all("ws", Verb::Destroy, &["rm -rf vendor/lib", "rm -rf vendor", "rm vendor/lib/a", "rm -rf vendor/lib/.git"]);
    tree.git("ws/vendor/lib", "add a");
    tree.git("ws/vendor/lib", "commit -q -m one");
    tree.all("ws", Verb::Write, &["rm vendor/lib/a", "rm -rf node_modules"]);
    tree.all("ws/vendor/lib", Verb::Destroy, &["rm ../../new.txt"]);
}

#[test]
fn a_clone_that_is_all_on_its_remote_can_go_where_things_are_temporary() {
    let tree = Tree::new();
    tree.git("", "clone -q ws clone");
    tree.all("ws", Verb::Write, &["rm -rf ../clone"]);
    tree.write("clone/new", "work");
    tree.all("ws", Verb::Destroy, &["rm -rf ../clone"]);
    tree.git("clone", "add new");
    tree.git("clone", "commit -q -m two");
    tree.all("ws", Verb::Destroy, &["rm -rf ../clone"]);
}

#[test]
fn what_a_neighbours_build_makes_again_is_no_loss() {
    let homes = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tree = Tree(homes);
    for file in ["ws/kept.txt", "other/src/a", "other/target/tracked"] {
        tree.write(file, "one");
    }
    tree.write("other/.gitignore", "/target/*\n!/target/tracked\n/data/\n/node_modules\n");
    for folder in ["ws", "other"] {
        for words in ["init -q", "add .", "commit -q -m one"] {
            tree.git(folder, words);
        }
    }
    for file in ["other/target/debug/a", "other/node_modules/m/i.js", "other/data/x", "other/build/b", "none/target/x"] {
        tree.write(file, "x");
    }
    tree.all("ws", Verb::Write, &["rm -rf ../other/target/debug", "rm -rf ../other/node_modules/"]);
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            // Ignored, but nothing makes it again; a name of a build's, but not ignored; no repository.
            "rm -rf ../other/data",
            "rm -rf ../other/build",
            "rm -rf ../none/target",
            "rm -rf ../other/target",
            "rm -rf ../other",
            "rm -rf ../other/src",
            "rm -rf ../other/.git",
            "rm -rf ../other/node_modules/../src",
            "rm -rf '../other/node_module?'",
        ],
    );
    tree.git("other", "init -q node_modules/mine");
    tree.write("other/src/link", "x");
    std::fs::remove_file(tree.path("other/src/link")).unwrap();
    symlink(tree.path("other/src"), tree.path("other/node_modules/link")).unwrap();
    tree.all("ws", Verb::Destroy, &["rm -rf ../other/node_modules/link/", "rm -rf ../other/node_modules/mine"]);
}

#[test]
fn without_a_repository_only_names_speak() {
    let tree = Tree::plain();
    tree.all(
        "ws",
        Verb::Write,
        &["rm -rf dist", "rm -rf nothing", "rm -f a.o", "rm -rf .venv coverage", "cp new.txt b.txt"],
    );
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "rm new.txt",
            "rm -rf .",
            "rm -rf ./*",
            "rm -rf *",
            "find . -name 'new.*' -delete",
            "find . -type f -exec cp dist/a.js {} ;",
            "cp dist/a.js new.txt",
        ],
    );
}

#[test]
fn a_find_is_judged_by_what_its_expression_reaches() {
    let tree = Tree::new();
    for file in ["ws/lib/a.pyc", "ws/lib/m/one.js", "ws/lib/m/two.js", "ws/lib/x.js", "ws/lib/deep/y.js"] {
        tree.write(file, "work");
    }
    tree.write("ws/.env.d/k.js", "");
    tree.all(
        "ws",
        Verb::Write,
        &[
            "find . ( -name '*.pyc' -o -name '*.pyo' ) -delete",
            "find . -name '*.py[co]' -delete",
            "find . -not -path './lib/*' -name '*.js' -delete",
            "find . ! -path '*/lib/*' ! -path './.git/*' ! -name '*.txt' ! -name .env -type f -delete",
            "find . -path '*/lib/*.js' -not -path '*/lib/*' -delete",
            "find . -type f -not -path './.git/*' -not -path './lib/*' -not -name '*.txt' -not -name .env -exec sed -i s/a/b/ {} +",
            "find . -path ./lib -prune -o -name '*.js' -exec rm {} +",
            "find . -name node_modules -prune -exec rm -rf {} +",
            "find lib -mindepth 4 -delete",
            "find lib -maxdepth 0 -type f -delete",
            "find lib -name '*.js' -empty -delete",
            "find lib -name '*.js' -size +1M -delete",
            "find . -type d -empty -delete",
            "find . nothing -name '*.log' -delete",
            "find . -xtype l -delete",
        ],
    );
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "find . ( -name '*.pyc' -o -name '*.js' ) -delete",
            "find . -name '*.pyc' -o -delete",
            "find . -name '*.pyc' , -delete",
            "find . ! -name '*.pyc' -delete",
            "find . ! ( -name '*.pyc' -o -name '*.pyo' ) -delete",
            "find lib -path './lib/*.js' -o -delete",
            "find . -path './lib/*.js' -delete",
            "find . -regex 'never' -delete",
            "find . ! -regex '.*' -delete",
            "find . -path ./lib -prune -o -name '*.js' -o -delete",
            "find . -path ./lib -prune -o -name '*.js' -delete -o -name '*.txt' -delete",
            "find . -depth -path ./lib -prune -o -name '*.js' -exec rm {} +",
            "find . -regex ./lib -prune -o -name '*.js' -exec rm {} +",
            "find . -name lib -exec true {} ';' -prune -o -name '*.js' -exec rm {} +",
            "find lib -maxdepth 1 -maxdepth 3 -name y.js -delete",
            "find lib -mtime +100000 -delete",
            "find lib -name x.js -newer kept.txt -delete",
            "find lib -name x.js -size -1M -delete",
            "find . -name '*.[a-j]s' -delete",
            "find lib -iname '*.JS' -exec rm {} +",
            "find . -name '*.pyc' -exec mv {} x.js ';' -o -name '*.js' -exec rm {} ';'",
            "find . -name x.js -exec mv {} lib/b.pyc ';' -o -name '*.pyc' -delete",
            "find . ( -name '*.pyc' -delete",
        ],
    );
    tree.all("ws", Verb::Unknown, &["find . -name '*.pyc' -nonsense -delete", "find . -delete -name"]);
}

#[test]
fn files_that_are_moved_to_one_name_are_lost_but_for_the_last() {
    let tree = Tree::new();
    for file in ["ws/lib/a.ts", "ws/lib/b.ts", "ws/lib/deep/c.ts"] {
        tree.write(file, "work");
    }
    tree.write("ws/src/b.rs", "");
    tree.write("ws/lib/to/d", "work");
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "find lib -name '*.ts' -exec mv {} moved ';'",
            "find lib -name '*.ts' -exec mv -f {} ../moved ';'",
            "find lib -name '*.ts' -exec /bin/mv -T {} new ';'",
            "find lib -name '[ab].ts' -execdir mv {} moved ';'",
            "find lib -name '*.ts' -execdir mv {} src ';'",
        ],
    );
    tree.all(
        "ws",
        Verb::Write,
        &[
            "find lib -name '*.ts' -exec mv {} src ';'",
            "find lib -name '*.ts' -exec mv -t src {} ';'",
            "find lib -name '*.ts' -exec mv -n {} moved ';'",
            "find lib -name a.ts -exec mv {} moved ';'",
            "find src -name '*.rs' -exec mv {} moved ';'",
            "find lib -name '*.ts' -exec cp {} moved ';'",
            "find lib -name '*.ts' -execdir mv {} .. ';'",
        ],
    );
}

#[test]
fn what_find_comes_to_outside_of_a_repository_is_looked_at() {
    let tree = Tree::plain();
    tree.write("ws/lib/a.pyc", "x");
    tree.write("ws/lib/__pycache__/b.pyc", "x");
    tree.write("ws/app/node_modules/m/index.js", "x");
    tree.all(
        "ws",
        Verb::Write,
        &[
            "find . -name '*.pyc' -delete",
            "find . -name __pycache__ -type d -prune -exec rm -rf {} +",
            "find . -type d -name node_modules -exec rm -rf {} +",
            "find /tmp -maxdepth 1 -name sprag-nothing -delete",
        ],
    );
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "find . -name 'new*' -delete",
            // Nothing is found, and nothing says what may be there by then.
            "find . -name nothing -delete",
            "find / -maxdepth 1 -name sprag-nothing -delete",
            "find /etc -maxdepth 1 -name sprag-nothing -delete",
            "find . -type f -delete",
            "find . -type f -exec rm {} +",
            "find .. -name new.txt -delete -o -name ws -exec rm -rf {} +",
            "find /etc -maxdepth 1 -name hosts -delete",
            "find / -maxdepth 1 -name home -exec rm -rf {} +",
            "find '*' -name nothing -delete",
            "find -L . -name nothing -delete",
            "find ~ -name nothing -delete",
        ],
    );
}

#[test]
fn the_machine_and_the_home_are_out_of_bounds() {
    let tree = Tree::new();
    let home = sprag::call::User::current().home;
    let home = home.display();
    tree.all(
        "ws",
        Verb::Destroy,
        &[
            "rm -rf /",
            "rm -rf /home",
            "rm -rf /tmp",
            "rm -rf /usr/lib",
            "rm -rf '/nfs/sh*re'",
            "rm -rf /usr/lib/x*",
            "truncate -s 0 /etc/hosts",
            &format!("rm -rf {home}"),
            &format!("rm -rf {home}/.[a-z]*"),
            "rm -rf ~/x",
            "rm -rf /nothing/../usr",
            // Whether something is there by then, nothing says.
            "rm -rf /usr/lib/sprag-nothing",
            "rm -rf /nfs/share/sprag-nothing",
            &format!("rm -f {home}/sprag-nothing"),
            "sudo sh -c 'mv new.txt /opt/sprag-nothing; rm /opt/sprag-nothing'",
            &format!("rm -rf {home}/.local/state/sprag"),
            &format!("tee -a {home}/.config/sprag/policy.toml"),
            "rm -rf /tmp/../home",
            "cp a /dev/sda",
            "mv kept.txt /dev/null",
        ],
    );
    tree.all("ws", Verb::Write, &["rm -rf /tmp/sprag-nothing", "rm -f /var/tmp/sprag-nothing", "cp new.txt /dev/null"]);
    let mut call = shim::call_of_words(vec!["rm".into(), format!("{home}/").into()], &tree.path("ws")).unwrap();
    call.env.insert("TMPDIR".into(), sprag::call::User::current().home.into());
    call.env.insert("HOME".into(), "/tmp/elsewhere".into());
    let tools = tool::find("rm").unwrap();
    let found = inspect::deepen(&tools[0].read(&call), &call, &Unasked(&call));
    assert_eq!(worst(&found.effects), Verb::Destroy, "no variable makes a temporary folder of a home");
}

#[test]
fn an_output_over_what_sets_up_a_program_or_lets_people_in_asks() {
    let tree = Tree::new();
    let homes = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = homes.path().canonicalize().unwrap();
    for file in [".bashrc", ".config/tool/config", "notes.txt"] {
        let file = home.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "x").unwrap();
    }
    let verb = |line: &str| {
        let words = shell_words::split(&line.replace("HOME", home.to_str().unwrap())).unwrap();
        let mut call = shim::call_of_words(words.into_iter().map(OsString::from).collect(), &tree.path("ws")).unwrap();
        call.env.insert("HOME".into(), home.clone().into());
        let tools = tool::find(&call.name).unwrap();
        worst(&inspect::deepen(&tools[0].read(&call), &call, &Unasked(&call)).effects)
    };
    for line in [
        "psql -o HOME/.bashrc -c 'select 1'",
        "psql -L HOME/.config/tool/config -c 'select 1'",
        "psql -c '\\o HOME/.bashrc'",
        "psql -c '\\copy t to HOME/.bashrc'",
        "psql -c '\\lo_export 1 HOME/.bashrc'",
        "psql -c 'select 1 \\g HOME/.bashrc'",
        "pg_dump -f HOME/.bashrc",
        "mysql -e 'tee HOME/.bashrc'",
        "sqlite3 x.db '.output HOME/.bashrc' 'select 1'",
        "sqlite3 x.db '.once HOME/.bashrc'",
        "sqlite3 x.db \"select writefile('HOME/.bashrc', 'x')\"",
        "sqlite3 x.db \"vacuum into 'HOME/.bashrc'\"",
        "tee -a HOME/.ssh/authorized_keys",
        "cp new.txt HOME/.ssh/authorized_keys",
        "psql -o HOME/.ssh/authorized_keys -c 'select 1'",
        "cp new.txt /etc/cron.d/sprag-nothing",
        "tee /etc/sudoers.d/sprag-nothing",
    ] {
        assert!(verb(line) > Verb::Write, "`{line}` is {}", verb(line));
    }
    assert_eq!(verb("git diff --output=edited.txt"), Verb::Destroy);
    assert_eq!(verb("pg_dump -f edited.txt"), Verb::Destroy);
    for line in [
        "pg_dump -f kept.txt",
        "pg_dump -f new.txt",
        "psql -o out.txt -c 'select 1'",
        "psql -c '\\copy t to out.csv csv'",
        "psql -o HOME/notes.txt -c 'select 1'",
        "pg_dump -f HOME/.new-dump",
        "sqlite3 x.db '.output dump.sql' .dump",
        "mysql --tee=out.txt -e 'select 1'",
        "tee -a HOME/.bashrc",
        "tee HOME/.new-tool",
        "cp new.txt HOME/new.txt",
    ] {
        assert!(verb(line) <= Verb::Write, "`{line}` is {}", verb(line));
    }
}

#[test]
fn what_is_elsewhere_is_not_looked_at_here() {
    let tree = Tree::new();
    let judged = |line: &str| {
        let words = shell_words::split(line).unwrap().into_iter().map(OsString::from).collect();
        let mut call = shim::call_of_words(words, &tree.path("ws")).unwrap();
        call.around.away = true;
        let tools = tool::find(&call.name).unwrap();
        worst(&inspect::deepen(&tools[0].read(&call), &call, &Unasked(&call)).effects)
    };
    assert_eq!(judged("rm -rf ./build"), Verb::Destroy);
    assert_eq!(judged("rm kept.txt"), Verb::Destroy);
    for line in [
        "rm -rf node_modules",
        "rm -rf node_modules/.cache ./src/__pycache__ app/x.pyc",
        "rm -rf /app/node_modules /usr/src/app/node_modules /var/www/x/.cache",
        "rm -f tmp/pids/server.pid /run/x.pid",
        "rm -f /var/run/app.sock",
        "rm -rf ./.pytest_cache",
    ] {
        assert_eq!(judged(line), Verb::Write, "{line}");
    }
    for line in [
        "rm -rf node_modules src",
        "rm -rf node_modules/..",
        "rm -rf node_modules/../data",
        "rm -rf '*/node_modules'",
        "rm -rf 'node_modules*'",
        "rm -rf /usr/lib/node_modules",
        "rm -rf /usr/local/lib/node_modules",
        "rm -rf /var/lib/jenkins/.cache",
        "rm -rf /var/lib/x/target",
        "rm -rf target",
        "rm -rf dist",
        "rm -rf /var/www/html/build",
        "rm -rf .venv",
        "rm -f '/run/*.pid'",
        "rm -rf /run/app.sock/..",
        "rm -rf data.pid.d",
        "truncate -s 0 node_modules/x",
    ] {
        assert_eq!(judged(line), Verb::Destroy, "{line}");
    }
    assert_eq!(judged("rm -rf /tmp/x"), Verb::Write);
    assert_eq!(judged("rm -rf /tmp/../etc"), Verb::Destroy);
    assert_eq!(judged("cp a b"), Verb::Write);
    assert_eq!(judged("cp /dev/null /data/b"), Verb::Destroy);
    assert_eq!(judged("mv /etc /tmp"), Verb::Destroy);
    assert_eq!(judged("mv /srv/a /srv/b"), Verb::Write);
    assert_eq!(judged("tee /etc/nginx/nginx.conf"), Verb::Write);
    assert_eq!(judged("tee /etc/passwd"), Verb::Grant);
    assert_eq!(judged("dd if=a of=/etc/sudoers"), Verb::Grant);
    assert_eq!(judged("tee -a /root/.ssh/authorized_keys"), Verb::Grant);
    assert_eq!(judged("dd if=a of=/dev/sda"), Verb::Destroy);
    assert_eq!(judged("cat /etc/passwd"), Verb::Read);
}

#[test]
fn a_guarded_rm_is_held_or_does_what_rm_does() {
    let place = Place::with_files();
    let make = "git init -q . && echo a > kept && echo '*.log' > .gitignore && git add . && \
        git -c user.name=a -c user.email=a@b commit -qm one && echo b > new && mkdir -p node_modules/m && echo c > node_modules/m/i";
    assert_eq!(place.bare(make).code, 0);
    let held =
        place.run("rm -rf new .git; rm -rf ../work; find . -delete; find . -name new -exec rm {} ';'; ls -A . node_modules");
    assert_eq!(
        held.stdout.split_whitespace().collect::<Vec<_>>().join(" "),
        ".: .git .gitignore kept new node_modules node_modules: m"
    );
    let refused = place.run("rm new");
    assert_eq!((refused.code, refused.stdout.as_str()), (75, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("in no commit"), "{}", refused.stderr);
    let silent =
        place.run("rm -rf node_modules kept nothing x.log && rm -rf /tmp/sprag-nothing && rm nothing; echo $?; ls -A");
    assert_eq!(silent.stdout, "1\n.git\n.gitignore\nnew\n");
    assert_eq!(silent.stderr, place.bare("rm nothing").stderr);
}

#[test]
fn another_file_system_that_is_mounted_there_is_a_loss() {
    let place = Place::with_files();
    let script = "mkdir -p /tmp/sprag-mount/a && mount -t tmpfs none /tmp/sprag-mount/a && rm -rf /tmp/sprag-mount; code=$?; \
        umount /tmp/sprag-mount/a; rmdir /tmp/sprag-mount/a /tmp/sprag-mount; exit $code";
    let ran = place.run(script);
    assert_eq!(ran.code, 75, "{ran:?}");
    assert!(ran.stderr.contains("mounted"), "{}", ran.stderr);
}

/// The real tools take and refuse the examples as the shim files do: what one of them refuses as a usage error is `unknown`, and what
/// is `unknown` it refuses.
#[test]
fn the_real_tools_know_the_same_flags() {
    let folder = tempfile::tempdir().unwrap();
    for (tool, flags) in [
        (
            "rm",
            "-f -i -I -r -R -d -v --force --recursive --dir --verbose --one-file-system --preserve-root --interactive=never",
        ),
        (
            "cp",
            "-a -b -d -f -i -H -l -L -n -P -p -R -s -T -u -v -x --parents --reflink=auto --sparse=auto --attributes-only",
        ),
        ("mv", "-b -f -i -n -T -u -v --strip-trailing-slashes --backup=none --no-clobber"),
        ("ln", "-b -d -F -f -i -L -n -P -r -s -T -v"),
        ("tee", "-a -i -p --output-error=warn"),
        ("truncate", "-c -o"),
        ("chmod", "-c -f -v -R --no-preserve-root --preserve-root"),
        ("chown", "-c -f -v -h -R -H -L -P --dereference --no-preserve-root"),
        ("sort", "-b -d -f -g -i -M -h -n -R -r -V -c -C -m -s -u -z --debug"),
        ("tar", "-c -r -t -u -x -d -v -z -j -J -Z -k -U -O -m -p -s -P -h -w -W -l -o -a -S -n -G -M -B -i -R --posix"),
        ("sed", "-n -E -r -s -u -z -i -i.bak --debug --posix --sandbox --follow-symlinks"),
    ] {
        for flag in flags.split(' ') {
            let known = Command::new(tool).args([flag, "--help"]).current_dir(folder.path()).output().unwrap();
            assert!(known.status.success(), "the real {tool} has no {flag}");
            let words = [tool, flag, "a", "b"].iter().map(OsString::from).collect();
            let call = shim::call_of_words(words, Path::new(folder.path())).unwrap();
            let tools = tool::find(tool).unwrap();
            let problems = &tools[0].read(&call).parsed.problems;
            assert!(problems.is_empty(), "{tool} {flag}: {problems:?}");
        }
    }
}
