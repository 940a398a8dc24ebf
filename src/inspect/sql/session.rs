//! What a session begins with: settings that come with the connection, by which the server may read other statements than
//! those that were judged.

use super::super::Findings;
use super::postgres::{names_temporary, session_setting};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};

/// What the variables set.
pub(super) fn of_variables(call: &Call, findings: &mut Findings) {
    for word in split(&call.var("PGOPTIONS").unwrap_or_default()) {
        if let Some((verb, note)) = option(&word) {
            findings.effects.push(Effect::new(verb, "PGOPTIONS", Evidence::Env).because(note));
        }
    }
    let encoding = call.var("PGCLIENTENCODING").unwrap_or_default();
    if let Some((verb, note)) = setting("client_encoding", &encoding) {
        findings.effects.push(Effect::new(verb, "PGCLIENTENCODING", Evidence::Env).because(note));
    }
}

/// What a connection string or a service sets.
pub(super) fn of_pairs(pairs: &[(String, String)], evidence: Evidence, findings: &mut Findings) {
    for (key, value) in pairs {
        let found = match key.as_str() {
            "options" => Some((Verb::Unknown, "it sets options of the session")),
            "client_encoding" => setting(key, value),
            _ => None,
        };
        findings.effects.extend(found.map(|(verb, note)| Effect::new(verb, key, evidence).because(note)));
    }
}

/// What a setting does that is more than a change of taste.
fn setting(name: &str, value: &str) -> Option<(Verb, &'static str)> {
    match session_setting(name, value) {
        (_, note) if name == "search_path" && names_temporary(value) => Some((Verb::Unknown, note)),
        found if name == "search_path" => Some(found),
        found => Some(found).filter(|(verb, _)| *verb > Verb::Write),
    }
}

/// What one word of the server's options does. Other flags than those that set something by its name are not read here
/// (`-O` lets system tables be changed). Its name begins somewhere behind the flag (`-cname=x`, `-ecname=x`,
/// `--name=x`), in letters of any size, with `-` for `_`.
fn option(word: &str) -> Option<(Verb, &'static str)> {
    let named =
        word == "-c" || !word.starts_with('-') || (word.contains('=') && ["-c", "--"].iter().any(|f| word.starts_with(f)));
    if !named {
        return Some((Verb::Unknown, "an option of the server that is not known here"));
    }
    let (name, value) = word.split_once('=')?;
    let name = name.trim().to_lowercase().replace('-', "_");
    let ends = name.char_indices().filter_map(|(at, _)| name.get(at..));
    ends.filter_map(|name| setting(name, value.trim())).max_by_key(|(verb, _)| *verb)
}

/// The words of the server's options: a backslash keeps what follows it as it is.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match c {
            '\\' => word.extend(letters.next()),
            c if c.is_ascii_whitespace() || c == '\x0b' => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(options: &str) -> Option<Verb> {
        split(options).iter().filter_map(|word| option(word)).map(|(verb, _)| verb).max()
    }

    #[test]
    fn a_setting_is_found_however_it_is_spelled() {
        for (options, expected) in [
            ("", None),
            ("-c statement_timeout=5s --work-mem=1MB", None),
            ("-c standard_conforming_strings=on -c client_encoding=utf8", None),
            ("-c standard_conforming_strings=off", Some(Verb::Unknown)),
            ("-cstandard-conforming-strings=0", Some(Verb::Unknown)),
            ("-ec standard_Conforming_strings=f", Some(Verb::Unknown)),
            ("--STANDARD-conforming_strings=no", Some(Verb::Unknown)),
            ("-c standard\\_conforming\\_strings=off", Some(Verb::Unknown)),
            ("-c client_encoding=SJIS", Some(Verb::Unknown)),
            ("-c search-path=mine", Some(Verb::Write)),
            ("-c search_path=mine\\,pg_TEMP", Some(Verb::Unknown)),
            ("--search_path=pg_temp --work_mem=1MB", Some(Verb::Unknown)),
            ("-csession_preload_libraries=x", Some(Verb::Escape)),
            ("-c session_replication_role=replica", Some(Verb::Escape)),
            ("-O", Some(Verb::Unknown)),
            ("-fs", Some(Verb::Unknown)),
            ("-Ocwork_mem=1MB", Some(Verb::Unknown)),
            ("-- -c", Some(Verb::Unknown)),
            ("-c default_transaction_read_only=off", Some(Verb::Escape)),
            ("-c role=admin", Some(Verb::Grant)),
        ] {
            assert_eq!(worst(options), expected, "{options}");
        }
    }
}
