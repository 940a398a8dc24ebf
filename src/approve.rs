//! A person's yes: sought on the terminal, or found among the answers that were given elsewhere.
//!
//! An answer belongs to the digest of what was shown: exactly that runs, once. Today an answer is a person at a terminal of
//! the same user, which stops mistakes and not malice; [`Proof`] is where a signature will stand.

mod request;
mod store;
mod terminal;

pub use request::{Proof, Request, Subject};
pub use store::{Store, StoreError};
pub use terminal::{Asked, Terminal};

use crate::verdict::Approval;

/// Who answers at the prompt, in words.
pub const AT_THE_PROMPT: &str = "the person at the terminal";

/// What seeking an approval came to.
#[derive(Debug)]
pub enum Answer {
    /// A person said yes to exactly this.
    Yes(Approval),
    /// A person said no.
    No,
    /// Nobody was there to ask: the request waits.
    Later(Box<Request>),
}

/// What a person is shown, and must type.
#[derive(Debug)]
pub struct Question<'a> {
    /// The words.
    pub text: &'a str,
    /// The name to type where something is lost; absent: `y`.
    pub name_to_type: Option<&'a str>,
}

/// Seeks a person's yes for `subject`: an answer given elsewhere and not yet used; else a prompt, where a person sits at
/// the terminal and `at_terminal` allows it; else a request that waits.
///
/// # Errors
/// When requests cannot be kept; the call then does not run.
pub fn seek(store: &Store, subject: &Subject, question: &Question<'_>, at_terminal: bool) -> Result<Answer, StoreError> {
    if let Some(request) = store.take_answer(&subject.digest())? {
        return Ok(Answer::Yes(Approval { by: request.answered_by(), request: request.id }));
    }
    if let (true, Some(mut terminal)) = (at_terminal, Terminal::of_the_caller()) {
        return Ok(match terminal.ask(question) {
            Asked::Yes => Answer::Yes(Approval { request: String::new(), by: AT_THE_PROMPT.to_owned() }),
            Asked::No => Answer::No,
        });
    }
    Ok(Answer::Later(Box::new(store.ask(subject)?)))
}
