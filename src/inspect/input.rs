//! Standard input of a tool that runs what stands there, and that is judged as a whole before it starts.

use super::{Findings, Probe, ProbeError, Stdin as Given, Until};
use crate::call::{Call, Stdin};
use crate::effect::{Effect, Evidence, Verb};
use crate::verdict::Obligation;

/// All of standard input, which the tool then gets as it was judged; nothing where there is none, or it cannot be asked.
///
/// # Errors
/// What has to be said of it instead, where it is a terminal or cannot be read to its end.
pub(super) fn whole(call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Result<Option<Vec<u8>>, Box<Effect>> {
    match call.stdin {
        Stdin::Null => return Ok(None),
        Stdin::Terminal => {
            let effect = Effect::new(Verb::Escape, "interactive session", Evidence::Stdin);
            return Err(Box::new(effect.because("what is typed at the terminal is not judged")));
        }
        Stdin::Text(_) | Stdin::File | Stdin::Pipe => findings.obligations.push(Obligation::ScreenStdin),
    }
    let unread = |why: String| Box::new(Effect::new(Verb::Unknown, "stdin", Evidence::Stdin).because(why));
    match probe.stdin(Until::End) {
        Ok(Given::Whole(bytes, sealed)) => {
            findings.rewrite.stdin = sealed;
            Ok(Some(bytes))
        }
        Ok(Given::Begun(_)) => Err(unread("its end cannot be waited for".to_owned())),
        Err(ProbeError::NotAsked) => Ok(None),
        Err(e) => Err(unread(format!("standard input cannot be read: {e}"))),
    }
}
