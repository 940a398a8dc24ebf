//! Every call that needs `unsafe`, each behind a safe function.
//!
//! This module must not know what the calls are for; it is the only one where `unsafe` is allowed.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsString, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

/// The process id type of the kernel.
pub type Pid = libc::pid_t;

/// The highest signal number of Linux.
const LAST_SIGNAL: i32 = 64;

// --- how we were started -------------------------------------------------------------------------------------------

/// Whether SIGPIPE was ignored when the program was started.
static SIGPIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Runs before Rust's runtime, which sets SIGPIPE to "ignore" and keeps no note of what it was.
extern "C" fn note_sigpipe() {
    // SAFETY: sigaction with a null new action only fills `old`, which is a valid, zeroed sigaction.
    let ignored = unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut old) == 0 && old.sa_sigaction == libc::SIG_IGN
    };
    SIGPIPE_WAS_IGNORED.store(ignored, Ordering::Relaxed);
}

#[used]
// SAFETY: the section holds pointers to functions of this signature; libc calls each once before main.
#[unsafe(link_section = ".init_array")]
static NOTE_SIGPIPE: extern "C" fn() = note_sigpipe;

/// The path the kernel was asked to execute (`AT_EXECFN`): unlike `argv[0]` the caller cannot make it up.
pub fn execfn() -> Option<OsString> {
    // SAFETY: the kernel puts AT_EXECFN's NUL-terminated string on the initial stack, where it stays as long as the process.
    let text = unsafe {
        let pointer = libc::getauxval(libc::AT_EXECFN) as *const libc::c_char;
        if pointer.is_null() { None } else { Some(CStr::from_ptr(pointer)) }
    };
    text.map(|t| OsString::from_vec(t.to_bytes().to_vec()))
}

/// Takes an inherited descriptor into ownership; nothing where it is not open.
pub fn adopt(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: F_GETFD takes no pointer and is defined for any number. The descriptor was inherited under a number that
    // the caller's own words name, and nothing else in this process owns it.
    unsafe { (libc::fcntl(fd, libc::F_GETFD) != -1).then(|| OwnedFd::from_raw_fd(fd)) }
}

// --- signals ---------------------------------------------------------------------------------------------------------

/// A set of signals with their dispositions, as they were when it was taken.
#[derive(Clone)]
pub struct SignalState {
    mask: libc::sigset_t,
    ignored: Vec<i32>,
}

/// A signal that arrived, and who sent it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The signal's number.
    pub signal: i32,
    /// It was made by the kernel (a terminal, a timer), so the whole process group has it.
    pub from_kernel: bool,
    /// The process that sent it; meaningless when `from_kernel`.
    pub sender: Pid,
}

/// The signals that are blocked and waited for while a tool runs: all but those the process makes for itself by a fault.
fn awaited() -> libc::sigset_t {
    // SAFETY: `set` is a valid sigset_t for every call.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT] {
            libc::sigdelset(&raw mut set, fault);
        }
        set
    }
}

fn set_disposition(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: the action is fully initialised; SIG_DFL and SIG_IGN are the only handlers passed here.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Blocks every signal but faults and makes SIGCHLD deliverable; returns what it was before, for the tool.
pub fn block_signals() -> SignalState {
    let set = awaited();
    // SAFETY: both sets are valid; `old` is only read after the call filled it.
    let mask = unsafe {
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, &raw mut old);
        old
    };
    let mut ignored = Vec::new();
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: as in note_sigpipe; unknown numbers make sigaction fail, which is checked.
        let now = unsafe {
            let mut old: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut old) == 0 && old.sa_sigaction == libc::SIG_IGN
        };
        let given = if signal == libc::SIGPIPE { SIGPIPE_WAS_IGNORED.load(Ordering::Relaxed) } else { now };
        if given {
            ignored.push(signal);
        }
    }
    set_disposition(libc::SIGCHLD, libc::SIG_DFL);
    SignalState { mask, ignored }
}

