//! The plugins of docker's client: programs of the folder that holds its settings.

use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::paths;
use crate::place::read_own;
use crate::tool::Reading;
use serde_json::{Map, Value};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A folder of settings that is not the home's own and whose programs the command would run.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call) -> Option<Effect> {
    if !runs_plugins(reading, call) {
        return None;
    }
    let own = call.var("HOME").map(|home| absolute(&call.cwd, &Path::new(&home).join(".docker")));
    let variable = || call.var("DOCKER_CONFIG").filter(|v| !v.is_empty());
    let (folder, from) = match (reading.parsed.last("--config"), variable(), &own) {
        (Some(named), _, _) => (PathBuf::from(named), Evidence::Argv),
        (None, Some(named), _) => (PathBuf::from(named), Evidence::Env),
        (None, None, Some(own)) => (own.clone(), Evidence::Env),
        (None, None, None) => return None,
    };
    let effect = Effect::new(Verb::Escape, folder.display().to_string(), from);
    if call.around.away {
        return (from == Evidence::Argv).then(|| effect.because("plugins in that folder are run"));
    }
    let there = absolute(&call.cwd, &folder).canonicalize().ok()?;
    // `HOME=/tmp/x docker info`: a home that the caller made has no settings of anybody's.
    let planted = paths::is_of_the_caller(call, &there.to_string_lossy());
    let is_own = own.and_then(|own| own.canonicalize().ok()).is_some_and(|own| own == there) && !planted;
    (!is_own && has_plugins(&there)).then(|| effect.because("plugins in that folder are run"))
}

/// Whether the command is a plugin, or lists them, which starts each (seen with docker 28.2).
fn runs_plugins(reading: &Reading<'_>, call: &Call) -> bool {
    let words = reading.command_words();
    match call.name.as_str() {
        "docker" => matches!(
            words.as_slice(),
            [] | ["compose" | "buildx" | "build" | "builder" | "info" | "help", ..]
                | ["image", "build"]
                | ["system", "info"]
        ),
        // Compose has images built by the plugin for that.
        "docker-compose" => matches!(words.as_slice(), ["build" | "up" | "create" | "run" | "watch"]),
        _ => false,
    }
}

/// Whether a folder of settings has programs, or names folders that have; one whose settings cannot be read may.
fn has_plugins(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder.join("cli-plugins")).into_iter().flatten().flatten();
    let settings = folder.join("config.json");
    // Go compares the names of members without case.
    let names_more = |settings: &Map<String, Value>| {
        settings.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("cliPluginsExtraDirs") && value.as_array().is_none_or(|dirs| !dirs.is_empty())
        })
    };
    let read = || read_own(&settings).ok().and_then(|text| serde_json::from_str::<Map<String, Value>>(&text).ok());
    entries.any(|e| e.file_name().as_bytes().starts_with(b"docker-"))
        || (settings.exists() && read().is_none_or(|settings| names_more(&settings)))
}
