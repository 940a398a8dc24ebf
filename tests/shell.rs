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
    assert_eq!(targets("(cd prod); terraform destroy"), [dir.path().display().to_string()]);
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
