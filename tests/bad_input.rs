//! What is wrong from outside: policies and shim files that cannot be used, words no tool was made for, full disks,
//! folders that are gone, tools that are missing. Each has its exit code and a message that says what to mend; nothing is
//! run that was not judged, and nothing on record is lost.

mod fixture;

use fixture::{Place, Ran, binary, need};
use std::os::unix::fs::PermissionsExt;

/// A call that only reads, and one that writes.
const READ: &str = "terraform version";
const WRITE: &str = "terraform init";

/// A place whose real tools only say that they ran.
struct Scene(Place);

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        let script = place.write("fake/terraform", "#!/bin/sh\necho \"ran $*\"\n");
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::copy(&script, place.path("fake/aws")).unwrap();
        std::fs::create_dir(place.path("out")).unwrap();
        Scene(place)
    }

    /// Runs a script; `$STATE`, `$ETC` and `$CONFIG` are sprag's folders, `$OUT` is one that nobody cares for.
    fn run(&self, script: &str) -> Ran {
        let set: Vec<String> =
            ["state", "etc", "config", "out", "links", "fake"].iter().map(|name| self.variable(name)).collect();
        self.0.run(&format!("{} PATH=\"$LINKS:$FAKE:$PATH\"; export PATH; {script}", set.join(" ")))
    }

    fn variable(&self, folder: &str) -> String {
        let at = match folder {
            // The record is where the password database says, whatever is mounted there.
            "state" => "$(getent passwd \"$(id -u)\" | cut -d: -f6)/.local/state/sprag".to_owned(),
            other => self.0.path(other).display().to_string(),
        };
        format!("{}={at}", folder.to_uppercase())
    }

    /// Asserts that a call is refused with a code and words, and that nothing was run.
    fn refused(&self, script: &str, code: i32, words: &[&str]) -> Ran {
        let ran = self.run(script);
        assert_eq!(ran.code, code, "`{script}`: {ran:?}");
        assert!(ran.stderr.starts_with("sprag: refused: "), "`{script}`: {ran:?}");
        assert!(ran.stderr.ends_with("\n  nothing was run\n"), "`{script}`: {ran:?}");
        assert!(!ran.stdout.contains("ran "), "`{script}`: {ran:?}");
        for word in words {
            assert!(ran.stderr.contains(word), "`{script}` does not say `{word}`: {ran:?}");
        }
        ran
    }

    /// Asserts that a call runs, and is silent about it.
    fn runs(&self, script: &str) {
        let ran = self.run(script);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "`{script}`: {ran:?}");
        assert!(ran.stdout.contains("ran "), "`{script}`: {ran:?}");
    }

    /// Asserts that only what reads runs, and that the rest is told why.
    fn only_reads_run(&self, before: &str, code: i32, words: &[&str]) {
        // Of a state that cannot be read it is not known what is sensitive.
        for call in [
            WRITE,
            "terraform output -state=/etc/passwd -raw password",
            "terraform state rm a.b",
            "terraform no-such-command",
        ] {
            self.refused(&format!("{before}{call}"), code, words);
        }
        self.runs(&format!("{before}{READ}"));
    }

    /// Puts the program that answers orders in the tool's place.
    fn stage_intruder(&self) {
        let intruder = binary().parent().unwrap().join("examples/intruder");
        let copied = std::fs::copy(&intruder, self.0.path("fake/terraform"));
        assert!(copied.is_ok(), "{} is missing; `cargo test` builds it, or `cargo build --examples`", intruder.display());
    }

    /// Asserts that nothing on record was lost.
    fn record_is_whole(&self) {
        let ran = self.run("\"$SPRAG\" log verify");
        assert!(ran.code == 0, "{ran:?}");
    }
}

/// A fault in a policy file: the text, the place, what is said of it.
type Fault = (&'static str, (usize, usize), &'static str);

