//! What is allowed: `policy.toml`, its layers, and the decision.
//!
//! `schema` is the shape of a file, `layers` finds and stacks the files, `decide` is the pure function from effects to a
//! verdict. A policy holds no flags and knows no tool's grammar; examples are judged through a function handed in.

pub mod decide;
pub mod layers;
pub mod schema;

pub use decide::{Context, decide};
pub use layers::{PolicyError, load};
pub use schema::Policy;
