//! How values of settings are written.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A value of a setting.
pub trait Written: Sized {
    const UNIT: &'static str;

    /// As a variable or flag gives it, where they can. What is wrong is said so that it reads after
    /// the name of the setting.
    fn read(_: &str) -> Result<Self, String> {
        Err(format!("takes a {}, which a file alone can give", Self::UNIT))
    }

    /// For people to read; where it can be read, the same value.
    fn text(&self) -> String;

    /// As a file gives it.
    fn read_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Self::read(text),
            toml::Value::Integer(number) => Self::read(&number.to_string()),
            toml::Value::Boolean(flag) => Self::read(&flag.to_string()),
            other => {
                let kind = other.type_str();
                Err(format!("takes a text, a number or true/false; this is of kind {kind}"))
            }
        }
    }

    /// Reads back as the same value.
    fn toml(&self) -> toml::Value {
        toml::Value::String(self.text())
    }
}

/// An amount of memory or disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Bytes {
    /// The amount as far as this machine can address it.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// How deep something nests. What nests is read by a function that calls itself, and the stack of
/// a thread has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth(pub usize);

impl Depth {
    pub const MAX: usize = 100;
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

/// What happens when the audit record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAuditFailure {
    Refuse,
    Alert,
}

/// Where a proxy tells from whom a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const SPANS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// A whole number and its unit, in the smallest one; no unit means `plain`.
fn read_amount(text: &str, units: &[(&str, u64)], plain: u64) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.trim();
    let factor = match unit {
        "" => plain,
        _ => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The amount in the largest unit that divides it.
fn write_amount(amount: u64, units: &[(&str, u64)]) -> String {
    let whole =
        units.iter().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor));
    whole.map_or_else(|| amount.to_string(), |(name, factor)| format!("{}{name}", amount / factor))
}

impl Written for Bytes {
    const UNIT: &'static str = "bytes, or KiB, MiB, GiB";

    fn read(text: &str) -> Result<Bytes, String> {
        let bytes = read_amount(text, &SIZES, 1);
        bytes.map(Bytes).ok_or_else(|| format!("`{text}` is not a size; write 1048576 or 1MiB"))
    }

    fn text(&self) -> String {
        write_amount(self.0, &SIZES)
    }
}

impl Written for Duration {
    const UNIT: &'static str = "seconds, or ms, s, min, h, d";

    fn read(text: &str) -> Result<Duration, String> {
        let millis = read_amount(text, &SPANS, 1_000);
        let span = millis.map(Duration::from_millis);
        span.ok_or_else(|| format!("`{text}` is not a span of time; write 30, 30s or 500ms"))
    }

    fn text(&self) -> String {
        write_amount(u64::try_from(self.as_millis()).unwrap_or(u64::MAX), &SPANS)
    }
}

impl Written for usize {
    const UNIT: &'static str = "count";

