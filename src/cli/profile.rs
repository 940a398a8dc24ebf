//! `sprag profile show TOOL`: the walls of a tool, line by line, and which of them stand for something here.

use super::{CONFIG, Format, MISUSE, fail};
use crate::call::{User, workspace};
use crate::confine::Places;
use crate::profile::{Profile, Walls};
use crate::say;
use crate::text::sanitise;
use crate::tool;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;

/// The words for folders that mean something without a call.
const FOLDERS: [&str; 5] = ["$HOME", "$CWD", "$TARGET", "$WORKSPACE", "$TMPDIR"];

/// What is asked of profiles.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show what a tool may read, write, run and reach
    Show {
        /// The tool
        name: String,
        #[command(flatten)]
        format: Format,
    },
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    let Action::Show { name, format } = &arguments.action;
    let tools = match tool::find(name) {
        Ok(tools) => tools,
        Err(e) => return fail(&e, CONFIG),
    };
    let Some(tool) = tools.first() else {
        return fail(&format_args!("`{name}` is no tool that is known; `sprag tool list` lists them"), MISUSE);
    };
    if format.json {
        say::out(&json!({"v": 1, "tool": name, "profile": tool.profile}).to_string())?;
    } else {
        say::out(&sanitise_lines(&words(name, &tool.profile, &here())))?;
    }
    Ok(0)
}

/// What a profile's words stand for in the current folder.
fn here() -> Places {
    let home = User::current().home;
    let cwd = std::env::current_dir().unwrap_or_default();
    Places {
        workspace: workspace(&cwd, &home),
        target: cwd.clone(),
        home,
        tmpdir: std::env::temp_dir(),
        managers: Vec::new(),
        env: BTreeMap::new(),
        cwd,
    }
}

fn words(name: &str, profile: &Profile, places: &Places) -> String {
    if profile.walls == Walls::None {
        return format!("{name} is judged and recorded; it runs without walls, since it exists to do what they forbid");
    }
    let when = if profile.walls == Walls::Session { " when a guarded session calls it" } else { "" };
    let mut lines = vec![format!("{name} runs behind walls{when}; of the machine it has")];
    let paths = [
        ("read", &profile.read),
        ("run", &profile.exec),
        ("write", &profile.write),
        ("write*", &profile.write_always),
        ("device", &profile.device),
    ];
    for (what, line) in paths.into_iter().flat_map(|(what, lines)| lines.iter().map(move |line| (what, line))) {
        // What a variable of the call or the tool's own tree stands for is known only then.
        let is_known = !line.starts_with('$') || FOLDERS.iter().any(|folder| line.starts_with(folder));
        let is_there = !is_known || places.expand(line).iter().any(|path| path.exists());
        lines.push(format!("  {what:8} {line}{}", if is_there { "" } else { "  (not here)" }));
    }
    let ports: Vec<String> = profile.connect.iter().map(ToString::to_string).collect();
    let connect = if profile.connect_any { "every port".to_owned() } else { ports.join(", ") };
    lines.push(format!("  connect  {}", if connect.is_empty() { "no port" } else { &connect }));
    for (what, has) in [("bind", profile.bind), ("unix", profile.unix), ("udp", profile.udp), ("chmod", profile.chmod)] {
        lines.push(format!("  {what:8} {}", if has { "yes" } else { "no" }));
    }
    let passes =
        if profile.env.allow.is_empty() { "all but what is dangerous".to_owned() } else { profile.env.allow.join(" ") };
    lines.push(format!("  env      {passes}"));
    let further = [("not", &profile.env.deny), ("files of", &profile.read_env)];
    lines.extend(
        further.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("  {what:8} {}", names.join(" "))),
    );
    if !profile.write.is_empty() {
        lines.push(
            "  a call that only reads may read what stands under write, and change only what stands under write*".to_owned(),
        );
    }
    lines.push("  besides: the tool itself, the files that a call names, its own temporary folder".to_owned());
    lines.join("\n")
}

fn sanitise_lines(text: &str) -> String {
    text.lines().map(sanitise).collect::<Vec<_>>().join("\n")
}
