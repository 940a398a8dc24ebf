//! How far a call gets that another call starts: plain data, written in `shims/`.

use serde::{Deserialize, Serialize};

/// Where a call inside a call is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Found through PATH: a guarded tool is judged again when it starts, with all that can be found out then.
    #[default]
    Path,
    /// On this machine, past the shims (`sudo`): nothing judges it again.
    Past,
    /// On another machine or in a container: nothing judges it again, and its paths are not this machine's.
    Away,
    /// In a container that is made for it: what lies there is nobody's yet, and any program may run.
    Fresh,
}
