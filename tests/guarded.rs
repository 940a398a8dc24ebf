//! `sprag run`: what a session must not reach, each with a control outside that reaches it, and what must work in it as
//! outside.

mod fixture;
#[path = "fixture/processes.rs"]
mod processes;
#[path = "fixture/servers.rs"]
mod servers;
#[path = "fixture/terminal.rs"]
mod terminal;

use fixture::{Place, Ran, binary, need};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use processes::{processes, until};
use servers::{Postgres, Sshd};
use std::fmt::Write as _;
use std::process::Stdio;
use terminal::{Ear, Terminal, on_a_terminal};

/// A home of the test's own, with keys in it, around sprag's memory.
const HOME: &str = "state=$(mktemp -d) && mount --bind ~/.local/state/sprag $state && mount -t tmpfs none ~ && \
    mkdir -p ~/.local/state/sprag ~/.local/bin ~/.config/sprag ~/.terraform.d ~/.aws ~/.ssh && mount --bind $state ~/.local/state/sprag && \
    echo aws_secret_access_key=s3cr3t >~/.aws/credentials && for k in a b c; do echo key >~/.ssh/id_$k; done && \
    export HIDDEN=~ LINKS=../links REAL=$(PATH=${PATH#*:} command -v terraform) AWS_SECRET_ACCESS_KEY=s3cr3t";

/// Ways out: each ends with 0 where it got through.
const ATTACKS: &[(&str, &str)] = &[
    // the real tools, by another way than their names
    ("by its path", "$REAL version"),
    ("without an environment", "env -i PATH=/usr/local/bin:/usr/bin:/bin terraform version"),
    ("in a login shell with its own PATH", "bash -lc 'PATH=/usr/local/bin:/usr/bin:/bin; terraform version'"),
    ("by a hash of the shell", "hash -p $REAL other; other version"),
    ("a copy", "cp $REAL ./copy && ./copy version"),
    ("a copy by a reader", "cat $REAL >copy2 && chmod +x copy2 && ./copy2 version"),
    (
        "a hard link",
        "ln $REAL ~/hard 2>/dev/null || ln $REAL ${REAL%/*}/hard && ${REAL%/*}/hard version; c=$?; rm -f ${REAL%/*}/hard; exit $c",
    ),
    ("a symlink", "ln -s $REAL soft && ./soft version"),
    ("around by /proc", "/proc/self/root$REAL version"),
    ("by the loader", "/lib64/ld-linux-x86-64.so.2 /usr/lib/postgresql/*/bin/psql --version"),
    ("psql behind its wrapper", "/usr/lib/postgresql/*/bin/psql --version"),
    (
        "from memory",
        "exec /usr/bin/python3 -c \"import os; fd = os.memfd_create('x', 0); \
         os.sendfile(fd, os.open(os.environ['REAL'], os.O_RDONLY), 0, 1 << 30); os.execve(fd, ['terraform', 'version'], os.environ)\"",
    ),
    // the keys
    ("read a key", "cat ~/.aws/credentials"),
    ("read a key by /proc", "cat /proc/self/root$HIDDEN/.aws/credentials"),
    ("read a key through a link", "ln -s ~/.aws keys && cat keys/credentials"),
    (
        "read a key by a descriptor",
        "/usr/bin/python3 -c \"import os; fd = os.open(os.environ['HIDDEN'] + '/.aws/credentials', os.O_PATH); open(f'/proc/self/fd/{fd}').read()\"",
    ),
    ("list the keys", "ls ~/.ssh/"),
    ("move a key", "mv ~/.ssh/id_a ."),
    ("link a key", "ln ~/.ssh/id_b ./id 2>/dev/null || cp ~/.ssh/id_b ."),
    ("a key in a variable", "test -n \"$AWS_SECRET_ACCESS_KEY\""),
    (
        "a variable of the starter",
        "tr '\\0' '\\n' </proc/$PPID/environ | grep -q s3cr3t || grep -qa s3cr3t /proc/$STARTER/environ",
    ),
    ("write a key", "echo evil >~/.ssh/authorized_keys"),
    // sprag itself
    ("its record", "ls ~/.local/state/sprag/"),
    ("cut its record", ": >>~/.local/state/sprag/record.jsonl"),
    ("its policy", "echo 'version = 1' >~/.config/sprag/policy.toml"),
    ("its links", "ln -sf /bin/true $LINKS/terraform"),
    ("beside its binary", "touch $SPRAG.planted.$$ && rm $SPRAG.planted.$$"),
    ("its requests", "mkdir -p ~/.local/state/sprag/requests"),
    ("signal who started it", "kill -URG $STARTER"),
    ("the limits of who started it", "prlimit --pid $STARTER"),
    // the walls
    ("a name space", "unshare --user true"),
    ("a mount", "mount -t tmpfs none /mnt"),
    ("another root", "/usr/sbin/chroot / true"),
    ("a file of the system", "touch /usr/local/bin/planted && rm /usr/local/bin/planted"),
    ("a file beside the workspace", "touch ../planted && rm ../planted"),
    ("a file in /tmp", "touch /tmp/planted.$$ && rm /tmp/planted.$$"),
    ("the password hashes", "cat /etc/shadow"),
];

