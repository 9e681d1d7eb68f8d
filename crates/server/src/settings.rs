//! Everything an operator can set: one table that is struct, parser and reference at once.

mod authorities;
mod certificate;
mod destinations;
mod fixed;
mod issuer;
mod layers;
mod listener;
mod network;
mod reference;
mod residency;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use authorities::Authorities;
pub use certificate::{CERTIFICATE, CERTIFICATES_MAX, CertificateSettings};
pub use destinations::{AllowPrivate, DESTINATIONS_MAX, Destinations, EgressTls};
pub use fixed::{FIXED, Fixed};
pub use issuer::{ISSUER, ISSUERS_MAX, IssuerSettings, KeyTimes, TrustedIssuer};
pub use layers::{KEY_VARIABLE, Layers, SettingsError};
pub use listener::{
    Api, Apis, ClientAuth, LISTENER, LISTENERS_MAX, ListenerSettings, NAME_CHARS_MAX, TlsMin,
};
pub use network::{NETWORKS_MAX, Networks};
pub use reference::{file, markdown};
pub use residency::{
    REGION, REGIONS_MAX, RESIDENCY_MAX, RESIDENCY_RULE, RegionSettings, ResidencySettings,
};
pub use value::{Bytes, Depth, LogFormat, OnAuditFailure, ProxyHeader, Written};

/// One setting of a table, as the layers and the reference see it.
#[derive(Debug)]
pub struct Setting<T: 'static = Settings> {
    pub name: &'static str,
    /// What it does, as written at its field.
    pub about: &'static [&'static str],
    pub unit: &'static str,
    /// The value as text, as a variable or flag would give it.
    pub text: fn(&T) -> String,
    /// The value as a file would give it.
    pub(crate) toml: fn(&T) -> toml::Value,
    pub(crate) set: fn(&mut T, &str) -> Result<(), String>,
    pub(crate) set_toml: fn(&mut T, &toml::Value) -> Result<(), String>,
}

impl Setting {
    /// The variable that sets it: `COMITY_LISTEN` for `listen`.
    pub fn variable(&self) -> String {
        format!("{}{}", layers::VARIABLE_PREFIX, self.name.to_uppercase())
    }
}

