//! `sprag inspect`: the judgement of a plan or of SQL by itself, for CI; nothing is run.

use super::{CONFIG, check, fail};
use crate::call::User;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::sql::{self, mysql, psql, sqlite};
use crate::inspect::terraform;
use crate::policy::schema::{self, Layer};
use crate::policy::{Context, Policy, PolicyError, decide, layers, load};
use crate::say::{self, Refused};
use crate::shim::judge_example;
use crate::verdict::Decision;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// So much is read, which is more than any inspector judges: what is longer is then no whole plan and no whole script.
const MOST: u64 = 256 << 20;

/// What is inspected.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
    /// A policy that holds besides, and can only make it stricter
    #[arg(long, value_name = "FILE", global = true)]
    policy: Option<PathBuf>,
    /// Answer in words instead of JSON
    #[arg(long, global = true)]
    text: bool,
    /// Answer with JSON, as it does by itself
    #[arg(long, global = true, conflicts_with = "text")]
    json: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// A plan, as `terraform show -json` prints it
    Plan {
        /// The file; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// SQL, as its client would read it
    Sql {
        /// Whose SQL it is
        #[arg(long, value_name = "DIALECT", default_value = "postgres", value_parser = ["postgres", "mysql", "sqlite"])]
        dialect: String,
        /// The file; `-` for standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
    },
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    let (tool, effects) = match &arguments.what {
        What::Plan { file } => ("terraform", terraform::effects(&read(file)?, "plan")),
        What::Sql { dialect, file } => sql_effects(dialect, &read(file)?),
    };
    let policy = match policy(arguments) {
        Ok(policy) => policy,
        Err(e) => return fail(&e, CONFIG),
    };
    let context = Context { tool: tool.to_owned(), facts: BTreeMap::new() };
    let verdict = decide(&policy, &effects, &context);
    if arguments.json || !arguments.text {
        say::out(&say::verdict_json(None, Some(tool), &verdict, &[]))?;
    } else if verdict.decision() == Decision::Allow {
        say::out(&format!("allow: {}", say::headline(tool, &verdict)))?;
    } else {
        let text = say::refusal(&Refused { command: tool, verdict: &verdict, request: None, why: None, ran: None });
        say::out(&text.replacen("sprag: refused", verdict.decision().word(), 1))?;
    }
    Ok(check::code(verdict.decision()))
}

fn read(file: &PathBuf) -> io::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().take(MOST).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    let all = || {
        let mut bytes = Vec::new();
        File::open(file)?.take(MOST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    all().map_err(|e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", file.display())))
}

/// A script by itself, as the client of its dialect reads it: that client, and the effects. What it includes is not looked for.
fn sql_effects(dialect: &str, text: &[u8]) -> (&'static str, Vec<Effect>) {
    let client = match dialect {
        "mysql" => "mysql",
        "sqlite" => "sqlite3",
        _ => "psql",
    };
    if text.len() as u64 > sql::MAX_SCRIPT {
        let note = format!("larger than {} MiB", sql::MAX_SCRIPT >> 20);
        return (client, vec![Effect::new(Verb::Unknown, "script", Evidence::Sql).because(note)]);
    }
    let mut effects = match client {
        "mysql" => mysql::judge_script(text, &mut |_| None),
        "sqlite3" => sqlite::judge_script(text),
        _ => {
            let judged = psql::judge_script(text, &BTreeMap::new(), &mut |_, _| None);
            judged.effects.into_iter().chain(judged.copy_data).collect()
        }
    };
    if effects.is_empty() {
        effects.push(Effect::new(Verb::Read, "sql", Evidence::Sql));
    }
    (client, effects)
}

/// The policy that holds here, and the one that was named.
fn policy(arguments: &Arguments) -> Result<Policy, PolicyError> {
    let user = User::current();
    let folders: Vec<PathBuf> = std::env::current_dir().into_iter().collect();
    let mut policy = load(&layers::Whose { home: &user.home, uid: user.uid, folders: &folders }, Some(""), &judge_example)?;
    if let Some(file) = &arguments.policy {
        policy.floors.push(named(file)?);
    }
    Ok(policy)
}

fn named(file: &PathBuf) -> Result<Layer, PolicyError> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|e| PolicyError(format!("{shown}:1:1: cannot be read: {e}")))?;
    let layer = schema::parse(&text, &shown).map_err(PolicyError)?;
    layers::check_examples(&layer, &text, None, &judge_example)?;
    Ok(layer)
}
