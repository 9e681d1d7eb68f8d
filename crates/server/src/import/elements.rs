//! The elements of a JSON array, or of the one inside a FeatureCollection or a JSON-LD graph.

use super::input::{Input, Place, SourceError};
use super::json::{self, Cut};

/// Members whose array holds what is to be imported.
const ARRAYS: [&str; 2] = ["features", "@graph"];

/// Elements, one after the other.
#[derive(Debug)]
pub struct Elements {
    input: Input,
    /// The `@context` that stands before the array; it applies to all elements.
    context: Option<String>,
    state: State,
    bytes_max: usize,
}

#[derive(Debug)]
enum State {
    /// Inside the array; the next element follows.
    Inside,
    /// No array at all: the document is one element.
    Single(Place, Vec<u8>),
    End,
}

impl Elements {
    pub fn open(mut input: Input, bytes_max: usize) -> Result<Elements, SourceError> {
        input.skip_space()?;
        let mut elements = Elements { input, context: None, state: State::Inside, bytes_max };
        match elements.input.peek()? {
            Some(b'[') => json::expect(&mut elements.input, b'[')?,
            Some(b'{') => elements.enter_object()?,
            None => elements.state = State::End,
            Some(_) => return Err(json::unexpected(&mut elements.input, "`[` or `{`")),
        }
        Ok(elements)
    }

    /// Goes on at a place where an element or the end of the array follows.
    pub fn seek(&mut self, place: Place) -> Result<(), SourceError> {
        match &self.state {
            State::Inside => self.input.seek(place)?,
            State::Single(start, _) if start.offset < place.offset => self.state = State::End,
            State::Single(..) | State::End => {}
        }
        Ok(())
    }

    pub fn place(&self) -> Place {
        match &self.state {
            State::Single(start, _) => *start,
            State::Inside | State::End => self.input.place(),
        }
    }

    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    pub fn read(&mut self) -> Result<Option<Cut>, SourceError> {
        match std::mem::replace(&mut self.state, State::End) {
            State::Single(start, bytes) => {
                Ok(Some(Cut { line: start.line, too_long: bytes.len() > self.bytes_max, bytes }))
            }
            State::End => Ok(None),
            State::Inside => {
                self.input.skip_space()?;
                if self.input.peek()? == Some(b',') {
                    self.input.take()?;
                    self.input.skip_space()?;
                }
                match self.input.peek()? {
                    Some(b']') => Ok(None),
                    _ => {
                        let cut = json::cut(&mut self.input, self.bytes_max)?;
                        self.after_element()?;
                        self.state = State::Inside;
                        Ok(Some(cut))
                    }
                }
            }
        }
    }

    fn after_element(&mut self) -> Result<(), SourceError> {
        self.input.skip_space()?;
        match self.input.peek()? {
            Some(b',' | b']') => Ok(()),
            _ => Err(json::unexpected(&mut self.input, "`,` or `]`")),
        }
    }

    /// Reads members up to the array; where there is none, the object itself is the element.
    fn enter_object(&mut self) -> Result<(), SourceError> {
        let start = self.input.place();
        json::expect(&mut self.input, b'{')?;
        let mut object = vec![b'{'];
        loop {
            self.input.skip_space()?;
            if self.input.peek()? == Some(b'}') {
                self.input.take()?;
                object.push(b'}');
                self.state = State::Single(start, object);
                return Ok(());
            }
            if object.len() > 1 {
                json::expect(&mut self.input, b',')?;
                self.input.skip_space()?;
                object.push(b',');
            }
            let name = self.member_name()?;
            json::expect(&mut self.input, b':')?;
            self.input.skip_space()?;
            if ARRAYS.contains(&name.as_str()) && self.input.peek()? == Some(b'[') {
                return json::expect(&mut self.input, b'[');
            }
            self.member(&name, &mut object)?;
        }
    }