/// Ways by which a tool that is answered outside would do for the session what that cannot do itself.
const DEPUTIES: &[(&str, &str)] = &[
    (
        "a key by a variable that the walls are made by",
        "printf 'output \"x\" { value = file(\"%s/.ssh/id_a\") }' $HIDDEN >main.tf; SSL_CERT_DIR=$HIDDEN terraform plan 2>&1 | grep -q key",
    ),
    (
        "a file beside programs, from a folder that is only read",
        "cd $HIDDEN/.local/bin && sqlite3 :memory: '.output evil' 'select 1'; test -e $HIDDEN/.local/bin/evil",
    ),
    (
        "a file beside programs, by its path",
        "sqlite3 :memory: \".output $HIDDEN/.local/bin/evil2\" 'select 1'; test -e $HIDDEN/.local/bin/evil2",
    ),
    (
        "what another project's terraform would run",
        "mkdir -p tf && cd tf && printf 'resource \"terraform_data\" \"a\" {\n provisioner \"local-exec\" {\n  command = \"echo x >%s/.terraform.d/planted\"\n }\n}' $HIDDEN >main.tf && \
         terraform apply -auto-approve; test -e $HIDDEN/.terraform.d/planted",
    ),
    ("a library for TLS", "psql \"host=127.0.0.1 sslkey=$PWD/evil.so:k\" -c 'select 1'; [ $? != 75 ]"),
];

/// What only root can do outside, so that only root's session is asked.
const AS_ROOT: [&str; 2] = ["a file of the system", "the password hashes"];

/// Runs a script of the workspace, in a session or only guarded.
fn run_in(place: &Place, prefix: &str, script: &str, session: bool) -> Ran {
    let start = if session { "exec \"$SPRAG\" run -- bash script.sh" } else { "bash script.sh" };
    start_in(place, prefix, script, start)
}

fn start_in(place: &Place, prefix: &str, script: &str, start: &str) -> Ran {
    place.write("work/script.sh", script);
    place.run(&format!("{prefix} && export STARTER=$$ && {start}"))
}

/// A script that tries every one of these ways, and tells of each whether it got through.
fn trying(attacks: &[&(&str, &str)]) -> String {
    let mut script = String::new();
    for (name, attack) in attacks {
        let quoted = attack.replace('\'', "'\\''");
        writeln!(script, "(timeout 20 bash -c '{quoted}') >/dev/null 2>&1; echo \"$? {name}\"").unwrap();
    }
    script
}

/// The ways of those tried that got through, or that did not.
fn tried(ran: &Ran, through: bool) -> Vec<String> {
    let line = |l: &str| {
        let (code, name) = l.split_once(' ')?;
        Some((code.parse::<u8>().ok()? == 0, name.to_owned()))
    };
    ran.stdout.lines().filter_map(line).filter(|(is_open, _)| *is_open == through).map(|(_, name)| name).collect()
}

fn attacks() -> Vec<&'static (&'static str, &'static str)> {
    let is_root = nix::unistd::getuid().is_root();
    ATTACKS.iter().filter(|(name, _)| is_root || !AS_ROOT.contains(name)).collect()
}

