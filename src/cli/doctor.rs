//! `sprag doctor`: what protects this shell, what does not, and where each real tool is.

mod ask;

use super::{FAILED, Format};
use crate::call::User;
use crate::policy::{layers, load};
use crate::profile::{Required, Wall};
use crate::record::{Record, verify};
use crate::run::{self, Candidate};
use crate::say;
use crate::shim::judge_example;
use crate::sys;
use crate::tool;
use std::ffi::OsString;
use std::io;
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
    versions(&user, &mut findings);
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
    let mut absent = Vec::new();
    for name in tool::names() {
        let places = run::candidates(name, &path(), &cwd);
        let real = places.iter().find(|c| !c.is_ours);
        let (state, text) = match (places.first(), real) {
            (None, _) => continue,
            (Some(Candidate { is_ours: true, .. }), Some(real)) => {
                (State::Ok, format!("guarded; the real one is {}", real.path.display()))
            }
            (Some(Candidate { is_ours: true, .. }), None) => {
                absent.push(name);
                continue;
            }
            (Some(first), _) => {
                (State::Problem, format!("not guarded in this shell: PATH leads to {} first", first.path.display()))
            }
        };
        findings.push(Finding { about: name, state, text });
    }
    if !absent.is_empty() {
        const NAMED: usize = 8;
        let more = absent.len().saturating_sub(NAMED);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        absent.truncate(NAMED);
        let text = format!("linked, but no real one is installed: {}{rest}", absent.join(", "));
        findings.push(Finding { about: "links", state: State::Ok, text });
    }
}

/// Which tools are newer than what their files know: a flag or command that is new in them is asked about.
fn versions(user: &User, findings: &mut Vec<Finding>) {
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    for name in tool::names() {
        let Some(tool) = tool::find(name).ok().and_then(|tools| tools.into_iter().next()) else { continue };
        let Some(described) = &tool.described else { continue };
        if run::candidates(name, &path(), &cwd).iter().all(|c| c.is_ours) {
            continue;
        }
        let (state, text) = match ask::version(user, &tool, name) {
            Ok(version) if is_newer(&version, &described.version) => {
                let known = &described.version;
                let text = format!("{version} is newer than {known}, which its shim file knows: what is new is asked about");
                (State::Note, text)
            }
            Ok(_) => continue,
            Err(why) => (State::Note, format!("its version cannot be asked: {why}")),
        };
        findings.push(Finding { about: name, state, text });
    }
}

/// Whether a version is newer than the one a file describes, as far as that one goes: 1.11.4 is no newer than 1.11.
fn is_newer(version: &str, described: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> { text.split('.').map_while(|n| n.parse().ok()).collect() };
    let (version, described) = (numbers(version), numbers(described));
    let shared = version.len().min(described.len());
    version.iter().take(shared).gt(described.iter().take(shared))
}

/// A login shell sets PATH anew; some agents run every command in one.
fn login_shell(user: &User, findings: &mut Vec<Finding>) {
    const SCRIPT: &str = "command -v terraform || true";
    let text = match ask::shell(user, SCRIPT) {
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
                credentials; approval is by the same user. `sprag run -- CMD` starts CMD in a session, which has neither; \
                `sprag run --show` says what it would have. The strength `service` is not part of this version";
    findings.push(Finding { about: "strength", state: State::Note, text: text.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_counts_as_far_as_the_file_goes() {
        assert!(is_newer("1.12.0", "1.11") && is_newer("2.0", "1.11"));
        assert!(!is_newer("1.11.4", "1.11") && !is_newer("1.9.8", "1.11") && !is_newer("17.2", "18"));
    }
}
