//! `comity dead-letters`: notifications that a running server has given up.

use http::Method;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::cli::{DeadLettersArgs, DeadLettersCommand};
use crate::client::Client;
use crate::failure::Failure;
use crate::say::{remark, say};
use crate::settings::KEY_VARIABLE;

const LETTERS: &str = "/admin/deadLetters";
const REPLAY: &str = "/admin/deadLetters/replay";

/// How many letters one request is about.
const LIMIT: usize = 100;

pub async fn run(command: DeadLettersCommand) -> Result<(), Failure> {
    match command {
        DeadLettersCommand::List(args) => list(&Letters::of(args)).await,
        DeadLettersCommand::Replay(args) => replay(&Letters::of(args)).await,
        DeadLettersCommand::Empty(args) => empty(&Letters::of(args)).await,
    }
}

/// Where they are, and which are meant.
struct Letters {
    client: Client,
    subscription: Option<String>,
}

impl Letters {
    fn of(args: DeadLettersArgs) -> Letters {
        let key = std::env::var(KEY_VARIABLE).ok();
        let authorities = args.authorities.unwrap_or_default();
        let client = Client::new(args.server, key, args.tenant, authorities);
        Letters { client, subscription: args.subscription }
    }

    async fn ask(&self, method: Method, path: &str, after: Option<&str>) -> Result<Value, Failure> {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &LIMIT.to_string());
        if let Some(id) = &self.subscription {
            query.append_pair("subscription", id);
        }
        if let Some(id) = after {
            query.append_pair("after", id);
        }
        self.client.ask(method, &format!("{path}?{}", query.finish())).await
    }
}

/// One letter on each line.
async fn list(letters: &Letters) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = letters.ask(Method::GET, LETTERS, after.as_deref()).await?;
        let page = page.as_array().cloned().unwrap_or_default();
        page.iter().for_each(say);
        after = page.last().and_then(|last| Some(last["id"].as_str()?.to_owned()));
        if page.len() < LIMIT || after.is_none() {
            return Ok(());
        }
    }
}

async fn replay(letters: &Letters) -> Result<(), Failure> {
    let (mut delivered, mut failed, mut gone) = (0, 0, 0);
    let mut after: Option<String> = None;
    loop {
        let replayed = letters.ask(Method::POST, REPLAY, after.as_deref()).await?;
        let count = |name: &str| replayed[name].as_u64().unwrap_or_default();
        delivered += count("delivered");
        failed += count("failed");
        gone += count("gone");
        after = replayed["last"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
        remark(format!("{delivered} delivered, {failed} not taken so far"));
    }
    say(format!("{delivered} delivered, {failed} not taken, {gone} that cannot be sent any more"));
    match failed + gone {
        0 => Ok(()),
        left => Err(Failure::Refused(format!("{left} dead letters stay"))),
    }
}

async fn empty(letters: &Letters) -> Result<(), Failure> {
    let mut removed = 0;
    loop {
        let emptied = letters.ask(Method::DELETE, LETTERS, None).await?;
        let now = emptied["removed"].as_u64().unwrap_or_default();
        removed += now;
        if now < LIMIT as u64 {
            say(format!("{removed} thrown away"));
            return Ok(());
        }
    }
}
