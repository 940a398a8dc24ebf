//! The house keeps its own rules: who may import whom, where power lies, how long a file may be. A failure names the
//! file, the line and the rule; docs/architecture.md says why each rule is there.

use std::path::{Path, PathBuf};

/// The level of every module: it may use lower levels only, and never one of its own.
const LEVELS: &[(&str, usize)] = &[
    ("sys", 0),
    ("effect", 0),
    ("profile", 0),
    ("reach", 0),
    ("place", 0),
    ("text", 0),
    ("call", 1),
    ("verdict", 1),
    ("tool", 2),
    ("policy", 2),
    ("confine", 2),
    ("say", 2),
    ("record", 2),
    ("memory", 2),
    ("repository", 2),
    ("inspect", 3),
    ("run", 3),
    ("approve", 4),
    ("session", 4),
    ("shim", 5),
    ("cli", 6),
    ("main", 7),
    ("lib", 7),
];
/// A file longer than this, tests left out, holds more than one thing.
const MAX_LINES: usize = 500;
/// A function longer than this is looked at again; the few that are one table or one sequence are named here.
const MAX_FUNCTION: usize = 60;
const LONG_FUNCTIONS: &[(&str, &str)] = &[("src/run.rs", "start"), ("src/shim.rs", "run")];

struct Source {
    name: String,
    module: String,
    code: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file up to its tests, comments left out.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
            let module = inside.split(['/', '.']).next().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().take_while(|l| *l != "#[cfg(test)]").map(|l| match l.trim_start().starts_with("//") {
                true => String::new(),
                false => l.to_owned(),
            });
            Source { name: format!("src/{inside}"), module, code: code.collect() }
        })
        .collect()
}

fn level(module: &str) -> usize {
    LEVELS.iter().find(|(m, _)| *m == module).unwrap_or_else(|| panic!("module `{module}` has no level in tests/tidy.rs")).1
}

/// Every line that breaks a rule, as `file:line: rule`.
fn lines_with(needles: &[&str], but: &[&str], rule: &str) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| !but.contains(&s.name.as_str()) && !but.contains(&s.module.as_str())) {
        for (n, line) in source.code.iter().enumerate() {
            if needles.iter().any(|needle| line.contains(needle)) {
                found.push(format!("{}:{}: {rule}: {}", source.name, n + 1, line.trim()));
            }
        }
    }
    found
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_module_uses_only_modules_of_a_lower_level() {
    let mut found = Vec::new();
    for source in sources() {
        let own = level(&source.module);
        for (n, line) in source.code.iter().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used = part.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
                if LEVELS.iter().any(|(m, _)| *m == used) && used != source.module && level(used) >= own {
                    let rule =
                        format!("`{}` is of level {own} and may not use `{used}` of level {}", source.module, level(used));
                    found.push(format!("{}:{}: {rule}", source.name, n + 1));
                }
            }
        }
    }
    assert_none(&found);
}

#[test]
fn nothing_but_sys_is_unsafe() {
    assert_none(&lines_with(&["unsafe {", "unsafe fn", "unsafe impl", "unsafe("], &["sys"], "only sys may be unsafe"));
}

#[test]
fn nothing_but_run_starts_a_program() {
    let starts = ["execve", "std::process::Command", "process::Command", "posix_spawn", "sys::fork"];
    assert_none(&lines_with(&starts, &["run"], "only run starts a program"));
}

#[test]
fn nothing_but_say_writes_to_standard_output_and_error() {
    let writes = ["println!", "eprint", "print!", "io::stdout()", "stderr().lock", "writeln!(io::std"];
    // The relay passes on what the tool writes, and adds no word; run only asks where it goes, or hands it on.
    assert_none(&lines_with(
        &writes,
        &["say", "src/run/relay.rs", "src/run/answer/call.rs", "src/run/answer/terminal.rs", "src/run.rs"],
        "only say writes words",
    ));
}

