//! tar: the archive it writes, what it takes away once it is packed, where it unpacks to, and the programs it starts.

use super::copy::backs_up;
use super::ground::{Ground, Place};
use super::loss::{Act, Judge, TRUSTED};
use super::names::is_system;
use super::settle;
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::Launcher;
use crate::inspect::{Findings, Probe};
use crate::reach::Reach;
use crate::tool::Reading;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// tar.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let words: Vec<&OsStr> = reading.words.iter().map(|w| w.raw.as_os_str()).collect();
    // Words before the command line, of which the old spelling is the first all the same.
    let Ok(more) = shell_words::split(&call.var("TAR_OPTIONS").unwrap_or_default()) else {
        let effect = Effect::new(Verb::Unknown, "TAR_OPTIONS", Evidence::Env);
        findings.effects.push(effect.because("its words cannot be told apart"));
        return;
    };
    let more: Vec<OsString> = more.into_iter().map(OsString::from).collect();
    let hidden = more.len();
    let mut spelled = call.clone();
    spelled.argv = std::iter::once(OsString::from("tar")).chain(more).chain(with_dashes(&words)).collect();
    let again = reading.tool.read(&spelled);
    if again.mild {
        findings.effects.clone_from(&again.effects);
        return;
    }
    let mut effects = started(&again, call, probe, hidden);
    effects.extend(judged(&again, call));
    settle(&again, call, findings, effects);
    let over = super::written_over(&again, call, findings);
    findings.effects.extend(over);
}

/// The old spelling with dashes: `xzf a.tgz` as `-x -z -f a.tgz`.
fn with_dashes(words: &[&OsStr]) -> Vec<OsString> {
    let all = || words.iter().map(|w| (*w).to_os_string());
    let Some(first) = words.first().and_then(|w| w.to_str()).filter(|w| !w.is_empty() && !w.starts_with('-')) else {
        return all().collect();
    };
    let mut rest = all().skip(1);
    let mut out = Vec::new();
    for letter in first.chars() {
        out.push(OsString::from(format!("-{letter}")));
        if "bCfFgHIKLNTVX".contains(letter) {
            out.extend(rest.next());
        }
    }
    out.extend(rest);
    out
}

fn judged(tar: &Reading<'_>, call: &Call) -> Vec<Effect> {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let on = |names: &[&str]| tar.parsed.flags.iter().any(|f| names.contains(&f.name.as_str()));
    let mut effects = Vec::new();
    let archive = archive(tar, call);
    if let (Some(file), true) = (&archive, on(&["--create"])) {
        // With --multi-volume there may be several, in turns.
        let all = tar.parsed.flags.iter().filter(|f| f.name == "--file").flat_map(|f| &f.values);
        let files: Vec<&OsStr> = all.chain([file]).map(OsStr::new).collect();
        effects.extend(judge.all(&files, Act::Overwrite));
        effects.dedup();
    }
    let (removes, extracts) = (on(&["--remove-files"]), on(&["--extract"]) && !on(&["--to-stdout", "--to-command"]));
    if removes || extracts {
        let (named, unread) = named(tar, call);
        effects.extend(unread);
        if removes {
            let paths: Vec<PathBuf> = named.iter().map(|n| n.folder.join(&n.name)).collect();
            effects.extend(judge.all(&paths, Act::Remove));
        }
        if extracts {
            effects.extend(unpacked(tar, &judge, &named, keeps(tar, call)));
        }
    }
    if effects.is_empty() {
        let reads = on(&["--list", "--diff", "--test-label", "--to-stdout", "--show-defaults"]);
        let verb = if reads { Verb::Read } else { Verb::Write };
        effects.push(Effect::new(verb, archive.as_deref().unwrap_or("-"), Evidence::Argv));
    }
    effects
}

/// The archive, where it is a file of this machine: `-C` does not move it.
fn archive(tar: &Reading<'_>, call: &Call) -> Option<String> {
    let by_variable = || call.var("TAPE").filter(|tape| !tape.is_empty());
    let file = tar.parsed.last("--file").map(str::to_owned).or_else(by_variable)?;
    let is_remote = file.split('/').next().is_some_and(|host| host.contains(':')) && !tar.parsed.is_on("--force-local");
    (file != "-" && !is_remote).then_some(file)
}

