//! What stands in the CLI's own files: aliases, and the programs that a profile has it start.
//!
//! Both versions read them as Python's configparser does; what they start runs before or beside the operation, whatever that is.

use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use std::path::{Path, PathBuf};

/// Profiles that name each other as their source are followed so far.
const MAX_SOURCES: usize = 8;
/// Programs that show text and do nothing else with what they are given.
const PAGERS: [&str; 7] = ["less", "more", "most", "cat", "bat", "batcat", "jq"];

/// What an alias stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Alias {
    /// A shell runs it.
    Shell(String),
    /// These words stand in the place of the one at this index.
    Words(usize, Vec<String>),
    /// It cannot be taken apart.
    Broken(String),
}

/// The alias that the call begins with. An alias shadows even a built-in service (seen in v1 and v2), though not within itself.
pub(super) fn alias(reading: &Reading<'_>, call: &Call, expanded: &[String]) -> Option<Alias> {
    let file = home(call)?.join(".aws/cli/alias");
    let sections = sections(&crate::place::read_own(&file).ok()?);
    let of_flags: Vec<usize> = reading.parsed.flags.iter().flat_map(|f| f.at.iter().copied()).collect();
    let is_word = |(at, word): &(usize, &crate::tool::argv::Word)| !of_flags.contains(at) && !word.text.starts_with('-');
    let mut words = reading.words.iter().enumerate().filter(is_word);
    let (at, service) = words.next()?;
    let found = |section: &str, name: &str| {
        let entries = sections.iter().filter(|s| s.name == section).flat_map(|s| &s.entries);
        entries.filter(|(key, _)| key == name && !expanded.contains(key)).map(|(_, value)| value.clone()).next_back()
    };
    let (at, value) = match found("toplevel", &service.text) {
        Some(value) => (at, value),
        None => {
            let (at, operation) = words.next()?;
            (at, found(&format!("command {}", service.text), &operation.text)?)
        }
    };
    Some(match value.strip_prefix('!') {
        Some(command) => Alias::Shell(command.to_owned()),
        None => shell_words::split(&value).map_or(Alias::Broken(value), |words| Alias::Words(at, words)),
    })
}

/// What the CLI starts for the profile that the call works with.
pub(super) fn programs(reading: &Reading<'_>, call: &Call) -> (Vec<Effect>, Vec<PathBuf>) {
    let file = |variable: &str, name: &str| {
        let named = call.var(variable).map(|path| match (path.strip_prefix("~/"), home(call)) {
            (Some(rest), Some(home)) => home.join(rest),
            (_, _) => absolute(&call.cwd, Path::new(&path)),
        });
        named.or_else(|| home(call).map(|home| home.join(name)))
    };
    let files = [file("AWS_CONFIG_FILE", ".aws/config"), file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];
    let files: Vec<PathBuf> = files.into_iter().flatten().collect();
    let sections: Vec<Section> =
        files.iter().filter_map(|f| crate::place::read_own(f).ok()).flat_map(|text| sections(&text)).collect();
    let explicit = reading.parsed.last("--profile").map(str::to_owned);
    let keys_of_the_environment = explicit.is_none() && call.var("AWS_ACCESS_KEY_ID").is_some_and(|key| !key.is_empty());
    let named = explicit.or_else(|| call.var("AWS_PROFILE")).or_else(|| call.var("AWS_DEFAULT_PROFILE"));
    let mut profile = named.unwrap_or_else(|| "default".to_owned());
    let value = |profile: &str, key: &str| {
        let of_profile = sections.iter().filter(|s| s.name == profile || s.name == format!("profile {profile}"));
        of_profile.flat_map(|s| &s.entries).filter(|(k, _)| k == key).map(|(_, value)| value.clone()).next_back()
    };
    let mut effects = Vec::new();
    let mut starts = |program: String, why: &str| {
        effects.push(Effect::new(Verb::Escape, program, Evidence::File).because(why));
    };
    let pager = call.var("AWS_PAGER").or_else(|| value(&profile, "cli_pager")).filter(|pager| !is_pager(pager));
    if let Some(pager) = pager {
        starts(pager, "the output goes through this program");
    }
    for _ in 0..MAX_SOURCES {
        if let (Some(program), false) = (value(&profile, "credential_process"), keys_of_the_environment) {
            starts(program, "the profile has this program started for its credentials");
        }
        match value(&profile, "source_profile") {
            Some(source) if source != profile => profile = source,
            Some(_) | None => break,
        }
    }
    for (name, module) in sections.iter().filter(|s| s.name == "plugins").flat_map(|s| &s.entries) {
        if name != "cli_legacy_plugin_path" {
            starts(module.clone(), "the configuration has this Python module loaded");
        }
    }
    (effects, files)
}

fn home(call: &Call) -> Option<PathBuf> {
    call.var("HOME").map(PathBuf::from)
}

/// Whether a pager's command only shows what it is given.
fn is_pager(command: &str) -> bool {
    let plain = !command.contains(['|', '&', ';', '$', '`', '<', '>', '\n', '(']);
    let Some(program) = command.split_whitespace().next() else { return true };
    plain && PAGERS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// A section of a file.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    /// `profile x`, without the quotes that a name may have.
    name: String,
    /// Keys in small letters, and their values; a value's further lines are joined to it.
    entries: Vec<(String, String)>,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let words = shell_words::split(name).unwrap_or_else(|_| vec![name.to_owned()]);
            sections.push(Section { name: words.join(" "), entries: Vec::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        let continues = line.starts_with([' ', '\t']);
        match (continues.then(|| section.entries.last_mut()).flatten(), bare.split_once(['=', ':'])) {
            (Some((_, value)), _) => {
                value.push('\n');
                value.push_str(bare);
            }
            (None, Some((key, value))) => {
                section.entries.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            (None, None) => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_configparser_does() {
        let read = sections("x = y\n# c\n[profile \"a b\"]\nRegion = r\ns3 =\n  max = 1\n\n[default]\nk: v=w\n");
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            read,
            [
                Section { name: "profile a b".into(), entries: vec![entry("region", "r"), entry("s3", "\nmax = 1")] },
                Section { name: "default".into(), entries: vec![entry("k", "v=w")] },
            ]
        );
    }

    #[test]
    fn a_pager_shows_and_does_nothing_else() {
        for (command, expected) in
            [("", true), ("less -R", true), ("/usr/bin/cat", true), ("sh -c x", false), ("less; rm x", false)]
        {
            assert_eq!(is_pager(command), expected, "{command}");
        }
    }
}
