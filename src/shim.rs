//! One command's whole path, in order: the page to read first.
//!
//! How were we started, which tool is that, what would its words do, what do plan, SQL and files say, does the policy
//! allow it, does a person, is it on record; only then is the real tool started, behind its walls.

pub mod examples;
mod judge;
mod probe;
mod pump;

pub use judge::{Judged, Shims, call_of_words, judge, judge_example, policy_for};

use crate::approve::{self, Answer, Question, Store, StoreError, Terminal};
use crate::call::{Call, CallError, User};
use crate::confine::Chooser as _;
use crate::effect::Verb;
use crate::inspect::Learned;
use crate::memory::Memory;
use crate::place;
use crate::policy::PolicyError;
use crate::policy::schema::Approval;
use crate::profile::{Profile, Walls};
use crate::record::{Durability, Event, Record, RecordError, Told, redact};
use crate::run::{self, Bounds, NotAnswered, Outcome, Room, RunError};
use crate::say::{self, Refused};
use crate::text::sanitise;
use crate::tool::{self, Paths, ShimError};
use crate::verdict::{Decision, Input, Verdict};
use probe::Live;
use pump::{Held, Pump};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a call did not run, where no verdict says so.
#[derive(Debug)]
pub enum Failure {
    /// It cannot be read.
    Call(CallError),
    /// It comes from inside another tool's walls, and nobody answers it.
    Inside(String, NotAnswered),
    /// It comes from a session whose bounds are not known.
    Bounds(std::io::Error),
    /// It comes from a session, and this path lies outside of what that has.
    Outside(PathBuf),
    /// It comes from a session, and would have what that may have put into this folder run outside.
    Hosted(PathBuf),
    /// It comes from a session, whose value of this variable would not reach the tool.
    NotTaken(String),
    /// A shim file is wrong.
    Shim(ShimError),
    /// The policy is wrong, and the call is no plain read.
    Policy(PolicyError),
    /// Nothing can be put on record.
    Record(RecordError),
    /// Requests cannot be kept.
    Store(StoreError),
    /// The tool could not be started.
    Run(RunError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Call(e) => e.fmt(f),
            Failure::Inside(_, why @ NotAnswered::Tool(_)) => why.fmt(f),
            Failure::Inside(name, why) => {
                write!(f, "`{name}` was called from inside another guarded tool: {why}; run it by itself, outside")
            }
            Failure::Bounds(e) => write!(f, "what the session may see is not known: {e}"),
            Failure::Outside(path) => {
                write!(
                    f,
                    "`{}` is nothing that this session has: a session has its workspace, and reads the system; what it needs besides, whoever starts it names by `sprag run --read` or `--write`",
                    path.display()
                )
            }
            Failure::Hosted(path) => write!(
                f,
                "`{}` may be this session's own folder, and its hooks would run outside: name the repository by its path, without a host",
                path.display()
            ),
            Failure::NotTaken(name) => write!(
                f,
                "`{name}` is not taken from a session, and the tool would do something else without it: start the session with it"
            ),
            Failure::Shim(e) => e.fmt(f),
            Failure::Policy(e) => write!(f, "{e}\n  until this is mended only reads run"),
            Failure::Record(e) => write!(f, "{e}\n  until it can be written only reads run"),
            Failure::Store(e) => e.fmt(f),
            Failure::Run(e) => e.fmt(f),
        }
    }
}

impl Failure {
    /// The exit code (design: 64 misuse, 71 walls, 77 denied, 78 policy or shim file, 126 and 127 the real tool).
    fn code(&self) -> i32 {
        match self {
            Failure::Call(CallError::NoFolder(_)) | Failure::Bounds(_) => 71,
            Failure::Inside(_, why) => why.code(),
            Failure::Call(_) => 64,
            Failure::Shim(_) | Failure::Policy(_) => 78,
            Failure::Outside(_) | Failure::Hosted(_) | Failure::NotTaken(_) | Failure::Record(_) | Failure::Store(_) => 77,
            Failure::Run(RunError::Program(e)) => e.code(),
            Failure::Run(RunError::Walls(_) | RunError::System(..)) => 71,
        }
    }
}

/// Runs the call that started this process; returns how it ended.
pub fn main() -> Outcome {
    match run() {
        Ok(outcome) => outcome,
        Err(failure) => {
            let lines: Vec<String> = failure.to_string().lines().map(sanitise).collect();
            say::error(&format!("sprag: refused: {}\n  nothing was run", lines.join("\n")));
            Outcome::Exited(failure.code())
        }
    }
}

