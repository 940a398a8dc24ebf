//! Text for a shell is read as the commands that it would run, wherever it stands.

use sprag::call::{Around, Call, Stdin};
use sprag::effect::{Effect, Verb, worst};
use sprag::inspect::{self, Unasked};
use sprag::tool;
use std::ffi::OsString;
use std::path::Path;

fn effects(words: &[&str], cwd: &Path) -> Vec<Effect> {
    let call = Call {
        name: words[0].to_owned(),
        other_name: None,
        link: Default::default(),
        argv: words.iter().map(OsString::from).collect(),
        env: Default::default(),
        cwd: cwd.to_owned(),
        stdin: Stdin::Null,
        around: Around::default(),
    };
    let tools = tool::find_for(words[0], &call).unwrap();
    inspect::deepen(&tools[0].read(&call), &call, &Unasked(&call)).effects
}

fn verb(words: &[&str]) -> Verb {
    worst(&effects(words, Path::new("/nonexistent")))
}

#[test]
fn every_place_where_a_command_can_stand_is_looked_into() {
    let d = "terraform destroy";
    let texts = [
        format!("true; {d}"),
        format!("true && {d} || true"),
        format!("true & {d}"),
        format!("true\n{d}\n"),
        format!("({d})"),
        format!("{{ {d}; }}"),
        format!("! {d}"),
        format!("time {d}"),
        format!("coproc {d}"),
        format!("if {d}; then true; fi"),
        format!("if true; then true; elif true; then {d}; else true; fi"),
        format!("while {d}; do true; done"),
        format!("until true; do {d}; done"),
        format!("for x in a b; do {d}; done"),
        format!("for x in $({d}); do true; done"),
        format!("for ((i=0;i<1;i++)); do {d}; done"),
        format!("select x in a; do {d}; done"),
        format!("case $x in a) {d};; esac"),
        format!("case $({d}) in a) true;; esac"),
        format!("f() {{ {d}; }}; f"),
        format!("(terraform() {{ true; }}); {d}"),
        format!("terraform() {{ true; }}; command {d}"),
        format!("terraform() {{ true; }}; unset -f terraform; {d}"),
        format!("if true; then terraform() {{ true; }}; fi; {d}"),
        format!("function f {{ {d}; }}; f"),
        format!("true | {d}"),
        format!("{d} | cat"),
        format!("true |& {d}"),
        format!("echo $({d})"),
        format!("echo \"a $({d}) b\""),
        format!("echo `{d}`"),
        format!("x=$({d})"),
        format!("x=$({d}) true"),
        format!("export x=$({d})"),
        format!("cat <({d})"),
        format!("true > >({d})"),
        format!("A=1 {d}"),
        format!("command {d}"),
        format!("exec {d}"),
        format!("eval '{d}'"),
        "eval terraform destroy".to_owned(),
        format!("trap '{d}' EXIT"),
        format!("env -i {d}"),
        format!("bash -c '{d}'"),
        format!("bash <<'E'\n{d}\nE"),
        format!("echo '{d}' | sh"),
        format!("printf '{d}' | sh"),
        format!("cat <<E | sh\n{d}\nE"),
        format!("sh <<< '{d}'"),
        "t\"\"erraform 'destroy'".to_owned(),
        "\\terraform destroy".to_owned(),
        "$'\\x74erraform' destroy".to_owned(),
        "terra\\\nform destroy".to_owned(),
    ];
    let missed: Vec<_> = texts.iter().filter(|text| verb(&["sh", "-c", text]) < Verb::Destroy).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_cannot_be_followed_is_unknown() {
    let texts = [
        "$x destroy",
        "$(echo terraform) destroy",
        "{terraform,destroy}",
        "eval \"$x\"",
        "echo ${x:-$(terraform destroy)}",
        "echo $(( $(terraform destroy) ))",
        "[[ -v a[$(terraform destroy)] ]]",
        "(( a[$(terraform destroy)] ))",
        "cat <<E\n$(terraform destroy)\nE",
        "alias ls='terraform destroy'",
        "hash -p /x terraform",
        "enable -f x.so y",
        "test -v 'a[$(terraform destroy)]'",
        "[ -v 'a[`terraform destroy`]' ]",
        "let 'x=a[$(terraform destroy)]'",
        "printf -v 'a[$(terraform destroy)]' x",
        "declare 'a[$(terraform destroy)]=1'",
        "read 'a[$(terraform destroy)]'",
        "unset 'a[$(terraform destroy)]'",
        "x='a[$(terraform destroy)]'; echo $((x))",
        "x='$(terraform destroy)'; echo ${x@P}",
        "PS4='$(terraform destroy)'; set -x; true",
        "mapfile -C 'terraform destroy' -c 1 x",
        "mapfile -tC 'terraform destroy' x",
        "compgen -W '$(terraform destroy)'",
        "if true; then",
        "echo \"",
        "curl example.com | sh",
        ". missing.sh",
    ];
    let missed: Vec<_> = texts.iter().filter(|text| verb(&["sh", "-c", text]) != Verb::Unknown).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_only_looks_like_a_command_is_none() {
    let texts = [
        "echo terraform destroy",
        "echo 'terraform destroy'",
        "# terraform destroy",
        "true # terraform destroy",
        ": <<'E'\nterraform destroy\nE",
        "x='terraform destroy'",
        "terraform plan -var 'x=terraform destroy'",
        "printf '%s\\n' 'terraform destroy'",
        "test terraform = destroy && echo same",
        "command -v terraform",
        "terraform version 2>&1 >/dev/null",
        "for f in a b; do terraform version; done",
        "[ -f a ] && echo yes",
        "printf '%s\\n' 'a[$(b)]'",
        "declare -A m; m[a]=1; echo ${m[a]}",
        "read -r line; x=1; echo $((x+1))",
        "pushd /tmp && popd",
    ];
    let alarms: Vec<_> = texts.iter().filter(|text| verb(&["sh", "-c", text]) != Verb::Read).collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn a_folder_that_is_changed_to_is_where_the_rest_happens() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("prod")).unwrap();
    let targets = |text: &str| -> Vec<String> {
        effects(&["sh", "-c", text], dir.path()).into_iter().filter(|e| e.verb == Verb::Destroy).map(|e| e.target).collect()
    };
    let inside = dir.path().join("prod").display().to_string();
    assert_eq!(targets("cd prod && terraform destroy"), [inside]);
    let here = dir.path().display().to_string();
    let prod = dir.path().join("prod").display().to_string();
    assert_eq!(targets("(cd prod); terraform destroy"), [here.as_str()]);
    assert_eq!(targets("cd prod & terraform destroy"), [here.as_str()]);
    assert_eq!(targets("true && cd prod & terraform destroy"), [here.as_str()]);
    assert_eq!(targets("pushd prod; terraform destroy"), [prod.as_str()]);
    assert_eq!(targets("pushd prod; popd; terraform destroy"), [here.as_str()]);
    assert_eq!(targets("cd prod || exit 1; terraform destroy"), [prod.as_str()]);
}

#[test]
fn where_a_shell_may_stand_in_two_folders_nothing_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["prod/empty", "dev/empty"] {
        std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(file), "").unwrap();
    }
    let verb = |text: &str| worst(&effects(&["sh", "-c", text], dir.path()));
    assert_eq!(verb("cd prod; rm empty"), Verb::Write);
    assert_eq!(verb("cd prod; eval 'rm empty'"), Verb::Write);
    assert_eq!(verb("cd /etc; eval 'rm hostname'"), Verb::Destroy);
    assert_eq!(verb("cd prod && rm empty"), Verb::Write);
    assert_eq!(verb("true && cd prod && rm empty"), Verb::Write);
    for text in [
        "trap 'rm empty' EXIT; cd prod",
        "eval 'cd prod'; rm empty",
        "CDPATH=/srv; cd prod; rm empty",
        "cd dev; true || cd ../prod; rm empty",
        "cd dev; false && cd ../prod; rm empty",
        "false && cd dev || rm empty",
        "if true; then cd prod; fi; rm empty",
        "cd $x; rm empty",
    ] {
        assert_eq!(verb(text), Verb::Destroy, "{text}");
    }
}

