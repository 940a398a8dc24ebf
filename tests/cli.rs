//! `sprag`'s own commands: the contracts that programs rely on, and what a person sees.

mod fixture;

use fixture::{Place, need};
use serde_json::{Value, json};

/// The answers of `sprag check --batch` to these lines.
fn batch(place: &Place, lines: &[String]) -> Vec<Value> {
    let file = place.write("work/cases.jsonl", &(lines.join("\n") + "\n"));
    let ran = place.run(&format!("\"$SPRAG\" check --batch <'{}'", file.display()));
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn a_batch_answers_every_line_in_order() {
    let place = Place::new();
    let cases = [
        json!({"id": "x", "argv": ["terraform", "destroy"], "env": {}}),
        json!({"id": 2, "argv": ["/usr/local/bin/terraform", "-chdir=destroy", "plan"], "cwd": "/srv"}),
        json!({"argv": ["psql", "-X"], "stdin": "delete from t;"}),
        json!({"id": "e", "argv": ["terraform"], "env": {"TF_CLI_ARGS": "destroy -auto-approve"}}),
        json!({"id": "n", "argv": ["frobnicate"]}),
        json!({"id": "w", "argv": []}),
        json!({"id": "u", "argv": ["aws", "s3", "ls"], "surprise": 1}),
    ];
    let lines: Vec<String> = cases.iter().map(ToString::to_string).chain(["no json".to_owned()]).collect();
    let answers = batch(&place, &lines);
    assert_eq!(answers.len(), lines.len());
    let get = |n: usize, key: &str| answers[n][key].clone();
    assert!(answers.iter().all(|a| a["v"] == 1));
    assert_eq!(answers[0]["id"], "x");
    assert_eq!((get(0, "tool"), get(0, "verb"), get(0, "decision")), (json!("terraform"), json!("destroy"), json!("ask")));
    assert_eq!((get(0, "rule"), get(0, "argv")), (json!("default-destroy"), json!(["terraform", "destroy"])));
    assert!(answers[0]["obligations"].as_array().unwrap().contains(&json!("strip:-auto-approve")), "{}", answers[0]);
    assert!(answers[0]["obligations"].as_array().unwrap().contains(&json!("pin:plan")), "{}", answers[0]);
    assert_eq!(answers[0]["effects"][0]["verb"], "destroy");
    assert_eq!(answers[0]["effects"][0]["evidence"], "argv");
    for key in ["target", "because", "instead"] {
        assert!(answers[0][key].is_string() || answers[0]["effects"][0][key].is_string(), "{key}");
    }
    assert_eq!((get(1, "verb"), get(1, "decision")), (json!("read"), json!("allow")));
    assert_eq!((get(2, "verb"), get(2, "effects")[0]["target"].clone()), (json!("destroy"), json!("t")));
    assert!(answers[2]["obligations"].as_array().unwrap().contains(&json!("screen:stdin")), "{}", answers[2]);
    assert_eq!((get(3, "verb"), get(3, "argv")), (json!("destroy"), json!(["terraform", "destroy"])));
    assert_eq!(answers[3]["effects"][0]["evidence"], "env");
    for answer in &answers[4..8] {
        let got = (&answer["tool"], &answer["verb"], &answer["decision"]);
        assert_eq!(got, (&Value::Null, &json!("unknown"), &json!("ask")), "{answer}");
    }
    assert_eq!(answers[4]["id"], "n");
}

#[test]
fn a_check_starts_nothing_and_says_by_its_code() {
    let place = Place::new();
    place.policy(
        "version = 1\n[[rule]]\nid = \"no-rm\"\ntool = \"aws\"\nverb = \"destroy\"\ndecision = \"deny\"\nbecause = \"b\"\n",
    );
    for (words, code) in [("terraform plan", 0), ("terraform destroy", 75), ("aws s3 rm s3://b/k", 77), ("nosuchtool", 75)] {
        let ran = place.run(&format!("\"$SPRAG\" check -- {words}"));
        assert_eq!(ran.code, code, "{words}: {ran:?}");
        let json = place.run(&format!("\"$SPRAG\" check --json -- {words}"));
        let line: Value = serde_json::from_str(json.stdout.trim()).unwrap();
        assert_eq!((json.code, line["v"].clone()), (code, json!(1)));
    }
    assert_eq!(place.run("\"$SPRAG\" check --jsno -- terraform plan").code, 64);
    assert!(place.record().is_empty(), "a check is no call");
}

#[test]
fn links_are_made_and_nothing_else_is_replaced_or_removed() {
    let place = Place::new();
    let folder = place.path("other");
    let dir = folder.to_str().unwrap();
    let made = place.sprag(&["install", "--dir", dir, "terraform", "psql"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(made.stdout, format!("export PATH={dir}:\"$PATH\"\n"));
    assert!(folder.join("terraform").is_symlink() && folder.join("psql").is_symlink() && !folder.join("aws").exists());
    std::fs::write(folder.join("aws"), "mine").unwrap();
    let kept = place.sprag(&["install", "--dir", dir, "aws"]);
    assert!(kept.code != 0 && kept.stderr.contains("is left as it is"), "{kept:?}");
    assert_eq!(place.sprag(&["install", "--dir", dir, "frobnicate"]).code, 64);
    let kept = place.sprag(&["uninstall", "--dir", dir]);
    assert!(kept.code == 1 && kept.stderr.contains("needs a terminal with a person at it"), "{kept:?}");
    assert!(folder.join("terraform").is_symlink() && folder.join("psql").is_symlink());
}

#[test]
fn the_doctor_says_what_protects_and_what_does_not() {
    need("terraform");
    let place = Place::new();
    let guarded = place.sprag(&["doctor"]);
    assert!(guarded.stdout.contains("ok       terraform: guarded"), "{guarded:?}");
    assert!(guarded.stdout.contains("bash -lc:") && guarded.stdout.contains("landlock: ABI"), "{guarded:?}");
    assert!(guarded.stdout.contains("strength: shim: the links stop mistakes"), "{guarded:?}");
    let bare = place.bare("\"$SPRAG\" doctor");
    assert_eq!(bare.code, 1, "{bare:?}");
    assert!(bare.stdout.contains("problem  terraform: not guarded in this shell"), "{bare:?}");
    let json = place.sprag(&["doctor", "--json"]);
    for line in json.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["v"] == 1 && line["state"].is_string() && line["about"].is_string() && line["text"].is_string());
    }
}

#[test]
fn the_record_shows_any_edit_removal_or_reordering() {
    need("terraform");
    let place = Place::new();
    for _ in 0..4 {
        assert_eq!(place.run("terraform version").code, 0);
    }
    let file = place.path("state/record.jsonl");
    let whole = std::fs::read_to_string(&file).unwrap();
    let verify = || place.sprag(&["log", "verify"]);
    assert_eq!(verify().stdout, "whole: 8 lines\n");
    let lines: Vec<&str> = whole.lines().collect();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    let swapped = [&lines[..2], &[lines[3], lines[2]], &lines[4..]].concat();
    for (what, text) in [
        ("an edit", whole.replacen("terraform", "terraferm", 1)),
        ("a removal", join(&[&lines[..2], &lines[3..]].concat())),
        ("a reordering", join(&swapped)),
        ("the end cut off", join(&lines[..6])),
        ("a line put in", join(&[&lines[..2], &lines[1..]].concat())),
        ("a torn line", whole[..whole.len() - 9].to_owned()),
    ] {
        std::fs::write(&file, text).unwrap();
        let ran = verify();
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(ran.stderr.contains("record.jsonl:"), "{what}: {ran:?}");
    }
    // What was cut off stays missed, however many calls come after.
    std::fs::write(&file, join(&lines[..6])).unwrap();
    assert_eq!(place.run("terraform version").code, 0);
    assert_eq!(verify().code, 1);
    std::fs::write(&file, &whole).unwrap();
}

#[test]
fn a_writer_that_died_in_the_middle_of_a_line_loses_only_that_line() {
    need("terraform");
    let place = Place::new();
    assert_eq!(place.run("terraform version").code, 0);
    let file = place.path("state/record.jsonl");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{whole}{{\"seq\":3,\"prev\":\"torn")).unwrap();
    assert_eq!(place.run("terraform version").code, 0);
    let kinds: Vec<String> = place.record().iter().map(|l| l["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["intent", "outcome", "repair", "intent", "outcome"]);
    assert_eq!(place.sprag(&["log", "verify"]).code, 0);
}

#[test]
fn secrets_are_not_on_record() {
    let place = Place::new();
    place.run("terraform destroy -var db_password=hunter2; aws secretsmanager put-secret-value --secret-id x --secret-string hunter2");
    place.run("psql postgres://app:hunter2@127.0.0.1:1/x -c \"alter role app password 'hunter2'\"");
    let text = std::fs::read_to_string(place.path("state/record.jsonl")).unwrap();
    assert!(text.contains("secretsmanager") && text.contains("db_password") && text.contains("alter role"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_program_gets_one_json_line() {
    let place = Place::new();
    let ran =
        place.run("SPRAG_FORMAT=json aws rds delete-db-instance --db-instance-identifier courses --skip-final-snapshot");
    assert_eq!(ran.code, 75, "{ran:?}");
    let line: Value = serde_json::from_str(ran.stderr.trim()).unwrap();
    assert_eq!((line["v"].clone(), line["decision"].clone(), line["ran"].clone()), (json!(1), json!("ask"), json!(false)));
    assert!(line["request"].is_string() && line["effects"][0]["target"] == "courses", "{line}");
}

#[test]
fn the_policy_is_shown_with_its_places_and_checked_with_its_examples() {
    let place = Place::new();
    place.policy("version = 1\n[default]\nwrite = \"ask\"\n\n[[rule]]\nid = \"mine\"\ndecision = \"deny\"\nverb = \"grant\"\nbecause = \"b\"\n");
    let shown = place.sprag(&["policy", "show"]);
    assert!(shown.stdout.contains("default write = ask") && shown.stdout.contains("rule mine: deny"), "{shown:?}");
    assert!(shown.stdout.contains("/etc/sprag/policy.toml:5"), "{shown:?}");
    assert_eq!(place.sprag(&["policy", "check"]).stdout, "ok\n");
    let built_in = format!("{}/policy.toml", env!("CARGO_MANIFEST_DIR"));
    let checked = place.sprag(&["policy", "check", &built_in]);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, "ok\n"), "{checked:?}");
    let file = place.write("work/p.toml", "version = 1\n[[rule]]\nid = \"r\"\ndecision = \"deny\"\nverb = \"destroy\"\nbecause = \"b\"\nmatch = [\"terraform plan\"]\n");
    let wrong = place.sprag(&["policy", "check", file.to_str().unwrap()]);
    assert_eq!(wrong.code, 78, "{wrong:?}");
    assert!(wrong.stderr.contains("p.toml:7:10: rule `r` does not match this call"), "{wrong:?}");
}

#[test]
fn a_plan_and_sql_are_judged_by_themselves() {
    let place = Place::new();
    let plan = r#"{"format_version":"1.2","resource_changes":[{"address":"aws_vpc.a","change":{"actions":["delete"]}}]}"#;
    place.write("work/plan.json", plan);
    place.write("work/ok.sql", "create table t (id int);\ninsert into t values (1);\n");
    place.write("work/strict.toml", "version = 1\n[default]\nwrite = \"deny\"\n");
    for (words, code, verb) in [
        ("plan plan.json", 75, "destroy"),
        ("plan - <plan.json", 75, "destroy"),
        ("plan ok.sql", 75, "unknown"),
        ("sql --dialect postgres ok.sql", 0, "write"),
        ("sql ok.sql --policy strict.toml", 77, "write"),
        ("sql - <<<'delete from t where id = id'", 75, "destroy"),
        ("sql - <<<'delete from t where id = 1'", 0, "write"),
        ("sql - <<<'select 1'", 0, "read"),
        ("sql - </dev/null", 0, "read"),
        ("sql - <<<'selec 1'", 75, "unknown"),
    ] {
        let ran = place.run(&format!("\"$SPRAG\" inspect {words}"));
        assert_eq!(ran.code, code, "{words}: {ran:?}");
        let line: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
        assert_eq!((line["v"].clone(), line["verb"].clone()), (json!(1), json!(verb)), "{words}: {line}");
        assert!(line["effects"].is_array(), "{words}: {line}");
    }
    let words = place.run("\"$SPRAG\" inspect --text plan plan.json");
    assert!(words.stdout.starts_with("ask: `terraform` would destroy `aws_vpc.a`"), "{words:?}");
    assert_eq!(place.run("\"$SPRAG\" inspect sql --dialect klingon -").code, 64);
}

#[test]
fn a_new_tool_is_one_file_and_its_examples_are_checked() {
    let place = Place::new();
    let test = || place.sprag(&["tool", "test", "frob.toml"]);
    assert_eq!(place.sprag(&["tool", "new", "frob"]).code, 0);
    let ran = test();
    assert_eq!((ran.code, ran.stderr.contains("frob.toml: 5 examples hold")), (0, true), "{ran:?}");
    let file = place.path("work/frob.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // A file that is there is never written over.
    assert_eq!(place.sprag(&["tool", "new", "frob"]).code, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    for (old, new, said) in [
        (
            "run = \"frob frobnicate\"",
            "run = \"frob list\"",
            "frob.toml:62: `frob list` is read as `read`, the example says `unknown`",
        ),
        ("path = [\"list|ls\"]", "path = [\"show\"]", "frob.toml:1: no example is read as the command `show`"),
        ("dialect = \"cobra\"", "dialect = \"cobol\"", "frob.toml:5:11: "),
    ] {
        assert!(text.contains(old), "{old}");
        std::fs::write(&file, text.replacen(old, new, 1)).unwrap();
        let ran = test();
        assert_eq!((ran.code, ran.stderr.contains(said)), (78, true), "{said}\n{}", ran.stderr);
    }
    // In the system's folder it is a tool.
    place.write("etc/shims/frob.toml", &text);
    assert_eq!(place.sprag(&["check", "--", "frob", "delete", "x"]).code, 75);
    assert_eq!(place.sprag(&["check", "--", "frob", "list"]).code, 0);
    let shown = place.sprag(&["tool", "show", "frob"]).stdout;
    assert!(shown.contains("  destroy  delete\n    read     with --dry-run\n"), "{shown}");
    assert!(place.sprag(&["tool", "list"]).stdout.lines().any(|l| l == "terraform"));
    assert_eq!(place.sprag(&["tool", "show", "frobble"]).code, 64);
}

#[test]
fn a_policy_can_let_a_newer_tools_flags_pass() {
    let place = Place::new();
    let check = |words: &[&str]| place.sprag(&[&["check", "--"], words].concat()).code;
    assert_eq!(check(&["terraform", "plan", "-newer"]), 75);
    place.policy(
        "version = 1\n[[rule]]\nid = \"newer-flags\"\nverb = \"unknown\"\ntarget = \"unknown-flag\"\ndecision = \"allow\"\nbecause = \"b\"\n",
    );
    assert_eq!(check(&["terraform", "plan", "-newer"]), 0);
    // What else the call does is decided on all the same, and what is no flag stays unknown.
    assert_eq!(check(&["terraform", "destroy", "-newer"]), 75);
    assert_eq!(check(&["terraform", "frobnicate"]), 75);
}

#[test]
fn the_walls_of_a_tool_are_shown() {
    let place = Place::new();
    let ran = place.sprag(&["profile", "show", "psql"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["psql runs behind walls", "  connect  5432", "  write    $CWD\n", "  chmod    no", "  env      PG* "] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(ran.stdout.lines().any(|l| l.ends_with("(not here)")), "{}", ran.stdout);
    let json: Value = serde_json::from_str(&place.sprag(&["profile", "show", "psql", "--json"]).stdout).unwrap();
    assert_eq!((&json["v"], &json["profile"]["connect"][0]), (&json!(1), &json!(5432)));
    assert!(place.sprag(&["profile", "show", "sudo"]).stdout.contains("without walls"));
    let none = place.sprag(&["profile", "show", "frobnicate"]);
    assert!(none.code != 0 && none.stderr.contains("frobnicate"), "{none:?}");
}
