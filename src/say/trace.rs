//! Where a call's time goes, for developers: the steps with their times, on standard error, when `SPRAG_TRACE` is set.
//!
//! It changes words only. No event carries a word of the call.

use std::fmt::{Debug, Write as _};
use std::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Prints every event with the time since the start.
struct Steps {
    start: Instant,
}

/// The text of one event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = if field.name() == "message" { write!(self.0, "{value:?}") } else { write!(self.0, " {field}={value:?}") };
    }
}

impl Subscriber for Steps {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        super::note(&format!("{:>7} us  {}", self.start.elapsed().as_micros(), text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Starts tracing where `SPRAG_TRACE` asks for it.
pub fn start() {
    if std::env::var_os("SPRAG_TRACE").is_some_and(|v| !v.is_empty()) {
        // A second subscriber is refused; there is only this one.
        let _ = tracing::subscriber::set_global_default(Steps { start: Instant::now() });
    }
}
