//! Landlock rules for a profile.
//!
//! A file that may be run may be read: a program that can be read can be run from a copy in memory, so granting one
//! without the other would be a wall of paper (measured: a memfd copy of a readable, not executable terraform ran).

use super::{ConfineError, Grants, Places};
use crate::effect::Verb;
use crate::profile::Profile;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The newest ABI whose rights are handled. Later ones close doors (UNIX sockets by path, UDP) that no profile names yet.
const NEWEST: u32 = 7;

/// Builds the ruleset.
pub(super) fn build(
    profile: &Profile,
    places: &Places,
    grants: &Grants,
    verb: Verb,
    abi: u32,
) -> Result<RulesetCreated, ConfineError> {
    let level = ABI::from(i32::try_from(abi.min(NEWEST)).unwrap_or(0));
    let mut rules = Rules { ruleset: create(level, abi, profile)?, level };
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let write =
        AccessFs::from_all(level) & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    rules.lines(&profile.read, places, read)?;
    for line in &profile.exec {
        let paths = places.expand(line).into_iter();
        rules.paths(paths.filter(|path| !line.starts_with('$') || !opens_everything(path)), read | AccessFs::Execute)?;
    }
    rules.lines(&profile.device, places, device)?;
    rules.lines(&profile.write_always, places, write)?;
    rules.paths([&places.tmpdir], write)?;
    rules.lines(&profile.write, places, if verb == Verb::Read { read } else { write })?;
    for name in &profile.read_env {
        rules.paths(places.variable(name), read)?;
    }
    rules.paths(&grants.exec, read | AccessFs::Execute)?;
    rules.paths(&grants.read, read)?;
    for path in &grants.write {
        // A file that does not exist yet is made in its folder, so that is what must be writable.
        let place = if path.exists() { Some(path.as_path()) } else { path.parent().filter(|f| !places.holds_home(f)) };
        rules.paths(place, write)?;
    }
    if abi >= 4 {
        rules.ports(profile, grants)?;
    }
    Ok(rules.ruleset)
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

/// A ruleset that handles every right of the ABI. What was asked of the kernel is a hard requirement: the ABI was
/// probed, so a refusal is an error and never a wall left out in silence.
fn create(level: ABI, abi: u32, profile: &Profile) -> Result<RulesetCreated, ConfineError> {
    let hard = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let mut ruleset = hard.handle_access(AccessFs::from_all(level)).map_err(failed)?;
    if abi >= 4 {
        let mut net: BitFlags<AccessNet> = BitFlags::EMPTY;
        if !profile.connect_any {
            net |= AccessNet::ConnectTcp;
        }
        if !profile.bind {
            net |= AccessNet::BindTcp;
        }
        if !net.is_empty() {
            ruleset = ruleset.handle_access(net).map_err(failed)?;
        }
    }
    if abi >= 6 {
        ruleset = ruleset.scope(Scope::from_all(level)).map_err(failed)?;
    }
    ruleset.create().map_err(failed)
}

/// A ruleset that rules are added to.
struct Rules {
    ruleset: RulesetCreated,
    level: ABI,
}

impl Rules {
    fn lines(&mut self, lines: &[String], places: &Places, access: BitFlags<AccessFs>) -> Result<(), ConfineError> {
        lines.iter().try_for_each(|line| self.paths(places.expand(line), access))
    }

    fn paths(
        &mut self,
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        access: BitFlags<AccessFs>,
    ) -> Result<(), ConfineError> {
        paths.into_iter().try_for_each(|path| self.path(path.as_ref(), access))
    }

    /// Adds one path. What is not there, or not ours to see, grants nothing.
    fn path(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), ConfineError> {
        let flags = nix::fcntl::OFlag::O_PATH | nix::fcntl::OFlag::O_CLOEXEC;
        let Ok(fd) = nix::fcntl::openat(nix::fcntl::AT_FDCWD, path, flags, nix::sys::stat::Mode::empty()) else {
            return Ok(());
        };
        let file = std::fs::File::from(fd);
        let kind = file.metadata().map_err(failed)?.file_type();
        // Rights that only a folder can have make the kernel refuse a rule on a file.
        let mut access = if kind.is_dir() { access } else { access & AccessFs::from_file(self.level) };
        if !kind.is_char_device() && !kind.is_dir() {
            access &= !BitFlags::from(AccessFs::IoctlDev);
        }
        let access = access & AccessFs::from_all(self.level);
        if access.is_empty() {
            return Ok(());
        }
        let ruleset = &mut self.ruleset;
        ruleset.add_rule(PathBeneath::new(file, access)).map_err(failed)?;
        Ok(())
    }

    fn ports(&mut self, profile: &Profile, grants: &Grants) -> Result<(), ConfineError> {
        if profile.connect_any {
            return Ok(());
        }
        for port in profile.connect.iter().chain(&grants.ports) {
            let ruleset = &mut self.ruleset;
            ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(failed)?;
        }
        Ok(())
    }
}
