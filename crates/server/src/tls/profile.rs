//! Which versions, suites and groups of TLS are spoken.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::settings::TlsMin;

/// By their IANA names, best first. All have forward secrecy and authenticate what they encrypt.
const SUITES: [(&str, SupportedCipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", cipher_suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", cipher_suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", cipher_suite::TLS13_CHACHA20_POLY1305_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// By their IANA names, best first. The first two resist quantum computers (ML-KEM, FIPS 203) as
/// long as either half holds; TLS 1.2 has only the others.
const GROUPS: [(&str, &dyn SupportedKxGroup); 5] = [
    ("X25519MLKEM768", kx_group::X25519MLKEM768),
    ("SecP256r1MLKEM768", kx_group::SECP256R1MLKEM768),
    ("x25519", kx_group::X25519),
    ("secp256r1", kx_group::SECP256R1),
    ("secp384r1", kx_group::SECP384R1),
];

/// What a listener speaks.
#[derive(Clone, Debug)]
pub struct Profile {
    pub provider: Arc<CryptoProvider>,
    pub versions: &'static [&'static SupportedProtocolVersion],
}

impl Profile {
    /// No name means all of them. Else says which setting is wrong, and why.
    pub fn new(
        min: TlsMin,
        suites: &[String],
        groups: &[String],
    ) -> Result<Profile, (&'static str, String)> {
        let suites = chosen(&SUITES, suites).map_err(|problem| ("tls_suites", problem))?;
        let groups = chosen(&GROUPS, groups).map_err(|problem| ("tls_groups", problem))?;
        let versions = versions(min);
        let spoken = |suite: &SupportedCipherSuite| versions.contains(&suite.version());
        let suites: Vec<_> = suites.into_iter().filter(spoken).collect();
        if let Some(silent) =
            versions.iter().find(|&&version| !suites.iter().any(|suite| suite.version() == version))
        {
            let problem = format!("names no suite for {}, which is spoken", named(silent));
            return Err(("tls_suites", problem));
        }
        let provider =
            CryptoProvider { cipher_suites: suites, kx_groups: groups, ..default_provider() };
        Ok(Profile { provider: Arc::new(provider), versions })
    }
}

/// All suites and groups, for what goes out.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: SUITES.map(|(_, suite)| suite).into(),
        kx_groups: GROUPS.map(|(_, group)| group).into(),
        ..default_provider()
    })
}

static FROM_1_2: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static FROM_1_3: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(min: TlsMin) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsMin::V1_2 => &FROM_1_2,
        TlsMin::V1_3 => &FROM_1_3,
    }
}

fn named(version: &SupportedProtocolVersion) -> &'static str {
    if *version == TLS13 { "TLS 1.3" } else { "TLS 1.2" }
}

fn chosen<T: Copy>(all: &[(&str, T)], names: &[String]) -> Result<Vec<T>, String> {
    if names.is_empty() {
        return Ok(all.iter().map(|(_, one)| *one).collect());
    }
    let find = |name: &String| {
        let found = all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, one)| *one).ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
            let name: String = name.chars().take(100).collect();
            format!("`{name}` is not there; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(min: TlsMin, suites: &[&str], groups: &[&str], expected: &str) {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (suites, groups): (Vec<String>, Vec<String>) = (texts(suites), texts(groups));
        let told = match Profile::new(min, &suites, &groups) {
            Ok(profile) => {
                let suites = profile.provider.cipher_suites.len();
                let groups = profile.provider.kx_groups.len();
                format!("{suites} suites, {groups} groups, {} versions", profile.versions.len())
            }
            Err((setting, problem)) => format!("{setting}: {problem}"),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn a_profile_is_what_the_lists_allow() {
        check(TlsMin::V1_3, &[], &[], "3 suites, 5 groups, 1 versions");
        check(TlsMin::V1_2, &[], &[], "9 suites, 5 groups, 2 versions");
        check(TlsMin::V1_3, &["TLS_AES_128_GCM_SHA256"], &["X25519"], "1 suites, 1 groups");
    }

    #[test]
    fn names_that_are_not_there_bring_up_those_that_are() {
        let rc4 = ["TLS_RSA_WITH_RC4_128_SHA"];
        check(TlsMin::V1_2, &rc4, &[], "tls_suites: `TLS_RSA_WITH_RC4_128_SHA` is not there");
        check(TlsMin::V1_3, &[], &["ffdhe2048"], "there are X25519MLKEM768, SecP256r1MLKEM768");
        let old = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];
        check(TlsMin::V1_3, &old, &[], "names no suite for TLS 1.3");
        let new = ["TLS_AES_128_GCM_SHA256"];
        check(TlsMin::V1_2, &new, &[], "names no suite for TLS 1.2, which is spoken");
    }

    #[test]
    fn the_tables_hold_what_their_names_say() {
        for (name, suite) in SUITES {
            let told = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
            assert_eq!(told, name);
        }
        for (name, group) in GROUPS {
            assert!(format!("{:?}", group.name()).eq_ignore_ascii_case(name), "{name}");
        }
    }
}
