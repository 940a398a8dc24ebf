//! The shape of a `shims/<tool>.toml` file.
//!
//! The build script includes this file as it stands, to turn the shipped files into compact tables; so it must
//! not use any other module than `effect`, `profile` and `reach`. A shim file holds no decision and no regular expression.

use crate::effect::{Recovery, Verb};
use crate::profile::Profile;
use crate::reach::Reach;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// How a tool writes its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Go's `flag` package as terraform uses it: `-x` and `--x` are one, `-x=v` or `-x v`, a switch takes only `=v`,
    /// no abbreviation, flags end at the first operand or `--`; global flags stand before the subcommand and take `=v` only.
    Go,
    /// Python's argparse as the aws CLI uses it: `--x v`, `--x=v`, abbreviations, flags anywhere, `--no-x` undoes `--x`.
    Argparse,
    /// GNU `getopt_long`: `-abc` clusters, `-xVALUE`, `--x=v`, abbreviations, flags and operands mixed, `--` ends flags.
    Getopt,
    /// A flag is one whole word, as in sqlite3: `-x` and `--x` are one, the value is the next word whatever it is, no
    /// abbreviation, flags and operands mixed.
    Whole,
    /// Go's cobra and pflag as kubectl and docker use them: `--x v`, `--x=v`, switches take `=v`, clusters, no abbreviation,
    /// flags and operands mixed, `--` ends flags; the flags of a command hold for the commands below it too.
    Cobra,
    /// git's own: the tool's flags stand before the subcommand and are spelled in full; behind it the command's own, as
    /// getopt's, with `-N` for a number.
    Git,
    /// No flags: every word behind the command is an operand, which an inspector reads (`find`, `dd`).
    Words,
}

/// The flags of a tool or of one command. Names that mean the same stand in one string: `"-c --command"`; the last
/// is the one used in messages and rules. Written as the tool writes them, with their dashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// Take a value.
    #[serde(default)]
    pub value: Vec<String>,
    /// Take no value (in the `go` dialect `=true`, `=false`).
    #[serde(default)]
    pub switch: Vec<String>,
    /// Take a value only as `--x=v`, or `-xv`.
    #[serde(default)]
    pub optional: Vec<String>,
    /// Take every following word up to the next flag (argparse `nargs`).
    #[serde(default)]
    pub values: Vec<String>,
    /// Take a value that names a file or folder the tool reads.
    #[serde(default)]
    pub read_path: Vec<String>,
    /// Take a value that names a file or folder the tool writes.
    #[serde(default)]
    pub write_path: Vec<String>,
    /// Take a value that is a secret and is never recorded.
    #[serde(default)]
    pub secret: Vec<String>,
    /// Take a secret, only attached: `-pSECRET`, `--password=SECRET`.
    #[serde(default)]
    pub optional_secret: Vec<String>,
    /// Take no value and make the tool print its help or version and leave: the call is then a read.
    #[serde(default)]
    pub help: Vec<String>,
}

/// What the operands (words that are neither flags nor subcommands) of a command are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operands {
    /// The command takes none; one makes the call unknown.
    #[default]
    None,
    /// Words without further meaning for the walls.
    Words,
    /// What the effect happens to.
    Target,
    /// What the effect happens to is the first of them; the others are words.
    First,
    /// Files or folders the tool reads.
    Read,
    /// Files or folders the tool writes; they are targets too.
    Write,
    /// The last is written, those before it are read; all are targets.
    Destination,
}

/// A call inside the call: what a launcher starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inner {
    /// So many operands stand before it (`timeout 5 …`).
    #[serde(default)]
    pub skip: usize,
    /// Words `NAME=value` before it are its environment (`env`, `sudo`).
    #[serde(default)]
    pub assignments: bool,
    /// It begins behind `--` where there is one (`kubectl exec pod -- …`); what stands before is no part of it.
    #[serde(default)]
    pub dashes: bool,
    /// Its words, joined by spaces, are text for a shell (`ssh`, `watch`).
    #[serde(default)]
    pub text: bool,
    /// The flag whose value is text for a shell; without it the operands count (`sh -c`, `su -c`, `flock -c`).
    #[serde(default)]
    pub flag: Option<String>,
    /// The flag whose value is split into the words of the call, before the operands (`env -S`).
    #[serde(default)]
    pub split: Option<String>,
    /// The flag whose value is its program, before the operands (`docker run --entrypoint`).
    #[serde(default)]
    pub program: Option<String>,
    /// The first operand names a script for a shell, which is read (`sh FILE`); without any, standard input is.
    #[serde(default)]
    pub script: bool,
    /// Further operands of it come from elsewhere, unseen (`xargs`).
    #[serde(default)]
    pub more: bool,
    /// The flag that names what stands in its words for them, `{}` where it has no value (`xargs -I`).
    #[serde(default)]
    pub place: Vec<String>,
    /// The pattern of the word that ends it (`parallel … ::: a b`).
    #[serde(default)]
    pub until: Option<String>,
    /// Where it is started.
    #[serde(default)]
    pub reach: Reach,
    /// The flags that put something of this machine, or what is kept, into the container that is made for it.
    #[serde(default)]
    pub mounts: Vec<String>,
    /// What the launcher does where there is none; absent: that is unknown.
    #[serde(default)]
    pub none: Option<Verb>,
    /// The machine it is started on may be this one, outside of a guarded session: out of one, only these tools are started there.
    #[serde(default)]
    pub session: Vec<String>,
}

