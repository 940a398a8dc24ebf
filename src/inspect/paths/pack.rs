//! gzip, bzip2, xz, zstd: the file that comes beside the one that is named, and whether that one goes.

use super::ground::Ground;
use super::loss::{Act, Judge};
use super::output::output;
use super::{operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe};
use crate::tool::Reading;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// So many files of folders are looked at.
const MOST_FILES: usize = 10_000;
/// What a file's name gets, by the name of the tool or of its format.
const PACKED: [(&str, &str); 14] = [
    ("gzip", ".gz"),
    ("gunzip", ".gz"),
    ("bzip2", ".bz2"),
    ("bunzip2", ".bz2"),
    ("xz", ".xz"),
    ("unxz", ".xz"),
    ("lzma", ".lzma"),
    ("unlzma", ".lzma"),
    ("alone", ".lzma"),
    ("lzip", ".lz"),
    ("zstd", ".zst"),
    ("zstdmt", ".zst"),
    ("unzstd", ".zst"),
    ("lz4", ".lz4"),
];
/// What a packed file's name loses, and what comes in its place.
const UNPACKED: [(&str, &str); 21] = [
    (".gz", ""),
    ("-gz", ""),
    (".z", ""),
    ("-z", ""),
    ("_z", ""),
    (".Z", ""),
    (".tgz", ".tar"),
    (".taz", ".tar"),
    (".bz2", ""),
    (".bz", ""),
    (".tbz2", ".tar"),
    (".tbz", ".tar"),
    (".xz", ""),
    (".lzma", ""),
    (".lz", ""),
    (".txz", ".tar"),
    (".tlz", ".tar"),
    (".zst", ""),
    (".tzst", ".tar"),
    (".lz4", ""),
    (".tlz4", ".tar"),
];

/// gzip, bzip2, xz, zstd and what undoes them. Without `--force` they write over nothing.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let on = |flag: &str| reading.parsed.is_on(flag);
    if only_looks(reading, call) {
        let effects = vec![Effect::new(Verb::Read, call.name.clone(), Evidence::Argv)];
        return settle(reading, call, findings, effects);
    }
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    if let Some(list) = ["--filelist", "--files", "--files0"].iter().find(|flag| on(flag)) {
        let effect = Effect::new(Verb::Unknown, reading.parsed.last(list).unwrap_or(list), Evidence::File);
        return settle(reading, call, findings, vec![effect.because("which files are meant stands there")]);
    }
    let Some(files) = files(reading, &ground) else {
        let effects = judge.all(&operands(reading), Act::Remove);
        return settle(reading, call, findings, effects);
    };
    let mut effects = Vec::new();
    if on("--force") {
        let outputs: Vec<PathBuf> = match reading.parsed.last("-o") {
            // `-o=FILE` too.
            Some(one) => vec![PathBuf::from(one.strip_prefix('=').unwrap_or(one))],
            None => files.iter().filter_map(|file| beside(reading, call, file)).collect(),
        };
        effects.extend(judge.all(&outputs, Act::Replace));
    }
    // zstd leaves what it packs, the others do not.
    let keeps = if reading.tool.names.iter().any(|name| name == "zstd") { !on("--rm") } else { on("--keep") };
    if !keeps {
        effects.extend(files.iter().filter_map(|file| output(&ground, file)));
    }
    if effects.is_empty() {
        let names = files.iter().map(|file| file.display().to_string());
        let target = names.reduce(|all, name| format!("{all} {name}")).unwrap_or_else(|| call.name.clone());
        effects.push(Effect::new(Verb::Write, target, Evidence::Argv).because("nothing is written over"));
    }
    settle(reading, call, findings, effects);
}

/// Whether no file comes or goes. What xz, bzip2 and zstd are to do the last flag says; gzip looks where it is told to at all.
fn only_looks(reading: &Reading<'_>, call: &Call) -> bool {
    const MODES: [&str; 4] = ["--list", "--test", "--compress", "--decompress"];
    let modes: Vec<&str> =
        reading.parsed.flags.iter().map(|f| f.name.as_str()).filter(|name| MODES.contains(name)).collect();
    let looks = |mode: &&str| MODES.iter().take(2).any(|look| look == mode);
    let is_gzip = call.name.contains("gzip") || call.name.contains("gunzip");
    let named = reading.parsed.flags.iter().rposition(|f| f.name == "-o");
    let printed = reading.parsed.flags.iter().rposition(|f| f.name == "--stdout");
    let prints = printed.is_some() && named.is_none_or(|at| Some(at) < printed);
    prints || if is_gzip { modes.iter().any(looks) } else { modes.last().is_some_and(looks) }
}

/// The files that the operands name, those in folders too where it goes into them; nothing where they are too many.
fn files(reading: &Reading<'_>, ground: &Ground) -> Option<Vec<PathBuf>> {
    let recursive = ["--recursive", "-r"].iter().any(|flag| reading.parsed.is_on(flag)) && !ground.away;
    let mut open: Vec<PathBuf> = operands(reading).into_iter().filter(|word| *word != "-").map(PathBuf::from).collect();
    let mut found = Vec::new();
    while let Some(next) = open.pop() {
        let folder = Some(ground.resolve(next.as_os_str(), false)).filter(|path| recursive && path.is_dir());
        match folder.and_then(|folder| folder.read_dir().ok()) {
            Some(entries) => open.extend(entries.flatten().map(|entry| entry.path())),
            None => found.push(next),
        }
        if found.len() + open.len() > MOST_FILES {
            return None;
        }
    }
    found.reverse();
    Some(found)
}

/// The file that is written for `file`; nothing where the tool leaves it out.
fn beside(reading: &Reading<'_>, call: &Call, file: &Path) -> Option<PathBuf> {
    let last = |one: &str, other: &str| {
        let flags = reading.parsed.flags.iter().rev().map(|f| f.name.as_str());
        flags.into_iter().find(|name| [one, other].contains(name)).map(|name| name == one)
    };
    let by_name = call.name.starts_with("un") || call.name.contains("unzip");
    let unpacks = last("--decompress", "--compress").unwrap_or(by_name);
    let name = file.file_name()?.to_str()?;
    let own = reading.parsed.last("--suffix");
    let other = if unpacks {
        let is_at_end = |ending: &str| {
            let from = name.len().checked_sub(ending.len());
            from.and_then(|from| name.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
        };
        let longest = UNPACKED.iter().filter(|(ending, _)| is_at_end(ending)).max_by_key(|(ending, _)| ending.len());
        let stem = own.and_then(|own| name.strip_suffix(own)).map(str::to_owned);
        let known = || {
            let (ending, other) = longest?;
            Some(format!("{}{other}", name.get(..name.len().saturating_sub(ending.len()))?))
        };
        // Of the others bzip2 makes a name too.
        let added = || call.name.contains("bzip2").then(|| format!("{name}.out"));
        stem.or_else(known).or_else(added)?
    } else {
        let of = |name: &str| PACKED.iter().find(|(of, _)| *of == name).map(|(_, ending)| *ending);
        let ending = own.or_else(|| reading.parsed.last("--format").and_then(of)).or_else(|| of(&call.name))?;
        format!("{name}{ending}")
    };
    let folder = reading.parsed.last("--output-dir-flat").map(Path::new).or(file.parent()).unwrap_or(Path::new(""));
    Some(folder.join(OsString::from(other)))
}
