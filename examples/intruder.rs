//! A tool that tries what it was told to try, and says what the kernel answered: what `tests/walls.rs` puts in the place
//! of a real tool.
//!
//! Its orders stand in a variable that the tool's profile lets through (`TF_VAR_intrude`, `AWS_INTRUDE`, `PGAPPNAME`), or
//! in `INTRUDE`; parted by spaces, each `what` or `what:argument`. One line an order: the order, a tab, and `ok`, the
//! error's name, or what was found. Behind no walls every order succeeds, so that a test can tell a wall from a kernel
//! that would have refused anyway.
#![allow(unsafe_code, reason = "what the walls refuse are system calls, many of which no library wraps")]
#![allow(missing_docs, reason = "no library")]

use nix::errno::Errno;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::Command;

type Answer = Result<String, Errno>;

/// What `terraform show -json` says of the plan that this terraform never made: one thing would be created.
const PLAN: &str = r#"{"format_version":"1.2","resource_changes":[
    {"address":"null_resource.a","type":"null_resource","change":{"actions":["create"]}}]}"#;

fn main() {
    let words: Vec<_> = std::env::args_os().collect();
    if words.iter().any(|w| w == "show") {
        return println!("{PLAN}");
    }
    // A copy of this program, started only to see whether it starts.
    if words.len() == 2 && words[1] == "--version" {
        return;
    }
    let carriers = ["INTRUDE", "TF_VAR_intrude", "AWS_INTRUDE", "PGAPPNAME"];
    let Some((name, orders)) = carriers.iter().find_map(|name| Some((name, std::env::var(name).ok()?))) else { return };
    // What this program starts may be itself: it must not have the same orders, or it would start itself for ever.
    // SAFETY: this program has one thread.
    unsafe { std::env::remove_var(name) };
    for order in orders.split_whitespace() {
        let (what, argument) = order.split_once(':').unwrap_or((order, ""));
        let argument = argument.replace("$TMPDIR", &std::env::var("TMPDIR").unwrap_or_default());
        let answer = obey(what, &argument).unwrap_or_else(|e| format!("{e:?}"));
        println!("{order}\t{answer}");
    }
}

