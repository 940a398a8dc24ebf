//! Which variables of the caller reach the tool.

use crate::profile::Environment;
use std::collections::BTreeMap;
use std::ffi::OsString;
use wildmatch::WildMatch;

/// What every program needs, beside what its profile allows.
const ALWAYS: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TERM",
    "COLORTERM",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
];

/// What never reaches a tool: it makes loaders, shells, interpreters and git run something else than what was judged.
/// `SPRAG_*` is sprag's own.
const NEVER: [&str; 25] = [
    "LD_*",
    "GCONV_PATH",
    "MALLOC_*",
    "BASH_ENV",
    "ENV",
    "BASH_FUNC_*",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PERL5OPT",
    "PERL5LIB",
    "PERL5DB",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "RUBYOPT",
    "NODE_OPTIONS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_PAGER",
    "GIT_CONFIG*",
    "SPRAG_*",
];

/// The environment that passes. With an allow-list only what it names (and what every program needs) does.
pub fn pass(rules: &Environment, env: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
    let compile = |names: &mut dyn Iterator<Item = &str>| -> Vec<WildMatch> { names.map(WildMatch::new).collect() };
    let allow = compile(&mut ALWAYS.into_iter().chain(rules.allow.iter().map(String::as_str)));
    let never = compile(&mut NEVER.into_iter());
    let deny = compile(&mut rules.deny.iter().map(String::as_str));
    let keep = compile(&mut rules.keep.iter().map(String::as_str));
    let passes = |name: &str| {
        let one_of = |list: &[WildMatch]| list.iter().any(|p| p.matches(name));
        let dangerous = one_of(&never) && !one_of(&keep);
        !dangerous && !one_of(&deny) && (rules.allow.is_empty() || one_of(&allow))
    };
    // Messages, which are formats of `printf`, are read from wherever a language names: only a name is one.
    let is_path = |name: &str, value: &OsString| {
        let is_language = name == "LANG" || name == "LANGUAGE" || name.starts_with("LC_");
        is_language && value.as_encoded_bytes().contains(&b'/')
    };
    // A name that is not UTF-8 is no name a shim could mean.
    env.iter()
        .filter(|(k, v)| k.to_str().is_some_and(|k| passes(k) && !is_path(k, v)))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rules: &Environment, given: &[&str]) -> Vec<String> {
        let env = given.iter().map(|n| (OsString::from(n), OsString::from("x"))).collect();
        pass(rules, &env).into_keys().map(|k| k.into_string().unwrap()).collect()
    }

    #[test]
    fn a_leaf_tool_gets_what_its_profile_names() {
        let rules = Environment { allow: vec!["PG*".into()], ..Environment::default() };
        assert_eq!(names(&rules, &["PGHOST", "AWS_PROFILE", "PATH", "LD_PRELOAD"]), ["PATH", "PGHOST"]);
    }

    #[test]
    fn a_tool_without_a_list_gets_all_but_the_dangerous() {
        let rules = Environment { deny: vec!["TF_CLI_ARGS*".into()], ..Environment::default() };
        let got = names(&rules, &["TF_CLI_ARGS_apply", "AWS_PROFILE", "LD_PRELOAD", "BASH_FUNC_x%%", "TF_VAR_a"]);
        assert_eq!(got, ["AWS_PROFILE", "TF_VAR_a"]);
    }

    #[test]
    fn what_an_inspector_judges_may_pass() {
        let rules = Environment { keep: vec!["GIT_*".into()], ..Environment::default() };
        assert_eq!(names(&rules, &["GIT_EDITOR", "GIT_DIR", "LD_PRELOAD"]), ["GIT_DIR", "GIT_EDITOR"]);
    }
}
