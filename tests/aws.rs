//! aws: what stands in its own files and in what a call carries, beside its words; and every operation of the CLI that is
//! installed, by the names that it really has.

mod fixture;

use fixture::{Place, need};
use sprag::effect::{Effect, Verb, worst};
use sprag::inspect::{Unasked, deepen};
use sprag::shim::call_of_words;
use sprag::tool;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A home with these files, and a folder to work in.
fn home(files: &[(&str, &str)]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = home.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    std::fs::create_dir_all(home.path().join("work")).unwrap();
    home
}

/// What a call in that home does; `variables` and words as in a shell.
fn effects(home: &Path, line: &str) -> Vec<Effect> {
    let words = shell_words::split(line).unwrap();
    let is_variable = |word: &String| word.contains('=') && !word.starts_with('-');
    let variables: Vec<&String> = words.iter().take_while(|w| is_variable(w)).collect();
    let rest = words.iter().skip(variables.len()).map(OsString::from).collect();
    let mut call = call_of_words(rest, &home.join("work")).unwrap();
    call.env.clear();
    call.env.insert("HOME".into(), home.into());
    call.env.insert("TMPDIR".into(), "/nowhere".into());
    for (name, value) in variables.iter().filter_map(|v| v.split_once('=')) {
        call.env.insert(name.into(), value.into());
    }
    let tools = tool::find("aws").unwrap();
    let reading = tools[0].read(&call);
    deepen(&reading, &call, &Unasked(&call)).effects
}

fn all(files: &[(&str, &str)], cases: &[(&str, Verb, &str)]) {
    let home = home(files);
    for (line, verb, target) in cases {
        let effects = effects(home.path(), line);
        assert_eq!(worst(&effects), *verb, "{line}: {effects:?}");
        assert!(effects.iter().any(|e| e.verb == *verb && e.target.contains(target)), "{line}: {effects:?}");
    }
}

#[test]
fn an_alias_does_what_it_stands_for() {
    let file = "[toplevel]\nsafe = rds delete-db-instance --skip-final-snapshot\nwho = sts get-caller-identity\nsh = !rm -rf x\n\
                ls = who\nloop = loop --debug\ns3 = s3 --no-cli-pager\nodd = 'a\n[command ec2]\nrun = terminate-instances\n";
    all(
        &[(".aws/cli/alias", file)],
        &[
            ("aws safe --db-instance-identifier p", Verb::Destroy, "p"),
            ("aws --region x safe --db-instance-identifier p", Verb::Destroy, "p"),
            ("aws who", Verb::Read, ""),
            ("aws ls", Verb::Read, ""),
            ("aws sh", Verb::Escape, "rm -rf x"),
            ("aws odd", Verb::Unknown, ""),
            ("aws loop", Verb::Unknown, ""),
            ("aws s3 rb s3://b --force", Verb::Destroy, "b"),
            ("aws s3 ls", Verb::Read, ""),
            ("aws ec2 run --instance-ids i-1", Verb::Destroy, "i-1"),
            ("aws ec2 describe-instances", Verb::Read, ""),
        ],
    );
}

#[test]
fn what_a_profile_has_started_is_an_escape() {
    let config = "[default]\nregion = x\n[profile evil]\ncredential_process = touch PWN\n[profile \"by way\"]\nrole_arn = r\n\
                  source_profile = evil\n[profile paged]\ncli_pager = sh -c 'touch PWN'\n";
    all(
        &[
            (".aws/config", config),
            ("other", "[default]\ncredential_process = /bin/x\n"),
            ("plain", "[default]\nregion = x\n"),
        ],
        &[
            ("aws sts get-caller-identity", Verb::Read, ""),
            ("aws sts get-caller-identity --profile evil", Verb::Escape, "touch PWN"),
            ("AWS_PROFILE=evil aws s3 ls", Verb::Escape, "touch PWN"),
            ("AWS_PROFILE=evil AWS_ACCESS_KEY_ID=k aws s3 ls", Verb::Read, ""),
            ("AWS_ACCESS_KEY_ID=k aws s3 ls --profile evil", Verb::Escape, "touch PWN"),
            ("aws s3 ls --profile 'by way'", Verb::Escape, "touch PWN"),
            ("aws s3 ls --profile paged", Verb::Escape, "touch PWN"),
            ("AWS_PAGER='less -R' aws s3 ls", Verb::Read, ""),
            ("AWS_PAGER= aws s3 ls --profile paged", Verb::Read, ""),
            ("AWS_PAGER='sh -c x' aws s3 ls", Verb::Escape, "sh -c x"),
            ("AWS_CONFIG_FILE=../other aws s3 ls", Verb::Escape, "/bin/x"),
            ("AWS_CONFIG_FILE=~/plain aws s3 ls --profile evil", Verb::Read, ""),
            ("aws --profile evil help", Verb::Read, ""),
        ],
    );
}