#[test]
fn no_way_out_of_a_session_is_open() {
    for tool in ["terraform", "psql", "git", "python3"] {
        need(tool);
    }
    let attacks = attacks();
    let script = trying(&attacks);
    let outside = run_in(&Place::new(), HOME, &script, false);
    let inside = run_in(&Place::new(), HOME, &script, true);
    assert_eq!(tried(&inside, true), Vec::<String>::new(), "these got through");
    assert_eq!(tried(&inside, false).len(), attacks.len(), "{inside:?}");
    // An attack that fails outside too shows nothing.
    assert_eq!(tried(&outside, false), Vec::<String>::new(), "these fail without a session");
    assert_eq!(tried(&outside, true).len(), attacks.len(), "{outside:?}");
}

#[test]
fn what_is_answered_does_no_more_than_the_session_could() {
    for tool in ["terraform", "psql", "sqlite3"] {
        need(tool);
    }
    let attacks: Vec<&(&str, &str)> = DEPUTIES.iter().collect();
    let script = trying(&attacks);
    let inside = run_in(&Place::new(), HOME, &script, true);
    assert_eq!(tried(&inside, true), Vec::<String>::new(), "these got through: {inside:?}");
    assert_eq!(tried(&inside, false).len(), attacks.len(), "{inside:?}");
    // The last one is refused outside too, since there is no session that it would need to lead out of.
    let outside = run_in(&Place::new(), HOME, &script, false);
    assert_eq!(tried(&outside, false), ["a library for TLS"], "{outside:?}");
}

#[test]
fn each_layer_closes_what_it_is_there_for() {
    let attacks = attacks();
    let script = trying(&attacks);
    let without = binary().parent().unwrap().join("examples/without");
    let open = |layers: &str| {
        let place = Place::new();
        place.policy("version = 1\n[confine]\nrequire = []\ndegraded = true\n");
        let start = format!("exec {} {layers} \"$SPRAG\" run -- bash script.sh", without.display());
        let ran = start_in(&place, HOME, &script, &start);
        assert_eq!(tried(&ran, true).len() + tried(&ran, false).len(), attacks.len(), "{ran:?}");
        tried(&ran, true)
    };
    // The first two are closed by the environment and by capabilities, the others by capabilities and the filter.
    let others = [
        "a key in a variable",
        "a variable of the starter",
        "the limits of who started it",
        "a name space",
        "a mount",
        "another root",
    ];
    let by_landlock: Vec<&str> = attacks.iter().map(|(name, _)| *name).filter(|name| !others.contains(name)).collect();
    assert_eq!(open("landlock"), by_landlock);
    assert_eq!(open("seccomp"), ["the limits of who started it", "a name space"]);
}

/// Ways to UNIX sockets that lead out of the session.
const SOCKETS: &[(&str, &str)] = &[
    ("a stream", "s = socket.socket(socket.AF_UNIX); s.connect(D + 'docker.sock'); assert s.recv(9) == b'hello'"),
    ("a datagram", "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', D + 'notify')"),
    ("from a pair", "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', D + 'notify')"),
    ("in packets", "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(D + 'packets')"),
];