impl SignalState {
    /// Puts dispositions and mask back as they were. In the child, just before it becomes the tool.
    pub fn restore(&self) {
        set_disposition(libc::SIGPIPE, libc::SIG_DFL);
        for signal in &self.ignored {
            set_disposition(*signal, libc::SIG_IGN);
        }
        // SAFETY: the mask was filled by the kernel.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask, std::ptr::null_mut()) };
    }
}

/// Waits for the next blocked signal.
pub fn wait_signal() -> Arrival {
    let set = awaited();
    loop {
        // SAFETY: `set` and `info` are valid; si_pid is defined for the SI_USER family, the only use of it.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let signal = libc::sigwaitinfo(&raw const set, &raw mut info);
            if signal > 0 {
                return Arrival { signal, from_kernel: info.si_code > 0, sender: info.si_pid() };
            }
        }
    }
}

/// Sends a signal; a process that has gone is no error.
pub fn kill(pid: Pid, signal: i32) {
    // SAFETY: kill takes no pointer.
    unsafe { libc::kill(pid, signal) };
}

/// Stops this process by `signal` as if it had never been caught, because `child` was, and returns when it is continued:
/// at once where the child goes on already, since nobody then comes to continue us.
pub fn stop_with(child: Pid, signal: i32) {
    // SAFETY: `one` is a valid set holding one signal; sigtimedwait with a zero time-out only drops a pending one.
    unsafe {
        let mut one: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut one);
        libc::sigaddset(&raw mut one, signal);
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut old);
        set_disposition(signal, libc::SIG_DFL);
        // It hangs until it is unblocked, and a CONT takes it away: one that comes after the look at the child is not missed.
        if signal != libc::SIGSTOP {
            libc::kill(libc::getpid(), signal);
        }
        if !is_stopped(child) {
            libc::sigtimedwait(&raw const one, std::ptr::null_mut(), &raw const now);
        } else if signal == libc::SIGSTOP {
            libc::kill(libc::getpid(), signal);
        } else {
            libc::sigprocmask(libc::SIG_UNBLOCK, &raw const one, std::ptr::null_mut());
            libc::sigprocmask(libc::SIG_BLOCK, &raw const one, std::ptr::null_mut());
        }
        libc::sigaction(signal, &raw const old, std::ptr::null_mut());
    }
}

/// Whether a process is stopped now.
fn is_stopped(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Where it cannot be read it is taken to be: that is what was heard last.
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't']))
}

/// Dies by `signal`, so that the caller sees the death its tool died; does not dump core.
pub fn die_by(signal: i32) -> ! {
    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: all structures are valid; after the unblock the pending signal ends the process.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
        set_disposition(signal, libc::SIG_DFL);
        let mut one: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut one);
        libc::sigaddset(&raw mut one, signal);
        libc::kill(libc::getpid(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const one, std::ptr::null_mut());
    }
    // A signal that does not kill (a stop, a continue) cannot be how a tool died; say what a shell says.
    std::process::exit(128 + signal)
}

// --- children --------------------------------------------------------------------------------------------------------

/// Which side of a fork this is.
pub enum Fork {
    /// The parent, with the child's process id.
    Parent(Pid),
    /// The child.
    Child,
}

/// Forks.
///
/// # Errors
/// What the kernel says: too many processes, no memory.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: the one other thread there can be parses SQL; it has answered, or its call is held as unknown. libc's fork
    // takes malloc's lock first, so the child may allocate until it becomes the tool.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// The stack of a child that shares our memory, with a page below it that nothing may touch.
struct Stack {
    base: *mut libc::c_void,
}

impl Stack {
    const SIZE: usize = 512 * 1024;
    const GUARD: usize = 4096;

    fn new() -> io::Result<Stack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a new mapping of our own, its lowest page without any rights.
        unsafe {
            let base = libc::mmap(std::ptr::null_mut(), Stack::SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            if base == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let stack = Stack { base };
            if libc::mprotect(base, Stack::GUARD, libc::PROT_NONE) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(stack)
        }
    }