fn obey(what: &str, argument: &str) -> Answer {
    match what {
        "read" => done(File::open(argument)),
        "list" => done(std::fs::read_dir(argument)),
        "write" => done(OpenOptions::new().write(true).create(true).truncate(false).open(argument)),
        "truncate" => kernel(libc::SYS_truncate, &[text(argument).as_ptr() as usize, 0]),
        "remove" => done(std::fs::remove_file(argument)),
        "mkdir" => done(std::fs::create_dir(argument)),
        "rename" => done(std::fs::rename(pair(argument).0, pair(argument).1)),
        "link" => done(std::fs::hard_link(pair(argument).0, pair(argument).1)),
        "chmod" => kernel(libc::SYS_fchmodat, &[libc::AT_FDCWD as usize, text(argument).as_ptr() as usize, 0o700]),
        "exec" => execute(&[argument, "--version"]),
        "exec-by-loader" => execute_to_its_end(&[pair(argument).0, pair(argument).1, "--version"]),
        "exec-a-copy" => copy(pair(argument)).and_then(|()| execute(&[pair(argument).1, "--version"])),
        "exec-from-memory" => execute_from_memory(argument),
        "exec-without-words" => execute(&[argument, ""]),
        "run" => run(argument),
        "ptrace" => in_child(|| kernel(libc::SYS_ptrace, &[libc::PTRACE_TRACEME as usize, 0, 0, 0])),
        "read-memory" => read_own_memory(),
        "name-space" => in_child(|| kernel(libc::SYS_unshare, &[libc::CLONE_NEWUSER as usize])),
        "clone-name-space" => clone_into_a_name_space(),
        // Behind its pointer no filter sees the flags: it must answer as a kernel without it, then libc falls back.
        "clone3" => kernel(libc::SYS_clone3, &[0, 0]),
        "mount" => in_child(|| mount(argument)),
        "chroot" => in_child(|| kernel(libc::SYS_chroot, &[text(argument).as_ptr() as usize])),
        "handle" => name_to_handle(argument),
        "io-uring" => kernel(libc::SYS_io_uring_setup, &[1, [0u32; 30].as_mut_ptr() as usize]),
        "keyring" => kernel(libc::SYS_keyctl, &[0, -3i32 as usize, 1]),
        // USER_MODE_ONLY, which needs no capability.
        "page-faults" => kernel(libc::SYS_userfaultfd, &[1]),
        "personality" => kernel(libc::SYS_personality, &[0xffff_ffff]),
        "second-door" => kernel(libc::SYS_getpid | 0x4000_0000, &[]),
        "signal-parent" => kernel(libc::SYS_kill, &[nix::unistd::getppid().as_raw() as usize, 0]),
        "type-into-terminal" => kernel(libc::SYS_ioctl, &[0, libc::TIOCSTI as usize, c"x".as_ptr() as usize]),
        "line-discipline" => kernel(libc::SYS_ioctl, &[0, libc::TIOCSETD as usize, [0i32; 1].as_ptr() as usize]),
        "socket" => socket(argument),
        "family" => kernel(libc::SYS_socket, &[argument.parse().unwrap(), libc::SOCK_STREAM as usize, 0]),
        "connect" => done(TcpStream::connect(argument)),
        "bind" => done(TcpListener::bind("127.0.0.1:0")),
        "fast-open" => fast_open(argument),
        "abstract" => done(SocketAddr::from_abstract_name(argument).and_then(|a| UnixStream::connect_addr(&a))),
        "status" => Ok(status()),
        "descriptors" => Ok(descriptors()),
        "mode" => Ok(std::fs::metadata(argument).map_or_else(|e| e.to_string(), |m| format!("{:o}", m.mode() & 0o777))),
        "env" => Ok(std::env::var(argument).map_or_else(|_| "absent".to_owned(), |v| format!("={v}"))),
        "words" => Ok(std::env::args_os().map(|w| w.as_bytes().escape_ascii().to_string()).collect::<Vec<_>>().join(" ")),
        "longest-word" => Ok(std::env::args_os().map(|w| w.len()).max().unwrap_or(0).to_string()),
        "started-as" => Ok(started_as()),
        other => panic!("the intruder knows no `{other}`"),
    }
}

fn done<T>(result: io::Result<T>) -> Answer {
    result.map(|_| "ok".to_owned()).map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))
}

fn text(s: &str) -> CString {
    CString::new(s).unwrap()
}

/// The two halves of `a,b`.
fn pair(argument: &str) -> (&str, &str) {
    argument.split_once(',').unwrap()
}

/// Makes a system call.
fn kernel(number: libc::c_long, given: &[usize]) -> Answer {
    let mut a = [0usize; 6];
    a[..given.len()].copy_from_slice(given);
    // SAFETY: the callers hand over what the call takes; pointers lead to values that live until it returns.
    let answer = unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) };
    Errno::result(answer).map(|_| "ok".to_owned())
}

/// Does something that would change this process in one that ends after it.
fn in_child(what: impl FnOnce() -> Answer) -> Answer {
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Child => std::process::exit(what().err().map_or(0, |e| e as i32)),
        nix::unistd::ForkResult::Parent { child } => {
            let ended = nix::sys::wait::waitpid(child, None)?;
            let nix::sys::wait::WaitStatus::Exited(_, error) = ended else { panic!("{ended:?}") };
            if error == 0 { Ok("ok".to_owned()) } else { Err(Errno::from_raw(error)) }
        }
    }
}

