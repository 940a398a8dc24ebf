//! What `doctor` has to run to find out: the user's login shell, and a tool's own version.

use crate::call::User;
use crate::profile::{Profile, Required, Walls};
use crate::run::{self, Outcome};
use crate::tool::Tool;
use crate::verdict::{Aid, Order, Permit};
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// What a script prints in a login shell, unconfined: it is the user's own start-up files that are asked.
pub(super) fn shell(user: &User, script: &str) -> Result<String, String> {
    let profile = Profile { walls: Walls::None, ..Profile::default() };
    printed(user, profile, ["bash", "-lc", script].map(OsString::from).to_vec())
}

/// The version that the real tool of this name prints, from its walls.
pub(super) fn version(user: &User, tool: &Tool, name: &str) -> Result<String, String> {
    let words = tool.described.iter().flat_map(|d| &d.ask).map(OsString::from);
    let text = printed(user, tool.profile.clone(), std::iter::once(OsString::from(name)).chain(words).collect())?;
    let is_version = |part: &&str| part.contains('.') && part.starts_with(|c: char| c.is_ascii_digit());
    let found = text.split(|c: char| !c.is_ascii_digit() && c != '.').find(is_version);
    found.map(str::to_owned).ok_or_else(|| "it prints none".to_owned())
}

fn printed(user: &User, profile: Profile, argv: Vec<OsString>) -> Result<String, String> {
    let fail = |e: &dyn Display| e.to_string();
    let out: OwnedFd = tempfile::tempfile().map_err(|e| fail(&e))?.into();
    let tool = argv.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let order = Order {
        stdout: Some(out.try_clone().map_err(|e| fail(&e))?),
        // What it warns of is no answer.
        stderr: Some(tempfile::tempfile().map_err(|e| fail(&e))?.into()),
        ..Order::new(tool, argv, std::env::vars_os().collect(), PathBuf::from("/"), profile)
    };
    let room = run::Room::make(None).map_err(|e| fail(&e))?;
    let setting = run::Setting { home: &user.home, required: &Required::default(), more: None, room: &room, last: false };
    match run::start(Permit::aid(Aid::Doctor, order), &setting).map_err(|e| fail(&e))? {
        Outcome::Exited(0) => {}
        Outcome::Exited(code) => return Err(format!("it left with {code}")),
        Outcome::Killed(signal) => return Err(format!("it died by signal {signal}")),
    }
    let mut file = File::from(out);
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text)).map_err(|e| fail(&e))?;
    Ok(text)
}
