//! The account of what became of many entities (clauses 5.2.16 and 5.2.17).

use serde_json::{Value, json};

use crate::door::Problem;

#[derive(Debug, Default)]
pub(crate) struct BatchResult {
    success: Vec<String>,
    errors: Vec<Value>,
}

impl BatchResult {
    pub fn succeeded(&mut self, id: &str) {
        self.success.push(id.to_owned());
    }

    pub fn failed(&mut self, id: &str, problem: &Problem) {
        self.errors.push(json!({"entityId": id, "error": problem.json()}));
    }

    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    pub fn json(&self) -> Value {
        json!({"success": self.success, "errors": self.errors})
    }
}
