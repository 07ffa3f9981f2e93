//! Sessions: who has logged in with a browser, so that the next request needs no login.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};

use super::{
    authentication_class::AuthenticationClass,
    authorization_request::{AuthorizationRequest, Prompt},
};
use crate::id;

/// One login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// `sub`
    pub(super) person: String,
    /// Epoch seconds.
    pub(super) auth_time: u64,
    pub(super) class: AuthenticationClass,
}

impl Session {
    /// Whether the request can be answered without another login.
    ///
    /// `max_age=0` asks for a login like `prompt=login` (OIDC Core §3.1.2.1). The spec leaves `acr_values` voluntary;
    /// here a session of another class than those requested leads to a login, if one of them exists.
    pub(super) fn suffices(&self, request: &AuthorizationRequest, now: u64) -> bool {
        let is_recent = |max_age: u64| max_age > 0 && now.saturating_sub(self.auth_time) <= max_age;
        request.prompt != Prompt::Always
            && request.max_age.is_none_or(is_recent)
            && (request.classes.is_empty() || request.classes.contains(&self.class))
    }
}

/// The sessions by the value of their cookie. They last until the issuer stops.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Starts a session; the `Set-Cookie` for it.
    pub(super) fn start(&self, session: Session, issuer: &str) -> String {
        let token = id::token();
        let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Lax", cookie_name(issuer));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, session);
        cookie
    }

    /// The session of the browser that sent these headers.
    pub(super) fn find(&self, headers: &HeaderMap, issuer: &str) -> Option<Session> {
        let name = cookie_name(issuer);
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
        let mut cookies = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        let (_, token) = cookies.find(|(it, _)| *it == name)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

/// With the port: all ports of a host share their cookies, and there may be several issuers on this machine.
fn cookie_name(issuer: &str) -> String {
    let (_, port) = issuer.rsplit_once(':').unwrap_or_default();
    format!("login_issuer_{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: AuthorizationRequest = AuthorizationRequest {
        scope: Vec::new(),
        nonce: None,
        challenge: String::new(),
        prompt: Prompt::IfNeeded,
        max_age: None,
        classes: Vec::new(),
    };

    fn session() -> Session {
        Session { person: "alice".to_owned(), auth_time: 1000, class: AuthenticationClass::Password }
    }

    #[test]
    fn a_session_suffices_until_max_age_has_passed() {
        assert!(session().suffices(&REQUEST, 100_000));
        for (max_age, now, expected) in
            [(300, 1300, true), (300, 1301, false), (0, 1000, false), (1, 1000, true), (300, 900, true)]
        {
            let request = AuthorizationRequest { max_age: Some(max_age), ..REQUEST };
            assert_eq!(session().suffices(&request, now), expected, "{max_age} {now}");
        }
        let request = AuthorizationRequest { prompt: Prompt::Always, ..REQUEST };
        assert!(!session().suffices(&request, 1000));
    }

    #[test]
    fn a_session_suffices_only_for_its_own_class() {
        use AuthenticationClass::{MultiFactor, Password};
        for (classes, expected) in [
            (vec![], true),
            (vec![Password], true),
            (vec![MultiFactor, Password], true),
            (vec![MultiFactor], false),
        ] {
            let request = AuthorizationRequest { classes, ..REQUEST };
            assert_eq!(session().suffices(&request, 1000), expected, "{:?}", request.classes);
        }
    }

    #[test]
    fn a_session_is_found_by_the_cookie_of_its_own_issuer() {
        let sessions = Sessions::default();
        let cookie = sessions.start(session(), "http://localhost:1");
        let (pair, _) = cookie.split_once(';').unwrap();
        let found = |cookie: &str, issuer| {
            let headers = HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]);
            sessions.find(&headers, issuer)
        };
        assert_eq!(found(&format!("a=b; {pair}"), "http://localhost:1"), Some(session()));
        assert_eq!(found(pair, "http://localhost:2"), None);
        assert_eq!(found(&format!("{pair}x"), "http://localhost:1"), None);
    }
}