    fn read(text: &str) -> Result<usize, String> {
        text.trim().parse().map_err(|_| format!("`{text}` is not a whole number"))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Written for Depth {
    const UNIT: &'static str = "count, at most 100";

    fn read(text: &str) -> Result<Depth, String> {
        match usize::read(text)? {
            depth if depth <= Depth::MAX => Ok(Depth(depth)),
            depth => Err(format!("{depth} is too deep; {} is the most", Depth::MAX)),
        }
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

impl Written for bool {
    const UNIT: &'static str = "true or false";

    fn read(text: &str) -> Result<bool, String> {
        text.trim().parse().map_err(|_| format!("`{text}` is neither true nor false"))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Written for String {
    const UNIT: &'static str = "text";

    fn read(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl Written for Vec<String> {
    const UNIT: &'static str = "list of texts";

    fn text(&self) -> String {
        self.join(", ")
    }

    fn read_toml(value: &toml::Value) -> Result<Vec<String>, String> {
        let wrong = || "takes a list of texts, such as [\"a\", \"b\"]".to_owned();
        let all = value.as_array().ok_or_else(wrong)?;
        all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    fn toml(&self) -> toml::Value {
        self.iter().cloned().map(toml::Value::String).collect::<Vec<_>>().into()
    }
}

impl Written for BTreeMap<String, String> {
    const UNIT: &'static str = "table of texts";

    fn text(&self) -> String {
        self.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    }

    fn read_toml(value: &toml::Value) -> Result<BTreeMap<String, String>, String> {
        let wrong = || "takes a table of texts, such as { a = \"b\" }".to_owned();
        let pair = |(name, value): (&String, &toml::Value)| {
            Ok((name.clone(), value.as_str().ok_or_else(wrong)?.to_owned()))
        };
        value.as_table().ok_or_else(wrong)?.iter().map(pair).collect()
    }

    fn toml(&self) -> toml::Value {
        let texts = self.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        toml::Value::Table(texts.collect())
    }
}

impl Written for PathBuf {
    const UNIT: &'static str = "path";

    fn read(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() { Err("a path is not empty".to_owned()) } else { Ok(text.into()) }
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

impl Written for SocketAddr {
    const UNIT: &'static str = "address:port";

    fn read(text: &str) -> Result<SocketAddr, String> {
        let wrong = || format!("`{text}` is not an address and port; write 127.0.0.1:9090");
        text.trim().parse().map_err(|_| wrong())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Written for LogFormat {
    const UNIT: &'static str = "human or json";

    fn read(text: &str) -> Result<LogFormat, String> {
        match text.trim() {
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("`{other}` is neither human nor json")),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Written for ProxyHeader {
    const UNIT: &'static str = "x-forwarded-for or forwarded";

    fn read(text: &str) -> Result<ProxyHeader, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(ProxyHeader::XForwardedFor),
            "forwarded" => Ok(ProxyHeader::Forwarded),
            other => Err(format!("`{other}` is neither x-forwarded-for nor forwarded")),
        }
    }

    fn text(&self) -> String {
        match self {
            ProxyHeader::XForwardedFor => "x-forwarded-for".to_owned(),
            ProxyHeader::Forwarded => "forwarded".to_owned(),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFormat::Human => "human",
            LogFormat::Json => "json",
        })
    }
}

impl Written for OnAuditFailure {
    const UNIT: &'static str = "refuse or alert";

    fn read(text: &str) -> Result<OnAuditFailure, String> {
        match text.trim() {
            "refuse" => Ok(OnAuditFailure::Refuse),
            "alert" => Ok(OnAuditFailure::Alert),
            other => Err(format!("`{other}` is neither refuse nor alert")),
        }
    }

    fn text(&self) -> String {
        let text = match self {
            OnAuditFailure::Refuse => "refuse",
            OnAuditFailure::Alert => "alert",
        };
        text.to_owned()
    }
}

impl Written for keyring::Algorithm {
    const UNIT: &'static str = "AES-256-GCM or ChaCha20-Poly1305";

    fn read(text: &str) -> Result<keyring::Algorithm, String> {
        let algorithm = keyring::Algorithm::parse(text.trim());
        algorithm.ok_or_else(|| format!("`{text}` is neither AES-256-GCM nor ChaCha20-Poly1305"))
    }

    fn text(&self) -> String {
        self.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        assert_eq!(Bytes::read("4 MiB"), Ok(Bytes(4 << 20)));
        assert_eq!(Bytes::read("123"), Ok(Bytes(123)));
        assert_eq!(Duration::read("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(Duration::read("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(Duration::read("30"), Ok(Duration::from_secs(30)));
        for bad in ["", "MiB", "-1", "1.5MiB", "1 parsec", "99999999999999999999", "9999999999999d"]
        {
            assert!(Bytes::read(bad).is_err(), "{bad}");
            assert!(Duration::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depths_have_an_end() {
        assert_eq!(Depth::read("100"), Ok(Depth(100)));
        assert_eq!(Depth::read("101"), Err("101 is too deep; 100 is the most".to_owned()));
        assert!(Depth::UNIT.ends_with(&Depth::MAX.to_string()));
    }

    #[test]
    fn lists_and_tables_read_back() {
        let list = vec!["a".to_owned(), "b c".to_owned()];
        assert_eq!(Vec::read_toml(&list.toml()), Ok(list));
        let table = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        assert_eq!(BTreeMap::read_toml(&table.toml()), Ok(table));
        let told = <Vec<String> as Written>::read("a").unwrap_err();
        assert_eq!(told, "takes a list of texts, which a file alone can give");
        assert!(Vec::read_toml(&1.into()).unwrap_err().contains("takes a list"));
        assert!(Vec::read_toml(&vec![1].into()).unwrap_err().contains("takes a list"));
        assert!(BTreeMap::read_toml(&"a".into()).unwrap_err().contains("takes a table"));
    }

    #[test]
    fn amounts_read_back() {
        for amount in [0, 1, 1023, 1024, 1 << 20, (1 << 30) + 1] {
            assert_eq!(Bytes::read(&Bytes(amount).text()), Ok(Bytes(amount)));
            let span = Duration::from_millis(amount);
            let text = if amount == 0 { "0".to_owned() } else { span.text() };
            assert_eq!(Duration::read(&text), Ok(span));
        }
    }
}
