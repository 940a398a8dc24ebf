//! gh and glab: what stands in files that they read.

use sprag::effect::{Verb, worst};
use sprag::inspect::{Unasked, deepen};
use sprag::shim::call_of_words;
use sprag::tool;
use std::ffi::OsString;

/// What a command line does in a folder with these files, which is a home too.
fn verb(files: &[(&str, &str)], line: &str) -> Verb {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let words: Vec<OsString> = shell_words::split(line).unwrap().into_iter().map(OsString::from).collect();
    let mut call = call_of_words(words, folder.path()).unwrap();
    call.env = std::iter::once(("HOME".into(), folder.path().into())).collect();
    let tools = tool::find(&call.name).unwrap();
    worst(&deepen(&tools[0].read(&call), &call, &Unasked(&call)).effects)
}

#[test]
fn what_a_file_sends_is_read() {
    for (body, wanted) in [
        (r#"{"private": false}"#, Verb::Grant),
        (r#"{"archived": true}"#, Verb::Destroy),
        (r#"{"private": true, "description": "archived=true"}"#, Verb::Write),
        (r#"{"private": "#, Verb::Unknown),
        ("PK", Verb::Write),
    ] {
        assert_eq!(verb(&[("b.json", body)], "gh api repos/o/r -X PATCH --input b.json"), wanted, "{body}");
    }
    for (query, wanted) in [
        ("mutation { deleteRef(input: {refId: 1}) { x } }", Verb::Destroy),
        ("query { repository(name: \"deleteRef\") { closed } }", Verb::Read),
    ] {
        assert_eq!(verb(&[("q.graphql", query)], "gh api graphql -F query=@q.graphql"), wanted, "{query}");
    }
    assert_eq!(verb(&[("v", "public")], "glab api -X PUT projects/1 -F visibility=@v"), Verb::Grant);
}

#[test]
fn an_alias_is_what_the_file_of_its_tool_says() {
    let gh = [(".config/gh/config.yml", "editor: vim\naliases:\n    bye: repo delete $1\n    see: pr view\n")];
    assert_eq!(verb(&gh, "gh bye o/r"), Verb::Destroy);
    assert_eq!(verb(&gh, "gh see 1"), Verb::Read);
    assert_eq!(verb(&gh, "glab see 1"), Verb::Unknown);
    let glab = [(".config/glab-cli/aliases.yml", "bye: mr delete\nsee: mr view\nrun: '!rm -rf /'\n")];
    assert_eq!(verb(&glab, "glab bye 1"), Verb::Destroy);
    assert_eq!(verb(&glab, "glab see 1"), Verb::Read);
    assert_eq!(verb(&glab, "glab run"), Verb::Destroy);
    assert_eq!(verb(&glab, "gh see 1"), Verb::Unknown);
}