const FAULTS: &[Fault] = &[
    ("version = 1\n[default\nread = \"allow\"\n", (2, 9), "expected"),
    ("version = 1\n\n[default]\ndestory = \"deny\"\n", (4, 1), "unknown field `destory`"),
    ("version = 1\n[defaults]\nwrite = \"deny\"\n", (2, 2), "unknown field `defaults`"),
    ("version = \"1\"\n", (1, 11), "invalid type"),
    ("version = 1\n[default]\n  write = true\n", (3, 11), "wanted string"),
    ("version = 1\n[default]\nwrite = \"yes\"\n", (3, 9), "unknown variant `yes`"),
    ("[default]\nwrite = \"deny\"\n", (1, 1), "missing field `version`"),
    ("version = 2\n", (1, 11), "this version is not known"),
    ("version = 1\nversion = 1\n", (2, 1), "duplicate key"),
    ("version = 1\n[default]\ndestroy = \"deny\"\nunknown = \"ask\"\n", (2, 1), "`unknown = \"ask\"` is milder than"),
    (
        "version = 1\n[[environment]]\nname = \"p\"\nmatch = { aws-profile = \"p\" }\ndestroy = \"deny\"\nunknown = \"allow\"\n",
        (2, 1),
        "`unknown = \"allow\"` is milder than",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nverb = \"delete\"\ndecision = \"deny\"\nbecause = \"b\"\n",
        (2, 1),
        "`delete` is no verb",
    ),
    ("version = 1\n[[rule]]\nid = \"a\"\nbecause = \"b\"\n", (2, 1), "missing field `decision`"),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nverb = \"destroy\"\ndecision = \"deny\"\nbecause = \"b\"\nmatch = [\n  \"terraform plan\",\n]\n",
        (8, 3),
        "rule `a` does not match this call, and must",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\ndecision = \"deny\"\nbecause = \"b\"\nnot_match = [\"terraform plan\"]\n",
        (6, 14),
        "rule `a` matches this call, and must not",
    ),
];

#[test]
fn with_a_policy_that_cannot_be_used_only_reads_run_and_the_place_is_shown() {
    for (file, cited) in
        [("etc/policy.toml", "/etc/sprag/policy.toml"), ("config/policy.toml", "/.config/sprag/policy.toml")]
    {
        let scene = Scene::new();
        for (text, (line, column), why) in FAULTS {
            scene.0.write(file, text);
            let place = format!("{cited}:{line}:{column}: ");
            let shown = format!("\n  {line} | {}\n", text.lines().nth(line - 1).unwrap());
            let caret = format!("\n  {} | {}^\n", " ".repeat(line.to_string().len()), " ".repeat(column - 1));
            scene.only_reads_run("", 78, &[&place, why, &shown, &caret, "until this is mended only reads run"]);
        }
        scene.record_is_whole();
    }
}

#[test]
fn a_policy_that_is_no_text_or_not_its_owners_word_is_not_used() {
    let scene = Scene::new();
    for (make, why) in [
        ("printf '# \\xff\\n' >> \"$F\"", "cannot be read: "),
        ("rm \"$F\" && mkdir \"$F\"", "cannot be read: "),
        ("ln -sf nowhere \"$F\"", ""),
        ("chown 54321 \"$F\"", "belongs to uid 54321"),
        ("chmod 606 \"$F\"", "can be written by others"),
        ("chmod 620 \"$F\"", "can be written by others"),
        ("chmod 777 \"${F%/*}\"", "can be written by others"),
        ("chown 54321 \"${F%/*}\"", "belongs to uid 54321"),
    ] {
        for (folder, cited) in [("ETC", "/etc/sprag/policy.toml:1:1: "), ("CONFIG", "/.config/sprag/policy.toml:1:1: ")] {
            let before = format!("F=\"${folder}\"/policy.toml; echo 'version = 1' > \"$F\" && {make}; ");
            scene.refused(&format!("{before}{WRITE}"), 78, &[cited, why, "until this is mended only reads run"]);
            scene.runs(READ);
            scene.run(&format!("rm -rf \"${folder}\"/policy.toml; chown 0 \"${folder}\"; chmod 755 \"${folder}\""));
        }
    }
    scene.record_is_whole();
}

#[test]
fn a_projects_policy_that_cannot_be_used_holds_the_project_only() {
    let scene = Scene::new();
    scene.0.write("work/sub/sprag.toml", "version = 1\n[default]\nwrite = \"nope\"\n");
    scene.only_reads_run("cd sub && ", 78, &["sub/sprag.toml:3:9: ", "\n  3 | write = \"nope\"\n"]);
    scene.only_reads_run("cd sub && mkdir -p deeper && cd deeper && ", 78, &["sub/sprag.toml:3:9: "]);
    scene.refused("terraform -chdir=sub init", 78, &["sub/sprag.toml:3:9: "]);
    scene.runs(WRITE);
    scene.record_is_whole();
}

