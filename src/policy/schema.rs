//! The shape of a `policy.toml`.
//!
//! The build script includes this file to compile the built-in policy into a compact table, so it must use no other
//! module than `effect`, `profile`, `verdict` and `place`.

use crate::effect::Verb;
use crate::place;
use crate::profile::{Profile, Required};
use crate::verdict::Decision;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

/// One layer of the policy, with the place of every part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The file as it is cited.
    pub file: String,
    /// The decision for each verb that no rule and no environment speaks of.
    pub default: BTreeMap<Verb, Decision>,
    /// The line of `[default]`.
    pub default_line: usize,
    /// The environments.
    pub environments: Vec<Environment>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// How a person approves.
    pub approval: Option<Approval>,
    /// Which walls must stand.
    pub confine: Option<Required>,
    /// What a guarded session has and has not.
    pub session: Option<Session>,
    /// What the walls of tools are given besides what their shim files give, by the tool's name.
    pub profiles: BTreeMap<String, Widened>,
    /// What the user's own layer may loosen: patterns of rule ids, `default.<verb>`, `environment.<name>.<verb>`, `session`,
    /// `profile.<tool>`.
    pub may_loosen: Vec<String>,
}

/// Where a call would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Facts and the patterns of their values; one that matches is enough.
    pub matches: BTreeMap<String, Vec<String>>,
    /// The decision for each verb that it speaks of.
    pub verbs: BTreeMap<Verb, Decision>,
    /// Where it stands: `file:line`.
    pub place: String,
}

/// A rule about certain effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The tools it speaks of; empty: all.
    pub tool: Vec<String>,
    /// The verbs it speaks of; empty: all.
    pub verb: Vec<Verb>,
    /// Patterns of targets, or of their types; empty: all.
    pub target: Vec<String>,
    /// The environments it speaks of; empty: all.
    pub environment: Vec<String>,
    /// It speaks only of effects on this many things or more.
    pub at_least: Option<u64>,
    /// It speaks only of effects on this share of all there are, in per cent, or more.
    pub percent: Option<u64>,
    /// What it decides.
    pub decision: Decision,
    /// Why it exists.
    pub because: String,
    /// What can be done instead.
    pub instead: String,
    /// Calls it must match, and calls it must not; checked when the policy loads.
    pub examples: Vec<Example>,
    /// Where it stands: `file:line`.
    pub place: String,
}

/// A call that a rule must match or must not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The command line, in shell words.
    pub run: String,
    /// Whether the rule must match it.
    pub matches: bool,
    /// Where it stands in the file, in bytes.
    pub offset: usize,
}

/// How a person approves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// How long a request can be approved, in minutes.
    #[serde(default = "fifteen")]
    pub approve_within_minutes: u64,
    /// How long an approved call can be run, in minutes.
    #[serde(default = "fifteen")]
    pub run_within_minutes: u64,
}

fn fifteen() -> u64 {
    15
}

impl Default for Approval {
    fn default() -> Approval {
        Approval { approve_within_minutes: fifteen(), run_within_minutes: fifteen() }
    }
}

/// What a guarded session (`sprag run`) has besides what every session has, and what it has not. Paths may begin with
/// `$HOME` or `$WORKSPACE` and hold `*` for any name between two slashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Session {
    /// It may read and run these.
    #[serde(default)]
    pub read: Vec<String>,
    /// It may write these.
    #[serde(default)]
    pub write: Vec<String>,
    /// These it has not, whoever else grants them.
    #[serde(default)]
    pub hide: Vec<String>,
    /// Whether it can make UNIX sockets.
    #[serde(default)]
    pub unix_sockets: UnixSockets,
}

/// What a machine gives a tool's walls besides: paths as in a shim file's profile, and TCP ports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widened {
    /// Read files, list folders.
    #[serde(default)]
    pub read: Vec<String>,
    /// Read and run.
    #[serde(default)]
    pub exec: Vec<String>,
    /// Read, write, create, remove.
    #[serde(default)]
    pub write: Vec<String>,
    /// TCP ports that may be connected to.
    #[serde(default)]
    pub connect: Vec<u16>,
}