/// Makes the effect of a command worse when something stands in the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raise {
    /// The flag that raises.
    #[serde(default)]
    pub flag: Option<String>,
    /// The pattern of the flag's value (or of one comma-separated part of it) that raises; absent: any value, and a switch that is on.
    #[serde(default)]
    pub value: Option<String>,
    /// Values that do not raise: `none`, `/dev/null`.
    #[serde(default)]
    pub but: Vec<String>,
    /// The pattern's letters stand for small and capital ones.
    #[serde(default)]
    pub fold: bool,
    /// Only a call out of a guarded session: by it, it would get what it has not itself.
    #[serde(default)]
    pub session: bool,
    /// The value is an option of ssh, compared as `name=value` in the way in which ssh takes it apart, its name in small letters.
    #[serde(default)]
    pub keyword: bool,
    /// The pattern of an operand that raises.
    #[serde(default)]
    pub operand: Option<String>,
    /// The verb of the effect that is added.
    pub verb: Verb,
    /// What is left afterwards.
    #[serde(default)]
    pub recovery: Recovery,
    /// Why, in a few words for a person.
    #[serde(default)]
    pub note: String,
    /// The flag's value is the target of the effect.
    #[serde(default)]
    pub target: bool,
    /// The target of the effect, where it is always the same: a name that policies can use.
    #[serde(default)]
    pub named: Option<String>,
    /// argv says this only roughly: an inspector's evidence takes its place.
    #[serde(default)]
    pub rough: bool,
}

/// A flag that makes a command milder: `-dry-run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lower {
    /// The flag, which must be given in full.
    pub flag: String,
    /// The pattern of the flag's value that lowers; absent: any value, and a switch that is on.
    #[serde(default)]
    pub value: Option<String>,
    /// What the call then is.
    pub verb: Verb,
}

/// One command of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The words that name it; `*` stands for any characters within a word, `|` between words that mean the same
    /// (`"rm|remove"`). Empty for a tool without subcommands.
    #[serde(default)]
    pub path: Vec<String>,
    /// What it does.
    pub verb: Verb,
    /// What is left afterwards.
    #[serde(default)]
    pub recovery: Recovery,
    /// Why, in a few words for a person.
    #[serde(default)]
    pub note: String,
    /// The inspector that looks closer.
    #[serde(default)]
    pub inspect: Option<String>,
    /// Flags that never reach the tool: they approve in a person's stead.
    #[serde(default)]
    pub strip: Vec<String>,
    /// The flags of this command, beside the tool's own.
    #[serde(default)]
    pub flags: Flags,
    /// What the operands are.
    #[serde(default)]
    pub operands: Operands,
    /// The flags whose values are the targets of the effect; `*` stands for any characters.
    #[serde(default)]
    pub target: Vec<String>,
    /// What makes it worse.
    #[serde(default)]
    pub raise: Vec<Raise>,
    /// What makes it milder.
    #[serde(default)]
    pub lower: Vec<Lower>,
    /// Flags end at the first operand (`docker run IMAGE …`, `timeout 5 …`).
    #[serde(default)]
    pub stop: bool,
    /// With `stop`: flags may also stand behind the first operand (`ssh host -N`).
    #[serde(default)]
    pub flags_behind_first: bool,
    /// The call that it starts.
    #[serde(default)]
    pub inner: Option<Inner>,
    /// Flags that the file does not name are accepted. A reviewed word: they are kept, with every following word up
    /// to the next flag as their value, and can still raise.
    #[serde(default)]
    pub open: bool,
}

/// When a change in a Terraform plan loses something, beside what its action says: what a delete takes with it for
/// good, what an update destroys without any delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Patterns of the resource types it speaks of.
    #[serde(rename = "type")]
    pub kinds: Vec<String>,
    /// The change it speaks of.
    pub on: LossOn,
    /// The attribute that decides, as a path with dots; lists are walked element by element. Absent (delete only): every
    /// delete of the type.
    #[serde(default)]
    pub attribute: Option<String>,
    /// The attribute's values that lose something, as text: before a delete; after an update, when it was none of them
    /// before.
    #[serde(default, deserialize_with = "texts")]
    pub is: Vec<String>,
    /// So does an attribute that is not there, or empty.
    #[serde(default)]
    pub absent: bool,
    /// So does, for an update, a number that is smaller afterwards.
    #[serde(default)]
    pub shrinks: bool,
    /// The number that means no end, where the attribute has one.
    #[serde(default)]
    pub endless: Option<i64>,
    /// What is lost, in a few words for a person.
    pub note: String,
    /// What the update then is.
    #[serde(default = "destroy")]
    pub verb: Verb,
    /// What the update loses cannot be brought back.
    #[serde(default)]
    pub for_good: bool,
}

