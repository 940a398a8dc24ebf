//! `sprag …`: the command line for people and programs; one file a subcommand.

mod approve;
mod check;
mod doctor;
mod inspect;
mod install;
mod log;
mod policy;
mod profile;
mod run;
mod state;
mod tool;

use crate::run::Outcome;
use crate::say;
use clap::{Parser, Subcommand};

/// EX_USAGE: `sprag` itself was misused.
const MISUSE: i32 = 64;
/// EX_CONFIG: a policy or shim file is wrong.
const CONFIG: i32 = 78;
/// Something could not be done.
const FAILED: i32 = 1;

/// Stands between a shell and the tools that can destroy
#[derive(Parser)]
#[command(name = "sprag", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a command and run nothing (0 allow, 75 ask, 77 deny)
    #[command(after_long_help = "Example: sprag check -- terraform destroy -auto-approve")]
    Check(check::Arguments),
    /// Judge a plan or SQL by itself (0 allow, 75 ask, 77 deny)
    #[command(after_long_help = "Example: terraform show -json plan.bin | sprag inspect plan -")]
    Inspect(inspect::Arguments),
    /// Start a command in a guarded session
    #[command(after_long_help = "Example: sprag run -- bash")]
    Run(run::Arguments),
    /// Link tools to sprag and print the line for PATH
    Install(install::Arguments),
    /// Remove the links
    Uninstall(install::Folder),
    /// Say what protects this shell, and what does not
    Doctor(Format),
    /// List the requests that wait for a person
    Pending(Format),
    /// Show a request and approve it, at a terminal
    Approve(approve::Id),
    /// End a request
    Refuse(approve::Id),
    /// Show the record
    Log(log::Arguments),
    /// Show what is remembered of Terraform states
    State(state::Arguments),
    /// Check or show the policy
    Policy(policy::Arguments),
    /// List, show, begin or check shim files
    Tool(tool::Arguments),
    /// Show the walls of a tool
    Profile(profile::Arguments),
}

/// How a reading command answers.
#[derive(clap::Args, Clone, Copy)]
struct Format {
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sprag`'s own command line.
pub fn main() -> Outcome {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            let text = e.render().to_string();
            let text = text.trim_end();
            if e.use_stderr() {
                say::error(text);
                return Outcome::Exited(MISUSE);
            }
            return finish(say::out(text).map(|()| 0));
        }
    };
    finish(match arguments.command {
        Command::Check(a) => check::main(&a),
        Command::Inspect(a) => inspect::main(&a),
        Command::Install(a) => install::install(&a),
        Command::Uninstall(a) => install::uninstall(&a),
        Command::Doctor(f) => doctor::main(f),
        Command::Pending(f) => approve::pending(f),
        Command::Approve(a) => approve::approve(&a),
        Command::Refuse(a) => approve::refuse(&a),
        Command::Log(a) => log::main(&a),
        Command::State(a) => state::main(&a),
        Command::Policy(a) => policy::main(&a),
        Command::Tool(a) => tool::main(&a),
        Command::Profile(a) => profile::main(&a),
        Command::Run(a) => return run::main(a),
    })
}

fn finish(done: std::io::Result<i32>) -> Outcome {
    match done {
        Ok(code) => Outcome::Exited(code),
        Err(e) => {
            say::note(&e.to_string());
            Outcome::Exited(FAILED)
        }
    }
}

/// Says why something cannot be done, and gives the exit code for it.
fn fail(why: &dyn std::fmt::Display, code: i32) -> std::io::Result<i32> {
    for (i, line) in why.to_string().lines().enumerate() {
        let line = crate::text::sanitise(line);
        say::error(&if i == 0 { format!("sprag: {line}") } else { line });
    }
    Ok(code)
}