fn run() -> Result<Outcome, Failure> {
    let call = Call::capture(&tool::is_known).map_err(Failure::Call)?;
    if let Some(room) = run::around(&call.link, &call.env) {
        return run::ask(&room, &call.link, &call.argv, &call.env).map_err(|why| Failure::Inside(call.name, why));
    }
    tracing::debug!("captured");
    let user = User::current();
    let bounds = Bounds::of(&call.env).map_err(Failure::Bounds)?;
    if let Some(bounds) = bounds.clone() {
        place::open_only(move |real| bounds.has(real, false));
    }
    let shims = Shims::of(&call).map_err(Failure::Shim)?;
    let reading = shims.read(&call);
    let record = Record::of(&user.state());
    let run_id = run::id();
    let within = Within { bounds: bounds.as_ref(), call: &call, profile: shims.profile(), record: &record, run: &run_id };
    let mut named = reading.paths();
    named.read.extend((reading.folder != call.cwd).then(|| reading.folder.clone()));
    within.demand(&named)?;
    within.demand_variables()?;
    let policy = policy_for(&user, &call, &reading.folder);
    tracing::debug!("policy loaded");
    let required = policy.as_ref().map(|p| p.base.confine.clone().unwrap_or_default()).unwrap_or_default();
    let more = policy.as_ref().map(|p| p.profile(&call.name)).unwrap_or_default();
    let room = Room::make(links(&call)).map_err(Failure::Run)?.within(bounds.clone());
    let live =
        Live { call: &call, user: &user, required: &required, more: &more, record: &record, run: &run_id, room: &room };
    let mut judged = judge(&call, &user, (&shims, &reading), policy.as_ref(), &live);
    tracing::debug!(verb = judged.verdict.verb().word(), decision = judged.verdict.decision().word(), "judged");
    if let Some(code) = judged.ended {
        return Ok(Outcome::Exited(code));
    }
    if let (Err(error), true) = (&policy, judged.verdict.verb() > Verb::Read) {
        return Err(Failure::Policy(PolicyError(error.0.clone())));
    }
    let (mut read, mut write) = (judged.order.read.clone(), judged.order.write.clone());
    if judged.verdict.verb() == Verb::Read {
        // It would be written only by what is not done: the walls open it to be read.
        read.append(&mut write);
    }
    within.demand(&Paths { read, write })?;
    within.demand_others(&judged.hosted)?;
    let limits = policy.as_ref().ok().and_then(|p| p.base.approval.clone()).unwrap_or_default();
    let this = Run { call: &call, user: &user, record: &record, id: &run_id, words: &judged.words.clone(), limits };
    if judged.verdict.decision() == Decision::Ask {
        // In a session the terminal is the session's: whoever asks would answer.
        match this.seek(&judged, bounds.is_none())? {
            Answer::Yes(approval) => {
                this.answered(&approval.request, "approve", &approval.by);
                judged.verdict = judged.verdict.approved(&approval);
                // A person has said yes to exactly this; the tool's own question would be the second.
                judged.confirm = false;
            }
            Answer::No => {
                this.answered("", "refuse", approve::AT_THE_PROMPT);
                return this.refuse(&judged, None, Some("a person said no"));
            }
            Answer::Later(request) => return this.refuse(&judged, Some(request), None),
        }
    }
    if judged.verdict.decision() == Decision::Deny {
        return this.refuse(&judged, None, None);
    }
    if judged.confirm && !this.confirm() {
        say::note("the apply was cancelled; nothing was run");
        return Ok(Outcome::Exited(1));
    }
    let held = this.let_flow(&mut judged);
    this.begin(&judged, bounds.is_some())?;
    tracing::debug!("recorded");
    let walls = judged.order.profile.walls;
    let permit = match judged.verdict.permit(judged.order) {
        Ok(permit) => permit,
        Err(refusal) => {
            let why = refusal.to_string();
            say::error(&format!("sprag: refused: {why}\n  nothing was run"));
            return Ok(Outcome::Exited(77));
        }
    };
    for note in &judged.notes {
        say::note(note);
    }
    if bounds.is_some() && walls == Walls::None {
        // It would have no walls outside; the session starts it, in its own.
        run::hand_over(permit, &call.env).map_err(Failure::Run)?;
        // How it ends is not seen here.
        let _ = record.append(&Event::Handed { run: &run_id }, Durability::Kernel);
        return Ok(Outcome::Exited(0));
    }
    let setting = run::Setting { home: &user.home, required: &required, more: Some(&more), room: &room, last: true };
    let outcome = run::start(permit, &setting);
    tracing::debug!("ended");
    this.end(&outcome);
    if let Some(learned) = judged.learned {
        this.remember(*learned, &outcome);
    }
    tracing::debug!("recorded");
    match held.and_then(|held| held.lock().ok()?.take()) {
        Some(verdict) => Ok(this.ended_for(&verdict)),
        None => outcome.map_err(Failure::Run),
    }
}