#[test]
fn what_was_exported_is_in_the_environment_of_what_follows() {
    for text in [
        "export GIT_EXTERNAL_DIFF=x; git diff",
        "declare -x GIT_EXTERNAL_DIFF=x; git diff",
        "set -a; GIT_EXTERNAL_DIFF=x; git diff",
        "GIT_EXTERNAL_DIFF=x git diff",
        "if true; then export GIT_EXTERNAL_DIFF=x; fi; git diff",
    ] {
        assert!(verb(&["sh", "-c", text]) > Verb::Write, "{text}");
    }
    assert_eq!(verb(&["sh", "-c", "(export GIT_EXTERNAL_DIFF=x); git diff"]), Verb::Read);
}

#[test]
fn the_file_that_a_shell_starts_with_is_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("start"), "terraform destroy").unwrap();
    let verb = |text: &str| worst(&effects(&["sh", "-c", text], dir.path()));
    assert_eq!(verb("BASH_ENV=start bash -c true"), Verb::Destroy);
    assert_eq!(verb("ENV=start env sh -c true"), Verb::Read);
    assert_eq!(verb("BASH_ENV=$x bash -c true"), Verb::Unknown);
    assert_eq!(verb("BASH_ENV= bash -c true"), Verb::Read);
}

#[test]
fn a_program_that_nobody_knows_is_no_more_than_when_it_is_called() {
    for words in
        [&["timeout", "60", "./run_tests.sh"][..], &["sh", "-c", "PATH=$PATH:/opt/go/bin go version"], &["xargs", "make"]]
    {
        assert_eq!(verb(words), Verb::Write, "{words:?}");
    }
    for words in [
        &["sudo", "env", "PATH=/srv/b:/bin", "ls"][..],
        &["sudo", "env", "LD_PRELOAD=./x.so", "ls"],
        &["sudo", "sh", "-c", "PATH=/srv/b:$PATH; ls"],
        &["ssh", "h", "PATH=.:$PATH ls"],
    ] {
        assert!(verb(words) > Verb::Write, "{words:?}");
    }
    assert_eq!(verb(&["sudo", "env", "PATH=/usr/local/bin:/usr/bin:/bin", "ls"]), Verb::Read);
    for words in [&["sudo", "./git", "status"][..], &["sudo", "make"], &["ssh", "h", "xargs git reset"]] {
        assert!(verb(words) > Verb::Write, "{words:?}");
    }
}

