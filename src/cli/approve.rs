//! `sprag pending`, `approve` and `refuse`: a person's answers to requests.

use super::{FAILED, Format, fail};
use crate::approve::{Asked, Proof, Question, Request, Store, Terminal};
use crate::call::User;
use crate::policy::{self, layers};
use crate::record::{Durability, Event, Record};
use crate::say;
use crate::shim;
use crate::text::{sanitise, shorten};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which request.
#[derive(clap::Args)]
pub(super) struct Id {
    /// The request's id, as the refusal named it
    #[arg(value_name = "ID")]
    id: String,
}

/// The store with the system's limits; where the policy cannot be read, with the built-in ones.
fn store(user: &User) -> Store {
    let whose = layers::Whose { home: &user.home, uid: user.uid, folders: &[] };
    let policy = policy::load(&whose, Some(""), &shim::judge_example).or_else(|_| layers::built_in()).unwrap_or_default();
    Store::of(&user.state(), &policy.base.approval.unwrap_or_default())
}

pub(super) fn pending(format: Format) -> io::Result<i32> {
    let requests = match store(&User::current()).standing() {
        Ok(requests) => requests,
        Err(e) => return fail(&e, FAILED),
    };
    for request in &requests {
        if format.json {
            let line = serde_json::json!({
                "v": 1, "id": request.id, "tool": request.subject.tool, "argv": request.subject.argv,
                "folder": request.subject.folder, "effects": request.subject.effects, "asked_at": request.asked_at,
                "approve_until": request.approve_until, "approved": request.given.is_some(), "digest": request.digest,
            });
            say::out(&line.to_string())?;
        } else {
            say::out(&line(request))?;
        }
    }
    if requests.is_empty() && !format.json {
        say::error("sprag: no request waits");
    }
    Ok(0)
}

fn line(request: &Request) -> String {
    const WIDTH: usize = 60;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let until = request.given.as_ref().map_or(request.approve_until, |g| g.run_until);
    let state = if request.given.is_some() { "approved, can be run" } else { "waits" };
    let minutes = until.saturating_sub(now).div_ceil(60);
    format!("{}  {state} for {minutes} min  `{}`", request.id, shorten(&request.subject.command(), WIDTH))
}

pub(super) fn approve(arguments: &Id) -> io::Result<i32> {
    let user = User::current();
    let store = store(&user);
    let request = match store.find(&arguments.id) {
        Ok(request) => request,
        Err(e) => return fail(&e, FAILED),
    };
    let Some(mut terminal) = Terminal::open() else {
        return fail(&"approving needs a terminal with a person at it; run this in a shell of your own", FAILED);
    };
    let subject = &request.subject;
    let text = say::request(&subject.command(), &subject.folder, &subject.environments, &subject.effects);
    let name = subject.name_to_type();
    let asked = terminal.ask(&Question { text: &text, name_to_type: name.as_deref() });
    if asked == Asked::No {
        return fail(&format!("not approved; `{}` still waits", sanitise(&request.id)), FAILED);
    }
    let proof = Proof::Terminal { uid: user.uid, name: user.name.clone() };
    let by = format!("{} (uid {})", user.name, user.uid);
    let event = Event::Answer { request: &request.id, answer: "approve", by: &by };
    if let Err(e) = Record::of(&user.state()).append(&event, Durability::Disk) {
        return fail(&format!("{e}; an approval that is not on record does not count"), FAILED);
    }
    if let Err(e) = store.approve(&request.id, proof) {
        return fail(&e, FAILED);
    }
    say::error("sprag: approved; the same command, run again in the same place, goes through once");
    Ok(0)
}

pub(super) fn refuse(arguments: &Id) -> io::Result<i32> {
    let user = User::current();
    let id = arguments.id.to_ascii_uppercase();
    if let Err(e) = store(&user).refuse(&id) {
        return fail(&e, FAILED);
    }
    let by = format!("{} (uid {})", user.name, user.uid);
    // The request is gone, recorded or not.
    let _ = Record::of(&user.state()).append(&Event::Answer { request: &id, answer: "refuse", by: &by }, Durability::Kernel);
    say::error("sprag: refused; the request is gone");
    Ok(0)
}
