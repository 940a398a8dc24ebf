//! terraform output: it brings out a secret only where a sensitive value is among what is printed.
//!
//! Which outputs are sensitive is asked of the real tool, since only it can open every backend; where it cannot be asked, a local state
//! says.

use super::super::{Findings, Probe};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// An output, as `terraform output -json` prints it and a state holds it; its value is passed over.
#[derive(Deserialize)]
pub(super) struct Output {
    #[serde(default)]
    sensitive: bool,
}

/// Flags of `output` that say where to look.
const WHERE: [&str; 3] = ["-state", "-var", "-var-file"];

pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let reveals = findings.effects.iter().any(|e| e.verb == Verb::Reveal);
    let to_a_file = reading.parsed.last("-json-into").is_some();
    if !reveals || to_a_file || findings.effects.iter().any(|e| e.verb > Verb::Reveal) {
        return;
    }
    let outputs = match probe.printed(reading, &words(reading)) {
        Ok(printed) => serde_json::from_slice::<BTreeMap<String, Output>>(&printed).ok(),
        Err(_) if call.around.away => None,
        Err(_) => super::state::local_outputs(reading, call),
    };
    // That they cannot be told is no evidence: argv's word stands.
    let Some(outputs) = outputs else { return };
    let asked = reading.operands();
    let meant = outputs.iter().filter(|(name, _)| asked.is_empty() || asked.contains(&name.as_str()));
    let sensitive: Vec<&String> = meant.filter(|(_, o)| o.sensitive).map(|(name, _)| name).collect();
    findings.effects.retain(|e| e.verb != Verb::Reveal);
    let reveal = |name: &String| Effect::new(Verb::Reveal, name.clone(), Evidence::State).because("it is marked sensitive");
    if sensitive.is_empty() {
        let folder = reading.folder.display().to_string();
        let read = Effect::new(Verb::Read, folder, Evidence::State);
        findings.effects.push(read.because("nothing of it is marked sensitive"));
    }
    findings.effects.extend(sensitive.into_iter().map(reveal));
}

fn words(reading: &Reading<'_>) -> Vec<OsString> {
    let mut words = reading.words_before_command();
    words.extend(["output".into(), "-json".into()]);
    words.extend(super::flag_words(reading, |name| WHERE.contains(&name)));
    words
}