#[test]
fn statements_are_judged_as_what_they_are() {
    all(
        &[],
        &[
            ("aws dynamodb execute-statement --statement 'SELECT * FROM t'", Verb::Read, ""),
            ("aws dynamodb execute-statement --statement 'DELETE FROM t'", Verb::Destroy, "t"),
            ("aws dynamodb execute-statement --statement \"INSERT INTO t VALUE {'a': 1}\"", Verb::Escape, ""),
            ("aws rds-data execute-statement --resource-arn a --secret-arn s --sql 'select 1'", Verb::Read, ""),
            (
                "aws rds-data execute-statement --resource-arn a --secret-arn s --sql 'drop table users'",
                Verb::Destroy,
                "users",
            ),
            ("aws rds-data execute-statement --resource-arn a --secret-arn s --sql file://x.sql", Verb::Escape, ""),
            ("aws redshift-data execute-statement --sql 'truncate users'", Verb::Destroy, "users"),
            ("aws athena start-query-execution --query-string 'select 1'", Verb::Read, ""),
        ],
    );
}

#[test]
fn a_file_of_the_machine_that_is_sent_away_is_revealed() {
    let home = home(&[("work/message", "x"), (".ssh/id", "x")]);
    for (value, expected) in [("file://message", false), ("file:///etc/hostname", true), ("fileb://../.ssh/id", true)] {
        let effects = effects(home.path(), &format!("aws iot-data publish --topic t --payload {value}"));
        let told = effects.iter().any(|e| e.verb == Verb::Reveal && e.note == "the file is sent to the service");
        assert_eq!(told, expected, "{value}: {effects:?}");
    }
}

/// Paths of the shim file that only version 2 of the CLI has, and two that stand for operations to come.
const OF_VERSION_2: [&str; 18] = [
    "configure agent-toolkit",
    "configure export-credentials",
    "configure import",
    "configure list-profiles",
    "configure mfa-login",
    "configure sso",
    "configure sso-session",
    "configure wizard",
    "sso login",
    "logs tail",
    "* wizard",
    "ddb select",
    "ddb put",
    "logs put-storage-tier-policy",
    "emr set-termination-protection",
    "cognito-idp admin-revoke-*",
    "* invoke-code-interpreter",
    "* invoke-*-command",
];
/// The share of operations whose verb the shim file does not know.
const UNKNOWN: f64 = 0.01;

/// An operation of the installed CLI.
struct Operation {
    service: String,
    name: String,
    /// The access level of AWS's own reference, where it has an action of that name.
    level: String,
}

impl Operation {
    fn called(&self) -> String {
        format!("{} {}", self.service, self.name)
    }
}

/// Every operation of the installed CLI.
fn operations() -> Vec<Operation> {
    need("python3");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/operations.py");
    let ran = Command::new("python3").arg(script).stdin(Stdio::null()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8(ran.stdout).unwrap();
    let operation = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Operation { service: words.next()?, name: words.next()?, level: words.next()? })
    };
    text.lines().filter_map(operation).collect()
}

