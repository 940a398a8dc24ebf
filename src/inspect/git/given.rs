//! What a call itself sets for git, by `-c`, `--config-env` and variables; and which settings make git start a program.

use super::Git;
use super::viewer::viewer;
use crate::call::{Call, User, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::is_plain_ssh;
use crate::reach::Reach;
use crate::repository::{Setting, Settings};
use crate::tool::Reading;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const STARTS: &str = "git starts what this setting names";

/// What the call itself sets, in the order in which git reads it.
pub(super) fn settings(reading: &Reading<'_>, call: &Call) -> Vec<Setting> {
    let mut found = Vec::new();
    if let Some(text) = call.var("GIT_CONFIG_PARAMETERS") {
        // 'key=value' or 'key'='value', which a shell reads as the same.
        let words = shell_words::split(&text).unwrap_or_else(|_| vec![format!("include.path={text}")]);
        found.extend(words.iter().map(|w| pair(w)));
    }
    let count = call.var("GIT_CONFIG_COUNT").and_then(|c| c.parse::<usize>().ok()).unwrap_or(0);
    for n in 0..count.min(call.env.len()) {
        let value = call.var(&format!("GIT_CONFIG_VALUE_{n}")).unwrap_or_default();
        found.extend(call.var(&format!("GIT_CONFIG_KEY_{n}")).map(|key| Setting::new(&key, &value)));
    }
    for flag in &reading.parsed.flags {
        for value in &flag.values {
            match flag.name.as_str() {
                "-c" | "--config" if !value.is_empty() => found.push(pair(value)),
                "--config-env" => {
                    let (key, variable) = value.rsplit_once('=').unwrap_or((value, ""));
                    found.push(Setting::new(key, &call.var(variable).unwrap_or_default()));
                }
                _ => {}
            }
        }
    }
    found
}

fn pair(text: &str) -> Setting {
    match text.split_once('=') {
        Some((key, value)) => Setting::new(key, value),
        None => Setting::new(text, "true"),
    }
}

/// What the call makes git start by its settings and variables.
pub(super) fn smuggled(git: &Git<'_>) -> Vec<Effect> {
    // A shell alias is asked about where it is used.
    let of_files = files(git).into_iter().flat_map(|file| Settings::of_file(&absolute(&git.call.cwd, &file)).all().to_vec());
    let given = git.given.iter().cloned().chain(of_files).filter(|s| s.parts().0 != "alias");
    let mut effects: Vec<Effect> = given.flat_map(|s| starts(git, &s)).collect();
    for variable in ["GIT_PAGER", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR"] {
        effects.extend(text(git, variable).iter().flat_map(|value| shown(git, variable, value)));
    }
    effects.extend(by_habit(git));
    let named = |variable: &str| escape(variable, "git starts what this variable names");
    for (variable, harmless) in [
        ("GIT_SSH_COMMAND", is_ssh as fn(&Git<'_>, &str) -> bool),
        ("GIT_SSH", is_ssh),
        ("GIT_ASKPASS", is_found),
        ("SSH_ASKPASS", is_found),
        ("GIT_EXEC_PATH", is_installed),
        ("GIT_EXTERNAL_DIFF", never),
        ("GIT_PROXY_COMMAND", never),
        ("GIT_DIFFTOOL_EXTCMD", never),
    ] {
        effects.extend(text(git, variable).filter(|v| !harmless(git, v)).map(|_| named(variable)));
    }
    if text(git, "GIT_ALLOW_PROTOCOL").is_some_and(|v| v.split(':').any(|p| p == "ext")) {
        effects.push(escape("GIT_ALLOW_PROTOCOL", "addresses that are commands are run"));
    }
    let makes = matches!(git.reading.command_words().first(), Some(&("init" | "init-db" | "clone")));
    effects.extend(
        git.env("GIT_TEMPLATE_DIR").filter(|_| makes).map(|_| escape("GIT_TEMPLATE_DIR", "hooks are taken from there")),
    );
    let path = git.reading.parsed.values("--exec-path").last().filter(|v| !is_installed(git, v));
    effects.extend(path.map(|_| escape("--exec-path", "git's own programs are taken from there")));
    effects
}

/// Files of settings that the call itself puts in the place of the user's and the machine's.
fn files(git: &Git<'_>) -> Vec<PathBuf> {
    if git.call.around.away {
        return Vec::new();
    }
    let named = |name: &str| git.env(name).map(PathBuf::from);
    let mut found: Vec<PathBuf> = named("GIT_CONFIG_SYSTEM").into_iter().collect();
    if let Some(global) = named("GIT_CONFIG_GLOBAL") {
        found.push(global);
        return found;
    }
    let others = named("HOME").filter(|home| home.canonicalize().ok() != User::current().home.canonicalize().ok());
    let folder = named("XDG_CONFIG_HOME").filter(|folder| is_of_the_call(git, folder));
    let folder =
        folder.or_else(|| others.as_ref().filter(|_| named("XDG_CONFIG_HOME").is_none()).map(|h| h.join(".config")));
    found.extend(folder.map(|folder| folder.join("git/config")));
    found.extend(others.map(|home| home.join(".gitconfig")));
    found
}

/// The pager and the editor that people have for all programs, where nothing of git's own stands before them.
fn by_habit(git: &Git<'_>) -> Vec<Effect> {
    let edits = git.reading.parsed.command.is_some_and(|command| command.verb > Verb::Read);
    let editors: &[&str] = if edits { &["VISUAL", "EDITOR"] } else { &[] };
    let mut effects = Vec::new();
    for (variables, own, setting) in
        [(["PAGER"].as_slice(), "GIT_PAGER", "core.pager"), (editors, "GIT_EDITOR", "core.editor")]
    {
        let first = variables.iter().find_map(|name| Some((*name, text(git, name)?)));
        let Some((name, value)) = first.filter(|_| git.env(own).is_none()) else { continue };
        let started = shown(git, name, &value);
        if !started.is_empty() && git.settings().value(setting).is_none() {
            effects.extend(started);
        }
    }
    effects
}

fn text(git: &Git<'_>, variable: &str) -> Option<String> {
    git.env(variable).map(|v| v.to_string_lossy().into_owned())
}

fn escape(target: &str, note: &str) -> Effect {
    let is_variable = target.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let from = if is_variable { Evidence::Env } else { Evidence::Argv };
    Effect::new(Verb::Escape, target, from).because(note)
}

/// What a setting makes git start.
pub(super) fn starts(git: &Git<'_>, setting: &Setting) -> Vec<Effect> {
    let value = setting.value.as_str();
    let is_bool = matches!(value.to_lowercase().as_str(), "" | "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1");
    let runs = match setting.parts() {
        ("core", "", "pager" | "editor")
        | ("sequence", "", "editor")
        | ("pager", _, _)
        | ("interactive", "", "difffilter") => {
            return if is_bool { Vec::new() } else { shown(git, &setting.key, value) };
        }
        ("core", "", "fsmonitor") => !is_bool,
        ("core", "", "hookspath") => !is_inside(git, value),
        ("core", "", "sshcommand") => !value.is_empty() && !is_ssh(git, value),
        ("core", "", "askpass") => !value.is_empty() && !is_found(git, value),
        ("credential", _, "helper") => !is_helper(git, value),
        ("submodule", _, "update") | ("alias", _, _) => value.starts_with('!'),
        ("remote", _, "url" | "pushurl") => value.starts_with("ext::"),
        ("url", to, _) => to.starts_with("ext::"),
        ("protocol", "" | "ext", "allow") => value != "never",
        ("sendemail", _, "smtpserver") => value.starts_with('/'),
        ("filter", "lfs", _) if value.starts_with("git-lfs ") => {
            !value.chars().all(|c| c.is_ascii_alphanumeric() || "-_ %".contains(c))
        }
        ("core", "", "gitproxy" | "alternaterefscommand")
        | ("gc", "", "recentobjectshook")
        | ("diff", _, "external" | "command" | "textconv")
        | ("filter", _, "clean" | "smudge" | "process")
        | ("merge", _, "driver")
        | ("mergetool" | "difftool" | "guitool" | "browser" | "man", _, "cmd" | "path")
        | ("gpg", _, "program" | "defaultkeycommand")
        | ("uploadpack", "", "packobjectshook")
        | ("remote", _, "uploadpack" | "receivepack" | "vcs")
        | ("trailer", _, "cmd" | "command")
        | ("tar" | "hook", _, "command")
        | ("include" | "includeif", _, "path")
        | ("init", "", "templatedir")
        | ("imap", "", "tunnel")
        | ("instaweb", "", "httpd" | "browser")
        | ("sendemail", _, "tocmd" | "cccmd" | "headercmd" | "sendmailcmd") => !value.is_empty(),
        _ => false,
    };
    if runs { vec![escape(&setting.key, STARTS)] } else { Vec::new() }
}

/// A pager or an editor of this call.
fn shown(git: &Git<'_>, target: &str, value: &str) -> Vec<Effect> {
    viewer(&git.launcher(Reach::Past), target, value, &|path| is_installed(git, path))
}

fn never(_: &Git<'_>, _: &str) -> bool {
    false
}

/// ssh itself, with no option that starts something else.
fn is_ssh(git: &Git<'_>, value: &str) -> bool {
    is_plain_ssh(&git.launcher(Reach::Path), value)
}

/// A credential helper: one of git's own names, a program that is installed, or a forge's own client.
fn is_helper(git: &Git<'_>, value: &str) -> bool {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_ =".contains(c));
    let (program, rest) = value.split_once(' ').unwrap_or((value, ""));
    match program.strip_prefix('!') {
        Some(client) => {
            let name = client.rsplit('/').next().unwrap_or(client);
            ["gh", "glab"].contains(&name) && rest == "auth git-credential" && is_found(git, client)
        }
        None => plain(value) || plain(rest) && plain(&program.replace(['/', '.'], "")) && is_installed(git, program),
    }
}

/// A program that is found through PATH, or one that is installed.
fn is_found(git: &Git<'_>, value: &str) -> bool {
    !value.contains('/') || is_installed(git, value)
}

/// A program that is installed, and does not come from where the call works. One that is nowhere is not started.
fn is_installed(git: &Git<'_>, value: &str) -> bool {
    let path = Path::new(value);
    path.is_absolute() && (is_in_an_image(path) || !is_of_the_call(git, path))
}

/// Whether it lies in the worktree or in a folder for what is temporary.
fn is_of_the_call(git: &Git<'_>, path: &Path) -> bool {
    let path = absolute(&git.call.cwd, path);
    let real = path.canonicalize().unwrap_or(path);
    let here = git.repository().map_or(git.folder.as_path(), |r| r.root());
    let temporary = std::env::temp_dir();
    [here, temporary.as_path(), Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/dev/shm")]
        .iter()
        .any(|folder| folder.parent().is_some() && real.starts_with(folder))
}

/// Whether it lies in the image of a program, mounted at `/tmp/.mount_…`.
fn is_in_an_image(path: &Path) -> bool {
    let device = |path: &Path| path.metadata().map(|m| m.dev()).ok();
    let name = path.strip_prefix("/tmp").ok().and_then(|inside| inside.iter().next()).unwrap_or_default();
    let mounted = path.canonicalize().is_ok_and(|real| real == path) && device(path) != device(Path::new("/tmp"));
    name.to_string_lossy().starts_with(".mount_") && mounted
}

/// Hooks that lie inside the worktree, or none.
fn is_inside(git: &Git<'_>, value: &str) -> bool {
    let root = git.repository().map_or(git.folder.as_path(), |r| r.root());
    value.is_empty() || value == "/dev/null" || !value.starts_with('~') && absolute(root, Path::new(value)).starts_with(root)
}
