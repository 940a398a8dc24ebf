//! Turns `shims/*.toml` and `policy.toml` into compact tables, so that the shim parses no TOML at start-up; compiles the
//! grammar of Postgres.
//!
//! Measured: a 22 KB TOML file costs 1.2-2.0 ms at start, the same as a postcard table 0.14 ms. Examples are left out:
//! they are tests. A file that does not parse stops the build with its place.

#![allow(dead_code, reason = "the modules are the program's own; only their shapes are used here")]

#[path = "build/libpg_query.rs"]
mod libpg_query;

#[path = "src/effect.rs"]
mod effect;
#[path = "src/place.rs"]
mod place;
#[path = "src/profile.rs"]
mod profile;
#[path = "src/reach.rs"]
mod reach;
#[path = "src/verdict.rs"]
mod verdict;
#[path = "src/tool"]
mod tool {
    pub mod schema;
}
#[path = "src/policy"]
mod policy {
    pub mod schema;
}

use profile::Profile;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use tool::schema::Tool;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in
        ["shims", "policy.toml", "src/effect.rs", "src/profile.rs", "src/reach.rs", "src/verdict.rs", "src/place.rs"]
    {
        println!("cargo::rerun-if-changed={input}");
    }
    println!("cargo::rerun-if-changed=src/tool/schema.rs");
    println!("cargo::rerun-if-changed=src/policy/schema.rs");
    tools(&out)?;
    policy(&out)?;
    libpg_query::compile()
}

/// One table a tool, and the sorted list of names.
fn tools(out: &Path) -> Result<(), Box<dyn Error>> {
    let pieces: BTreeMap<String, Profile> = toml::from_str(&read("shims/profiles/pieces.toml")?)?;
    let mut files: Vec<PathBuf> = fs::read_dir("shims")?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut all_names = BTreeMap::new();
    for file in files {
        let shown = file.display().to_string();
        let text = read(&shown)?;
        let mut tool: Tool = toml::from_str(&text).map_err(|e| place::cite(&shown, &text, &e))?;
        tool.example.clear();
        for piece in std::mem::take(&mut tool.profile.inherits) {
            let piece =
                pieces.get(&piece).ok_or(format!("{shown}: the profile inherits `{piece}`, which pieces.toml has not"))?;
            tool.profile.add(piece);
        }
        let stem = file.file_stem().and_then(|s| s.to_str()).ok_or("a shim file needs a name")?.to_owned();
        let (names, link) = (tool.names.clone(), tool.link);
        fs::write(out.join(format!("{stem}.bin")), pack(tool)?)?;
        for name in &names {
            if let Some((other, _)) = all_names.insert(name.clone(), (stem.clone(), link)) {
                return Err(format!("{shown}: the name `{name}` is also in shims/{other}.toml").into());
            }
        }
    }
    let mut code = String::from(
        "/// Name, table, and whether it gets a link, of every shipped tool, sorted by name.\nstatic TOOLS: &[(&str, &[u8], bool)] = &[\n",
    );
    for (name, (stem, link)) in all_names {
        writeln!(code, "    ({name:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{stem}.bin\")), {link}),")?;
    }
    code.push_str("];\n");
    Ok(fs::write(out.join("catalogue.rs"), code)?)
}

/// A tool's commands apart, each with its path in front, and its losses apart (`Packed` in src/tool/catalogue.rs).
fn pack(mut tool: Tool) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut commands: Vec<(String, Vec<u8>)> = Vec::new();
    for command in std::mem::take(&mut tool.command) {
        commands.push((command.path.join(" "), postcard::to_stdvec(&command)?));
    }
    let losses = postcard::to_stdvec(&std::mem::take(&mut tool.loss))?;
    Ok(postcard::to_stdvec(&(tool, commands, losses))?)
}

fn policy(out: &Path) -> Result<(), Box<dyn Error>> {
    let mut layer = policy::schema::parse(&read("policy.toml")?, "policy.toml")?;
    for rule in &mut layer.rules {
        rule.examples.clear();
    }
    Ok(fs::write(out.join("policy.bin"), postcard::to_stdvec(&layer)?)?)
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}