/// Whether a guarded session can make UNIX sockets: a kernel that cannot close them one by one can close all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnixSockets {
    /// Not where one of those is in reach that are known to lead out of the session.
    #[default]
    Auto,
    /// Always.
    Allow,
    /// Never.
    Deny,
}

impl Session {
    /// Adds what a layer says that may only tighten.
    fn tighten(&mut self, by: &Session) {
        self.hide.extend(by.hide.iter().cloned());
        if by.unix_sockets == UnixSockets::Deny {
            self.unix_sockets = UnixSockets::Deny;
        }
    }

    /// Whether it gives a session something.
    pub fn loosens(&self) -> bool {
        !self.read.is_empty() || !self.write.is_empty() || self.unix_sockets == UnixSockets::Allow
    }
}

impl Policy {
    /// What the walls of this tool are given besides.
    pub fn profile(&self, tool: &str) -> Profile {
        let Some(more) = self.base.profiles.get(tool).cloned() else { return Profile::default() };
        Profile { read: more.read, exec: more.exec, write: more.write, connect: more.connect, ..Profile::default() }
    }

    /// What all layers say of a guarded session.
    pub fn session(&self) -> Session {
        let mut session = self.base.session.clone().unwrap_or_default();
        self.floors.iter().filter_map(|floor| floor.session.as_ref()).for_each(|floor| session.tighten(floor));
        session
    }
}

/// The stacked layers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What holds by itself: the built-in layer, with what later layers may replace in it.
    pub base: Layer,
    /// Layers that can only make it stricter.
    pub floors: Vec<Layer>,
}