#[test]
fn nothing_but_decide_makes_a_verdict_and_nothing_but_approve_an_approval() {
    assert_none(&lines_with(&["Verdict::new("], &["src/policy/decide.rs"], "only policy::decide makes a verdict"));
    assert_none(&lines_with(&["Approval {"], &["approve", "policy", "verdict"], "only approve makes an approval"));
}

#[test]
fn tools_and_inspectors_never_say_allow_or_deny() {
    for module in ["tool", "inspect"] {
        let others: Vec<&str> = LEVELS.iter().map(|(m, _)| *m).filter(|m| *m != module).collect();
        assert_none(&lines_with(&["Decision"], &others, "a tool or inspector holds no decision"));
    }
}

#[test]
fn only_main_exits() {
    assert_none(&lines_with(&["process::exit"], &["main", "sys"], "only main exits"));
}

#[test]
fn no_variable_but_the_named_ones_is_read() {
    // What may be read of the environment, and why it loosens nothing: argv in disguise and facts go through `Call::env`;
    // PATH is searched for the real tool; HOME only where the password database has no entry; SPRAG_FORMAT
    // and SPRAG_TRACE change words; a session is given the environment of the shell that starts it.
    let reads = ["env::var(", "env::var_os(", "env::vars"];
    let allowed = [
        "src/call.rs",
        "src/say.rs",
        "src/say/trace.rs",
        "src/cli/doctor.rs",
        "src/cli/doctor/ask.rs",
        "src/cli/check.rs",
        "src/cli/run.rs",
    ];
    assert_none(&lines_with(&reads, &allowed, "variables are read by call alone"));
}

#[test]
fn files_and_functions_stay_short() {
    let mut found = Vec::new();
    for source in sources() {
        // sys is a flat list of calls, which a second file would only hide.
        if source.code.len() > MAX_LINES && source.module != "sys" {
            found.push(format!("{}: {} lines without tests, more than {MAX_LINES}", source.name, source.code.len()));
        }
        let mut start: Option<(usize, String, usize)> = None;
        for (n, line) in source.code.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let words = line.trim_start();
            let declared_only = words.ends_with(';');
            if start.is_none() && !declared_only && ["fn ", "pub fn ", "pub(super) fn "].iter().any(|f| words.starts_with(f))
            {
                let name = words.split("fn ").nth(1).unwrap().split(['(', '<']).next().unwrap();
                start = Some((n, name.to_owned(), indent));
            }
            let ended = start.as_ref().is_some_and(|(_, _, i)| indent == *i && words.starts_with('}'));
            if let (true, Some((from, name, _))) = (ended, start.clone()) {
                let long = n - from > MAX_FUNCTION && !LONG_FUNCTIONS.contains(&(source.name.as_str(), name.as_str()));
                if long {
                    found.push(format!(
                        "{}:{}: `{name}` has {} lines, more than {MAX_FUNCTION}",
                        source.name,
                        from + 1,
                        n - from
                    ));
                }
                start = None;
            }
        }
    }
    assert_none(&found);
}

#[test]
fn nothing_is_left_behind() {
    let left = ["todo!", "unimplemented!", "dbg!", "FIXME", "XXX"];
    assert_none(&lines_with(&left, &[], "left behind"));
    let vague = ["util", "common", "helpers", "manager", "core"];
    for source in sources() {
        let names: Vec<&str> = source.name.split(['/', '.']).collect();
        assert!(!vague.iter().any(|v| names.contains(v)), "{}: a module is named after what it is", source.name);
    }
}

#[test]
fn every_exit_code_and_verb_is_in_the_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for word in ["75", "77", "78", "71", "70", "64", "126", "127"] {
        assert!(readme.contains(&format!("| {word}")), "README.md does not explain exit code {word}");
    }
    for verb in sprag::effect::Verb::ALL {
        assert!(readme.contains(&format!("`{verb}`")), "README.md does not explain the verb {verb}");
    }
}
