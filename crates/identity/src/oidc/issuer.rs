//! An identity provider whose tokens are taken, and what of them makes a caller.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Tenant;
use policy::role;
use url::Url;

use super::algorithm::Algorithm;
use super::claims::ClaimPath;
use super::discovery::{is_secure, shown_url};
use super::refusal::shown;
use super::verify::ACCESS_TOKEN;

/// How long the name of an issuer may be.
pub const ISSUER_NAME_BYTES_MAX: usize = 50;

/// By how much the clocks may differ at most: beyond that, one of them is to be mended.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(600);

/// For how long tokens may be valid at most: none can be taken back.
pub const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// An issuer as an operator writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// Stands after the `@` in the names of its callers: `alice@NAME`.
    pub name: String,
    /// As `iss` has it, letter by letter.
    pub issuer: String,
    /// A token must be for one of them (`aud`).
    pub audiences: Vec<String>,
    pub algorithms: Vec<String>,
    /// What `typ` may be; a token without one is a `JWT`.
    pub types: Vec<String>,
    /// By how much the clocks may differ.
    pub clock_skew: Duration,
    /// For how long a token may be valid, from when it was issued.
    pub token_lifetime_max: Duration,
    /// The path of the claim that names the caller.
    pub name_claim: String,
    /// The path of the claim that lists roles.
    pub roles_claim: String,
    /// Values of that claim, each with a role here.
    pub roles: BTreeMap<String, String>,
    /// The only tenant of its callers: a name, empty for the default one, or `*` for every one.
    pub tenant: String,
    /// Where given, the path of a claim that tells the tenant instead.
    pub tenant_claim: String,
    /// Values of that claim, each with a tenant as above; where none is listed, the values are the
    /// names of tenants.
    pub tenants: BTreeMap<String, String>,
    /// An administrator's `acr` must be one of these, where there are any.
    pub admin_acr: Vec<String>,
    /// An administrator's `amr` must have all of these.
    pub admin_amr: Vec<String>,
    /// Administrators may come however they signed in.
    pub admin_any_sign_in: bool,
}

/// In settings, what stands for every tenant. No tenant has this name.
const EVERY_TENANT: &str = "*";

impl Default for IssuerSettings {
    fn default() -> IssuerSettings {
        IssuerSettings {
            name: String::new(),
            issuer: String::new(),
            audiences: Vec::new(),
            algorithms: Algorithm::DEFAULT.map(|one| one.name().to_owned()).to_vec(),
            types: vec![ACCESS_TOKEN.to_owned()],
            clock_skew: Duration::from_secs(60),
            token_lifetime_max: Duration::from_secs(24 * 3600),
            name_claim: "sub".to_owned(),
            roles_claim: "roles".to_owned(),
            roles: BTreeMap::new(),
            tenant: String::new(),
            tenant_claim: String::new(),
            tenants: BTreeMap::new(),
            admin_acr: Vec::new(),
            admin_amr: Vec::new(),
            admin_any_sign_in: false,
        }
    }
}

/// The same, found to be usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub(crate) settings: IssuerSettings,
    pub(crate) algorithms: Vec<Algorithm>,
    /// In small letters, and without `application/`.
    pub(crate) types: Vec<String>,
    pub(crate) name_claim: ClaimPath,
    pub(crate) roles_claim: ClaimPath,
    pub(crate) roles: BTreeMap<String, String>,
    pub(crate) tenants: Tenants,
}

