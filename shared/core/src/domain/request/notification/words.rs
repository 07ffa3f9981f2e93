//! The words of the messages, in each language of the pages. They use the verbs of the page's buttons.

use super::PasskeyEvent;
use crate::domain::base::language::Language;
use crate::domain::details::authorization_details::Matter;

/// The words of one language. Those that follow the operator's name begin with a small letter where the language has
/// one.
pub(super) struct Words {
    sign_in: &'static str,
    request: &'static str,
    /// After the operator's title for what is asked.
    decide: &'static str,
    /// With `{client}`.
    sign_in_at: &'static str,
    /// With `{client}`.
    request_of: &'static str,
    sign_in_subject: &'static str,
    request_subject: &'static str,
    passkey_added: &'static str,
    passkey_removed: &'static str,
    /// The subject of the two before.
    pub(super) passkeys: &'static str,
}

impl Words {
    /// What is asked.
    pub(super) fn asked(&self, matter: Matter<'_>) -> String {
        match matter {
            Matter::SignIn => self.sign_in.to_owned(),
            Matter::Request => self.request.to_owned(),
            Matter::Titled(title) => format!("{title}. {}", self.decide),
        }
    }

    /// What is asked and by whom, in the letters of the channel. The client's name is left as it is.
    pub(super) fn asked_by(
        &self,
        matter: Matter<'_>,
        client_name: &str,
        letters: fn(&str) -> String,
    ) -> String {
        match matter {
            Matter::SignIn => letters(self.sign_in_at).replace("{client}", client_name),
            Matter::Request => letters(self.request_of).replace("{client}", client_name),
            Matter::Titled(title) => format!("{} ({client_name})?", letters(title)),
        }
    }

    pub(super) fn subject<'a>(&'a self, matter: Matter<'a>) -> &'a str {
        match matter {
            Matter::SignIn => self.sign_in_subject,
            Matter::Request => self.request_subject,
            Matter::Titled(title) => title,
        }
    }

    pub(super) const fn announced(&self, event: PasskeyEvent) -> &'static str {
        match event {
            PasskeyEvent::Added => self.passkey_added,
            PasskeyEvent::Removed => self.passkey_removed,
        }
    }

    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
            Language::Italian => &ITALIAN,
            Language::Dutch => &DUTCH,
            Language::Polish => &POLISH,
            Language::Portuguese => &PORTUGUESE,
            Language::Swedish => &SWEDISH,
            Language::Japanese => &JAPANESE,
            Language::Arabic => &ARABIC,
        }
    }
}

const ENGLISH: Words = Words {
    sign_in: "approve or decline your sign-in",
    request: "approve or decline a request",
    decide: "Approve or decline",
    sign_in_at: "sign in at {client}?",
    request_of: "a request from {client}?",
    sign_in_subject: "sign-in request",
    request_subject: "a request",
    passkey_added: "a passkey was added to your account. Not you? Call us.",
    passkey_removed: "a passkey was removed from your account. Not you? Call us.",
    passkeys: "your passkeys",
};

const GERMAN: Words = Words {
    sign_in: "Ihrer Anmeldung zustimmen oder sie ablehnen",
    request: "einer Anfrage zustimmen oder sie ablehnen",
    decide: "Zustimmen oder ablehnen",
    sign_in_at: "Anmeldung bei {client}?",
    request_of: "Anfrage von {client}?",
    sign_in_subject: "Ihre Anmeldung",
    request_subject: "eine Anfrage",
    passkey_added: "Ihr Konto hat einen neuen Passkey. Das waren Sie nicht? Rufen Sie uns an.",
    passkey_removed: "Aus Ihrem Konto wurde ein Passkey entfernt. Das waren Sie nicht? Rufen Sie uns an.",
    passkeys: "Ihre Passkeys",
};

const FRENCH: Words = Words {
    sign_in: "acceptez ou refusez votre connexion",
    request: "acceptez ou refusez une demande",
    decide: "Acceptez ou refusez",
    sign_in_at: "connexion à {client} ?",
    request_of: "une demande de {client} ?",
    sign_in_subject: "votre connexion",
    request_subject: "une demande",
    passkey_added: "une clé d’accès a été ajoutée à votre compte. Ce n’était pas vous ? Appelez-nous.",
    passkey_removed: "une clé d’accès a été retirée de votre compte. Ce n’était pas vous ? Appelez-nous.",
    passkeys: "vos clés d’accès",
};

const SPANISH: Words = Words {
    sign_in: "apruebe o rechace su inicio de sesión",
    request: "apruebe o rechace una solicitud",
    decide: "Apruebe o rechace",
    sign_in_at: "¿inicio de sesión en {client}?",
    request_of: "¿una solicitud de {client}?",
    sign_in_subject: "su inicio de sesión",
    request_subject: "una solicitud",
    passkey_added: "se ha añadido una clave de acceso a su cuenta. ¿No ha sido usted? Llámenos.",
    passkey_removed: "se ha eliminado una clave de acceso de su cuenta. ¿No ha sido usted? Llámenos.",
    passkeys: "sus claves de acceso",
};

