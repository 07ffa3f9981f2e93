//! The pages of the authorization endpoint.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    authorization_endpoint::{CANCEL, PERSON},
    metadata::AUTHORIZATION_PATH,
    parameters::Parameters,
};
use crate::{page::Page, seed::Person};

/// The page on which somebody chooses who they are. Its forms send the request again, with the choice.
pub(super) fn sign_in(client_id: &str, people: &[Person], request: &Parameters) -> Response {
    let main = html! {
        main {
            h1 { "Log in" }
            p { b { (client_id) } " wants to know who you are. Nobody checks: this login issuer is only for this machine." }
            form.people method="post" action=(AUTHORIZATION_PATH) {
                (hidden(request))
                @for person in people {
                    @if let Some(login) = &person.login {
                        button name=(PERSON) value=(login) {
                            (person.name.as_deref().unwrap_or(login)) " " small { (login) }
                        }
                    }
                }
            }
            form method="post" action=(AUTHORIZATION_PATH) {
                (hidden(request))
                label { "Another name " input type="text" name=(PERSON) required maxlength="255" autocapitalize="none"; }
                button { "Log in under this name" }
            }
            form method="post" action=(AUTHORIZATION_PATH) {
                (hidden(request))
                button name=(CANCEL) value="1" { "Cancel" }
            }
        }
    };
    Page { title: "Log in", script: None, reload: None }.of(&main)
}

/// A refusal that must not be sent to the redirect URI.
pub(super) fn refused(why: &str) -> Response {
    let main = html! {
        main {
            h1 { "This request cannot be answered" }
            p { (why) }
        }
    };
    Page { title: "Log in", script: None, reload: None }.of(&main)
}

/// The request's own parameters. An earlier choice is not repeated.
fn hidden(request: &Parameters) -> Markup {
    html! {
        @for (name, value) in request.iter().filter(|(name, _)| ![PERSON, CANCEL].contains(name)) {
            input type="hidden" name=(name) value=(value);
        }
    }
}
