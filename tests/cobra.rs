//! The flags of the tools that cobra reads, as the real tools print them: what both know must take its value in the same way, or a
//! value would be taken for a command, and a command for a value.

mod fixture;

use fixture::need;
use sprag::tool::catalogue;
use sprag::tool::schema::{Flags, Tool};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a flag takes the next word: that is what the words behind it depend on.
type Takes = BTreeMap<String, bool>;

/// What a file declares; kubectl's help does not show that a value is optional, so those count as nothing.
fn declared(flags: &Flags, into: &mut Takes) {
    let lists = [&flags.value, &flags.values, &flags.read_path, &flags.write_path, &flags.secret];
    for (lists, takes) in [(lists.as_slice(), true), (&[&flags.switch, &flags.help], false)] {
        for name in lists.iter().flat_map(|list| list.iter()).flat_map(|names| names.split(' ')) {
            into.insert(name.to_owned(), takes);
        }
    }
}

/// The flags that `--help` of a command lists: `-f, --file string   what it is` or, kubectl, `--file=''`.
fn listed(tool: &str, path: &[String]) -> Takes {
    let mut help = Command::new(tool);
    let out = help.args(path).arg("--help").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    let mut found = Takes::new();
    for line in text.lines() {
        let Some(names) = Some(line.trim_start()).filter(|rest| line.len() - rest.len() >= 2) else { continue };
        let (short, long) = match names.split_once(", --") {
            Some((short, long)) if short.len() == 2 && short.starts_with('-') => (Some(short), long),
            _ => match names.strip_prefix("--") {
                Some(long) => (None, long),
                None => continue,
            },
        };
        let end = long.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(long.len());
        let (name, rest) = long.split_at(end);
        // `[=x]`: an optional value; a default in kubectl's way; a type behind one blank, a description behind more.
        let takes = match rest.strip_prefix('=').and_then(|d| d.strip_suffix(':')) {
            Some(default) => !["true", "false"].contains(&default),
            None => rest.starts_with(' ') && !rest.starts_with("  ") && !rest.trim().is_empty() && !rest.contains("[="),
        };
        found.insert(format!("--{name}"), takes);
        found.extend(short.map(|short| (short.to_owned(), takes)));
    }
    found
}

/// Compares the flags of every command; how many both know, and those that they read in different ways.
fn compare(tool: &Tool) -> (usize, Vec<String>) {
    let name = &tool.names[0];
    let (mut known, mut wrong) = (0, Vec::new());
    for command in tool.command.iter().filter(|c| !c.path.iter().any(|part| part.contains('*'))) {
        let path: Vec<String> = command.path.iter().map(|part| part.split('|').next().unwrap().to_owned()).collect();
        // Of a command that is not there the help is that of another one.
        let root = listed(name, &[]);
        let listed = listed(name, &path);
        if listed == root {
            continue;
        }
        let mut ours = Takes::new();
        declared(&tool.flags, &mut ours);
        declared(&command.flags, &mut ours);
        // podman's help shows no type for `--ssh`, which takes a value.
        for (flag, theirs) in listed.iter().filter(|(flag, _)| !["-h", "--help", "--ssh"].contains(&flag.as_str())) {
            match ours.get(flag) {
                Some(takes) if takes == theirs => known += 1,
                Some(_) => wrong.push(format!(
                    "{name} {} {flag}: {} a value",
                    path.join(" "),
                    if *theirs { "takes" } else { "has not" }
                )),
                None => {}
            }
        }
    }
    (known, wrong)
}

fn check(name: &str, at_least: usize) {
    need(name);
    let file = format!("shims/{name}.toml");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap();
    let (known, wrong) = compare(&catalogue::parse(&text, &file).unwrap());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(known > at_least, "only {known} flags are known to {name}");
}

#[test]
fn kubectl_takes_values_as_its_file_says() {
    check("kubectl", 700);
}

#[test]
fn docker_takes_values_as_its_file_says() {
    check("docker", 600);
}

#[test]
fn podman_takes_values_as_its_file_says() {
    check("podman", 600);
}

#[test]
fn gh_takes_values_as_its_file_says() {
    check("gh", 500);
}