const ITALIAN: Words = Words {
    sign_in: "approvi o rifiuti il Suo accesso",
    request: "approvi o rifiuti una richiesta",
    decide: "Approvi o rifiuti",
    sign_in_at: "accesso a {client}?",
    request_of: "una richiesta di {client}?",
    sign_in_subject: "il Suo accesso",
    request_subject: "una richiesta",
    passkey_added: "è stata aggiunta una passkey al Suo account. Non è stato Lei? Ci chiami.",
    passkey_removed: "è stata rimossa una passkey dal Suo account. Non è stato Lei? Ci chiami.",
    passkeys: "le Sue passkey",
};

const DUTCH: Words = Words {
    sign_in: "uw inlogverzoek goedkeuren of weigeren",
    request: "een verzoek goedkeuren of weigeren",
    decide: "Goedkeuren of weigeren",
    sign_in_at: "inloggen bij {client}?",
    request_of: "een verzoek van {client}?",
    sign_in_subject: "uw inlogverzoek",
    request_subject: "een verzoek",
    passkey_added: "er is een passkey aan uw account toegevoegd. Was u dat niet? Bel ons.",
    passkey_removed: "er is een passkey uit uw account verwijderd. Was u dat niet? Bel ons.",
    passkeys: "uw passkeys",
};

const POLISH: Words = Words {
    sign_in: "zatwierdź lub odrzuć logowanie",
    request: "zatwierdź lub odrzuć prośbę",
    decide: "Zatwierdź lub odrzuć",
    sign_in_at: "logowanie w {client}?",
    request_of: "prośba od {client}?",
    sign_in_subject: "logowanie",
    request_subject: "prośba",
    passkey_added: "do Twojego konta dodano klucz dostępu. To nie Ty? Zadzwoń do nas.",
    passkey_removed: "z Twojego konta usunięto klucz dostępu. To nie Ty? Zadzwoń do nas.",
    passkeys: "Twoje klucze dostępu",
};

const PORTUGUESE: Words = Words {
    sign_in: "aprove ou recuse o seu acesso",
    request: "aprove ou recuse uma solicitação",
    decide: "Aprove ou recuse",
    sign_in_at: "entrar em {client}?",
    request_of: "uma solicitação de {client}?",
    sign_in_subject: "o seu acesso",
    request_subject: "uma solicitação",
    passkey_added: "uma chave de acesso foi adicionada à sua conta. Não foi você? Ligue para nós.",
    passkey_removed: "uma chave de acesso foi removida da sua conta. Não foi você? Ligue para nós.",
    passkeys: "as suas chaves de acesso",
};

const SWEDISH: Words = Words {
    sign_in: "godkänn eller avvisa din inloggning",
    request: "godkänn eller avvisa en begäran",
    decide: "Godkänn eller avvisa",
    sign_in_at: "logga in hos {client}?",
    request_of: "en begäran från {client}?",
    sign_in_subject: "din inloggning",
    request_subject: "en begäran",
    passkey_added: "en passkey har lagts till i ditt konto. Var det inte du? Ring oss.",
    passkey_removed: "en passkey har tagits bort från ditt konto. Var det inte du? Ring oss.",
    passkeys: "dina passkeys",
};

const JAPANESE: Words = Words {
    sign_in: "ログインを承認または拒否してください",
    request: "リクエストを承認または拒否してください",
    decide: "承認または拒否してください",
    sign_in_at: "{client}へのログインですか？",
    request_of: "{client}からのリクエストですか？",
    sign_in_subject: "ログインの確認",
    request_subject: "リクエストの確認",
    passkey_added: "お客様のアカウントにパスキーが追加されました。お心当たりがない場合は、お電話ください。",
    passkey_removed: "お客様のアカウントからパスキーが削除されました。お心当たりがない場合は、お電話ください。",
    passkeys: "お客様のパスキー",
};

const ARABIC: Words = Words {
    sign_in: "وافق على تسجيل دخولك أو ارفضه",
    request: "وافق على طلب أو ارفضه",
    decide: "وافق أو ارفض",
    sign_in_at: "تسجيل الدخول لدى {client}؟",
    request_of: "طلب من {client}؟",
    sign_in_subject: "تسجيل دخولك",
    request_subject: "طلب",
    passkey_added: "أُضيف مفتاح مرور إلى حسابك. لست أنت؟ اتصل بنا.",
    passkey_removed: "أُزيل مفتاح مرور من حسابك. لست أنت؟ اتصل بنا.",
    passkeys: "مفاتيح المرور الخاصة بك",
};