    fn top(&self) -> *mut libc::c_void {
        self.base.wrapping_byte_add(Stack::SIZE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever stood on it is gone.
        unsafe { libc::munmap(self.base, Stack::SIZE) };
    }
}

/// Starts a child that does `steps` and leaves with the code they return, unless they make another program of it. Until
/// then it shares our memory and this thread stands still: what a fork copies, and each page it makes both sides pay for,
/// is most of what a start costs.
///
/// What `steps` owns, both sides would drop; so it must only borrow.
///
/// # Errors
/// What the kernel says: too many processes, no memory.
pub fn spawn(steps: &dyn Fn() -> c_int) -> io::Result<Pid> {
    extern "C" fn begin(steps: *mut libc::c_void) -> c_int {
        // SAFETY: the pointer is the reference below, whose frame stands still until this process is gone from it.
        let steps = unsafe { *steps.cast::<&dyn Fn() -> c_int>() };
        steps()
    }
    let stack = Stack::new()?;
    let argument = (&raw const steps).cast_mut().cast();
    // SAFETY: the stack is as large as it says and lives until the child has become another program or left (CLONE_VFORK).
    // The child does what this thread could do itself in its place: the locks and thread-local storage are this thread's.
    let pid = unsafe { libc::clone(begin, stack.top(), libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, argument) };
    if pid == -1 { Err(io::Error::last_os_error()) } else { Ok(pid) }
}

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing yet.
    None,
    /// It left with this code.
    Exited(i32),
    /// It died by this signal.
    Killed(i32),
    /// It was stopped by this signal.
    Stopped(i32),
}

/// Asks without waiting what became of `pid`.
pub fn child_change(pid: Pid) -> Change {
    let mut status = 0;
    // SAFETY: `status` is a valid int.
    let got = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    if got != pid {
        Change::None
    } else if libc::WIFEXITED(status) {
        Change::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Change::Killed(libc::WTERMSIG(status))
    } else if libc::WIFSTOPPED(status) {
        Change::Stopped(libc::WSTOPSIG(status))
    } else {
        Change::None
    }
}

/// Waits until `pid` has ended and takes it off the process table.
pub fn reap(pid: Pid) {
    // SAFETY: waitpid with a null status pointer is defined.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

/// Asks the kernel to send `signal` to this process when the thread that forked it ends.
pub fn on_parent_death(signal: i32) {
    // SAFETY: prctl with integer arguments.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) };
}

/// The parent's process id.
pub fn parent() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::getppid() }
}

/// This process's id.
pub fn own_pid() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::getpid() }
}

/// Leaves the process at once, running no destructor: for a child that could not become the tool.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit does not return.
    unsafe { libc::_exit(code) }
}

/// A process of our group that only waits: a signal pending there was sent to the whole group.
///
/// `kill -INT %1` reaches the group, so the tool has it already; forwarding it too makes terraform see two interrupts and
/// drop its work (measured, 30 of 30). Nothing in a signal itself tells a group's from one's own.
///
/// What hangs in a canary hangs there for good and would hide the next signal of its number; so each is used once.
pub struct Canary {
    pid: Pid,
    /// The signals that canaries before this one had, and that have not been asked for yet, one bit each.
    seen: u64,
    /// What it stands on; freed when it is dead.
    _stack: Vec<u8>,
}

