//! Decision, reason, obligation, verdict, permit: from what would happen to the power to start a program.
//!
//! The only way to a [`Permit`] is a [`Verdict`] that allows and whose obligations are all discharged, or a named aid
//! of sprag's own. This module must not know any tool, and takes no decision: `policy::decide` does.

use crate::effect::{self, Effect, Verb};
use crate::profile::Profile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// What happens with a call; the strictest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It runs.
    Allow,
    /// A person decides.
    Ask,
    /// It does not run.
    Deny,
}

impl Decision {
    /// The word used in TOML, JSON, the record and messages.
    pub fn word(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Ask => "ask",
            Decision::Deny => "deny",
        }
    }
}

/// Why a decision was taken for one effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's id; `default-<verb>` or `environment-<name>-<verb>` where no rule matched.
    pub rule: String,
    /// Where the rule stands: `policy.toml:41`.
    pub place: String,
    /// Why the rule exists, in the words of whoever wrote it.
    pub because: String,
    /// What can be done instead; empty where nothing was written.
    pub instead: String,
    /// What this reason decides.
    pub decision: Decision,
}

/// What must be done for an allow or an ask to stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Obligation {
    /// This flag must not reach the tool.
    Strip(String),
    /// Exactly the plan that was judged must be applied.
    PinPlan,
    /// What comes on standard input must be judged before the tool gets it.
    ScreenStdin,
}

impl fmt::Display for Obligation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obligation::Strip(flag) => write!(f, "strip:{flag}"),
            Obligation::PinPlan => f.write_str("pin:plan"),
            Obligation::ScreenStdin => f.write_str("screen:stdin"),
        }
    }
}

/// A person's yes to one request, made by `approve` alone.
#[derive(Debug)]
pub struct Approval {
    /// The request it answers.
    pub request: String,
    /// Who said yes, in words.
    pub by: String,
}

/// What was decided about a call, why, and on what terms.
#[must_use]
#[derive(Debug, Clone)]
pub struct Verdict {
    decision: Decision,
    effects: Vec<Effect>,
    reasons: Vec<Reason>,
    obligations: Vec<Obligation>,
    environments: Vec<String>,
}

impl Verdict {
    /// The verdict over `effects`, with one reason for each; the strictest reason decides. With no effects there is
    /// nothing to judge, which is not a reason to allow: it asks.
    pub fn new(effects: Vec<Effect>, reasons: Vec<Reason>, environments: Vec<String>) -> Verdict {
        let decision = reasons.iter().map(|r| r.decision).max().unwrap_or(Decision::Ask);
        Verdict { decision, effects, reasons, obligations: Vec::new(), environments }
    }

    /// The same verdict on more terms.
    pub fn oblige(mut self, obligations: Vec<Obligation>) -> Verdict {
        self.obligations.extend(obligations);
        self.obligations.sort();
        self.obligations.dedup();
        self
    }

    /// The decision.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// What would happen.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// The environments the call was found to be in.
    pub fn environments(&self) -> &[String] {
        &self.environments
    }

    /// On what terms it stands.
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// The worst verb.
    pub fn verb(&self) -> Verb {
        effect::worst(&self.effects)
    }

    /// The reason that decided: the strictest, among those of one strictness the one for the worst effect.
    pub fn reason(&self) -> Option<&Reason> {
        let paired = self.effects.iter().zip(&self.reasons);
        paired.rev().max_by_key(|(e, r)| (r.decision, e.verb)).map(|(_, r)| r).or(self.reasons.first())
    }

    /// The effects that are not allowed, worst first.
    pub fn held(&self) -> Vec<&Effect> {
        let mut held: Vec<(&Effect, Decision)> = self
            .effects
            .iter()
            .zip(&self.reasons)
            .map(|(e, r)| (e, r.decision))
            .filter(|(_, d)| *d > Decision::Allow)
            .collect();
        held.sort_by_key(|(e, d)| std::cmp::Reverse((*d, e.verb)));
        held.into_iter().map(|(e, _)| e).collect()
    }

