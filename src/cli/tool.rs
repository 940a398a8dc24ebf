//! `sprag tool`: what the shim files say, and the way to a new one.

use super::{CONFIG, FAILED, Format, MISUSE, fail};
use crate::effect::Verb;
use crate::say;
use crate::shim::examples::complaints;
use crate::tool::schema::{Command, Raise, Tool};
use crate::tool::{self, catalogue};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is done with shim files.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List every tool that is known
    List(Format),
    /// Show what is known of a tool: its commands, what makes them worse, its walls
    Show {
        /// The tool
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Write a shim file to begin with
    New {
        /// The tool
        name: String,
        /// The file [default: NAME.toml]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Check a shim file and its examples
    Test {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    match &arguments.action {
        Action::List(format) => list(*format),
        Action::Show { name, format } => show(name, *format),
        Action::New { name, file } => new(name, file.as_deref()),
        Action::Test { files } => test(files),
    }
}

fn list(format: Format) -> io::Result<i32> {
    let mut linked = tool::names().peekable();
    for name in tool::all_names() {
        let link = linked.next_if_eq(&name).is_some();
        let json = || json!({"v": 1, "name": name, "link": link}).to_string();
        say::out(&if format.json { json() } else { format!("{name}{}", if link { "" } else { "  (no link)" }) })?;
    }
    Ok(0)
}

fn show(name: &str, format: Format) -> io::Result<i32> {
    let tools = match tool::find(name) {
        Ok(tools) if tools.is_empty() => return fail(&format!("no shim file knows `{name}`; `sprag tool list`"), MISUSE),
        Ok(tools) => tools,
        Err(e) => return fail(&e, CONFIG),
    };
    for tool in &tools {
        if format.json {
            let commands: Vec<_> = tool.command.iter().map(command_json).collect();
            let value = json!({
                "v": 1, "names": tool.names, "link": tool.link, "described": tool.described.as_ref().map(|d| &d.version),
                "commands": commands, "profile": tool.profile,
            });
            say::out(&value.to_string())?;
            continue;
        }
        say::out(&tool.names.join(", "))?;
        for command in &tool.command {
            for line in command_lines(command) {
                say::out(&line)?;
            }
        }
    }
    Ok(0)
}

fn command_json(command: &Command) -> serde_json::Value {
    json!({
        "path": command.path, "verb": command.verb, "inspect": command.inspect, "strip": command.strip,
        "flags": command.flags, "raise": command.raise, "lower": command.lower, "open": command.open,
    })
}

/// A command in a line, and what makes it worse or milder in one each.
fn command_lines(command: &Command) -> Vec<String> {
    let path = if command.path.is_empty() { "(the tool itself)".to_owned() } else { command.path.join(" ") };
    let closer = command.inspect.as_ref().map(|i| format!("  looked at closer: {i}")).unwrap_or_default();
    let mut lines = vec![format!("  {:8} {path}{closer}", command.verb.word())];
    let what = |raise: &Raise| {
        let value = raise.value.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
        format!("{}{value}", raise.flag.as_ref().or(raise.operand.as_ref()).cloned().unwrap_or_default())
    };
    lines.extend(command.raise.iter().map(|r| format!("    {:8} with {}  {}", r.verb.word(), what(r), r.note)));
    lines.extend(command.lower.iter().map(|l| format!("    {:8} with {}", l.verb.word(), l.flag)));
    lines
}

fn new(name: &str, file: Option<&Path>) -> io::Result<i32> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return fail(&format!("`{name}` is no name of a tool"), MISUSE);
    }
    let file = file.map_or_else(|| PathBuf::from(format!("{name}.toml")), Path::to_path_buf);
    let text = include_str!("tool/new.toml").replace("NAME", name);
    let made = std::fs::File::options().write(true).create_new(true).open(&file);
    match made.and_then(|mut made| made.write_all(text.as_bytes())) {
        Ok(()) => {
            say::note(&format!("wrote {}; fill it in, and check it with `sprag tool test {0}`", file.display()));
            Ok(0)
        }
        Err(e) => fail(&format!("{}: {e}", file.display()), FAILED),
    }
}

fn test(files: &[PathBuf]) -> io::Result<i32> {
    let cwd = tempfile::tempdir()?;
    let mut wrong = 0;
    for file in files {
        let shown = file.display().to_string();
        let tool = std::fs::read_to_string(file)
            .map_err(|e| format!("{shown}: {e}"))
            .and_then(|text| catalogue::parse(&text, &shown).map(|tool| (tool, text)).map_err(|e| e.to_string()));
        let found = match tool {
            Err(why) => vec![why],
            Ok((tool, text)) => {
                let found = complaints(&tool, &text, &shown, cwd.path());
                if found.is_empty() {
                    say::note(&summary(&tool, &shown));
                }
                found
            }
        };
        wrong += found.len();
        for complaint in found {
            fail(&complaint, FAILED)?;
        }
    }
    Ok(if wrong == 0 { 0 } else { CONFIG })
}

fn summary(tool: &Tool, file: &str) -> String {
    let of = |verb: Verb| tool.example.iter().filter(|e| e.verb == verb).count();
    let verbs: Vec<String> = Verb::ALL.into_iter().filter(|v| of(*v) > 0).map(|v| format!("{} {v}", of(v))).collect();
    format!("{file}: {} examples hold ({})", tool.example.len(), verbs.join(", "))
}