    fn member_name(&mut self) -> Result<String, SourceError> {
        let cut = json::cut(&mut self.input, self.bytes_max)?;
        serde_json::from_slice(&cut.bytes).map_err(|_| SourceError::Broken {
            line: cut.line,
            problem: "a member needs a name in quotes".to_owned(),
        })
    }

    fn member(&mut self, name: &str, object: &mut Vec<u8>) -> Result<(), SourceError> {
        let cut = json::cut(&mut self.input, self.bytes_max)?;
        if cut.too_long || object.len() + cut.bytes.len() > self.bytes_max {
            let problem = format!(
                "member `{name}` is longer than {} bytes (setting `import_record_bytes_max`)",
                self.bytes_max
            );
            return Err(SourceError::Broken { line: cut.line, problem });
        }
        if name == "@context" {
            self.context = String::from_utf8(cut.bytes.clone()).ok();
        }
        object.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
        object.push(b':');
        object.extend_from_slice(&cut.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn open(text: &str) -> Elements {
        Elements::open(Input::new(Cursor::new(text.as_bytes().to_vec())), 64).unwrap()
    }

    fn all(text: &str) -> String {
        let mut elements = open(text);
        let mut found = Vec::new();
        loop {
            match elements.read() {
                Ok(None) => break,
                Ok(Some(cut)) if cut.too_long => found.push(format!("{}:too long", cut.line)),
                Ok(Some(cut)) => {
                    found.push(format!("{}:{}", cut.line, String::from_utf8_lossy(&cut.bytes)));
                }
                Err(error) => {
                    found.push(error.to_string());
                    break;
                }
            }
        }
        found.join(" | ")
    }

    #[test]
    fn elements_are_found_in_arrays_collections_and_graphs() {
        assert_eq!(all("[{\"a\":1},\n {\"b\":\"]}\\\"\"} ]"), "1:{\"a\":1} | 2:{\"b\":\"]}\\\"\"}");
        assert_eq!(all("\u{feff}[]"), "");
        assert_eq!(all(""), "");
        assert_eq!(all("{\"type\":\"FeatureCollection\",\n\"features\":[{},{}]}"), "2:{} | 2:{}");
        assert_eq!(all("{ \"@context\": [\"x\"], \"@graph\" : [ {} ] }"), "1:{}");
        assert_eq!(open("{\"@context\": [\"x\"], \"@graph\": []}").context(), Some("[\"x\"]"));
    }

    #[test]
    fn an_object_without_an_array_is_one_element() {
        assert_eq!(all("\n{ \"id\": 5, \"features\": 1 }"), "2:{\"id\":5,\"features\":1}");
        assert_eq!(all("{}"), "1:{}");
    }

    #[test]
    fn a_long_element_is_stepped_over() {
        let long = "x".repeat(100);
        assert_eq!(all(&format!("[\"{long}\",\n1]")), "1:too long | 2:1");
    }

    #[test]
    fn what_breaks_the_file_is_said_with_its_line() {
        assert_eq!(
            all("[{},\n{\"a\":"),
            "1:{} | line 2: the file ends inside the JSON value that begins here"
        );
        assert_eq!(all("[1\n2]"), "line 2: `2` stands where `,` or `]` is expected");
        assert_eq!(all("[1,"), "1:1 | line 1: the file ends where a JSON value is expected");
        assert!(Elements::open(Input::new(Cursor::new(b"id;name".to_vec())), 64).is_err());
    }

    #[test]
    fn reading_goes_on_where_it_stopped() {
        let text = "{\"features\":[{\"a\":1},\n{\"b\":2}]}";
        let mut first = open(text);
        first.read().unwrap().unwrap();
        let mut second = open(text);
        second.seek(first.place()).unwrap();
        assert_eq!(second.read().unwrap().unwrap().bytes, b"{\"b\":2}");
        assert!(second.read().unwrap().is_none());

        let mut single = open("{\"a\":1}");
        single.read().unwrap().unwrap();
        let end = single.place();
        let mut again = open("{\"a\":1}");
        again.seek(end).unwrap();
        assert!(again.read().unwrap().is_none());
    }
}
