//! Networks of addresses, written as CIDR (RFC 4632, RFC 4291 section 2.3).

use std::fmt;
use std::net::IpAddr;

use super::value::Written;

/// Networks in one list, at most.
pub const NETWORKS_MAX: usize = 1_000;

/// An address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A list of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Network {
    pub(super) fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, Some(bits.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let most = width(address);
        let bits = bits.unwrap_or(most);
        // A host's address with a network's length is a slip that lets in more than was meant.
        let network = Network { address, bits };
        (bits <= most && leading(number(address), bits, most) == number(address)).then_some(network)
    }

    /// Is the address in it? An IPv4 address inside an IPv6 one counts as what it is.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let most = width(self.address);
        let asked = leading(number(address), self.bits, most);
        width(address) == most && asked == number(self.address)
    }
}

impl Networks {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is the address in one of them? An IPv4 address inside an IPv6 one counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The number with all but its leading bits, out of `width`, set to 0.
fn leading(number: u128, bits: u8, width: u8) -> u128 {
    let rest = u32::from(width - bits);
    number.checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Written for Networks {
    const UNIT: &'static str = "list of networks";

    /// With commas between them.
    fn read(text: &str) -> Result<Networks, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        // One more than may be, so that too many are noticed and no end of them is kept.
        of_texts(parts.take(NETWORKS_MAX + 1).map(str::to_owned).collect())
    }

    fn text(&self) -> String {
        texts(self).text()
    }

    fn read_toml(value: &toml::Value) -> Result<Networks, String> {
        of_texts(Vec::<String>::read_toml(value)?)
    }

    fn toml(&self) -> toml::Value {
        texts(self).toml()
    }
}

fn of_texts(texts: Vec<String>) -> Result<Networks, String> {
    if NETWORKS_MAX < texts.len() {
        return Err(format!("has {} networks; {NETWORKS_MAX} are the most", texts.len()));
    }
    let wrong = |text: &str| {
        format!("`{text}` is not a network; write 10.1.0.0/16, 2001:db8::/32, or one address")
    };
    let read = |text: &String| Network::parse(text).ok_or_else(|| wrong(text));
    texts.iter().map(read).collect::<Result<_, _>>().map(Networks)
}

fn texts(networks: &Networks) -> Vec<String> {
    networks.0.iter().map(Network::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        let check = |networks: &str, address: &str, expected: bool| {
            let texts = networks.split(", ").filter(|text| !text.is_empty());
            let read = of_texts(texts.map(str::to_owned).collect()).unwrap();
            assert_eq!(read.contains(address.parse().unwrap()), expected, "{networks} {address}");
            assert_eq!(Networks::read_toml(&read.toml()).as_ref(), Ok(&read));
            assert_eq!(Networks::read(&read.text()), Ok(read));
        };
        check("10.1.0.0/16", "10.1.255.1", true);
        check("10.1.0.0/16", "10.2.0.1", false);
        check("10.1.0.0/16", "::ffff:10.1.0.1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("0.0.0.0/0", "8.8.8.8", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "8.8.8.8", false);
        check("2001:db8::/32, 127.0.0.0/8", "2001:db8:1::1", true);
        check("2001:db8::/32, 127.0.0.0/8", "127.0.0.1", true);
        check("2001:db8::/33", "2001:db8:8000::1", false);
        check("", "127.0.0.1", false);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["10.1.2.3/16", "10.0.0.0/33", "::/129", "10.0.0.0/", "a", "10.0.0.0/-1"] {
            let error = of_texts(vec![bad.to_owned()]).unwrap_err();
            assert!(error.contains(&format!("`{bad}` is not a network")), "{error}");
        }
        let many = vec!["::1".to_owned(); NETWORKS_MAX + 1];
        assert!(of_texts(many).unwrap_err().contains("1000 are the most"));
    }
}
