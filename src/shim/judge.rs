//! From a call to a verdict: what the run, `sprag check` and the policy's own examples share.

use crate::approve::Subject;
use crate::call::{Around, Call, Stdin, User, workspace};
use crate::effect::{Effect, Verb, worst};
use crate::inspect::{self, Findings, Learned, Probe, Reader, Unasked};
use crate::policy::{self, Context, Policy, PolicyError, layers};
use crate::profile::Profile;
use crate::record::redact_words;
use crate::text::hex;
use crate::tool::{self, Reading, ShimError, Tool};
use crate::verdict::{Input, Obligation, Order, Verdict};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A call, judged.
#[derive(Debug)]
pub struct Judged {
    /// What was decided.
    pub verdict: Verdict,
    /// What would be run.
    pub order: Order,
    /// The tool would have asked a person to confirm; sprag must, once.
    pub confirm: bool,
    /// What an approval would be bound to.
    pub subject: Subject,
    /// The real tool was asked, and refused by itself: it ends with this code.
    pub ended: Option<i32>,
    /// What is to be remembered once it has run.
    pub learned: Option<Box<Learned>>,
    /// Standard input comes while the tool runs.
    pub flows: Option<Flowing>,
    /// What was changed about the call, a line each.
    pub notes: Vec<String>,
    /// Folders whose own programs another machine would run, which may be this one.
    pub hosted: Vec<PathBuf>,
    /// The call's words with those of the environment in their place, without secrets.
    pub words: Vec<String>,
}

/// Standard input that comes while the tool runs, and by what it is decided on.
#[derive(Debug)]
pub struct Flowing {
    /// What reads it.
    pub reader: Box<dyn Reader>,
    /// The part that came already.
    pub begun: Vec<u8>,
    /// The policy.
    pub policy: Policy,
    /// What a decision may know of the call.
    pub context: Context,
}

/// The shims that have a call's name, and those of its other name.
#[derive(Debug)]
pub struct Shims {
    first: Tool,
    stricter: Vec<Tool>,
}

impl Shims {
    /// Finds them.
    ///
    /// # Errors
    /// When a shim file cannot be used, or none has the name.
    pub fn of(call: &Call) -> Result<Shims, ShimError> {
        let mut tools = tool::find_for(&call.name, call)?.into_iter();
        let first = tools.next().ok_or_else(|| ShimError::Table(call.name.clone()))?;
        let others = call.other_name.as_deref().map(|n| tool::find_for(n, call)).transpose()?.unwrap_or_default();
        Ok(Shims { first, stricter: tools.chain(others).collect() })
    }

    /// The walls that it will run in.
    pub fn profile(&self) -> &Profile {
        &self.first.profile
    }

    /// The call as the first of them reads it; by that it will run.
    pub fn read(&self, call: &Call) -> Reading<'_> {
        self.first.read(call)
    }
}

/// The policy that holds for a call that works in `folder`, with its examples checked.
///
/// # Errors
/// When a layer is wrong.
pub fn policy_for(user: &User, call: &Call, folder: &Path) -> Result<Policy, PolicyError> {
    let mut folders = vec![call.cwd.clone(), folder.to_owned()];
    folders.dedup();
    let whose = layers::Whose { home: &user.home, uid: user.uid, folders: &folders };
    policy::load(&whose, Some(&call.name), &judge_example)
}

/// A call that is only words: an example of a policy or shim file.
pub fn call_of_words(words: Vec<OsString>, cwd: &Path) -> Option<Call> {
    let first = words.first()?.to_string_lossy().into_owned();
    let name = first.rsplit('/').next().unwrap_or(&first).to_owned();
    Some(Call {
        name,
        other_name: None,
        link: PathBuf::new(),
        argv: words,
        env: BTreeMap::new(),
        cwd: cwd.to_owned(),
        stdin: Stdin::Null,
        around: Around::default(),
    })
}

/// Judges an example of a policy: its effects by argv alone, and what may be known of it.
pub fn judge_example(run: &str) -> Option<(Vec<Effect>, Context)> {
    let words = shell_words::split(run).ok()?.into_iter().map(OsString::from).collect();
    let call = call_of_words(words, Path::new("/"))?;
    let tools = tool::find(&call.name).ok()?;
    let reading = tools.first()?.read(&call);
    let findings = inspect::deepen(&reading, &call, &Unasked(&call));
    Some((findings.effects, Context { facts: reading.facts.clone(), tool: call.name }))
}

