//! Blocks of PL/pgSQL that run now (`DO`), where they are nothing but statements, conditions, messages and handlers of exceptions, as
//! migrations write them.
//!
//! Without a declaration and a loop no name in them is a variable's, so that each statement means what it means by itself.
//! Whatever else a block holds makes it code that cannot be seen into.

/// Statements of the language that are looked at no further.
const OTHERS: [&str; 22] = [
    "assert",
    "call",
    "case",
    "close",
    "commit",
    "continue",
    "declare",
    "execute",
    "exit",
    "fetch",
    "for",
    "foreach",
    "get",
    "loop",
    "move",
    "open",
    "prepare",
    "rollback",
    "savepoint",
    "start",
    "while",
    "deallocate",
];
/// What is set without being declared.
const SET: [&str; 3] = ["found", "sqlerrm", "sqlstate"];

/// The statements of a block, and its conditions as queries; none where it is more than that.
pub(super) fn statements(body: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for piece in pieces(body)? {
        statement(&piece, &mut found)?;
    }
    Some(found)
}

/// What semicolons separate, comments left out. No backslash and no other quotes than plain ones: where they end is not asked.
fn pieces(body: &str) -> Option<Vec<String>> {
    // A comment ends at either kind of line end; a name with escapes can be any name.
    let lower = body.replace("\r\n", "\n").to_ascii_lowercase();
    if lower.contains(['\\', '$', '\r']) || ["/*", "u&", "uescape"].iter().any(|part| lower.contains(part)) {
        return None;
    }
    let mut letters = body.chars().peekable();
    let (mut found, mut piece, mut quote) = (Vec::new(), String::new(), None);
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '-') if letters.peek() == Some(&'-') => {
                while letters.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            (None, ';') => {
                found.push(std::mem::take(&mut piece));
                continue;
            }
            (None, _) => {}
        }
        piece.push(letter);
    }
    found.push(piece);
    quote.is_none().then_some(found)
}

/// Takes the words of the language away from before a statement.
fn statement(piece: &str, found: &mut Vec<String>) -> Option<()> {
    let (word, rest) = first_word(piece);
    match word.as_str() {
        "" if rest.is_empty() => Some(()),
        "begin" | "else" | "exception" => statement(rest, found),
        "end" => ["", "if"].contains(&rest.trim().to_ascii_lowercase().as_str()).then_some(()),
        "when" => {
            let (conditions, rest) = up_to_then(rest)?;
            let plain = conditions.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '\'' || c.is_whitespace());
            plain.then(|| statement(rest, found)).flatten()
        }
        "if" | "elsif" | "elseif" => {
            let (condition, rest) = up_to_then(rest)?;
            let of_case = words(condition).any(|word| word == "case");
            // Whether the statement before found something decides, and does nothing.
            if ["found", "not found"].contains(&condition.to_ascii_lowercase().as_str()) {
                return statement(rest, found);
            }
            (!of_case && !names_what_is_set(condition)).then_some(())?;
            found.push(format!("SELECT ({condition})"));
            statement(rest, found)
        }
        // What a message shows is computed first: names and constants, of no table.
        "raise" => {
            let bare = outside_quotes(rest)?;
            let plain = bare.chars().all(|c| c.is_ascii_alphanumeric() || "_,%=. \t\n".contains(c));
            (plain && !words(&bare).any(|word| ["from", "select", "table"].contains(&word.as_str()))).then_some(())
        }
        "null" | "return" => rest.trim().is_empty().then_some(()),
        other if OTHERS.contains(&other) || names_what_is_set(piece) => None,
        "perform" => {
            found.push(format!("SELECT {rest}"));
            Some(())
        }
        _ => {
            found.push(piece.trim().to_owned());
            Some(())
        }
    }
}

/// A text without what stands in quotes.
fn outside_quotes(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('\'').collect();
    (parts.len() % 2 == 1 && !text.contains('"')).then(|| parts.into_iter().step_by(2).collect::<Vec<_>>().join(" "))
}

fn first_word(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word.to_ascii_lowercase(), rest)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()).map(str::to_ascii_lowercase)
}

fn names_what_is_set(text: &str) -> bool {
    words(text).any(|word| SET.contains(&word.as_str()))
}