#[test]
fn a_pipe_or_a_device_in_the_place_of_a_file_is_not_waited_for() {
    let scene = Scene::new();
    for make in ["mkfifo sprag.toml", "ln -s /dev/zero sprag.toml", "head -c 2000000 /dev/zero > sprag.toml"] {
        let before = format!("rm -f sprag.toml; {make}; ");
        scene.only_reads_run(&before, 78, &["sprag.toml:1:1: cannot be read: it is no regular file"]);
    }
    scene.run("rm sprag.toml");
    // What only says where a call would happen is then not known.
    for make in ["mkdir .terraform; mkfifo .terraform/environment", "mkdir .git; mkfifo .git/HEAD", "mkfifo .git"] {
        scene.runs(&format!("{make}; {WRITE}; rm -r .terraform .git 2>/dev/null; true"));
    }
}

#[test]
fn a_projects_policy_cannot_loosen_and_can_tighten() {
    const LOOSE: &str = "version = 1\n[default]\nread = \"allow\"\nreveal = \"allow\"\nwrite = \"allow\"\ngrant = \"allow\"
escape = \"allow\"\ndestroy = \"allow\"\nunknown = \"allow\"\n[[rule]]\nid = \"no-database-destroy\"\ndecision = \"allow\"
because = \"please\"\n[[environment]]\nname = \"prod\"\nmatch = { tf-workspace = \"*\" }\ndestroy = \"allow\"\n";
    let scene = Scene::new();
    let held = [
        ("terraform state rm a.b", 75),
        ("terraform no-such-command", 75),
        ("terraform taint aws_db_instance.main", 77),
        ("TF_WORKSPACE=prod-1 terraform init", 75),
    ];
    for (file, before) in [("work/sprag.toml", ""), ("work/sub/sprag.toml", "cd sub; "), ("config/policy.toml", "")] {
        scene.0.write(file, LOOSE);
        for (call, code) in held {
            scene.refused(&format!("{before}{call}"), code, &[]);
        }
        scene.runs(&format!("{before}{WRITE}"));
    }
    let tight = "version = 1\n[[rule]]\nid = \"frozen\"\ntool = \"terraform\"\nverb = \"write\"\ndecision = \"deny\"
because = \"the release is tomorrow\"\ninstead = \"wait a day\"\n";
    for (file, call) in [
        ("work/sprag.toml", "terraform init"),
        ("work/sub/sprag.toml", "terraform -chdir=sub init"),
        ("config/policy.toml", "terraform init"),
    ] {
        let scene = Scene::new();
        scene.0.write(file, tight);
        std::fs::create_dir_all(scene.0.path("work/sub")).unwrap();
        scene.refused(call, 77, &["frozen", "the release is tomorrow", "instead: wait a day"]);
        scene.runs(READ);
        scene.record_is_whole();
    }
    for table in ["[confine]\ndegraded = true\n", "[approval]\nrun_within_minutes = 900\n", "[user]\nmay_loosen = [\"*\"]\n"]
    {
        let scene = Scene::new();
        scene.0.write("work/sprag.toml", &format!("version = 1\n{table}"));
        scene.only_reads_run("", 78, &["sprag.toml:2:1: ", "belongs in /etc/sprag/policy.toml"]);
    }
}

#[test]
fn a_shim_file_that_cannot_be_used_stops_its_tool_and_no_other() {
    let good = "names = [\"terraform\"]\ndialect = \"go\"\n";
    for (text, place, why) in [
        ("names = [\"terraform\"\ndialect = \"go\"\n", ":2:1: ", ""),
        ("names = [\"terraform\"]\ndialect = \"go\"\nverbs = 1\n", ":3:1: ", "unknown field `verbs`"),
        ("names = \"terraform\"\ndialect = \"go\"\n", ":1:9: ", "expected a sequence"),
        ("names = [\"terraform\"]\ndialect = \"lisp\"\n", ":2:11: ", "unknown variant `lisp`"),
        ("names = []\ndialect = \"go\"\n", ":1:1: ", "`names` is empty"),
        ("names = [\"tofu\"]\ndialect = \"go\"\n", ": ", "its `names` do not hold `terraform`"),
    ] {
        let scene = Scene::new();
        scene.0.write("etc/shims/terraform.toml", text);
        for call in [READ, WRITE] {
            scene.refused(call, 78, &[&format!("/etc/sprag/shims/terraform.toml{place}"), why]);
        }
        scene.runs("aws s3 ls");
    }
    let scene = Scene::new();
    scene.0.write("etc/shims/terraform.toml", good);
    for (make, undo, why) in [
        ("chown 54321 \"$F\"", "chown 0 \"$F\"", "belongs to uid 54321"),
        ("chmod 646 \"$F\"", "chmod 644 \"$F\"", "can be written by others"),
        ("chmod 777 \"${F%/*}\"", "chmod 755 \"${F%/*}\"", "can be written by others"),
    ] {
        let file = "F=\"$ETC\"/shims/terraform.toml;";
        scene.refused(&format!("{file} {make}; {READ}"), 78, &["/etc/sprag/shims", why]);
        scene.run(&format!("{file} {undo}"));
    }
    // A file that knows less than the shipped one tightens: what it does not know is unknown.
    scene.refused(WRITE, 75, &[]);
    scene.record_is_whole();
}

