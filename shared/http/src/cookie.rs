//! Cookies of pages (RFC 6265). Only pages read them; no endpoint for programs does.

use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::header::{COOKIE, HeaderValue};
use serde_json::Value;

use ciba_aws::config::Issuer;

/// What the name of each of our cookies begins with, after the prefix below.
const NAME: &str = "ciba-";
/// A cookie with this prefix is of this host alone: no subdomain, and no page without TLS, can set it.
const HOST: &str = "__Host-";

/// The cookie of the session.
pub const SESSION: &str = "session";
/// What the names of the cookies of logins begin with, one for each login that was started.
pub const LOGIN: &str = "login-";

/// How cookies are named and set at this issuer.
///
/// A local provider has no TLS. Browsers differ in whether they accept `Secure` cookies from `http://localhost`, so
/// there they have neither the prefix nor `Secure`; an issuer with TLS does not read such a cookie.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    is_secure: bool,
}

impl Cookies {
    pub fn of(issuer: &Issuer) -> Self {
        Self { is_secure: issuer.as_str().starts_with("https://") }
    }

    /// The value of a cookie. `None` if it is not there, or twice.
    pub fn read<'r>(self, request: &'r Request, name: &str) -> Option<&'r str> {
        let name = self.full(name);
        let mut values = pairs(request).filter(|(known, _)| *known == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    }

    /// The names of the cookies that begin so, in the form that the other functions here take.
    pub fn named<'r>(self, request: &'r Request, beginning: &str) -> Vec<&'r str> {
        let start = self.full("").len();
        let whole = self.full(beginning);
        pairs(request).filter(|(name, _)| name.starts_with(&whole)).map(|(name, _)| &name[start..]).collect()
    }

    /// A cookie of the whole host that scripts cannot read.
    ///
    /// `Lax`, not `Strict`: the answer of a login issuer is a navigation that starts at its site, and so is the
    /// redirect to the request's page that follows. A form that another site posts carries neither cookie.
    pub fn set(self, name: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path=/; Max-Age={}{secure}; HttpOnly; SameSite=Lax",
            self.full(name),
            max_age.as_secs()
        );
        HeaderValue::try_from(text).ok()
    }

    /// Removes a cookie.
    pub fn clear(self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Duration::ZERO)
    }

    fn full(self, name: &str) -> String {
        format!("{}{NAME}{name}", if self.is_secure { HOST } else { "" })
    }
}

fn pairs(request: &Request) -> impl Iterator<Item = (&str, &str)> {
    let texts = request.headers().get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split("; ")).filter_map(|pair| pair.split_once('='))
}

/// Of the cookies of an event, ours: name and value. Whatever else there is cannot keep a request out, and is not
/// read.
pub(super) fn ours(cookies: &Value) -> Option<HeaderValue> {
    let texts = cookies.as_array().into_iter().flatten().filter_map(Value::as_str);
    let is_visible = |text: &str| text.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b';');
    let is_ours = |text: &&str| text.strip_prefix(HOST).unwrap_or(text).starts_with(NAME) && is_visible(text);
    let texts: Vec<_> = texts.filter(is_ours).collect();
    HeaderValue::try_from(texts.join("; ")).ok().filter(|joined| !joined.is_empty())
}

#[cfg(test)]
mod tests {
    use ciba_aws::config::Environment;
    use lambda_http::Body;
    use serde_json::json;

    use super::*;

    fn cookies(issuer: &str) -> Cookies {
        Cookies::of(&Issuer::read(&Environment::of([("ISSUER", issuer)])).unwrap())
    }

    fn request(cookies: &Value) -> Request {
        let mut request = Request::new(Body::Empty);
        request.headers_mut().extend(ours(cookies).map(|value| (COOKIE, value)));
        request
    }

    /// RP-2-01: the prefix needs `Secure`, the path `/` and no `Domain` (RFC 6265bis §4.1.3.2).
    #[test]
    fn a_cookie_is_of_this_host_alone_and_unknown_to_scripts() {
        let set = cookies("https://op.example").set(SESSION, "c2VhbGVk", Duration::from_secs(300)).unwrap();
        let expected = "__Host-ciba-session=c2VhbGVk; Path=/; Max-Age=300; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(set.to_str().unwrap(), expected);
        let local = cookies("http://localhost:9000").set(SESSION, "x", Duration::ZERO).unwrap();
        assert_eq!(local.to_str().unwrap(), "ciba-session=x; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert!(
            cookies("https://op.example").clear(SESSION).unwrap().to_str().unwrap().contains("Max-Age=0")
        );
        assert!(cookies("https://op.example").set(SESSION, "a\nb", Duration::ZERO).is_none());
    }

    #[test]
    fn a_cookie_without_the_prefix_is_not_read_where_there_is_tls() {
        let request = request(&json!(["ciba-session=local", "__Host-ciba-session=tls", "theme=dark"]));
        assert_eq!(cookies("https://op.example").read(&request, SESSION), Some("tls"));
        assert_eq!(cookies("http://localhost:9000").read(&request, SESSION), Some("local"));
        assert_eq!(cookies("https://op.example").read(&request, "theme"), None);
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_none() {
        let request = request(&json!(["__Host-ciba-session=a", "__Host-ciba-session=b"]));
        assert_eq!(cookies("https://op.example").read(&request, SESSION), None);
    }

    #[test]
    fn the_logins_that_were_started_are_found_by_their_names() {
        let all =
            json!(["__Host-ciba-login-a=1", "__Host-ciba-session=2", "__Host-ciba-login-b=3", "login-c=4"]);
        assert_eq!(cookies("https://op.example").named(&request(&all), LOGIN), ["login-a", "login-b"]);
    }

    /// HYG-1-17
    #[test]
    fn what_is_no_cookie_of_ours_is_left_out() {
        for all in [
            json!(null),
            json!("ciba-session=a"),
            json!([1, null, {}]),
            json!([
                "theme=dark",
                "ciba-session=a\r\nb",
                "ciba-session=a; b=c",
                "ciba-session=\u{fc}",
                "ciba-\0="
            ]),
        ] {
            assert_eq!(ours(&all), None, "{all}");
        }
        assert_eq!(ours(&json!(["x=1", "ciba-session=a=="])).unwrap(), "ciba-session=a==");
    }
}
