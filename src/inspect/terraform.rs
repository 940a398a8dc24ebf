//! terraform: what an apply would do is what its plan says, and exactly that plan is applied.
//!
//! The plan is made with the caller's own words into a sealed file; `show -json` of it is judged resource by resource; the
//! same file is applied, which needs no approval flag. Planning words beside a plan file are ignored by terraform (measured),
//! so none are passed.

mod change;
mod output;
pub mod plan;
mod state;
mod trial;
mod values;

pub use output::WithoutTail;
pub(super) use state::settle;
pub(super) use trial::inspect as inspect_test;
pub(super) use values::inspect as inspect_values;

use super::{Findings, Plan, Probe, ProbeError};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use crate::tool::schema::Loss;
use crate::verdict::Obligation;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Flags of apply, destroy and refresh that are about carrying out: they go to the apply and not to the plan.
const CARRYING_OUT: [&str; 5] = ["-auto-approve", "-backup", "-state-out", "-json-into", "-suppress-forget-errors"];
/// Flags that go to both.
const BOTH: [&str; 13] = [
    "-lock",
    "-lock-timeout",
    "-parallelism",
    "-no-color",
    "-json",
    "-compact-warnings",
    "-state",
    "-input",
    "-concise",
    "-consolidate-errors",
    "-consolidate-warnings",
    "-deprecation",
    "-show-sensitive",
];
/// Flags that give variables a value.
const VARIABLES: [&str; 2] = ["-var", "-var-file"];
/// The first version with ephemeral variables, which are passed again beside a saved plan; earlier ones refuse that.
const EPHEMERAL_SINCE: (u32, u32) = (1, 10);

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    // A call that is not understood is not planned: it is held whatever the plan would say.
    let not_understood = reading.effects.iter().any(|e| e.verb == Verb::Unknown);
    if !not_understood && runs_remotely(reading, call) {
        return remote(reading, findings);
    }
    findings.obligations.push(Obligation::PinPlan);
    if not_understood {
        return;
    }
    let saved = reading.operands().first().map(|file| absolute(&reading.folder, Path::new(file)));
    let made = match &saved {
        Some(file) => probe.saved_plan(reading, file),
        None => probe.plan(reading, &plan_words(reading)),
    };
    let judged = match made {
        Ok(plan) => judge_plan(reading, call, probe, plan, saved.is_some(), findings),
        Err(ProbeError::NotAsked) => return,
        Err(ProbeError::Refused(code)) => {
            findings.ended = Some(code);
            return;
        }
        Err(ProbeError::Failed(why)) => Err(format!("no plan could be made: {why}")),
    };
    if let Err(why) = judged {
        findings.effects.push(Effect::new(Verb::Unknown, "plan", Evidence::Plan).because(why));
    }
}

/// `init -reconfigure` forgets a backend only where there is one: not in a folder that has a configuration and was never
/// initialised, as CI checks it out each time.
pub(super) fn inspect_init(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let unknown = reading.effects.iter().any(|e| e.verb == Verb::Unknown);
    let entries = std::fs::read_dir(&reading.folder).into_iter().flatten().filter_map(Result::ok);
    let has_configuration = entries.filter(|e| e.path().extension().is_some_and(|x| x == "tf")).count() > 0;
    if !unknown && has_configuration && !state::data_folder(reading, call).exists() {
        let folder = reading.folder.display().to_string();
        let note = "the folder was never initialised: there is no backend to forget";
        findings.effects = vec![Effect::new(Verb::Write, folder, Evidence::File).because(note)];
        findings.effects.extend(reading.standing(call));
    }
}

/// Whether the plan would be made, and applied, by HCP Terraform: its older backend saves no plan.
fn runs_remotely(reading: &Reading<'_>, call: &Call) -> bool {
    reading.operands().is_empty() && state::Backend::of(reading, call).is_some_and(|b| b.kind == "remote")
}

