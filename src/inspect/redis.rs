//! redis-cli and valkey-cli: the server's own commands, on the command line, on standard input and in scripts.
//!
//! A command is known by the table `redis/commands.txt`; any other (a module's, a renamed one) is unknown.

mod lines;

use super::{Findings, Probe, input};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::tool::Reading;
use std::path::Path;

const COMMANDS: &str = include_str!("redis/commands.txt");

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    findings.ports.extend(port(reading));
    let words: Vec<String> = reading.operands().into_iter().map(str::to_owned).collect();
    let mut effects = Vec::new();
    if let Some(script) = reading.parsed.last("-eval") {
        let text = crate::place::read_small(&absolute(&call.cwd, Path::new(script)));
        effects.push(match text {
            Ok(text) => of_script(&text),
            Err(e) => unknown(script, &format!("the script cannot be read: {e}")),
        });
    } else if let Some(sub) = reading.parsed.last("-cluster") {
        effects.push(of_cluster(sub));
    } else if !words.is_empty() {
        effects.push(of_command(&words, Evidence::Argv));
        if let (true, Some(Verb::Escape)) = (reading.parsed.is_on("-x"), effects.first().map(|e| e.verb)) {
            effects.push(unknown("stdin", "a script that comes on standard input"));
        }
    } else if ![
        "-scan",
        "-bigkeys",
        "-memkeys",
        "-hotkeys",
        "-keystats",
        "-stat",
        "-latency",
        "-latency-history",
        "-latency-dist",
    ]
    .iter()
    .any(|mode| reading.parsed.is_on(mode))
        && !["-rdb", "-functions-rdb", "-intrinsic-latency", "-lru-test"].iter().any(|f| reading.parsed.last(f).is_some())
        && !reading.parsed.is_on("-replica")
        && !reading.parsed.is_on("-slave")
    {
        effects.extend(of_input(call, probe, findings));
    }
    if worst(&effects) > Verb::Read {
        findings.effects.retain(|e| e.verb != Verb::Read);
    }
    findings.effects.extend(effects);
}

fn unknown(target: &str, why: &str) -> Effect {
    Effect::new(Verb::Unknown, target, Evidence::Argv).because(why)
}

fn port(reading: &Reading<'_>) -> Option<u16> {
    let of_uri = reading.parsed.last("-u").and_then(|uri| uri.rsplit_once(':')).and_then(|(_, rest)| rest.split('/').next());
    reading.parsed.last("-p").or(of_uri).and_then(|p| p.parse().ok())
}

/// The verb of a command, by its subcommand first.
fn verb(name: &str, sub: Option<&str>) -> Option<Verb> {
    let name = name.to_ascii_lowercase();
    let both = sub.map(|sub| format!("{name}|{}", sub.to_ascii_lowercase()));
    let of = |wanted: &str| {
        let line = COMMANDS.lines().filter(|l| !l.starts_with('#')).find(|l| l.split(' ').skip(1).any(|w| w == wanted))?;
        let word = line.split(' ').next()?;
        Verb::ALL.into_iter().find(|v| v.word() == word)
    };
    both.as_deref().and_then(of).or_else(|| of(&name))
}

/// What a command does.
fn of_command(words: &[String], from: Evidence) -> Effect {
    let name = words.first().map(String::as_str).unwrap_or_default();
    let sub = words.get(1).map(String::as_str);
    // The word behind the command is a key, whatever it says.
    let has = |option: &str| words.iter().skip(2).any(|w| w.eq_ignore_ascii_case(option));
    let shown = name.to_ascii_uppercase();
    let effect = |verb| Effect::new(verb, shown.clone(), from);
    let Some(mut verb) = verb(name, sub) else {
        return effect(Verb::Unknown).because("no command of the server that is known");
    };
    let target = words.get(1).cloned().unwrap_or_default();
    match shown.as_str() {
        "EVAL" | "EVAL_RO" => return of_script(sub.unwrap_or_default()),
        "CONFIG" if verb == Verb::Read && words.iter().skip(2).any(|w| is_secret(w)) => verb = Verb::Reveal,
        "CONFIG" if verb == Verb::Destroy && words.get(2).is_some_and(|w| leads_out(w)) => {
            return effect(Verb::Escape).because("the server writes its files, or loads others, from there on");
        }
        "RESTORE" | "COPY" if has("replace") => verb = Verb::Destroy,
        "GETEX" if ["ex", "px", "exat", "pxat"].into_iter().any(has) => verb = Verb::Destroy,
        "HGETEX" if !["ex", "px", "exat", "pxat"].into_iter().any(has) => verb = Verb::Read,
        "XADD" if keeps_nothing(words) => verb = Verb::Destroy,
        "SET" | "MSETEX" if ["ex", "px", "exat", "pxat"].into_iter().any(has) => {}
        "MIGRATE" if has("copy") => verb = Verb::Write,
        "CLIENT" | "CLUSTER" | "CONFIG" | "ACL" | "XGROUP" | "SCRIPT" | "FUNCTION" => {}
        _ if verb == Verb::Destroy && !target.is_empty() => return Effect::new(verb, target, from).because(shown),
        _ => {}
    }
    effect(verb)
}

