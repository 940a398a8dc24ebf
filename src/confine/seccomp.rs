//! The system call filter: a deny list, looked up by binary search.
//!
//! Denied calls answer EPERM, so that a program which only probes goes on; `clone3` answers ENOSYS, because libc then falls
//! back to `clone`, whose flags a filter can read (behind clone3's pointer it cannot). A linear program of the same
//! list costs 0.24 ms a start (measured); a search costs nothing that can be measured.

use crate::profile::Profile;
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, c_long,
    sock_filter,
};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Calls above this number are x32's, a second door to every call on x86-64.
const X32: u32 = 0x4000_0000;
/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// The address families that are never needed: each is a way round Landlock's TCP rules or a piece of kernel with a
/// record of holes. VSOCK, ALG, PACKET, XDP, TIPC, BLUETOOTH, CAN, NFC, KCM, SMC.
const FAMILIES: [i32; 10] = [
    libc::AF_VSOCK,
    libc::AF_ALG,
    libc::AF_PACKET,
    libc::AF_XDP,
    libc::AF_TIPC,
    libc::AF_BLUETOOTH,
    libc::AF_CAN,
    libc::AF_NFC,
    41,
    43,
];
/// Landlock sees neither MPTCP nor SCTP (landlock-lsm/linux#54).
const PROTOCOLS: [i32; 2] = [262, libc::IPPROTO_SCTP];
/// `sendto` with this flag connects past Landlock (landlock-lsm/linux#41).
const FAST_OPEN: u32 = 0x2000_0000;
/// New name spaces: user, mount, pid, net, ipc, uts, cgroup.
const NAMESPACES: u32 = 0x7e02_0000;
/// Bits of a socket's type beside the type itself.
const TYPE_MASK: u32 = 0xf;

/// Denied outright, for every tool.
const DENIED: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_clock_settime,
    libc::SYS_settimeofday,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_personality,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_lookup_dcookie,
    // open_tree_attr
    467,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_sysfs,
];

/// Denied where a profile does not ask to change file modes: Landlock lets the mode, owner and attributes of a file it
/// hides be changed (measured).
const MODES: &[c_long] = &[
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    // fchmodat2, setxattrat, removexattrat, file_setattr
    452,
    463,
    466,
    469,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
];

/// What happens to one system call.
enum Action {
    /// It answers this error.
    Error(i32),
    /// Its arguments decide: each test that hits answers EPERM.
    Tests(Vec<Test>),
}

/// A test of the low 32 bits of an argument.
enum Test {
    /// Argument, and the value it must not have.
    Equal(u32, u32),
    /// Argument, and the value it must have.
    Other(u32, u32),
    /// The type that an internet socket (argument 0) must not have (argument 1); netlink's raw sockets are harmless.
    InetType(i32),
    /// The type that a UNIX socket (argument 0) must not have (argument 1), and what it answers.
    UnixType(i32, u32),
    /// Argument, and bits of which it must have none.
    AnyBit(u32, u32),
}

/// Whether calls from behind these walls come through the filter: no UNIX socket can be made there, and what answers them
/// is reached by one.
pub(super) fn brings_calls(profile: &Profile) -> bool {
    profile.answers && !profile.unix
}

fn code(c: u32) -> u16 {
    c as u16
}

fn statement(c: u32, k: u32) -> sock_filter {
    sock_filter { code: code(c), jt: 0, jf: 0, k }
}

fn jump(c: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code(BPF_JMP | c | BPF_K), jt, jf, k }
}

fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn error(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()
}