/// What a canary does: nothing, in system calls alone, since it shares our memory.
extern "C" fn sit(parent: *mut libc::c_void) -> c_int {
    // SAFETY: none of these calls is given a pointer. Its table of descriptors is its own, and it holds no end of anybody's
    // pipe. Every signal is blocked, so the wait ends by KILL alone.
    unsafe {
        libc::syscall(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
        // A parent that died before it was asked for is never heard of.
        while libc::syscall(libc::SYS_getppid) == parent.addr() as libc::c_long {
            libc::syscall(libc::SYS_ppoll, 0, 0, 0, 0, 0);
        }
    }
    0
}

impl Canary {
    /// Starts one; every signal must be blocked. It shares our memory, which costs a tenth of a fork.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn start() -> io::Result<Canary> {
        const STACK: usize = 16 * 1024;
        const ALIGNMENT: usize = 16;
        let mut stack: Vec<u8> = Vec::with_capacity(STACK);
        // SAFETY: the top of the stack is the end of an allocation that lives in the canary until it is dead (Drop reaps
        // it before the fields go); `sit` touches no other memory of ours.
        let pid = unsafe {
            let end = stack.as_mut_ptr().add(STACK);
            let top = end.sub(end as usize % ALIGNMENT);
            let parent = std::ptr::without_provenance_mut(own_pid() as usize);
            libc::clone(sit, top.cast(), libc::CLONE_VM | libc::SIGCHLD, parent)
        };
        if pid == -1 { Err(io::Error::last_os_error()) } else { Ok(Canary { pid, seen: 0, _stack: stack }) }
    }

    /// Whether `signal` was sent to the whole group; asked once for each that arrives. Where it is not there yet, waits a
    /// millisecond: the kernel delivers to a group one by one.
    pub fn has(&mut self, signal: i32) -> bool {
        let bit = 1u64.checked_shl(u32::try_from(signal - 1).unwrap_or(0)).unwrap_or(0);
        if (self.seen | self.pending()) & bit == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        if self.pending() != 0
            && let Ok(next) = Canary::start()
        {
            let used = std::mem::replace(self, next);
            self.seen = used.seen | used.pending();
        }
        let had = self.seen & bit != 0;
        self.seen &= !bit;
        had
    }

    /// The signals that hang in it, one bit each.
    fn pending(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let set = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name));
            line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
        };
        set("SigPnd:") | set("ShdPnd:")
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        kill(self.pid, libc::SIGKILL);
        reap(self.pid);
    }
}

// --- walls -----------------------------------------------------------------------------------------------------------

/// The Landlock ABI of the running kernel; 0 where there is none.
pub fn landlock_abi() -> u32 {
    const CREATE_RULESET_VERSION: libc::c_uint = 1;
    // SAFETY: with the VERSION flag the kernel takes no attributes: the pointer must be null and the size 0.
    let abi = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0usize, CREATE_RULESET_VERSION)
    };
    u32::try_from(abi).unwrap_or(0)
}

/// Installs a seccomp filter on this thread; `no_new_privs` must be set. Where it is `heard`, returns what the calls come to
/// that it leaves to another process.
///
/// # Errors
/// What the kernel says; nothing is then installed.
pub fn install_filter(program: &[libc::sock_filter], heard: bool) -> io::Result<Option<OwnedFd>> {
    let length = libc::c_ushort::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let flags = if heard { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    // SAFETY: `filter` points to `length` instructions that outlive the call; the kernel copies and does not write them.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter) };
    match i32::try_from(done) {
        Ok(listener) if heard && listener > 0 => {
            // SAFETY: the kernel has just made this descriptor for us alone.
            Ok(Some(unsafe { OwnedFd::from_raw_fd(listener) }))
        }
        Ok(0) if !heard => Ok(None),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Answers the next call that a filter has left to us, for a socket, with one that is connected already; returns its other end.
/// Nothing where whoever called is gone.
///
/// # Errors
/// What the kernel says; the call has then been refused.
pub fn connect_caller(listener: BorrowedFd<'_>) -> io::Result<Option<UnixStream>> {
    let (theirs, ours) = UnixStream::pair()?;
    // SAFETY: a structure of integers, for which zero is a value; the kernel asks for it zeroed.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills `call`, which is of the size that the request names.
    let got = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) };
    if got != 0 {
        let error = io::Error::last_os_error();
        let gone = [Some(libc::ENOENT), Some(libc::EINTR), Some(libc::EAGAIN)].contains(&error.raw_os_error());
        return if gone { Ok(None) } else { Err(error) };
    }
    let give = libc::seccomp_notif_addfd {
        id: call.id,
        flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
        srcfd: theirs.as_raw_fd().unsigned_abs(),
        newfd: 0,
        newfd_flags: libc::O_CLOEXEC.unsigned_abs(),
    };
    // SAFETY: the kernel reads `give`, which is of the size that the request names.
    let given = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const give) };
    if given >= 0 {
        return Ok(Some(ours));
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ENOENT) {
        return Ok(None);
    }
    // A kernel before 5.14 cannot answer with a descriptor at once; unanswered, the caller would wait for ever.
    let refuse = libc::seccomp_notif_resp { id: call.id, val: 0, error: -libc::EPERM, flags: 0 };
    // SAFETY: the kernel reads `refuse`, which is of the size that the request names.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const refuse) };
    Err(error)
}

