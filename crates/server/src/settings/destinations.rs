//! Destinations of what goes out: hosts, domains and networks, each with a port or with all.

use std::fmt;
use std::net::IpAddr;

use url::Host;

use super::network::{Network, Networks};
use super::value::Written;

/// Destinations in one list, at most.
pub const DESTINATIONS_MAX: usize = 1_000;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    place: Place,
    /// Every port, where there is none.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A name, in lower case and ASCII, without a dot at its end.
    Host(String),
    /// Every name below this one, at any depth, but not itself: `*.example.org`.
    Below(String),
    Network(Network),
}

/// A list of destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations(Vec<Destination>);

impl Destinations {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has_networks(&self) -> bool {
        self.0.iter().any(|one| matches!(one.place, Place::Network(_)))
    }

    /// The entry that means this host, or the address that it has, at this port.
    pub fn matching(
        &self,
        host: &Host,
        port: u16,
        address: Option<IpAddr>,
    ) -> Option<&Destination> {
        self.0.iter().find(|one| one.means(host, port, address))
    }

    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(Destination::to_string).collect()
    }
}

impl Destination {
    fn parse(text: &str) -> Option<Destination> {
        if let Some(rest) = text.strip_prefix('[') {
            let (network, port) = rest.split_once(']')?;
            let port = match port {
                "" => None,
                port => Some(read_port(port.strip_prefix(':')?)?),
            };
            return Some(Destination { place: Place::Network(Network::parse(network)?), port });
        }
        if let Some(network) = Network::parse(text) {
            return Some(Destination { place: Place::Network(network), port: None });
        }
        let (place, port) = match text.rsplit_once(':') {
            Some((place, port)) => (place, Some(read_port(port)?)),
            None => (text, None),
        };
        let place = match (Network::parse(place), place.strip_prefix("*.")) {
            (Some(network), _) => Place::Network(network),
            (None, Some(domain)) => Place::Below(name(domain)?),
            (None, None) => Place::Host(name(place)?),
        };
        Some(Destination { place, port })
    }

    fn means(&self, host: &Host, port: u16, address: Option<IpAddr>) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        match (&self.place, host) {
            (Place::Host(own), Host::Domain(name)) => own == plain(name),
            (Place::Below(domain), Host::Domain(name)) => {
                let above = plain(name).strip_suffix(domain.as_str());
                above.and_then(|above| above.strip_suffix('.')).is_some_and(|sub| !sub.is_empty())
            }
            (Place::Network(network), _) => address.is_some_and(|one| network.contains(one)),
            _ => false,
        }
    }
}

fn read_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// A name as URLs have it: in lower case, what is not ASCII in Punycode. What URLs would take for
/// an address, such as `0x7f.1`, is none.
fn name(text: &str) -> Option<String> {
    match Host::parse(text) {
        Ok(Host::Domain(name)) if !name.contains('*') => {
            Some(plain(&name).to_owned()).filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

/// A dot at the end says that the name is whole, which it is here anyway.
fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.port) {
            (Place::Host(name), None) => f.write_str(name),
            (Place::Host(name), Some(port)) => write!(f, "{name}:{port}"),
            (Place::Below(name), None) => write!(f, "*.{name}"),
            (Place::Below(name), Some(port)) => write!(f, "*.{name}:{port}"),
            (Place::Network(network), None) => write!(f, "{network}"),
            (Place::Network(network), Some(port)) => write!(f, "[{network}]:{port}"),
        }
    }
}

impl Written for Destinations {
    const UNIT: &'static str = "list of destinations";

    /// With commas between them.
    fn read(text: &str) -> Result<Destinations, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        // One more than may be, so that too many are noticed and no end of them is kept.
        of_texts(parts.take(DESTINATIONS_MAX + 1).map(str::to_owned).collect())
    }

    fn text(&self) -> String {
        self.texts().text()
    }

    fn read_toml(value: &toml::Value) -> Result<Destinations, String> {
        of_texts(Vec::<String>::read_toml(value)?)
    }

    fn toml(&self) -> toml::Value {
        self.texts().toml()
    }
}

fn of_texts(texts: Vec<String>) -> Result<Destinations, String> {
    if DESTINATIONS_MAX < texts.len() {
        let count = texts.len();
        return Err(format!("has {count} destinations; {DESTINATIONS_MAX} are the most"));
    }
    let wrong = |text: &str| {
        format!(
            "`{text}` is not a destination; write city.example, *.city.example:443, 10.1.0.0/16 or \
             [2001:db8::/32]:443"
        )
    };
    let read = |text: &String| Destination::parse(text).ok_or_else(|| wrong(text));
    texts.iter().map(read).collect::<Result<_, _>>().map(Destinations)
}

/// Which addresses may be called that are not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowPrivate {
    /// All but those that no setting should open by the way: where clouds keep credentials, and
    /// multicast.
    All,
    /// Those in these networks, whatever they are.
    Networks(Networks),
}

impl Default for AllowPrivate {
    fn default() -> AllowPrivate {
        AllowPrivate::Networks(Networks::default())
    }
}

impl Written for AllowPrivate {
    const UNIT: &'static str = "true, false, or a list of networks";

    fn read(text: &str) -> Result<AllowPrivate, String> {
        match text.trim() {
            "true" => Ok(AllowPrivate::All),
            "false" => Ok(AllowPrivate::default()),
            _ => Ok(AllowPrivate::Networks(Networks::read(text)?)),
        }
    }

    fn text(&self) -> String {
        match self {
            AllowPrivate::All => true.text(),
            AllowPrivate::Networks(networks) if networks.is_empty() => false.text(),
            AllowPrivate::Networks(networks) => networks.text(),
        }
    }

