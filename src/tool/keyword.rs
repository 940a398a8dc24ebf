//! Options of ssh as text: `-o 'ProxyCommand x'`, `-o ProxyCommand=x` and what else means the same.
//!
//! As OpenSSH takes them apart (`strdelim` in misc.c, compared with `ssh -G` of 9.2): a word ends at a blank, a quote or `=`; quotes
//! inside a name are taken away, and an empty first word is passed over.

/// `name=value`, the name in small letters; none where ssh would refuse the text.
pub(super) fn normal(text: &str) -> Option<String> {
    let (mut name, mut rest) = word(text.trim_end())?;
    if name.is_empty() {
        (name, rest) = word(rest)?;
    }
    let value = rest.trim_start_matches([' ', '\t', '=']);
    let value = value.strip_prefix('"').map_or(value, |inside| inside.strip_suffix('"').unwrap_or(inside));
    Some(format!("{}={value}", name.to_ascii_lowercase()))
}

/// The next word without its quotes, and what follows the blanks and the `=` behind it; none where a quote is left open.
fn word(text: &str) -> Option<(String, &str)> {
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let text = text.trim_start_matches(is_blank);
    let end = text.find(|c: char| is_blank(c) || matches!(c, '"' | '=')).unwrap_or(text.len());
    let (plain, rest) = text.split_at_checked(end)?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (inside, behind) = quoted.split_once('"')?;
        return Some((format!("{plain}{inside}"), behind.trim_start_matches(is_blank)));
    }
    let past = rest.trim_start_matches(is_blank);
    let past = past.strip_prefix('=').unwrap_or(past);
    Some((plain.to_owned(), past.trim_start_matches(is_blank)))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn every_spelling_that_ssh_takes_is_the_same_option() {
        for text in [
            "ProxyCommand=x",
            "ProxyCommand x",
            " ProxyCommand\t= x",
            "=ProxyCommand=x",
            "= ProxyCommand=x",
            "\"ProxyCommand\"=x",
            "\"ProxyCommand\" x",
            "Proxy\"Command\"=x",
            "Proxy\"Command\" x",
            "\"\"ProxyCommand=x",
            "\"\" ProxyCommand=x",
            "proxycommand \"x\"",
        ] {
            assert_eq!(normal(text).as_deref(), Some("proxycommand=x"), "{text}");
        }
    }

    #[test]
    fn what_is_another_option_stays_one() {
        for (text, is) in [
            ("==ProxyCommand=x", Some("=ProxyCommand=x")),
            ("\"Pro\"xy\"Command\" x", Some("pro=xy\"Command\" x")),
            ("User=x,ProxyCommand=y", Some("user=x,ProxyCommand=y")),
            ("\"ProxyCommand=x", None),
            ("", Some("=")),
        ] {
            assert_eq!(normal(text).as_deref(), is, "{text}");
        }
    }
}
