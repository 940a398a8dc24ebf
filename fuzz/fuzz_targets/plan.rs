//! The reader of plans: whatever bytes come, it answers, and what is no plan is never milder than unknown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sprag::effect::{Verb, worst};
use sprag::inspect::terraform::{self, plan::Plan};

fuzz_target!(|data: &[u8]| {
    let effects = terraform::effects(data, "plan");
    assert!(!effects.is_empty(), "every plan has an effect");
    match Plan::read(data) {
        Ok(plan) => assert_eq!(plan.digest(data).len(), 64),
        Err(_) => assert_eq!(worst(&effects), Verb::Unknown),
    }
    if serde_json::from_slice::<serde_json::Value>(data).is_err() {
        assert_eq!(worst(&effects), Verb::Unknown, "it is no JSON");
    }
});
