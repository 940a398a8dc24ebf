//! Which face: a tool's name leads to the shim, `sprag` to the command line. The only place where the program exits.

use sprag::call::{self, Face};
use sprag::run::Outcome;
use sprag::{cli, say, shim, sys, tool};

/// EX_SOFTWARE: a bug of ours.
const BUG: i32 = 70;

fn main() {
    // A panic must never look like an allow: it says so and leaves, before any unwinding.
    std::panic::set_hook(Box::new(|info| {
        say::error(&format!("sprag: internal error, nothing more is run: {info}"));
        std::process::exit(BUG);
    }));
    say::start_trace();
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let outcome = match call::face(&argv0, &tool::is_known) {
        Face::Shim => shim::main(),
        Face::Cli => cli::main(),
    };
    match outcome {
        Outcome::Exited(code) => std::process::exit(code),
        Outcome::Killed(signal) => sys::die_by(signal),
    }
}
