//! Which `@context` gives the names of a record their meaning.

use std::collections::HashMap;
use std::sync::Arc;

use jsonld::{CompileError, Context, ContextRef, Limits, compile};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::fetch::Fetcher;

/// Contexts that an import has met, compiled.
#[derive(Debug)]
pub struct Contexts {
    fetcher: Fetcher,
    limits: Limits,
    documents: HashMap<String, Arc<Value>>,
    /// By the text of the `@context`.
    compiled: HashMap<String, Arc<Context>>,
    default: Arc<Context>,
}

/// How many compiled contexts are kept; beyond it they are forgotten and made again.
const COMPILED_MAX: usize = 1_000;

impl Contexts {
    pub fn new(fetcher: Fetcher, limits: Limits) -> Contexts {
        Contexts {
            fetcher,
            limits,
            documents: HashMap::new(),
            compiled: HashMap::new(),
            default: Context::core(),
        }
    }

    /// From now on, what records mean that name no context. Takes the text of a `@context`, or
    /// of a document with one.
    pub async fn set_default(&mut self, written: &str) -> Result<(), String> {
        let tree: Value = serde_json::from_str(written).map_err(|error| error.to_string())?;
        let inner = tree.get("@context").unwrap_or(&tree).to_string();
        self.default = self.compiled(&inner).await?;
        Ok(())
    }

    /// The context of a record.
    pub async fn of(&mut self, entity: &str) -> Result<Arc<Context>, String> {
        if !entity.contains("@context") {
            return Ok(self.default.clone());
        }
        let head: Head<'_> = serde_json::from_str(entity).map_err(|error| error.to_string())?;
        match head.context {
            Some(written) => self.compiled(written.get()).await,
            None => Ok(self.default.clone()),
        }
    }

    async fn compiled(&mut self, written: &str) -> Result<Arc<Context>, String> {
        if let Some(known) = self.compiled.get(written) {
            return Ok(known.clone());
        }
        let tree: Value = serde_json::from_str(written).map_err(|error| error.to_string())?;
        let reference = ContextRef::parse(&tree).map_err(|error| error.to_string())?;
        let context = Arc::new(self.compile(&reference).await?);
        if self.compiled.len() >= COMPILED_MAX {
            self.compiled.clear();
        }
        self.compiled.insert(written.to_owned(), context.clone());
        Ok(context)
    }

    async fn compile(&mut self, reference: &ContextRef) -> Result<Context, String> {
        // Each round brings a document that was not there before, up to what a context may need.
        for _ in 0..=self.limits.contexts_max {
            match compile(reference, &self.documents, &self.limits) {
                Ok(context) => return Ok(context),
                Err(CompileError::Needs(url)) => {
                    let document = self.download(&url).await?;
                    self.documents.insert(url, Arc::new(document));
                }
                Err(other) => return Err(other.to_string()),
            }
        }
        Err("the context leads to too many documents".to_owned())
    }

    async fn download(&self, url: &str) -> Result<Value, String> {
        let fetched = self.fetcher.get(url).await;
        let fetched = fetched.map_err(|error| format!("the context `{url}`: {error}"))?;
        serde_json::from_slice(&fetched.body)
            .map_err(|error| format!("the context `{url}` is not JSON: {error}"))
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "@context", borrow)]
    context: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::EgressRules;
    use crate::settings::Settings;

    #[tokio::test]
    async fn a_context_has_the_limits_that_are_set() {
        let settings = Settings { context_terms_max: 1, ..Settings::default() };
        let fetcher = Fetcher::new(EgressRules::of(&settings));
        let mut contexts = Contexts::new(fetcher, crate::doors::ngsi_ld(&settings).context());
        let entity = |terms: &str| format!(r#"{{"id":"urn:x:1","@context":{{{terms}}}}}"#);
        let one = r#""a":"https://a.org/a""#;
        assert!(contexts.of(&entity(one)).await.is_ok());
        let error = contexts.of(&entity(&format!(r#"{one},"b":"https://a.org/b""#))).await;
        let error = error.unwrap_err();
        assert!(error.contains("`context_terms_max`"), "{error}");
    }
}
