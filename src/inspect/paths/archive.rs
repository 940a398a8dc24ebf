//! tar: the archive it writes, what it takes away once it is packed, where it unpacks to, and the programs it starts.

use super::ground::{Ground, Place};
use super::loss::{Act, Judge};
use super::{operands, settle};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::Launcher;
use crate::inspect::{Findings, Probe};
use crate::reach::Reach;
use crate::tool::Reading;
use std::ffi::{OsStr, OsString};

/// tar.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let words: Vec<&OsStr> = reading.words.iter().map(|w| w.raw.as_os_str()).collect();
    let mut spelled = call.clone();
    spelled.argv = std::iter::once(OsString::from("tar")).chain(with_dashes(&words)).collect();
    let again = reading.tool.read(&spelled);
    if again.mild {
        findings.effects.clone_from(&again.effects);
        return;
    }
    let effects = judged(&again, call, probe);
    settle(&again, call, findings, effects);
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

fn judged(tar: &Reading<'_>, call: &Call, probe: &dyn Probe) -> Vec<Effect> {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let on = |names: &[&str]| tar.parsed.flags.iter().any(|f| names.contains(&f.name.as_str()));
    let mut effects = started(tar, call, probe);
    let archive = tar.parsed.last("--file").filter(|f| *f != "-" && !f.split('/').next().is_some_and(|h| h.contains(':')));
    let writes = on(&["--create"]);
    if let (Some(file), true) = (archive, writes) {
        effects.extend(judge.one(OsStr::new(file), Act::Overwrite));
    }
    if on(&["--remove-files"]) {
        effects.extend(judge.all(&operands(tar), Act::Remove));
    }
    let to_files = on(&["--extract"]) && !on(&["--to-stdout", "--to-command"]);
    if to_files {
        effects.extend(unpacked(tar, &judge, on(&["--keep-old-files", "--skip-old-files", "--backup"])));
    }
    if effects.is_empty() {
        let verb = if on(&["--list", "--diff", "--test-label", "--to-stdout", "--show-defaults"]) {
            Verb::Read
        } else {
            Verb::Write
        };
        effects.push(Effect::new(verb, archive.unwrap_or("-"), Evidence::Argv));
    }
    effects
}

/// What an archive is unpacked over: the members that are named, and whether the folder is anybody's. Which members there are is not
/// looked at: unpacking into one's own workspace is a day's work.
fn unpacked(tar: &Reading<'_>, judge: &Judge<'_>, keeps: bool) -> Vec<Effect> {
    let folder = tar.parsed.last("--directory").unwrap_or(".");
    let plain = || vec![Effect::new(Verb::Write, folder, Evidence::Argv).because("unpacked")];
    if keeps {
        return plain();
    }
    let members: Vec<OsString> =
        operands(tar).iter().map(|m| std::path::Path::new(folder).join(m).into_os_string()).collect();
    let recursive = tar.parsed.is_on("--recursive-unlink");
    let place = judge.ground.place(OsStr::new(folder), true).0;
    if recursive && place == Place::Inside {
        return judge.one(OsStr::new(folder), Act::Remove);
    }
    if !members.is_empty() {
        return judge.all(&members, Act::Overwrite);
    }
    let forbidden = matches!(place, Place::Own | Place::Device | Place::Unseen);
    if forbidden { judge.one(OsStr::new(folder), Act::Remove) } else { plain() }
}

/// The programs that flags start.
fn started(tar: &Reading<'_>, call: &Call, probe: &dyn Probe) -> Vec<Effect> {
    let launcher = Launcher::new(call, probe, Reach::Path);
    let mut effects = Vec::new();
    for flag in &tar.parsed.flags {
        for value in &flag.values {
            match flag.name.as_str() {
                "--to-command" | "--info-script" | "--rmt-command" | "--rsh-command" => {
                    effects.extend(launcher.text(value).effects)
                }
                "--use-compress-program" => effects.extend(compressor(value, &launcher)),
                "--checkpoint-action" => {
                    effects.extend(value.strip_prefix("exec=").into_iter().flat_map(|text| launcher.text(text).effects));
                }
                _ => {}
            }
        }
    }
    effects
}

/// The program that packs: one of the well known ones, with flags and no operands.
fn compressor(value: &str, launcher: &Launcher<'_>) -> Vec<Effect> {
    const KNOWN: [&str; 14] = [
        "gzip", "pigz", "bzip2", "pbzip2", "lbzip2", "xz", "pixz", "zstd", "pzstd", "lz4", "lzop", "lzip", "plzip", "brotli",
    ];
    let mut words = value.split_whitespace();
    let known = words.next().is_some_and(|first| KNOWN.contains(&first)) && words.all(|w| w.starts_with('-'));
    if known { vec![] } else { launcher.text(value).effects }
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
