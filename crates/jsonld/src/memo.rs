//! What a context was asked before: the same few names come again and again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;

/// Answers of a function of a text, kept up to a bound. Users choose the texts, so the hash is keyed by chance.
#[derive(Debug, Default)]
pub(crate) struct Memo(RwLock<HashMap<Box<str>, Arc<str>, RandomState>>);

/// Beyond it, further texts are answered anew each time.
const ANSWERS_MAX: usize = 4_096;
/// Longer ones are rare, and not kept: a memo takes at most some megabytes.
const TEXT_AND_ANSWER_BYTES_MAX: usize = 1_024;

impl Memo {
    pub(crate) fn get(&self, text: &str, answer: impl FnOnce() -> Arc<str>) -> Arc<str> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return known.clone();
        }
        let fresh = answer();
        if text.len() + fresh.len() <= TEXT_AND_ANSWER_BYTES_MAX {
            let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if answers.len() < ANSWERS_MAX {
                return answers.entry(text.into()).or_insert(fresh).clone();
            }
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_answers_the_same_and_does_not_grow_without_end() {
        let memo = Memo::default();
        for round in 0..2 {
            for number in 0..ANSWERS_MAX + 10 {
                let text = number.to_string();
                assert_eq!(&*memo.get(&text, || text.as_str().into()), text, "round {round}");
            }
        }
        assert_eq!(memo.0.read().unwrap().len(), ANSWERS_MAX);
        assert_eq!(&*memo.get("7", || "asked again".into()), "7");
    }
}