/// Whether what is there stays, or gets another name. Of what flags say of old files the last counts.
fn keeps(tar: &Reading<'_>, call: &Call) -> bool {
    let old_files = ["--keep-old-files", "--skip-old-files", "--keep-newer-files", "--overwrite", "--unlink-first"];
    let last = tar.parsed.flags.iter().rev().map(|f| f.name.as_str()).find(|name| old_files.contains(name));
    last.is_some_and(|name| name.ends_with("-old-files")) || backs_up(tar, call)
}

/// A file or member that the call names, and the folder that it is seen from.
struct Named {
    folder: PathBuf,
    name: PathBuf,
}

/// The folder at the word `at`: each `-C` leads on from the one before it.
fn folder_at(tar: &Reading<'_>, at: usize) -> PathBuf {
    let before =
        tar.parsed.flags.iter().filter(|f| f.name == "--directory" && f.at.first().is_some_and(|first| *first < at));
    before.flat_map(|f| &f.values).fold(PathBuf::new(), |folder, next| folder.join(next))
}

/// What operands, `--add-file` and the lines of `-T` name; and what cannot be read of these.
fn named(tar: &Reading<'_>, call: &Call) -> (Vec<Named>, Vec<Effect>) {
    let operands = tar.parsed.operands.iter().filter_map(|at| Some((*at, PathBuf::from(&tar.words.get(*at)?.raw))));
    let mut found: Vec<Named> = operands.map(|(at, name)| Named { folder: folder_at(tar, at), name }).collect();
    let mut unread = Vec::new();
    for flag in &tar.parsed.flags {
        let at = flag.at.first().copied().unwrap_or(0);
        for value in &flag.values {
            let lines = match flag.name.as_str() {
                "--add-file" => Some(vec![value.clone()]),
                "--files-from" => listed(tar, call, value),
                _ => continue,
            };
            match lines {
                Some(lines) => found
                    .extend(lines.into_iter().map(|name| Named { folder: folder_at(tar, at), name: PathBuf::from(name) })),
                None => {
                    let effect = Effect::new(Verb::Unknown, value, Evidence::File);
                    unread.push(effect.because("which files are meant stands there"));
                }
            }
        }
    }
    (found, unread)
}

/// The names in the file of `-T`; nothing where it cannot be read, or holds flags.
fn listed(tar: &Reading<'_>, call: &Call, file: &str) -> Option<Vec<String>> {
    let null = tar.parsed.is_on("--null");
    if file == "-" || call.around.away {
        return None;
    }
    let text = crate::place::read_small(&call.cwd.join(file)).ok()?;
    let lines: Vec<String> =
        text.split(if null { '\0' } else { '\n' }).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    let plain = null || tar.parsed.is_on("--verbatim-files-from") || !lines.iter().any(|l| l.trim_start().starts_with('-'));
    plain.then_some(lines)
}

