//! What kind of address an address is. Only public ones are called where nobody allowed more.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// To whom an address belongs, as far as the address itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Public,
    /// This machine itself.
    Loopback,
    /// RFC 1918, RFC 4193.
    Private,
    /// Shared by the customers of a provider (RFC 6598).
    Shared,
    LinkLocal,
    /// Where clouds keep the credentials of a machine.
    Metadata,
    Multicast,
    Unspecified,
    /// 6to4 and Teredo: an IPv4 address of any kind, reached by way of a relay.
    Tunnel,
    /// Documentation, benchmarks, protocols, and what is not given out (RFC 6890).
    Reserved,
}

/// AWS, Azure, Google, OpenStack and others; the IPv6 one is of AWS. Alibaba's and Oracle's older
/// ones are told apart by nothing from their neighbours, so they are listed too.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

impl Kind {
    pub fn of(address: IpAddr) -> Kind {
        match plain(address) {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

/// The address that is meant: an IPv4 address that stands in an IPv6 one, mapped (RFC 4291) or
/// translated by the network (RFC 6052), is that IPv4 address. In networks that speak IPv6 alone,
/// every IPv4 server is reached in the second way.
pub fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let bits = u32::from(high) << 16 | u32::from(low);
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        _ => IpAddr::V6(v6),
    }
}

fn of_v4(address: Ipv4Addr) -> Kind {
    if METADATA_V4.contains(&address) {
        return Kind::Metadata;
    }
    match address.octets() {
        [0, 0, 0, 0] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [100, 64..=127, ..] => Kind::Shared,
        [169, 254, ..] => Kind::LinkLocal,
        [224..=239, ..] => Kind::Multicast,
        // Relays of 6to4 (RFC 7526).
        [192, 88, 99, _] => Kind::Tunnel,
        // "This network", protocol assignments, documentation, benchmarks, reserved, broadcast.
        [0, ..] | [192, 0, 0 | 2, _] | [198, 18 | 19, ..] => Kind::Reserved,
        [198, 51, 100, _] | [203, 0, 113, _] | [240..=255, ..] => Kind::Reserved,
        _ => Kind::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Kind {
    if address == METADATA_V6 {
        return Kind::Metadata;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0x2002, ..] | [0x2001, 0, ..] => Kind::Tunnel,
        [0xfc00..=0xfdff, ..] => Kind::Private,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        // ORCHID and other protocol assignments; documentation.
        [0x2001, 1..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Reserved,
        // Only 2000::/3 is given out.
        [first, ..] if first & 0xe000 == 0x2000 => Kind::Public,
        _ => Kind::Reserved,
    }
}

impl fmt::Display for Kind {
    /// Reads after "is".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Public => "in the public internet",
            Kind::Loopback => "this machine itself, a private network",
            Kind::Private => "in a private network",
            Kind::Shared => "in a private network of a provider (100.64.0.0/10)",
            Kind::LinkLocal => "on the local link, a private network",
            Kind::Metadata => "where a cloud keeps the credentials of machines",
            Kind::Multicast => "a multicast address",
            Kind::Unspecified => "the unspecified address",
            Kind::Tunnel => "behind a tunnel (6to4 or Teredo)",
            Kind::Reserved => "a reserved address",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(Kind::of(address.parse().unwrap()), kind, "{address}");
        }
    }

    #[test]
    fn every_class_of_addresses_is_known() {
        let public = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "172.32.0.1", "100.128.0.1"];
        check(Kind::Public, &public);
        check(Kind::Public, &["::ffff:1.1.1.1", "64:ff9b::101:101"]);
        check(Kind::Loopback, &["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"]);
        check(Kind::Loopback, &["64:ff9b::7f00:1"]);
        check(Kind::Private, &["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"]);
        check(Kind::Private, &["fc00::1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]);
        check(Kind::Shared, &["100.64.0.1", "100.127.255.255"]);
        check(Kind::LinkLocal, &["169.254.0.1", "fe80::1", "febf::1"]);
        check(Kind::Metadata, &["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"]);
        check(Kind::Metadata, &["64:ff9b::a9fe:a9fe", "100.100.100.200", "192.0.0.192"]);
        check(Kind::Multicast, &["224.0.0.1", "239.255.255.255", "ff02::1"]);
        check(Kind::Unspecified, &["0.0.0.0", "::", "::ffff:0.0.0.0"]);
        check(Kind::Tunnel, &["2002:7f00:1::", "2002:101:101::1", "2001::1", "192.88.99.1"]);
        check(Kind::Reserved, &["0.1.2.3", "198.18.0.1", "240.0.0.1", "255.255.255.255"]);
        check(Kind::Reserved, &["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.0.1"]);
        // IPv4-compatible addresses (RFC 4291, 2.5.5.1) and local NAT64 (RFC 8215) among them.
        check(Kind::Reserved, &["::127.0.0.1", "::2", "64:ff9b:1::1", "2001:db8::1", "fec0::1"]);
        check(Kind::Reserved, &["2001:10::1", "3fff::1", "4000::1", "100::1"]);
    }
}
