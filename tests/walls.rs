//! The walls, tried from inside: a program that does what no tool should (`examples/intruder.rs`) stands in the place of
//! the real tool, and every attempt is made twice, behind the walls and without sprag. Behind them the kernel must refuse;
//! without them it must not, so that each test fails when its wall is taken away and none passes because of the machine.

mod fixture;

use fixture::{Place, Ran, binary, need};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tool whose place the intruder takes.
struct Tool {
    name: &'static str,
    /// A call that only reads.
    call: &'static str,
    /// The variable that carries the orders, which the tool's profile lets through.
    orders: &'static str,
}

const TERRAFORM: Tool = Tool { name: "terraform", call: "terraform plan", orders: "TF_VAR_intrude" };
const AWS: Tool = Tool { name: "aws", call: "aws sts get-caller-identity", orders: "AWS_INTRUDE" };
const PSQL: Tool = Tool { name: "psql", call: "psql -X -l", orders: "PGAPPNAME" };
const TOOLS: [Tool; 3] = [TERRAFORM, AWS, PSQL];

/// The folders and variables of every script: `$OUT` is a folder that no profile names, `$H` the home that sprag goes by.
const PRELUDE: &str = r#"H=$(getent passwd "$(id -u)" | cut -d: -f6); WORK=$PWD
    mkdir -p -m 700 "$H/.ssh" && mount --bind "$OUT/ssh" "$H/.ssh""#;

/// A place where the intruder stands in PATH behind the links, under every tool's name.
struct Scene(Place);

/// The program itself, which cargo builds beside the tests.
fn intruder() -> PathBuf {
    let program = binary().parent().unwrap().join("examples/intruder");
    let written = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/intruder.rs");
    let fresh = written(&program) >= written(&source);
    assert!(fresh, "{} is missing or old; `cargo test` builds it, or `cargo build --examples`", program.display());
    program
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        std::fs::create_dir(place.path("fake")).unwrap();
        for name in ["terraform", "aws", "psql", "other"] {
            std::fs::copy(intruder(), place.path("fake").join(name)).unwrap();
        }
        std::fs::create_dir_all(place.path("out/tmp")).unwrap();
        for file in ["out/ssh/id_ed25519", "out/file", "out/other"] {
            place.write(file, "not yours");
        }
        std::fs::copy(intruder(), place.path("out/program")).unwrap();
        Scene(place)
    }

    /// Runs a script with the links first in PATH, or with the intruder itself.
    fn run(&self, guarded: bool, script: &str) -> Ran {
        self.run_with(guarded, script, |_| {})
    }

    /// The same, the command adapted before it starts.
    fn run_with(&self, guarded: bool, script: &str, adapt: impl FnOnce(&mut Command)) -> Ran {
        let (links, fake, out) = (self.0.path("links"), self.0.path("fake"), self.0.path("out"));
        let path = if guarded { format!("{}:{}", links.display(), fake.display()) } else { fake.display().to_string() };
        let set = format!("OUT='{}' LINKS='{}' TMPDIR=$OUT/tmp", out.display(), links.display());
        let script = format!("{set}; export TMPDIR; {PRELUDE} && export PATH='{path}':\"$PATH\" && {script}");
        let mut command = self.0.command(&script, guarded);
        adapt(&mut command);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What the kernel answered to each order of a call, whose words may set more before it.
    fn answers(&self, guarded: bool, tool: &Tool, call: &str, orders: &[&str]) -> Vec<String> {
        let ran = self.run(guarded, &format!("export {}=\"{}\" && {call}", tool.orders, orders.join(" ")));
        let answers: Vec<String> =
            ran.stdout.lines().filter_map(|l| l.rsplit_once('\t')).map(|(_, answer)| answer.to_owned()).collect();
        assert_eq!(answers.len(), orders.len(), "`{call}`, guarded {guarded}: every order is answered once: {ran:?}");
        answers
    }

    /// Asserts that the kernel refuses each order behind the walls, and that without them it is carried out.
    fn refuses(&self, tool: &Tool, call: &str, orders: &[&str]) {
        let guarded = self.answers(true, tool, call, orders);
        let bare = self.answers(false, tool, call, orders);
        for ((order, guarded), bare) in orders.iter().zip(guarded).zip(bare) {
            // EXDEV is what Landlock says of a link or a move between folders of different rights.
            let refusals: &[&str] = if order.contains(',') { &["EACCES", "EPERM", "EXDEV"] } else { &["EACCES", "EPERM"] };
            assert!(refusals.contains(&guarded.as_str()), "`{call}` may `{order}` behind the walls: {guarded}");
            assert_eq!(bare, "ok", "`{order}` fails without walls too, so that `{call}` proves nothing");
        }
    }

    /// Asserts that each order is carried out behind the walls.
    fn allows(&self, tool: &Tool, call: &str, orders: &[&str]) {
        for (order, answer) in orders.iter().zip(self.answers(true, tool, call, orders)) {
            assert_eq!(answer, "ok", "`{call}` must be able to `{order}` behind the walls");
        }
    }
}