/// What a call out of a session may name.
struct Within<'a> {
    bounds: Option<&'a Bounds>,
    call: &'a Call,
    profile: &'a Profile,
    record: &'a Record,
    run: &'a str,
}

impl Within<'_> {
    /// Demands that it is nothing that the session has not itself, and puts on record where it is. A tool without walls runs inside:
    /// there only what is read before, to judge it, could come out.
    fn demand(&self, named: &Paths) -> Result<(), Failure> {
        let Some(bounds) = self.bounds else { return Ok(()) };
        let inside = self.profile.walls == Walls::None;
        let may = |path: &PathBuf, write: bool| bounds.hold(path, write && !inside) || (inside && path.is_dir());
        let read = named.read.iter().find(|path| !may(path, false));
        // From above what it has, it may call; the walls open the folder itself to nobody.
        let cwd = Some(&self.call.cwd).filter(|cwd| !inside && !bounds.hold(cwd, false) && !bounds.lead_from(cwd));
        let write = || named.write.iter().find(|path| !may(path, true));
        let Some(path) = read.or(cwd).or_else(write) else { return Ok(()) };
        self.barred(&path.display().to_string());
        Err(Failure::Outside(path.clone()))
    }

    /// Demands that no variable which the tool would be given says something else in the session. A tool without walls runs there.
    fn demand_variables(&self) -> Result<(), Failure> {
        let not_taken = self.call.not_taken().into_iter().map(|name| (OsString::from(name), OsString::from("x"))).collect();
        let given = run::reaches_tool(&self.profile.env, &not_taken);
        let first = given.into_iter().next().filter(|_| self.profile.walls != Walls::None);
        let Some(name) = first else { return Ok(()) };
        self.barred(&name);
        Err(Failure::NotTaken(name))
    }

    /// Demands that the session can write to none of these folders, nor put another in their place: what they hold would run outside.
    fn demand_others(&self, hosted: &[PathBuf]) -> Result<(), Failure> {
        let Some(bounds) = self.bounds else { return Ok(()) };
        let is_its_own = |path: &&PathBuf| path.ancestors().any(|above| bounds.hold(above, true));
        let Some(path) = hosted.iter().find(is_its_own) else { return Ok(()) };
        self.barred(&path.display().to_string());
        Err(Failure::Hosted(path.clone()))
    }

    /// Puts on record that the call named this. It does not run, whether or not that can be recorded.
    fn barred(&self, named: &str) {
        let argv: Vec<String> = self.call.argv.iter().map(|word| redact(&word.to_string_lossy())).collect();
        let cwd = self.call.cwd.display().to_string();
        let event = Event::Barred { run: self.run, argv: &argv, cwd: &cwd, named };
        let _ = self.record.append(&event, Durability::Kernel);
    }
}

/// The folder of the links: where the link we were started by leads to, or stands.
fn links(call: &Call) -> Option<PathBuf> {
    let absolute = crate::call::absolute(&call.cwd, &call.link);
    let folder = absolute.parent()?;
    // A renamed link somewhere else must not put its folder first in PATH.
    folder.join(&call.name).symlink_metadata().is_ok_and(|m| m.is_symlink()).then(|| folder.to_owned())
}

/// What the steps of one run share.
struct Run<'a> {
    call: &'a Call,
    user: &'a User,
    record: &'a Record,
    id: &'a str,
    words: &'a [String],
    limits: Approval,
}

