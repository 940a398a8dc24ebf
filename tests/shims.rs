//! Every example of every shim file is read as it says; and the files keep the rules that a type cannot say.

use sprag::call::{Around, Call, Stdin};
use sprag::effect::{Verb, worst};
use sprag::inspect::{self, Unasked};
use sprag::tool::catalogue;
use sprag::tool::schema::{Dialect, Example, Tool};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Every shim file: its path as it is cited, its text, the tool.
fn files() -> Vec<(String, String, Tool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shims");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = format!("shims/{}", path.file_name().unwrap().to_str().unwrap());
            let tool = catalogue::parse(&text, &name).unwrap_or_else(|e| panic!("{e}"));
            (name, text, tool)
        })
        .collect()
}

/// The line of the n-th example of a file.
fn line_of_example(text: &str, n: usize) -> usize {
    text.lines().enumerate().filter(|(_, l)| l.contains("run = ")).nth(n).map_or(0, |(i, _)| i + 1)
}

fn call(example: &Example, cwd: &Path) -> Call {
    let argv: Vec<OsString> = shell_words::split(&example.run).unwrap().into_iter().map(OsString::from).collect();
    Call {
        name: argv[0].to_str().unwrap().to_owned(),
        other_name: None,
        link: PathBuf::new(),
        env: example.env.iter().map(|(k, v)| (k.into(), v.into())).collect(),
        cwd: cwd.to_owned(),
        stdin: example.stdin.as_ref().map_or(Stdin::Null, |t| Stdin::Text(t.clone().into_bytes())),
        argv,
        around: Around::default(),
    }
}

/// What is wrong with how an example is read; nothing where it is right.
fn complaint(tool: &Tool, example: &Example, cwd: &Path) -> Option<String> {
    let call = call(example, cwd);
    let reading = tool.read(&call);
    let found = inspect::deepen(&reading, &call, &Unasked(&call));
    let verb = worst(&found.effects);
    let argv: Vec<String> = reading.argv().iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let wanted = example.argv.as_ref().map(|a| shell_words::split(a).unwrap());
    if verb != example.verb {
        Some(format!("is read as `{verb}`, the example says `{}`: {:?}", example.verb, found.effects))
    } else if wanted.as_ref().is_some_and(|w| w[1..] != argv[..]) {
        Some(format!("leaves {argv:?}, the example says {wanted:?}"))
    } else if example.target.as_ref().is_some_and(|t| !found.effects.iter().any(|e| e.target == *t)) {
        Some(format!("has not the target {:?}: {:?}", example.target, found.effects))
    } else {
        None
    }
}

#[test]
fn every_example_is_read_as_it_says() {
    let cwd = tempfile::tempdir().unwrap();
    let mut complaints = Vec::new();
    for (name, text, tool) in files() {
        for (n, example) in tool.example.iter().enumerate() {
            if let Some(complaint) = complaint(&tool, example, cwd.path()) {
                complaints.push(format!("{name}:{}: `{}` {complaint}", line_of_example(&text, n), example.run));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_command_raise_and_variable_has_an_example() {
    let cwd = tempfile::tempdir().unwrap();
    let mut missing = Vec::new();
    for (name, _, tool) in files() {
        let (mut commands, mut notes, mut variables) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for example in &tool.example {
            let call = call(example, cwd.path());
            let reading = tool.read(&call);
            commands.extend(reading.parsed.command.map(|c| c.path.clone()));
            notes.extend(reading.effects.iter().map(|e| (e.verb, e.note.clone())));
            variables.extend(example.env.keys().cloned());
        }
        for command in &tool.command {
            if !commands.contains(&command.path) {
                missing.push(format!("{name}: no example is read as the command `{}`", command.path.join(" ")));
            }
            for raise in command.raise.iter().filter(|r| !notes.contains(&(r.verb, r.note.clone()))) {
                let what = raise.flag.as_ref().or(raise.operand.as_ref()).cloned().unwrap_or_default();
                missing.push(format!("{name}: no example triggers the raise by `{what}` of `{}`", command.path.join(" ")));
            }
        }
        for variable in tool.variable.iter().filter(|v| !variables.contains(&v.name)) {
            missing.push(format!("{name}: no example sets `{}`", variable.name));
        }
        // A file that accepts every word has nothing it does not know.
        let knows_all = tool.command.iter().all(|c| c.open) && tool.dialect == Dialect::Words;
        if !knows_all && !tool.example.iter().any(|e| e.verb == Verb::Unknown) {
            missing.push(format!("{name}: no example is `unknown`"));
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_inspector_that_a_file_names_is_there() {
    for (name, _, tool) in files() {
        for inspector in tool.command.iter().filter_map(|c| c.inspect.as_deref()).chain(tool.inspect.as_deref()) {
            assert!(inspect::is_known(inspector), "{name}: no inspector is called `{inspector}`");
        }
    }
}

#[test]
fn every_flag_that_raises_lowers_or_is_stripped_is_declared() {
    for (name, _, tool) in files() {
        for command in tool.command.iter().filter(|c| !c.open) {
            let lists = |f: &sprag::tool::schema::Flags| {
                [&f.value, &f.switch, &f.optional, &f.values, &f.read_path, &f.write_path, &f.secret, &f.help]
                    .into_iter()
                    .flatten()
                    .filter_map(|l| l.split(' ').next_back().map(str::to_owned))
                    .collect::<Vec<_>>()
            };
            let declared: BTreeSet<String> = lists(&command.flags).into_iter().chain(lists(&tool.flags)).collect();
            let used =
                command.raise.iter().filter_map(|r| r.flag.clone()).chain(command.lower.iter().map(|l| l.flag.clone()));
            for flag in used.chain(command.strip.iter().cloned()) {
                assert!(
                    declared.contains(&flag),
                    "{name}: `{}` speaks of `{flag}`, which it does not declare",
                    command.path.join(" ")
                );
            }
        }
    }
}
