//! A city to ask: the door on a platform in memory, with keys and a small web of contexts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Extensions, HeaderMap, Request, StatusCode};
use ngsi_ld::{
    Authenticate, Door, FetchContext, FetchError, Fetched, Settings, Unauthenticated, bearer,
    router,
};
use policy::{Caller, role};
use serde_json::Value;
use subscriptions::{Deliver, Endpoint, Message, Notifier, Outcome};
use testkit::{Platform, platform};
use tower::ServiceExt;

pub const ERRORS: &str = "https://uri.etsi.org/ngsi-ld/errors/";
pub const CORE: &str = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld";
pub const CITY: &str = "https://city.example/context.jsonld";
pub const JSON: (&str, &str) = ("content-type", "application/json");
pub const LD_JSON: (&str, &str) = ("content-type", "application/ld+json");
pub const ACCEPT_LD: (&str, &str) = ("accept", "application/ld+json");
pub const ACCEPT_GEO: (&str, &str) = ("accept", "application/geo+json");
/// A `Link` header to the context of the city.
pub const CITY_LINK: (&str, &str) = (
    "link",
    "<https://city.example/context.jsonld>; rel=\"http://www.w3.org/ns/json-ld#context\"; \
     type=\"application/ld+json\"",
);

/// The name of a role is its key.
struct Keys;

impl Authenticate for Keys {
    fn authenticate(&self, headers: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
        let key = bearer(headers).ok_or(Unauthenticated::Missing)?;
        if let Some(tenant) = key.strip_prefix("only-") {
            let tenant = Some(model::Tenant::parse(tenant).unwrap());
            return Ok(Caller { tenant, ..Caller::with_role(key, role::ADMIN) });
        }
        let known = [role::ADMIN, role::WRITER, role::READER].contains(&key);
        if known { Ok(testkit_caller(key)) } else { Err(Unauthenticated::Unknown) }
    }
}

fn testkit_caller(role: &str) -> Caller {
    testkit::caller(role)
}

/// The web: documents by URL, and how often each was asked for.
#[derive(Default)]
pub struct Web {
    documents: Mutex<HashMap<String, (String, Option<Duration>)>>,
    fetches: Mutex<Vec<String>>,
}

#[async_trait]
impl FetchContext for Web {
    async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        self.fetches.lock().unwrap().push(url.to_owned());
        let found = self.documents.lock().unwrap().get(url).cloned();
        let (text, expires_in) = found.ok_or_else(|| FetchError("nobody answers".to_owned()))?;
        Ok(Fetched { bytes: text.into(), expires_in })
    }
}

impl Web {
    pub fn publish(&self, url: &str, document: &str, expires_in: Option<Duration>) {
        self.documents.lock().unwrap().insert(url.to_owned(), (document.to_owned(), expires_in));
    }

    pub fn take_down(&self, url: &str) {
        self.documents.lock().unwrap().remove(url);
    }

    pub fn fetches(&self) -> usize {
        self.fetches.lock().unwrap().len()
    }
}

pub struct City {
    pub platform: Platform,
    pub web: Arc<Web>,
    router: Router,
    settings: Settings,
}

impl City {
    pub fn new() -> City {
        City::with(Settings::default())
    }