#[test]
fn words_reach_the_tool_byte_for_byte_or_not_at_all() {
    let scene = Scene::new();
    scene.stage_intruder();
    // No text in any encoding, and a word as long as the kernel lets one be.
    let ran = scene.run("TF_VAR_intrude=words terraform plan -var $'a=\\xff\\xfe'");
    assert!(ran.stdout.ends_with("terraform plan -var a=\\xff\\xfe\n"), "{ran:?}");
    let long = "W=$(head -c 131066 /dev/zero | tr '\\0' w)";
    let ran = scene.run(&format!("{long}; TF_VAR_intrude=longest-word terraform plan -var=$W"));
    assert!(ran.stdout.ends_with("\t131071\n"), "{:?}", ran.stdout);
    let ran = scene.run("mkdir $'\\xff' && cd $'\\xff' && TF_VAR_intrude=words terraform plan");
    assert!(ran.stdout.ends_with("\tterraform plan\n"), "{ran:?}");
    // The same words where they are not understood: refused in a line that can be read.
    for words in ["$'\\xffdestroy'", "$'des\\xfftroy' -auto-approve", "$'\\e[2Jdestroy'", "\"$W\"", "plan -no-such \"$W\""] {
        let ran = scene.refused(&format!("{long}; terraform {words}"), 75, &["what cannot be worked out"]);
        assert!(ran.stderr.len() < 1000 && ran.stderr.lines().count() <= 8, "{words}: {ran:?}");
        assert!(!ran.stderr.contains('\u{1b}'), "{words}: {ran:?}");
    }
    scene.record_is_whole();
}

#[test]
fn a_call_without_any_word_is_the_tool_without_words() {
    let scene = Scene::new();
    scene.stage_intruder();
    let call = "INTRUDE=exec-without-words:\"$LINKS/terraform\" TF_VAR_intrude=words \"$FAKE/terraform\"";
    let ran = scene.run(call);
    assert!(ran.stdout.starts_with("words\tterraform\n"), "{ran:?}");
    assert_eq!(scene.run("(TF_VAR_intrude=words exec -a '' terraform)").stdout, "words\tterraform\n");
    // What the environment adds to no words counts.
    scene.refused("(TF_CLI_ARGS='state rm a.b' exec -a '' \"$LINKS/terraform\")", 75, &["`a.b`"]);
    assert_eq!(scene.0.record().iter().filter(|line| line["kind"] == "intent").count(), 2);
    scene.record_is_whole();
}

#[test]
fn no_variable_says_where_home_is() {
    let scene = Scene::new();
    scene.runs(&format!("env -u HOME {WRITE}"));
    scene.runs(&format!("HOME=$OUT {WRITE}"));
    scene.runs(&format!("HOME=$OUT XDG_STATE_HOME=$OUT XDG_CONFIG_HOME=$OUT {WRITE}"));
    assert_eq!(std::fs::read_dir(scene.0.path("out")).unwrap().count(), 0);
    assert_eq!(scene.0.record().iter().filter(|line| line["kind"] == "intent").count(), 3);
    scene.record_is_whole();
}

