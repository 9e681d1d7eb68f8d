//! Names that lead where they should not, and servers that redirect there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::egress::Refused;
use crate::fetch::Fetcher;
use crate::settings::Settings;

/// Names, and what each leads to: the first time the first, then the next, and the last for ever.
struct Names(Mutex<Vec<Answers>>, AtomicUsize);

type Answers = (&'static str, Vec<Vec<SocketAddr>>);

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let mut names = self.0.lock().unwrap();
        let found = names.iter_mut().find(|(known, _)| *known == name);
        let Some((_, answers)) = found else { return Err(io::ErrorKind::NotFound.into()) };
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

fn names(names: &[(&'static str, &[&[SocketAddr]])]) -> Arc<Names> {
    let answers = |all: &&[&[SocketAddr]]| all.iter().map(|one| one.to_vec()).collect();
    let names = names.iter().map(|(name, all)| (*name, answers(all))).collect();
    Arc::new(Names(Mutex::new(names), AtomicUsize::new(0)))
}

/// A server that gives everyone this answer, and counts them.
async fn server(answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, count)
}

/// This machine stands for the internet: what else is private is not allowed.
fn rules() -> EgressRules {
    EgressRules { loopback: true, ..EgressRules::of(&Settings::default()) }
}

fn fetcher(rules: EgressRules, names: &Arc<Names>) -> Fetcher {
    Fetcher::of(Connector::new(rules).with_resolver(names.clone()))
}

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n{}";

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_however_often_it_changes() {
    let (public, count) = server(OK.to_owned()).await;
    let inside: SocketAddr = "10.0.0.1:80".parse().unwrap();
    // The first time it is good, then it is not: each connection looks at what it is led to.
    let names = names(&[("rebinding.example", &[&[public], &[inside]])]);
    let fetcher = fetcher(rules(), &names);
    assert_eq!(&fetcher.get("http://rebinding.example/").await.unwrap().body[..], b"{}");
    let error = fetcher.get("http://rebinding.example/").await.unwrap_err().to_string();
    assert!(error.contains("`rebinding.example` is in a private network"), "{error}");
    assert!(!error.contains("10.0.0.1"), "what a name inside leads to is not told: {error}");
    // It was looked up once for each connection, and that was what was connected to.
    assert_eq!(names.1.load(Ordering::Relaxed), 2);
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn of_several_addresses_only_those_are_called_that_may_be() {
    let (public, count) = server(OK.to_owned()).await;
    let inside: SocketAddr = "169.254.169.254:80".parse().unwrap();
    let names = names(&[("both.example", &[&[inside, public]]), ("none.example", &[&[]])]);
    let fetcher = fetcher(rules(), &names);
    assert!(fetcher.get("http://both.example/").await.is_ok());
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let error = fetcher.get("http://none.example/").await.unwrap_err().to_string();
    assert!(error.contains("it has no address"), "{error}");
}

#[tokio::test]
async fn each_redirect_is_checked_anew() {
    let check = async |to: &str, settings: &[(&str, &str)], expected: &str| {
        let (public, _) = server(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n")).await;
        let inside: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let names = names(&[("good.example", &[&[public]]), ("evil.example", &[&[inside]])]);
        let mut read = Settings::default();
        for (name, text) in settings {
            let setting = crate::settings::ALL.iter().find(|one| one.name == *name).unwrap();
            (setting.set)(&mut read, text).unwrap();
        }
        let rules = EgressRules { loopback: true, ..EgressRules::of(&read) };
        let error = fetcher(rules, &names).get("http://good.example/").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
    };
    check("http://169.254.169.254/latest/meta-data", &[], "credentials of machines").await;
    check("http://evil.example/", &[], "`evil.example` is in a private network").await;
    check("http://[::ffff:10.0.0.1]/", &[], "in a private network").await;
    check("http://0xa.1/", &[], "in a private network").await;
    check("//evil.example/", &[], "in a private network").await;
    check("file:///etc/passwd", &[], "not a URL").await;
    check("http://good.example@evil.example/", &[], "not a URL").await;
    let alone = [("egress_allow", "good.example")];
    check("http://good.example.evil.net/", &alone, "setting `egress_allow`").await;
    check("http://1.1.1.1/", &alone, "setting `egress_allow`").await;
    let denied = [("egress_deny", "*.example:8080")];
    check("http://good.example:8080/", &denied, "is refused by `*.example:8080`").await;
    check("http://good.example/", &[("egress_redirects_max", "0")], "more than 0 times").await;
}

#[tokio::test]
async fn a_list_of_networks_is_asked_about_what_a_name_leads_to() {
    let (public, _) = server(OK.to_owned()).await;
    let other: SocketAddr = "127.0.0.2:80".parse().unwrap();
    let names = names(&[("in.example", &[&[public]]), ("out.example", &[&[other]])]);
    let mut settings = Settings::default();
    let setting = crate::settings::ALL.iter().find(|one| one.name == "egress_allow").unwrap();
    (setting.set)(&mut settings, "127.0.0.1").unwrap();
    let rules = EgressRules { loopback: true, ..EgressRules::of(&settings) };
    let connector = Connector::new(rules).with_resolver(names);
    let open = async |url: &str| connector.connect(&Url::parse(url).unwrap()).await.map(|_| ());
    open("http://in.example/").await.unwrap();
    let error = open("http://out.example/").await.unwrap_err();
    assert!(matches!(error, EgressError::Refused(Refused::NotAllowed(_))), "{error}");
}

#[tokio::test]
async fn a_server_does_not_call_itself_by_another_name() {
    let (address, count) = server(OK.to_owned()).await;
    let names = names(&[("self.example", &[&[address]])]);
    let rules = EgressRules { own: vec![address], ..rules() };
    let error = fetcher(rules, &names).get("http://self.example/").await.unwrap_err();
    assert!(error.to_string().contains("an address of this server"), "{error}");
    assert_eq!(count.load(Ordering::Relaxed), 0);
}
