//! The walk over every dialect's statements: whatever text comes, there is an answer, and white space around it changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sprag::effect::worst;
use sprag::inspect::sql::{mysql, postgres, sqlite};

fuzz_target!(|text: &str| {
    let verb = |text: &str| {
        postgres::judge(text).map(|statements| {
            assert!(statements.iter().all(|s| !s.effects.is_empty()), "every statement has an effect");
            statements.iter().map(|s| worst(&s.effects)).max()
        })
    };
    match (verb(text), verb(&format!(" {text}\n"))) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (one, other) => assert_eq!(one.is_err(), other.is_err()),
    }
    let _ = mysql::judge_script(text.as_bytes(), &mut |_| None);
    let _ = sqlite::judge_script(text.as_bytes());
});
