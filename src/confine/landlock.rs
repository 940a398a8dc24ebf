//! Landlock rules for a profile.
//!
//! A file that may be run may be read: a program that can be read can be run from a copy in memory, so granting one
//! without the other would be a wall of paper (measured: a memfd copy of a readable, not executable terraform ran).

use super::{Chooser, ConfineError, Grants, Places};
use crate::effect::Verb;
use crate::profile::Profile;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The newest ABI whose rights are handled. Later ones close doors (UNIX sockets by path, UDP) that no profile names yet.
const NEWEST: u32 = 7;

/// Paths, whether somebody else chose them, and what is granted there.
type Paths = BTreeMap<(PathBuf, bool), BitFlags<AccessFs>>;

/// A ruleset that stands already, for another start of the same call: one that wants all that is in it adds only what is new.
#[derive(Debug)]
struct Standing {
    rights: (u32, BitFlags<AccessNet>, Vec<u16>),
    added: Paths,
    ruleset: RulesetCreated,
}

/// What the starts of one call share of their walls.
#[derive(Debug, Default)]
pub struct Base(RefCell<Option<Standing>>);

impl Base {
    /// The ruleset that stands, with what is in it, where it grants nothing but what is wanted.
    fn within(&self, rights: &(u32, BitFlags<AccessNet>, Vec<u16>), wanted: &Paths) -> Option<Standing> {
        let within = |s: &Standing| {
            let mut added = s.added.iter();
            s.rights == *rights && added.all(|(path, access)| wanted.get(path).is_some_and(|w| w.contains(*access)))
        };
        self.0.take().filter(within)
    }
}

/// Builds the ruleset.
pub(super) fn build(
    profile: &Profile,
    places: &Places,
    grants: &Grants<'_>,
    verb: Verb,
    abi: u32,
    base: &Base,
) -> Result<RulesetCreated, ConfineError> {
    let level = ABI::from(i32::try_from(abi.min(NEWEST)).unwrap_or(0));
    let wanted = granted(profile, places, grants, verb, level).0;
    let ports = if profile.connect_any { vec![] } else { profile.connect.iter().chain(&grants.ports).copied().collect() };
    let rights = (abi, handled_net(abi, profile), ports);
    let mut standing = match base.within(&rights, &wanted) {
        Some(standing) => standing,
        None => begin(level, rights)?,
    };
    for (wish, access) in wanted {
        if standing.added.get(&wish) != Some(&access)
            && let Some(rule) = rule(&wish.0, access, grants.chooser.filter(|_| wish.1))?
        {
            standing.ruleset = standing.ruleset.add_rule(rule).map_err(failed)?;
            standing.added.insert(wish, access);
        }
    }
    let ruleset = standing.ruleset.try_clone().map_err(failed)?;
    base.0.replace(Some(standing));
    Ok(ruleset.set_compatibility(CompatLevel::HardRequirement))
}

/// A ruleset with its ports, and no path yet.
fn begin(level: ABI, rights: (u32, BitFlags<AccessNet>, Vec<u16>)) -> Result<Standing, ConfineError> {
    // Rights that only a folder can have make the kernel refuse a rule on a file: the library leaves them out where it may.
    let mut ruleset = create(level, rights.0, rights.1)?.set_compatibility(CompatLevel::BestEffort);
    for port in rights.2.iter().filter(|_| rights.0 >= 4) {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(failed)?;
    }
    Ok(Standing { rights, added: BTreeMap::new(), ruleset })
}

/// Every path that a call is granted, and what may be done there.
fn granted(profile: &Profile, places: &Places, grants: &Grants<'_>, verb: Verb, level: ABI) -> Granted {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device =
        (AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev) & AccessFs::from_all(level);
    let write =
        AccessFs::from_all(level) & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let others = grants.chooser;
    let mut granted = Granted::default();
    granted.lines(&profile.read, places, read, others);
    for line in &profile.exec {
        let paths = places.expand(line).into_iter();
        let paths = paths.filter(|path| !line.starts_with('$') || !opens_everything(path));
        granted.paths(paths, read | AccessFs::Execute, is_chosen(line, others));
    }
    granted.lines(&profile.device, places, device, others);
    granted.lines(&profile.write_always, places, write, others);
    granted.paths([&places.tmpdir], write, false);
    for line in &profile.write {
        // What the tool is set up by, others do not change through it.
        let reads = verb == Verb::Read || (others.is_some() && (line.starts_with("$HOME") || line.starts_with('/')));
        granted.lines(std::slice::from_ref(line), places, if reads { read } else { write }, others);
    }
    for name in &profile.read_env {
        granted.paths(places.variable(name), read, others.is_some_and(|others| others.set(name)));
    }
    granted.paths(&grants.exec, read | AccessFs::Execute, false);
    granted.paths(&grants.own, read, false);
    granted.paths(&grants.read, read, others.is_some());
    for path in &grants.write {
        // A file that does not exist yet is made in its folder, so that is what must be writable.
        let place = if path.exists() { Some(path.as_path()) } else { path.parent().filter(|f| !places.holds_home(f)) };
        granted.paths(place, write, others.is_some());
    }
    granted
}