/// Whether a stream is cut to nothing: `MAXLEN [=|~] 0`.
fn keeps_nothing(words: &[String]) -> bool {
    let mut behind = words.iter().skip(2).skip_while(|word| !word.eq_ignore_ascii_case("maxlen")).skip(1);
    behind.find(|word| !["=", "~"].contains(&word.as_str())).is_some_and(|word| word == "0")
}

fn is_secret(pattern: &str) -> bool {
    // Its patterns know more than ours.
    if pattern.contains(['[', '\\']) {
        return true;
    }
    let secrets = ["requirepass", "masterauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass"];
    let pattern = wildmatch::WildMatch::new_case_insensitive(pattern);
    secrets.iter().any(|s| pattern.matches(s))
}

/// Settings by which a server can be made to write any file or load any code.
fn leads_out(setting: &str) -> bool {
    let setting = setting.to_ascii_lowercase();
    ["dir", "dbfilename", "loadmodule", "aclfile", "appendfilename", "appenddirname", "logfile", "unixsocket"]
        .contains(&setting.as_str())
        || setting.starts_with("tls-")
}

/// A script: what it calls by name, and that it is code.
fn of_script(text: &str) -> Effect {
    let called = text.split("call(").skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        rest.get(1..)?.split(quote).next()
    });
    let destroys = called.filter(|name| verb(name, None) == Some(Verb::Destroy)).map(str::to_ascii_uppercase).next();
    match destroys {
        Some(name) => Effect::new(Verb::Destroy, "script", Evidence::Argv).because(format!("the script calls {name}")),
        None => Effect::new(Verb::Escape, "script", Evidence::Argv).because("a script runs in the server"),
    }
}

/// What `--cluster SUB` does: many commands to many servers.
fn of_cluster(sub: &str) -> Effect {
    let verb = match sub {
        "info" | "check" | "help" | "backup" => Verb::Read,
        "create" | "add-node" | "rebalance" | "reshard" | "set-timeout" => Verb::Write,
        "del-node" | "fix" | "import" => Verb::Destroy,
        _ => Verb::Unknown,
    };
    Effect::new(verb, format!("cluster {sub}"), Evidence::Argv)
}

/// Commands on standard input, a line each, or in the server's own protocol.
fn of_input(call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Vec<Effect> {
    match input::whole(call, probe, findings) {
        Ok(bytes) => lines::commands(&bytes.unwrap_or_default()).into_iter().map(of_line).collect(),
        Err(effect) => vec![*effect],
    }
}

fn of_line(line: Result<Vec<String>, &'static str>) -> Effect {
    let words = match line {
        Err(why) => return Effect::new(Verb::Unknown, "stdin", Evidence::Stdin).because(why),
        Ok(words) => words,
    };
    // A number in front repeats the command; some words are redis-cli's own.
    let repeated = words.first().is_some_and(|w| w.parse::<u64>().is_ok()) && words.len() > 1;
    let words = words.get(usize::from(repeated)..).unwrap_or_default();
    match words.first().map(|w| w.to_ascii_lowercase()).as_deref() {
        None | Some("quit" | "exit" | "clear" | "help" | "?" | ":set") => Effect::new(Verb::Read, "help", Evidence::Stdin),
        Some("connect") => Effect::new(Verb::Escape, "connect", Evidence::Stdin).because("it goes to another server"),
        Some(_) => of_command(words, Evidence::Stdin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_stands_twice_in_the_table() {
        let mut all: Vec<&str> =
            COMMANDS.lines().filter(|l| !l.starts_with('#')).flat_map(|l| l.split(' ').skip(1)).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(COMMANDS.lines().all(|l| l.starts_with('#') || Verb::ALL.iter().any(|v| l.starts_with(v.word()))));
    }

    #[test]
    fn a_command_is_known_in_any_case_and_by_its_subcommand() {
        let of = |text: &str| of_command(&shell_words::split(text).unwrap(), Evidence::Argv).verb;
        for (text, verb) in [
            ("FlushAll", Verb::Destroy),
            ("get flushall", Verb::Read),
            ("config GET maxmemory", Verb::Read),
            ("config get *", Verb::Reveal),
            ("config get RequirePass", Verb::Reveal),
            ("config set maxmemory 1", Verb::Destroy),
            ("config set dir /etc", Verb::Escape),
            ("client list", Verb::Read),
            ("client kill type normal", Verb::Destroy),
            ("cluster reset", Verb::Destroy),
            ("acl setuser x", Verb::Grant),
            ("eval 'return 1' 0", Verb::Escape),
            ("eval 'return redis.call(\"FLUSHALL\")' 0", Verb::Destroy),
            ("copy a b", Verb::Write),
            ("copy a b replace", Verb::Destroy),
            ("frobnicate", Verb::Unknown),
        ] {
            assert_eq!(of(text), verb, "{text}");
        }
    }
}
