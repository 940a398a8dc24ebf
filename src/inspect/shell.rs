//! Text for a shell: the commands that it would run.

use super::Findings;
use super::inner::{Launcher, only};
use crate::effect::{Effect, Evidence, Verb};
use std::ffi::OsString;

/// What a shell does with `text`.
pub(super) fn text(text: &str, _: &Launcher<'_>) -> Findings {
    only(Effect::new(Verb::Unknown, text, Evidence::Argv).because("text for a shell"))
}

/// What a shell does with the script that its operands name.
pub(super) fn script(_: &[OsString], _: &Launcher<'_>) -> Findings {
    only(Effect::new(Verb::Unknown, "script", Evidence::File).because("text for a shell"))
}