fn yes() -> bool {
    true
}

fn destroy() -> Verb {
    Verb::Destroy
}

/// Values as texts: a person writes `true` or `0`, the compiled table holds strings.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Scalar {
        Bool(bool),
        Number(i64),
        Text(String),
    }
    if !deserializer.is_human_readable() {
        return Vec::deserialize(deserializer);
    }
    let text = |scalar| match scalar {
        Scalar::Bool(b) => b.to_string(),
        Scalar::Number(n) => n.to_string(),
        Scalar::Text(t) => t,
    };
    Ok(Vec::<Scalar>::deserialize(deserializer)?.into_iter().map(text).collect())
}

/// The change that a [`Loss`] speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossOn {
    /// The resource is deleted, also to be created again.
    Delete,
    /// It is changed in place.
    Update,
}

/// An environment variable that has an effect of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name, or a pattern of names.
    pub name: String,
    /// The pattern of its value; absent: any value that is not empty.
    #[serde(default)]
    pub value: Option<String>,
    /// Values that do not raise, in small or capital letters.
    #[serde(default)]
    pub but: Vec<String>,
    /// The verb of the effect that is added.
    pub verb: Verb,
    /// Why, in a few words for a person.
    pub note: String,
}

/// Where a fact about the place of a call is found (`aws-profile`, `pg-host`, `tf-workspace`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Flags, the first given wins over the environment.
    #[serde(default)]
    pub flag: Vec<String>,
    /// Variables, first found wins.
    #[serde(default)]
    pub env: Vec<String>,
    /// A file in the target folder whose first line is the value.
    #[serde(default)]
    pub file: Option<String>,
}

/// Which version of a tool a file describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// The words that make the tool print its version.
    pub ask: Vec<String>,
    /// The newest version whose words the file knows: `1.11`.
    pub version: String,
}

/// A call and what it must be read as; every one is a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The command line, in shell words.
    pub run: String,
    /// The worst verb of its effects, without a plan and without a server.
    pub verb: Verb,
    /// The argv after obligations, in shell words; absent: not compared.
    #[serde(default)]
    pub argv: Option<String>,
    /// The environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The standard input.
    #[serde(default)]
    pub stdin: Option<String>,
    /// A target that one of the effects must have.
    #[serde(default)]
    pub target: Option<String>,
}

/// One tool: everything sprag knows about it without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The names it is started by.
    pub names: Vec<String>,
    /// A link is made for each name, unless this says no: a launcher that finds what it starts through PATH needs none, and
    /// what is only ever read inside another call.
    #[serde(default = "yes")]
    pub link: bool,
    /// How it writes flags.
    pub dialect: Dialect,
    /// The version that the file describes; `sprag doctor` compares.
    #[serde(default)]
    pub described: Option<Described>,
    /// Variables whose words the tool inserts after its subcommand; `{command}` stands for the subcommand's words
    /// joined by `_`.
    #[serde(default)]
    pub env_argv: Vec<String>,
    /// What the tool does when started without a subcommand; absent: that is unknown.
    #[serde(default)]
    pub bare: Option<Verb>,
    /// The inspector of every command that names none.
    #[serde(default)]
    pub inspect: Option<String>,
    /// A word that, alone behind a command, makes the tool print its help (`aws ec2 terminate-instances help`).
    #[serde(default)]
    pub help_word: Option<String>,
    /// The flag that names the folder the tool works in.
    #[serde(default)]
    pub folder_flag: Option<String>,
    /// Flags before the subcommand (`go`, `git`) or anywhere (`argparse`, `getopt`, `cobra`).
    #[serde(default)]
    pub flags: Flags,
    /// Patterns of flags whose values are targets in every command.
    #[serde(default)]
    pub target: Vec<String>,
    /// Makes every command milder.
    #[serde(default)]
    pub lower: Vec<Lower>,
    /// Makes every command worse.
    #[serde(default)]
    pub raise: Vec<Raise>,
    /// The commands.
    #[serde(default)]
    pub command: Vec<Command>,
    /// What changes in a plan lose; decoded only when a plan is judged.
    #[serde(default)]
    pub loss: Vec<Loss>,
    /// Variables with an effect of their own.
    #[serde(default)]
    pub variable: Vec<Variable>,
    /// Where facts about the place are found.
    #[serde(default)]
    pub context: BTreeMap<String, Source>,
    /// The walls.
    #[serde(default)]
    pub profile: Profile,
    /// What every call must be read as; left out of the binary.
    #[serde(default)]
    pub example: Vec<Example>,
}
