//! The cost of one guarded start, as a ratio to starting the same no-op program directly, in one run.
//!
//! Every variant is started in turn, round after round, so that all see the same machine; the medians are compared. The
//! guarded ones run in a mount namespace of their own, so that the record is a file of the bench's.
//!
//! Then what a session costs: its start, and the real terraform called in it beside the real terraform called directly.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;

struct Variant {
    name: &'static str,
    program: PathBuf,
    words: Vec<String>,
    times: Vec<Duration>,
}

fn variant(name: &'static str, program: impl Into<PathBuf>, words: &[&str]) -> Variant {
    Variant { name, program: program.into(), words: words.iter().map(|w| (*w).to_owned()).collect(), times: Vec::new() }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Starts this bench again where the record is a folder of its own.
fn in_a_place_of_its_own() {
    const MARK: &str = "SPRAG_BENCH_INSIDE";
    if std::env::var_os(MARK).is_some() {
        return;
    }
    let script = "d=$(getent passwd \"$(id -un)\" | cut -d: -f6)/.local/state/sprag; mkdir -p \"$d\" && \
                  t=$(mktemp -d) && mount --bind \"$t\" \"$d\" && \"$0\" \"$@\"; rc=$?; umount \"$d\"; rm -rf \"$t\"; exit $rc";
    let mut command = Command::new("unshare");
    if !nix::unistd::getuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--propagation", "private", "bash", "-c", script]);
    let status = command.arg(std::env::current_exe().unwrap()).env(MARK, "1").status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}

/// The start of a session, and calls in it.
fn bench_session(sprag: &Path, room: &Path, links: &Path) {
    const SESSIONS: usize = 20;
    const CALLS: u32 = 20;
    if which::which("terraform").is_err() {
        println!("terraform is not in PATH: calls in a session were not measured");
        return;
    }
    let work = room.join("work");
    std::fs::create_dir(&work).unwrap();
    let bare = std::env::var("PATH").unwrap();
    let guarded = format!("{}:{bare}", links.display());
    let calls = format!("for i in $(seq {CALLS}); do terraform version >/dev/null || exit 1; done");
    let run = |program: &Path, words: &[&str], path: &str| {
        let mut command = Command::new(program);
        command.args(words).current_dir(&work).env("PATH", path).env("CHECKPOINT_DISABLE", "1").stdin(Stdio::null());
        command.env_remove("TF_CLI_CONFIG_FILE").stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        assert!(command.status().unwrap().success());
        start.elapsed()
    };
    let [mut starts, mut inside, mut outside] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..SESSIONS {
        let start = run(sprag, &["run", "--", "/bin/true"], &guarded);
        starts.push(start);
        inside.push(run(sprag, &["run", "--", "bash", "-c", &calls], &guarded).saturating_sub(start) / CALLS);
        outside.push(run(Path::new("bash"), &["-c", &calls], &bare) / CALLS);
    }
    let [start, inside, outside] = [starts, inside, outside].map(|mut times| median(&mut times).as_secs_f64() * 1e3);
    println!("{start:8.1} ms  a session of /bin/true, from start to end");
    println!("{:8.2}  terraform version in a session ({inside:.1} ms) beside direct ({outside:.1} ms)", inside / outside);
}

fn main() {
    in_a_place_of_its_own();
    let sprag = Path::new(env!("CARGO_BIN_EXE_sprag"));
    let noop = sprag.parent().unwrap().join("examples/noop");
    assert!(noop.exists(), "{} is missing; start this by scripts/bench", noop.display());
    let room = tempfile::tempdir().unwrap();
    let (real, links) = (room.path().join("real"), room.path().join("links"));
    std::fs::create_dir(&real).unwrap();
    for tool in ["aws", "psql", "terraform", "rm", "git"] {
        std::fs::copy(&noop, real.join(tool)).unwrap();
    }
    let install =
        Command::new(sprag).args(["install", "--dir"]).arg(&links).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(install.unwrap().success());
    let path = format!("{}:{}:/usr/bin:/bin", links.display(), real.display());

    let mut variants = vec![
        variant("the no-op itself", real.join("aws"), &[]),
        variant("/bin/true, which is dynamic", "/bin/true", &[]),
        variant("guarded: aws sts get-caller-identity", links.join("aws"), &["sts", "get-caller-identity"]),
        variant("guarded: terraform version", links.join("terraform"), &["version"]),
        variant("guarded: psql -X -c 'select 1'", links.join("psql"), &["-X", "-c", "select 1"]),
        variant("guarded: aws s3 mb (a write, on disk before)", links.join("aws"), &["s3", "mb", "s3://b"]),
        variant("guarded: rm -f nothing", links.join("rm"), &["-f", "nothing"]),
        variant("guarded: git status", links.join("git"), &["status"]),
    ];
    if let Ok(bwrap) = which::which("bwrap") {
        let inner = real.join("aws");
        variants.push(variant("bwrap --ro-bind / /", &bwrap, &["--ro-bind", "/", "/", inner.to_str().unwrap()]));
        // As agents start it.
        let line = "--unshare-user --unshare-pid --unshare-net --die-with-parent --ro-bind / / --dev /dev --proc /proc --tmpfs /mnt";
        let words: Vec<&str> = line.split(' ').chain([inner.to_str().unwrap()]).collect();
        variants.push(variant("bwrap with name spaces", bwrap, &words));
    }
    for round in 0..=ROUNDS {
        for variant in &mut variants {
            let mut command = Command::new(&variant.program);
            command.args(&variant.words).env_clear().env("PATH", &path).stdin(Stdio::null()).stdout(Stdio::null());
            let start = Instant::now();
            let status = command.status().unwrap();
            let took = start.elapsed();
            assert!(status.success(), "{}: {status}", variant.name);
            // The first round warms the caches.
            if round > 0 {
                variant.times.push(took);
            }
        }
    }
    let floor = median(&mut variants[0].times).as_secs_f64();
    println!("{ROUNDS} rounds, medians; 1.00 is starting the no-op directly");
    for variant in &mut variants {
        let time = median(&mut variant.times).as_secs_f64();
        println!("{:6.2}  {:8.3} ms  {}", time / floor, time * 1e3, variant.name);
    }
    bench_session(sprag, room.path(), &links);
}