// --- reading ---------------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u64>,
    #[serde(default)]
    default: Option<Spanned<Verbs>>,
    #[serde(default)]
    environment: Vec<Spanned<FileEnvironment>>,
    #[serde(default)]
    rule: Vec<Spanned<FileRule>>,
    #[serde(default)]
    approval: Option<Spanned<Approval>>,
    #[serde(default)]
    confine: Option<Spanned<Required>>,
    #[serde(default)]
    session: Option<Session>,
    #[serde(default)]
    profile: BTreeMap<String, Widened>,
    #[serde(default)]
    user: Option<Spanned<FileUser>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileUser {
    may_loosen: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verbs {
    read: Option<Decision>,
    reveal: Option<Decision>,
    write: Option<Decision>,
    grant: Option<Decision>,
    escape: Option<Decision>,
    destroy: Option<Decision>,
    unknown: Option<Decision>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEnvironment {
    name: String,
    #[serde(rename = "match")]
    matches: BTreeMap<String, OneOrMany>,
    read: Option<Decision>,
    reveal: Option<Decision>,
    write: Option<Decision>,
    grant: Option<Decision>,
    escape: Option<Decision>,
    destroy: Option<Decision>,
    unknown: Option<Decision>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    id: String,
    #[serde(default)]
    tool: OneOrMany,
    #[serde(default)]
    verb: OneOrMany,
    #[serde(default)]
    target: OneOrMany,
    #[serde(default)]
    environment: OneOrMany,
    #[serde(default)]
    at_least: Option<u64>,
    #[serde(default)]
    percent: Option<u64>,
    decision: Decision,
    because: String,
    #[serde(default)]
    instead: String,
    #[serde(default, rename = "match")]
    matches: Vec<Spanned<String>>,
    #[serde(default)]
    not_match: Vec<Spanned<String>>,
}

/// A string or a list of strings.
#[derive(Default)]
struct OneOrMany(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }
            fn visit_str<E: de::Error>(self, one: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![one.to_owned()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut many = Vec::new();
                while let Some(one) = list.next_element()? {
                    many.push(one);
                }
                Ok(OneOrMany(many))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

type Entries = [Option<Decision>; 7];

/// The entries of one table; `unknown` milder than `destroy` is refused.
fn verbs(entries: Entries) -> Result<BTreeMap<Verb, Decision>, String> {
    let map: BTreeMap<Verb, Decision> = Verb::ALL.into_iter().zip(entries).filter_map(|(v, d)| Some((v, d?))).collect();
    match (map.get(&Verb::Destroy), map.get(&Verb::Unknown)) {
        (Some(destroy), Some(unknown)) if unknown < destroy => Err(format!(
            "`unknown = \"{}\"` is milder than `destroy = \"{}\"`; what is not understood can destroy, make it as strict",
            unknown.word(),
            destroy.word()
        )),
        _ => Ok(map),
    }
}

/// Reads one layer; `file` stands at the front of every place and message.
///
/// # Errors
/// `file:line:column: why`, the line itself and a caret.
pub fn parse(text: &str, file: &str) -> Result<Layer, String> {
    let raw: File = toml::from_str(text).map_err(|e| place::cite(file, text, &e))?;
    let fail = |offset: usize, why: String| place::cite_at(file, text, offset, &why);
    let line = |offset: usize| place::position(text, offset).0;
    if *raw.version.get_ref() != 1 {
        return Err(fail(raw.version.span().start, "this version is not known; write `version = 1`".to_owned()));
    }
    let mut layer = Layer { file: file.to_owned(), default_line: 1, ..Layer::default() };
    if let Some(default) = raw.default {
        layer.default_line = line(default.span().start);
        let v = default.get_ref();
        let entries = [v.read, v.reveal, v.write, v.grant, v.escape, v.destroy, v.unknown];
        layer.default = verbs(entries).map_err(|why| fail(default.span().start, why))?;
    }
    for environment in raw.environment {
        let start = environment.span().start;
        let e = environment.into_inner();
        let entries = [e.read, e.reveal, e.write, e.grant, e.escape, e.destroy, e.unknown];
        layer.environments.push(Environment {
            verbs: verbs(entries).map_err(|why| fail(start, why))?,
            name: e.name,
            matches: e.matches.into_iter().map(|(k, v)| (k, v.0)).collect(),
            place: format!("{file}:{}", line(start)),
        });
    }
    for rule in raw.rule {
        let start = rule.span().start;
        layer.rules.push(read_rule(rule.into_inner(), format!("{file}:{}", line(start))).map_err(|why| fail(start, why))?);
    }
    layer.approval = raw.approval.map(Spanned::into_inner);
    layer.confine = raw.confine.map(Spanned::into_inner);
    layer.session = raw.session;
    layer.profiles = raw.profile;
    layer.may_loosen = raw.user.map(|u| u.into_inner().may_loosen).unwrap_or_default();
    Ok(layer)
}

fn read_rule(rule: FileRule, place: String) -> Result<Rule, String> {
    let is_kebab = |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_kebab(&rule.id) {
        return Err(format!("`{}` is no rule id; use lower-case words joined by `-`", rule.id));
    }
    let word = |name: &String| {
        let known = Verb::ALL.into_iter().find(|v| v.word() == name);
        known.ok_or_else(|| format!("`{name}` is no verb; use one of read, reveal, write, grant, escape, destroy, unknown"))
    };
    let example = |matches: bool| move |s: Spanned<String>| Example { offset: s.span().start, run: s.into_inner(), matches };
    Ok(Rule {
        verb: rule.verb.0.iter().map(word).collect::<Result<_, _>>()?,
        examples: rule
            .matches
            .into_iter()
            .map(example(true))
            .chain(rule.not_match.into_iter().map(example(false)))
            .collect(),
        id: rule.id,
        tool: rule.tool.0,
        target: rule.target.0,
        environment: rule.environment.0,
        at_least: rule.at_least,
        percent: rule.percent,
        decision: rule.decision,
        because: rule.because,
        instead: rule.instead,
        place,
    })
}
