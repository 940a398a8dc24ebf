//! `sprag check`: the same judgement as a run, and nothing is run.

use super::{CONFIG, MISUSE, fail};
use crate::call::{Around, Call, Stdin, User, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::Unasked;
use crate::policy::{self, Context, Policy, PolicyError};
use crate::say::{self, Refused};
use crate::shim::{self, Shims};
use crate::tool;
use crate::verdict::{Decision, Verdict};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

/// What `sprag check` is asked.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Answer with one JSON line
    #[arg(long)]
    json: bool,
    /// Read one JSON object a line from standard input, answer one line each
    #[arg(long, conflicts_with = "command")]
    batch: bool,
    /// The command line, after `--`
    #[arg(last = true, value_name = "TOOL ARGS")]
    command: Vec<OsString>,
}

/// One case of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    id: Value,
    argv: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    cwd: Option<PathBuf>,
}

/// What a check found.
struct Checked {
    tool: Option<String>,
    verdict: Verdict,
    argv: Vec<String>,
}

/// The exit code of a decision.
pub(super) fn code(decision: Decision) -> i32 {
    match decision {
        Decision::Allow => 0,
        Decision::Ask => 75,
        Decision::Deny => 77,
    }
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    if arguments.batch {
        return batch();
    }
    if arguments.command.is_empty() {
        return fail(&"no command to check; write it after `--`: `sprag check -- terraform destroy`", MISUSE);
    }
    let user = User::current();
    let cwd = std::env::current_dir()?;
    let Some(mut call) = shim::call_of_words(arguments.command.clone(), &cwd) else { return Ok(MISUSE) };
    call.env = std::env::vars_os().collect();
    // What would stand on standard input then is not what stands there now.
    call.stdin = Stdin::Pipe;
    let checked = match check(&call, &user) {
        Ok(checked) => checked,
        Err(why) => return fail(&why, CONFIG),
    };
    let verdict = &checked.verdict;
    if arguments.json {
        say::out(&say::verdict_json(None, checked.tool.as_deref(), verdict, &checked.argv))?;
    } else if verdict.decision() == Decision::Allow {
        say::out(&format!("allow: {}", say::headline(&shell_words::join(&checked.argv), verdict)))?;
    } else {
        let text = say::refusal(&Refused {
            command: &shell_words::join(&checked.argv),
            verdict,
            request: None,
            why: None,
            ran: None,
        });
        say::out(&text.replacen("sprag: refused", verdict.decision().word(), 1))?;
    }
    Ok(code(verdict.decision()))
}

/// Judges a call as its run would, but starts nothing.
fn check(call: &Call, user: &User) -> Result<Checked, String> {
    if !tool::is_known(&call.name) {
        return Ok(no_such_tool(call, user));
    }
    let shims = Shims::of(call).map_err(|e| e.to_string())?;
    let reading = shims.read(call);
    let policy = shim::policy_for(user, call, &reading.folder);
    let judged = shim::judge(call, user, (&shims, &reading), policy.as_ref(), &Unasked(call));
    if let Err(PolicyError(why)) = &policy
        && judged.verdict.verb() > Verb::Read
    {
        return Err(why.clone());
    }
    let argv = judged.order.argv.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    Ok(Checked { tool: Some(call.name.clone()), verdict: judged.verdict, argv })
}

/// A name that no shim has: nothing can be said of it.
fn no_such_tool(call: &Call, user: &User) -> Checked {
    let effect = Effect::new(Verb::Unknown, call.name.clone(), Evidence::Argv).because("no shim file knows this name");
    Checked { tool: None, verdict: verdict_of(effect, user, call), argv: call.words() }
}

fn verdict_of(effect: Effect, user: &User, call: &Call) -> Verdict {
    let policy: Policy = shim::policy_for(user, call, &call.cwd).or_else(|_| policy::layers::built_in()).unwrap_or_default();
    policy::decide(&policy, &[effect], &Context { tool: call.name.clone(), ..Context::default() })
}

fn batch() -> io::Result<i32> {
    let user = User::current();
    let here = std::env::current_dir()?;
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        say::out(&one(&line, &user, &here))?;
    }
    Ok(0)
}

/// The answer to one line; a line that cannot be read is unknown, not left out.
fn one(line: &[u8], user: &User, here: &Path) -> String {
    let broken = |id: &Value, why: String| {
        let call = Call {
            name: String::new(),
            other_name: None,
            link: PathBuf::new(),
            argv: vec![],
            env: BTreeMap::new(),
            cwd: here.to_owned(),
            stdin: Stdin::Null,
            around: Around::default(),
        };
        let effect = Effect::new(Verb::Unknown, "", Evidence::Argv).because(why);
        say::verdict_json(Some(id), None, &verdict_of(effect, user, &call), &[])
    };
    let case: Case = match serde_json::from_slice(line) {
        Ok(case) => case,
        Err(e) => {
            let id = serde_json::from_slice::<Value>(line).ok().and_then(|v| v.get("id").cloned()).unwrap_or_default();
            return broken(&id, format!("the line is no case: {e}"));
        }
    };
    let cwd = case.cwd.as_deref().map_or_else(|| here.to_owned(), |c| absolute(here, c));
    let words = case.argv.into_iter().map(OsString::from).collect();
    let Some(mut call) = shim::call_of_words(words, &cwd) else { return broken(&case.id, "`argv` is empty".to_owned()) };
    call.env = case.env.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
    call.stdin = case.stdin.map_or(Stdin::Null, |text| Stdin::Text(text.into_bytes()));
    match check(&call, user) {
        Ok(c) => say::verdict_json(Some(&case.id), c.tool.as_deref(), &c.verdict, &c.argv),
        Err(why) => broken(&case.id, why),
    }
}
