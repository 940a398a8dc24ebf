//! The probe that asks the real tool: each of its starts is a call of its own, recorded and confined.

use crate::call::{Call, Stdin, User, workspace};
use crate::effect::Effect;
use crate::inspect::terraform::WithoutTail;
use crate::inspect::{Plan, Probe, ProbeError, Reader, Stdin as Given, Until};
use crate::memory::{Known, Memory, MemoryError, Whose};
use crate::profile::{Profile, Required};
use crate::record::{Durability, Event, Record, redact_words};
use crate::run::{self, Outcome, Room, RunError};
use crate::say;
use crate::text::sanitise;
use crate::tool::Reading;
use crate::verdict::{Aid, Input, Order, Permit, Sift};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Standard input larger than this is not judged where nothing reads it as it comes.
const MAX_STDIN: u64 = 64 << 20;
/// What is larger than this is judged on its way, not before the tool starts.
const MAX_BEGUN: u64 = 8 << 20;
/// Whoever writes nothing for so long after a whole line, in milliseconds, waits for an answer. Two programs in a pipe that
/// are slower than that lose nothing but that all is judged before anything runs.
const PATIENCE: u16 = 300;
/// A plan file, and what `show -json` says of it, may be this long.
const MAX_PLAN: u64 = 1 << 30;
/// Showing a plan takes memory that is never given back before the end: collected at Go's own pace, that was a quarter of
/// the time of `terraform show -json` (1.11.4, a plan of two resources). The caller's own setting stands.
const COLLECT_LATER: (&str, &str) = ("GOGC", "400");

/// Asks the real tool and the real standard input.
pub(super) struct Live<'a> {
    pub(super) call: &'a Call,
    pub(super) user: &'a User,
    pub(super) required: &'a Required,
    /// What the policy gives the walls besides.
    pub(super) more: &'a Profile,
    pub(super) record: &'a Record,
    pub(super) run: &'a str,
    pub(super) room: &'a Room,
}

fn failed(e: impl std::fmt::Display) -> ProbeError {
    ProbeError::Failed(e.to_string())
}

/// A file in memory that only its descriptor names, so that no path can be swapped under it.
fn memory_file(name: &CStr) -> Result<OwnedFd, ProbeError> {
    memfd_create(name, MFdFlags::MFD_ALLOW_SEALING).map_err(failed)
}

/// Makes the file's bytes final.
fn seal(file: &OwnedFd) -> Result<(), ProbeError> {
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(file, FcntlArg::F_ADD_SEALS(seals)).map(|_| ()).map_err(failed)
}

/// Copies at most `most` bytes of `from` into a sealed file; also returns them where `keep` asks for it.
fn sealed_copy(from: &mut dyn Read, most: u64) -> Result<(Vec<u8>, OwnedFd), ProbeError> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(failed(format_args!("it is larger than {} MiB", most >> 20)));
    }
    let file = memory_file(c"sprag")?;
    let mut copy = File::from(file);
    io::copy(&mut bytes.as_slice(), &mut copy).map_err(failed)?;
    copy.seek(SeekFrom::Start(0)).map_err(failed)?;
    let file = OwnedFd::from(copy);
    seal(&file)?;
    Ok((bytes, file))
}

