//! Compiles the part of libpg_query that parses, out of the crate `pg_query`.
//!
//! The crate is a dependency for a condition that never holds: `Cargo.lock` pins it and cargo fetches
//! it, but its build script, which wants libclang, never runs. Only the C below is compiled, and only
//! when the crate or the target changes, not whenever the rest of our build script runs again.

use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The condition of the dependency in `Cargo.toml`. Cargo is told that it holds only when it is asked
/// where the crate lies.
const CONDITION: &str = "sprag_c_source";

/// The crate that carries the C source.
const CRATE: &str = "pg_query";

/// The files of libpg_query itself that parsing to JSON needs, besides those of Postgres.
const FILES: [&str; 3] = ["pg_query.c", "pg_query_parse.c", "pg_query_outfuncs_json.c"];

/// Compiles the library unless that was done, and tells cargo how to link it.
pub(crate) fn compile() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build/libpg_query.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let source = source()?;
    let stamp = out.join("libpg_query.stamp");
    let wanted = source.display().to_string();
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) && out.join("libpg_query.a").is_file() {
        println!("cargo::rustc-link-search=native={}", out.display());
        println!("cargo::rustc-link-lib=static=pg_query");
        return Ok(());
    }
    build(&source)?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Compiles what parsing needs. The rest of the library is not compiled: the functions that would want it
/// are in sections of their own that the linker throws away.
fn build(library: &Path) -> Result<(), Box<dyn Error>> {
    let source = library.join("src");
    let mut build = cc::Build::new();
    for entry in fs::read_dir(source.join("postgres"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "c") && !path.to_string_lossy().contains("plpgsql") {
            build.file(path);
        }
    }
    build
        .files(FILES.map(|file| source.join(file)))
        .include(library)
        .include(library.join("vendor"))
        .include(library.join("vendor/upb"))
        .include(source.join("postgres/include"))
        .include(source.join("include"))
        .flags(["-fno-strict-aliasing", "-fwrapv", "-ffunction-sections", "-fdata-sections"])
        .opt_level(2)
        .debug(false)
        .warnings(false);
    build.try_compile("pg_query")?;
    Ok(())
}

/// The folder of libpg_query in the crate, which is fetched where it is not there yet.
fn source() -> Result<PathBuf, Box<dyn Error>> {
    let metadata = metadata(&["--offline"]).or_else(|_| metadata(&[]))?;
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let package = packages.iter().find(|package| package.get("name").and_then(Value::as_str) == Some(CRATE));
    let manifest = package
        .and_then(|package| package.get("manifest_path")?.as_str())
        .ok_or("cargo metadata does not name the crate pg_query")?;
    Ok(Path::new(manifest).with_file_name("libpg_query"))
}

/// What cargo says of our packages on this target, as if [`CONDITION`] held.
fn metadata(options: &[&str]) -> Result<Value, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &env::var("TARGET")?])
        .args(options)
        .current_dir(env::var("CARGO_MANIFEST_DIR")?)
        .env("CARGO_ENCODED_RUSTFLAGS", format!("--cfg\u{1f}{CONDITION}"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