#[test]
fn no_tool_opens_the_keys_of_ssh_or_what_sprag_keeps() {
    let scene = Scene::new();
    for tool in &TOOLS {
        let orders = ["read:$H/.ssh/id_ed25519", "list:$H/.ssh", "list:$H", "read:/etc/shadow", "read:$OUT/file"];
        scene.allows(tool, tool.call, &["write:\\$TMPDIR/a", "read:\\$TMPDIR/a"]);
        scene.refuses(tool, tool.call, &orders);
        scene.refuses(tool, tool.call, &["read:$H/.local/state/sprag/record.jsonl", "list:$H/.local/state/sprag"]);
    }
    scene.allows(&TERRAFORM, TERRAFORM.call, &["list:$WORK", "read:/etc/hosts"]);
}

#[test]
fn a_plan_writes_in_its_own_folder_and_nowhere_else() {
    let scene = Scene::new();
    let outside = [
        "write:$OUT/new",
        "write:$OUT/file",
        "truncate:$OUT/file",
        "mkdir:$OUT/folder",
        "link:$OUT/file,$WORK/link",
        "rename:$OUT/other,$WORK/other",
        "remove:$OUT/file",
        "write:$OUT/tmp/not-its-own",
        "write:$H/.local/state/sprag/planted",
        "write:/etc/sprag/planted",
    ];
    for call in ["terraform plan", "terraform version"] {
        let scene = Scene::new();
        scene.refuses(&TERRAFORM, call, &outside);
        scene.allows(&TERRAFORM, call, &["write:$WORK/.terraform.tfstate.lock.info", "mkdir:$WORK/.terraform"]);
    }
    scene.refuses(&TERRAFORM, "terraform init", &outside);
}

#[test]
fn a_read_leaves_the_workspace_alone_and_a_write_may_change_it() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.0.path("work/.git")).unwrap();
    std::fs::create_dir_all(scene.0.path("work/prod")).unwrap();
    scene.0.write("work/modules/main.tf", "");
    let inside = |call: &str| format!("cd prod && {call}");
    let orders = ["write:$WORK/modules/main.tf", "write:$WORK/new", "remove:$WORK/modules/main.tf"];
    scene.refuses(&TERRAFORM, &inside("terraform plan"), &orders);
    scene.0.write("work/modules/main.tf", "");
    scene.allows(&TERRAFORM, &inside("terraform plan"), &["read:$WORK/modules/main.tf", "write:$WORK/prod/errored.tfstate"]);
    scene.allows(&TERRAFORM, &inside("terraform init"), &orders);
    scene.refuses(&AWS, AWS.call, &["write:$WORK/read-only"]);
    scene.refuses(&PSQL, PSQL.call, &["write:$WORK/by-a-select"]);
    scene.allows(&AWS, "aws s3 cp s3://b/k here", &["write:$WORK/here"]);
}

#[test]
fn a_machine_gives_a_tool_more_and_a_failing_tool_says_what_it_has_not() {
    need("psql");
    let scene = Scene::new();
    let out = scene.0.path("out").canonicalize().unwrap();
    let connect = format!("psql -X 'host=127.0.0.1 port=9 sslrootcert={}/file' -c 'select 1'", out.display());
    let failed = scene.0.run(&connect);
    assert_eq!(failed.code, 2, "{failed:?}");
    let line = format!("sprag: psql has no `{0}/file` behind its walls, which may be why it failed", out.display());
    assert!(failed.stderr.lines().any(|l| l.starts_with(&line)), "{}", failed.stderr);
    scene.refuses(&PSQL, PSQL.call, &["read:$OUT/file", "write:$OUT/file"]);
    let given = format!("version = 1\n[profile.psql]\nread = [\"{}\"]\n", out.display());
    // Only the system's file gives.
    scene.0.write("work/.sprag/policy.toml", &given);
    scene.0.write("config/policy.toml", &given);
    let refused = scene.0.run("psql -X -c 'delete from t where id = 1'");
    assert_eq!(refused.code, 78, "{refused:?}");
    assert!(refused.stderr.contains("`[profile]` belongs in /etc/sprag/policy.toml"), "{}", refused.stderr);
    for file in ["work/.sprag/policy.toml", "config/policy.toml"] {
        std::fs::remove_file(scene.0.path(file)).unwrap();
    }
    scene.0.policy(&given);
    scene.allows(&PSQL, PSQL.call, &["read:$OUT/file"]);
    scene.refuses(&PSQL, PSQL.call, &["write:$OUT/file"]);
    scene.refuses(&AWS, AWS.call, &["read:$OUT/file"]);
    let failed = scene.0.run(&connect);
    assert!(failed.code == 2 && !failed.stderr.contains("behind its walls"), "{failed:?}");
}

