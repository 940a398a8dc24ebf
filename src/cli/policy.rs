//! `sprag policy check` and `show`: whether the policy can be used, and what it says where.

use super::{CONFIG, Format, fail};
use crate::call::User;
use crate::effect::Verb;
use crate::policy::schema::{self, Layer};
use crate::policy::{Policy, PolicyError, layers, load};
use crate::say;
use crate::shim::judge_example;
use std::io;
use std::path::PathBuf;

/// What `sprag policy` is asked.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Check every layer, or a file, with all its examples
    Check {
        /// A policy file; without one, the layers that hold here
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the policy that holds here, each part with its place
    Show(Format),
}

pub(super) fn main(arguments: &Arguments) -> io::Result<i32> {
    let checked = match &arguments.what {
        What::Check { file: Some(file) } => {
            let text =
                std::fs::read_to_string(file).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
            check_file(&text, &file.display().to_string())
        }
        What::Check { file: None } => here().map(|_| ()),
        What::Show(format) => return show(*format),
    };
    match checked {
        Ok(()) => say::out("ok").map(|()| 0),
        Err(e) => fail(&e, CONFIG),
    }
}

fn check_file(text: &str, file: &str) -> Result<(), PolicyError> {
    let layer = schema::parse(text, file).map_err(PolicyError)?;
    layers::check_examples(&layer, text, None, &judge_example)
}

fn here() -> Result<Policy, PolicyError> {
    let user = User::current();
    let folders: Vec<PathBuf> = std::env::current_dir().into_iter().collect();
    load(&layers::Whose { home: &user.home, uid: user.uid, folders: &folders }, None, &judge_example)
}

fn show(format: Format) -> io::Result<i32> {
    let policy = match here() {
        Ok(policy) => policy,
        Err(e) => return fail(&e, CONFIG),
    };
    if format.json {
        let json = serde_json::json!({"v": 1, "base": policy.base, "floors": policy.floors});
        return say::out(&json.to_string()).map(|()| 0);
    }
    for line in layer_lines(&policy.base) {
        say::out(&line)?;
    }
    for floor in &policy.floors {
        say::out(&format!("\nonly stricter, from {}:", floor.file))?;
        for line in layer_lines(floor) {
            say::out(&line)?;
        }
    }
    Ok(0)
}

fn layer_lines(layer: &Layer) -> Vec<String> {
    let mut lines = Vec::new();
    for (verb, decision) in &layer.default {
        lines.push(format!("default {verb} = {}  ({}:{})", decision.word(), layer.file, layer.default_line));
    }
    for environment in &layer.environments {
        let entries: Vec<String> =
            Verb::ALL.iter().filter_map(|v| environment.verbs.get(v).map(|d| format!("{v} = {}", d.word()))).collect();
        lines.push(format!("environment {}: {}  ({})", environment.name, entries.join(", "), environment.place));
    }
    for rule in &layer.rules {
        lines.push(format!("rule {}: {}, because {}  ({})", rule.id, rule.decision.word(), rule.because, rule.place));
    }
    lines
}
