//! A thread that answers for texts: with a stack of its own, and not for longer than it may take.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Parsers enter themselves for each level of nesting, and the server's own allows itself what the thread has; musl would
/// report a main thread's stack far too small.
const STACK: usize = 32 * 1024 * 1024;

/// How long one text may take; hostile nesting can take a parser minutes, nested comments the server's own lexer.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How long the scripts of one run may take, all in all: the largest that are read would take minutes if all their statements
/// were short.
const ALL_LIMIT: Duration = Duration::from_secs(60);

/// Until when the scripts of a run are judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(Instant);

impl Limit {
    /// One that begins now.
    pub(super) fn begin() -> Limit {
        Limit(Instant::now() + ALL_LIMIT)
    }

    /// One that is over.
    #[cfg(test)]
    pub(super) fn over() -> Limit {
        Limit(Instant::now())
    }

    /// Why no more is judged, once that is so.
    pub(super) fn reached(self) -> Option<String> {
        (Instant::now() >= self.0).then(|| format!("not judged within {} seconds", ALL_LIMIT.as_secs()))
    }
}

/// A thread that answers for each question in its order.
#[derive(Debug)]
pub(super) struct Worker<Q, A> {
    questions: Sender<Q>,
    answers: Receiver<A>,
}

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts one that answers by `answer`; none where no thread can be had.
    pub(super) fn start(mut answer: impl FnMut(Q) -> A + Send + 'static) -> Option<Worker<Q, A>> {
        let (questions, questions_in) = channel();
        let (answers_out, answers) = channel();
        let work = move || {
            for question in questions_in {
                if answers_out.send(answer(question)).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name(String::from("sql")).stack_size(STACK).spawn(work);
        thread.is_ok().then_some(Worker { questions, answers })
    }

    /// The answer for `question`.
    ///
    /// # Errors
    /// When it takes too long, or the thread has ended; it is not to be asked again then.
    pub(super) fn ask(&self, question: Q) -> Result<A, RecvTimeoutError> {
        match self.questions.send(question) {
            Ok(()) => self.answers.recv_timeout(TIME_LIMIT),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        }
    }
}
