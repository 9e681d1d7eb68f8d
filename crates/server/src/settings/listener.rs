//! Where to listen, each a table `[[listeners]]` of the file, or else the settings `listen` and
//! its kin.

use std::net::SocketAddr;
use std::time::Duration;

use super::layers::{SettingsError, set_toml, tables};
use super::network::Networks;
use super::value::Written;
use super::{Settings, settings};
use crate::tls::Profile;

/// What the tables stand under.
pub const LISTENERS: &str = "listeners";

/// How many there may be.
pub const LISTENERS_MAX: usize = 16;

/// How long the name of one may be.
pub const NAME_CHARS_MAX: usize = 50;

/// What the only listener is called where there are no tables.
const ONLY: &str = "main";

settings! {
    /// An address, who may come to it, and what is served there.
    ListenerSettings, LISTENER;

    /// A short name, for the log and for errors.
    name: String = String::new();
    /// The address and port to listen on. Only this machine can reach 127.0.0.1.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9090));
    /// What is served: `data` (NGSI-LD and its description), `admin`, `events`, `health`.
    apis: Apis = Apis::default();
    /// The networks from which clients may come. Empty: from everywhere.
    allow_from: Networks = Networks::default();
    /// As the setting of that name.
    plain_http: bool = false;
    /// HTTPS. Where no certificate is named, one is made in the data directory.
    tls: bool = false;
    /// As the setting of that name.
    tls_certificate: String = String::new();
    /// As the setting of that name.
    tls_key: String = String::new();
    /// As the setting of that name.
    tls_min: TlsMin = TlsMin::V1_3;
    /// The cipher suites that are spoken, by their IANA names. Empty: all that are there.
    tls_suites: Vec<String> = Vec::new();
    /// The groups for key exchange, by their IANA names, best first. Empty: all that are there.
    tls_groups: Vec<String> = Vec::new();
    /// As the setting of that name.
    hsts_max_age: Duration = Duration::from_secs(365 * 24 * 3600);
    /// Whether clients show a certificate: `off`, `optional` or `required`.
    client_auth: ClientAuth = ClientAuth::Off;
    /// A PEM file: the authorities whose client certificates are taken.
    client_authorities: String = String::new();
    /// Files of lists of revoked certificates (CRL), each PEM or DER. Where there is one, each
    /// authority on the way from a certificate to the one that is trusted needs a list that is not
    /// past its time. Empty: revocation is not looked at.
    client_revocations: Vec<String> = Vec::new();
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMin {
    V1_2,
    V1_3,
}

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    Off,
    Optional,
    Required,
}

/// A part of what is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Data,
    Admin,
    Events,
    Health,
}

/// Those that a listener serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apis(Vec<Api>);

impl Api {
    const ALL: [(Api, &'static str); 4] = [
        (Api::Data, "data"),
        (Api::Admin, "admin"),
        (Api::Events, "events"),
        (Api::Health, "health"),
    ];
}

impl Apis {
    pub fn contains(&self, api: Api) -> bool {
        self.0.contains(&api)
    }
}

impl Default for Apis {
    fn default() -> Apis {
        Apis(Api::ALL.map(|(api, _)| api).into())
    }
}

impl ListenerSettings {
    /// What of TLS is spoken here.
    pub fn profile(&self) -> Result<Profile, (&'static str, String)> {
        Profile::new(self.tls_min, &self.tls_suites, &self.tls_groups)
    }

    /// Which setting is wrong, and why.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let wrong = |name, problem: &str| Err((name, problem.to_owned()));
        if self.apis.0.is_empty() {
            return wrong("apis", "names nothing that is served here");
        }
        if self.tls_certificate.is_empty() != self.tls_key.is_empty() {
            let problem = "takes a file where `tls_certificate` does, and none where it does not";
            return wrong("tls_key", problem);
        }
        if !self.tls && !self.tls_certificate.is_empty() {
            return wrong("tls_certificate", "is of no use without `tls = true`");
        }
        self.check_clients()?;
        self.profile().map(|_| ())
    }

    fn check_clients(&self) -> Result<(), (&'static str, String)> {
        let wrong = |name, problem: &str| Err((name, problem.to_owned()));
        if self.client_auth == ClientAuth::Off {
            if !self.client_authorities.is_empty() {
                let problem = "is of no use without `client_auth = \"optional\"` or \"required\"";
                return wrong("client_authorities", problem);
            }
            return Ok(());
        }
        if !self.tls {
            return wrong("client_auth", "needs `tls = true`");
        }
        if self.client_authorities.is_empty() {
            let problem = "needs `client_authorities`: whose certificates are taken";
            return wrong("client_auth", problem);
        }
        Ok(())
    }
}

impl Settings {
    /// Every listener: those of the tables, or else the one that `listen` and its kin describe.
    pub fn all_listeners(&self) -> Vec<ListenerSettings> {
        if !self.listeners.is_empty() {
            return self.listeners.clone();
        }
        vec![ListenerSettings {
            name: ONLY.to_owned(),
            listen: self.listen,
            plain_http: self.plain_http,
            tls: self.tls,
            tls_certificate: self.tls_certificate.clone(),
            tls_key: self.tls_key.clone(),
            tls_min: self.tls_min,
            hsts_max_age: self.hsts_max_age,
            ..ListenerSettings::default()
        }]
    }
}