macro_rules! settings {
    (
        $(#[doc = $what:literal])*
        $table:ident, $all:ident $(, tables {
            $($(#[doc = $tables_about:literal])* $tables:ident: $tables_kind:ty;)*
        })?;

        $($(#[doc = $about:literal])* $name:ident: $kind:ty = $default:expr;)*
    ) => {
        $(#[doc = $what])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $table {
            $($(#[doc = $about])* pub $name: $kind,)*
            $($($(#[doc = $tables_about])* pub $tables: Vec<$tables_kind>,)*)?
        }

        impl Default for $table {
            fn default() -> $table {
                $table { $($name: $default,)* $($($tables: Vec::new(),)*)? }
            }
        }

        /// All settings of the table, in the order of the reference.
        pub const $all: &[$crate::settings::Setting<$table>] = &[$($crate::settings::Setting {
            name: stringify!($name),
            about: &[$($about),*],
            unit: <$kind as $crate::settings::Written>::UNIT,
            text: |settings| $crate::settings::Written::text(&settings.$name),
            toml: |settings| $crate::settings::Written::toml(&settings.$name),
            set: |settings, text| {
                settings.$name = <$kind as $crate::settings::Written>::read(text)?;
                Ok(())
            },
            set_toml: |settings, value| {
                settings.$name = <$kind as $crate::settings::Written>::read_toml(value)?;
                Ok(())
            },
        },)*];
    };
}

pub(crate) use settings;

settings! {
    /// The settings in force.
    Settings, ALL, tables {
        /// Addresses to listen on, instead of the one of `listen`.
        listeners: ListenerSettings;
        /// Who comes with which client certificate.
        certificates: CertificateSettings;
        /// Identity providers whose tokens are taken.
        issuers: TrustedIssuer;
        /// Which destinations lie in which region.
        regions: RegionSettings;
        /// To which regions which data may go.
        residency: ResidencySettings;
    };

    /// The data directory. Everything the platform keeps lies here.
    data: PathBuf = PathBuf::from("data");
    /// The address and port to listen on. Only this machine can reach 127.0.0.1.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9090));
    /// The region in which this server and its data directory are, such as `de`: what
    /// `/admin/location` tells, and what every `[[residency]]` must allow. Empty: it is not said.
    region: String = String::new();
    /// No keys are asked for: for tests. Refused unless all listeners are on loopback addresses.
    open: bool = false;

    /// HTTPS at `listen`. Where no certificate is named, one is made in the data directory, and its
    /// SHA-256 fingerprint is printed at each start.
    tls: bool = false;
    /// A PEM file: the certificate of the server, then those of the authorities between it and the
    /// one that clients know.
    tls_certificate: String = String::new();
    /// A PEM file: the private key of that certificate. Only its owner should be able to read it.
    tls_key: String = String::new();
    /// The oldest version of TLS that is spoken. 1.2 has forward secrecy here too: other suites are
    /// not there.
    tls_min: TlsMin = TlsMin::V1_3;
    /// For how long browsers are told to come back over HTTPS only (HSTS). 0 tells them nothing.
    hsts_max_age: Duration = Duration::from_secs(365 * 24 * 3600);
    /// Lets HTTP without TLS be spoken at addresses that other machines can reach, such as behind a
    /// proxy that speaks TLS.
    plain_http: bool = false;

    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or filter directives
    /// such as `info,ngsi_ld=debug`.
    log: String = "info".to_owned();
    /// How log lines look.
    log_format: LogFormat = LogFormat::Human;
    /// A request that takes longer than this is logged. 0 turns it off.
    slow_request: Duration = Duration::from_secs(1);

    /// Threads that answer requests. 0 means one for each processor.
    worker_threads: usize = 0;
    /// Connections open at the same time, at each listener; further ones are answered with 503, or
    /// closed where TLS is spoken. A handshake counts as a connection.
    connections_max: usize = 4096;
    /// Requests worked on at the same time; further ones wait for their turn. Of the tenants that
    /// wait, the one comes first of which the fewest requests are worked on.
    requests_max: usize = 512;
    /// How many of these may be of one tenant; the rest is for the others.
    tenant_requests_max: usize = 384;
    /// Requests in a second from one caller, or from one address where nobody is known to be
    /// asking; faster ones are answered with 429. 0: no limit.
    caller_requests_per_second: usize = 10_000;
    /// How many such requests may come at once after a pause. 0: as many as in a second.
    caller_requests_burst: usize = 20_000;
    /// Bytes of bodies in a second from one caller; more are answered with 429. 0: no limit.
    caller_body_bytes_per_second: Bytes = Bytes(0);
    /// Requests in a second for one tenant, of all its callers together. 0: no limit.
    tenant_requests_per_second: usize = 0;
    /// How many such requests may come at once after a pause. 0: as many as in a second.
    tenant_requests_burst: usize = 0;
    /// Bytes of bodies in a second for one tenant. 0: no limit.
    tenant_body_bytes_per_second: Bytes = Bytes(0);
    /// Callers of which it is remembered how quickly they send, and as many tenants.
    callers_remembered_max: usize = 100_000;
    /// So many failures to sign in (a key that is not known, a token with a wrong signature) from
    /// one address within `lockout_window` lock it: what it sends with a key or token is answered
    /// with 429, whether that is right or not. IPv6 addresses count by their /64. 0: nothing locks.
    lockout_failures_max: usize = 5;
    /// The time in which such failures are counted.
    lockout_window: Duration = Duration::from_secs(15 * 60);
    /// For how long an address is locked.
    lockout_time: Duration = Duration::from_secs(15 * 60);
    /// How long the answer to the second failure within the window is held back; twice as long with
    /// each one more, up to 10 s.
    lockout_delay: Duration = Duration::from_millis(250);
    /// Addresses of which failures are remembered.
    lockout_addresses_max: usize = 100_000;
    /// The networks of proxies that are believed when they tell where a request came from. None:
    /// it comes from where the connection does.
    trusted_proxies: Networks = Networks::default();
    /// The header in which they tell it. Clients can send the other one as they like, so it never
    /// counts.
    proxy_header: ProxyHeader = ProxyHeader::XForwardedFor;
    /// A client that has not sent the head of a request after this time is disconnected, and one
    /// that has not finished its TLS handshake; an idle connection is closed after it too.
    header_read_timeout: Duration = Duration::from_secs(30);
    /// How large the head of a request may be.
    header_bytes_max: Bytes = Bytes(64 * 1024);
    /// How many header fields a request may have.
    headers_max: usize = 100;
    /// How long a request may take, the arrival of its body included.
    request_timeout: Duration = Duration::from_secs(60);
    /// A client that takes nothing of its answer for this time is disconnected.
    write_timeout: Duration = Duration::from_secs(30);
    /// How long requests under way may take to end after the server is told to stop.
    shutdown_timeout: Duration = Duration::from_secs(20);

    /// Journal, tables and checkpoint are encrypted, under keys of each tenant that a master key
    /// wraps. Turned off, what is written from then on lies in plain.
    encryption_at_rest: bool = true;
    /// With what it is encrypted. Another one is used for what is written from then on.
    encryption_algorithm: keyring::Algorithm = keyring::Algorithm::Aes256Gcm;
    /// A file that holds the master key, made at the first start. Empty: beside the data directory,
    /// with `.key` behind its name; where the directory is a file system of its own, `master.key` in
    /// it.
    master_key_file: String = String::new();
    /// The environment variable that holds the master key, instead of a file; its name does not
    /// begin with `COMITY_`. During a rotation, the same with `_NEXT` holds the next key.
    master_key_env: String = String::new();
    /// A command, run without a shell at each start, that prints the master key, instead of a file:
    /// the way to a key management service. It has 30 seconds, and `current` or `next` in
    /// `COMITY_MASTER_KEY` tells which key is wanted.
    master_key_command: String = String::new();
    /// A file that this command is given as its standard input: the wrapped master key.
    master_key_wrapped_file: String = String::new();
    /// Data keys that are older than this have a new version for what is written from then on. 0
    /// means that they do not age.
    data_key_age_max: Duration = Duration::from_secs(365 * 24 * 3600);

    /// What the store may hold in memory beyond the vocabulary.
    memory_bytes: Bytes = Bytes(256 << 20);
    /// Writes are refused while less than this is free on the disk; reads go on.
    disk_reserve_bytes: Bytes = Bytes(256 << 20);
    /// The journal of changes is cut back to about this size, oldest first.
    journal_bytes_max: Bytes = Bytes(4 << 30);
    /// Changes older than this are cut off the journal.
    journal_age_max: Duration = Duration::from_secs(7 * 24 * 3600);
    /// How many entities one query may read to find its answer.
    query_entities_max: usize = 10_000_000;
    /// How many matching entities one query may hold to sort them.
    query_sort_max: usize = 1_000_000;
    /// How many entities are counted for one who asks which types and attributes there are and
    /// may not see all of them.
    census_entities_max: usize = 100_000;
    /// How long one text of policies may be.
    policy_source_bytes_max: Bytes = Bytes(256 << 10);
    /// How many policies there may be in all texts.
    policies_max: usize = 1_000;
    /// How many areas policies may ask about.
    policy_areas_max: usize = 1_000;
    /// How many attributes policies may name.
    policy_attributes_max: usize = 256;
    /// How deep brackets may stand inside each other in policies.
    policy_depth_max: usize = 32;
    /// How many operators, members and branches one policy may have.
    policy_terms_max: usize = 256;
    /// For how many kinds of callers it is kept ready what policies come to for them.
    policy_rights_kept_max: usize = 16 * 1024;

    /// How many readings of one entity a temporal query may hold: to look whether `q` or a
    /// geo-query holds for any of them, to put them in another order than that of when they were
    /// observed, or to count different values.
    query_readings_max: usize = 1_000_000;
    /// How often expired entities and attributes are removed. They are never shown, removed or not.
    sweep_interval: Duration = Duration::from_secs(1);
    /// How many expired entities are removed at a time.
    sweep_entities_max: usize = 1_000;

    /// How long the readings of history are kept; administrators may set other times for some. 0
    /// means for ever.
    history_age_max: Duration = Duration::ZERO;
    /// How long is kept what the numbers of each hour came to whose readings were removed. 0 means
    /// not at all.
    history_hourly_age_max: Duration = Duration::ZERO;
    /// The same of each day.
    history_daily_age_max: Duration = Duration::ZERO;
    /// How often history that is kept no longer is removed.
    history_sweep_interval: Duration = Duration::from_secs(3600);

    /// How large the body of a request may be.
    body_bytes_max: Bytes = Bytes(4 << 20);
    /// How deep the JSON of a body may nest.
    json_depth_max: Depth = Depth(64);
    /// How long the path and query of a request may be together.
    uri_bytes_max: Bytes = Bytes(8 << 10);
    /// How many attributes an entity may have, at all depths together.
    attributes_max: usize = 1_000;
    /// How many instances, each with another `datasetId`, an attribute may have.
    instances_max: usize = 1_000;
    /// How many instances one change of a temporal evolution may bring, of all its attributes
    /// together.
    history_change_readings_max: usize = 100_000;
    /// How many entities one batch operation takes.
    batch_max: usize = 10_000;
    /// How many entities a page holds where a request names no `limit`.
    page_limit_default: usize = 20;
    /// The highest `limit` that a request may name.
    page_limit_max: usize = 1_000;
    /// How many instances over time one answer holds, of all its entities and attributes together,
    /// or how many periods of one attribute. An answer that would hold more instances is a partial
    /// one, and says of which time it is.
    history_answer_readings_max: usize = 10_000;
    /// How many levels of linked entities a request may ask for (`joinLevel`).
    join_level_max: Depth = Depth(10);
    /// How many linked entities one answer may bring in. Where relationships lead to more, there is
    /// no answer, but a problem.
    linked_entities_max: usize = 10_000;
    /// How long one text of a query may be: `q`, `scopeQ`, `type`, `attrs`, `pick`, `omit`,
    /// `orderBy`, `lang` and the like.
    query_bytes_max: Bytes = Bytes(16 << 10);
    /// How many comparisons, types, scopes, names, values or languages one text of a query may
    /// list, and how many selectors `entities`.
    query_terms_max: usize = 256;
    /// How many parentheses may stand inside each other in a query, and how many names in one
    /// path.
    query_depth_max: Depth = Depth(16);
    /// How many keys `orderBy` may have.
    query_order_keys_max: usize = 16;
    /// How long the coordinates of a geo-query or of `orderFrom` may be.
    query_geometry_bytes_max: Bytes = Bytes(256 << 10);
    /// How long one regular expression may be, in `q` or `idPattern`.
    pattern_bytes_max: Bytes = Bytes(1 << 10);
    /// How much memory one regular expression may take when compiled.
    pattern_compiled_bytes_max: Bytes = Bytes(1 << 20);
    /// What the terms of one `@context` and the IRIs they stand for may take together.
    context_bytes_max: Bytes = Bytes(8 << 20);
    /// How many terms one `@context` may define.
    context_terms_max: usize = 50_000;
    /// How deep the documents of one `@context` may lead to others.
    context_depth_max: usize = 16;
    /// How many documents one `@context` may lead to.
    contexts_max: usize = 32;
    /// How many contexts are kept for one tenant, hosted and cached together.
    contexts_stored_max: usize = 1_000;
    /// How much memory contexts take that are ready for use.
    context_cache_bytes_max: Bytes = Bytes(64 << 20);
    /// How long a downloaded context is kept whose server does not say.
    context_lifetime_default: Duration = Duration::from_secs(24 * 3600);
    /// How long a downloaded context is kept at least, whatever its server says.
    context_lifetime_min: Duration = Duration::from_secs(60);
    /// Where clients reach this server, such as `https://city.example`. Empty: where the request
    /// itself was sent (its `Host`).
    public_url: String = String::new();
    /// The name by which other brokers know this one (`contextSourceAlias`).
    source_alias: String = "comity".to_owned();

    /// How many streams of changes (`/events`) may be open.
    streams_max: usize = 1_000;
    /// How many changes wait in memory for the listener of each stream. Further ones are not lost:
    /// they are read from the journal again when it is their turn.
    stream_queue_max: usize = 256;
    /// How often a stream shows that it is there, and how far it is. A revoked key ends its streams
    /// within that time.
    stream_keepalive: Duration = Duration::from_secs(15);

    /// How many subscriptions a tenant may have.
    subscriptions_max: usize = 100_000;
    /// Notifications of one subscription that are held in memory. Further ones are not lost: they
    /// are read from the journal again when it is their turn.
    notification_queue_max: usize = 1_000;
    /// Notifications that are held in memory for all subscriptions together.
    notifications_queued_max: usize = 100_000;
    /// Notifications on their way at the same time. Endpoints that are slow, or not known yet, have
    /// half of that together.
    deliveries_max: usize = 256;
    /// Notifications on their way to one endpoint at the same time, each on a connection of its own.
    deliveries_per_endpoint_max: usize = 16;
    /// How long an endpoint is left alone that could not be reached or failed; each time twice as
    /// long, and a little more or less by chance.
    notification_retry_first: Duration = Duration::from_millis(500);
    /// The longest that an endpoint is left alone, unless its `cooldown` is longer.
    notification_retry_max: Duration = Duration::from_secs(300);
    /// How long a notification waits that cannot be written because its `@context` is not there.
    notification_hold: Duration = Duration::from_secs(10);
    /// For how long after a change it is tried to tell of it. Then the notification is a dead
    /// letter.
    notification_lifetime: Duration = Duration::from_secs(24 * 3600);
    /// How often an endpoint may answer a notification with a status such as 400 before it is a
    /// dead letter.
    notification_refusals_max: usize = 5;
    /// How many dead letters are kept for each subscription; further ones are only counted.
    dead_letters_max: usize = 1_000;
    /// How long an endpoint may take to answer; a subscription may ask for less.
    notification_timeout: Duration = Duration::from_secs(5);
    /// How many entities one notification tells of.
    notification_entities_max: usize = 1_000;
    /// How often it is written down what was delivered. What was delivered since is delivered again
    /// after a crash.
    notification_write_interval: Duration = Duration::from_secs(1);

    /// What happens when the audit record cannot be written, such as on a full disk: `refuse` what
    /// would have to be recorded, or go on and `alert`: log it, and say in the record how much is
    /// missing.
    audit_on_failure: OnAuditFailure = OnAuditFailure::Refuse;
    /// Records reads of entities and history as well.
    audit_reads: bool = false;
    /// Records writes of entities and history as well.
    audit_writes: bool = false;
    /// Nothing in the audit record is removed that is younger than this, whatever else is set.
    audit_age_min: Duration = Duration::from_secs(365 * 24 * 3600);
    /// What is older than this is removed from the audit record, whole segments at a time. 0 means
    /// never.
    audit_age_max: Duration = Duration::from_secs(730 * 24 * 3600);
    /// How large a segment of the audit record grows, from 64KiB to 256MiB; each day begins one as well.
    audit_segment_bytes_max: Bytes = Bytes(64 << 20);
    /// For how long the end of the audit record may be without a signature, from 100ms to 1h.
    audit_head_interval: Duration = Duration::from_secs(60);
    /// For how long entries of the audit record may wait for the disk that nobody waits for; 1min is
    /// the most.
    audit_sync_interval: Duration = Duration::from_millis(200);
    /// How many entries wait in memory to be written to the audit record, from 16 to 1000000. Whoever
    /// has more to record waits, but not for long.
    audit_queue_max: usize = 10_000;
    /// A key or token that goes on being used from one address is recorded as signing in once in
    /// this time.
    audit_sign_in_interval: Duration = Duration::from_secs(3600);
    /// Where every line of the audit record goes as a message of syslog (RFC 5424), beside its file:
    /// `tls://host:6514` or `tcp://host:514`. Empty: nowhere.
    audit_syslog: String = String::new();
    /// The URL to which lines of the audit record are posted, some at a time, beside its file. Empty:
    /// none.
    audit_http: String = String::new();
    /// A file that holds the token to send there, as `Authorization: Bearer`. Empty: none is sent.
    audit_http_token_file: String = String::new();

    /// Where connections may go that the platform begins: notifications, downloads of `@context`
    /// documents and of the keys of identity providers, the audit record. Each is a host
    /// (`city.example`), all names below one (`*.city.example`), or a network (`192.0.2.0/24`),
    /// where wanted with a port (`city.example:443`, `[2001:db8::/32]:443`). None: everywhere in
    /// the public internet.
    egress_allow: Destinations = Destinations::default();
    /// Where they may not go, whatever else is allowed.
    egress_deny: Destinations = Destinations::default();
    /// Lets them reach addresses that are not public: private, local and reserved ones, and this
    /// machine. `true` opens all but those where clouds keep credentials and multicast; a list of
    /// networks opens these alone. `egress_allow` must allow them too, where it is set.
    egress_allow_private: AllowPrivate = AllowPrivate::default();
    /// Whether they must be encrypted: `required` refuses `http:`, `mqtt:` and `tcp:`.
    egress_tls: EgressTls = EgressTls::Optional;
    /// Certificates of authorities that are trusted beside those of the web, such as a city's own,
    /// for everything that goes out over TLS.
    egress_authorities: Authorities = Authorities::default();
    /// How long a download may take, redirects included.
    egress_timeout: Duration = Duration::from_secs(10);
    /// How large a downloaded document may be.
    egress_bytes_max: Bytes = Bytes(1 << 20);
    /// How many redirects a download follows. Where each leads is checked anew. Notifications
    /// follow none.
    egress_redirects_max: usize = 5;

    /// How many entities an import writes at a time.
    import_batch: usize = 1_000;
    /// How large one entity, feature or line of an import may be.
    import_record_bytes_max: Bytes = Bytes(4 << 20);
}
