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
mod output;
mod pack;
mod rclone;
mod stream;

pub(super) use archive::inspect as inspect_tar;
pub(super) use copy::{inspect as inspect_copy, inspect_link, inspect_move, inspect_rsync};
pub(super) use device::{inspect as inspect_device, inspect_dd, inspect_mkfs, inspect_parted, inspect_processes};
pub(super) use find::inspect as inspect_find;
pub(super) use mode::{inspect as inspect_mode, inspect_attributes, inspect_owner};
pub(super) use names::is_rebuildable;
pub(super) use output::{Outputs, inspect as inspect_output, inspect_overwrite, inspect_second, written_over};
pub(super) use pack::inspect as inspect_pack;
pub(super) use rclone::inspect as inspect_rclone;
pub(super) use stream::inspect as inspect_sed;

use super::{Findings, Probe};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::tool::Reading;
use ground::{Ground, Place};
use loss::{Act, Judge};
use std::ffi::OsStr;
use std::path::PathBuf;

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

/// Whether a program that is named by its path lies where the caller may put what it likes.
pub(super) fn is_of_the_caller(call: &Call, program: &str) -> bool {
    let place = || Ground::of(call).place(OsStr::new(program), true).0;
    program.contains('/') && !call.around.away && matches!(place(), Place::Inside | Place::Scratch)
}

/// What is lost where files of these names are written.
pub(super) fn overwritten(call: &Call, words: &[PathBuf]) -> Vec<Effect> {
    let found = Judge::new(&Ground::of(call)).all(words, Act::Overwrite);
    if found.is_empty() { harmless(call) } else { found }
}

/// Whether a file of this name, and what it leads to, is temporary.
pub(super) fn is_fleeting(call: &Call, word: &OsStr) -> bool {
    let ground = Ground::of(call);
    let temporary = !ground.away && ground.place(word, true).0 == Place::Scratch;
    temporary && worst(&Judge::new(&ground).one(word, Act::Overwrite)) <= Verb::Write
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
