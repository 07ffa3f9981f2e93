//! The gateway over TLS, in front of a stand-in for Lambda's invoke API that returns the event it received.

use std::io;
use std::sync::Mutex;

use axum::{Json, Router, routing::post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    CipherSuite, ClientConfig, ProtocolVersion, SignatureScheme, SupportedCipherSuite,
    SupportedProtocolVersion,
};

use super::*;
use crate::gateway::{Route, serve_tls};
use crate::server::{Server, listen};

const MTLS: &str = "mtls.example:8443";

struct Setup {
    certificates: Certificates,
    plain: Server,
    mutual: Server,
    _functions: Server,
}

async fn start(name: &str) -> Setup {
    start_with(name, &MutualTls::default()).await
}

async fn start_with(name: &str, host: &MutualTls) -> Setup {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/local").join(format!("tls-{name}"));
    let certificates = Certificates::make(&folder).unwrap();
    let echo = post(async |Json(event): Json<Value>| Json(event));
    let functions = Router::new().route("/2015-03-31/functions/{function}/invocations", echo);
    let functions = Server::start(listen(0).await.unwrap(), functions).unwrap();
    let routes = vec![Route {
        method: "ANY".into(),
        path: "/echo".into(),
        function: "echo".into(),
        copied_headers: Vec::new(),
    }];
    let open = async |acceptor, authority| {
        let listener = listen(0).await.unwrap();
        serve_tls(listener, routes.clone(), &functions.url(), acceptor, authority).unwrap()
    };
    let plain = open(certificates.acceptor().unwrap(), None).await;
    let mutual = certificates.mutual_acceptor(host, &certificates.clients()).unwrap();
    let mutual = open(mutual, Some(MTLS.to_owned())).await;
    Setup { certificates, plain, mutual, _functions: functions }
}

/// How a client connects.
struct Client {
    suites: Vec<SupportedCipherSuite>,
    versions: Vec<&'static SupportedProtocolVersion>,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
}

impl Client {
    fn new() -> Self {
        let suites = aws_lc_rs::default_provider().cipher_suites;
        Self { suites, versions: vec![&version::TLS13, &version::TLS12], identity: None }
    }

