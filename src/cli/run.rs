//! `sprag run -- CMD…`: a guarded session, or what it would have.

use super::{CONFIG, MISUSE, fail};
use crate::call::User;
use crate::policy;
use crate::policy::layers::Whose;
use crate::run::Outcome;
use crate::say;
use crate::session::{Session, Wanted};
use crate::shim::judge_example;
use crate::text::sanitise;
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// What is started, and what it may have besides.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Say what the session would have and what is hidden from it; start nothing
    #[arg(long)]
    show: bool,
    /// With --show: answer with JSON
    #[arg(long, requires = "show")]
    json: bool,
    /// Let it read and run what is there besides
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// Let it write there besides
    #[arg(long, value_name = "PATH")]
    write: Vec<PathBuf>,
    /// The command, an agent or a shell
    #[arg(last = true, required_unless_present = "show", value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn main(arguments: Arguments) -> Outcome {
    let done = |done: io::Result<i32>| super::finish(done);
    let user = User::current();
    let cwd = match std::env::current_dir() {
        Ok(cwd) => cwd,
        Err(e) => return done(fail(&format_args!("the current folder cannot be found: {e}"), MISUSE)),
    };
    let folders = [cwd.clone()];
    let whose = Whose { home: &user.home, uid: user.uid, folders: &folders };
    let (policy, required) = match policy::load(&whose, Some(""), &judge_example) {
        Ok(policy) => (policy.session(), policy.base.confine.unwrap_or_default()),
        Err(e) => return done(fail(&e, CONFIG)),
    };
    let Arguments { show, json, read, write, command } = arguments;
    let session = match Session::find(Wanted { user, cwd, env: std::env::vars_os().collect(), policy, read, write }) {
        Ok(session) => session,
        Err(e) => return done(fail(&e, e.code())),
    };
    if show {
        return done(say::out(&if json { as_json(&session) } else { words(&session) }).map(|()| 0));
    }
    if let (false, Some(socket)) = (session.unix, session.sockets.first()) {
        let why = format!(
            "the session has no UNIX sockets: `{}` would lead out of it; `sprag run --show` says more",
            socket.display()
        );
        say::note(&sanitise(&why));
    }
    session.start(&command, &required).unwrap_or_else(|e| done(fail(&e, e.code())))
}

fn as_json(session: &Session) -> String {
    let paths = |paths: &BTreeSet<PathBuf>| paths.iter().map(|p| p.to_string_lossy().into_owned()).collect::<Vec<_>>();
    json!({
        "v": 1,
        "read": paths(&session.readable),
        "write": paths(&session.writable),
        "hidden": paths(&session.hidden),
        "unix_sockets": session.unix,
        "sockets": paths(&session.sockets),
        "hidden_variables": session.secrets().collect::<Vec<_>>(),
    })
    .to_string()
}

/// What a person reads.
fn words(session: &Session) -> String {
    let within = |tree: &Path| session.hidden.iter().filter(|path| path.starts_with(tree)).count();
    let line = |tree: &PathBuf| match within(tree) {
        0 => format!("  {}", tree.display()),
        hidden => format!("  {}, without {hidden} that are hidden", tree.display()),
    };
    let mut lines = vec![String::from("a session here could read and run")];
    lines.extend(session.readable.iter().map(line));
    lines.push(String::from("and besides write"));
    lines.extend(session.writable.iter().map(line));
    lines.push(String::from("and nothing else; hidden in these are"));
    lines.extend(session.hidden.iter().map(|path| format!("  {}", path.display())));
    let secrets: Vec<&str> = session.secrets().collect();
    if !secrets.is_empty() {
        lines.push(format!("and the variables {}", secrets.join(", ")));
    }
    lines.push(String::from("it can open any TCP or UDP connection"));
    lines.extend(sockets(session));
    lines.into_iter().map(|line| sanitise(&line)).collect::<Vec<_>>().join("\n")
}

/// What a person reads of UNIX sockets.
fn sockets(session: &Session) -> Vec<String> {
    let head = match (session.unix, session.sockets.is_empty()) {
        (true, true) => "it can make UNIX sockets; none is in reach that is known to lead out of it",
        (true, false) => "it can make UNIX sockets, and reach by them what leads out of it",
        (false, true) => "it can make no UNIX sockets: the policy says so",
        (false, false) => "it can make no UNIX sockets, since these would lead out of it",
    };
    let list = session.sockets.iter().map(|path| format!("  {}", path.display()));
    std::iter::once(String::from(head)).chain(list).collect()
}
