//! Where a request comes from: the address of its client, also behind proxies that are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use http::header::FORWARDED;

use crate::settings::{Networks, ProxyHeader};

/// An address as far as one client is told from another: an IPv6 address counts by its /64, which
/// whoever has one of its addresses has all of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    pub fn of(address: IpAddr) -> Source {
        Source(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            address => address,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// Which proxies are believed, and in which header.
#[derive(Clone, Debug)]
pub struct Proxies {
    pub trusted: Networks,
    pub header: ProxyHeader,
}

/// Proxies behind each other that are looked at.
pub const PROXIES_MAX: usize = 16;

impl Proxies {
    /// The address of the client: that of the connection, or what trusted proxies say of it. Each
    /// adds, on the right, from where the request came to it; what stands left of the first that is
    /// not trusted anybody may have written.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        if !self.trusted.contains(address) {
            return address;
        }
        for hop in self.hops(headers).take(PROXIES_MAX) {
            let Some(before) = hop.and_then(host) else { return address };
            address = before;
            if !self.trusted.contains(address) {
                return address;
            }
        }
        address
    }

    /// What the proxies say, from the right; nothing in the place of what is unreadable.
    fn hops<'a>(&self, headers: &'a HeaderMap) -> Box<dyn Iterator<Item = Option<&'a str>> + 'a> {
        match self.header {
            ProxyHeader::XForwardedFor => Box::new(entries(headers, "x-forwarded-for")),
            ProxyHeader::Forwarded => {
                Box::new(entries(headers, FORWARDED.as_str()).map(|entry| entry.and_then(told_for)))
            }
        }
    }
}

/// The parts of a list in all headers of a name, the last first.
fn entries<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = Option<&'a str>> + 'a {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    values.into_iter().rev().flat_map(|value| {
        let text = value.to_str().ok();
        let parts: Vec<Option<&str>> = match text {
            Some(text) => text.rsplit(',').map(|part| Some(part.trim())).collect(),
            None => vec![None],
        };
        parts
    })
}

/// `for=` of one element (RFC 7239 section 4). A comma between quotes is no part of an address, so
/// an element that is cut there has none.
fn told_for(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut told = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = told.next()?;
    Some(value.trim().trim_matches('"'))
}

/// An address with or without a port; IPv6 in brackets or bare.
fn host(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => text,
        },
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::settings::Written;

    fn check(trusted: &str, peer: &str, lines: &[(&'static str, &str)], expected: &str) {
        let header = match lines.first() {
            Some(("forwarded", _)) => ProxyHeader::Forwarded,
            _ => ProxyHeader::XForwardedFor,
        };
        let proxies = Proxies { trusted: Networks::read(trusted).unwrap(), header };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(client.to_string(), expected, "{lines:?}");
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        check("", "127.0.0.1", &[(XFF, "9.9.9.9")], "127.0.0.1");
        check("10.0.0.0/8", "8.8.8.8", &[(XFF, "9.9.9.9")], "8.8.8.8");
    }

    #[test]
    fn proxies_are_believed_from_the_right_as_far_as_they_are_trusted() {
        let check = |lines: &[_], expected| check("10.0.0.0/8, ::1", "10.0.0.1", lines, expected);
        check(&[], "10.0.0.1");
        check(&[(XFF, "9.9.9.9")], "9.9.9.9");
        check(&[(XFF, "1.1.1.1, 9.9.9.9")], "9.9.9.9");
        check(&[(XFF, "1.1.1.1, 9.9.9.9:4711 , 10.0.0.2")], "9.9.9.9");
        check(&[(XFF, "1.1.1.1"), (XFF, "9.9.9.9"), (XFF, "10.0.0.2")], "9.9.9.9");
        check(&[(XFF, "10.0.0.3, 10.0.0.2")], "10.0.0.3");
        // What cannot be read ends it.
        check(&[(XFF, "1.1.1.1, unknown")], "10.0.0.1");
        check(&[(XFF, "1.1.1.1, , 10.0.0.2")], "10.0.0.2");
        check(&[(XFF, "2001:db8::7")], "2001:db8::7");
        check(&[(XFF, "[2001:db8::7]:443")], "2001:db8::7");
        check(&[(XFF, "::ffff:9.9.9.9")], "9.9.9.9");
        // The other header anybody may have sent.
        check(&[(XFF, "9.9.9.9"), ("forwarded", "for=1.1.1.1")], "9.9.9.9");
        let long = vec!["10.0.0.2"; PROXIES_MAX + 1].join(",");
        check(&[(XFF, &format!("9.9.9.9,{long}"))], "10.0.0.2");
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_chosen() {
        let check =
            |value, expected| check("10.0.0.0/8", "10.0.0.1", &[("forwarded", value)], expected);
        check("for=9.9.9.9", "9.9.9.9");
        check("for=1.1.1.1, For=9.9.9.9;proto=https;by=10.0.0.1", "9.9.9.9");
        check("proto=http; for=\"[2001:db8::7]:4711\"", "2001:db8::7");
        check("for=1.1.1.1, for=_hidden", "10.0.0.1");
        check("for=1.1.1.1, proto=http", "10.0.0.1");
    }

    #[test]
    fn an_ipv6_address_counts_by_its_network() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1:2:3"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("2001:db8::1").to_string(), "2001:db8::/64");
        assert_eq!(source("::ffff:1.2.3.4"), source("1.2.3.4"));
        assert_ne!(source("1.2.3.4"), source("1.2.3.5"));
    }
}