    fn read_toml(value: &toml::Value) -> Result<AllowPrivate, String> {
        match value {
            toml::Value::Array(_) => Ok(AllowPrivate::Networks(Networks::read_toml(value)?)),
            toml::Value::Boolean(flag) => AllowPrivate::read(&flag.to_string()),
            toml::Value::String(text) => AllowPrivate::read(text),
            other => Err(format!("takes {}; this is of kind {}", Self::UNIT, other.type_str())),
        }
    }

    fn toml(&self) -> toml::Value {
        match self {
            AllowPrivate::All => true.into(),
            AllowPrivate::Networks(networks) if networks.is_empty() => false.into(),
            AllowPrivate::Networks(networks) => networks.toml(),
        }
    }
}

/// Whether what goes out must be encrypted on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressTls {
    Required,
    Optional,
}

impl Written for EgressTls {
    const UNIT: &'static str = "required or optional";

    fn read(text: &str) -> Result<EgressTls, String> {
        match text.trim() {
            "required" => Ok(EgressTls::Required),
            "optional" => Ok(EgressTls::Optional),
            other => Err(format!("`{other}` is neither required nor optional")),
        }
    }

    fn text(&self) -> String {
        match self {
            EgressTls::Required => "required".to_owned(),
            EgressTls::Optional => "optional".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, url: &str, address: &str, expected: bool) {
        let list = Destinations::read(list).unwrap();
        let url = url::Url::parse(url).unwrap();
        let host = Host::parse(url.host_str().unwrap()).unwrap();
        let port = url.port_or_known_default().unwrap();
        let found = list.matching(&host, port, address.parse().ok()).is_some();
        assert_eq!(found, expected, "{list:?} {url} {address}");
        assert_eq!(Destinations::read(&list.text()), Ok(list.clone()));
        assert_eq!(Destinations::read_toml(&list.toml()), Ok(list));
    }

    #[test]
    fn a_name_means_itself_however_it_is_written() {
        check("city.example", "https://city.example/", "", true);
        check("City.Example.", "https://CITY.example./", "", true);
        check("city.example", "https://city.example.evil.net/", "", false);
        check("city.example", "https://evilcity.example/", "", false);
        check("city.example", "https://a.city.example/", "", false);
        check("city.example", "http://city.example@evil.net/", "", false);
        check("city.example", "http://evil.net/city.example", "", false);
        check("city.example", "http://evil.net#@city.example", "", false);
        check("münchen.example", "https://xn--mnchen-3ya.example/", "", true);
        check("xn--mnchen-3ya.example", "https://MÜNCHEN.example/", "", true);
        // A letter that only looks like the other.
        check("city.example", "https://cit\u{0443}.example/", "", false);
    }

    #[test]
    fn a_star_means_what_is_below() {
        check("*.example.org", "https://a.example.org/", "", true);
        check("*.example.org", "https://a.b.EXAMPLE.org./", "", true);
        check("*.example.org", "https://example.org/", "", false);
        check("*.example.org", "https://badexample.org/", "", false);
        check("*.example.org", "https://example.org.evil.net/", "", false);
        check("*.example.org", "https://a.example.org.evil.net/", "", false);
    }

    #[test]
    fn a_network_means_addresses_however_they_are_written() {
        check("10.1.0.0/16", "http://10.1.2.3/", "10.1.2.3", true);
        check("10.1.0.0/16", "http://a.example/", "10.1.2.3", true);
        check("10.1.0.0/16", "http://a.example/", "", false);
        check("10.1.0.0/16", "http://a.example/", "10.2.0.1", false);
        check("2001:db8::/32", "http://[2001:db8::1]/", "2001:db8::1", true);
        check("10.1.2.3", "http://a.example/", "10.1.2.3", true);
    }

    #[test]
    fn a_port_narrows_an_entry() {
        check("city.example:8443", "https://city.example:8443/", "", true);
        check("city.example:443", "https://city.example/", "", true);
        check("city.example:443", "http://city.example/", "", false);
        check("10.0.0.0/8:1883", "http://a.example:1883/", "10.0.0.1", true);
        check("10.0.0.0/8:1883", "http://a.example:1884/", "10.0.0.1", false);
        check("[2001:db8::/32]:443", "https://a.example/", "2001:db8::1", true);
        check("[2001:db8::1]", "https://a.example/", "2001:db8::1", true);
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for bad in [
            "*",
            "*.",
            "*.*.example",
            "a.*.example",
            "10.1.2.3/16",
            "a:0",
            "a:99999",
            "a:+1",
            "a b",
            "http://a.example",
            "a/b",
            "0x7f.1",
            "2130706433",
            "[::1",
            "[a]:1",
            "user@a.example",
        ] {
            let error = Destinations::read(bad).unwrap_err();
            assert!(error.contains("is not a destination"), "{bad}: {error}");
        }
        let many = vec!["a"; DESTINATIONS_MAX + 1].join(",");
        assert!(Destinations::read(&many).unwrap_err().contains("1000 are the most"));
    }

    #[test]
    fn private_networks_are_opened_by_a_word_or_by_their_names() {
        let read = |text: &str| AllowPrivate::read(text).unwrap();
        assert_eq!(read("true"), AllowPrivate::All);
        assert_eq!(read("false"), AllowPrivate::default());
        for text in ["true", "false", "10.0.0.0/8, fd00::/8"] {
            assert_eq!(AllowPrivate::read(&read(text).text()), Ok(read(text)));
            assert_eq!(AllowPrivate::read_toml(&read(text).toml()), Ok(read(text)));
        }
        assert!(AllowPrivate::read("10.0.0.1/8").unwrap_err().contains("is not a network"));
        assert!(AllowPrivate::read_toml(&1.into()).unwrap_err().contains("true, false, or"));
    }
}