impl Live<'_> {
    /// Starts the real tool as an aid of sprag's own, which inherits the descriptors `keep`.
    fn aid(
        &self,
        aid: Aid,
        reading: &Reading<'_>,
        words: &[OsString],
        keep: &[Arc<OwnedFd>],
        output: Prints,
    ) -> Result<(), ProbeError> {
        let argv = self.shown(reading, words);
        let mut profile = reading.tool.profile.clone();
        // A plan that is shown starts no program of the configuration's.
        profile.answers &= aid != Aid::Show;
        // What only reads runs even where nothing can be recorded.
        let _ = self.record.append(&Event::Aid { run: self.run, aid: aid.word(), argv: &argv }, Durability::Kernel);
        let (stdout, stderr, sift) = match output {
            Prints::Kept(stdout, stderr) => (Some(stdout), Some(stderr), None),
            Prints::Sifted(sift, stderr) => (None, stderr, Some(sift)),
        };
        let mut env = self.call.env.clone();
        if aid == Aid::Show {
            env.entry(COLLECT_LATER.0.into()).or_insert_with(|| COLLECT_LATER.1.into());
        }
        let words = std::iter::once(OsString::from(&self.call.name)).chain(words.iter().cloned()).collect();
        let order = Order {
            folder: reading.folder.clone(),
            workspace: workspace(&reading.folder, &self.user.home),
            read: reading.paths().read,
            stdin: if aid == Aid::Plan { Input::Inherit } else { Input::Null },
            stdout,
            stderr,
            sift,
            keep: keep.to_vec(),
            ..Order::new(self.call.name.clone(), words, env, self.call.cwd.clone(), profile)
        };
        let (home, required) = (&self.user.home, self.required);
        let setting = run::Setting { home, required, more: Some(self.more), room: self.room, last: false };
        match run::start(Permit::aid(aid, order), &setting) {
            Ok(Outcome::Exited(0)) => Ok(()),
            Ok(Outcome::Exited(code)) => Err(ProbeError::Refused(code)),
            Ok(Outcome::Killed(signal)) => Err(ProbeError::Refused(128 + signal)),
            // Without the real tool there is nothing to judge: said as a shell says it.
            Err(RunError::Program(e)) => {
                say::error(&format!("sprag: refused: {}\n  nothing was run", sanitise(&e.to_string())));
                Err(ProbeError::Refused(e.code()))
            }
            Err(e) => Err(failed(e)),
        }
    }

    /// The words for the record: those that hold a secret in the call hold it here too.
    fn shown(&self, reading: &Reading<'_>, words: &[OsString]) -> Vec<String> {
        let secrets: Vec<&OsString> =
            reading.secret_words().into_iter().filter_map(|i| reading.words.get(i)).map(|w| &w.raw).collect();
        let hidden: Vec<usize> = words.iter().enumerate().filter(|(_, w)| secrets.contains(w)).map(|(i, _)| i).collect();
        let texts: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
        redact_words(&texts, &hidden)
    }

    /// Starts the real tool and keeps what it prints. What it warns of is said only where it fails, and not again.
    fn kept(
        &self,
        aid: Aid,
        reading: &Reading<'_>,
        words: &[OsString],
        keep: &[Arc<OwnedFd>],
    ) -> Result<Vec<u8>, ProbeError> {
        let (out, errors) = (memory_file(c"output")?, memory_file(c"errors")?);
        let prints = Prints::Kept(out.try_clone().map_err(failed)?, errors.try_clone().map_err(failed)?);
        if let Err(e) = self.aid(aid, reading, words, keep, prints) {
            if aid == Aid::Show {
                say::error(String::from_utf8_lossy(&read_back(errors)?).trim_end());
            }
            return Err(e);
        }
        read_back(out)
    }

    /// What `show -json` says of a sealed plan.
    fn show(&self, reading: &Reading<'_>, sealed: OwnedFd) -> Result<Plan, ProbeError> {
        let sealed = Arc::new(sealed);
        let mut words = reading.words_before_command();
        words.extend(["show".into(), "-json".into(), descriptor_path(&sealed)]);
        let json = self.kept(Aid::Show, reading, &words, std::slice::from_ref(&sealed))?;
        Ok(Plan { json, sealed: Some(sealed) })
    }
}

/// Where what an aid prints goes.
enum Prints {
    /// Into these files: standard output and error.
    Kept(OwnedFd, OwnedFd),
    /// To the caller, with something cut out; errors into a file or as they come.
    Sifted(Box<dyn Sift>, Option<OwnedFd>),
}

/// Judges what an aid prints, and lets none of it pass.
#[derive(Debug)]
struct Judging {
    reader: Box<dyn Reader>,
    found: Arc<Mutex<Vec<Effect>>>,
}

impl Judging {
    fn note(&self, effects: Vec<Effect>) {
        // Who else holds it has ended, or is only about to read it.
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for effect in effects {
            if !found.iter().any(|e| e.says_the_same_as(&effect)) {
                found.push(effect);
            }
        }
    }
}

impl Sift for Judging {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let pieces = self.reader.take(bytes);
        pieces.into_iter().for_each(|piece| self.note(piece.effects));
        Vec::new()
    }

    fn end(&mut self) -> Vec<u8> {
        let piece = self.reader.end();
        self.note(piece.effects);
        Vec::new()
    }
}