#[test]
fn no_unix_socket_leads_out_of_a_session() {
    for tool in ["terraform", "python3"] {
        need(tool);
    }
    let serve = "import os, socket\n\
         D = os.path.expanduser('~/.docker/run/')\nos.makedirs(D)\n\
         l = socket.socket(socket.AF_UNIX); l.bind(D + 'docker.sock'); l.listen(9)\n\
         d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind(D + 'notify')\n\
         p = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); p.bind(D + 'packets'); p.listen(9)\n\
         print('ready', flush=True)\n\
         while True: l.accept()[0].send(b'hello')\n";
    let attack = |code: &str| format!("python3 -c \"import os, socket; D = os.path.expanduser('~/.docker/run/'); {code}\"");
    let attacks: Vec<(&str, String)> = SOCKETS.iter().map(|(name, code)| (*name, attack(code))).collect();
    let attacks: Vec<(&str, &str)> = attacks.iter().map(|(name, attack)| (*name, attack.as_str())).collect();
    let script = trying(&attacks.iter().collect::<Vec<_>>())
        + "terraform version | grep -c '^Terraform v'; \
         python3 -c 'import subprocess; print(subprocess.run([\"terraform\", \"version\"]).returncode)'\n";
    let with = |policy: &str, session: bool| {
        let place = Place::new();
        place.policy(&format!("version = 1\n{policy}"));
        place.write("work/serve.py", serve);
        let prefix = format!("{HOME} && exec 3< <(exec python3 serve.py) && read -u 3 ready && [ $ready = ready ]");
        let start = if session { "\"$SPRAG\" run -- bash script.sh" } else { "bash script.sh" };
        start_in(&place, &prefix, &script, &format!("{{ {start}; c=$?; kill $!; exit $c; }}"))
    };
    let (outside, allowed) = (with("", false), with("[session]\nunix-sockets = \"allow\"\n", true));
    assert_eq!((tried(&outside, true).len(), tried(&allowed, true).len()), (4, 4), "{outside:?} {allowed:?}");
    for policy in ["", "[session]\nunix-sockets = \"deny\"\n"] {
        let inside = with(policy, true);
        assert_eq!(tried(&inside, false).len(), 4, "{inside:?}");
        // The calls of tools come by the one way that is left, from a program too that closes what it inherited.
        assert!(inside.stdout.contains("\n1\nTerraform v") && inside.stdout.ends_with("\n0\n"), "{inside:?}");
        assert!(inside.stderr.contains("the session has no UNIX sockets: `/"), "{inside:?}");
    }
}

#[test]
fn the_policy_says_what_a_session_has() {
    let place = Place::new();
    place.policy(
        "version = 1\n[session]\nread = [\"$HOME/.netrc\"]\nwrite = [\"$HOME/notes\"]\nhide = [\"$HOME/.claude\"]\n",
    );
    let prefix = format!("{HOME} && mkdir ~/.claude ~/notes && echo n >~/.netrc && echo c >~/.claude/c");
    let script = "cat ~/.netrc; echo w >~/notes/w && cat ~/notes/w; cat ~/.claude/c || echo hidden\n";
    assert_eq!(run_in(&place, &prefix, script, true).stdout, "n\nw\nhidden\n");
    // What the guarded side could write can only take away.
    let place = Place::new();
    place.write("work/sprag.toml", "version = 1\n[session]\nhide = [\"$HOME/.claude\"]\nunix-sockets = \"deny\"\n");
    let ran = run_in(&place, &prefix, script, true);
    assert_eq!(ran.stdout, "hidden\n", "{ran:?}");
    place.write("work/sprag.toml", "version = 1\n[session]\nread = [\"$HOME/.netrc\"]\n");
    let ran = run_in(&place, &prefix, script, true);
    assert!(
        ran.code == 78 && ran.stderr.contains("sprag.toml:2:1: `[session]` belongs in /etc/sprag/policy.toml"),
        "{ran:?}"
    );
}

