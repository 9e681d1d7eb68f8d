//! Authorities of a city's own, whose certificates are trusted when something goes out.

use std::path::Path;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::value::Written;

/// Certificates in one file, at most.
const CERTIFICATES_MAX: usize = 1_000;

/// The certificates of a PEM file, read when the settings are; none where no file is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    file: String,
    certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    pub fn add_to(&self, roots: &mut RootCertStore) {
        // They were tried when they were read.
        roots.add_parsable_certificates(self.certificates.iter().cloned());
    }
}

impl Written for Authorities {
    const UNIT: &'static str = "path of a PEM file, or nothing";

    fn read(text: &str) -> Result<Authorities, String> {
        if text.is_empty() {
            return Ok(Authorities::default());
        }
        let unreadable =
            |error: &dyn std::fmt::Display| format!("`{text}` cannot be read: {error}");
        let found = CertificateDer::pem_file_iter(Path::new(text)).map_err(|e| unreadable(&e))?;
        let certificates: Vec<_> = found
            .take(CERTIFICATES_MAX + 1)
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(&error))?;
        match certificates.len() {
            0 => return Err(format!("`{text}` holds no certificate in PEM form")),
            count if count > CERTIFICATES_MAX => {
                return Err(format!("`{text}` holds more than {CERTIFICATES_MAX} certificates"));
            }
            _ => {}
        }
        let mut roots = RootCertStore::empty();
        for (nth, certificate) in certificates.iter().enumerate() {
            let added = roots.add(certificate.clone());
            added.map_err(|error| format!("certificate {} of `{text}`: {error}", nth + 1))?;
        }
        Ok(Authorities { file: text.to_owned(), certificates })
    }

    fn text(&self) -> String {
        self.file.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_certificates_or_the_error_says_what_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let told = |content: &str| {
            let file = directory.path().join("authorities.pem");
            std::fs::write(&file, content).unwrap();
            Authorities::read(&file.display().to_string())
        };
        let pem =
            rcgen::generate_simple_self_signed(["city.example".to_owned()]).unwrap().cert.pem();
        let two = told(&format!("{pem}\n{pem}")).unwrap();
        assert_eq!(two.certificates.len(), 2);
        assert_eq!(Authorities::read(&two.text()), Ok(two));
        assert_eq!(Authorities::read(""), Ok(Authorities::default()));
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (content, problem) in [
            ("", "holds no certificate"),
            ("nothing of the kind", "holds no certificate"),
            (garbage, "certificate 1 of"),
        ] {
            let error = told(content).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        assert!(Authorities::read("/no/such/file").unwrap_err().contains("cannot be read"));
    }
}