/// How the tenant of a caller is found. Where a tenant is missing, it is every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tenants {
    Fixed(Option<Tenant>),
    Named { claim: ClaimPath },
    Mapped { claim: ClaimPath, names: BTreeMap<String, Option<Tenant>> },
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}`: {problem}")]
pub struct IssuerError {
    pub setting: &'static str,
    pub problem: String,
}

impl Issuer {
    pub fn new(settings: IssuerSettings) -> Result<Issuer, IssuerError> {
        check_name(&settings.name)?;
        check_url(&settings.issuer)?;
        for (setting, texts) in [
            ("audiences", &settings.audiences),
            ("types", &settings.types),
            ("admin_acr", &settings.admin_acr),
            ("admin_amr", &settings.admin_amr),
        ] {
            if texts.iter().any(String::is_empty) {
                return Err(wrong(setting, "has an empty text, which any token might have"));
            }
        }
        if settings.audiences.is_empty() {
            let problem = "is empty; name what tokens for this platform have as `aud`, or tokens \
                           for any other service would be taken here";
            return Err(wrong("audiences", problem));
        }
        if settings.types.is_empty() {
            return Err(wrong("types", "is empty, so that no token could be taken"));
        }
        check_acr(&settings.admin_acr)?;
        if !(Duration::from_secs(1)..=TOKEN_LIFETIME_MAX).contains(&settings.token_lifetime_max) {
            return Err(wrong("token_lifetime_max", "takes 1 s to 7 d"));
        }
        if CLOCK_SKEW_MAX < settings.clock_skew {
            return Err(wrong(
                "clock_skew",
                "is more than 10 minutes; mend the clock that is wrong",
            ));
        }
        let path = |setting, text: &str| ClaimPath::parse(text).map_err(|why| wrong(setting, why));
        let issuer = Issuer {
            algorithms: algorithms(&settings.algorithms)?,
            types: settings.types.iter().map(|name| media_type(name)).collect(),
            name_claim: path("name_claim", &settings.name_claim)?,
            roles_claim: path("roles_claim", &settings.roles_claim)?,
            roles: roles(&settings.roles)?,
            tenants: tenants(&settings)?,
            settings,
        };
        if issuer.is_weak_for_administrators() && !issuer.settings.admin_any_sign_in {
            return Err(wrong("roles", ANY_SIGN_IN));
        }
        Ok(issuer)
    }

    /// The name by which callers and log lines tell it from others.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// As `iss` has it.
    pub fn url(&self) -> &str {
        &self.settings.issuer
    }

    /// May an administrator come with a password alone?
    pub fn is_weak_for_administrators(&self) -> bool {
        self.roles.values().any(|name| role::is_privileged(name))
            && self.settings.admin_acr.is_empty()
            && self.settings.admin_amr.is_empty()
    }
}

const ANY_SIGN_IN: &str = "maps a value to `admin`, and nothing says how administrators must have \
    signed in; set `admin_acr` or `admin_amr`, or `admin_any_sign_in = true` where the provider \
    itself asks them for more than a password";

/// Values of `acr` are listed with spaces between them, in quotes, to say which is asked for.
fn check_acr(values: &[String]) -> Result<(), IssuerError> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
    match values.iter().find(|value| !value.chars().all(plain)) {
        None => Ok(()),
        Some(bad) => Err(wrong(
            "admin_acr",
            format!(
                "`{}` has a space or another character that no client could be asked for; have the \
                 provider name it with letters, digits and signs such as `:`",
                shown(bad)
            ),
        )),
    }
}

/// A media type as `typ` may shorten it (RFC 7515 section 4.1.9).
pub(crate) fn media_type(written: &str) -> String {
    let name = written.to_ascii_lowercase();
    name.strip_prefix("application/").map(str::to_owned).unwrap_or(name)
}

fn wrong(setting: &'static str, problem: impl Into<String>) -> IssuerError {
    IssuerError { setting, problem: problem.into() }
}

fn check_name(name: &str) -> Result<(), IssuerError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=ISSUER_NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(wrong(
        "name",
        format!(
            "takes 1 to {ISSUER_NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`; this is `{}`",
            shown(name)
        ),
    ))
}

