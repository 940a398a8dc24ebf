//! Job control: what an interactive bash shows of a guarded tool is what it shows of the tool itself.

use crate::puppet::Stage;
use crate::terminal::{Terminal, on_a_terminal};

/// What is done at the terminal, and what is waited for: one line or more, in any order, as the job in the background and
/// the shell do not wait for one another.
enum Step {
    /// These keys are typed.
    Keys(&'static str, &'static [&'static str]),
    /// The window gets this many columns.
    Columns(u16, &'static [&'static str]),
}
use Step::{Columns, Keys};

/// The prompt shows how the last command ended.
const SHELL: &str = "env PS1='[$?]> ' bash --norc --noprofile --noediting -i";
const HOLD: Step = Keys("TF_VAR_puppet='say ready, hold' terraform plan\n", &["ready\r\n"]);
const ECHO: Step = Keys("TF_VAR_puppet='say ready, echo' terraform plan\n", &["ready\r\n"]);
const FG: Step = Keys("fg\n", &["terraform plan\r\n"]);

/// Plays a dialogue in an interactive bash. Returns what was shown: the pieces between prompts and line ends, sorted
/// within a step.
fn play(stage: &Stage, steps: &[Step], guarded: bool) -> Vec<Vec<String>> {
    let mut terminal = Terminal::start(stage.command(&on_a_terminal(SHELL), guarded));
    let mut shown = vec![pieces(&terminal.until("[0]> "))];
    for step in steps {
        let texts = match step {
            Keys(keys, texts) => {
                terminal.keys(keys);
                texts
            }
            Columns(columns, texts) => {
                terminal.resize(*columns);
                texts
            }
        };
        shown.push(pieces(&terminal.until_all(texts)));
    }
    terminal.keys("exit 0\n");
    let (ended, rest) = terminal.end();
    assert!(ended.success(), "{ended:?} {shown:?}{rest}");
    shown.push(pieces(&rest));
    shown
}

fn pieces(text: &str) -> Vec<String> {
    let text = text.replace("]> ", "]> \n");
    let mut pieces: Vec<String> = text.lines().map(without_pid).filter(|p| !p.is_empty()).collect();
    pieces.sort();
    pieces
}

/// A process id differs between any two runs: `[1] 4711`.
fn without_pid(line: &str) -> String {
    match line.trim().split_once("] ") {
        Some((job, pid)) if pid.parse::<u32>().is_ok() => format!("{job}] PID"),
        _ => line.trim().to_owned(),
    }
}

fn assert_same(dialogues: &[(&str, &[Step])]) {
    let stage = Stage::new();
    for (name, steps) in dialogues {
        println!("{name}");
        let (bare, guarded) = (play(&stage, steps, false), {
            println!("guarded");
            play(&stage, steps, true)
        });
        assert_eq!(guarded, bare, "{name}");
    }
}

#[test]
fn keys_that_interrupt_do_to_a_guarded_tool_what_they_do_to_a_bare_one() {
    assert_same(&[
        ("^C", &[HOLD, Keys("\x03", &["[130]> "])]),
        ("^\\", &[HOLD, Keys("\x1c", &["[131]> "])]),
        (
            "^C that the tool handles",
            &[
                Keys("TF_VAR_puppet='catch INT, say ready, report 1, exit 3' terraform plan\n", &["ready\r\n"]),
                Keys("\x03", &["[3]> "]),
            ],
        ),
        (
            "^C twice",
            &[
                Keys("TF_VAR_puppet='catch INT, say ready, report 2, exit 3' terraform plan\n", &["ready\r\n"]),
                Keys("\x03", &["SIGINT"]),
                Keys("\x03", &["[3]> "]),
            ],
        ),
        (
            "^C ends a loop",
            &[
                Keys("for i in 1 2 3; do TF_VAR_puppet='say ready, hold' terraform plan; done\n", &["ready\r\n"]),
                Keys("\x03", &["[130]> "]),
            ],
        ),
        (
            "^C that the tool handles does not end a loop",
            &[
                Keys("export TF_VAR_puppet='catch INT, say ready, report 1'\n", &["> "]),
                Keys("for i in 1 2; do terraform plan; done\n", &["ready\r\n"]),
                Keys("\x03", &["SIGINT\r\nready\r\n"]),
                Keys("\x03", &["[0]> "]),
            ],
        ),
        (
            "end of input",
            &[
                ECHO,
                Keys("a\n", &["said a"]),
                Keys("b", &[]),
                Keys("\x04", &["b"]),
                Keys("\x04", &["said b"]),
                Keys("\x04", &["[0]> "]),
            ],
        ),
    ]);
}

#[test]
fn a_guarded_tool_is_stopped_and_goes_on_like_a_bare_one() {
    assert_same(&[
        (
            "^Z, jobs, fg, input, ^C",
            &[
                ECHO,
                Keys("\x1a", &["[148]> "]),
                Keys("jobs\n", &["> "]),
                FG,
                Keys("on\n", &["said on"]),
                Keys("\x03", &["[130]> "]),
                Keys("jobs\n", &["> "]),
            ],
        ),
        (
            "^Z again and again",
            &[
                ECHO,
                Keys("\x1a", &["[148]> "]),
                FG,
                Keys("a\n", &["said a"]),
                Keys("\x1a", &["[148]> "]),
                FG,
                Keys("b\n", &["said b"]),
                Keys("\x1a", &["[148]> "]),
                FG,
                Keys("c\n", &["said c"]),
                Keys("\x04", &["[0]> "]),
            ],
        ),
        (
            "TSTP that the tool handles",
            &[
                Keys("TF_VAR_puppet='catch TSTP, say ready, report 2, echo' terraform plan\n", &["ready\r\n"]),
                Keys("\x1a", &["SIGTSTP"]),
                Keys("\x1a", &["SIGTSTP"]),
                Keys("on\n", &["said on"]),
                Keys("\x04", &["[0]> "]),
            ],
        ),
        (
            "a pipeline, ^Z, fg, ^C",
            &[
                Keys("TF_VAR_puppet='say ready, echo' terraform plan | cat\n", &["ready\r\n"]),
                Keys("\x1a", &["[148]> "]),
                Keys("fg\n", &["cat\r\n"]),
                Keys("on\n", &["said on"]),
                Keys("\x03", &["[130]> "]),
            ],
        ),
        (
            // It does not read when it is stopped: what is typed for the shell could reach it before the stop does.
            "a subshell, ^Z, fg, ^C",
            &[
                Keys("(TF_VAR_puppet='catch CONT, say ready, report 1, echo' terraform plan; echo $?)\n", &["ready\r\n"]),
                Keys("\x1a", &["[148]> "]),
                Keys("fg\n", &["SIGCONT"]),
                Keys("on\n", &["said on"]),
                Keys("\x03", &["[130]> "]),
            ],
        ),
        (
            "a tool that stops itself",
            &[Keys("TF_VAR_puppet='die STOP, say on, exit 5' terraform plan\n", &["[147]> "]), Keys("fg\n", &["[5]> "])],
        ),
        (
            "a window that changes",
            &[
                Keys("TF_VAR_puppet='catch WINCH INT, say ready, report 4' terraform plan\n", &["ready\r\n"]),
                Columns(100, &["SIGWINCH"]),
                Columns(120, &["SIGWINCH"]),
                Keys("\x03", &["SIGINT"]),
                Keys("\x03", &["[0]> "]),
            ],
        ),
    ]);
}

#[test]
fn a_guarded_tool_in_the_background_is_a_job_like_a_bare_one() {
    assert_same(&[
        (
            "^Z, bg, signals to the job",
            &[
                Keys("TF_VAR_puppet='catch USR1 HUP, say ready, report 4, hold' terraform plan\n", &["ready\r\n"]),
                Keys("\x1a", &["[148]> "]),
                Keys("bg\n", &["> "]),
                Keys("kill -USR1 %1\n", &["> ", "SIGUSR1"]),
                Keys("kill -HUP %1\n", &["> ", "SIGHUP"]),
                Keys("kill -USR1 %1\n", &["> ", "SIGUSR1"]),
                Keys("kill -HUP %1\n", &["> ", "SIGHUP"]),
                Keys("kill %1; wait %1\n", &["[143]> "]),
                Keys("jobs\n", &["> "]),
            ],
        ),
        (
            "a job that reads stops, and goes on in the foreground",
            &[
                Keys("TF_VAR_puppet=echo terraform plan & wait %1 2>/dev/null\n", &["[149]> "]),
                FG,
                Keys("on\n", &["said on"]),
                Keys("\x04", &["[0]> "]),
            ],
        ),
        (
            "STOP and CONT to the job",
            &[
                Keys("export TF_VAR_puppet='catch USR1, say ready, report 1, hold'\n", &["> "]),
                Keys("terraform plan &\n", &["> ", "ready\r\n"]),
                Keys("kill -STOP %1; wait %1 2>/dev/null\n", &["[147]> "]),
                Keys("jobs\n", &["> "]),
                Keys("kill -CONT %1; kill -USR1 %1\n", &["> ", "SIGUSR1"]),
                Keys("kill -KILL %1; wait %1\n", &["[137]> "]),
            ],
        ),
        (
            "INT to the job",
            &[
                Keys("TF_VAR_puppet='catch INT, say ready, report 2' terraform plan &\n", &["> ", "ready\r\n"]),
                Keys("kill -INT %1\n", &["> ", "SIGINT"]),
                Keys("kill -INT %1; wait %1\n", &["[0]> "]),
            ],
        ),
        (
            "jobs that end",
            &[
                Keys("TF_VAR_puppet='exit 9' terraform plan & wait $!\n", &["[9]> "]),
                Keys("TF_VAR_puppet='die TERM' terraform plan & wait $!\n", &["[143]> "]),
                Keys("jobs\n", &["> "]),
            ],
        ),
    ]);
}

#[test]
fn a_shell_says_of_a_guarded_tools_death_what_it_says_of_a_bare_ones() {
    assert_same(&[
        (
            "deaths",
            &[
                Keys("TF_VAR_puppet='die SEGV' terraform plan\n", &["[139]> "]),
                Keys("TF_VAR_puppet='die ABRT' terraform plan\n", &["[134]> "]),
                Keys("TF_VAR_puppet='die KILL' terraform plan\n", &["[137]> "]),
                Keys("TF_VAR_puppet='die TERM' terraform plan\n", &["[143]> "]),
                Keys("TF_VAR_puppet='die USR1' terraform plan\n", &["[138]> "]),
                Keys("AWS_PUPPET='die INT' aws --version\n", &["[130]> "]),
            ],
        ),
        ("timeout", &[Keys("TF_VAR_puppet=hold timeout -s INT 0.3 terraform plan\n", &["[124]> "])]),
        (
            "timeout that leaves the foreground to the tool",
            &[Keys("TF_VAR_puppet=hold timeout --foreground -s INT 0.3 terraform plan\n", &["[124]> "])],
        ),
        ("timeout with KILL", &[Keys("AWS_PUPPET=hold timeout -s KILL 0.3 aws --version\n", &["[137]> "])]),
    ]);
}