fn answer(errno: i32) -> sock_filter {
    statement(BPF_RET | BPF_K, error(errno))
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

/// The filter for a profile, ready to be installed.
pub(super) fn program(profile: &Profile) -> Vec<sock_filter> {
    let mut table = table(profile);
    table.sort_by_key(|(number, _)| *number);
    table.dedup_by_key(|(number, _)| *number);
    let mut program = vec![
        load(ARCH),
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        statement(BPF_RET | BPF_K, libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER),
        jump(BPF_JGE, X32, 0, 1),
        answer(libc::EPERM),
    ];
    program.extend(search(&table));
    program
}

fn table(profile: &Profile) -> Vec<(u32, Action)> {
    let number = |n: &c_long| u32::try_from(*n).unwrap_or(u32::MAX);
    let mut table: Vec<(u32, Action)> = DENIED.iter().map(|n| (number(n), Action::Error(libc::EPERM))).collect();
    if !profile.chmod {
        table.extend(MODES.iter().map(|n| (number(n), Action::Error(libc::EPERM))));
    }
    let word = |n: i32| n.unsigned_abs();
    let mut socket: Vec<Test> = FAMILIES.iter().map(|f| Test::Equal(0, word(*f))).collect();
    socket.extend(PROTOCOLS.iter().map(|p| Test::Equal(2, word(*p))));
    socket.push(Test::InetType(libc::SOCK_RAW));
    if brings_calls(profile) {
        socket.push(Test::UnixType(libc::SOCK_SEQPACKET, libc::SECCOMP_RET_USER_NOTIF));
    }
    if !profile.unix {
        socket.push(Test::Equal(0, word(libc::AF_UNIX)));
        // One of a pair can be sent from to any other; the connected kinds cannot.
        let pair = vec![Test::UnixType(libc::SOCK_DGRAM, error(libc::EPERM))];
        table.push((number(&libc::SYS_socketpair), Action::Tests(pair)));
    }
    if !profile.udp {
        socket.push(Test::InetType(libc::SOCK_DGRAM));
    }
    let terminal = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD];
    let terminal = terminal.iter().map(|t| Test::Equal(1, *t as u32)).collect();
    table.extend([
        (number(&libc::SYS_clone3), Action::Error(libc::ENOSYS)),
        (number(&libc::SYS_clone), Action::Tests(vec![Test::AnyBit(0, NAMESPACES)])),
        (number(&libc::SYS_socket), Action::Tests(socket)),
        (number(&libc::SYS_sendto), Action::Tests(vec![Test::AnyBit(3, FAST_OPEN)])),
        (number(&libc::SYS_sendmsg), Action::Tests(vec![Test::AnyBit(2, FAST_OPEN)])),
        (number(&libc::SYS_sendmmsg), Action::Tests(vec![Test::AnyBit(3, FAST_OPEN)])),
        (number(&libc::SYS_ioctl), Action::Tests(terminal)),
        // The limits of another process, one outside of the walls too.
        (number(&libc::SYS_prlimit64), Action::Tests(vec![Test::Other(0, 0)])),
    ]);
    table
}

/// The search over a sorted table; the number is in the accumulator, and every path ends in a return.
fn search(table: &[(u32, Action)]) -> Vec<sock_filter> {
    match table {
        [] => vec![statement(BPF_RET | BPF_K, ALLOW)],
        [(number, action)] => {
            let mut out = vec![jump(BPF_JEQ, *number, 1, 0), statement(BPF_RET | BPF_K, ALLOW)];
            out.extend(carry_out(action));
            out
        }
        _ => {
            let (left, right) = table.split_at(table.len() / 2);
            let first_right = right.first().map_or(0, |(n, _)| *n);
            let left = search(left);
            let over_left = u32::try_from(left.len()).unwrap_or(u32::MAX);
            // A conditional jump reaches 255 instructions, an unconditional one any number.
            let mut out = vec![jump(BPF_JGE, first_right, 0, 1), statement(BPF_JMP | BPF_JA, over_left)];
            out.extend(left);
            out.extend(search(right));
            out
        }
    }
}

fn carry_out(action: &Action) -> Vec<sock_filter> {
    match action {
        Action::Error(errno) => vec![answer(*errno)],
        Action::Tests(tests) => {
            let mut out: Vec<sock_filter> = tests.iter().flat_map(one_test).collect();
            out.push(statement(BPF_RET | BPF_K, ALLOW));
            out
        }
    }
}

