//! A person with the simplest browser there is: it follows redirects, keeps cookies and sends forms.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

/// More redirects in a row are a circle.
const REDIRECTS: usize = 10;

/// A browser with its cookies.
pub struct Visitor {
    http: Client,
    /// By host, because ports share cookies (RFC 6265 §8.5), and by name. Paths are not considered.
    cookies: BTreeMap<(String, String), String>,
    /// Where this browser does not go: a URL that starts like this is handed to the test.
    stop_at: String,
}

/// Where a visit ends.
#[derive(Debug)]
pub enum Arrival {
    /// At a page.
    Page(Page),
    /// At a redirect to where the browser does not go.
    Stopped(Url),
}

/// A page that was loaded.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub html: String,
}

impl Visitor {
    /// A browser that stops before it loads a URL that starts with `stop_at`.
    pub fn new(stop_at: &str) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().expect("an HTTP client");
        Self { http, cookies: BTreeMap::new(), stop_at: stop_at.to_owned() }
    }

    /// Opens a link.
    pub async fn open(&mut self, url: Url) -> Arrival {
        let request = self.http.get(url.clone());
        self.follow(request, url).await
    }

    /// Sends the first form of a page: its hidden fields, and these.
    pub async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Arrival {
        let (action, hidden) = page.form();
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = hidden.chain(fields.iter().copied()).collect();
        let request = self.http.post(action.clone()).form(&fields);
        self.follow(request, action).await
    }

    async fn follow(&mut self, mut request: RequestBuilder, mut url: Url) -> Arrival {
        for _ in 0..REDIRECTS {
            let request_of_page = request.header(ACCEPT, "text/html").header(COOKIE, self.cookies_of(&url));
            let response = request_of_page.send().await.expect("an answer");
            self.keep_cookies(&response, &url);
            let Some(location) = response.headers().get(LOCATION) else {
                let status = response.status().as_u16();
                return Arrival::Page(Page { url, status, html: response.text().await.expect("a text") });
            };
            url = url.join(location.to_str().expect("a text")).expect("a URL");
            if url.as_str().starts_with(&self.stop_at) {
                return Arrival::Stopped(url);
            }
            request = self.http.get(url.clone());
        }
        panic!("{url}: redirected {REDIRECTS} times");
    }

    fn cookies_of(&self, url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        let cookies = self.cookies.iter().filter(|((of, _), _)| of == host);
        cookies.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A cookie without a value is one that was deleted.
    fn keep_cookies(&mut self, response: &Response, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("a text").split(';').next().unwrap_or_default();
            let (name, value) = cookie.split_once('=').expect("a name and a value");
            let key = (host.to_owned(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }
}

impl Arrival {
    #[track_caller]
    pub fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Stopped(url) => panic!("not at a page but at {url}"),
        }
    }
}

impl Page {
    /// Where its first form goes, and the form's hidden fields.
    fn form(&self) -> (Url, Vec<(String, String)>) {
        let form = self.html.split_once("<form").expect("a form").1;
        let form = form.split_once("</form>").expect("the end of the form").0;
        let (tag, inside) = form.split_once('>').expect("the end of the tag");
        let action = attribute(tag, "action").map(|action| self.url.join(&action).expect("a URL"));
        let inputs = inside.split("<input").skip(1).filter_map(|it| it.split('>').next());
        let hidden = inputs.filter(|it| attribute(it, "type").as_deref() == Some("hidden"));
        let fields = hidden
            .filter_map(|it| Some((attribute(it, "name")?, attribute(it, "value").unwrap_or_default())));
        (action.unwrap_or_else(|| self.url.clone()), fields.collect())
    }
}

/// An attribute of a tag, in double quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    Some(entities.into_iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forms_target_and_hidden_fields_are_read() {
        let html = r#"<p>a</p><form autocomplete="off" action="/b?c=1&amp;d=2" method="post">
            <input type="hidden" name="e" value="&lt;f&amp;amp;&gt;"/><input type="text" name="g" value="h">
            <button name="i" value="j">k</button></form><form action="/l"></form>"#;
        let url = Url::parse("http://localhost:1/a/b").unwrap();
        let page = Page { url, status: 200, html: html.to_owned() };
        let (action, hidden) = page.form();
        assert_eq!(action.as_str(), "http://localhost:1/b?c=1&d=2");
        assert_eq!(hidden, [("e".to_owned(), "<f&amp;>".to_owned())]);
    }
}
