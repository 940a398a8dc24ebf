//! `sprag doctor`: what protects this shell, what does not, and where each real tool is.

use super::{FAILED, Format};
use crate::call::User;
use crate::policy::{layers, load};
use crate::profile::{Profile, Required, Wall, Walls};
use crate::record::{Record, verify};
use crate::run::{self, Candidate, Outcome};
use crate::say;
use crate::shim::judge_example;
use crate::sys;
use crate::tool;
use crate::verdict::{Aid, Input, Order, Permit};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Note,
    Problem,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Problem => "problem",
        }
    }
}

struct Finding {
    about: &'static str,
    state: State,
    text: String,
}

pub(super) fn main(format: Format) -> io::Result<i32> {
    let user = User::current();
    run::sweep();
    let mut findings = Vec::new();
    links(&mut findings);
    login_shell(&user, &mut findings);
    kernel(&user, &mut findings);
    policy(&user, &mut findings);
    record(&user, &mut findings);
    strength(&mut findings);
    for finding in &findings {
        let (state, about, text) = (finding.state.word(), finding.about, &finding.text);
        let json = || serde_json::json!({"v": 1, "state": state, "about": about, "text": text}).to_string();
        say::out(&if format.json { json() } else { format!("{state:8} {about}: {text}") })?;
    }
    Ok(if findings.iter().any(|f| f.state == State::Problem) { FAILED } else { 0 })
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Where each tool is, and whether its link comes first.
fn links(findings: &mut Vec<Finding>) {
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    for name in tool::names() {
        let places = run::candidates(name, &path(), &cwd);
        let real = places.iter().find(|c| !c.is_ours);
        let (state, text) = match (places.first(), real) {
            (None, _) => continue,
            (Some(Candidate { is_ours: true, .. }), Some(real)) => {
                (State::Ok, format!("guarded; the real one is {}", real.path.display()))
            }
            (Some(Candidate { is_ours: true, .. }), None) => (State::Note, "guarded; no real one is installed".to_owned()),
            (Some(first), _) => {
                (State::Problem, format!("not guarded in this shell: PATH leads to {} first", first.path.display()))
            }
        };
        findings.push(Finding { about: name, state, text });
    }
}

/// A login shell sets PATH anew; some agents run every command in one.
fn login_shell(user: &User, findings: &mut Vec<Finding>) {
    const SCRIPT: &str = "command -v terraform || true";
    let text = match ask_shell(user, SCRIPT) {
        Err(why) => Finding { about: "bash -lc", state: State::Note, text: format!("could not be asked: {why}") },
        Ok(found) => {
            let found = found.lines().last().unwrap_or_default().trim().to_owned();
            let ours = run::candidates(
                "terraform",
                Path::new(&found).parent().unwrap_or(Path::new("/")).as_os_str(),
                Path::new("/"),
            );
            if ours.first().is_some_and(|c| c.is_ours) {
                Finding { about: "bash -lc", state: State::Ok, text: "the links come first there too".to_owned() }
            } else {
                let text = "does not find the links first: the system's profile sets PATH anew; write the PATH line into ~/.profile".to_owned();
                Finding { about: "bash -lc", state: State::Problem, text }
            }
        }
    };
    findings.push(text);
}

/// Runs a script in a login shell, unconfined: it is the user's own start-up files that are asked.
fn ask_shell(user: &User, script: &str) -> Result<String, String> {
    let fail = |e: &dyn std::fmt::Display| e.to_string();
    let out: OwnedFd = tempfile::tempfile().map_err(|e| fail(&e))?.into();
    let order = Order {
        tool: "bash".to_owned(),
        argv: ["bash", "-lc", script].map(OsString::from).to_vec(),
        env: std::env::vars_os().collect::<BTreeMap<_, _>>(),
        cwd: PathBuf::from("/"),
        folder: PathBuf::from("/"),
        workspace: PathBuf::from("/"),
        profile: Profile { walls: Walls::None, ..Profile::default() },
        verb: crate::effect::Verb::Read,
        read: vec![],
        write: vec![],
        ports: vec![],
        stdin: Input::Null,
        stdout: Some(out.try_clone().map_err(|e| fail(&e))?),
        stderr: None,
        sift: None,
        sift_errors: None,
        keep: vec![],
        discharged: vec![],
    };
    let setting = run::Setting { home: &user.home, required: &Required::default(), links: None, last: false };
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

/// What this kernel's Landlock gives, and what is lost below the newest.
fn kernel(user: &User, findings: &mut Vec<Finding>) {
    let abi = sys::landlock_abi();
    let lost: Vec<&str> = [
        (1, "no walls round files: nothing runs unless the policy names the degraded mode"),
        (3, "a file that may not be written can still be cut short"),
        (4, "no rules for TCP ports"),
        (5, "no rules for device commands"),
        (6, "signals and abstract sockets reach outside the walls"),
        (9, "UNIX sockets by path can be connected to, whatever stands behind them"),
    ]
    .iter()
    .filter(|(since, _)| abi < *since)
    .map(|(_, what)| *what)
    .collect();
    let state = if abi == 0 {
        State::Problem
    } else if lost.is_empty() {
        State::Ok
    } else {
        State::Note
    };
    let lost = if lost.is_empty() { "nothing is lost".to_owned() } else { lost.join("; ") };
    findings.push(Finding { about: "landlock", state, text: format!("ABI {abi}: {lost}") });
    let required = load_required(user);
    let missing: Vec<&str> = required.require.iter().filter(|w: &&Wall| abi < w.since_abi()).map(|w| w.word()).collect();
    if !missing.is_empty() {
        let text =
            format!("the policy requires {}, which this kernel has not: calls are refused with 71", missing.join(", "));
        findings.push(Finding { about: "walls", state: State::Problem, text });
    }
    if sys::seccomp_mode() == 2 {
        let text = "this shell already stands behind a seccomp filter (a container or another sandbox)".to_owned();
        findings.push(Finding { about: "seccomp", state: State::Note, text });
    }
}

fn load_required(user: &User) -> Required {
    let whose = layers::Whose { home: &user.home, uid: user.uid, folders: &[] };
    load(&whose, Some(""), &judge_example).ok().and_then(|p| p.base.confine).unwrap_or_default()
}

fn policy(user: &User, findings: &mut Vec<Finding>) {
    let folders: Vec<PathBuf> = std::env::current_dir().into_iter().collect();
    let whose = layers::Whose { home: &user.home, uid: user.uid, folders: &folders };
    let (state, text) = match load(&whose, None, &judge_example) {
        Ok(_) => (State::Ok, "can be used, and all its examples hold".to_owned()),
        Err(e) => (State::Problem, e.to_string()),
    };
    findings.push(Finding { about: "policy", state, text });
    if user.home_from_variable {
        let text = "the password database does not know this user: HOME says where policy and record are".to_owned();
        findings.push(Finding { about: "home", state: State::Note, text });
    }
}

fn record(user: &User, findings: &mut Vec<Finding>) {
    let record = Record::of(&user.state());
    let (state, text) = match verify(&record.file(), &record.head()) {
        Ok(Ok(lines)) => (State::Ok, format!("whole, {lines} lines in {}", record.file().display())),
        Ok(Err(broken)) => (State::Problem, format!("{}:{}: {}", record.file().display(), broken.line, broken.why)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => (State::Ok, format!("nothing yet in {}", record.file().display())),
        Err(e) => (State::Problem, format!("{}: {e}", record.file().display())),
    };
    findings.push(Finding { about: "record", state, text });
}

/// Which of the three strengths this is, and what it does not stop.
fn strength(findings: &mut Vec<Finding>) {
    let text = "shim: the links stop mistakes. An absolute path, another PATH or a library still reaches the tools and the \
                credentials; approval is by the same user. The strengths `session` and `service` are not part of this version";
    findings.push(Finding { about: "strength", state: State::Note, text: text.to_owned() });
}