/// What an archive is unpacked over: the members that are named, and whether the folder is anybody's. Which members there are is not
/// looked at: unpacking into one's own workspace is a day's work.
fn unpacked(tar: &Reading<'_>, judge: &Judge<'_>, named: &[Named], keeps: bool) -> Vec<Effect> {
    let folder = Path::new(".").join(folder_at(tar, usize::MAX));
    let below = tar.parsed.last("--one-top-level").map_or("", |name| if name == "true" { "" } else { name });
    let folder = if below.is_empty() { folder } else { folder.join(below) };
    let inside = folder.strip_prefix(".").unwrap_or(&folder);
    let shown = if inside.as_os_str().is_empty() { ".".into() } else { inside.to_string_lossy() };
    let plain = || vec![Effect::new(Verb::Write, shown.clone(), Evidence::Argv).because("unpacked")];
    if keeps {
        return plain();
    }
    let (place, path) = judge.ground.place(folder.as_os_str(), true);
    if tar.parsed.is_on("--recursive-unlink") && !matches!(place, Place::Top | Place::Scratch) {
        return judge.one(folder.as_os_str(), Act::Remove);
    }
    let absolute = tar.parsed.is_on("--absolute-names");
    let renamed = tar.parsed.last("--transform").is_some();
    if !named.is_empty() && !renamed {
        let strip = tar.parsed.last("--strip-components").and_then(|n| n.parse().ok()).unwrap_or(0);
        let path = |member: &Named| {
            let parts = member.name.components().filter(|c| absolute && strip == 0 || *c != Component::RootDir);
            member.folder.join(below).join(parts.skip(strip).collect::<PathBuf>())
        };
        return judge.all(&named.iter().map(path).collect::<Vec<_>>(), Act::Overwrite);
    }
    if absolute {
        let effect = Effect::new(Verb::Destroy, "/", Evidence::Argv);
        return vec![effect.because("its names may lead anywhere")];
    }
    if matches!(place, Place::Own | Place::Device | Place::Unseen) {
        return judge.one(folder.as_os_str(), Act::Remove);
    }
    let effect = |verb, note| vec![Effect::new(verb, path.to_string_lossy(), Evidence::Argv).because(note)];
    match () {
        // Files of these names are what such a folder is for.
        () if judge.ground.is_trusted(&path.join("authorized_keys")) => effect(Verb::Grant, TRUSTED),
        () if judge.ground.is_trusted(&path.join("x")) => effect(Verb::Grant, TRUSTED),
        () if is_the_systems(&path) => effect(Verb::Destroy, "files of the system may be written over"),
        () => plain(),
    }
}

/// Whether a folder holds what the machine runs by: not what people put beside it, nor what services keep.
fn is_the_systems(path: &Path) -> bool {
    const BESIDE: [&str; 5] = ["/usr/local", "/usr/src", "/usr/share", "/var", "/run"];
    path == Path::new("/") || (is_system(path) && !BESIDE.iter().any(|beside| path.starts_with(beside)))
}

/// The programs that flags start. One that a variable starts is nothing the words of the call say.
fn started(tar: &Reading<'_>, call: &Call, probe: &dyn Probe, hidden: usize) -> Vec<Effect> {
    let launcher = Launcher::new(call, probe, Reach::Path);
    let mut effects = Vec::new();
    for flag in &tar.parsed.flags {
        for text in flag.values.iter().filter_map(|value| program(&flag.name, value)) {
            effects.extend(launcher.text(text).effects);
            if flag.at.first().is_some_and(|at| *at < hidden) {
                let effect = Effect::new(Verb::Escape, "TAR_OPTIONS", Evidence::Env);
                effects.push(effect.because("a program is started"));
            }
        }
    }
    effects
}

/// What a flag starts by its value.
fn program<'v>(flag: &str, value: &'v str) -> Option<&'v str> {
    match flag {
        "--to-command" | "--info-script" | "--rmt-command" | "--rsh-command" => Some(value),
        "--use-compress-program" => Some(value).filter(|v| !packs(v)),
        "--checkpoint-action" => value.strip_prefix("exec="),
        _ => None,
    }
}

/// Whether it is one of the well known programs that pack, with flags and no operands.
fn packs(value: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "gzip", "pigz", "bzip2", "pbzip2", "lbzip2", "xz", "pixz", "zstd", "pzstd", "lz4", "lzop", "lzip", "plzip", "brotli",
    ];
    let mut words = value.split_whitespace();
    // A level, threads, how hard it tries: no file, and none that it writes.
    let plain = |w: &str| w.starts_with('-') && !["-o", "--o", "-D"].iter().any(|f| w.starts_with(f)) && !w.contains('/');
    words.next().is_some_and(|first| KNOWN.contains(&first)) && words.all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_spelling_gets_its_dashes() {
        let spelled = |words: &[&str]| {
            let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
            with_dashes(&words).into_iter().map(|w| w.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(spelled(&["xzf", "a.tgz", "-C", "d"]), "-x -z -f a.tgz -C d");
        assert_eq!(spelled(&["cbf", "20", "a.tar", "x"]), "-c -b 20 -f a.tar x");
        assert_eq!(spelled(&["-cf", "a.tar", "x"]), "-cf a.tar x");
        assert_eq!(spelled(&[]), "");
    }
}