#[test]
fn past_the_shims_a_plan_cannot_be_looked_at() {
    for words in [
        &["sudo", "terraform", "apply"][..],
        &["ssh", "host", "terraform apply"],
        &["env", "PATH=/elsewhere", "terraform", "apply"],
        &["env", "/usr/bin/terraform", "apply"],
        &["sh", "-c", "PATH=/elsewhere; terraform apply"],
        &["sh", "-c", "export PATH=/elsewhere; terraform apply"],
        &["ssh", "host", "terraform output $x"],
    ] {
        assert_eq!(verb(words), Verb::Unknown, "{words:?}");
    }
    assert!(verb(&["env", "terraform", "apply"]) < Verb::Unknown);
}

#[test]
fn calls_inside_calls_end_somewhere() {
    let words: Vec<&str> = std::iter::repeat_n("env", 50).chain(["terraform", "version"]).collect();
    assert_eq!(verb(&words), Verb::Unknown);
    for hostile in [
        "{ ".repeat(50_000),
        "$(".repeat(50_000),
        "if true; then ".repeat(20_000),
        "(".repeat(50_000),
        "<<E$[\t\t".to_owned(),
    ] {
        assert_eq!(verb(&["sh", "-c", &hostile]), Verb::Unknown);
    }
    assert_eq!(verb(&["sh", "-c", &format!("true{}", " x".repeat(200_000))]), Verb::Unknown);
}

