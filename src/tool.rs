//! What `shims/*.toml` mean: the tool of a name, and what its words say.
//!
//! Start with [`Tool`](schema::Tool) for the shape of a file, then `argv` for how a command line is taken apart and
//! `reading` for what it comes to. Nothing here says allow or deny.

pub mod argv;
pub mod catalogue;
mod keyword;
pub mod reading;
pub mod schema;

pub use catalogue::{ShimError, all_names, find, find_for, is_known, losses, names, with_walls};
pub use reading::{Paths, Reading};
pub use schema::Tool;