/// Judges a call: by every shim that has its name, and by those of its other name; the strictest counts.
///
/// With a policy that cannot be used, the built-in one decides and the probe is not asked: the caller lets only reads run.
pub fn judge(
    call: &Call,
    user: &User,
    (shims, reading): (&Shims, &Reading<'_>),
    policy: Result<&Policy, &PolicyError>,
    probe: &dyn Probe,
) -> Judged {
    let unasked = Unasked(call);
    let built_in;
    let (policy, probe): (&Policy, &dyn Probe) = match policy {
        Ok(policy) => (policy, probe),
        Err(_) => {
            built_in = layers::built_in().unwrap_or_default();
            (&built_in, &unasked)
        }
    };
    let mut findings = inspect::deepen(reading, call, probe);
    for tool in &shims.stricter {
        findings.effects.extend(inspect::deepen(&tool.read(call), call, &unasked).effects);
    }
    conclude(call, user, policy, reading, findings)
}

/// Decides over the findings and drafts what would be run.
fn conclude(call: &Call, user: &User, policy: &Policy, reading: &Reading<'_>, mut findings: Findings) -> Judged {
    let workspace = workspace(&reading.folder, &user.home);
    let mut facts = reading.facts.clone();
    facts.append(&mut findings.facts);
    facts.insert("workspace".to_owned(), workspace.display().to_string());
    facts.extend(git_branch(&workspace).map(|b| ("git-branch".to_owned(), b)));
    let context = Context { tool: call.name.clone(), facts };
    let flows = findings.rewrite.reader.take().map(|(reader, begun)| Flowing {
        reader,
        begun,
        policy: policy.clone(),
        context: context.clone(),
    });
    let verdict = policy::decide(policy, &findings.effects, &context).oblige(std::mem::take(&mut findings.obligations));
    let argv = reading.argv();
    let subject = Subject {
        tool: call.name.clone(),
        argv: shown_argv(reading, &argv),
        folder: reading.folder.display().to_string(),
        environments: verdict.environments().to_vec(),
        identity: context.facts.into_iter().chain([("uid".to_owned(), user.uid.to_string())]).collect(),
        effects: findings.effects.clone(),
        evidence: evidence(&findings.evidence, &argv),
        policy: hex(&Sha256::digest(serde_json::to_vec(policy).unwrap_or_default())),
    };
    let notes = if reading.strips_something() && !reading.mild {
        vec![format!("ran without `{}`", reading.stripped().join("`, `"))]
    } else {
        vec![]
    };
    let typed: Vec<String> = reading.words.iter().map(|w| w.text.clone()).collect();
    let mut words = vec![call.name.clone()];
    words.extend(redact_words(&typed, &reading.secret_words()));
    Judged {
        confirm: findings.rewrite.confirm,
        ended: findings.ended,
        hosted: std::mem::take(&mut findings.hosted),
        learned: findings.learned.take(),
        order: draft(call, workspace, reading, findings, flows.is_some()),
        flows,
        verdict,
        subject,
        notes,
        words,
    }
}

/// The words that would run, for a request: escaped, without secrets. What they hide is in the evidence.
fn shown_argv(reading: &Reading<'_>, argv: &[OsString]) -> Vec<String> {
    let secrets: Vec<&OsString> =
        reading.secret_words().into_iter().filter_map(|i| reading.words.get(i)).map(|w| &w.raw).collect();
    let hidden: Vec<usize> = argv.iter().enumerate().filter(|(_, a)| secrets.contains(a)).map(|(i, _)| i).collect();
    let escaped: Vec<String> = argv.iter().map(|a| a.as_bytes().escape_ascii().to_string()).collect();
    redact_words(&escaped, &hidden)
}

/// The digest of what an approval is bound to beyond what it shows: what the effects were read from, and every word.
fn evidence(of_inspector: &str, argv: &[OsString]) -> String {
    let mut digest = Sha256::new();
    digest.update(of_inspector);
    for word in argv {
        digest.update([0]);
        digest.update(word.as_bytes());
    }
    hex(&digest.finalize())
}

/// What would be run: the caller's words without the stripped ones, or the words an inspector put in their place. What
/// flows in while the tool runs may write, so the walls leave room for that.
fn draft(call: &Call, workspace: PathBuf, reading: &Reading<'_>, findings: Findings, flows: bool) -> Order {
    let rewrite = findings.rewrite;
    let mut discharged: Vec<Obligation> = reading.stripped().iter().map(|f| Obligation::Strip(f.clone())).collect();
    discharged.extend((!rewrite.keep.is_empty()).then_some(Obligation::PinPlan));
    discharged.extend((rewrite.stdin.is_some() || flows).then_some(Obligation::ScreenStdin));
    let argv0 = call.argv.first().filter(|a| !a.is_empty()).cloned().unwrap_or_else(|| OsString::from(&call.name));
    let paths = reading.paths();
    let argv = std::iter::once(argv0).chain(rewrite.argv.unwrap_or_else(|| reading.argv())).collect();
    let env = call.env.clone().into_iter().chain(rewrite.env).collect();
    Order {
        folder: reading.folder.clone(),
        workspace,
        verb: if flows { worst(&findings.effects).max(Verb::Write) } else { worst(&findings.effects) },
        own: findings.own,
        read: paths.read.into_iter().chain(findings.read).collect(),
        write: paths.write.into_iter().chain(findings.write).collect(),
        ports: findings.ports,
        stdin: match rewrite.stdin {
            Some(file) => Input::File(file),
            None if rewrite.stdin_null => Input::Null,
            None => Input::Inherit,
        },
        sift: rewrite.sift,
        sift_errors: rewrite.sift_errors,
        keep: rewrite.keep.into_iter().chain(named_descriptors(call)).collect(),
        discharged,
        ..Order::new(call.name.clone(), argv, env, call.cwd.clone(), reading.tool.profile.clone())
    }
}

/// Descriptors that the words name (`/dev/fd/63`, a shell's process substitution): the tool needs them under their number.
fn named_descriptors(call: &Call) -> Vec<Arc<OwnedFd>> {
    let number = |word: &OsString| {
        let text = word.to_str()?;
        let after = text.split_once("/dev/fd/").or_else(|| text.split_once("/proc/self/fd/"))?.1;
        after.parse::<i32>().ok().filter(|n| *n > 2)
    };
    let mut numbers: Vec<i32> = call.argv.iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(crate::sys::adopt).map(Arc::new).collect()
}

/// The branch that is checked out, read from the worktree's own file; nothing is run.
fn git_branch(workspace: &Path) -> Option<String> {
    let dot_git = workspace.join(".git");
    let folder = match crate::place::read_small(&dot_git) {
        Ok(link) => workspace.join(link.strip_prefix("gitdir:")?.trim()),
        Err(_) => dot_git,
    };
    let head = crate::place::read_small(&folder.join("HEAD")).ok()?;
    head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
}