#[test]
fn what_is_answered_stays_within_the_session() {
    for tool in ["terraform", "git", "python3", "kubectl"] {
        need(tool);
    }
    let place = Place::new();
    place.write("work/main.tf", "resource \"terraform_data\" \"a\" {\n  input = \"a\"\n}\n");
    place.write("work/evil/terraform", "#!/bin/sh\necho evil\n");
    let ran = run_in(
        &place,
        HOME,
        "bin=${PATH%%:*}; chmod +x evil/terraform\n\
         run() { echo \"== $1\"; shift; \"$@\" 2>&1; echo \"code $?\"; }\n\
         run path env PATH=$PWD/evil:/usr/bin:/bin $bin/terraform version\n\
         run operand terraform apply -auto-approve -var-file=$HIDDEN/.aws/credentials\n\
         ln -s $HIDDEN/.aws/credentials vars.tfvars; run link terraform plan -var-file=vars.tfvars; rm vars.tfvars\n\
         ln -s $HIDDEN/.aws/credentials sprag.toml; run policy terraform apply -auto-approve; rm sprag.toml\n\
         ln -s $HIDDEN/.aws/credentials pods.yaml; run manifest kubectl label --local -f pods.yaml a=b -o yaml; rm pods.yaml\n\
         cat >go.py <<'E'\nimport os, subprocess\n\
         os.fchdir(os.open(os.environ['HIDDEN'] + '/.aws', os.O_PATH))\n\
         raise SystemExit(subprocess.call(['terraform', 'version']))\nE\n\
         run folder /usr/bin/python3 go.py\n\
         run forged env SPRAG_SESSION=/nowhere terraform version\n\
         run account env AWS_PROFILE=prod terraform version\n\
         run unrelated env DB_PASSWORD=x terraform version\n\
         run apply terraform apply -auto-approve\n\
         run destroy terraform destroy -auto-approve\n\
         run typed script -qec 'terraform destroy -auto-approve' /dev/null </dev/null\n\
         run approve \"$SPRAG\" approve $(\"$SPRAG\" pending | cut -c1-4)\n\
         run left terraform state list\n\
         run git git --version\n",
        true,
    );
    let part = |name: &str| {
        let rest = ran.stdout.split(&format!("== {name}\n")).nth(1).unwrap_or_else(|| panic!("{name}: {ran:?}"));
        rest.split("\n== ").next().unwrap().to_owned()
    };
    assert!(part("path").contains("Terraform v") && !part("path").contains("evil"), "{}", part("path"));
    for outside in ["operand", "link", "folder"] {
        let said = part(outside);
        assert!(said.contains("is nothing that this session has") && said.contains("code 77"), "{outside}: {said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    // What sprag itself reads to judge a call is held against the session too.
    assert!(part("policy").contains("it is nothing that this session has"), "{}", part("policy"));
    assert!(!part("manifest").contains("code 0"), "{}", part("manifest"));
    assert!(!ran.stdout.contains("s3cr3t"), "{ran:?}");
    for passes in ["forged", "unrelated"] {
        assert!(part(passes).contains("Terraform v"), "{}", part(passes));
    }
    let account = part("account");
    assert!(account.contains("`AWS_PROFILE` is not taken from a session") && account.contains("code 77"), "{account}");
    assert!(part("apply").contains("code 0"), "{}", part("apply"));
    for held in ["destroy", "typed"] {
        let said = part(held);
        assert!(said.contains("code 75") && said.contains("to ask:") && !said.contains("type the name"), "{held}: {said}");
    }
    assert!(!part("approve").contains("code 0"), "{}", part("approve"));
    assert!(part("left").contains("terraform_data.a"), "{}", part("left"));
    let log = place.sprag(&["log"]);
    for told in ["session  `bash script.sh` in ", "`git --version`", "handed   to the session that called it"] {
        assert!(log.stdout.contains(told), "{told}: {log:?}");
    }
    let kinds: Vec<String> = place.record().iter().map(|l| l["kind"].as_str().unwrap().to_owned()).collect();
    for kind in ["session", "refusal", "barred"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind}: {kinds:?}");
    }
}

/// Ordinary work: each must print and leave the same inside as outside.
const WORK: &[(&str, &str)] = &[
    ("a program", "printf 'int main(){return 42;}' >a.c && cc a.c -o a && ./a; echo $?"),
    ("make", "printf 'all:\\n\\techo made\\n' >Makefile && make -s"),
    (
        "python",
        "python3 -c 'import json, subprocess; print(json.dumps(1), subprocess.call([\"terraform\", \"version\", \"-json\"], stdout=subprocess.DEVNULL))'",
    ),
    ("a pseudo-terminal", "script -qec 'tty >/dev/null && echo on a terminal' /dev/null </dev/null"),
    (
        "files",
        "mkdir -p d/e && echo x >d/e/f && mv d/e/f d/g && sed -i s/x/y/ d/g && cat d/g && rm -rf d && ls -d d 2>&1 | wc -l",
    ),
    ("a temporary file", "t=$(mktemp) && echo t >$t && cat $t && rm $t"),
    (
        "git",
        "git init -q --bare remote.git && git init -q r && cd r && git config user.name n && git config user.email e && \
        printf '#!/bin/sh\\necho hook\\n' >.git/hooks/pre-commit && chmod +x .git/hooks/pre-commit && echo a >a && git add a && \
        git commit -qm one 2>&1 && git push -q ../remote.git HEAD:main && git log --format=%s && git -C ../remote.git log --format=%s main",
    ),
    ("git that asks", "cd r && echo b >a && git reset --hard 2>&1 | grep -c 'to ask'; cat a"),
    (
        "terraform",
        "terraform init >/dev/null && terraform apply -auto-approve | grep -c 'psql (PostgreSQL)'; terraform output -raw it",
    ),
    ("terraform destroy", "terraform destroy -auto-approve >/dev/null 2>&1; echo $?; terraform state list"),
    ("psql by a socket", "psql -XAtc 'select count(*) from t'"),
    ("psql by TCP", "psql -XAt -h 127.0.0.1 -c 'select count(*) from t'"),
    ("psql from a pipe", "echo 'insert into t values (4); select count(*) from t' | psql -XAtq"),
    ("psql from a file", "echo 'delete from t where i = 4' >q.sql && psql -XAt -f q.sql"),
    ("psql that asks", "psql -XAtc 'drop table t' 2>/dev/null; echo $?; psql -XAtc 'select count(*) from t'"),
    ("psql that fails", "psql -XAtc 'select * from missing' 2>&1; echo $?"),
    ("sqlite", "sqlite3 x.db 'create table t (i); insert into t values (1); select * from t'"),
    ("many at once", "(for i in $(seq 200); do sqlite3 :memory: \"select $i\" & done; wait) | sort -n | uniq | wc -l"),
    (
        "from a folder above",
        "cd / && sqlite3 :memory: 'select 3' && cd /usr && find . -maxdepth 0 && git --version >/dev/null",
    ),
    (
        "mysql without a server",
        "mysql --no-defaults -h 127.0.0.1 -P 1 -e 'select 1' 2>&1 | grep -c ERROR; mysql -h 127.0.0.1 -P 1 -e 'select 1' 2>&1 | grep -c ERROR",
    ),
    ("aws with what it is set up by", "aws s3 ls"),
    (
        "what git is set up by",
        "git config --global --get user.name; git -C r config core.excludesFile; git -C r status --short",
    ),
    ("a login shell", "bash -lc 'echo $((6 * 7))' 2>/dev/null"),
    ("a login shell that sets PATH", "bash -lc 'sqlite3 :memory: \"select 1\"' 2>/dev/null"),
    ("zsh", "zsh -c 'sqlite3 :memory: \"select 2\"'; zsh -lc 'sqlite3 :memory: \"select 3\"'"),
    ("start-up files of the user", "bash -c 'echo $MINE'"),
    ("a signal", "(terraform console <&- >/dev/null 2>&1; echo $?) & sleep 0; wait; bash -c 'kill -TERM $$'; echo $?"),
];

#[test]
fn work_in_a_session_is_as_outside() {
    for tool in ["terraform", "git", "python3", "psql", "sqlite3", "mysql", "cc", "make", "script", "zsh"] {
        need(tool);
    }
    let ended = [None, Some("allow"), Some("deny")].map(|unix| {
        let (place, postgres) = (Place::new(), Postgres::start());
        if let Some(unix) = unix {
            place.policy(&format!("version = 1\n[session]\nunix-sockets = \"{unix}\"\n"));
        }
        postgres.script("postgres", "create table t (i int);\ninsert into t values (1), (2), (3);\n");
        place.write(
            "work/main.tf",
            "resource \"terraform_data\" \"a\" {\n  input = \"made\"\n  provisioner \"local-exec\" { command = \"psql --version\" }\n}\n\
             output \"it\" { value = terraform_data.a.output }\n",
        );
        let mut script = String::new();
        for (name, work) in WORK {
            let quoted = work.replace('\'', "'\\''");
            writeln!(script, "echo '== {name}'; (timeout 60 bash -c '{quoted}') 2>&1; echo \"code $?\"").unwrap();
        }
        writeln!(script, "exit 7").unwrap();
        let mut exports: Vec<String> = postgres.environment().iter().map(|(n, v)| format!("export {n}='{v}'")).collect();
        exports.push("echo MINE=mine >env.sh && export BASH_ENV=$PWD/env.sh".to_owned());
        // An aws that shows by what it is set up: the real one is a program of some home, perhaps of this one.
        place.write("bin/aws", "#!/bin/sh\nread -r line <~/.aws/config && echo \"$line\"\n");
        exports.push("chmod +x ../bin/aws && export PATH=${PATH%%:*}:$(realpath ../bin):${PATH#*:}".to_owned());
        // A home with what tools are set up by.
        exports.push(
            "state=$(mktemp -d) && mount --bind ~/.local/state/sprag $state && mount -t tmpfs none ~ && \
             mkdir -p ~/.local/state/sprag ~/.aws && mount --bind $state ~/.local/state/sprag && echo '.mode list' >~/.sqliterc && \
             echo '\\pset null -' >~/.psqlrc && printf '[client]\\nuser=root\\n' >~/.my.cnf && printf '[default]\\nregion=x\\n' >~/.aws/config && \
             printf '[include]\\npath = ~/.gitmore\\n[core]\\nexcludesFile = ~/.gitignored\\n' >~/.gitconfig && \
             printf '[user]\\nname = more\\n' >~/.gitmore && echo '*.swp' >~/.gitignored"
                .to_owned(),
        );
        let ran = run_in(&place, &exports.join(" && "), &script, unix.is_some());
        assert_eq!(ran.code, 7, "{ran:?}");
        assert_eq!(place.sprag(&["log", "verify"]).code, 0);
        ran.stdout
    });
    let parts = |text: &str| text.split("== ").map(str::to_owned).collect::<Vec<_>>();
    let outside = parts(&ended[0]);
    assert_eq!(outside.len(), WORK.len() + 1);
    for ended in &ended[1..] {
        for (outside, inside) in outside.iter().zip(&parts(ended)) {
            assert_eq!(inside, outside);
        }
    }
    let failed: Vec<&String> = outside.iter().skip(1).filter(|part| !part.trim_end().ends_with("code 0")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_push_by_ssh_has_the_key_that_the_session_has_not() {
    for tool in ["git", "ssh"] {
        need(tool);
    }
    let sshd = Sshd::start();
    let script = "git init -q r && cd r && git config user.name n && git config user.email e && echo a >a && git add a && \
         git commit -qm one && git remote add origin box:$(realpath ../../remote.git) && git push -q origin HEAD:main; echo pushed $?\n\
         git fetch -q && git ls-remote origin | cut -f2; cat ~/.ssh/id_ed25519 >/dev/null 2>&1; echo key $?\n\
         ssh -F ./none box true 2>/dev/null; echo file $?; ssh -o ProxyCommand='cat /etc/passwd' box true 2>/dev/null; echo proxy $?\n\
         git push -q --force origin HEAD~0:refs/heads/other :main 2>/dev/null; echo forced $?; ssh box id -u 2>/dev/null; echo there $?\n\
         git init -q --bare ../own.git && git push -q box:$(realpath ../own.git) HEAD:main 2>&1 | grep -c 'its hooks would run outside'\n\
         printf 'id -u >&2\\n' >git-upload-pack; ssh box $PWD/git-upload-pack x 2>/dev/null; echo path $?\n\
         ssh box \"GIT_TRACE=$PWD/trace git-upload-pack '$(realpath ../../remote.git)'\" </dev/null >/dev/null 2>&1; test -e trace; echo traced $?\n";
    let told = [false, true].map(|session| {
        let place = Place::new();
        let prefix = format!("{HOME} && {} && git init -q --bare ../remote.git", sshd.known_at_home());
        run_in(&place, &prefix, script, session).stdout
    });
    let uid = nix::unistd::getuid();
    let rest = "file 75\nproxy 75\nforced 75\n";
    assert_eq!(told[0], format!("pushed 0\nrefs/heads/main\nkey 0\n{rest}{uid}\nthere 0\n0\npath 126\ntraced 0\n"));
    // The other machine may be this one: out of a session only git's own programs are started there.
    assert_eq!(told[1], format!("pushed 0\nrefs/heads/main\nkey 1\n{rest}there 75\n1\npath 75\ntraced 1\n"));
}

/// A cluster's interface that shows one list of pods; where it is stands in a file that a session has not.
const CLUSTER: &str = r#"
import http.server, json, sys
class Cluster(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Cluster)
print(server.server_port, flush=True)
server.serve_forever()
"#;

#[test]
fn kubectl_in_a_session_has_its_configuration() {
    for tool in ["kubectl", "python3"] {
        need(tool);
    }
    let script = "kubectl get --raw /api/v1/namespaces/default/pods; echo read $?\n\
         kubectl delete pod a 2>/dev/null; echo deleted $?; kubectl config view --raw >/dev/null 2>&1; echo revealed $?\n\
         kubectl config set-context other --cluster=c >/dev/null 2>&1; echo written $?; kubectl config get-contexts -o name\n\
         cat ~/.kube/config >/dev/null 2>&1; echo key $?\n";
    let told = [false, true].map(|session| {
        let place = Place::new();
        place.write("work/cluster.py", CLUSTER);
        let prefix = format!(
            "{HOME} && exec 3< <(exec python3 cluster.py) && read -u 3 port && mkdir ~/.kube && \
             kubectl config set-cluster c --server=http://127.0.0.1:$port >/dev/null && \
             kubectl config set-credentials u --token=s3cr3t >/dev/null && \
             kubectl config set-context x --cluster=c --user=u >/dev/null && kubectl config use-context x >/dev/null"
        );
        let start = if session { "\"$SPRAG\" run -- bash script.sh" } else { "bash script.sh" };
        start_in(&place, &prefix, script, &format!("{{ {start}; kill $!; }}")).stdout
    });
    let pods = "{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"items\": [{\"metadata\": {\"name\": \"a\"}}]}";
    let rest = "read 0\ndeleted 75\nrevealed 75\n";
    assert_eq!(told[0].replace("}]}\n", "}]}"), format!("{pods}{rest}written 0\nother\nx\nkey 0\n"));
    // By what it is set up is whoever started the session's to change.
    assert_eq!(told[1].replace("}]}\n", "}]}"), format!("{pods}{rest}written 1\nx\nkey 1\n"));
}

#[test]
fn a_tool_in_a_session_has_the_terminal() {
    need("terraform");
    let place = Place::new();
    place.write("work/main.tf", "resource \"terraform_data\" \"a\" {\n  input = \"a\"\n}\n");
    place.write(
        "work/go.sh",
        "stty size; terraform apply; echo applied $?; stty -a | grep -c ' echo '; terraform console\necho over\n",
    );
    let line = on_a_terminal("\"$SPRAG\" run -- bash go.sh");
    let mut terminal = Terminal::start(place.command(&line, true));
    terminal.until("apply this plan?");
    terminal.until("anything else stops");
    terminal.keys("yes\n");
    let shown = terminal.until("applied 0");
    assert!(shown.contains("Apply complete! Resources: 1 added"), "{shown}");
    // The terminal is as it was.
    terminal.until("1");
    let (status, rest) = terminal.end();
    assert!(status.success() && rest.contains("over"), "{rest}");
}

#[test]
fn a_session_that_is_killed_leaves_no_tool_behind() {
    need("terraform");
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let place = Place::new();
        place.write(
            "work/main.tf",
            "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"echo under way; exec sleep 47113\" }\n}\n",
        );
        let mut command = place.command("exec \"$SPRAG\" run -- bash -c 'terraform apply -auto-approve; :'", true);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ear = Ear::at(child.stdout.take().unwrap());
        ear.until("under way\n");
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        child.wait().unwrap();
        until("all that was started has ended", || processes("sleep 47113").is_empty());
        until("the lock is gone", || !place.path("work/.terraform.tfstate.lock.info").exists());
        // terraform was asked to end, and has said what it knows.
        let state = std::fs::read_to_string(place.path("work/terraform.tfstate")).unwrap_or_default();
        assert!(state.contains("\"terraform_data\""), "{state}");
    }
}