    pub fn with(settings: Settings) -> City {
        let (platform, web) = (platform(), Arc::new(Web::default()));
        let context = r#"{"@context": {"city": "https://city.example/", "Lamp": "city:Lamp",
            "brightness": "city:brightness", "street": "city:street"}}"#;
        web.publish(CITY, context, None);
        let router = open(&platform, &web, &settings);
        City { platform, web, router, settings }
    }

    /// Another server on the same data.
    pub fn restarted(self) -> City {
        let router = open(&self.platform, &self.web, &self.settings);
        City { router, ..self }
    }

    /// A request by a writer, unless the headers have another key.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Told {
        let mut request = Request::builder().method(method).uri(format!("/ngsi-ld/v1{path}"));
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", "Bearer writer");
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request = request.header("content-length", body.len());
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Told {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(bytes.to_vec()).unwrap();
        Told { status: head.status, headers: head.headers, body }
    }

    pub async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Told {
        self.ask("POST", path, &[JSON], body).await
    }

    pub async fn patch(&self, path: &str, body: &str) -> Told {
        self.ask("PATCH", path, &[JSON], body).await
    }

    pub async fn put(&self, path: &str, body: &str) -> Told {
        self.ask("PUT", path, &[JSON], body).await
    }

    pub async fn delete(&self, path: &str) -> Told {
        self.ask("DELETE", path, &[], "").await
    }

    /// A city that has these entities.
    pub async fn of(entities: &[&str]) -> City {
        let city = City::new();
        for entity in entities {
            city.post("/entities", entity).await.is(201);
        }
        city
    }
}

/// What was brought to endpoints, in a city whose notifier runs.
pub struct Listener {
    messages: tokio::sync::mpsc::Receiver<(Endpoint, Message)>,
}

struct Mailbox(tokio::sync::mpsc::Sender<(Endpoint, Message)>);

#[async_trait]
impl Deliver for Mailbox {
    async fn deliver(&self, endpoint: &Endpoint, message: Message) -> Outcome {
        self.0.send((endpoint.clone(), message)).await.unwrap();
        Outcome::Delivered
    }
}

impl City {
    /// Runs what tells subscribers of changes.
    pub fn listen(&self) -> Listener {
        let (sender, messages) = tokio::sync::mpsc::channel(100);
        let clock = self.platform.clock.clone();
        let notifier = Notifier {
            subscriptions: self.platform.broker.subscriptions().clone(),
            policy: self.platform.broker.policy().clone(),
            wire: Arc::new(door(&self.platform, &self.web, &self.settings)),
            deliver: Arc::new(Mailbox(sender)),
            now: Arc::new(move || broker::Clock::now(&*clock)),
            chance: Arc::new(|| 0),
        };
        tokio::spawn(notifier.run(std::future::pending()));
        Listener { messages }
    }
}

impl Listener {
    pub async fn message(&mut self) -> Message {
        let wait = tokio::time::timeout(Duration::from_secs(10), self.messages.recv());
        wait.await.expect("a notification in time").expect("a notifier").1
    }

    /// The `data` of the next notification.
    pub async fn data(&mut self) -> String {
        let json: Value = serde_json::from_str(&self.message().await.body).unwrap();
        json["data"].to_string()
    }
}

fn door(platform: &Platform, web: &Arc<Web>, settings: &Settings) -> Door {
    Door::new(platform.broker.clone(), Arc::new(Keys), web.clone(), settings.clone())
}

fn open(platform: &Platform, web: &Arc<Web>, settings: &Settings) -> Router {
    router(door(platform, web, settings))
}

/// An answer.
#[derive(Debug)]
pub struct Told {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Told {
    /// Insists on a status.
    #[track_caller]
    pub fn is(self, status: u16) -> Told {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Insists on a problem of a type, and on what its detail says.
    #[track_caller]
    pub fn problem(self, status: u16, kind: &str, detail: &str) -> Told {
        let told = self.is(status);
        assert_eq!(told.header("content-type"), "application/json");
        assert_eq!(told.header("link"), "");
        let json = told.json();
        assert_eq!(json["type"], format!("{ERRORS}{kind}"), "{json}");
        assert!(json["detail"].as_str().unwrap().contains(detail), "{json}");
        assert!(json["title"].is_string() && json["status"] == status, "{json}");
        told
    }

    /// Insists on a body.
    #[track_caller]
    pub fn says(self, body: &str) -> Told {
        assert_eq!(self.body, body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// All values of a header, joined; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join(", ")
    }

    /// The ids of the entities in the body.
    #[track_caller]
    pub fn ids(&self) -> String {
        let json = self.json();
        let ids = json.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>().join(" ")
    }
}