/// A run that cannot be seen into. Approved, it is confirmed to the tool as its flag would have.
fn remote(reading: &Reading<'_>, findings: &mut Findings) {
    let note = "it is planned and applied by HCP Terraform, whose plan cannot be read beforehand";
    let folder = reading.folder.display().to_string();
    findings.effects.push(Effect::new(Verb::Unknown, folder, Evidence::State).because(note));
    if reading.parsed.is_on("-auto-approve")
        && let Ok((answer, writer)) = nix::unistd::pipe()
        && nix::unistd::write(&writer, b"yes\n").is_ok()
    {
        findings.rewrite.stdin = Some(answer);
    }
}

/// The words that plan what the call would carry out.
fn plan_words(reading: &Reading<'_>) -> Vec<OsString> {
    let mut words = reading.words_before_command();
    words.push("plan".into());
    match reading.command_words().first() {
        Some(&"destroy") => words.push("-destroy".into()),
        Some(&"refresh") => words.push("-refresh-only".into()),
        _ => {}
    }
    words.extend(flag_words(reading, |name| !CARRYING_OUT.contains(&name)));
    words
}

/// The words that apply exactly the sealed plan.
fn apply_words(reading: &Reading<'_>, variables_again: bool, sealed: &OwnedFd) -> Vec<OsString> {
    let mut words = reading.words_before_command();
    words.push("apply".into());
    words.extend(flag_words(reading, |name| {
        let carries_out = CARRYING_OUT.contains(&name) && name != "-auto-approve";
        carries_out || BOTH.contains(&name) || (variables_again && VARIABLES.contains(&name))
    }));
    words.push(format!("/proc/self/fd/{}", sealed.as_raw_fd()).into());
    words
}

/// The words of the subcommand's flags that are wanted, as they were written.
fn flag_words(reading: &Reading<'_>, wanted: impl Fn(&str) -> bool) -> Vec<OsString> {
    let after = reading.parsed.path.last().copied().unwrap_or(0);
    let flags = reading.parsed.flags.iter().filter(|f| f.at.first().is_some_and(|i| *i > after) && wanted(&f.name));
    flags.flat_map(|f| f.at.iter().filter_map(|i| reading.words.get(*i)).map(|w| w.raw.clone())).collect()
}

fn judge_plan(
    reading: &Reading<'_>,
    call: &Call,
    probe: &dyn Probe,
    made: Plan,
    saved: bool,
    findings: &mut Findings,
) -> Result<(), String> {
    let plan = plan::Plan::read(&made.json).map_err(|e| e.to_string())?;
    let losses = losses()?;
    // The plan says precisely what argv could only say roughly.
    findings.effects = reading.standing(call);
    findings.effects.extend(change::effects(&plan, &losses, &reading.folder.display().to_string()));
    let state = state::State::of_plan(made.sealed.as_deref(), &plan);
    let (found, learned) = state::guard(reading, call, probe, state, &plan);
    findings.effects.extend(found);
    findings.learned = Some(Box::new(learned));
    findings.evidence = plan.digest(&made.json);
    let Some(sealed) = made.sealed else { return Ok(()) };
    findings.rewrite.argv = Some(apply_words(reading, saved || has_ephemeral(&plan), &sealed));
    findings.rewrite.keep.push(sealed);
    findings.rewrite.stdin_null = true;
    if !saved && reading.parsed.is_on("-json") {
        findings.rewrite.sift = Some(Box::new(output::PlanOnce::default()));
    }
    // terraform asks before an apply without `-auto-approve` that changes something, but never before one of a saved plan.
    findings.rewrite.confirm = plan.applyable.unwrap_or(true) && !saved && !reading.strips_something();
    Ok(())
}

/// Whether a variable may be ephemeral. A plan holds no value of those, nor of one that is null.
fn has_ephemeral(plan: &plan::Plan<'_>) -> bool {
    let mut parts = plan.terraform_version.split('.').map(|p| p.parse().unwrap_or(0u32));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    version >= EPHEMERAL_SINCE && plan.variables.values().any(|v| v.value.is_none())
}

