//! SQL and PartiQL that an operation carries: judged as the statements they are.

use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::sql::{mysql, postgres, sqlite};
use crate::tool::Reading;
use serde_json::Value;

/// Whose grammar a service's statements follow.
#[derive(Debug, Clone, Copy)]
enum Language {
    /// PostgreSQL's or MySQL's, as the cluster is: what either would do counts.
    Either,
    /// PostgreSQL's, more or less.
    Postgres,
    /// PartiQL: what of it is SQL.
    PartiQl,
}

/// The operations, the option that carries statements, and whose they are.
const CARRIERS: [(&str, &str, &str, Language); 9] = [
    ("rds-data", "execute-statement", "--sql", Language::Either),
    ("rds-data", "batch-execute-statement", "--sql", Language::Either),
    ("rds-data", "execute-sql", "--sql-statements", Language::Either),
    ("redshift-data", "execute-statement", "--sql", Language::Postgres),
    ("redshift-data", "batch-execute-statement", "--sqls", Language::Postgres),
    ("athena", "start-query-execution", "--query-string", Language::Postgres),
    ("dynamodb", "execute-statement", "--statement", Language::PartiQl),
    ("dynamodb", "batch-execute-statement", "--statements", Language::PartiQl),
    ("dynamodb", "execute-transaction", "--transact-statements", Language::PartiQl),
];

/// What the statements of the call would do; none where it carries none, or one that cannot be followed.
pub(super) fn effects(reading: &Reading<'_>) -> Option<Vec<Effect>> {
    let words = reading.command_words();
    let (_, _, flag, language) =
        CARRIERS.iter().find(|(service, operation, _, _)| words.as_slice() == [*service, *operation])?;
    let mut effects = Vec::new();
    for value in reading.parsed.flags.iter().filter(|f| f.name == *flag).flat_map(|f| &f.values) {
        for text in texts(value)? {
            effects.extend(judged(&text, *language)?);
        }
    }
    (!effects.is_empty()).then_some(effects)
}

/// The statements in an option's value: one, or those of a list in JSON.
fn texts(value: &str) -> Option<Vec<String>> {
    if value.contains("file://") || value.contains("fileb://") {
        return None;
    }
    if !value.starts_with(['[', '{']) {
        return (!value.contains("Statement=")).then(|| vec![value.to_owned()]);
    }
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => fields.get("Statement").and_then(Value::as_str).map(str::to_owned),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    let value: Value = serde_json::from_str(value).ok()?;
    match value.as_array() {
        Some(items) => items.iter().map(text).collect(),
        None => text(&value).map(|text| vec![text]),
    }
}

/// What one text does; none where its grammar refuses it.
fn judged(text: &str, language: Language) -> Option<Vec<Effect>> {
    let by_postgres = || postgres::judge(text).ok().map(|all| all.into_iter().flat_map(|s| s.effects).collect());
    let whole = |mut effects: Vec<Effect>| {
        if effects.is_empty() {
            effects.push(Effect::new(Verb::Read, "(database)", Evidence::Sql));
        }
        effects.iter().all(|e| e.verb != Verb::Unknown).then_some(effects)
    };
    match language {
        Language::Postgres => by_postgres(),
        Language::PartiQl => whole(sqlite::judge_script(text.as_bytes())),
        Language::Either => {
            let by_mysql = whole(mysql::judge_script(text.as_bytes(), &mut |_| None));
            // Where one may take for a comment or a string what the other runs, both must understand it.
            let alike = !text.contains(['\\', '#']) && !text.contains("/*") && !text.contains("--");
            match (by_postgres(), by_mysql) {
                (Some(one), Some(other)) => Some(one.into_iter().chain(other).collect()),
                (one, other) if alike => one.or(other),
                (_, _) => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::worst;

    #[test]
    fn a_statement_does_what_either_of_its_grammars_says() {
        let verb = |text: &str, language| judged(text, language).map(|effects| worst(&effects));
        for (text, expected) in [
            ("select 1", Some(Verb::Read)),
            ("select 1 /*! ; drop table t */", None),
            ("select 'a\\'; drop table t; --'", Some(Verb::Destroy)),
            ("select 1 /* a */", Some(Verb::Read)),
            ("delete from t", Some(Verb::Destroy)),
            ("select `a` from t", Some(Verb::Read)),
            ("frobnicate", None),
        ] {
            assert_eq!(verb(text, Language::Either), expected, "{text}");
        }
        assert_eq!(verb("SELECT * FROM t", Language::PartiQl), Some(Verb::Read));
        assert_eq!(verb("DELETE FROM \"t\"", Language::PartiQl), Some(Verb::Destroy));
        assert_eq!(verb("INSERT INTO t VALUE {'a': 1}", Language::PartiQl), None);
    }

    #[test]
    fn every_statement_of_a_list_is_found() {
        assert_eq!(texts("select 1"), Some(vec!["select 1".to_owned()]));
        assert_eq!(texts("[\"a\", \"b\"]"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(texts("[{\"Statement\": \"a\"}]"), Some(vec!["a".to_owned()]));
        for text in ["file://x", "Statement=a", "[1]", "{\"x\": 1}", "[\"a\""] {
            assert_eq!(texts(text), None, "{text}");
        }
    }
}
