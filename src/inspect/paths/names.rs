//! What names say of files: what is made again, what is not, which folders are the system's.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use wildmatch::WildMatch;

const REBUILDABLE: &str = include_str!("rebuildable.txt");
const PRECIOUS: &str = include_str!("precious.txt");
/// Folders in which programs leave what need not stay.
pub(super) const SCRATCH: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
/// Folders of a home in which tools keep what they can fetch or make again.
pub(super) const HOME_CACHES: [&str; 23] = [
    ".ansible/tmp",
    ".bun/install/cache",
    ".cabal/packages",
    ".cache",
    ".cargo/git",
    ".cargo/registry",
    ".composer/cache",
    ".gradle/caches",
    ".gradle/wrapper",
    ".hex/packages",
    ".kube/cache",
    ".local/share/pnpm/store",
    ".local/share/virtualenvs",
    ".m2/repository",
    ".npm",
    ".nuget/packages",
    ".pub-cache",
    ".terraform.d/plugin-cache",
    ".vscode-server/bin",
    ".yarn/berry/cache",
    ".yarn/cache",
    ".zcompdump",
    "go/pkg",
];
/// The same of a machine: what a package manager has fetched.
pub(super) const CACHES: [&str; 2] = ["/var/cache", "/var/lib/apt/lists"];
/// Names of what is made again on whatever machine it is, and under which no service keeps or serves anything.
const ANYWHERE: [&str; 20] = [
    "node_modules",
    "bower_components",
    "__pycache__",
    "*.pyc",
    "*.pyo",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".cache",
    ".eslintcache",
    ".stylelintcache",
    ".parcel-cache",
    ".sass-cache",
    ".turbo",
    ".vite",
    ".gradle",
    ".nyc_output",
    ".tox",
    ".nox",
    ".terragrunt-cache",
];
/// Folders of the system in which people put their own projects.
const OF_PROJECTS: [&str; 2] = ["/usr/src", "/var/www"];
/// Folders that are a machine's own.
const SYSTEM: [&str; 20] = [
    "/bin",
    "/boot",
    "/dev",
    "/efi",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix",
    "/proc",
    "/run",
    "/sbin",
    "/snap",
    "/sys",
    "/usr",
    "/var",
    "/System",
    "/Library",
    "/Applications",
];
/// Folders that hold people's or services' folders: none of them is a workspace.
const CROWDED: [&str; 8] = ["/", "/home", "/root", "/Users", "/mnt", "/media", "/opt", "/srv"];
/// Folders whose files are there for everybody to read.
const PUBLIC: [&str; 9] = [
    "/etc/apt/keyrings",
    "/etc/apt/sources.list.d",
    "/etc/apt/trusted.gpg.d",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/share",
    "/usr/share",
];
/// Settings that every program reads, whoever runs it.
const NEEDED: [&str; 17] = [
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/environment",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/localtime",
    "/etc/login.defs",
    "/etc/nsswitch.conf",
    "/etc/pam.d",
    "/etc/profile",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/etc/timezone",
];
/// Files that say who may enter or what runs for whom, also where there is none yet.
const TRUSTED: [&str; 13] = [
    "/etc/cron*",
    "/etc/group",
    "/etc/gshadow",
    "/etc/ld.so.preload",
    "/etc/pam.d/*",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/root/.ssh/authorized_keys*",
    "/root/.ssh/rc",
    "/var/spool/cron/*",
    "/var/spool/at/*",
];
/// The same in a home.
const TRUSTED_IN_HOME: [&str; 3] = [".ssh/authorized_keys*", ".ssh/environment", ".ssh/rc"];
/// Where writing goes to nowhere, or to what the caller has open already.
const SINKS: [&str; 7] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/stdin", "/dev/stdout", "/dev/stderr"];

fn is_listed(list: &str, name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let patterns = list.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    patterns.into_iter().any(|p| p == name || (p.contains('*') && WildMatch::new(p).matches(&name)))
}

/// Whether what lies there is made again: it, or a folder it lies in, has such a name.
pub(in crate::inspect) fn is_rebuildable(inside: &Path) -> bool {
    inside.components().any(|c| matches!(c, Component::Normal(name) if is_listed(REBUILDABLE, name)))
}

/// Whether a file that no commit holds is kept out of them for its worth.
pub(super) fn is_precious(path: &Path) -> bool {
    let example =
        |name: &OsStr| [".example", ".sample", ".template", ".dist"].iter().any(|e| name.to_string_lossy().ends_with(e));
    path.file_name().is_some_and(|name| is_listed(PRECIOUS, name) && !example(name))
}

/// Whether a word stands for itself: a shell makes nothing else of it.
pub(super) fn is_plain(word: &OsStr) -> bool {
    !word.to_string_lossy().contains(['*', '?', '[', '{', '~', '$', '\\', '\u{fffd}'])
}

/// Whether a word names something that can go on whatever machine it is: what a build or a cache makes again in a project, or what a
/// program leaves behind to be found by. What the program itself needs of the system is none of it.
pub(super) fn is_left_over(word: &Path) -> bool {
    let is_step = |c: Component<'_>| matches!(c, Component::RootDir | Component::CurDir | Component::Normal(_));
    let listed = |name: &OsStr| ANYWHERE.iter().any(|p| WildMatch::new(p).matches(&name.to_string_lossy()));
    let made_again = word.components().any(|c| matches!(c, Component::Normal(name) if listed(name)));
    let of_a_project = !is_system(word) || OF_PROJECTS.iter().any(|p| word.starts_with(p));
    let is_runs = word.extension().is_some_and(|e| e == "pid" || e == "sock");
    is_plain(word.as_os_str()) && word.components().all(is_step) && (is_runs || (made_again && of_a_project))
}

/// Whether a path is the machine's own.
pub(super) fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|s| path.starts_with(s))
}

/// Whether a resolved path is a file by which people or programs get in.
pub(super) fn is_trusted(path: &Path, homes: &[PathBuf]) -> bool {
    let listed = |list: &[&str], path: &Path| list.iter().any(|p| WildMatch::new(p).matches(&path.to_string_lossy()));
    let in_home = |home: &Path| path.strip_prefix(home).is_ok_and(|inside| listed(&TRUSTED_IN_HOME, inside));
    // `~` is the home on another machine.
    listed(&TRUSTED, path) || homes.iter().map(PathBuf::as_path).chain([Path::new("~")]).any(in_home)
}

/// Whether a file of the system is there for everybody to read.
pub(super) fn is_public(path: &Path) -> bool {
    PUBLIC.iter().any(|p| path.starts_with(p)) && !is_precious(path)
}

/// Whether a file of the system is the setting of one program, which others do without.
pub(super) fn is_own_setting(path: &Path) -> bool {
    path.starts_with("/etc") && !NEEDED.iter().any(|p| path.starts_with(p))
}

/// Whether a folder is too large a part of the machine to be somebody's workspace.
pub(super) fn is_crowded(path: &Path) -> bool {
    let is = |list: &[&str]| list.iter().any(|f| path == Path::new(f));
    is(&CROWDED) || is(&SYSTEM) || is(&SCRATCH) || path == Path::new("/usr/local") || path == Path::new("/var/lib")
}

/// Whether what is written there is not kept.
pub(super) fn is_sink(path: &Path) -> bool {
    SINKS.iter().any(|s| path == Path::new(s)) || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}