fn check_url(url: &str) -> Result<(), IssuerError> {
    if Url::parse(url).is_ok_and(|url| is_secure(&url)) && !url.contains(['?', '#']) {
        return Ok(());
    }
    Err(wrong(
        "issuer",
        format!(
            "`{}` is not the URL of an issuer; it begins with https:// and has no user, `?` or \
             `#` (http:// is for this machine itself)",
            shown_url(url)
        ),
    ))
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, IssuerError> {
    let read = |name: &String| {
        Algorithm::from_name(name).ok_or_else(|| {
            let known = Algorithm::ALL.map(Algorithm::name).join(", ");
            let problem =
                format!("`{}` is not an algorithm with public keys; {known} are", shown(name));
            wrong("algorithms", problem)
        })
    };
    let read: Vec<Algorithm> = names.iter().map(read).collect::<Result<_, _>>()?;
    if read.is_empty() {
        return Err(wrong("algorithms", "is empty, so that no token could be taken"));
    }
    Ok(read)
}

fn roles(written: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, IssuerError> {
    if written.contains_key("") {
        return Err(wrong("roles", "has an empty value, which any token might have"));
    }
    if written.is_empty() {
        let problem = "is empty, so that no token could give a role; write roles = { \
                       \"value of the claim\" = \"reader\" }";
        return Err(wrong("roles", problem));
    }
    match written.values().find(|name| !role::is_name(name)) {
        None => Ok(written.clone()),
        Some(name) => {
            let max = role::NAME_CHARS_MAX;
            let problem = format!(
                "`{}` is no role; the name of one takes 1 to {max} letters, digits, `-`, `_`, `.` \
                 and `:`",
                shown(name)
            );
            Err(wrong("roles", problem))
        }
    }
}

fn tenants(settings: &IssuerSettings) -> Result<Tenants, IssuerError> {
    if settings.tenant_claim.is_empty() {
        if !settings.tenants.is_empty() {
            return Err(wrong("tenants", "needs `tenant_claim`, of which it lists the values"));
        }
        return Ok(Tenants::Fixed(tenant("tenant", &settings.tenant)?));
    }
    if !settings.tenant.is_empty() {
        return Err(wrong("tenant", "stands beside `tenant_claim`; only one of them can tell"));
    }
    let claim =
        ClaimPath::parse(&settings.tenant_claim).map_err(|why| wrong("tenant_claim", why))?;
    if settings.tenants.is_empty() {
        return Ok(Tenants::Named { claim });
    }
    let read = |(value, name): (&String, &String)| Ok((value.clone(), tenant("tenants", name)?));
    let names = settings.tenants.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Tenants::Mapped { claim, names })
}

fn tenant(setting: &'static str, written: &str) -> Result<Option<Tenant>, IssuerError> {
    match written {
        EVERY_TENANT => Ok(None),
        "" => Ok(Some(Tenant::default())),
        name => match Tenant::parse(name) {
            Ok(tenant) => Ok(Some(tenant)),
            Err(error) => Err(wrong(setting, error.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> IssuerSettings {
        IssuerSettings {
            name: "city".into(),
            issuer: "https://login.example/city".into(),
            audiences: vec!["comity".into()],
            roles: BTreeMap::from([("staff".into(), "writer".into())]),
            ..IssuerSettings::default()
        }
    }

    fn check(change: impl FnOnce(&mut IssuerSettings), expected: &str) {
        let mut settings = settings();
        change(&mut settings);
        let told = match Issuer::new(settings) {
            Ok(issuer) => format!("{:?}", issuer.tenants),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    }

    fn map(value: &str, name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(value.to_owned(), name.to_owned())])
    }

    #[test]
    fn without_a_word_about_tenants_there_is_the_default_one() {
        check(|_| {}, &format!("Fixed(Some({:?}))", Tenant::default()));
        check(|s| s.tenant = "*".into(), "Fixed(None)");
        check(|s| s.tenant_claim = "org.id".into(), "Named");
        check(
            |s| {
                s.tenant_claim = "org".into();
                s.tenants = map("ops", "*");
            },
            "{\"ops\": None}",
        );
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_setting() {
        check(|s| s.name = "a b".into(), "`name`: takes 1 to 50 letters");
        check(|s| s.name = "a@b".into(), "`name`:");
        check(|s| s.issuer = "http://login.example".into(), "`issuer`: `http://login.example` is");
        check(|s| s.issuer = "https://login.example/?x".into(), "`issuer`:");
        check(|s| s.issuer = String::new(), "`issuer`:");
        check(|s| s.audiences.clear(), "`audiences`: is empty");
        check(|s| s.algorithms = vec!["HS256".into()], "`HS256` is not an algorithm with public");
        check(|s| s.algorithms = vec!["none".into()], "`none` is not an algorithm with public");
        check(|s| s.algorithms.clear(), "`algorithms`: is empty");
        check(|s| s.roles.clear(), "`roles`: is empty");
        check(|s| s.roles = map("x", "a b"), "`a b` is no role; the name of one takes");
        check(|s| s.roles_claim = "a..b".into(), "`roles_claim`: `a..b` is not the path");
        check(|s| s.clock_skew = Duration::from_secs(601), "`clock_skew`: is more than 10 minutes");
        check(|s| s.tenants = map("x", "y"), "`tenants`: needs `tenant_claim`");
        check(|s| s.tenant = "a b".into(), "`tenant`:");
        check(
            |s| {
                s.tenant = "north".into();
                s.tenant_claim = "org".into();
            },
            "only one of them",
        );
    }

    #[test]
    fn administrators_with_a_password_alone_are_asked_for() {
        let weak = |role: &str, acr: &[&str], any: bool| {
            let admin_acr = acr.iter().map(|one| (*one).to_owned()).collect();
            let roles = map("x", role);
            let settings =
                IssuerSettings { roles, admin_acr, admin_any_sign_in: any, ..settings() };
            Issuer::new(settings).map(|issuer| issuer.is_weak_for_administrators())
        };
        let told = weak("admin", &[], false).unwrap_err().to_string();
        assert!(told.contains("`roles`: maps a value to `admin`, and nothing says"), "{told}");
        assert_eq!(weak("admin", &[], true), Ok(true));
        assert_eq!(weak("admin", &["phr"], false), Ok(false));
        assert_eq!(weak("writer", &[], false), Ok(false));
    }

    #[test]
    fn what_would_match_anything_or_nothing_is_told() {
        let empty = || vec![String::new()];
        check(|s| s.audiences.push(String::new()), "`audiences`: has an empty text");
        check(|s| s.types = empty(), "`types`: has an empty text");
        check(|s| s.types.clear(), "`types`: is empty");
        check(|s| s.admin_acr = empty(), "`admin_acr`: has an empty text");
        check(|s| s.admin_amr = empty(), "`admin_amr`: has an empty text");
        check(|s| s.roles = map("", "reader"), "`roles`: has an empty value");
        check(|s| s.admin_acr = vec!["two words".into()], "`admin_acr`: `two words` has a space");
        check(|s| s.admin_acr = vec!["a\"b".into()], "`admin_acr`:");
        check(|s| s.admin_acr = vec!["urn:mace:incommon:iap:silver".into()], "Fixed");
        check(|s| s.token_lifetime_max = Duration::ZERO, "`token_lifetime_max`: takes 1 s to 7 d");
        let more = TOKEN_LIFETIME_MAX + Duration::from_secs(1);
        check(|s| s.token_lifetime_max = more, "`token_lifetime_max`: takes 1 s to 7 d");
        let mut named = settings();
        named.issuer = "https://me:secret@login.example".into();
        let told = Issuer::new(named).unwrap_err().to_string();
        assert!(told.contains("no user") && !told.contains("secret"), "{told}");
    }
}
