//! How subscriptions and notifications are written in a story: as plain text.

use async_trait::async_trait;
use subscriptions::{About, Key, Message, Subscription, Told, Wire, notation};

use crate::time::Dice;

/// Writes at once, or says by chance that it cannot do so now.
#[derive(Debug)]
pub struct Paper {
    pub dice: Dice,
    /// How many notifications in a hundred cannot be written when that is tried.
    pub failing: usize,
}

#[async_trait]
impl Wire for Paper {
    fn read(&self, key: Key, record: &[u8]) -> Result<Subscription, String> {
        let text = std::str::from_utf8(record).map_err(|error| error.to_string())?;
        Ok(Subscription { key, ..notation::subscription(text) })
    }

    async fn write(&self, told: &Told) -> Result<Message, String> {
        if self.dice.percent(self.failing) {
            tokio::time::sleep(self.dice.millis(7_000)).await;
            return Err("the context is not there".to_owned());
        }
        let news: Vec<String> = match &told.about {
            About::Changes(events) => {
                events.iter().map(|event| format!("{} {}", event.id, event.at.0)).collect()
            }
            About::Entities(entities) => {
                entities.iter().map(|entity| format!("{} {}", entity.id, told.at.0)).collect()
            }
        };
        let headers = vec![("id".to_owned(), told.id.clone())];
        Ok(Message { content_type: "text/plain", headers, body: news.join("\n") })
    }
}
