//! What a certificate tells of itself.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// How many names of one certificate are looked at.
const NAMES_MAX: usize = 100;

/// The names in a certificate, each after its kind, in the order in which they are looked for:
/// those of `subjectAltName` as URI, DNS and email; where there is none, the common names
/// (RFC 9525 section 2 leaves those to certificates without the others).
pub fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.map(|found| found.value.general_names.as_slice());
    let mut ranked: Vec<(u8, String)> =
        alternative.unwrap_or_default().iter().filter_map(ranked).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut names: Vec<String> = ranked.into_iter().map(|(_, name)| name).collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name();
        names.extend(common.filter_map(|name| Some(format!("CN:{}", name.as_str().ok()?))));
    }
    names.truncate(NAMES_MAX);
    names
}

fn ranked(name: &GeneralName<'_>) -> Option<(u8, String)> {
    match name {
        GeneralName::URI(uri) => Some((0, format!("URI:{uri}"))),
        GeneralName::DNSName(name) => Some((1, format!("DNS:{}", name.to_ascii_lowercase()))),
        GeneralName::RFC822Name(address) => Some((2, format!("email:{address}"))),
        _ => None,
    }
}

/// When it ends, in seconds since 1970.
pub fn expires_at(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// Its SHA-256, as `openssl x509 -fingerprint -sha256` writes it.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{byte:02X}", if text.is_empty() { "" } else { ":" });
    }
    text
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn check(alternative: Vec<SanType>, expected: &[&str]) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = alternative;
        params.distinguished_name.push(DnType::CommonName, "gateway 7");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(names(certificate.der()), expected);
    }

    #[test]
    fn common_names_count_where_there_are_no_others() {
        let text = |text: &str| text.try_into().unwrap();
        let uri = SanType::URI(text("urn:example:gateway-7"));
        let dns = SanType::DnsName(text("G7.city.example"));
        let email = SanType::Rfc822Name(text("ops@city.example"));
        check(
            vec![email, dns, uri],
            &["URI:urn:example:gateway-7", "DNS:g7.city.example", "email:ops@city.example"],
        );
        let address = SanType::IpAddress("10.0.0.1".parse().unwrap());
        check(vec![address], &["CN:gateway 7"]);
        check(Vec::new(), &["CN:gateway 7"]);
        assert_eq!(names(&CertificateDer::from(&b"garbage"[..])), Vec::<String>::new());
    }
}
