//! A call out of a session that its caller carries out itself: judged outside, since that is where policy and record are, and
//! run inside, since the tool has no walls of its own and would otherwise have none at all.

use super::super::RunError;
use crate::sys;
use crate::verdict::{Input, Permit};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

/// The variable that names the descriptor for the words.
pub(in super::super) const YOURS: &str = "SPRAG_YOURS";

/// Where the judged words are left by the link, and found when it has ended.
pub(super) struct Yours(OwnedFd);

impl Yours {
    pub(super) fn new() -> io::Result<Yours> {
        Ok(Yours(memfd_create(c"yours", MFdFlags::empty())?))
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// The variable by which the link finds it.
    pub(super) fn variable(&self) -> Vec<u8> {
        format!("{YOURS}={}", self.descriptor()).into_bytes()
    }

    /// What was left; nothing where the call has run outside, or not at all.
    pub(super) fn take(self) -> Option<Vec<u8>> {
        let mut file = File::from(self.0);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).ok()?;
        file.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Hands what `permit` allows to the caller in the session, who starts it.
///
/// # Errors
/// When nobody waits for it, or it cannot be handed on as it was judged.
pub fn hand_over(permit: Permit, env: &BTreeMap<OsString, OsString>) -> Result<(), RunError> {
    let order = permit.into_order();
    let fail = |what, e: io::Error| RunError::System(what, e);
    let plain = matches!(order.stdin, Input::Inherit) && order.keep.is_empty() && order.stdout.is_none();
    if !plain || order.sift.is_some() || order.sift_errors.is_some() {
        let what = "what it reads on standard input cannot be handed on in a session; give it in a file";
        return Err(fail(what, io::ErrorKind::Unsupported.into()));
    }
    let number = env.get(OsStr::new(YOURS)).and_then(|n| n.to_str()?.parse::<RawFd>().ok());
    let to = number.and_then(sys::adopt).ok_or_else(|| fail("nobody waits for it", io::ErrorKind::NotFound.into()))?;
    let words: Vec<Vec<u8>> = order.argv.iter().map(|word| word.as_bytes().to_vec()).collect();
    let bytes = postcard::to_stdvec(&words).map_err(|e| fail("its words cannot be handed on", io::Error::other(e)))?;
    File::from(to).write_all(&bytes).map_err(|e| fail("its words cannot be handed on", e))
}
