//! `sprag log`: the record, in words or as it stands, and whether it is whole.

use super::{FAILED, fail};
use crate::call::User;
use crate::record::{Record, verify};
use crate::say;
use crate::text::{sanitise, shorten};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// What `sprag log` is asked.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// The lines as they stand
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// Check the chain: any edit, removal or reordering shows
    Verify,
    /// Show new lines as they come
    Follow,
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    let record = Record::of(&User::current().state());
    if !record.file().exists() {
        say::error("sprag: nothing is on record yet");
        return Ok(0);
    }
    match arguments.what {
        Some(What::Verify) => check(&record, arguments.json),
        Some(What::Follow) => follow(&record, arguments.json),
        None => {
            show(&mut BufReader::new(File::open(record.file())?), arguments.json)?;
            Ok(0)
        }
    }
}

fn check(record: &Record, json: bool) -> io::Result<i32> {
    match verify(&record.file(), &record.head())? {
        Ok(lines) => {
            let text = serde_json::json!({"v": 1, "whole": true, "lines": lines}).to_string();
            say::out(&if json { text } else { format!("whole: {lines} lines") })?;
            Ok(0)
        }
        Err(broken) if json => {
            let text = serde_json::json!({"v": 1, "whole": false, "line": broken.line, "why": broken.why});
            say::out(&text.to_string())?;
            Ok(FAILED)
        }
        Err(broken) => fail(&format!("{}:{}: {}", record.file().display(), broken.line, broken.why), FAILED),
    }
}

fn show(lines: &mut impl BufRead, json: bool) -> io::Result<()> {
    let mut text = String::new();
    while lines.read_line(&mut text)? > 0 {
        let line = text.trim_end();
        say::out(&if json { line.to_owned() } else { words(line) })?;
        text.clear();
    }
    Ok(())
}

fn follow(record: &Record, json: bool) -> io::Result<i32> {
    let watch = Inotify::init(InitFlags::IN_CLOEXEC)?;
    watch.add_watch(&record.file(), AddWatchFlags::IN_MODIFY)?;
    let mut lines = BufReader::new(File::open(record.file())?);
    loop {
        show(&mut lines, json)?;
        watch.read_events()?;
    }
}

/// One line of the record in words.
fn words(line: &str) -> String {
    const WIDTH: usize = 80;
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return format!("not a line of the record: {}", shorten(line, WIDTH));
    };
    let text = |key: &str| sanitise(value.get(key).and_then(Value::as_str).unwrap_or_default());
    let argv = || {
        let words = value.get("argv").and_then(Value::as_array).cloned().unwrap_or_default();
        shorten(&words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "), WIDTH)
    };
    let what = match text("kind").as_str() {
        "intent" => format!("runs     {} `{}` in {} ({})", text("verb"), argv(), text("cwd"), text("rule")),
        "refusal" => {
            format!("refused  {} `{}` in {} ({}, {})", text("verb"), argv(), text("cwd"), text("decision"), text("rule"))
        }
        "barred" => format!("barred   `{}` in {}: `{}` is outside of its session", argv(), text("cwd"), text("named")),
        "handed" => "handed   to the session that called it".to_owned(),
        "session" => format!("session  `{}` in {}", argv(), text("cwd")),
        "aid" => format!("aid      {} `{}`", text("aid"), argv()),
        "outcome" => format!("ended    {}", ending(&value)),
        "answer" => format!("answer   {} {} by {}", text("answer"), text("request"), text("by")),
        other => format!("{:8} {}", sanitise(other), shorten(line, WIDTH)),
    };
    format!("{}  {what}", text("at"))
}

fn ending(value: &Value) -> String {
    let number = |key: &str| value.get(key).and_then(Value::as_i64);
    match (number("exit"), number("signal")) {
        (Some(code), _) => format!("with {code}"),
        (_, Some(signal)) => format!("by signal {signal}"),
        _ => format!("before it began: {}", sanitise(value.get("error").and_then(Value::as_str).unwrap_or_default())),
    }
}
