//! A tool that does nothing: what `scripts/bench` starts.

fn main() {}
