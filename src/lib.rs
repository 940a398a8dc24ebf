//! sprag stands between a shell and the tools that can destroy.
//!
//! One binary with two faces: started under a tool's name it is the tool's shim ([`shim`], the page to read first); started as
//! `sprag` it is the command line for people ([`cli`]). The library exists for the binary, its tests and its fuzzers; it
//! is no interface for others.

pub mod approve;
pub mod call;
pub mod cli;
pub mod confine;
pub mod effect;
pub mod inspect;
pub mod memory;
pub mod place;
pub mod policy;
pub mod profile;
pub mod reach;
pub mod record;
pub mod repository;
pub mod run;
pub mod say;
pub mod session;
pub mod shim;
pub mod sys;
pub mod text;
pub mod tool;
pub mod verdict;