/// Whether this thread already stands behind a seccomp filter (2), as `PR_GET_SECCOMP` says.
pub fn seccomp_mode() -> i32 {
    // SAFETY: prctl with integer arguments.
    unsafe { libc::prctl(libc::PR_GET_SECCOMP) }
}

/// Reduces every capability set and the bounding set of this process to `keep` (bit numbers).
///
/// # Errors
/// What the kernel says to capset. Dropping from the bounding set is not allowed to a process without CAP_SETPCAP; such a
/// process has nothing to gain from it either, as `no_new_privs` is set.
pub fn reduce_capabilities(keep: &[u32]) -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    const LAST_CAP: u32 = 63;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Sets {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    for cap in (0..=LAST_CAP).filter(|c| !keep.contains(c)) {
        // SAFETY: prctl with integer arguments. The first number that is refused is one that the kernel does not know, or
        // none of them may be dropped.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, cap, 0, 0, 0) } != 0 {
            break;
        }
    }
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut sets = [Sets::default(); 2];
    // SAFETY: version 3 takes a header and two sets, as laid out above; capget fills, capset reads them.
    unsafe {
        if libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let low: u32 = keep.iter().filter(|c| **c < 32).map(|c| 1u32 << c).fold(0, |a, b| a | b);
        for (set, mask) in sets.iter_mut().zip([low, 0]) {
            set.effective &= mask;
            set.permitted &= mask;
            set.inheritable = 0;
        }
        if libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    }
    Ok(())
}

/// Marks every descriptor from `first` on as closed at the next exec, but those in `keep`.
pub fn close_on_exec_from(first: RawFd, keep: &[RawFd]) {
    // SAFETY: close_range and fcntl take no pointers; CLOEXEC only sets a flag.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first as libc::c_uint,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
        );
        for fd in keep {
            libc::fcntl(*fd, libc::F_SETFD, 0);
        }
    }
}

/// Closes every descriptor from `first` on but `keep`: for a process that goes on without what it was forked with. What
/// owned them must not be dropped there any more.
pub fn close_all_from(first: RawFd, keep: RawFd) {
    let close = |from: RawFd, to: libc::c_uint| {
        // SAFETY: takes no pointers.
        unsafe { libc::syscall(libc::SYS_close_range, from as libc::c_uint, to, 0) };
    };
    if keep > first {
        close(first, (keep - 1) as libc::c_uint);
    }
    close(first.max(keep + 1), libc::c_uint::MAX);
}

/// Sets the soft and hard limit on core dumps to nothing: a dump of a tool holds its secrets.
pub fn forbid_core_dumps() {
    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
}

// --- terminals -------------------------------------------------------------------------------------------------------

/// Whether our process group is the terminal's foreground group.
pub fn in_foreground(terminal: BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: integer arguments only.
    unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) == libc::getpgrp() }
}

/// Throws away what was typed before the question was put.
pub fn flush_input(terminal: BorrowedFd<'_>) {
    use std::os::fd::AsRawFd;
    // SAFETY: integer arguments only.
    unsafe { libc::tcflush(terminal.as_raw_fd(), libc::TCIFLUSH) };
}

/// Whether two descriptors lead to one file, pipe or terminal.
pub fn is_one_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let place = |fd| nix::sys::stat::fstat(fd).map(|s| (s.st_dev, s.st_ino, s.st_rdev)).ok();
    place(one).is_some() && place(one) == place(other)
}

