//! Every example of every shim file is read as it says; and the files keep the rules that a type cannot say.

use sprag::inspect;
use sprag::shim::examples::complaints;
use sprag::tool::catalogue;
use sprag::tool::schema::Tool;
use std::collections::BTreeSet;
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

#[test]
fn every_example_is_read_as_it_says_and_nothing_lacks_one() {
    let cwd = tempfile::tempdir().unwrap();
    let found = files().iter().flat_map(|(name, text, tool)| complaints(tool, text, name, cwd.path())).collect::<Vec<_>>();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
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