/// What `sprag check` answers for each of them, called without a word more.
fn answers(operations: &[Operation]) -> Vec<serde_json::Value> {
    let place = Place::new();
    let mut check = place.command(&format!("exec {} check --batch", env!("CARGO_BIN_EXE_sprag")), false);
    let mut running = check.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    let line = |o: &Operation| format!("{{\"argv\":[\"aws\",\"{}\",\"{}\"],\"cwd\":\"/\"}}\n", o.service, o.name);
    let lines: String = operations.iter().map(line).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let ran = running.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let answers: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), operations.len());
    answers
}

#[test]
fn what_reads_and_what_does_not_is_as_aws_says() {
    let operations = operations();
    let levelled = operations.iter().filter(|o| !o.level.is_empty()).count();
    assert!(levelled > 15_000, "AWS's levels of only {levelled}; scripts/prepare installs the package that has them");
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/levels.toml")).unwrap();
    let reviewed: toml::Value = toml::from_str(&file).unwrap();
    let mut exceptions: Vec<(&str, bool)> = Vec::new();
    for reason in reviewed["exception"].as_array().unwrap() {
        assert!(reason["because"].as_str().is_some_and(|because| !because.is_empty()));
        exceptions.extend(reason["operations"].as_array().unwrap().iter().map(|o| (o.as_str().unwrap(), false)));
    }
    let mut differing = Vec::new();
    for (operation, answer) in operations.iter().zip(&answers(&operations)) {
        let verb = answer["verb"].as_str().unwrap();
        let differs = match operation.level.as_str() {
            "" => false,
            "Read" | "List" => !["read", "reveal", "unknown"].contains(&verb),
            _ => verb == "read",
        };
        match exceptions.iter_mut().find(|(name, _)| *name == operation.called()) {
            Some((_, seen)) if differs => *seen = true,
            Some(_) | None if differs => differing.push(format!("{}: {verb}, {}", operation.called(), operation.level)),
            Some(_) | None => {}
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
    let known = |name: &str| operations.iter().any(|o| o.called() == name);
    let idle: Vec<_> = exceptions.iter().filter(|(name, seen)| !seen && known(name)).collect();
    assert!(idle.is_empty(), "no exceptions: {idle:?}");
    eprintln!("{levelled} operations have a level of AWS's, {} are exceptions", exceptions.len());
}

#[test]
fn every_operation_is_known_by_the_name_it_has() {
    let operations = operations();
    assert!(operations.len() > 15_000, "only {}", operations.len());
    let answers = answers(&operations);
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for (operation, answer) in operations.iter().zip(&answers) {
        let (verb, allowed) = (answer["verb"].as_str().unwrap(), answer["decision"] == "allow");
        let verb_of_name = operation.name.split('-').next().unwrap();
        let called = format!("{}: {verb}", operation.called());
        match verb_of_name {
            _ if verb == "unknown" => unknown.push(called),
            "delete" | "terminate" | "purge" | "destroy" if allowed && !operation.name.contains("-tag") => {
                wrong.push(called)
            }
            "describe" | "list" | "head" if verb == "write" || verb == "destroy" => wrong.push(called),
            _ => {}
        }
    }
    let share = unknown.len() as f64 / operations.len() as f64;
    eprintln!("{} operations, {:.2} % of unknown verb", operations.len(), 100.0 * share);
    assert!(share <= UNKNOWN, "{unknown:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_rule_is_for_a_command_that_no_cli_has() {
    let operations = operations();
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("shims/aws.toml")).unwrap();
    let rules: toml::Value = toml::from_str(&file).unwrap();
    let mut dead = Vec::new();
    for command in rules["command"].as_array().unwrap() {
        let path: Vec<&str> = command["path"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        let [service, operation] = path.as_slice() else { continue };
        for (service, operation) in service.split('|').flat_map(|s| operation.split('|').map(move |o| (s, o))) {
            let rule = format!("{service} {operation}");
            let is = |pattern: &str, name: &str| wildmatch::WildMatch::new(pattern).matches(name);
            let lives = operations.iter().any(|o| is(service, &o.service) && is(operation, &o.name)) || operation == "help";
            if !lives && !OF_VERSION_2.contains(&rule.as_str()) {
                dead.push(rule);
            }
        }
    }
    assert!(dead.is_empty(), "{dead:?}");
}