    /// With the certificate and the key in these files.
    fn of(setup: &Setup, name: &str) -> Self {
        let certificate =
            CertificateDer::from_pem_file(setup.certificates.file(&format!("{name}.pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(setup.certificates.file(&format!("{name}.key"))).unwrap();
        Self { identity: Some((certificate, key)), ..Self::new() }
    }

    fn config(self, setup: &Setup) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(setup.certificates.file("ca.pem")).unwrap()).unwrap();
        let provider = CryptoProvider { cipher_suites: self.suites, ..aws_lc_rs::default_provider() };
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(roots);
        match self.identity {
            Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => config.with_no_client_auth(),
        }
    }
}

/// The version, the suite and the event of a call.
async fn call(server: &Server, config: ClientConfig) -> io::Result<(ProtocolVersion, CipherSuite, Value)> {
    let stream = TcpStream::connect(server.address()).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let spoken = stream.get_ref().1;
    let (version, suite) =
        (spoken.protocol_version().unwrap(), spoken.negotiated_cipher_suite().unwrap().suite());
    stream.write_all(b"GET /echo HTTP/1.1\r\nhost: localhost:9000\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((version, suite, serde_json::from_str(body)?))
}

/// CAUTH-4-08, CAUTH-4-14
#[tokio::test]
async fn a_trusted_client_certificate_reaches_the_function() {
    let setup = start("trusted").await;
    for name in ["client", "self-signed"] {
        let config = Client::of(&setup, name).config(&setup);
        let (_, _, event) = call(&setup.mutual, config).await.unwrap();
        let context = &event["requestContext"];
        assert_eq!(context["domainName"], MTLS, "{name}");
        let pem = fs::read_to_string(setup.certificates.file(&format!("{name}.pem"))).unwrap();
        let shown = &context["authentication"]["clientCert"]["clientCertPem"];
        assert_eq!(shown.as_str().unwrap(), pem.replace('\r', ""), "{name}");
    }
}

/// CAUTH-4-02, CAUTH-4-14: at the handshake, as at API Gateway.
#[tokio::test]
async fn whoever_is_not_in_the_trust_store_reaches_no_function() {
    let setup = start("foreign").await;
    let none = Client::new().config(&setup);
    assert!(call(&setup.mutual, none).await.is_err(), "no certificate");

    let key = KeyPair::generate().unwrap();
    let own = client(CLIENT).self_signed(&key).unwrap();
    let foreign = CertifiedIssuer::self_signed(authority(), KeyPair::generate().unwrap()).unwrap();
    let by_another = client(CLIENT).signed_by(&key, &foreign).unwrap();
    for (what, certificate) in [("of its own making", own), ("of another authority", by_another)] {
        let identity = Some((certificate.into(), PrivateKeyDer::Pkcs8(key.serialize_der().into())));
        let config = Client { identity, ..Client::new() }.config(&setup);
        assert!(call(&setup.mutual, config).await.is_err(), "{what}");
    }
}

/// CAUTH-4-07
#[tokio::test]
async fn the_other_host_asks_nobody_for_a_certificate() {
    let setup = start("plain").await;
    for client in [Client::new(), Client::of(&setup, "client")] {
        let (_, _, event) = call(&setup.plain, client.config(&setup)).await.unwrap();
        assert_eq!(event["requestContext"]["domainName"], "localhost");
        assert_eq!(event["requestContext"].get("authentication"), None);
        assert_eq!(event["headers"]["x-forwarded-proto"], "https");
    }
}

/// FCIBA-25
#[tokio::test]
async fn tls_1_3_goes_first_and_1_2_has_the_recommended_suites_only() {
    let setup = start("versions").await;
    let (version, _, _) = call(&setup.plain, Client::new().config(&setup)).await.unwrap();
    assert_eq!(version, ProtocolVersion::TLSv1_3);
    for suite in aws_lc_rs::ALL_CIPHER_SUITES.iter().filter(|it| it.tls13().is_none()) {
        let client = Client { suites: vec![*suite], versions: vec![&version::TLS12], identity: None };
        let allowed = [
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ];
        let spoken = call(&setup.plain, client.config(&setup)).await;
        assert_eq!(spoken.is_ok(), allowed.contains(&suite.suite()), "{suite:?} {spoken:?}");
    }
}

/// FCIBA-25: what FAPI's tests ask of a host that demands certificates.
#[tokio::test]
async fn the_host_for_mutual_tls_takes_tls_1_2_only_if_asked_to() {
    let spoken = async |setup: &Setup, version| {
        let client = Client { versions: vec![version], ..Client::of(setup, "client") };
        call(&setup.mutual, client.config(setup)).await.map(|(version, _, _)| version).ok()
    };
    let alone = start("tls13").await;
    assert_eq!(spoken(&alone, &version::TLS13).await, Some(ProtocolVersion::TLSv1_3));
    assert_eq!(spoken(&alone, &version::TLS12).await, None);
    let both = start_with("tls12", &MutualTls { tls12: true, ..MutualTls::default() }).await;
    assert_eq!(spoken(&both, &version::TLS13).await, Some(ProtocolVersion::TLSv1_3));
    assert_eq!(spoken(&both, &version::TLS12).await, Some(ProtocolVersion::TLSv1_2));
}

/// CAUTH-4-02: a second client of `tls_client_auth`, whose certificate is made with what is in the folder.
#[tokio::test]
async fn the_authoritys_key_makes_further_clients_and_is_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/local/tls-second");
    let _ = fs::remove_dir_all(&folder);
    let first = Certificates::make(&folder).unwrap();
    let ca_key = KeyPair::from_pem(&fs::read_to_string(first.file("ca.key")).unwrap()).unwrap();
    let (key, authority) = (KeyPair::generate().unwrap(), rcgen::Issuer::new(authority(), ca_key));
    let certificate = client("kiosk-2").signed_by(&key, &authority).unwrap();
    // Started again.
    let setup = start("second").await;
    let identity = Some((certificate.into(), PrivateKeyDer::Pkcs8(key.serialize_der().into())));
    let (_, _, event) =
        call(&setup.mutual, Client { identity, ..Client::new() }.config(&setup)).await.unwrap();
    let subject = &event["requestContext"]["authentication"]["clientCert"]["subjectDN"];
    assert!(subject.as_str().unwrap().contains("kiosk-2"), "{subject}");
    assert_eq!(setup.certificates.authorities(None), first.authorities(None));
    let written = fs::read_to_string(first.file("mtls-authorities")).unwrap();
    assert_eq!(written, first.authorities(None));
}

/// CAUTH-4-06: an operator's own authority, of which the functions get the key and the host the certificate.
#[tokio::test]
async fn another_authority_is_trusted_where_the_operator_names_it() {
    let authority = CertifiedIssuer::self_signed(authority(), KeyPair::generate().unwrap()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/local");
    fs::create_dir_all(&folder).unwrap();
    let truststore = folder.join("truststore-of-a-test.pem");
    fs::write(&truststore, authority.pem()).unwrap();
    let host = MutualTls { truststore: Some(truststore), ..MutualTls::default() };
    let setup = start_with("truststore", &host).await;
    let key = KeyPair::generate().unwrap();
    let certificate = client("kiosk-2").signed_by(&key, &authority).unwrap();
    let identity = || Some((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())));
    let connect = async |setup: &Setup| {
        call(&setup.mutual, Client { identity: identity(), ..Client::new() }.config(setup)).await.is_ok()
    };
    assert!(connect(&setup).await);
    assert!(!connect(&start("no-truststore").await).await);
    let own = setup.certificates.authorities(None);
    let given = public_key(authority.der()).unwrap();
    assert_eq!(setup.certificates.authorities(Some(&given)), format!("{own} {given}"));
}

/// Records which CAs a server named.
#[derive(Debug)]
struct Asked(Mutex<Option<usize>>, Arc<CertifiedKey>);

impl ResolvesClientCert for Asked {
    fn resolve(&self, named: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().unwrap() = Some(named.len());
        Some(Arc::clone(&self.1))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_certificate_is_requested_without_naming_authorities() {
    let setup = start("names").await;
    let (certificate, key) = Client::of(&setup, "client").identity.unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let asked = Arc::new(Asked(Mutex::default(), Arc::new(CertifiedKey::new(vec![certificate], key))));
    let mut config = Client::new().config(&setup);
    config.client_auth_cert_resolver = Arc::clone(&asked) as Arc<dyn ResolvesClientCert>;
    call(&setup.mutual, config).await.unwrap();
    assert_eq!(*asked.0.lock().unwrap(), Some(0));
}

#[test]
fn the_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/local/tls-keys");
    let certificates = Certificates::make(&folder).unwrap();
    for name in ["ca.key", "client.key", "self-signed.key"] {
        assert_eq!(fs::metadata(certificates.file(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