/// Whether where a line of a profile leads is up to others: by the folder, or by a variable of theirs.
fn is_chosen(line: &str, others: Option<&dyn Chooser>) -> bool {
    let first = line.split('/').next().unwrap_or_default();
    others.is_some_and(|others| match first {
        "$CWD" | "$TARGET" | "$WORKSPACE" => true,
        "$HOME" | "$TMPDIR" | "$MANAGER" => false,
        first => first.strip_prefix('$').is_some_and(|variable| others.set(variable)),
    })
}

/// Whether a tool in the walls of `profile` can read what is at `path`, which is resolved.
pub fn reaches(profile: &Profile, places: &Places, grants: &Grants<'_>, verb: Verb, path: &Path) -> bool {
    let granted = granted(profile, places, grants, verb, ABI::V1);
    let holds = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
    granted.0.iter().any(|((folder, _), access)| access.contains(AccessFs::ReadFile) && holds(folder))
}

/// Paths with their rights, each path once: a rule costs four system calls. All of them are gathered before the first is
/// opened, since musl maps and unmaps a page for a path that comes and goes alone (seen under strace).
#[derive(Default)]
struct Granted(Paths);

impl Granted {
    fn lines(&mut self, lines: &[String], places: &Places, access: BitFlags<AccessFs>, others: Option<&dyn Chooser>) {
        for line in lines {
            self.paths(places.expand(line), access, is_chosen(line, others));
        }
    }

    fn paths(&mut self, paths: impl IntoIterator<Item = impl Into<PathBuf>>, access: BitFlags<AccessFs>, chosen: bool) {
        for path in paths {
            *self.0.entry((path.into(), chosen)).or_default() |= access;
        }
    }
}

/// Whether running what is in `path` would mean running any program of the system. A profile never means that where it
/// says `$TARGET/.terraform`, but the caller may have put a link in its place.
fn opens_everything(path: &Path) -> bool {
    const PROGRAMS: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    let Ok(real) = path.canonicalize() else { return false };
    PROGRAMS.iter().any(|folder| Path::new(folder).starts_with(&real))
}

fn failed(e: impl std::fmt::Display) -> ConfineError {
    ConfineError::Landlock(e.to_string())
}

/// The rights over TCP that the profile does not give to all ports.
fn handled_net(abi: u32, profile: &Profile) -> BitFlags<AccessNet> {
    let mut net: BitFlags<AccessNet> = BitFlags::EMPTY;
    if abi >= 4 && !profile.connect_any {
        net |= AccessNet::ConnectTcp;
    }
    if abi >= 4 && !profile.bind {
        net |= AccessNet::BindTcp;
    }
    net
}

/// A ruleset that handles every right of the ABI. What was asked of the kernel is a hard requirement: the ABI was
/// probed, so a refusal is an error and never a wall left out in silence.
fn create(level: ABI, abi: u32, net: BitFlags<AccessNet>) -> Result<RulesetCreated, ConfineError> {
    let hard = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let mut ruleset = hard.handle_access(AccessFs::from_all(level)).map_err(failed)?;
    if !net.is_empty() {
        ruleset = ruleset.handle_access(net).map_err(failed)?;
    }
    if abi >= 6 {
        ruleset = ruleset.scope(Scope::from_all(level)).map_err(failed)?;
    }
    ruleset.create().map_err(failed)
}

/// The rule for one path. What is not there, or not ours to see, grants nothing; of what `chooser` named no more than they have, as it
/// is once it is open: whatever lay there when the call was judged may be another thing by now.
fn rule(
    path: &Path,
    mut access: BitFlags<AccessFs>,
    chooser: Option<&dyn Chooser>,
) -> Result<Option<PathBeneath<OwnedFd>>, ConfineError> {
    let flags = nix::fcntl::OFlag::O_PATH | nix::fcntl::OFlag::O_CLOEXEC;
    let Ok(file) = nix::fcntl::openat(nix::fcntl::AT_FDCWD, path, flags, nix::sys::stat::Mode::empty()) else {
        return Ok(None);
    };
    if let Some(chooser) = chooser {
        let Ok(real) = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) else { return Ok(None) };
        if !chooser.has(&real, false) {
            return Ok(None);
        }
        if !chooser.has(&real, true) {
            access &= AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
        }
    }
    if access.contains(AccessFs::IoctlDev) {
        use nix::sys::stat::{SFlag, fstat};
        let kind = SFlag::from_bits_truncate(fstat(&file).map_err(failed)?.st_mode & SFlag::S_IFMT.bits());
        if !matches!(kind, SFlag::S_IFCHR | SFlag::S_IFDIR) {
            access &= !BitFlags::from(AccessFs::IoctlDev);
        }
    }
    Ok(Some(PathBeneath::new(file, access)))
}