/// Refuses a listener that cannot be as the settings together say.
pub fn check_all(settings: &Settings) -> Result<(), SettingsError> {
    let wrong = |name: &str, problem: String| SettingsError::Invalid {
        place: "the settings together".to_owned(),
        name: name.to_owned(),
        problem,
    };
    if settings.listeners.is_empty() {
        let only = settings.all_listeners();
        return only
            .iter()
            .try_for_each(|one| one.check().map_err(|(name, problem)| wrong(name, problem)));
    }
    let simple = Settings { listeners: Vec::new(), ..settings.clone() }.all_listeners();
    let untouched = Settings::default().all_listeners();
    let touched = LISTENER.iter().find(|setting| {
        let text = setting.text;
        simple.iter().map(text).ne(untouched.iter().map(text))
    });
    let problem = "says where to listen if there are no tables; with [[listeners]], give it there";
    touched.map_or(Ok(()), |setting| Err(wrong(setting.name, problem.to_owned())))
}

/// Reads all tables. Each must be usable, and no two may be of one name or address.
pub fn read_all(place: &str, value: &toml::Value) -> Result<Vec<ListenerSettings>, SettingsError> {
    let mut read: Vec<ListenerSettings> = Vec::new();
    for (place, table) in tables(place, LISTENERS, value, LISTENERS_MAX)? {
        let mut one = ListenerSettings::default();
        for (name, value) in table {
            set_toml(&mut one, LISTENER, &place, name, value)?;
        }
        let usable = check_name(&one, &read).and_then(|()| one.check());
        usable.map_err(|(name, problem)| SettingsError::Invalid {
            place,
            name: name.to_owned(),
            problem,
        })?;
        read.push(one);
    }
    Ok(read)
}

fn check_name(
    one: &ListenerSettings,
    others: &[ListenerSettings],
) -> Result<(), (&'static str, String)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !(1..=NAME_CHARS_MAX).contains(&one.name.len()) || !one.name.chars().all(plain) {
        let problem = format!("takes 1 to {NAME_CHARS_MAX} letters, digits or any of -_.");
        return Err(("name", problem));
    }
    if others.iter().any(|other| other.name == one.name) {
        return Err(("name", format!("`{}` is the name of another listener", one.name)));
    }
    // Any number may ask for a port that is free.
    if one.listen.port() != 0 && others.iter().any(|other| other.listen == one.listen) {
        return Err(("listen", format!("{} is the address of another listener", one.listen)));
    }
    Ok(())
}

impl Written for TlsMin {
    const UNIT: &'static str = "1.2 or 1.3";

    fn read(text: &str) -> Result<TlsMin, String> {
        match text.trim() {
            "1.2" => Ok(TlsMin::V1_2),
            "1.3" => Ok(TlsMin::V1_3),
            other => Err(format!("`{other}` is neither 1.2 nor 1.3")),
        }
    }

    fn text(&self) -> String {
        match self {
            TlsMin::V1_2 => "1.2",
            TlsMin::V1_3 => "1.3",
        }
        .to_owned()
    }

    fn read_toml(value: &toml::Value) -> Result<TlsMin, String> {
        match value {
            toml::Value::Float(number) => TlsMin::read(&number.to_string()),
            toml::Value::String(text) => TlsMin::read(text),
            _ => Err("takes \"1.2\" or \"1.3\"".to_owned()),
        }
    }
}

impl Written for ClientAuth {
    const UNIT: &'static str = "off, optional or required";

    fn read(text: &str) -> Result<ClientAuth, String> {
        match text.trim() {
            "off" => Ok(ClientAuth::Off),
            "optional" => Ok(ClientAuth::Optional),
            "required" => Ok(ClientAuth::Required),
            other => Err(format!("`{other}` is none of off, optional and required")),
        }
    }

    fn text(&self) -> String {
        match self {
            ClientAuth::Off => "off",
            ClientAuth::Optional => "optional",
            ClientAuth::Required => "required",
        }
        .to_owned()
    }
}

impl Written for Apis {
    const UNIT: &'static str = "list of data, admin, events, health";

    fn text(&self) -> String {
        texts(self).text()
    }

    fn read_toml(value: &toml::Value) -> Result<Apis, String> {
        of_texts(&Vec::<String>::read_toml(value)?)
    }

    fn toml(&self) -> toml::Value {
        texts(self).toml()
    }
}

fn of_texts(texts: &[String]) -> Result<Apis, String> {
    let read = |text: &String| {
        let found = Api::ALL.into_iter().find(|(_, name)| name == text).map(|(api, _)| api);
        found.ok_or_else(|| format!("`{text}` is none of data, admin, events and health"))
    };
    texts.iter().map(read).collect::<Result<_, _>>().map(Apis)
}

fn texts(apis: &Apis) -> Vec<String> {
    let named = Api::ALL.into_iter().filter(|(api, _)| apis.contains(*api));
    named.map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