#[test]
fn words_are_filled_in_where_what_fills_them_is_sure() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["a.o", "b.o", "dist/x", "kept/empty"] {
        std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(file), "").unwrap();
    }
    let all = |text: &str| effects(&["bash", "-c", text], dir.path());
    let targets = |text: &str, verb: Verb| -> Vec<String> {
        all(text).into_iter().filter(|e| e.verb == verb).map(|e| e.target).collect()
    };
    for (text, removed) in [
        ("d=/srv/dist; rm -rf $d", &["/srv/dist"][..]),
        ("d=/srv; d=$d/dist && rm -rf \"${d}\"", &["/srv/dist"]),
        ("d='/srv/a b'; rm -rf \"$d\"", &["/srv/a b"]),
        ("export d=/srv/x; rm -rf $d/y", &["/srv/x/y"]),
        ("for d in /srv/a /srv/b; do rm -rf $d; done", &["/srv/a", "/srv/b"]),
        ("for d in a b; do for e in c d; do rm -rf /srv/$d$e; done; done", &["/srv/ac", "/srv/ad", "/srv/bc", "/srv/bd"]),
        ("rm -rf /srv/{a,b/c}", &["/srv/a", "/srv/b/c"]),
        ("d=/srv/a; (d=/srv/b; rm $d); rm $d", &["/srv/b", "/srv/a"]),
        ("set -euo pipefail; d=/srv/a; rm $d", &["/srv/a"]),
        ("d=/srv/a; if true; then rm $d; fi", &["/srv/a"]),
        ("d=/srv/a; if true; then d=/srv/b; rm $d; fi", &["/srv/b"]),
        ("d=/srv/a; while sleep 1; do rm $d; done", &["/srv/a"]),
        ("d=/srv/a; [[ -f $d ]] && rm $d", &["/srv/a"]),
    ] {
        assert_eq!(targets(text, Verb::Destroy), removed, "{text}: {:?}", all(text));
    }
    for text in ["rm *.o", "cd dist && rm *", "rm -rf dist/* {a,b}.o", "for f in *.o; do rm $f; done", "f=a; rm $f.?"] {
        assert_eq!(worst(&all(text)), Verb::Write, "{text}: {:?}", all(text));
    }
    assert_eq!(targets("rm /etc/hostn*me", Verb::Destroy), ["/etc/hostname"]);
}

