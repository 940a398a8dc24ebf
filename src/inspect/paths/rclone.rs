//! rclone: what a copy, a sync or a move does to files of this machine. What happens on a remote its shim file says.

use super::copy::{Source, brought, emptied, is_remote, kept_at, taken};
use super::ground::Ground;
use super::loss::{Act, Judge};
use super::{operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe};
use crate::tool::Reading;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// copy, copyto, copyurl, sync, move, moveto; other commands stay as argv says.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let words = named(reading);
    let (Some(&command), [source, to]) = (reading.command_words().first(), words.as_slice()) else { return };
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let kept_elsewhere = reading.parsed.last("--backup-dir").is_some();
    // What is written over is kept by these; what a sync deletes is not.
    let keeps = kept_elsewhere || ["--ignore-existing", "--immutable"].iter().any(|flag| reading.parsed.is_on(flag));
    let (there, from, to) = (to, local(source), local(to));
    let is_file = from.is_some_and(|from| ground.resolve(from, true).is_file());
    let mut effects = match (command, to) {
        ("sync", None) => vec![remote(Verb::Destroy, there, "what the source has not is deleted there")],
        ("sync", Some(to)) if !is_file && !kept_elsewhere => emptied(&judge, to),
        ("copyurl", Some(to)) => judge.one(to, Act::Overwrite),
        ("copy" | "copyto" | "copyurl" | "move" | "moveto", None) => vec![remote(Verb::Write, there, "")],
        ("sync" | "copy" | "copyto" | "move" | "moveto", Some(to)) => {
            // A folder's files come into the destination, not the folder; so does what gets another name.
            let is_folder = from.is_some_and(|from| ground.resolve(from, true).is_dir());
            let word = from.unwrap_or(source).to_os_string();
            let at =
                word.to_string_lossy().rsplit_once(':').map_or_else(|| PathBuf::from(&word), |(_, at)| PathBuf::from(at));
            let name = at.file_name().filter(|_| !is_folder && !command.ends_with("to")).map(PathBuf::from);
            if keeps { vec![kept_at(to)] } else { brought(&judge, &[Source { word, name }], to) }
        }
        _ => return,
    };
    if command.starts_with("move") {
        effects.extend(match from {
            Some(from) => taken(&judge, &[from]),
            None => vec![remote(Verb::Destroy, source, "the source's files are taken away")],
        });
    }
    settle(reading, call, findings, effects);
}

fn remote(verb: Verb, name: &OsStr, note: &str) -> Effect {
    Effect::new(verb, name.to_string_lossy(), Evidence::Argv).because(note)
}

/// The path of a word that names no remote: one without a colon, or on the remote that this machine is.
fn local(word: &OsString) -> Option<&OsStr> {
    // `:local:PATH`, and with settings `:local,name=value:PATH`.
    let by_name =
        word.to_str().and_then(|text| text.strip_prefix(":local")?.split_once(':')).map(|(_, path)| OsStr::new(path));
    by_name.or_else(|| (!is_remote(word)).then_some(word.as_os_str()))
}

/// Source and destination. A flag that no list has keeps the words behind it: whether it takes one is not known.
fn named(reading: &Reading<'_>) -> Vec<OsString> {
    let words: Vec<OsString> = operands(reading).into_iter().map(OsStr::to_os_string).collect();
    if words.len() > 1 {
        return words;
    }
    let lists = [Some(&reading.tool.flags), reading.parsed.command.map(|c| &c.flags)];
    let listed: Vec<&String> = lists.into_iter().flatten().flat_map(|f| f.value.iter().chain(&f.write_path)).collect();
    let is_listed = |name: &str| listed.iter().any(|list| list.split(' ').any(|n| n == name));
    let unlisted = reading.parsed.flags.iter().filter(|f| f.at.len() > 1 && !is_listed(&f.name));
    let mut at: Vec<usize> = unlisted.flat_map(|f| f.at.iter().skip(1)).chain(&reading.parsed.operands).copied().collect();
    at.sort_unstable();
    let words: Vec<OsString> = at.into_iter().filter_map(|at| reading.words.get(at)).map(|w| w.raw.clone()).collect();
    let from = words.len().saturating_sub(2);
    words.into_iter().skip(from).collect()
}
