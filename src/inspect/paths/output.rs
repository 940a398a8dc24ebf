//! What is written: by `tee` and the like, which their inspectors judge, and by every other tool that names a file for its output.

use super::ground::{Ground, Place};
use super::loss::{self, Act, Judge, TRUSTED};
use super::{harmless, operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, LOCAL_FILE, Verb};
use crate::inspect::{Findings, Piece, Probe, Reader};
use crate::tool::Reading;
use std::ffi::OsStr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Files that a flag or an operand of any tool names for its output, or the commands that it is given, and that no output belongs
/// over.
pub(in crate::inspect) fn written_over(reading: &Reading<'_>, call: &Call, findings: &Findings) -> Vec<Effect> {
    if reading.mild || call.around.away {
        return vec![];
    }
    let named = reading.paths().write;
    let by_commands = findings.effects.iter().any(|effect| effect.kind == LOCAL_FILE);
    if named.is_empty() && !by_commands {
        return vec![];
    }
    let ground = Ground::of(call);
    let mut effects: Vec<Effect> = Vec::new();
    let outputs = named.iter().filter_map(|path| output(&ground, path));
    for effect in outputs.chain(of_commands(&ground, &findings.effects)) {
        if !effects.iter().chain(&findings.effects).any(|e| e.verb == effect.verb && e.target == effect.target) {
            effects.push(effect);
        }
    }
    effects
}

/// A file that a client reads out of its own machine and sends to the server: one of those by which programs are set up, or that not
/// everybody may read.
fn sent(ground: &Ground, path: &Path) -> Option<Effect> {
    const OTHERS: u32 = 0o004;
    let (place, path) = ground.place(ground.expanded(path).as_os_str(), true);
    let kept = match place {
        Place::Own | Place::Device => true,
        Place::Home => ground.is_setting(&path),
        Place::System => path.metadata().is_ok_and(|m| m.mode() & OTHERS == 0),
        Place::Unseen | Place::Nowhere | Place::Top | Place::Inside | Place::Scratch | Place::Outside => false,
    };
    let effect = || Effect::new(Verb::Reveal, path.to_string_lossy(), Evidence::Argv);
    kept.then(|| effect().because("the file is sent to the server"))
}

/// What a client's own commands do to the files of this machine that effects name.
fn of_commands(ground: &Ground, effects: &[Effect]) -> Vec<Effect> {
    let local = effects.iter().filter(|effect| effect.kind == LOCAL_FILE);
    let judged = |effect: &Effect| match effect.verb {
        Verb::Read => sent(ground, Path::new(&effect.target)),
        Verb::Write => output(ground, Path::new(&effect.target)),
        Verb::Reveal | Verb::Grant | Verb::Escape | Verb::Destroy | Verb::Unknown => None,
    };
    local.filter_map(judged).collect()
}

/// What an output does to a file that is the machine's, sprag's own, a device, or what a program of the home is set up by. What is
/// kept under /var and /run is an output's as well as anything.
pub(super) fn output(ground: &Ground, path: &Path) -> Option<Effect> {
    let (place, path) = ground.place(ground.expanded(path).as_os_str(), true);
    let is_there = path.metadata().is_ok_and(|m| m.is_file() || m.file_type().is_block_device());
    let effect = |verb, note: &str| Effect::new(verb, path.to_string_lossy(), Evidence::Argv).because(note);
    let changing = || ["/var", "/run"].iter().any(|kept| path.starts_with(kept));
    let belongs_to_others = match place {
        Place::System => !changing(),
        Place::Home => ground.is_setting(&path),
        Place::Own | Place::Device => true,
        Place::Unseen | Place::Nowhere | Place::Top | Place::Inside | Place::Scratch | Place::Outside => false,
    };
    if is_there && belongs_to_others {
        return Some(effect(Verb::Destroy, &format!("{} is written over", place.words())));
    }
    // What was written before by the same call, or is no one's work, is what outputs are for.
    if is_there && place == Place::Inside && Judge::new(ground).is_edited(&path) {
        return Some(effect(Verb::Destroy, "changed since the last commit"));
    }
    ground.is_trusted(&path).then(|| effect(Verb::Grant, TRUSTED))
}

/// Reads standard input as another reader does, and looks where the commands in it write to.
#[derive(Debug)]
pub(in crate::inspect) struct Outputs {
    reader: Box<dyn Reader>,
    ground: Ground,
}

impl Outputs {
    /// What `reader` reads for `call`.
    pub(in crate::inspect) fn of(reader: Box<dyn Reader>, call: &Call) -> Outputs {
        Outputs { reader, ground: Ground::of(call) }
    }

    fn judged(&self, mut piece: Piece) -> Piece {
        let more = of_commands(&self.ground, &piece.effects);
        piece.effects.extend(more);
        piece
    }
}

impl Reader for Outputs {
    fn take(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.reader.take(bytes).into_iter().map(|piece| self.judged(piece)).collect()
    }

    fn end(&mut self) -> Piece {
        let last = self.reader.end();
        self.judged(last)
    }
}

/// tee, truncate: the files that the operands name get another content, unless a flag says that they only grow.
pub(in crate::inspect) fn inspect_overwrite(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let (size, by_file) = (reading.parsed.last("--size"), reading.parsed.last("--reference").is_some());
    let grows =
        reading.parsed.is_on("--append") || (!by_file && size.is_some_and(|s| s.len() > 1 && s.starts_with(['+', '>'])));
    let words = operands(reading);
    let act = if size.is_some() || by_file { Act::Empty } else { Act::Overwrite };
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
    let (place, path) = judge.ground.place(word, true);
    if judge.ground.is_trusted(&path) {
        return vec![Effect::new(Verb::Grant, path.to_string_lossy(), Evidence::Argv).because(TRUSTED)];
    }
    match place {
        Place::Own | Place::Device | Place::Unseen => judge.one(word, Act::Overwrite),
        Place::Nowhere | Place::Top | Place::Inside | Place::Scratch | Place::System | Place::Home | Place::Outside => {
            let effect = Effect::new(Verb::Write, loss::shown(word, place, &path), Evidence::Argv);
            vec![effect.because("only added to")]
        }
    }
}

/// sort -o: the file that the flag names.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let Some(output) = reading.parsed.last("--output") else { return };
    let effects = Judge::new(&Ground::of(call)).one(OsStr::new(output), Act::Overwrite);
    settle(reading, call, findings, effects);
}

/// uniq: the second operand is written.
pub(in crate::inspect) fn inspect_second(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = operands(reading);
    let Some(output) = words.get(1) else { return };
    let effects = Judge::new(&Ground::of(call)).one(output, Act::Overwrite);
    settle(reading, call, findings, effects);
}