/// What stands before the first `THEN` outside of quotes, and what behind it.
fn up_to_then(text: &str) -> Option<(&str, &str)> {
    let lower = text.to_ascii_lowercase();
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
    let (at, _) = lower.match_indices("then").find(|(at, _)| {
        let (before, after) = (lower.get(..*at).unwrap_or_default(), lower.get(at + 4..).unwrap_or_default());
        let quoted = ['\'', '"'].iter().any(|quote| before.matches(*quote).count() % 2 == 1);
        !quoted && boundary(before.chars().next_back()) && boundary(after.chars().next())
    })?;
    Some((text.get(..at)?.trim(), text.get(at + 4..)?))
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn what_migrations_write_is_judged_statement_by_statement() {
        check(&[
            ("do $$ begin create type mood as enum ('a'); exception when duplicate_object then null; end $$", "write mood"),
            (
                "do $$ begin\n alter table a add constraint c foreign key (b) references t (id) on delete cascade;\n\
                 exception\n when duplicate_object or duplicate_table then null;\nend $$;",
                "write a",
            ),
            (
                "do $$ begin if not exists (select 1 from t where a = 'then;') then raise notice 'x'; \
                 else insert into t values (1); end if; end $$",
                "read t, write t",
            ),
            ("do $$ -- drop table t;\nbegin perform 1; end $$", "read (database)"),
            ("do $$ begin delete from t where id = 5; update t set a = 1 where id = 6; return; end $$", "write t"),
            ("do language plpgsql 'begin if true then drop table t; end if; end'", "destroy! t"),
            ("do $$ begin delete from t; end $$", "destroy! t"),
            (
                "do $$ begin perform 1 from t; if not found then create type m as enum (); end if; \
                 raise notice 'made (%)', 1; exception when sqlstate '42710' then null; end $$",
                "read t, write m",
            ),
            ("do $$ begin if tidy_up() then null; end if; end $$", "unknown tidy_up"),
        ]);
    }

    #[test]
    fn what_a_block_may_have_done_is_not_leaned_on() {
        check(&[
            (
                "begin; do $$ begin if false then create temp table t (i int); end if; end $$; delete from t",
                "read (database), write t, destroy! t",
            ),
            ("do $$ begin if false then create temp table t (i int); end if; delete from t; end $$", "write t, destroy! t"),
            (
                "begin; create temp table t (i int); do $$ begin drop table t; end $$; delete from t",
                "read (database), write t, destroy! t, destroy! t",
            ),
            (
                "do $$ begin create table public.t (i int); end $$; alter table public.t owner to mallory",
                "write public.t, grant public.t",
            ),
        ]);
    }

    #[test]
    fn a_name_that_means_another_table_again_is_no_temporary_one() {
        check(&[
            (
                "begin; create temp table t (i int); alter table t rename to t9; drop table t",
                "read (database), write t, write t, destroy! t",
            ),
            (
                "begin; create temp table t (i int); discard temp; drop table t",
                "read (database), write t, write (database), destroy! t",
            ),
            (
                "set search_path to public, pg_temp; begin; create temp table t (i int); drop table t",
                "write search_path, read (database), write t, destroy! t",
            ),
        ]);
    }

    #[test]
    fn anything_else_is_code() {
        check(&[
            ("do $$ begin execute 'x'; end $$", "escape DO"),
            ("do $$ declare x int; begin update t set a = 1 where b = x; end $$", "escape DO"),
            ("do $$ begin for r in select 1 loop null; end loop; end $$", "escape DO"),
            ("do $$ begin update t set a = 1 where found = true; end $$", "escape DO"),
            ("do $$ begin raise notice '%', f(); end $$", "escape DO"),
            ("do $$ begin raise notice '%', rolpassword from pg_authid; end $$", "escape DO"),
            ("do $$ begin raise notice '%', 'x'::d; end $$", "escape DO"),
            ("do $$ begin x := 1; end $$", "escape DO"),
            ("do $$ begin -- x\rdelete from t where id = 1;\n perform 1; end $$", "destroy DO"),
            ("do $$ begin update t set a = 1 where U&\"!0066ound\" UESCAPE '!' = 'f'; end $$", "escape DO"),
            ("do $$ begin select E'\\\\';  end $$", "escape DO"),
            ("do $$ begin /* ; */ null; end $$", "escape DO"),
            ("do $$ begin if case when true then false end then null; end if; end $$", "escape DO"),
            ("do language plperl $$ begin null; end $$", "escape DO"),
            ("do $$ begin drop tabel t; end $$", "destroy DO"),
        ]);
    }
}