/// Starts a program and says whether it could be started; the word after an empty one is no word at all.
fn execute(words: &[&str]) -> Answer {
    let argv: Vec<CString> = words.iter().map(|w| text(w)).collect();
    let argv = if words.get(1) == Some(&"") { &[] } else { argv.as_slice() };
    let path = text(words[0]);
    let null = OpenOptions::new().write(true).open("/dev/null").map_err(|_| Errno::ENODEV)?;
    let (mut heard, said) = io::pipe().map_err(|_| Errno::EMFILE)?;
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Child => {
            if !argv.is_empty() {
                nix::unistd::dup2_stdout(&null).and_then(|()| nix::unistd::dup2_stderr(&null)).unwrap();
            }
            let env: Vec<CString> = std::env::vars_os()
                .map(|(k, v)| CString::new([k.as_bytes(), b"=", v.as_bytes()].concat()).unwrap())
                .collect();
            let Err(error) = nix::unistd::execve(&path, argv, &env);
            (&said).write_all(&(error as i32).to_le_bytes()).unwrap();
            std::process::exit(1)
        }
        nix::unistd::ForkResult::Parent { child } => {
            drop(said);
            let mut error = Vec::new();
            heard.read_to_end(&mut error).unwrap();
            nix::sys::wait::waitpid(child, None)?;
            error.try_into().map_or(Ok("ok".to_owned()), |e| Err(Errno::from_raw(i32::from_le_bytes(e))))
        }
    }
}

/// Starts a program that starts another, and says how it ended: a loader that may not read its program leaves with 127.
fn execute_to_its_end(words: &[&str]) -> Answer {
    let output = Command::new(words[0]).args(&words[1..]).output();
    let output = output.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    Ok(if output.status.success() { "ok".to_owned() } else { format!("left with {:?}", output.status.code()) })
}

fn copy((from, to): (&str, &str)) -> Result<(), Errno> {
    let error = |e: io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(0));
    let mut program = File::open(from).map_err(error)?;
    let mut copy = OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(to).map_err(error)?;
    io::copy(&mut program, &mut copy).map(|_| ()).map_err(error)
}

/// Runs a program from a copy in memory, which no rule on a path can forbid: so reading it must be.
fn execute_from_memory(path: &str) -> Answer {
    let error = |e: io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(0));
    let mut program = File::open(path).map_err(error)?;
    let memory = nix::sys::memfd::memfd_create(c"copy", nix::sys::memfd::MFdFlags::empty())?;
    let mut copy = File::from(memory);
    io::copy(&mut program, &mut copy).map_err(error)?;
    copy.rewind().map_err(error)?;
    execute_to_its_end(&[&format!("/proc/self/fd/{}", copy.as_raw_fd()), "--version"])
}

/// Runs a program by its name, as a provisioner would: its exit code and the first line it says.
fn run(name: &str) -> Answer {
    let output = Command::new(name).arg("version").output();
    let output = output.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    let said = String::from_utf8_lossy(&output.stderr).lines().collect::<Vec<_>>().join(" / ");
    Ok(format!("left with {}: {said}", output.status.code().unwrap_or(-1)))
}

fn read_own_memory() -> Answer {
    let (from, mut to) = (7u8, 0u8);
    let there = libc::iovec { iov_base: (&raw const from).cast_mut().cast(), iov_len: 1 };
    let here = libc::iovec { iov_base: (&raw mut to).cast(), iov_len: 1 };
    let (here, there) = (&raw const here as usize, &raw const there as usize);
    kernel(libc::SYS_process_vm_readv, &[std::process::id() as usize, here, 1, there, 1, 0])
}

/// `clone` as libc makes it, with a new user name space for the child: in it, it could do anything.
fn clone_into_a_name_space() -> Answer {
    let flags = (libc::CLONE_NEWUSER | libc::SIGCHLD) as usize;
    // SAFETY: without a stack of its own the child goes on here like a fork's; it leaves at once.
    let answer = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if answer == 0 {
        std::process::exit(0);
    }
    Errno::result(answer).map(|_| "ok".to_owned())
}

fn mount(at: &str) -> Answer {
    kernel(libc::SYS_mount, &[c"none".as_ptr() as usize, text(at).as_ptr() as usize, c"tmpfs".as_ptr() as usize, 0, 0])
}

