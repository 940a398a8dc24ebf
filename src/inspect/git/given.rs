//! What a call itself sets for git, by `-c`, `--config-env` and variables; and which settings make git start a program.

use super::Git;
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::{Launcher, is_plain_ssh};
use crate::reach::Reach;
use crate::repository::{Setting, Settings};
use crate::text::sanitise;
use crate::tool::Reading;
use std::path::Path;

/// Viewers, editors and no-ops that are nothing else when named alone.
const PLAIN: [&str; 22] = [
    "cat",
    "less",
    "more",
    "most",
    "head",
    "tail",
    "bat",
    "delta",
    "diff-so-fancy",
    "true",
    "false",
    ":",
    "vi",
    "vim",
    "nvim",
    "nano",
    "emacs",
    "code",
    "ed",
    "hx",
    "micro",
    "echo",
];
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
    let given = git.given.iter().filter(|s| s.parts().0 != "alias");
    let mut effects: Vec<Effect> = given.flat_map(|s| starts(git, s)).collect();
    for name in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
        if let Some(file) = git.env(name).filter(|_| !git.call.around.away) {
            let settings = Settings::of_file(&absolute(&git.call.cwd, Path::new(&file)));
            effects.extend(settings.all().iter().filter(|s| s.parts().0 != "alias").flat_map(|s| starts(git, s)));
        }
    }
    for variable in ["GIT_PAGER", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR"] {
        effects.extend(text(git, variable).iter().flat_map(|value| shown(git, variable, value)));
    }
    let named = |variable: &str| escape(variable, "git starts what this variable names");
    for (variable, harmless) in [
        ("GIT_SSH_COMMAND", is_ssh as fn(&Git<'_>, &str) -> bool),
        ("GIT_SSH", is_ssh),
        ("GIT_ASKPASS", is_installed),
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

fn text(git: &Git<'_>, variable: &str) -> Option<String> {
    git.env(variable).map(|v| v.to_string_lossy().into_owned())
}

fn escape(target: &str, note: &str) -> Effect {
    let from = if target.starts_with("GIT_") { Evidence::Env } else { Evidence::Argv };
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
        ("core", "", "askpass") => !value.is_empty() && !is_installed(git, value),
        ("credential", _, "helper") => !value.chars().all(|c| c.is_ascii_alphanumeric() || "-_ =".contains(c)),
        ("submodule", _, "update") | ("alias", _, _) => value.starts_with('!'),
        ("remote", _, "url" | "pushurl") => value.starts_with("ext::"),
        ("url", to, _) => to.starts_with("ext::"),
        ("protocol", "" | "ext", "allow") => value != "never",
        ("sendemail", _, "smtpserver") => value.starts_with('/'),
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

/// A pager or an editor: one that is known by name is what it says, as is any program alone; another text is looked into.
pub(in crate::inspect) fn viewer(
    from: &Launcher<'_>,
    target: &str,
    value: &str,
    is_installed: &dyn Fn(&str) -> bool,
) -> Vec<Effect> {
    let words = shell_words::split(value).unwrap_or_default();
    let simple = !value.contains([';', '&', '|', '$', '`', '<', '>', '(', '\n', '!']);
    let (first, rest) = words.split_first().map_or(("", words.as_slice()), |(f, r)| (f.as_str(), r));
    let options = rest.iter().all(|w| w.starts_with(['-', '+']));
    let by_name = first.rsplit('/').next().unwrap_or(first);
    let bare = rest.is_empty() && (!first.contains('/') || is_installed(first));
    if value.is_empty() || simple && (bare || options && PLAIN.contains(&by_name)) {
        return Vec::new();
    }
    let note = |e: Effect| if e.note.is_empty() { e.because(format!("`{}` starts it", sanitise(target))) } else { e };
    from.text(value).effects.into_iter().filter(|e| e.verb > Verb::Read).map(note).collect()
}

fn never(_: &Git<'_>, _: &str) -> bool {
    false
}

/// ssh itself, with no option that starts something else.
fn is_ssh(git: &Git<'_>, value: &str) -> bool {
    is_plain_ssh(&git.launcher(Reach::Path), value)
}

/// A program that is installed, and does not come from where the call works.
fn is_installed(git: &Git<'_>, value: &str) -> bool {
    let path = Path::new(value);
    let Ok(real) = path.canonicalize() else { return false };
    let here = git.repository().map_or(git.folder.as_path(), |r| r.root());
    let temporary = std::env::temp_dir();
    path.is_absolute()
        && ![here, temporary.as_path(), Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/dev/shm")]
            .iter()
            .any(|folder| folder.parent().is_some() && real.starts_with(folder))
}

/// Hooks that lie inside the worktree, or none.
fn is_inside(git: &Git<'_>, value: &str) -> bool {
    let root = git.repository().map_or(git.folder.as_path(), |r| r.root());
    value.is_empty() || value == "/dev/null" || !value.starts_with('~') && absolute(root, Path::new(value)).starts_with(root)
}
