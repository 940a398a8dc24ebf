//! What calling a function does.

use super::Flavor;
use crate::effect::Verb;
use std::sync::LazyLock;

/// One function a line, sorted: its name and what calling it does. The file's first line says how to read it.
static MYSQL: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("mysql.txt").lines().skip(1).collect());

/// The same of SQLite's command line.
static SQLITE: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("sqlite.txt").lines().skip(1).collect());

/// What calling the function of this name does; none where nobody here knows.
pub(super) fn call(name: &str, flavor: Flavor) -> Option<Verb> {
    let list: &[&str] = match flavor {
        Flavor::MySql => &MYSQL,
        Flavor::Sqlite => &SQLITE,
    };
    let name = name.to_ascii_lowercase();
    let at = list.binary_search_by(|line| line.split(' ').next().unwrap_or_default().cmp(&name)).ok()?;
    let word = list.get(at)?.split_once(' ').map_or("read", |(_, word)| word);
    Verb::ALL.into_iter().find(|verb| verb.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_every_entry_can_be_read() {
        for (list, flavor) in [(&MYSQL, Flavor::MySql), (&SQLITE, Flavor::Sqlite)] {
            assert!(list.is_sorted_by_key(|line| line.split(' ').next()));
            for line in list.iter() {
                assert!(call(line.split(' ').next().unwrap(), flavor).is_some(), "{line}");
            }
        }
        assert_eq!(call("LOAD_FILE", Flavor::MySql), Some(Verb::Reveal));
        assert_eq!(call("load_extension", Flavor::Sqlite), Some(Verb::Escape));
        assert_eq!(call("purge_all", Flavor::Sqlite), None);
    }
}
