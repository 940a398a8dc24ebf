//! Shells that set PATH anew as they start: a login shell of the session finds the links first all the same.
//!
//! bash reads `BASH_ENV` after the profile files of `bash -lc`, which is how agents start it; zsh reads its files out of
//! `ZDOTDIR`. What the user has under these names is read first. `sh -lc` has nothing of the kind: there a tool is found by
//! its own path, and is not there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const ZSH: [&str; 4] = [".zshenv", ".zprofile", ".zshrc", ".zlogin"];

/// Writes start-up files into `folder`, which is made, for shells that shall find `bin` first, and names them in `env`.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write(folder: &Path, bin: &Path, home: &Path, env: &mut BTreeMap<OsString, OsString>) -> io::Result<()> {
    let quoted = |path: &Path| shell_words::quote(&path.to_string_lossy()).into_owned();
    let bin = quoted(bin);
    let first = format!("case \"$PATH\" in {bin}:*) ;; *) PATH={bin}:$PATH ;; esac\n");
    let after = |file: &Path| format!("[ ! -r {file} ] || . {file}\n{first}", file = quoted(file));
    let named = |name: &str| env.get(OsStr::new(name)).filter(|v| !v.is_empty()).map(PathBuf::from);
    fs::create_dir(folder)?;
    let bash = folder.join("bash");
    fs::write(&bash, named("BASH_ENV").map_or_else(|| first.clone(), |file| after(&file)))?;
    let zsh = named("ZDOTDIR").unwrap_or_else(|| home.to_owned());
    for name in ZSH {
        fs::write(folder.join(name), after(&zsh.join(name)))?;
    }
    env.insert("BASH_ENV".into(), bash.into());
    env.insert("ZDOTDIR".into(), folder.into());
    Ok(())
}