#[test]
fn an_apply_may_write_what_its_plan_may_not() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.0.path("work/.git")).unwrap();
    let order = "export TF_VAR_intrude=\"write:$WORK/outside-the-folder\" && mkdir prod && cd prod && ";
    let ran = scene.run(true, &format!("{order} terraform apply -auto-approve"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let answers: Vec<&str> = ran.stdout.lines().filter_map(|l| l.split_once('\t')).map(|(_, a)| a).collect();
    assert_eq!(answers, ["EACCES", "ok"], "first the plan, then the apply: {ran:?}");
}

#[test]
fn only_programs_that_the_shim_lists_are_run() {
    need("find");
    let scene = Scene::new();
    let loader = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"].into_iter().find(|l| Path::new(l).exists());
    let loader = loader.expect("these tests know the loaders of x86-64 and aarch64");
    for tool in &TOOLS {
        let not_listed = [
            "exec:/usr/bin/find",
            "exec:$OUT/program",
            "exec-a-copy:$OUT/program,$WORK/copy",
            "exec-from-memory:/usr/bin/find",
            // every tool is its own alone
            "exec:$OUT/../fake/other",
        ];
        scene.refuses(tool, tool.call, &not_listed);
        // The loader itself may run, and cannot open the program that it is given.
        let order = format!("exec-by-loader:{loader},/usr/bin/find");
        assert_eq!(scene.answers(true, tool, tool.call, &[&order]), ["left with Some(127)"], "{}", tool.name);
        assert_eq!(scene.answers(false, tool, tool.call, &[&order]), ["ok"]);
    }
    // What may be read may not be run: aws and psql have no business with programs in their folder. terraform has.
    std::fs::copy(intruder(), scene.0.path("work/program")).unwrap();
    for tool in [&AWS, &PSQL] {
        scene.refuses(tool, tool.call, &["exec:$WORK/program"]);
        scene.allows(tool, tool.call, &["read:$WORK/program"]);
    }
    scene.allows(&TERRAFORM, TERRAFORM.call, &["exec:$WORK/program", "exec:/usr/bin/env", "exec:/bin/sh"]);
}

#[test]
fn no_folder_of_programs_is_opened_by_a_link_a_variable_or_standing_in_it() {
    let (find, key) = ("exec:/usr/bin/find", "read:$H/.ssh/id_ed25519");
    for (before, order) in [
        ("ln -s /usr .terraform", find),
        ("ln -s / .terraform", find),
        ("ln -s /usr/bin .terraform", find),
        ("ln -s \"$OUT\" .terraform", "exec:$OUT/program"),
        ("ln -s \"$H/.ssh\" .terraform", key),
        ("mkdir terraform.d && ln -s \"$H/.ssh\" terraform.d/plugins", key),
        ("mkdir terraform.d && ln -s /usr/bin terraform.d/plugins", find),
        ("mkdir data && ln -s /usr/bin data/modules && export TF_DATA_DIR=$WORK/data", find),
        ("cd /usr", find),
        ("cd /", find),
    ] {
        let scene = Scene::new();
        scene.refuses(&TERRAFORM, &format!("{{ {before}; }} 2>/dev/null; terraform plan"), &[order]);
    }
}

#[test]
fn a_tool_that_works_in_a_home_or_above_it_does_not_get_all_of_it() {
    let scene = Scene::new();
    let orders = ["read:$H/.ssh/id_ed25519", "read:$H/.local/state/sprag/record.jsonl", "read:/etc/shadow"];
    for folder in ["$H", "$H/..", "/"] {
        for tool in &TOOLS {
            scene.refuses(tool, &format!("cd \"{folder}\" && {}", tool.call), &orders);
        }
    }
    // A new file is written through its folder.
    let orders = ["read:$H/.ssh/id_ed25519", "write:$H/.ssh/authorized_keys", "write:$H/.local/state/sprag/planted"];
    scene.refuses(&TERRAFORM, "terraform plan -out=\"$H/p.bin\"", &orders);
    scene.refuses(&TERRAFORM, "terraform plan -out=/p.bin", &orders);
    scene.refuses(&AWS, "aws s3 cp s3://b/k \"$H/k\"", &orders);
}

#[test]
fn system_calls_that_reach_into_the_kernel_or_others_are_refused() {
    let scene = Scene::new();
    let orders = [
        "ptrace",
        "read-memory",
        "name-space",
        "clone-name-space",
        "mount:$OUT/tmp",
        "chroot:$OUT",
        "handle:$OUT/file",
        "io-uring",
        "keyring",
        "page-faults",
        "personality",
        "signal-parent",
        "socket:mptcp",
        "socket:mptcp6",
        "socket:raw",
        "socket:packet",
    ];
    for tool in &TOOLS {
        scene.refuses(tool, tool.call, &orders);
        scene.allows(tool, tool.call, &["socket:tcp"]);
    }
    assert_eq!(scene.answers(true, &AWS, AWS.call, &["clone3"]), ["ENOSYS"]);
    assert_ne!(scene.answers(false, &AWS, AWS.call, &["clone3"]), ["ENOSYS"]);
    // The same call under x32's number: the kernel may not know it, the filter refuses it before that.
    if cfg!(target_arch = "x86_64") {
        assert_eq!(scene.answers(true, &AWS, AWS.call, &["second-door"]), ["EPERM"]);
        assert_ne!(scene.answers(false, &AWS, AWS.call, &["second-door"]), ["EPERM"]);
    }
    // VSOCK, ALG, PACKET, XDP, TIPC, BLUETOOTH, CAN, NFC, KCM, SMC: this kernel may not have them, the filter comes first.
    let families = [40, 38, 17, 44, 30, 31, 29, 39, 41, 43].map(|number| format!("family:{number}"));
    let families: Vec<&str> = families.iter().map(String::as_str).collect();
    for tool in &TOOLS {
        assert_eq!(scene.answers(true, tool, tool.call, &families), ["EPERM"; 10], "{}", tool.name);
        assert!(!scene.answers(false, tool, tool.call, &families).contains(&"EPERM".to_owned()));
    }
    scene.refuses(&AWS, AWS.call, &["chmod:$OUT/file"]);
    scene.refuses(&PSQL, PSQL.call, &["chmod:$OUT/file"]);
}

#[test]
fn nothing_is_typed_into_the_terminal() {
    need("setsid");
    let scene = Scene::new();
    let mut answers = [true, false].map(|guarded| {
        let terminal = nix::pty::openpty(None, None).unwrap();
        let script = "export TF_VAR_intrude=\"type-into-terminal line-discipline\" && setsid --ctty --wait terraform plan";
        let ran = scene.run_with(guarded, script, |command| {
            command.stdin(terminal.slave.try_clone().unwrap());
        });
        ran.stdout
    });
    answers.sort();
    assert_eq!(answers[0], "type-into-terminal\tEPERM\nline-discipline\tEPERM\n");
    assert_eq!(answers[1], "type-into-terminal\tok\nline-discipline\tok\n");
}

#[test]
fn only_the_ports_of_the_shim_and_of_the_call_are_connected_to() {
    let scene = Scene::new();
    let (one, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let order = |what: &str, listener: &TcpListener| format!("{what}:{}", listener.local_addr().unwrap());
    let endpoint = format!("aws --endpoint-url http://{} sts get-caller-identity", one.local_addr().unwrap());
    let by_flag = format!("psql -X -l -h 127.0.0.1 -p {}", one.local_addr().unwrap().port());
    let by_variable = format!("PGPORT={} psql -X -l", one.local_addr().unwrap().port());
    for (tool, named) in [(&AWS, &[&endpoint][..]), (&PSQL, &[&by_flag, &by_variable])] {
        scene.refuses(tool, tool.call, &[&order("connect", &one), &order("fast-open", &one), "bind"]);
        for call in named {
            scene.allows(tool, call, &[&order("connect", &one)]);
            scene.refuses(tool, call, &[&order("connect", &other)]);
        }
    }
    // Where terraform's providers connect to is not known beforehand.
    scene.allows(&TERRAFORM, TERRAFORM.call, &[&order("connect", &one)]);
    scene.refuses(&TERRAFORM, TERRAFORM.call, &[&order("fast-open", &one)]);
}

#[test]
fn a_socket_without_a_path_outside_the_walls_is_out_of_reach() {
    let scene = Scene::new();
    let name = format!("sprag-walls-{}", std::process::id());
    let _listening = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    for tool in &TOOLS {
        scene.refuses(tool, tool.call, &[&format!("abstract:{name}")]);
    }
}

#[test]
fn the_tool_gains_nothing_and_ends_with_its_guard() {
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID: what a root in a dev container needs for files of another uid.
    const KEPT: u64 = 0b1_1011;
    let scene = Scene::new();
    for (tool, end) in [(&TERRAFORM, libc::SIGINT), (&AWS, libc::SIGTERM), (&PSQL, libc::SIGTERM)] {
        let call = format!("ulimit -S -c \"$(ulimit -H -c)\" && {}", tool.call);
        let [guarded, bare] =
            [true, false].map(|guarded| fields(&scene.answers(guarded, tool, &call, &["status"]).remove(0)));
        for set in ["effective", "permitted", "inheritable", "bounding"] {
            let caps = |fields: &Fields| u64::from_str_radix(&fields[set], 16).unwrap();
            assert_eq!(caps(&guarded) & !KEPT, 0, "{}: the {set} set: {guarded:?}", tool.name);
            assert!(set == "inheritable" || caps(&bare) & !KEPT != 0, "without walls the {set} set is larger: {bare:?}");
        }
        for (name, within, without) in
            [("no_new_privs", "1", "0"), ("seccomp", "2", "0"), ("core", "0,0", ""), ("death", &end.to_string(), "0")]
        {
            assert_eq!(guarded[name], within, "{}: {name}: {guarded:?}", tool.name);
            assert!(without.is_empty() || bare[name] == without, "{name}, without walls: {bare:?}");
        }
        assert!(!bare["core"].starts_with("0,"), "this machine allows no core dumps anyway: {bare:?}");
    }
}

type Fields = std::collections::BTreeMap<String, String>;

fn fields(status: &str) -> Fields {
    status.split(' ').filter_map(|f| f.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn of_the_callers_descriptors_only_the_named_ones_arrive() {
    let scene = Scene::new();
    for tool in &TOOLS {
        let call = format!("exec 9<\"$OUT/file\" && {}", tool.call);
        assert_eq!(scene.answers(true, tool, &call, &["descriptors"]), ["none"], "{}", tool.name);
        let bare = scene.answers(false, tool, &call, &["descriptors"]).remove(0);
        assert!(bare.split(',').any(|fd| fd == "9"), "descriptor 9 does not arrive without sprag either: {bare}");
    }
    let named = "exec 9<\"$OUT/file\" 8<\"$OUT/other\" && terraform plan -var-file=/dev/fd/9";
    assert_eq!(scene.answers(true, &TERRAFORM, named, &["descriptors"]), ["9"]);
}

#[test]
fn every_run_has_a_folder_for_what_passes_and_it_is_gone_afterwards() {
    let scene = Scene::new();
    let mut seen = Vec::new();
    for tool in [&TERRAFORM, &TERRAFORM, &AWS, &PSQL] {
        let orders = ["env:TMPDIR", "mode:\\$TMPDIR", "mode:\\$TMPDIR/.."];
        let answers = scene.answers(true, tool, tool.call, &orders);
        let folder = answers[0].strip_prefix('=').unwrap();
        // go-plugin puts a socket below it, and the path of a socket ends at 108 bytes.
        assert!(folder.len() <= 40, "{folder}");
        assert_eq!(answers[2], "700", "nobody else may look into {folder}");
        assert!(!Path::new(folder).parent().unwrap().exists(), "{folder} is still there");
        assert!(!seen.contains(&folder.to_owned()), "{folder} was given twice");
        seen.push(folder.to_owned());
    }
    // What the tool leaves behind goes too, and a caller's own TMPDIR is left as it is.
    let orders = ["env:TMPDIR", "mkdir:\\$TMPDIR/a", "write:\\$TMPDIR/a/b"];
    let answers = scene.answers(true, &TERRAFORM, "terraform init", &orders);
    assert_eq!(answers[1..], ["ok", "ok"]);
    assert!(!Path::new(&answers[0][1..]).exists());
    assert_eq!(std::fs::read_dir(scene.0.path("out/tmp")).unwrap().count(), 0);
}

#[test]
fn only_variables_that_the_profile_lets_through_arrive() {
    const SET: &str = "f() { :; } && export -f f && export BASH_ENV=/dev/null LD_PRELOAD=/x.so LD_LIBRARY_PATH=/x GIT_SSH=/x \
        NODE_OPTIONS=x PERL5OPT=-w SPRAG_FORMAT=words TF_LOG_PATH=/x TF_REATTACH_PROVIDERS= PYTHONPATH=/x \
        AWS_REGION=r PGHOST=h RANDOM_NAME=y KUBECONFIG=/k";
    let never = ["LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "BASH_FUNC_f%%", "GIT_SSH", "NODE_OPTIONS", "PERL5OPT"];
    let always = ["HOME", "PATH", "TMPDIR"];
    let scene = Scene::new();
    for (tool, passes, stops) in [
        (
            &TERRAFORM,
            &["RANDOM_NAME", "AWS_REGION", "PGHOST", "KUBECONFIG"][..],
            &["TF_LOG_PATH", "TF_REATTACH_PROVIDERS", "SPRAG_FORMAT"][..],
        ),
        (&AWS, &["AWS_REGION"], &["RANDOM_NAME", "PGHOST", "PYTHONPATH", "SPRAG_FORMAT"]),
        (&PSQL, &["PGHOST"], &["RANDOM_NAME", "AWS_REGION", "KUBECONFIG", "SPRAG_FORMAT"]),
    ] {
        let names: Vec<&str> = never.iter().chain(stops).chain(&always).chain(passes).copied().collect();
        let orders: Vec<String> = names.iter().map(|n| format!("env:{n}")).collect();
        let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
        let call = format!("{SET} && {}", tool.call);
        let guarded = scene.answers(true, tool, &call, &orders);
        for ((name, answer), bare) in names.iter().zip(&guarded).zip(scene.answers(false, tool, &call, &orders)) {
            let arrives = always.contains(name) || passes.contains(name);
            assert_eq!(answer != "absent", arrives, "{}: {name}: {answer}", tool.name);
            assert_ne!(bare, "absent", "{name} does not arrive without sprag either");
        }
    }
}

#[test]
fn a_guarded_tool_that_is_called_from_inside_is_refused_with_words() {
    let scene = Scene::new();
    // aws starts nothing that is guarded, so its walls answer nobody.
    let answers = scene.answers(true, &AWS, AWS.call, &["run:aws", "run:psql", "run:terraform"]);
    for (name, answer) in ["aws", "psql", "terraform"].iter().zip(&answers) {
        assert!(answer.starts_with("left with 71: sprag: refused: "), "{answer}");
        assert!(answer.contains(&format!("`{name}` was called from inside another guarded tool")), "{answer}");
        assert!(answer.ends_with("nothing was run"), "{answer}");
    }
    // terraform's answer: the call is judged outside, where `version` is no word of aws.
    let answers = scene.answers(true, &TERRAFORM, TERRAFORM.call, &["run:aws"]);
    assert!(answers[0].starts_with("left with 75: sprag: refused: `aws version` would"), "{answers:?}");
    // Past the folder that says so, the walls of the outer tool still stand round the inner one.
    let answers = scene.answers(true, &TERRAFORM, TERRAFORM.call, &["run:$LINKS/terraform", "run:$OUT/../fake/aws"]);
    assert!(answers[0].starts_with("left with 71: sprag: refused: "), "{answers:?}");
    assert_eq!(answers[1], "EACCES");
    assert!(scene.answers(false, &TERRAFORM, TERRAFORM.call, &["run:aws"])[0].starts_with("left with 0"));
}

#[test]
fn the_tool_is_run_by_the_descriptor_that_was_judged_and_under_its_own_words() {
    let scene = Scene::new();
    let answers = scene.answers(true, &TERRAFORM, "terraform plan -var 'a=b c'", &["started-as", "words"]);
    assert!(answers[0].starts_with("/dev/fd/"), "the kernel was handed a path, which could be swapped: {}", answers[0]);
    assert_eq!(answers[1], "terraform plan -var a=b c");
    let bare = scene.answers(false, &TERRAFORM, TERRAFORM.call, &["started-as"]);
    assert!(bare[0].ends_with("/fake/terraform"), "{bare:?}");
}