/// Reads standard input to its end, or until it is too long to wait for, or whoever writes it has ended a line and waits;
/// whether that was the end. Read past every buffer, so that nothing is lost to whoever reads on.
fn begin(input: &impl AsFd, until: Until) -> Result<(Vec<u8>, bool), ProbeError> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let most = if until == Until::Pause { MAX_BEGUN } else { MAX_STDIN };
    while (bytes.len() as u64) < most {
        let mut waited = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        let patience =
            if until == Until::Pause && bytes.ends_with(b"\n") { PollTimeout::from(PATIENCE) } else { PollTimeout::NONE };
        match poll(&mut waited, patience) {
            Ok(0) => return Ok((bytes, false)),
            Err(nix::errno::Errno::EINTR) => continue,
            Err(e) => return Err(failed(e)),
            Ok(_) => {}
        }
        match nix::unistd::read(input, &mut buffer) {
            Ok(0) => return Ok((bytes, true)),
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(failed(e)),
        }
    }
    Ok((bytes, false))
}

/// What a file in memory holds.
fn read_back(file: OwnedFd) -> Result<Vec<u8>, ProbeError> {
    let mut file = File::from(file);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_PLAN).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn descriptor_path(file: &OwnedFd) -> OsString {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

impl Probe for Live<'_> {
    fn plan(&self, reading: &Reading<'_>, argv: &[OsString]) -> Result<Plan, ProbeError> {
        let file = Arc::new(memory_file(c"plan")?);
        let mut words = argv.to_vec();
        let path = descriptor_path(&file);
        let mut out = OsString::from("-out=");
        out.push(&path);
        words.push(out);
        let sift = WithoutTail::new(&path.to_string_lossy());
        self.aid(Aid::Plan, reading, &words, std::slice::from_ref(&file), Prints::Sifted(Box::new(sift), None))?;
        let file = Arc::into_inner(file).ok_or_else(|| failed("the plan is still held by another"))?;
        seal(&file)?;
        self.show(reading, file)
    }

    fn saved_plan(&self, reading: &Reading<'_>, path: &Path) -> Result<Plan, ProbeError> {
        let mut file = crate::place::open(path).map_err(|e| failed(format_args!("{}: {e}", path.display())))?;
        let (_, sealed) = sealed_copy(&mut file, MAX_PLAN)?;
        self.show(reading, sealed)
    }

    fn printed(&self, reading: &Reading<'_>, argv: &[OsString]) -> Result<Vec<u8>, ProbeError> {
        self.kept(Aid::Output, reading, argv, &[])
    }

    fn read_through(
        &self,
        reading: &Reading<'_>,
        argv: &[OsString],
        keep: &[Arc<OwnedFd>],
        reader: Box<dyn Reader>,
    ) -> Result<Vec<Effect>, ProbeError> {
        let (found, errors) = (Arc::new(Mutex::new(Vec::new())), memory_file(c"errors")?);
        let sift = Judging { reader, found: Arc::clone(&found) };
        let prints = Prints::Sifted(Box::new(sift), Some(errors.try_clone().map_err(failed)?));
        if let Err(e) = self.aid(Aid::Output, reading, argv, keep, prints) {
            say::error(String::from_utf8_lossy(&read_back(errors)?).trim_end());
            return Err(e);
        }
        Ok(std::mem::take(&mut *found.lock().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }

    fn sealed(&self, bytes: &[u8]) -> Result<OwnedFd, ProbeError> {
        sealed_copy(&mut &*bytes, MAX_PLAN).map(|(_, file)| file)
    }

    fn remembered(&self, whose: &Whose) -> Result<Option<Known>, MemoryError> {
        Memory::of(&self.user.state()).recall(whose)
    }

    fn stdin(&self, until: Until) -> Result<Given, ProbeError> {
        if self.call.stdin == Stdin::Null {
            return Ok(Given::Whole(Vec::new(), None));
        }
        let (bytes, whole) = begin(&io::stdin(), until)?;
        if !whole && until == Until::End {
            return Err(failed(format_args!("it is larger than {} MiB", MAX_STDIN >> 20)));
        }
        if !whole {
            return Ok(Given::Begun(bytes));
        }
        let (bytes, sealed) = sealed_copy(&mut bytes.as_slice(), MAX_STDIN)?;
        Ok(Given::Whole(bytes, Some(sealed)))
    }
}
