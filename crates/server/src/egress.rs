//! Which addresses the platform may call. What it is asked to download must not lead it into the
//! network it stands in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::settings::{Authorities, Settings};

/// The rules for everything that goes out.
#[derive(Clone, Debug)]
pub struct EgressRules {
    pub private: bool,
    /// This machine itself; allowed without `private` only in tests.
    pub loopback: bool,
    /// This machine itself and nothing else, whatever else is allowed: without TLS, nobody else
    /// would be known.
    pub loopback_alone: bool,
    /// Where the server that downloads listens. What it serves belongs to a tenant, and a download
    /// comes from none: it would give one tenant the contexts of another.
    pub own: Vec<SocketAddr>,
    pub timeout: Duration,
    pub bytes_max: usize,
    pub redirects_max: usize,
    /// Trusted beside those of the web.
    pub authorities: Authorities,
}

impl EgressRules {
    pub fn of(settings: &Settings) -> EgressRules {
        EgressRules {
            private: settings.egress_allow_private,
            loopback: settings.egress_allow_private || settings.open,
            loopback_alone: false,
            own: Vec::new(),
            timeout: settings.egress_timeout,
            bytes_max: settings.egress_bytes_max.as_usize(),
            redirects_max: settings.egress_redirects_max,
            authorities: settings.egress_authorities.clone(),
        }
    }

    /// For the server that listens where these settings say, at every address.
    pub fn of_server(settings: &Settings) -> EgressRules {
        let own = settings.all_listeners().iter().map(|one| one.listen).collect();
        EgressRules { own, ..EgressRules::of(settings) }
    }

    pub fn is_own(&self, address: SocketAddr) -> bool {
        self.own.iter().any(|own| {
            let (ours, ip) = (own.ip().to_canonical(), address.ip().to_canonical());
            own.port() == address.port()
                && (ours == ip || (ours.is_unspecified() && ip.is_loopback()))
        })
    }

    pub fn allow(&self, address: IpAddr) -> bool {
        let loopback = address.to_canonical().is_loopback();
        let allowed = self.private || is_public(address) || (self.loopback && loopback);
        allowed && (loopback || !self.loopback_alone)
    }
}

/// Is it an address of the public internet?
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,
        // Shared by the customers of a provider (RFC 6598).
        [100, 64..=127, ..] => true,
        // Link-local; here clouds keep their credentials.
        [169, 254, ..] => true,
        [172, 16..=31, ..] | [192, 168, ..] => true,
        // Protocol assignments, documentation, benchmarks (RFC 6890).
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., high, low] = segments;
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // An IPv4 address inside: mapped, or translated (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID and other protocol assignments; documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only 2000::/3 is given out; the rest is local, multicast, or unknown.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for local in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(local.parse().unwrap()), "{local}");
        }
    }

    #[test]
    fn open_servers_may_call_themselves_and_nobody_else_inside() {
        let settings = Settings { open: true, ..Settings::default() };
        let rules = EgressRules::of(&settings);
        assert!(rules.allow("127.0.0.1".parse().unwrap()));
        assert!(rules.allow("::1".parse().unwrap()));
        assert!(!rules.allow("10.0.0.1".parse().unwrap()));
        assert!(!EgressRules::of(&Settings::default()).allow("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_server_knows_its_own_address() {
        let check = |listen: &str, address: &str, expected: bool| {
            let settings = Settings { listen: listen.parse().unwrap(), ..Settings::default() };
            let found = EgressRules::of_server(&settings).is_own(address.parse().unwrap());
            assert_eq!(found, expected, "{listen} {address}");
            assert!(!EgressRules::of(&settings).is_own(address.parse().unwrap()));
        };
        check("127.0.0.1:9090", "127.0.0.1:9090", true);
        check("127.0.0.1:9090", "[::ffff:127.0.0.1]:9090", true);
        check("0.0.0.0:9090", "127.0.0.1:9090", true);
        check("[::]:9090", "[::1]:9090", true);
        check("127.0.0.1:9090", "127.0.0.1:9091", false);
        check("127.0.0.1:9090", "192.0.2.1:9090", false);
    }
}
