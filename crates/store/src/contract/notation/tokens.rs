//! Where one word of the notation ends and the next begins.

/// The words of a text: white space parts them, except inside quotes and brackets.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut depth = Depth::default();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        if c == ' ' && depth.is_outside() {
            words.push(&text[start..at]);
            start = at + 1;
        }
        depth.step(c);
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// A word, and what stands in parentheses at its end.
pub fn word_and_members(word: &str) -> (&str, &str) {
    let mut depth = Depth::default();
    for (at, c) in word.char_indices() {
        if c == '(' && depth.is_outside() {
            let inside = word[at + 1..].strip_suffix(')');
            return (&word[..at], inside.unwrap_or_else(|| panic!("no `)` at the end: {word}")));
        }
        depth.step(c);
    }
    (word, "")
}

/// `[a,b]` is a list of words, and `a` is one.
pub fn list(text: &str) -> (Vec<&str>, bool) {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(inside) => (inside.split(',').collect(), true),
        None => (vec![text], false),
    }
}

#[derive(Default)]
struct Depth {
    brackets: usize,
    in_quotes: bool,
    escaped: bool,
}

impl Depth {
    fn is_outside(&self) -> bool {
        self.brackets == 0 && !self.in_quotes
    }

    fn step(&mut self, c: char) {
        match c {
            _ if self.escaped => self.escaped = false,
            '\\' if self.in_quotes => self.escaped = true,
            '"' => self.in_quotes = !self.in_quotes,
            '(' | '[' | '{' if !self.in_quotes => self.brackets += 1,
            ')' | ']' | '}' if !self.in_quotes => {
                self.brackets =
                    self.brackets.checked_sub(1).unwrap_or_else(|| panic!("`{c}` closes nothing"));
            }
            _ => {}
        }
    }
}
