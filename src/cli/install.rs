//! `sprag install` and `uninstall`: one symlink a tool, all in one folder.

use super::{FAILED, MISUSE, fail};
use crate::approve::{Asked, Question, Terminal};
use crate::call::User;
use crate::say;
use crate::text::sanitise;
use crate::tool;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where the links stand.
#[derive(clap::Args)]
pub(super) struct Folder {
    /// The folder of the links [default: ~/.local/share/sprag/shims]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What is linked where.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: Folder,
    /// The tools to link [default: every tool that sprag knows]
    #[arg(value_name = "TOOL")]
    tools: Vec<String>,
}

impl Folder {
    fn path(&self) -> io::Result<PathBuf> {
        match &self.dir {
            Some(dir) => std::path::absolute(dir),
            None => Ok(User::current().links()),
        }
    }
}

pub(super) fn install(arguments: &Arguments) -> io::Result<i32> {
    if let Some(unknown) = arguments.tools.iter().find(|t| !tool::is_known(t)) {
        let known = tool::names().collect::<Vec<_>>().join(", ");
        return fail(&format!("no shim file knows `{unknown}`; known are {known}"), MISUSE);
    }
    let tools: Vec<String> =
        if arguments.tools.is_empty() { tool::names().map(str::to_owned).collect() } else { arguments.tools.clone() };
    let folder = arguments.folder.path()?;
    let target = std::env::current_exe()?;
    fs::create_dir_all(&folder).map_err(|e| named(&folder, &e))?;
    for name in &tools {
        let link = folder.join(name);
        match link.symlink_metadata() {
            Ok(meta) if !meta.is_symlink() => {
                return fail(
                    &format!("{}: is no link, and is left as it is; choose another folder", link.display()),
                    FAILED,
                );
            }
            Ok(_) => fs::remove_file(&link).map_err(|e| named(&link, &e))?,
            Err(_) => {}
        }
        symlink(&target, &link).map_err(|e| named(&link, &e))?;
    }
    say::error(&format!("sprag: {} links in {}; put them first in PATH:", tools.len(), folder.display()));
    say::out(&format!("export PATH={}:\"$PATH\"", shell_words::quote(&folder.to_string_lossy())))?;
    Ok(0)
}

pub(super) fn uninstall(arguments: &Folder) -> io::Result<i32> {
    let folder = arguments.path()?;
    if !folder.is_dir() {
        return fail(&format!("{}: there is no such folder", folder.display()), FAILED);
    }
    let own = std::env::current_exe()?;
    let entries = fs::read_dir(&folder).map_err(|e| named(&folder, &e))?;
    let all = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    let links: Vec<PathBuf> = all.into_iter().filter(|link| is_ours(link, &own)).collect();
    if let Some(code) = refused(&folder, links.len()) {
        return Ok(code);
    }
    for link in &links {
        fs::remove_file(link).map_err(|e| named(link, &e))?;
    }
    // A folder that still holds something else stays.
    let _ = fs::remove_dir(&folder);
    say::error(&format!("sprag: {} links removed from {}", links.len(), folder.display()));
    Ok(0)
}

/// The exit code where no person at a terminal wants the links to go: whoever is guarded must not take the guard away.
fn refused(folder: &Path, links: usize) -> Option<i32> {
    let Some(mut terminal) = Terminal::open() else {
        let why = "removing the links needs a terminal with a person at it; run this in a shell of your own";
        return fail(&why, FAILED).ok();
    };
    let shown = sanitise(&folder.to_string_lossy());
    let text = format!("sprag: {links} links in {shown} lead to sprag; without them the tools are called unjudged");
    match terminal.ask(&Question { text: &text, name_to_type: Some("remove") }) {
        Asked::Yes => None,
        Asked::No => fail(&"the links stay", FAILED).ok(),
    }
}

/// Whether a link leads to this binary, or to one of its name that is gone.
fn is_ours(link: &Path, own: &Path) -> bool {
    fs::read_link(link).is_ok_and(|target| target == own || target.file_name().is_some_and(|n| n == "sprag"))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