    /// An ask that a person said yes to. A deny stays a deny.
    pub fn approved(mut self, _by: &Approval) -> Verdict {
        if self.decision == Decision::Ask {
            self.decision = Decision::Allow;
        }
        self
    }

    /// Turns the verdict into the power to carry out `order`.
    ///
    /// # Errors
    /// When the decision is not allow, or the order leaves an obligation undone.
    pub fn permit(&self, order: Order) -> Result<Permit, Refusal> {
        if self.decision != Decision::Allow {
            return Err(Refusal::NotAllowed(self.decision));
        }
        match self.obligations.iter().find(|o| !order.discharged.contains(o)) {
            Some(left) => Err(Refusal::Undone(left.clone())),
            None => Ok(Permit { order }),
        }
    }
}

/// Why a verdict gives no permit.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The decision is not allow.
    NotAllowed(Decision),
    /// The order leaves this obligation undone.
    Undone(Obligation),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotAllowed(decision) => write!(f, "the decision is `{}`", decision.word()),
            Refusal::Undone(obligation) => write!(f, "`{obligation}` could not be done"),
        }
    }
}

/// Judges what a tool is to read, as it comes.
pub trait Feed: Send + fmt::Debug {
    /// What of `bytes`, and of what was held back before, goes on now.
    fn pass(&mut self, bytes: &[u8]) -> Fed;

    /// What goes on when nothing more comes.
    fn end(&mut self) -> Fed;
}

/// What goes on to the tool.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fed {
    /// These bytes.
    pub bytes: Vec<u8>,
    /// What comes next may not: the tool is to be ended.
    pub stop: bool,
    /// More is there to go on, before anything else is read.
    pub more: bool,
    /// Nothing comes after them.
    pub ended: bool,
}

/// Where the tool's standard input comes from.
#[derive(Debug)]
pub enum Input {
    /// The caller's, judged on its way.
    Fed(Box<dyn Feed>),
    /// The caller's.
    Inherit,
    /// Nothing.
    Null,
    /// This descriptor, read from its start.
    File(OwnedFd),
}

/// Takes something out of what a tool prints, as it passes.
pub trait Sift: Send + fmt::Debug {
    /// What of `bytes`, and of what was held back before, can pass now.
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8>;

    /// What is left to pass when the tool has ended.
    fn end(&mut self) -> Vec<u8>;
}

/// What is to be started, and how: inert until a verdict makes it a [`Permit`].
#[derive(Debug)]
pub struct Order {
    /// The tool's name.
    pub tool: String,
    /// Every word, the first included.
    pub argv: Vec<OsString>,
    /// The caller's environment; the profile says what passes.
    pub env: BTreeMap<OsString, OsString>,
    /// The current folder.
    pub cwd: PathBuf,
    /// The folder the tool works in.
    pub folder: PathBuf,
    /// The folder that belongs together with it.
    pub workspace: PathBuf,
    /// The walls.
    pub profile: Profile,
    /// The worst verb, by which the walls are narrowed.
    pub verb: Verb,
    /// Files beside those of the profile that the tool reads of itself.
    pub own: Vec<PathBuf>,
    /// Files beside those of the profile that may be read.
    pub read: Vec<PathBuf>,
    /// Files and folders beside those of the profile that may be written.
    pub write: Vec<PathBuf>,
    /// TCP ports beside those of the profile that may be connected to.
    pub ports: Vec<u16>,
    /// Where standard input comes from.
    pub stdin: Input,
    /// Where standard output goes; absent: to the caller's.
    pub stdout: Option<OwnedFd>,
    /// Where standard error goes; absent: to the caller's.
    pub stderr: Option<OwnedFd>,
    /// What is cut out of standard output on its way to the caller's.
    pub sift: Option<Box<dyn Sift>>,
    /// What is changed in standard error on its way to the caller's. Where both are one file, both pass through it, in the
    /// order in which they were written.
    pub sift_errors: Option<Box<dyn Sift>>,
    /// Descriptors that the tool inherits, under their numbers.
    pub keep: Vec<Arc<OwnedFd>>,
    /// The obligations that this order fulfils.
    pub discharged: Vec<Obligation>,
}