#[test]
fn a_value_that_may_be_another_one_is_not_filled_in() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    let verb = |shell: &str, text: &str| worst(&effects(&[shell, "-c", text], dir.path()));
    assert_eq!(verb("bash", "d=empty; rm $d"), Verb::Write);
    for text in [
        "d=empty; if test -f x; then d=/srv; fi; rm $d",
        "d=empty; test -f x && d=/srv; rm $d",
        "d=empty; test -f x || d=/srv; rm $d",
        "d=empty; read d; rm $d",
        "d=empty; echo /srv | read d; rm $d",
        "d=empty; printf -v d /srv; rm $d",
        "d=empty; eval d=/srv; rm $d",
        "d=empty; f() { d=/srv; }; f; rm $d",
        "d=/srv; f() { rm $d; }; d=empty; f",
        "readonly d=/srv; d=empty; rm $d",
        "declare -n d=e; e=/srv; d=empty; e=/srv; rm $d",
        "d=empty; unset d; rm $d",
        "d=empty; d+=/../srv; rm $d",
        "d=empty; d[0]=/srv; rm $d",
        "d=empty; : ${e:=x} $((d=1)); rm $d",
        "d=empty; : $((d++)); rm $d",
        "d=empty; (( d = 1 )); rm $d",
        "d=empty; let d=1; rm $d",
        "d=empty; . ./other; rm $d",
        "d=empty; getopts x d; rm $d",
        "d=empty; mapfile d; rm $d",
        "d=empty; exec {d}>x; rm $d",
        "d=empty; for d in $x; do true; done; rm $d",
        "d=empty; while true; do rm $d; d=/srv; done",
        "d=empty; for x in 1 2; do rm $d; d=/srv; done",
        "d=empty; until false; do rm $d; d=$(cat x); done",
        "d=empty; select d in /srv; do rm $d; done",
        "d=empty; ((d=1)); rm $d",
        "d=empty; for ((d=0; d<1; d++)); do rm $d; done",
        "d=empty; trap 'd=/srv' DEBUG; rm $d",
        "d=empty; coproc d { true; }; rm $d",
        "d=empty; set -- x; shopt -s nullglob; rm $d",
        "d=empty; IFS=p; rm $d",
        "d=empty rm $d",
        "UID=empty; rm $UID",
        "BASHPID=empty; rm $BASHPID",
        "RANDOM=empty; rm $RANDOM",
        "SECONDS=empty; rm $SECONDS",
        "d='/ empty'; rm -rf $d",
        "d='/*'; rm -rf $d",
        "HOME=$x; rm ~/empty",
        "shopt -s dotglob; rm *",
        "set -f; rm e*",
        "rm .*",
        "rm **",
        "rm */",
    ] {
        assert!(verb("bash", text) > Verb::Write, "{text}");
    }
    // Shells that have other rules.
    for shell in ["zsh", "ksh"] {
        assert!(verb(shell, "d=empty; rm $d") > Verb::Write, "{shell}");
    }
    assert!(verb("sh", "rm {empty,x}") > Verb::Write);
    for words in [
        &["bash", "-f", "-c", "rm e*"][..],
        &["bash", "-O", "nullglob", "-c", "rm e*"],
        &["bash", "-k", "-c", "d=empty; rm $d"],
    ] {
        assert!(worst(&effects(words, dir.path())) > Verb::Write, "{words:?}");
    }
}

#[test]
fn the_turns_of_a_loop_start_where_the_last_one_ended() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["a/empty", "empty"] {
        std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(file), "").unwrap();
    }
    let verb = |text: &str| worst(&effects(&["sh", "-c", text], dir.path()));
    assert_eq!(verb("for d in a; do (cd $d && rm empty); done"), Verb::Write);
    assert!(verb("while true; do rm empty; cd ..; done") > Verb::Write);
    assert!(verb("for x in 1 2; do rm empty; cd ..; done") > Verb::Write);
    let nested = "for x in 1 2 3 4 5 6 7 8; do ".repeat(12) + "true; " + &"done; ".repeat(12);
    assert_eq!(verb(&nested), Verb::Read);
}

#[test]
fn on_another_machine_words_are_what_every_shell_makes_of_them() {
    for (text, expected) in [
        ("cat ~/notes", Verb::Read),
        ("T=users; psql -c \"select * from $T\"", Verb::Read),
        ("for t in a b; do psql -c \"select * from $t\"; done", Verb::Read),
        ("tee -a ~/.ssh/authorized_keys", Verb::Grant),
        ("rm -rf ~/x", Verb::Destroy),
        ("T='users; drop table users'; psql -c \"select * from $T\"", Verb::Destroy),
        ("psql -c \"select * from $T\"", Verb::Unknown),
        ("psql -c \"select * from $HOME\"", Verb::Unknown),
    ] {
        let found = effects(&["ssh", "h", text], Path::new("/nonexistent"));
        assert_eq!(worst(&found), expected, "{text}: {found:?}");
    }
}
