use super::*;
use crate::domain::base::scope::Scope;
use crate::domain::client::{ClientId, DeliveryMode};
use crate::domain::request::authentication_request::{Polling, State};
use crate::domain::request::lifetime::Lifetime;
use crate::domain::request::statement::Nonce;

/// The longest that a function has without a domain of its own.
const DEFAULT_API: &str = "https://abcdefghij.execute-api.ap-southeast-2.amazonaws.com/consent";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn request(binding_message: Option<&str>) -> AuthenticationRequest {
    AuthenticationRequest {
        key: RequestKey::from_bytes([0; 16]),
        client: ClientId::parse("kiosk").unwrap(),
        person: PersonKey::from_stored("alice"),
        mode: DeliveryMode::Poll,
        scope: Scope::parse("openid").unwrap(),
        resources: vec![],
        acr_values: None,
        binding_message: binding_message.map(BindingMessage::from_stored),
        lifetime: Lifetime { created_at: at(0), expires_at: at(120), decide_until: at(115) },
        polling: Polling { interval: Duration::from_secs(5), next_poll_at: at(5) },
        handle_generation: 1,
        nonce: Nonce::from_bytes([2; 16]),
        has_detail: false,
        state: State::Pending,
    }
}

fn messages(sms_shows_request: bool) -> Messages {
    Messages {
        operator_name: "Example Bank".to_owned(),
        consent_url: "https://op.example/c".to_owned(),
        sms_shows_request,
    }
}

fn notified(
    messages: &Messages,
    message: Option<&str>,
    (matter, language): (Matter<'_>, Language),
) -> Notification {
    let request = request(message);
    messages.notification(Occasion { request: &request, client_name: "Zoë’s Kiosk", matter, language }, at(0))
}

/// The text without its link.
fn unlinked(text: &MessageText) -> String {
    text.expose().replace("https://op.example/c/AAAAAAAAAAAAAAAAAAAAAA", "<link>")
}

#[test]
fn each_channel_says_what_is_asked_in_the_persons_language() {
    let payment = Matter::Titled("Eine Zahlung");
    for (matter, language, text, subject) in [
        (Matter::SignIn, Language::English, "approve or decline your sign-in", "sign-in request"),
        (Matter::Titled("A payment"), Language::English, "A payment. Approve or decline", "A payment"),
        (Matter::Request, Language::English, "approve or decline a request", "a request"),
        (payment, Language::German, "Eine Zahlung. Zustimmen oder ablehnen", "Eine Zahlung"),
        (Matter::SignIn, Language::Polish, "zatwierdź lub odrzuć logowanie", "logowanie"),
        (Matter::SignIn, Language::Arabic, "وافق على تسجيل دخولك أو ارفضه", "تسجيل دخولك"),
    ] {
        let it = notified(&messages(false), None, (matter, language));
        assert_eq!(unlinked(&it.text), format!("Example Bank: {text}: <link>"));
        assert_eq!(it.subject, format!("Example Bank: {subject}"));
        assert_eq!(it.body.to_lowercase(), text.to_lowercase());
        assert!(it.body.starts_with(|first: char| !first.is_lowercase()), "{}", it.body);
    }
}

/// ATK-2-06: in English and languages that are written without accents in an SMS, one part is enough.
#[test]
fn an_sms_has_one_part_in_every_language_of_latin_letters() {
    let messages = Messages { consent_url: DEFAULT_API.to_owned(), ..messages(false) };
    for language in Language::ALL {
        for matter in [Matter::SignIn, Matter::Request] {
            let it = notified(&messages, None, (matter, language));
            let sms = it.sms.within(1);
            assert_eq!(sms.parts(), 1, "{language:?} {}", sms.expose());
            let is_english = sms == &messages.shortest(&it.request);
            let speaks_it = !matches!(language, Language::English | Language::Japanese | Language::Arabic);
            assert_eq!(!is_english, speaks_it || (matter, language) == (Matter::Request, Language::English));
        }
    }
}

/// ATK-2-06
#[test]
fn an_sms_gives_way_to_a_shorter_one_until_it_fits() {
    let sms = |messages: &Messages, message, about, most| {
        unlinked(notified(messages, message, about).sms.within(most))
    };
    let (japanese, german) = ((Matter::SignIn, Language::Japanese), Language::German);
    let english = "Example Bank: approve or decline your sign-in: <link>";
    assert_eq!(sms(&messages(false), None, japanese, 1), english);
    assert_eq!(
        sms(&messages(false), None, japanese, 2),
        "Example Bank: ログインを承認または拒否してください: <link>"
    );

    let long = "x".repeat(60);
    let titled = (Matter::Titled(&long), german);
    let shows = messages(true);
    assert_eq!(
        sms(&shows, Some("K7-2931"), (Matter::Titled("Eine Zahlung"), german), 2),
        "Example Bank: Eine Zahlung (Zoë’s Kiosk)? \"K7-2931\" <link>",
        "the client's name and words are left as they are, even if they cost a part"
    );
    assert_eq!(
        sms(&shows, Some("K7-2931"), (Matter::Titled("Eine Zahlung"), german), 1),
        "Example Bank: Eine Zahlung. Zustimmen oder ablehnen: <link>"
    );
    assert_eq!(
        sms(&Messages { consent_url: DEFAULT_API.to_owned(), ..messages(true) }, None, titled, 1),
        format!(
            "Example Bank: einer Anfrage zustimmen oder sie ablehnen: {DEFAULT_API}/AAAAAAAAAAAAAAAAAAAAAA"
        )
    );
}

#[test]
fn an_sms_with_the_request_quotes_the_clients_words() {
    let sms = |message, language| {
        let messages = Messages { operator_name: "Bank".to_owned(), ..messages(true) };
        let request = request(message);
        let occasion =
            Occasion { request: &request, client_name: "City Kiosk", matter: Matter::SignIn, language };
        unlinked(messages.notification(occasion, at(0)).sms.within(1))
    };
    assert_eq!(sms(Some("K7-2931"), Language::English), "Bank: sign in at City Kiosk? \"K7-2931\" <link>");
    assert_eq!(sms(None, Language::English), "Bank: sign in at City Kiosk? <link>");
    assert_eq!(sms(None, Language::Spanish), "Bank: ¿inicio de sesion en City Kiosk? <link>");
}

#[test]
fn a_subject_is_shorter_than_100_characters() {
    let title = "x".repeat(60);
    let long = Messages { operator_name: "x".repeat(64), ..messages(false) };
    for language in Language::ALL {
        for matter in [Matter::SignIn, Matter::Request, Matter::Titled(&title)] {
            let subject = notified(&long, None, (matter, language)).subject;
            assert!(subject.chars().count() <= LONGEST_SUBJECT, "{language:?} {subject}");
        }
    }
}

/// ATK-7-05
#[test]
fn an_announcement_is_one_sms_and_has_no_link() {
    for language in Language::ALL {
        for event in [PasskeyEvent::Added, PasskeyEvent::Removed] {
            let person = PersonKey::new("i", "v");
            let it = Announcement { operator_name: "x".repeat(64), person, language, event };
            let sms = it.sms();
            let sms = sms.within(1);
            assert!(sms.parts() == 1 && !sms.expose().contains("http"), "{}", sms.expose());
            assert_eq!(it.sms().within(2).expose(), unaccented(it.text().expose()), "{language:?}");
            assert!(it.subject().chars().count() <= LONGEST_SUBJECT);
        }
    }
}
