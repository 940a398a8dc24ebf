//! Secrets taken out of what is recorded.

use crate::text::sanitise;

const GONE: &str = "***";
/// A key with one of these in its name holds a secret.
const SECRET_WORDS: [&str; 8] = ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "private_key"];

fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|w| key.contains(w)) || key.ends_with("pwd")
}

/// The words of a command line without secrets; `secret`: the indices of words that the grammar knows to hold one. The
/// flag's own name stays.
pub fn redact_words(words: &[String], secret: &[usize]) -> Vec<String> {
    let mut after_secret_flag = false;
    let out = words.iter().enumerate().map(|(i, word)| {
        let hide = after_secret_flag && !word.starts_with('-');
        after_secret_flag = word.starts_with('-') && !word.contains('=') && names_a_secret(word);
        let by_grammar = secret.contains(&i) && !word.starts_with('-');
        let attached = secret.contains(&i) && word.starts_with('-');
        match word.split_once('=') {
            Some((name, _)) if by_grammar && !name.is_empty() => format!("{}={GONE}", sanitise(name)),
            _ if hide || by_grammar => GONE.to_owned(),
            Some((flag, _)) if attached => format!("{}={GONE}", sanitise(flag)),
            _ => redact(word),
        }
    });
    out.collect()
}

/// A text without the secrets that can be told by their form: `password=x`, `scheme://user:password@host`,
/// `PASSWORD 'x'` in SQL, an AWS access key.
pub fn redact(text: &str) -> String {
    hide_access_keys(&hide_sql_passwords(&hide_assignments(&hide_userinfo(text))))
}

/// `scheme://user:password@host`.
fn hide_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', ' ', '\'', '"']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let shown = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:{GONE}@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    format!("{scheme}://{shown}{}", hide_userinfo(tail))
}

/// `key=value` where the key names a secret: the value, in quotes or up to a space, `&` or `,`.
fn hide_assignments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        out.push_str(before);
        out.push('=');
        let key = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default();
        rest = after;
        if names_a_secret(key) {
            let quote = after.chars().next().filter(|c| *c == '\'' || *c == '"');
            let end = match quote {
                Some(q) => after.get(1..).and_then(|a| a.find(q)).map_or(after.len(), |at| at + 2),
                None => after.find([' ', '&', ',', ';']).unwrap_or(after.len()),
            };
            out.push_str(GONE);
            rest = after.get(end..).unwrap_or_default();
        }
    }
    out + rest
}

/// `PASSWORD 'x'`, as in `ALTER ROLE … PASSWORD 'x'`.
fn hide_sql_passwords(text: &str) -> String {
    const WORD: &str = "password '";
    let Some(at) = text.to_ascii_lowercase().find(WORD) else { return text.to_owned() };
    let start = at + WORD.len();
    let (before, after) = (text.get(..start).unwrap_or_default(), text.get(start..).unwrap_or_default());
    let end = after.find('\'').unwrap_or(after.len());
    format!("{before}{GONE}{}", hide_sql_passwords(after.get(end..).unwrap_or_default()))
}

/// AKIA or ASIA and sixteen more letters and digits.
fn hide_access_keys(text: &str) -> String {
    const LENGTH: usize = 20;
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let words = text.split_inclusive(|c: char| !is_part(c));
    let hidden = words.map(|word| {
        let bare = word.trim_end_matches(|c: char| !is_part(c));
        let is_key = bare.len() == LENGTH && (bare.starts_with("AKIA") || bare.starts_with("ASIA"));
        if is_key { word.replacen(bare, GONE, 1) } else { word.to_owned() }
    });
    hidden.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (given, kept) in [
            ("postgres://app:hunter2@db.internal/x", "postgres://app:***@db.internal/x"),
            ("host=db password=hunter2 user=app", "host=db password=*** user=app"),
            ("db_password='a b' x", "db_password=*** x"),
            ("alter role app password 'hunter2';", "alter role app password '***';"),
            ("id AKIAIOSFODNN7EXAMPLE.", "id ***."),
            ("select 1", "select 1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(redact(given), kept);
        }
    }

    #[test]
    fn a_secret_flag_keeps_its_name_and_loses_its_value() {
        let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(redact_words(&words(&["--secret-string", "x"]), &[]), ["--secret-string", "***"]);
        assert_eq!(redact_words(&words(&["--blob=x", "y"]), &[0]), ["--blob=***", "y"]);
        assert_eq!(redact_words(&words(&["-var", "db_password=x"]), &[]), ["-var", "db_password=***"]);
    }
}