/// How many rows and columns a terminal has.
pub fn terminal_size(terminal: BorrowedFd<'_>) -> Option<libc::winsize> {
    use std::os::fd::AsRawFd;
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request writes one `winsize`, which lives longer than the call.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (done == 0).then_some(size)
}

/// Gives a terminal another size.
pub fn set_terminal_size(terminal: BorrowedFd<'_>, size: &libc::winsize) {
    use std::os::fd::AsRawFd;
    // SAFETY: the request reads one `winsize`, which lives longer than the call.
    unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, std::ptr::from_ref(size)) };
}

/// Makes a terminal the controlling one of this process, which leads a session that has none yet.
///
/// # Errors
/// What the kernel says: it is another session's.
pub fn take_terminal(terminal: BorrowedFd<'_>) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the request takes an integer.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

// --- the grammar of Postgres -------------------------------------------------------------------------------------------

/// Why the Postgres grammar refuses a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgSyntaxError {
    /// What the parser says.
    pub message: String,
    /// Where, counted in characters from 1; 0 where the parser does not say.
    pub cursor: usize,
}

/// `PgQueryError` of `pg_query.h`.
#[repr(C)]
struct PgQueryError {
    message: *mut c_char,
    funcname: *mut c_char,
    filename: *mut c_char,
    lineno: c_int,
    cursorpos: c_int,
    context: *mut c_char,
}

/// `PgQueryParseResult` of `pg_query.h`.
#[repr(C)]
struct PgQueryParseResult {
    parse_tree: *mut c_char,
    stderr_buffer: *mut c_char,
    error: *mut PgQueryError,
}

/// `PG_QUERY_DISABLE_STANDARD_CONFORMING_STRINGS` of `pg_query.h`.
const DISABLE_STANDARD_CONFORMING_STRINGS: c_int = 32;

unsafe extern "C" {
    fn pg_query_parse_opts(input: *const c_char, parser_options: c_int) -> PgQueryParseResult;
    fn pg_query_free_parse_result(result: PgQueryParseResult);
}

/// Parses `sql` by the grammar of the Postgres server; the tree comes as JSON.
///
/// The parser measures its own thread's stack and refuses what would not fit, so it needs a thread with a
/// stack of a known and ample size.
pub fn pg_parse(sql: &str, standard_conforming_strings: bool) -> Result<String, PgSyntaxError> {
    let options = if standard_conforming_strings { 0 } else { DISABLE_STANDARD_CONFORMING_STRINGS };
    let Ok(input) = CString::new(sql) else {
        let nul = sql.chars().position(|c| c == '\0').map_or(0, |at| at + 1);
        return Err(PgSyntaxError { message: String::from("a NUL byte in the text"), cursor: nul });
    };
    // SAFETY: `input` is a string that ends in NUL and outlives the call, which keeps no pointer to it.
    // The library keeps its state in thread-local storage, so calls from several threads do not meet.
    let result = unsafe { pg_query_parse_opts(input.as_ptr(), options) };
    // SAFETY: `error` is null or points to an error that lives until the result is freed below.
    let answer = match unsafe { result.error.as_ref() } {
        Some(error) => {
            // SAFETY: the message is null or a string that ends in NUL, and lives as long as the error.
            let message = unsafe { text(error.message) };
            Err(PgSyntaxError { message, cursor: usize::try_from(error.cursorpos).unwrap_or(0) })
        }
        None if result.parse_tree.is_null() => {
            Err(PgSyntaxError { message: String::from("the parser gave no answer"), cursor: 0 })
        }
        // SAFETY: without an error the tree is a string that ends in NUL and lives until the result is freed below.
        None => Ok(unsafe { text(result.parse_tree) }),
    };
    // SAFETY: the result came from the library, nothing points into it any longer, and it is freed once.
    unsafe { pg_query_free_parse_result(result) };
    answer
}

/// A copy of the C string `pointer`; empty for null.
///
/// # Safety
/// `pointer` is null or points to a string that ends in NUL and is not changed meanwhile.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for the pointer.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
