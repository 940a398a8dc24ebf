//! Runs a command on a kernel that seems to lack a layer of the walls: `without landlock CMD…` or `without seccomp CMD…`, both
//! where both are named. What a test shows to be closed must be open again without the layer that closes it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's; what goes wrong must be seen")]
#![allow(clippy::indexing_slicing, reason = "a test's")]

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The calls that bring a layer, and what they answer: that there is none, or that it stands when it does not.
fn layer(name: &str) -> Option<(i64, i32)> {
    match name {
        "landlock" => Some((libc::SYS_landlock_create_ruleset, libc::ENOSYS)),
        "seccomp" => Some((libc::SYS_seccomp, 0)),
        _ => None,
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let layers: Vec<(i64, i32)> = words.iter().map_while(|word| layer(word)).collect();
    let command = &words[layers.len()..];
    let step = |code: u32, jf: u8, k: u32| sock_filter { code: code as u16, jt: 0, jf, k };
    let mut filter = vec![step(BPF_LD | BPF_W | BPF_ABS, 0, 0)];
    for (number, errno) in layers {
        filter.push(step(BPF_JMP | BPF_JEQ | BPF_K, 1, number as u32));
        filter.push(step(BPF_RET | BPF_K, 0, libc::SECCOMP_RET_ERRNO | errno as u32));
    }
    filter.push(step(BPF_RET | BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    nix::sys::prctl::set_no_new_privs().unwrap();
    sprag::sys::install_filter(&filter, false).unwrap();
    panic!("{}", Command::new(&command[0]).args(&command[1..]).exec());
}
