//! psql's input: whatever bytes come, in whatever pieces, every byte passes once and in order, and a stream holds what a script
//! with the same bytes holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sprag::effect::{Effect, Verb};
use sprag::inspect::Reader;
use sprag::inspect::sql::psql::{Psql, Stream, judge_script};
use std::collections::BTreeMap;

fn stream() -> Stream {
    Stream::after(Psql::new(&BTreeMap::new(), &mut |_, _| None), Box::new(|_, _| None))
}

fn is_held(effects: &[Effect]) -> bool {
    effects.iter().any(|e| e.verb > Verb::Write)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, text) = (usize::from(input.0) + 1, input.1);
    let mut stream = stream();
    let mut pieces: Vec<_> = text.chunks(size).flat_map(|bytes| stream.take(bytes)).collect();
    pieces.push(stream.end());
    assert_eq!(pieces.iter().flat_map(|p| p.bytes.clone()).collect::<Vec<_>>(), text);

    let whole = judge_script(text, &BTreeMap::new(), &mut |_, _| None);
    // A script that is there as a whole is read to its end; a stream stops where psql does.
    if is_held(&whole.effects) && !text.contains(&b'\\') && !text.contains(&0) {
        let flowing: Vec<Effect> = pieces.into_iter().flat_map(|p| p.effects).collect();
        assert!(is_held(&flowing), "held as a script, not as a stream: {:?}", String::from_utf8_lossy(text));
    }
});