#[test]
fn a_user_whom_the_password_database_does_not_know_may_read() {
    need("setpriv");
    let scene = Scene::new();
    // A binary and links where such a user can reach them.
    std::fs::set_permissions(scene.0.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    let sprag = scene.0.path("out/sprag");
    std::fs::copy(binary(), &sprag).unwrap();
    for name in ["terraform", "aws"] {
        std::fs::remove_file(scene.0.path("links").join(name)).unwrap();
        std::os::unix::fs::symlink(&sprag, scene.0.path("links").join(name)).unwrap();
    }
    let stranger = "setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps=-all env -u HOME ";
    scene.runs(&format!("{stranger}{READ}"));
    scene.refused(&format!("{stranger}{WRITE}"), 77, &["the record cannot be written", "only reads run"]);
    scene.refused(&format!("{stranger}terraform state rm a.b"), 77, &[]);
}

#[test]
fn where_nothing_can_be_recorded_only_reads_run() {
    for (case, befores, make, undo) in [
        // A record that stands has room left in its last block: see the next test.
        ("a full disk", &["true"][..], "head -c 1000000 /dev/zero > \"$STATE/fill\" 2>/dev/null", "rm \"$STATE/fill\""),
        (
            "a folder that cannot be written",
            &["true", WRITE, "terraform state rm a.b"],
            "mount -o remount,ro none \"$STATE\"",
            "mount -o remount,rw none \"$STATE\"",
        ),
    ] {
        for before in befores {
            let scene = Scene::new();
            let mount = "mount -t tmpfs -o size=32k,mode=700 none \"$STATE\"";
            let script = format!(
                "{mount}; {before} >/dev/null 2>&1; {make}; {WRITE} 2>err; echo \"write $?\"; {READ}; echo \"read $?\"
                 terraform state rm c.d 2>>err; echo \"destroy $?\"; {undo}; {WRITE}; echo \"again $?\"
                 \"$SPRAG\" log verify; echo \"verify $?\"; cat err >&2"
            );
            let ran = scene.run(&script);
            let said: Vec<&str> = ran.stdout.lines().filter(|line| !line.starts_with("whole: ")).collect();
            let wanted = ["write 77", "ran version", "read 0", "destroy 77", "ran init", "again 0", "verify 0"];
            assert_eq!(said, wanted, "{case}, after `{before}`: {ran:?}");
            assert!(ran.stderr.starts_with("sprag: refused: "), "{case}: {ran:?}");
            assert!(ran.stderr.contains("the record cannot be written: "), "{case}: {ran:?}");
            assert_eq!(ran.stderr.matches("nothing was run").count(), 2, "{case}: {ran:?}");
        }
    }
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_line_loses_nothing() {
    let scene = Scene::new();
    // Room for the record's first line and not for the file that names it as the newest; then for a few lines only.
    for size in ["4k", "8k"] {
        let script = format!(
            "mount -t tmpfs -o size={size},mode=700 none \"$STATE\"
             for i in $(seq 30); do {WRITE} >>\"$OUT/ran\" 2>>\"$OUT/err\"; echo $?; done | sort | uniq -c >&2
             \"$SPRAG\" log verify; grep -c '\"kind\":\"intent\"' \"$STATE/record.jsonl\"; wc -l < \"$OUT/ran\"; rm \"$OUT\"/*"
        );
        let ran = scene.run(&script);
        let said: Vec<&str> = ran.stdout.lines().collect();
        assert!(said[0].starts_with("whole: "), "{size}: {ran:?}");
        assert_eq!(said[1], said[2], "{size}: as many on record as were run: {ran:?}");
        assert!(ran.stderr.contains(" 77\n"), "{size}: the disk never filled: {ran:?}");
    }
}

#[test]
fn a_folder_that_is_gone_and_descriptors_that_are_closed() {
    let scene = Scene::new();
    let gone = "mkdir gone && cd gone && rmdir ../gone && ";
    for call in [READ, WRITE] {
        scene.refused(&format!("{gone}{call}"), 71, &["the current folder cannot be found", "change to one that exists"]);
    }
    for call in [READ, WRITE, "aws s3 ls"] {
        scene.runs(&format!("{call} <&-"));
        let ran = scene.run(&format!("{call} <&- >&- 2>&-; echo $?"));
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("0\n", ""), "{call}: {ran:?}");
    }
    scene.refused("terraform state rm a.b <&-", 75, &[]);
    assert_eq!(scene.run("terraform state rm a.b 2>&-").code, 75);
    scene.record_is_whole();
}

#[test]
fn names_are_read_off_the_links_and_nothing_else() {
    let scene = Scene::new();
    let misused: &[(&str, &str)] = &[
        ("\"$SPRAG\" --no-such", "unexpected argument"),
        ("\"$SPRAG\" log --no-such", "unexpected argument"),
        ("\"$SPRAG\" no-such", "unrecognized subcommand"),
        ("\"$SPRAG\" install --dir \"$OUT\" no-such", "no shim file knows `no-such`"),
        ("\"$SPRAG\" check", "no command to check"),
        ("\"$SPRAG\"", "Usage"),
    ];
    for (script, words) in misused {
        let ran = scene.run(script);
        assert_eq!(ran.code, 64, "`{script}`: {ran:?}");
        assert!(ran.stderr.contains(words), "`{script}`: {ran:?}");
    }
    let unknown = "no shim file knows the name";
    for (script, words) in [
        ("ln -s \"$SPRAG\" \"$OUT/no-such\"; \"$OUT/no-such\" version", unknown),
        ("ln -s \"$SPRAG\" \"$OUT/myterraform\"; \"$OUT/myterraform\" version", unknown),
        ("ln -s \"$SPRAG\" \"$OUT/terraform.exe\"; \"$OUT/terraform.exe\" version", unknown),
        ("(exec -a terraform \"$SPRAG\" version)", "started under the name `terraform`"),
        ("(exec -a /usr/bin/terraform \"$SPRAG\" destroy -auto-approve)", "started under the name `terraform`"),
    ] {
        scene.refused(script, 64, &[words]);
    }
    // A link to the link, however it is called, is the tool; two names are judged as both.
    let renamed = "ln -s \"$LINKS/terraform\" \"$OUT/tf\"; \"$OUT/tf\"";
    scene.runs(&format!("{renamed} version"));
    scene.refused(&format!("rm \"$OUT/tf\"; {renamed} state rm a.b"), 75, &["`terraform state rm a.b`"]);
    scene.refused("(exec -a aws terraform version)", 75, &[]);
    let tools: Vec<String> = scene.0.record().iter().filter_map(|l| Some(l["tool"].as_str()?.to_owned())).collect();
    assert_eq!(tools, ["terraform", "terraform", "terraform"], "{tools:?}");
    scene.record_is_whole();
}

#[test]
fn a_real_tool_that_is_missing_or_broken_is_said_as_a_shell_says_it() {
    let missing = "`terraform` is not installed";
    for (case, make, code, words) in [
        ("none", "rm \"$FAKE/terraform\"", 127, missing),
        ("a folder", "rm -r \"$FAKE/terraform\"; mkdir \"$FAKE/terraform\"", 127, missing),
        ("not executable", "chmod 644 \"$FAKE/terraform\"", 126, "cannot be run: Permission denied"),
        ("no interpreter", "echo '#!/no/such' > \"$FAKE/terraform\"", 126, "cannot be run: No such file"),
        ("empty", ": > \"$FAKE/terraform\"", 126, "cannot be run: Exec format error"),
        ("for anybody to change", "chmod 757 \"$FAKE/terraform\"", 126, "can be changed by other users"),
        ("a link to itself", "ln -sf terraform \"$FAKE/terraform\"", 127, missing),
        ("a link to the shim", "ln -sf \"$LINKS/terraform\" \"$FAKE/terraform\"", 127, missing),
    ] {
        let scene = Scene::new();
        for call in [READ, WRITE] {
            let bin = "PATH=$LINKS:$FAKE";
            scene.refused(&format!("{make} 2>/dev/null; {bin}; {call}"), code, &[words]);
        }
        let ran = scene.run(&format!("{make} 2>/dev/null; PATH=$LINKS:$FAKE; (exec -a terraform terraform state rm a.b)"));
        assert_eq!(ran.code, 75, "{case}: what is held is held before it is looked for: {ran:?}");
        let endings: Vec<bool> =
            scene.0.record().iter().filter(|l| l["kind"] == "outcome").map(|l| l["error"].is_string()).collect();
        assert_eq!(endings, [true, true], "{case}");
        scene.record_is_whole();
    }
    let scene = Scene::new();
    let planted = "cp \"$FAKE/terraform\" . && PATH=$LINKS";
    scene.refused(&format!("{planted}; {READ}"), 127, &[missing]);
    scene.refused("cp \"$FAKE/terraform\" .; env -u PATH \"$LINKS/terraform\" version", 127, &[missing]);
}