/// A handle opens a file past every folder above it.
fn name_to_handle(path: &str) -> Answer {
    // struct file_handle: bytes of the handle, its type, the handle itself.
    let (mut handle, mut mount) = ([0u32; 34], 0i32);
    handle[0] = 128;
    let (path, handle) = (text(path), handle.as_mut_ptr() as usize);
    kernel(
        libc::SYS_name_to_handle_at,
        &[libc::AT_FDCWD as usize, path.as_ptr() as usize, handle, &raw mut mount as usize, 0],
    )
}

fn socket(kind: &str) -> Answer {
    let (family, kind, protocol) = match kind {
        "tcp" => (libc::AF_INET, libc::SOCK_STREAM, 0),
        "mptcp" => (libc::AF_INET, libc::SOCK_STREAM, 262),
        "mptcp6" => (libc::AF_INET6, libc::SOCK_STREAM, 262),
        "raw" => (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        "packet" => (libc::AF_PACKET, libc::SOCK_RAW, 0),
        other => panic!("the intruder knows no socket `{other}`"),
    };
    kernel(libc::SYS_socket, &[family as usize, kind as usize, protocol as usize])
}

/// A connection that is made by sending, past Landlock's rule on connecting.
fn fast_open(to: &str) -> Answer {
    let std::net::SocketAddr::V4(to) = to.parse().unwrap() else { panic!("{to} is not IPv4") };
    // SAFETY: integer arguments; the descriptor is nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(to.ip().octets()) },
        sin_zero: [0; 8],
    };
    let (data, size) = (c"x".as_ptr() as usize, size_of_val(&address));
    let flags = libc::MSG_FASTOPEN as usize;
    kernel(libc::SYS_sendto, &[socket.as_raw_fd() as usize, data, 1, flags, &raw const address as usize, size])
}

/// What this process is: `name=value`, parted by spaces.
fn status() -> String {
    let prctl = |option: libc::c_int| {
        // SAFETY: these options take integers or nothing.
        unsafe { libc::prctl(option, 0, 0, 0, 0) }
    };
    let bounding = (0..64u32).filter(|cap| {
        // SAFETY: the option takes an integer.
        let kept = unsafe { libc::prctl(libc::PR_CAPBSET_READ, *cap, 0, 0, 0) };
        kept == 1
    });
    let bounding = bounding.fold(0u64, |set, cap| set | 1 << cap);
    let (mut header, mut sets) = ([0x2008_0522u32, 0], [[0u32; 3]; 2]);
    // SAFETY: version 3 takes a header of two and two sets of three words: effective, permitted, inheritable.
    unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    let mut death = 0i32;
    // SAFETY: the option fills an int.
    unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut death) };
    let (soft, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE).unwrap();
    format!(
        "no_new_privs={} seccomp={} effective={:x} permitted={:x} inheritable={:x} bounding={bounding:x} core={soft},{hard} \
         death={death}",
        prctl(libc::PR_GET_NO_NEW_PRIVS),
        prctl(libc::PR_GET_SECCOMP),
        u64::from(sets[0][0]) | u64::from(sets[1][0]) << 32,
        u64::from(sets[0][1]) | u64::from(sets[1][1]) << 32,
        u64::from(sets[0][2]) | u64::from(sets[1][2]) << 32,
    )
}

/// The open descriptors above standard error.
fn descriptors() -> String {
    let open = (3..1024).filter(|fd| {
        // SAFETY: F_GETFD takes no pointer and is defined for any number.
        let flags = unsafe { libc::fcntl(*fd, libc::F_GETFD) };
        flags != -1
    });
    let open: Vec<String> = open.map(|fd: i32| fd.to_string()).collect();
    if open.is_empty() { "none".to_owned() } else { open.join(",") }
}

/// The path by which the kernel was asked to execute this program.
fn started_as() -> String {
    // SAFETY: the kernel puts the string on the initial stack, where it stays.
    let path = unsafe { std::ffi::CStr::from_ptr(libc::getauxval(libc::AT_EXECFN) as *const libc::c_char) };
    std::ffi::OsString::from_vec(path.to_bytes().to_vec()).to_string_lossy().into_owned()
}