fn one_test(test: &Test) -> Vec<sock_filter> {
    const ARGUMENT_SIZE: u32 = 8;
    let argument = |n: u32| load(ARGUMENTS + n * ARGUMENT_SIZE);
    let deny = answer(libc::EPERM);
    match *test {
        Test::Equal(n, value) => vec![argument(n), jump(BPF_JEQ, value, 0, 1), deny],
        Test::Other(n, value) => vec![argument(n), jump(BPF_JEQ, value, 1, 0), deny],
        Test::InetType(kind) => vec![
            argument(0),
            jump(BPF_JEQ, libc::AF_INET.unsigned_abs(), 1, 0),
            jump(BPF_JEQ, libc::AF_INET6.unsigned_abs(), 0, 4),
            argument(1),
            statement(BPF_ALU | BPF_AND | BPF_K, TYPE_MASK),
            jump(BPF_JEQ, kind.unsigned_abs(), 0, 1),
            deny,
        ],
        Test::UnixType(kind, answer) => vec![
            argument(0),
            jump(BPF_JEQ, libc::AF_UNIX.unsigned_abs(), 0, 4),
            argument(1),
            statement(BPF_ALU | BPF_AND | BPF_K, TYPE_MASK),
            jump(BPF_JEQ, kind.unsigned_abs(), 0, 1),
            statement(BPF_RET | BPF_K, answer),
        ],
        Test::AnyBit(n, bits) => vec![argument(n), jump(BPF_JSET, bits, 0, 1), deny],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a filter as the kernel would: number, architecture, arguments.
    fn run(program: &[sock_filter], number: u32, arch: u32, arguments: [u32; 6]) -> u32 {
        let (mut at, mut accumulator) = (0usize, 0u32);
        loop {
            let step = program[at];
            let kind = u32::from(step.code);
            at += 1;
            if kind == BPF_LD | BPF_W | BPF_ABS {
                accumulator = match step.k {
                    NUMBER => number,
                    ARCH => arch,
                    other => arguments[((other - ARGUMENTS) / 8) as usize],
                };
            } else if kind == BPF_RET | BPF_K {
                return step.k;
            } else if kind == BPF_ALU | BPF_AND | BPF_K {
                accumulator &= step.k;
            } else if kind == BPF_JMP | BPF_JA {
                at += step.k as usize;
            } else {
                let hit = match kind & 0xf0 {
                    BPF_JEQ => accumulator == step.k,
                    BPF_JGE => accumulator >= step.k,
                    BPF_JSET => accumulator & step.k != 0,
                    other => panic!("jump {other}"),
                };
                at += usize::from(if hit { step.jt } else { step.jf });
            }
        }
    }

    const EPERM: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

    fn verdict(number: c_long, arguments: [u32; 6]) -> u32 {
        run(&program(&Profile::default()), number as u32, ARCHITECTURE, arguments)
    }

    #[test]
    fn every_denied_call_is_denied_and_its_neighbours_are_not() {
        let denied: Vec<c_long> = DENIED.iter().chain(MODES).copied().collect();
        let conditional = [libc::SYS_clone3];
        for number in 0..500 {
            let want = if denied.contains(&number) {
                EPERM
            } else if conditional.contains(&number) {
                libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32
            } else {
                ALLOW
            };
            assert_eq!(verdict(number, [0; 6]), want, "system call {number}");
        }
    }

    #[test]
    fn another_architecture_is_killed_and_x32_refused() {
        let filter = program(&Profile::default());
        assert_eq!(run(&filter, 1, 0x4000_0003, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        assert_eq!(run(&filter, X32 + 1, ARCHITECTURE, [0; 6]), EPERM);
    }

    #[test]
    fn sockets_that_landlock_cannot_see_are_refused() {
        let socket = |a, b, c| verdict(libc::SYS_socket, [a, b, c, 0, 0, 0]);
        assert_eq!(socket(2, 1, 0), ALLOW, "TCP");
        assert_eq!(socket(2, 1, 262), EPERM, "MPTCP");
        assert_eq!(socket(2, 2 | 0x80000, 0), EPERM, "UDP with close-on-exec, in a profile without UDP");
        assert_eq!(socket(2, 3, 0), EPERM, "raw");
        assert_eq!(socket(10, 3, 0), EPERM, "raw, IPv6");
        assert_eq!(socket(libc::AF_NETLINK as u32, 3, 0), ALLOW, "netlink: libc asks it which addresses there are");
        assert_eq!(socket(1, 1, 0), EPERM, "UNIX, in a profile without");
        assert_eq!(socket(libc::AF_VSOCK as u32, 1, 0), EPERM);
        assert_eq!(verdict(libc::SYS_sendto, [0, 0, 0, FAST_OPEN, 0, 0]), EPERM);
        assert_eq!(verdict(libc::SYS_sendto, [0; 6]), ALLOW);
    }

    #[test]
    fn typing_into_a_terminal_and_new_name_spaces_are_refused() {
        assert_eq!(verdict(libc::SYS_ioctl, [0, libc::TIOCSTI as u32, 0, 0, 0, 0]), EPERM);
        assert_eq!(verdict(libc::SYS_ioctl, [0, libc::TIOCGWINSZ as u32, 0, 0, 0, 0]), ALLOW);
        assert_eq!(verdict(libc::SYS_clone, [0x1000_0000, 0, 0, 0, 0, 0]), EPERM, "user name space");
        assert_eq!(verdict(libc::SYS_clone, [0x0001_0f00, 0, 0, 0, 0, 0]), ALLOW, "a thread");
    }

    #[test]
    fn where_calls_are_answered_without_unix_sockets_one_kind_brings_them() {
        let filter = program(&Profile { answers: true, ..Profile::default() });
        let run = |n: c_long, a: [u32; 6]| run(&filter, n as u32, ARCHITECTURE, a);
        let unix = libc::AF_UNIX as u32;
        let brought = |kind: i32| run(libc::SYS_socket, [unix, kind as u32, 0, 0, 0, 0]);
        assert_eq!(brought(libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(brought(libc::SOCK_STREAM), EPERM);
        assert_eq!(brought(libc::SOCK_DGRAM), EPERM);
        let pair = |kind: i32| run(libc::SYS_socketpair, [unix, kind as u32, 0, 0, 0, 0]);
        assert_eq!(pair(libc::SOCK_DGRAM | libc::SOCK_NONBLOCK), EPERM, "it can be sent from to any other");
        assert_eq!(pair(libc::SOCK_STREAM), ALLOW);
        let open = program(&Profile { answers: true, unix: true, ..Profile::default() });
        let socket =
            |kind: i32| super::tests::run(&open, libc::SYS_socket as u32, ARCHITECTURE, [unix, kind as u32, 0, 0, 0, 0]);
        assert_eq!(socket(libc::SOCK_SEQPACKET), ALLOW);
    }

    #[test]
    fn the_limits_of_other_processes_are_theirs() {
        assert_eq!(verdict(libc::SYS_prlimit64, [0; 6]), ALLOW);
        assert_eq!(verdict(libc::SYS_prlimit64, [4321, 0, 0, 0, 0, 0]), EPERM);
    }

    #[test]
    fn a_profile_opens_what_it_names() {
        let open = Profile { unix: true, udp: true, chmod: true, ..Profile::default() };
        let filter = program(&open);
        let run = |n: c_long, a: [u32; 6]| run(&filter, n as u32, ARCHITECTURE, a);
        assert_eq!(run(libc::SYS_socket, [1, 1, 0, 0, 0, 0]), ALLOW);
        assert_eq!(run(libc::SYS_socket, [2, 2, 0, 0, 0, 0]), ALLOW);
        assert_eq!(run(libc::SYS_fchmodat, [0; 6]), ALLOW);
        assert_eq!(run(libc::SYS_ptrace, [0; 6]), EPERM);
    }
}
