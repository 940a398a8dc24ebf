//! Files by their paths: what a call removes, writes over, moves or makes another's, and whether that is a loss.
//!
//! What a call hits is resolved as the tool resolves it. Inside the workspace the repository is the evidence that nothing is lost; so
//! are, for what it does not hold, names that a build makes again. A path that changes its meaning between this look and the
//! tool's own (a symlink that is swapped) is not seen: walls are for that.

mod archive;
mod copy;
mod device;
mod find;
mod ground;
mod loss;
mod mode;
mod names;
mod stream;

pub(super) use archive::inspect as inspect_tar;
pub(super) use copy::{inspect as inspect_copy, inspect_link, inspect_move, inspect_rsync};
pub(super) use device::{inspect as inspect_device, inspect_dd, inspect_mkfs, inspect_parted, inspect_processes};
pub(super) use find::inspect as inspect_find;
pub(super) use mode::{inspect as inspect_mode, inspect_attributes, inspect_owner};
pub(super) use stream::inspect as inspect_sed;

use super::{Findings, Probe};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use ground::{Ground, Place};
use loss::{Act, Judge};
use std::ffi::OsStr;

/// The operands, as bytes.
fn operands<'r>(reading: &'r Reading<'_>) -> Vec<&'r OsStr> {
    reading.parsed.operands.iter().filter_map(|i| reading.words.get(*i)).map(|w| w.raw.as_os_str()).collect()
}

/// Puts `effects` in the place of what argv alone says of the command; what was not understood of it, and what flags add, stays.
fn settle(reading: &Reading<'_>, call: &Call, findings: &mut Findings, effects: Vec<Effect>) {
    let problems = reading.effects.iter().filter(|e| e.verb == Verb::Unknown).cloned();
    findings.effects = problems.chain(reading.standing(call)).chain(effects).collect();
}

/// The call lacks something that the tool does not do without.
fn lacking(call: &Call, what: &str) -> Vec<Effect> {
    vec![Effect::new(Verb::Unknown, call.name.clone(), Evidence::Argv).because(format!("{what} is missing"))]
}

/// The words `--help` or `--version` of a tool without flags.
fn is_help(words: &[&OsStr]) -> bool {
    matches!(words, [one] if *one == "--help" || *one == "--version" || *one == "-V")
}

fn help() -> Vec<Effect> {
    vec![Effect::new(Verb::Read, "help", Evidence::Argv)]
}

/// Files that a flag or an operand of any tool names for its output, and that are the machine's, sprag's own or a device: no output
/// belongs there. What is kept under /var and /run is.
pub(super) fn written_over(reading: &Reading<'_>, call: &Call) -> Vec<Effect> {
    use std::os::unix::fs::FileTypeExt;
    if reading.mild || call.around.away {
        return vec![];
    }
    let is_there = |path: &std::path::PathBuf| path.metadata().is_ok_and(|m| m.is_file() || m.file_type().is_block_device());
    let real: Vec<_> = reading.paths().write.into_iter().filter(is_there).filter_map(|p| p.canonicalize().ok()).collect();
    if real.is_empty() {
        return vec![];
    }
    let ground = Ground::of(call);
    let changing = |path: &std::path::PathBuf| ["/var", "/run"].iter().any(|kept| path.starts_with(kept));
    let lost = real.iter().filter_map(|path| {
        let place = ground.place_of(path);
        let belongs_to_others = matches!(place, Place::System | Place::Own | Place::Device);
        let note = format!("{} is written over", place.words());
        let effect = || Effect::new(Verb::Destroy, path.to_string_lossy(), Evidence::Argv).because(note);
        (belongs_to_others && !(place == Place::System && changing(path))).then(effect)
    });
    lost.collect()
}

/// rm, rmdir, unlink: what the operands name goes away.
pub(super) fn inspect_remove(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let words = operands(reading);
    let effects = if words.is_empty() { harmless(call) } else { Judge::new(&ground).all(&words, Act::Remove) };
    settle(reading, call, findings, effects);
}

/// Without operands the tool does nothing, or complains.
fn harmless(call: &Call) -> Vec<Effect> {
    vec![Effect::new(Verb::Write, call.name.clone(), Evidence::Argv).because("no file is named")]
}

/// tee, truncate: the files that the operands name get another content, unless a flag says that they only grow.
pub(super) fn inspect_overwrite(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let grows = reading.parsed.is_on("--append")
        || reading.parsed.last("--size").is_some_and(|s| s.starts_with(['+', '>']) && s.len() > 1);
    let words = operands(reading);
    let act = if reading.parsed.last("--size").is_some() { Act::Empty } else { Act::Overwrite };
    let mut effects = judge.all(&words, act);
    if grows {
        effects = words.into_iter().flat_map(|word| grown(&judge, word)).collect();
    }
    if effects.is_empty() {
        effects = harmless(call);
    }
    settle(reading, call, findings, effects);
}

/// A file that only gets longer loses nothing; a device has no end to add to, and sprag's own files are no one else's.
fn grown(judge: &Judge<'_>, word: &OsStr) -> Vec<Effect> {
    use ground::Place;
    let (place, path) = judge.ground.place(word, true);
    match place {
        Place::Own | Place::Device | Place::Unseen => judge.one(word, Act::Overwrite),
        Place::Nowhere | Place::Top | Place::Inside | Place::Scratch | Place::System | Place::Home | Place::Outside => {
            let effect = Effect::new(Verb::Write, loss::shown(word, place, &path), Evidence::Argv);
            vec![effect.because("only added to")]
        }
    }
}

/// sort -o: the file that the flag names.
pub(super) fn inspect_output(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let Some(output) = reading.parsed.last("--output") else { return };
    let effects = Judge::new(&Ground::of(call)).one(OsStr::new(output), Act::Overwrite);
    settle(reading, call, findings, effects);
}

/// uniq: the second operand is written.
pub(super) fn inspect_second(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = operands(reading);
    let Some(output) = words.get(1) else { return };
    let effects = Judge::new(&Ground::of(call)).one(output, Act::Overwrite);
    settle(reading, call, findings, effects);
}

/// What a program can do that is given a folder or file of this machine, where that is more than to work in the workspace or
/// with what is temporary: what there is to say of it, and the verb.
pub(super) fn given(call: &Call, word: &OsStr, read_only: bool) -> Option<(Verb, &'static str)> {
    let ground = Ground::of(call);
    let (place, path) = ground.place(word, true);
    let whole = ground.workspace.as_deref() == Some(path.as_path());
    match place {
        _ if path.extension().is_some_and(|e| e == "sock") => {
            Some((Verb::Escape, "whoever has this socket can do all that its server can"))
        }
        Place::Inside | Place::Scratch | Place::Nowhere => None,
        Place::Top if whole => None,
        Place::System | Place::Outside if read_only => None,
        Place::Home | Place::Top | Place::Own | Place::Unseen | Place::Device if read_only => {
            Some((Verb::Reveal, "it can read what lies there"))
        }
        Place::System | Place::Outside | Place::Home | Place::Top | Place::Own | Place::Unseen | Place::Device => {
            Some((Verb::Escape, "it can change what lies there"))
        }
    }
}