fn losses() -> Result<Vec<Loss>, String> {
    crate::tool::losses("terraform").map_err(|e| e.to_string())
}

/// What a plan would do, by its JSON alone; where it is no plan that can be judged, that is unknown.
pub fn effects(json: &[u8], folder: &str) -> Vec<Effect> {
    let judged = losses().and_then(|losses| {
        let plan = plan::Plan::read(json).map_err(|e| e.to_string())?;
        let mut effects = change::effects(&plan, &losses, folder);
        effects.extend(state::new_resources(&plan));
        Ok(effects)
    });
    judged.unwrap_or_else(|why| vec![Effect::new(Verb::Unknown, folder, Evidence::Plan).because(why)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Around, Stdin};
    use crate::inspect::deepen;
    use crate::memory::{Known, MemoryError, Whose};
    use std::cell::RefCell;

    /// Answers with a canned plan, and notes what was planned.
    struct Canned {
        json: &'static str,
        planned: RefCell<Vec<String>>,
    }

    impl Probe for Canned {
        fn plan(&self, _: &Reading<'_>, argv: &[OsString]) -> Result<Plan, ProbeError> {
            self.planned.borrow_mut().extend(argv.iter().map(|a| a.to_string_lossy().into_owned()));
            let sealed = std::sync::Arc::new(OwnedFd::from(tempfile::tempfile().unwrap()));
            Ok(Plan { json: self.json.as_bytes().to_vec(), sealed: Some(sealed) })
        }

        fn saved_plan(&self, reading: &Reading<'_>, _: &Path) -> Result<Plan, ProbeError> {
            self.plan(reading, &["saved".into()])
        }

        fn printed(&self, _: &Reading<'_>, _: &[OsString]) -> Result<Vec<u8>, ProbeError> {
            Ok(self.json.as_bytes().to_vec())
        }

        fn sealed(&self, _: &[u8]) -> Result<OwnedFd, ProbeError> {
            Err(ProbeError::NotAsked)
        }

        fn remembered(&self, _: &Whose) -> Result<Option<Known>, MemoryError> {
            Ok(None)
        }

        fn stdin(&self, _: crate::inspect::Until) -> Result<crate::inspect::Stdin, ProbeError> {
            Err(ProbeError::NotAsked)
        }
    }

    const NOTHING: &str = r#"{"format_version":"1.2","terraform_version":"1.11.4","variables":{"a":{"value":1}}}"#;
    const EPHEMERAL: &str = r#"{"format_version":"1.2","terraform_version":"1.11.4","variables":{"t":{"value":null}}}"#;
    const OLDER: &str = r#"{"format_version":"1.2","terraform_version":"1.9.8","variables":{"t":{"value":null}}}"#;

    /// The words of the plan, those of the apply without the plan's own, and the findings.
    fn gate(run: &str, json: &'static str) -> (String, String, Findings) {
        let words: Vec<OsString> = shell_words::split(run).unwrap().into_iter().map(OsString::from).collect();
        let call = Call {
            name: "terraform".into(),
            other_name: None,
            link: Default::default(),
            argv: words,
            env: Default::default(),
            cwd: "/nowhere".into(),
            stdin: Stdin::Null,
            around: Around::default(),
        };
        let probe = Canned { json, planned: RefCell::default() };
        let tool = crate::tool::find("terraform").unwrap().remove(0);
        let findings = deepen(&tool.read(&call), &call, &probe);
        let applied = findings.rewrite.argv.iter().flatten().map(|a| a.to_string_lossy().into_owned());
        let applied: Vec<String> = applied.filter(|a| !a.starts_with("/proc/self/fd/")).collect();
        (probe.planned.into_inner().join(" "), applied.join(" "), findings)
    }

    #[test]
    fn every_word_goes_where_it_means_something() {
        for (run, planned, applied) in [
            ("terraform apply -auto-approve", "plan", "apply"),
            ("terraform destroy -auto-approve -target a.b", "plan -destroy -target a.b", "apply"),
            ("terraform refresh -lock-timeout=3s", "plan -refresh-only -lock-timeout=3s", "apply -lock-timeout=3s"),
            (
                "terraform -chdir=prod apply -var a=1 -var-file=x",
                "-chdir=prod plan -var a=1 -var-file=x",
                "-chdir=prod apply",
            ),
            (
                "terraform apply -no-color -json -compact-warnings -parallelism=3 -input=false",
                "plan -no-color -json -compact-warnings -parallelism=3 -input=false",
                "apply -no-color -json -compact-warnings -parallelism=3 -input=false",
            ),
            ("terraform apply -state=a -state-out=b -backup=c", "plan -state=a", "apply -state=a -state-out=b -backup=c"),
            ("terraform apply -refresh=false -replace=a.b", "plan -refresh=false -replace=a.b", "apply"),
            ("terraform apply -destroy p.bin", "saved", "apply"),
        ] {
            let (p, a, _) = gate(run, NOTHING);
            assert_eq!((p.as_str(), a.as_str()), (planned, applied), "{run}");
        }
    }

    #[test]
    fn ephemeral_variables_are_passed_again_where_the_version_has_them() {
        let run = "terraform apply -var t=1 -var-file x";
        assert_eq!(gate(run, EPHEMERAL).1, "apply -var t=1 -var-file x");
        assert_eq!(gate(run, NOTHING).1, "apply");
        assert_eq!(gate(run, OLDER).1, "apply", "earlier versions refuse variables beside a plan");
        assert_eq!(gate("terraform apply -var t=1 p.bin", EPHEMERAL).1, "apply -var t=1", "the caller's own words");
    }

    #[test]
    fn what_is_not_understood_is_not_planned() {
        let (planned, _, findings) = gate("terraform apply -explode", NOTHING);
        assert_eq!(planned, "");
        assert!(findings.effects.iter().any(|e| e.verb == Verb::Unknown));
    }

    #[test]
    fn a_plan_that_cannot_be_read_is_unknown_beside_what_argv_says() {
        for json in ["", "no", "[]", r#"{"format_version":"3.0"}"#] {
            let (_, applied, findings) = gate("terraform destroy", json);
            assert!(findings.effects.iter().any(|e| e.verb == Verb::Unknown), "{json}");
            assert!(findings.rewrite.argv.is_none() && applied.is_empty(), "{json}: nothing to apply");
        }
    }

    #[test]
    fn what_no_plan_answers_stands_beside_it() {
        for (run, target) in [
            ("terraform apply -lock=false", "state:lock"),
            ("terraform apply -backup ../prod/terraform.tfstate", "../prod/terraform.tfstate"),
        ] {
            assert!(gate(run, NOTHING).2.effects.iter().any(|e| e.target == target), "{run}");
        }
        let (_, _, findings) = gate("terraform apply -replace=a.b -destroy", NOTHING);
        assert!(findings.effects.iter().all(|e| e.verb < Verb::Destroy), "the plan says it precisely: {findings:?}");
    }

    #[test]
    fn an_output_reveals_only_what_is_marked_sensitive() {
        const OUTPUTS: &str = r#"{"pw":{"sensitive":true,"type":"string","value":"x"},"ip":{"sensitive":false,"value":1}}"#;
        for (run, verb) in [
            ("terraform output ip", Verb::Read),
            ("terraform output -raw ip", Verb::Read),
            ("terraform output pw", Verb::Reveal),
            ("terraform output -json", Verb::Reveal),
            ("terraform output -json ip", Verb::Read),
            ("terraform output -raw nothing", Verb::Read),
        ] {
            assert_eq!(crate::effect::worst(&gate(run, OUTPUTS).2.effects), verb, "{run}");
        }
        let (_, _, findings) = gate("terraform output -json", "not told");
        assert_eq!(crate::effect::worst(&findings.effects), Verb::Reveal);
    }
}
