//! What git is told to run: commands between the commits of a rebase, in every repository, and programs that a setting names.

use super::Git;
use super::given::starts;
use crate::effect::Verb;
use crate::inspect::{Findings, inner::adopt};
use crate::reach::Reach;
use crate::repository::Setting;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What `git config` does beside setting a value.
const READS: [&str; 8] =
    ["--get", "--get-all", "--get-regexp", "--get-urlmatch", "--get-color", "--get-colorbool", "--list", "--show-origin"];
const REMOVES: [&str; 5] = ["--unset", "--unset-all", "--remove-section", "--rename-section", "--edit"];

impl Git<'_> {
    pub(super) fn runs(&self, findings: &mut Findings) {
        match self.reading.command_words().as_slice() {
            ["rebase"] => {
                let texts: Vec<&str> = self.reading.parsed.values("--exec").collect();
                for text in texts {
                    let found = self.launcher(Reach::Past).text(text);
                    findings.effects.extend(found.effects.into_iter().filter(|e| e.verb > Verb::Read));
                }
            }
            ["for-each-repo"] => self.for_each_repo(findings),
            ["config", ..] => self.config(findings),
            _ => {}
        }
    }

    /// Its operands are the words of a call of git.
    fn for_each_repo(&self, findings: &mut Findings) {
        let operands = self.operands().into_iter().map(OsString::from);
        let words: Vec<OsString> = self.call.argv.first().cloned().into_iter().chain(operands).collect();
        if words.len() > 1 {
            // Not this repository: what is here is no evidence.
            let mut elsewhere = self.call.clone();
            elsewhere.around.away = true;
            let from = crate::inspect::inner::Launcher::new(&elsewhere, self.probe, Reach::Past);
            let found = from.words(words, BTreeMap::new());
            findings.effects.retain(|e| e.verb == Verb::Unknown);
            adopt(found, findings);
        }
    }

    fn config(&self, findings: &mut Findings) {
        let on = |flags: &[&str]| flags.iter().any(|f| self.last(f).is_some());
        let operands = self.operands();
        let words = self.reading.command_words();
        let sets = match words.as_slice() {
            ["config", "set"] => true,
            ["config"] => !on(&READS) && !on(&REMOVES) && (operands.len() > 1 || on(&["--add"])),
            _ => return,
        };
        if sets {
            let (key, value) = (operands.first().copied().unwrap_or_default(), operands.get(1).copied().unwrap_or_default());
            let planted = starts(self, &Setting::new(key, value));
            findings.effects.extend(planted);
        } else if !on(&REMOVES) {
            self.settle(findings, vec![self.by_argv(Verb::Read, self.folder.display().to_string(), "")]);
        }
    }
}
