//! terraform test: where no test lies, nothing is made and destroyed.

use super::super::{Findings, Probe};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use std::path::{Path, PathBuf};

/// How files of tests end.
const ENDINGS: [&str; 4] = [".tftest.hcl", ".tftest.json", ".tofutest.hcl", ".tofutest.json"];

pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let is_worse = findings.effects.iter().any(|effect| effect.verb > Verb::Destroy);
    if is_worse || call.around.away || reading.parsed.is_on("-cloud-run") || may_hold_tests(&folders(reading)) {
        return;
    }
    findings.effects.retain(|effect| effect.verb != Verb::Destroy);
    let effect = Effect::new(Verb::Write, reading.folder.display().to_string(), Evidence::File);
    findings.effects.push(effect.because("there is no test to be run"));
}

/// Where tests are looked for: the folder of the configuration, and that of tests.
fn folders(reading: &Reading<'_>) -> [PathBuf; 2] {
    let named = reading.parsed.last("-test-directory").unwrap_or("tests");
    [reading.folder.clone(), absolute(&reading.folder, Path::new(named))]
}

/// Whether one of the folders holds a test, or cannot be looked into.
fn may_hold_tests(folders: &[PathBuf]) -> bool {
    let is_test = |name: &str| ENDINGS.iter().any(|ending| name.ends_with(ending));
    folders.iter().any(|folder| match std::fs::read_dir(folder) {
        Err(e) => e.kind() != std::io::ErrorKind::NotFound,
        Ok(entries) => entries.into_iter().any(|entry| entry.map_or(true, |e| is_test(&e.file_name().to_string_lossy()))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_known_by_the_end_of_its_name() {
        let room = tempfile::tempdir().unwrap();
        let folders = [room.path().to_owned(), room.path().join("tests")];
        std::fs::write(room.path().join("main.tf"), "").unwrap();
        assert!(!may_hold_tests(&folders));
        std::fs::create_dir(&folders[1]).unwrap();
        assert!(!may_hold_tests(&folders));
        std::fs::write(folders[1].join("a.tftest.hcl"), "").unwrap();
        assert!(may_hold_tests(&folders));
        assert!(may_hold_tests(&[room.path().join("main.tf")]), "no folder");
    }
}
