//! Disks, and what else is named by words of its own: dd, mkfs, fdisk, parted; and the ends of processes.

use super::ground::{Ground, Place};
use super::loss::{Act, Judge};
use super::{help, is_help, lacking, operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe};
use crate::tool::Reading;
use std::ffi::OsStr;

/// fdisk, sfdisk: the operands are disks, or images of disks.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = operands(reading);
    let effects = match words.first() {
        None => lacking(call, "a device"),
        Some(device) => Judge::new(&Ground::of(call)).one(device, Act::Overwrite),
    };
    settle(reading, call, findings, effects);
}

/// dd: `of=` is written, with all that stood in it gone; the last one counts.
pub(in crate::inspect) fn inspect_dd(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    const NAMES: [&str; 14] =
        ["if", "of", "bs", "ibs", "obs", "cbs", "conv", "count", "skip", "iseek", "seek", "oseek", "status", "iflag"];
    let words = operands(reading);
    if is_help(&words) {
        return settle(reading, call, findings, help());
    }
    let mut output = None;
    let mut effects = Vec::new();
    for word in &words {
        let text = word.to_string_lossy();
        match text.split_once('=') {
            Some(("of", file)) => output = Some(file.to_owned()),
            Some((name, _)) if NAMES.contains(&name) || name == "oflag" => {}
            Some(_) | None if text == "--" => {}
            Some(_) | None => {
                let note = format!("`{text}` is no operand of dd that is known");
                effects.push(Effect::new(Verb::Unknown, text.into_owned(), Evidence::Argv).because(note));
            }
        }
    }
    match output {
        Some(file) => effects.extend(Judge::new(&Ground::of(call)).one(OsStr::new(&file), Act::Overwrite)),
        None => effects.push(Effect::new(Verb::Write, "standard output", Evidence::Argv)),
    }
    settle(reading, call, findings, effects);
}

/// mkfs and its like: every kind has flags of its own, so that only devices, and files that are there, are sure to be what is meant.
pub(in crate::inspect) fn inspect_mkfs(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = operands(reading);
    let ext = ["mkfs.ext2", "mkfs.ext3", "mkfs.ext4", "mke2fs"].contains(&call.name.as_str());
    let tries = |w: &&OsStr| (ext && **w == *"-n") || (call.name == "mkfs.xfs" && **w == *"-N");
    if is_help(&words) || words.iter().any(tries) {
        return settle(reading, call, findings, help());
    }
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let named: Vec<&OsStr> = words.into_iter().filter(|w| !w.to_string_lossy().starts_with('-')).collect();
    let is_device = |w: &&OsStr| matches!(ground.place(w, true).0, Place::Device | Place::Unseen);
    let devices: Vec<&OsStr> = named.iter().filter(|w| is_device(w)).copied().collect();
    let effects = match (devices.is_empty(), named.is_empty()) {
        (_, true) => lacking(call, "a device"),
        (false, _) => judge.all(&devices, Act::Overwrite).into_iter().map(Effect::irreversible).collect(),
        (true, _) => judge.all(&named, Act::Overwrite),
    };
    settle(reading, call, findings, effects);
}

/// parted: a device, then commands, of which some only show.
pub(in crate::inspect) fn inspect_parted(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let texts = reading.operands();
    let words = operands(reading);
    let shows = only_shows(texts.get(1..).unwrap_or_default());
    let effects = match words.first() {
        None => lacking(call, "a device"),
        Some(device) if shows => vec![Effect::new(Verb::Read, device.to_string_lossy(), Evidence::Argv)],
        Some(device) => Judge::new(&Ground::of(call)).one(device, Act::Overwrite),
    };
    settle(reading, call, findings, effects);
}

/// Whether these commands of parted, one or more with their words, change nothing.
fn only_shows(commands: &[&str]) -> bool {
    let begins = |full: &str, word: &str| !word.is_empty() && full.starts_with(word);
    let mut rest = commands;
    while let [command, more @ ..] = rest {
        let taken = match more.first() {
            _ if begins("quit", command) || begins("version", command) => 0,
            Some(_) if begins("unit", command) || begins("help", command) => 1,
            Some(_) if begins("align-check", command) => 2,
            Some(what) if begins("print", command) => {
                usize::from(["free", "list", "all", "devices"].contains(what) || what.parse::<u32>().is_ok())
            }
            None if begins("print", command) || begins("help", command) => 0,
            Some(_) | None => return false,
        };
        rest = more.get(taken..).unwrap_or_default();
    }
    !commands.is_empty()
}

/// kill, pkill, killall, fuser: processes end, unless only their names or signals are asked for.
pub(in crate::inspect) fn inspect_processes(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = reading.operands();
    let is_flag = |w: &&&str| w.starts_with('-') && w.len() > 1;
    let value_flags = ["-s", "--signal", "-u", "-U", "-g", "-G", "-P", "-t", "-n", "-F", "-q", "-o", "-y", "-N"];
    let mut named = Vec::new();
    let mut previous = "";
    for word in &words {
        let pid = word.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok()) && !previous.is_empty();
        if (!is_flag(&word) && !value_flags.contains(&previous)) || (pid && call.name == "kill") {
            named.push(*word);
        }
        previous = word;
    }
    let has = |wanted: &[&str]| words.iter().any(|w| wanted.contains(w));
    let asks = has(&["-0", "-l", "-L", "--list", "--table", "--help", "-V", "--version"])
        || words.windows(2).any(|p| matches!(p, ["-s" | "--signal", "0" | "EXIT"]))
        || (call.name == "fuser"
            && !words.iter().any(|w| *w == "--kill" || (is_flag(&w) && !w.starts_with("--") && w.contains('k'))));
    let effects = match (asks, named.is_empty()) {
        (true, _) => vec![Effect::new(Verb::Read, call.name.clone(), Evidence::Argv)],
        (false, true) => lacking(call, "a process"),
        (false, false) => named
            .into_iter()
            .map(|n| Effect::new(Verb::Destroy, n, Evidence::Argv).because("processes end with what they hold"))
            .collect(),
    };
    settle(reading, call, findings, effects);
}
