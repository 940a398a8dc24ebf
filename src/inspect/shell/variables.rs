//! What the variables of a shell surely hold, wherever it stands in its text.
//!
//! Only what every way through the text leaves alike is kept, and nothing any more once something ran that may set any variable.
//! This module must not know what is done with a value.

use super::super::inner::{Launcher, UNSEEN};
use std::collections::BTreeMap;

/// Shells whose rules these are.
const SHELLS: &[&str] = &["bash", "sh", "dash", "ash"];
/// Shells that have others: a text for a machine's login shell, which may be any, says only what all of them read alike.
const OTHERS: &[&str] = &["zsh", "ksh", "mksh", "fish", "csh", "tcsh"];
/// Variables of whoever called, as the shell finds them.
const INHERITED: &[&str] = &["HOME", "TMPDIR", "USER", "LOGNAME"];
/// Variables that change how the shell fills in words.
const RULES: &[&str] = &["BASHOPTS", "SHELLOPTS", "GLOBIGNORE", "BASH_ENV", "ENV", "POSIXLY_CORRECT"];
/// Variables that hold what the shell puts there, whatever they are set to.
const ITS_OWN: &[&str] =
    &["PWD", "OLDPWD", "UID", "EUID", "PPID", "GROUPS", "DIRSTACK", "REPLY", "PIPESTATUS", "FUNCNAME", "_"];
/// Options that change nothing of how words are filled in.
const OPTIONS: &[&str] = &["pipefail", "errexit", "nounset", "xtrace", "verbose", "--"];

/// The variables whose values are sure; `None` once none is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variables {
    sure: Option<BTreeMap<String, String>>,
    /// `{a,b}` stands for two words.
    pub(super) braces: bool,
}

impl Variables {
    /// What a text finds that `launcher` gives to a shell.
    pub(super) fn of(launcher: &Launcher<'_>) -> Variables {
        let call = launcher.call;
        let words = call.argv.iter().skip(1).map(|w| w.to_string_lossy());
        let mut options = words.take_while(|w| w.starts_with(['-', '+']) || OPTIONS.contains(&w.as_ref()));
        let name = call.name.as_str();
        let plain = match SHELLS.contains(&name) {
            true => options.all(|word| is_plain_option(&word)),
            false => launcher.away() && !OTHERS.contains(&name),
        };
        let ruled = RULES.iter().any(|name| call.var(name).is_some_and(|v| !v.is_empty()));
        if !plain || (ruled && !launcher.away()) {
            return Variables::default();
        }
        let inherited = INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), call.var(name)?)));
        // Another user's are not these.
        let sure = inherited.filter(|(_, value)| !launcher.is_last() && !value.contains(UNSEEN)).collect();
        Variables { sure: Some(sure), braces: call.name == "bash" }
    }

    /// The value of this one, where it is sure.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.sure.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether words are filled in by the rules that are known.
    pub(super) fn by_rules(&self) -> bool {
        self.sure.is_some()
    }

    /// Sets one, to a value that is known or not. `name` may be what stands before the `=`.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        let Some(sure) = &mut self.sure else { return };
        let plain = name.trim_end_matches('+');
        let is_name = !plain.is_empty() && plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name || name == "IFS" || RULES.contains(&name) {
            self.sure = None;
            return;
        }
        let odd = ITS_OWN.contains(&name) || ["BASH", "EPOCH", "COMP", "OPT"].iter().any(|own| name.starts_with(own));
        let odd = odd
            || name.ends_with("RANDOM")
            || name.ends_with("SECONDS")
            || name.starts_with("LINE")
            || name.starts_with("HIST");
        match value.filter(|value| plain == name && !odd && !value.contains(UNSEEN)) {
            Some(value) => drop(sure.insert(name.to_owned(), value.to_owned())),
            None => drop(sure.remove(plain)),
        }
    }

    /// Any may have been set, to whatever, and may be again.
    pub(super) fn forget(&mut self) {
        self.sure = None;
    }

    /// What is sure when it is either these or those.
    pub(super) fn or(&self, other: &Variables) -> Variables {
        let both = |(ours, theirs): (&BTreeMap<String, String>, &BTreeMap<String, String>)| {
            let same = ours.iter().filter(|(name, value)| theirs.get(*name) == Some(value));
            same.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        Variables { sure: self.sure.as_ref().zip(other.sure.as_ref()).map(both), braces: self.braces }
    }
}

/// Whether a word of `set` or before a shell's text changes nothing of how words are filled in.
pub(super) fn is_plain_option(word: &str) -> bool {
    let letters = word.strip_prefix(['-', '+']);
    OPTIONS.contains(&word) || letters.is_some_and(|letters| letters.chars().all(|letter| "ceuxvlio".contains(letter)))
}