impl Run<'_> {
    /// The command line for a person.
    fn command(&self) -> String {
        shell_words::join(self.words)
    }

    fn told<'b>(&'b self, judged: &'b Judged) -> Told<'b> {
        Told::new(self.id, &self.call.name, self.words, &self.call.cwd, &judged.verdict)
    }

    /// Seeks a person's yes.
    fn seek(&self, judged: &Judged, at_terminal: bool) -> Result<Answer, Failure> {
        let text = say::question(&self.command(), &judged.verdict);
        let name = judged.subject.name_to_type();
        let question = Question { text: &text, name_to_type: name.as_deref() };
        let store = Store::of(&self.user.state(), &self.limits);
        approve::seek(&store, &judged.subject, &question, at_terminal).map_err(Failure::Store)
    }

    /// The confirmation that the tool itself would have asked for: once, of whoever stands on standard input.
    fn confirm(&self) -> bool {
        let text = format!("sprag: {}: apply this plan?", sanitise(&self.command()));
        if let Some(mut terminal) = Terminal::of_the_caller() {
            let question = Question { text: &text, name_to_type: Some("yes") };
            return terminal.ask(&question) == approve::Asked::Yes;
        }
        say::error(&format!("{text}\n  only `yes` on standard input goes on"));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && answer.trim_end() == "yes"
    }

    /// Puts the intent on record. What only reads runs even where that fails, but out of a session, which may have seen to that.
    fn begin(&self, judged: &Judged, from_session: bool) -> Result<(), Failure> {
        let reads = judged.verdict.verb() == Verb::Read;
        if !reads {
            // Rooms of runs that were killed; looked for only where a little time does not matter.
            run::sweep();
        }
        let durability = if reads { Durability::Kernel } else { Durability::Disk };
        match self.record.append(&Event::Intent(self.told(judged)), durability) {
            Err(e) if !reads || from_session => Err(Failure::Record(e)),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// Puts a person's answer on record; the intent that follows must be there too before anything runs.
    fn answered(&self, request: &str, answer: &str, by: &str) {
        let _ = self.record.append(&Event::Answer { request, answer, by }, Durability::Kernel);
    }

    fn end(&self, outcome: &Result<Outcome, RunError>) {
        run::record_end(self.record, self.id, outcome);
    }

    /// Puts a pump where standard input comes while the tool runs; what it will have held.
    fn let_flow(&self, judged: &mut Judged) -> Option<Held> {
        let pump = Pump::new(judged.flows.take()?, self.record, self.id, self.call, self.words);
        let held = pump.held();
        judged.order.stdin = Input::Fed(Box::new(pump));
        Some(held)
    }

    /// Says why the tool was ended: what came on standard input was not allowed.
    fn ended_for(&self, verdict: &Verdict) -> Outcome {
        let told = Told::new(self.id, &self.call.name, self.words, &self.call.cwd, verdict);
        let _ = self.record.append(&Event::Refusal(told), Durability::Kernel);
        let why = "it came on standard input while the tool ran; in a file, or all at once, a person can be asked first";
        let ran = format!("`{}` was ended there; what came before it may have run", self.call.name);
        if say::wants_json() {
            say::error(&say::refusal_json(&self.call.name, verdict, None, Some(why)));
        } else {
            let refused = Refused { command: &self.command(), verdict, request: None, why: Some(why), ran: Some(&ran) };
            say::error(&say::refusal(&refused));
        }
        Outcome::Exited(if verdict.decision() == Decision::Deny { 77 } else { 75 })
    }

    /// Remembers what the state has become.
    fn remember(&self, learned: Learned, outcome: &Result<Outcome, RunError>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let known = learned.settle(matches!(outcome, Ok(Outcome::Exited(0))), now);
        // The tool has run. What is not remembered is asked about once more, at most.
        if let Some(Err(e)) = known.map(|known| Memory::of(&self.user.state()).keep(&known)) {
            say::note(&sanitise(&e.to_string()));
        }
    }

    /// Says why nothing was run, and puts it on record.
    fn refuse(
        &self,
        judged: &Judged,
        request: Option<Box<approve::Request>>,
        why: Option<&str>,
    ) -> Result<Outcome, Failure> {
        let mut told = self.told(judged);
        told.request = request.as_ref().map(|r| r.id.as_str());
        // A refusal stands whether or not it can be recorded.
        let _ = self.record.append(&Event::Refusal(told), Durability::Kernel);
        let id = request.as_ref().map(|r| r.id.as_str());
        if say::wants_json() {
            say::error(&say::refusal_json(&self.call.name, &judged.verdict, id, why));
        } else {
            let command = self.command();
            let minutes = self.limits.approve_within_minutes;
            let refused =
                Refused { command: &command, verdict: &judged.verdict, request: id.map(|i| (i, minutes)), why, ran: None };
            say::error(&say::refusal(&refused));
        }
        Ok(Outcome::Exited(if request.is_some() { 75 } else { 77 }))
    }
}
