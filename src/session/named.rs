//! What is named elsewhere than in the lists: files by git's configuration, without which git fails in a session or passes over what it
//! is told; sockets by variables.

use crate::repository::Settings;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The files that are included, by whatever condition, and those of patterns and templates, as far as they are named from `home` on or
/// from the root.
pub(super) fn by_git(home: &Path, env: &BTreeMap<OsString, OsString>) -> Vec<PathBuf> {
    let settings = Settings::read(None, &|name| env.get(OsStr::new(name)).cloned());
    let is_file = |(section, _, name): (&str, &str, &str)| match section {
        "include" | "includeif" => name == "path",
        "core" => name == "excludesfile" || name == "attributesfile",
        "commit" => name == "template",
        _ => false,
    };
    let named = settings.all().iter().filter(|setting| is_file(setting.parts()));
    named.map(|setting| home.join(setting.value.strip_prefix("~/").unwrap_or(&setting.value))).collect()
}

/// Variables that name a socket by which somebody else acts for this user.
const SOCKETS: [&str; 6] =
    ["SSH_AUTH_SOCK", "DOCKER_HOST", "CONTAINER_HOST", "DBUS_SESSION_BUS_ADDRESS", "TMUX", "VSCODE_IPC_HOOK_CLI"];

/// The sockets that variables name: as a path, with what `tmux` puts behind it, or as an address.
pub(super) fn sockets(env: &BTreeMap<OsString, OsString>) -> impl Iterator<Item = PathBuf> {
    let values = SOCKETS.iter().filter_map(|name| env.get(OsStr::new(name))?.to_str());
    let path = |value: &str| {
        let path = value.strip_prefix("unix:").unwrap_or(value);
        let path = path.strip_prefix("path=").or_else(|| path.strip_prefix("//")).unwrap_or(path);
        PathBuf::from(path.split([',', ';']).next().unwrap_or_default())
    };
    values.map(path).filter(|path| path.is_absolute()).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_named_by_its_path_or_an_address() {
        for (name, value, path) in [
            ("SSH_AUTH_SOCK", "/run/agent", Some("/run/agent")),
            ("DOCKER_HOST", "unix:///run/d.sock", Some("/run/d.sock")),
            ("DOCKER_HOST", "tcp://h:2375", None),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus,guid=1", Some("/run/bus")),
            ("TMUX", "/tmp/tmux-0/default,12,0", Some("/tmp/tmux-0/default")),
            ("OTHER", "/run/agent", None),
        ] {
            let env = BTreeMap::from([(OsString::from(name), OsString::from(value))]);
            assert_eq!(sockets(&env).next(), path.map(PathBuf::from), "{name}={value}");
        }
    }
}
