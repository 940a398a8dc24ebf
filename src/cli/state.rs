//! `sprag state`: what is remembered of each Terraform state, and how a person mends it.

use super::{FAILED, Format, fail};
use crate::approve::{Asked, Question, Terminal};
use crate::call::{User, absolute};
use crate::memory::{Known, Memory, Whose};
use crate::record::{Durability, Event, Record};
use crate::say;
use crate::text::sanitise;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// What is done with the memory.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    format: Format,
}

#[derive(clap::Subcommand)]
enum What {
    /// Forget what is known of a state, at a terminal; the next apply begins anew
    Forget {
        /// The folder of the configuration
        #[arg(value_name = "FOLDER", default_value = ".")]
        folder: PathBuf,
        /// The workspace
        #[arg(long, value_name = "NAME", default_value = "default")]
        workspace: String,
        /// The state file, where the calls name one with `-state`
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    let user = User::current();
    let memory = Memory::of(&user.state());
    match &arguments.what {
        None => list(&memory, arguments.format),
        Some(What::Forget { folder, workspace, file }) => {
            let folder = std::fs::canonicalize(folder).or_else(|_| std::env::current_dir().map(|d| absolute(&d, folder)))?;
            let file = file.as_ref().map(|f| absolute(&folder, f)).unwrap_or_default();
            forget(&user, &memory, &Whose { folder, workspace: workspace.clone(), file })
        }
    }
}

fn list(memory: &Memory, format: Format) -> io::Result<i32> {
    let all = match memory.all() {
        Ok(all) => all,
        Err(e) => return fail(&e, FAILED),
    };
    let mut code = 0;
    if all.is_empty() && !format.json {
        say::error("sprag: no state is remembered; one is when a guarded terraform has applied it");
    }
    for known in all {
        match known {
            Ok(known) if format.json => {
                let mut line = serde_json::to_value(&known)?;
                if let Some(map) = line.as_object_mut() {
                    map.insert("v".to_owned(), 1.into());
                }
                say::out(&line.to_string())?;
            }
            Ok(known) => say::out(&line(&known))?,
            Err(e) => code = fail(&e, FAILED)?,
        }
    }
    Ok(code)
}

fn line(known: &Known) -> String {
    let seen = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(known.seen));
    let at = |path: &Path| sanitise(&path.display().to_string());
    let file =
        if known.whose.file.as_os_str().is_empty() { String::new() } else { format!(", file {}", at(&known.whose.file)) };
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { sanitise(text) };
    format!(
        "{}  workspace {}{file}\n  {} resources, serial {}, lineage {}, backend {}, seen {seen}",
        at(&known.whose.folder),
        sanitise(&known.whose.workspace),
        known.resources,
        known.serial,
        or(&known.lineage, "not seen yet"),
        or(&known.backend, "not seen"),
    )
}

/// Forgetting makes the guard blind once: only a person does it, and it is on record.
fn forget(user: &User, memory: &Memory, whose: &Whose) -> io::Result<i32> {
    let shown = format!("{} (workspace {})", sanitise(&whose.folder.display().to_string()), sanitise(&whose.workspace));
    let text = match memory.recall(whose) {
        Ok(None) => {
            return fail(&format!("nothing is known of a state of {shown}; `sprag state` lists those that are"), FAILED);
        }
        Ok(Some(known)) => format!("sprag: forget what is known of this state?\n  {}", line(&known)),
        Err(e) => format!("sprag: forget this state, which cannot be read?\n  {}", sanitise(&e.to_string())),
    };
    let Some(mut terminal) = Terminal::open() else {
        return fail(&"forgetting needs a terminal with a person at it; run this in a shell of your own", FAILED);
    };
    if terminal.ask(&Question { text: &text, name_to_type: Some("forget") }) == Asked::No {
        return fail(&"nothing was forgotten", FAILED);
    }
    let by = format!("{} (uid {})", user.name, user.uid);
    let event = Event::Answer { request: &shown, answer: "forget", by: &by };
    if let Err(e) = Record::of(&user.state()).append(&event, Durability::Disk) {
        return fail(&format!("{e}; nothing was forgotten"), FAILED);
    }
    match memory.forget(whose) {
        Ok(_) => {
            say::error("sprag: forgotten; the next apply there is judged as the first");
            Ok(0)
        }
        Err(e) => fail(&e, FAILED),
    }
}
