//! SQL that is made to hurt whoever reads it: answered within bounds of time and memory, never with an allow, and with the
//! reason. `timeout` and `ulimit` set the bounds, so that what exceeds them fails here and does not take the machine along.

mod fixture;

use fixture::Place;
use std::io::Write;
use std::path::Path;

/// In kilobytes; what a hundred megabytes may take besides themselves.
const MEMORY: usize = 2_000_000;
const SECONDS: usize = 100;

/// What `sprag inspect sql` says of a file: its exit code and its words.
fn inspected(place: &Place, dialect: &str, file: &Path) -> (i32, String) {
    let script = format!(
        "ulimit -v {MEMORY}; exec timeout {SECONDS} {} inspect sql --text --dialect {dialect} {}",
        env!("CARGO_BIN_EXE_sprag"),
        file.display()
    );
    let ran = place.bare(&script);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    (ran.code, ran.stdout)
}

/// Writes `text` into a file of the place.
fn written(place: &Place, text: &[u8]) -> std::path::PathBuf {
    let file = place.path("work").join("hostile.sql");
    std::fs::File::create(&file).unwrap().write_all(text).unwrap();
    file
}

/// A text, what it is called, and the reasons of which one must be said.
type Text = (&'static str, Vec<u8>, &'static [&'static str]);

const TOO_DEEP: &[&str] = &["memory exhausted at or near", "recursion limit exceeded", "nested too deeply"];
const NO_END: &[&str] = &["not parsed within", "where this comment ends cannot be told", "multi-line comment"];
const NO_TEXT: &[&str] = &["not a text in UTF-8", "a NUL byte in the text"];
const ENCODING: &[&str] = &["client_encoding"];
const TOO_LARGE: &[&str] = &["larger than", "longer than", "too long"];

/// Demands of every text that it is held, with one of its reasons.
fn all_held(dialect: &str, texts: &[Text]) {
    let place = Place::new();
    for (name, text, reasons) in texts {
        let (code, words) = inspected(&place, dialect, &written(&place, text));
        let said = reasons.iter().any(|reason| words.contains(reason));
        assert!(
            matches!(code, 75 | 77) && said,
            "{dialect}, {name}: {code}: {}",
            words.chars().take(400).collect::<String>()
        );
    }
}

fn nested(before: &str, middle: &str, after: &str, depth: usize) -> Vec<u8> {
    format!("select {}{middle}{};", before.repeat(depth), after.repeat(depth)).into_bytes()
}

/// What every dialect has, nested so deeply that no parser should follow.
fn nestings() -> Vec<Text> {
    vec![
        ("comments", nested("/*", "1", "", 100_000), NO_END),
        ("parentheses", nested("(", "1", ")", 200_000), TOO_DEEP),
        ("signs", nested("- ", "1", "", 200_000), TOO_DEEP),
        ("not", nested("not ", "true", "", 200_000), TOO_DEEP),
        ("case", nested("case when true then ", "1", " end", 50_000), TOO_DEEP),
        ("subqueries", nested("(select ", "1", ")", 50_000), TOO_DEEP),
        ("from", nested("1 from (select ", "1", ") t", 50_000), TOO_DEEP),
    ]
}

#[test]
fn what_is_nested_too_deeply_is_refused_with_a_reason() {
    let mut texts = nestings();
    texts.push(("closed comments", nested("/*", "1", "*/", 100_000), NO_END));
    texts.push(("arrays", nested("array[", "1", "]", 100_000), TOO_DEEP));
    all_held("postgres", &texts);
}

#[test]
fn what_is_nested_too_deeply_is_refused_in_every_dialect() {
    for dialect in ["mysql", "sqlite"] {
        all_held(dialect, &nestings());
    }
}

#[test]
fn what_is_no_text_is_refused_with_a_reason() {
    for dialect in ["postgres", "mysql", "sqlite"] {
        let utf16: Vec<u8> = "\u{feff}drop table a;\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        all_held(
            dialect,
            &[
                ("NUL", b"select 1;\n\0drop table a;\n".to_vec(), NO_TEXT),
                ("no UTF-8", b"select '\xff\xfe';\n".to_vec(), NO_TEXT),
                ("a cut character", b"select 1; -- \xc3".to_vec(), NO_TEXT),
                ("UTF-16", utf16, NO_TEXT),
                ("Latin-1", b"select 'caf\xe9'; drop table a;\n".to_vec(), NO_TEXT),
            ],
        );
    }
    all_held(
        "postgres",
        &[
            ("another encoding", b"set client_encoding to 'SJIS';\nselect 1;\n".to_vec(), ENCODING),
            ("by psql", b"\\encoding GBK\nselect 1;\n".to_vec(), ENCODING),
        ],
    );
}

#[test]
fn a_hundred_megabytes_are_refused_with_a_reason() {
    const LONG: usize = 100_000_000;
    /// A little less than what is read.
    const FITS: usize = 60_000_000;
    let repeated = |text: &str, length: usize| text.repeat(length / text.len()).into_bytes();
    let within = |before: &str, after: &str, length| [before.as_bytes(), &vec![b'x'; length], after.as_bytes()].concat();
    for dialect in ["postgres", "mysql", "sqlite"] {
        all_held(dialect, &[("statements", repeated("select 1;\n", LONG), TOO_LARGE)]);
        all_held(
            dialect,
            &[
                ("one string", within("select '", "';", FITS), TOO_LARGE),
                ("one list", [b"select 1".to_vec(), repeated(",1", FITS), b";".to_vec()].concat(), TOO_LARGE),
                ("one line of words", repeated("drop table a ", FITS), TOO_LARGE),
            ],
        );
    }
    let place = Place::new();
    let (code, words) = inspected(&place, "postgres", &written(&place, &within("-- ", "\nselect 1;\n", FITS)));
    assert_eq!(code, 0, "a comment of any length is one: {words}");
}