impl Order {
    /// A start in `cwd` that reads, is given nothing on standard input, and prints to the caller.
    pub fn new(
        tool: String,
        argv: Vec<OsString>,
        env: BTreeMap<OsString, OsString>,
        cwd: PathBuf,
        profile: Profile,
    ) -> Order {
        Order {
            tool,
            argv,
            env,
            folder: cwd.clone(),
            workspace: cwd.clone(),
            cwd,
            profile,
            verb: Verb::Read,
            own: vec![],
            read: vec![],
            write: vec![],
            ports: vec![],
            stdin: Input::Null,
            stdout: None,
            stderr: None,
            sift: None,
            sift_errors: None,
            keep: vec![],
            discharged: vec![],
        }
    }
}

/// A start of sprag's own, beside the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aid {
    /// The real tool makes a plan.
    Plan,
    /// The real tool shows a plan.
    Show,
    /// The real tool prints its outputs, to sprag alone.
    Output,
    /// `sprag doctor` asks a shell what a name leads to.
    Doctor,
    /// `sprag run` starts a guarded session.
    Session,
}

impl Aid {
    /// The word used in the record.
    pub fn word(self) -> &'static str {
        match self {
            Aid::Plan => "plan",
            Aid::Show => "show",
            Aid::Output => "output",
            Aid::Doctor => "doctor",
            Aid::Session => "session",
        }
    }
}

/// The power to start one program, once.
#[must_use]
#[derive(Debug)]
pub struct Permit {
    order: Order,
}

impl Permit {
    /// The permit of one of sprag's own aids.
    pub fn aid(_aid: Aid, order: Order) -> Permit {
        Permit { order }
    }

    /// What may be started.
    pub fn into_order(self) -> Order {
        self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Evidence;

    fn reason(decision: Decision) -> Reason {
        Reason { rule: "r".into(), place: "p:1".into(), because: String::new(), instead: String::new(), decision }
    }

    fn order(discharged: Vec<Obligation>) -> Order {
        Order { discharged, ..Order::new("t".into(), vec!["t".into()], BTreeMap::new(), "/".into(), Profile::default()) }
    }

    fn verdict(decisions: &[Decision]) -> Verdict {
        let effects = decisions.iter().map(|_| Effect::new(Verb::Write, "x", Evidence::Argv)).collect();
        Verdict::new(effects, decisions.iter().map(|d| reason(*d)).collect(), vec![])
    }

    #[test]
    fn the_strictest_reason_decides() {
        assert_eq!(verdict(&[Decision::Allow, Decision::Deny, Decision::Ask]).decision(), Decision::Deny);
    }

    #[test]
    fn nothing_judged_is_nothing_allowed() {
        assert_eq!(verdict(&[]).decision(), Decision::Ask);
    }

    #[test]
    fn a_permit_needs_every_obligation_done() {
        let strip = Obligation::Strip("-auto-approve".into());
        let v = verdict(&[Decision::Allow]).oblige(vec![strip.clone()]);
        assert!(matches!(v.permit(order(vec![])), Err(Refusal::Undone(_))));
        assert!(v.permit(order(vec![strip])).is_ok());
    }

    #[test]
    fn an_approval_turns_an_ask_but_never_a_deny() {
        let yes = Approval { request: "A".into(), by: "b".into() };
        assert_eq!(verdict(&[Decision::Ask]).approved(&yes).decision(), Decision::Allow);
        assert_eq!(verdict(&[Decision::Deny]).approved(&yes).decision(), Decision::Deny);
    }
}
