//! The page that takes the place of the operator's app: what the consent API tells an app, and the two decisions.

use axum::{http::StatusCode, response::IntoResponse, response::Response};
use maud::{Markup, html};
use serde_json::Value;

use super::consent::Answer;
use crate::page::Page;

/// The request that the consent API has answered with, or its refusal.
pub(super) fn page(answer: &Answer) -> Response {
    let main = html! {
        main {
            p { a href="/" { "All messages" } }
            @if answer.status.is_success() { (request(&answer.body)) } @else { (refusal(&answer.body)) }
        }
    };
    let page = Page { title: "The operator's app", script: None, reload: None }.of(&main);
    // The API's 401 would be a challenge to the browser.
    let status = if answer.status.is_success() { StatusCode::OK } else { StatusCode::CONFLICT };
    (status, page).into_response()
}

fn refusal(body: &Value) -> Markup {
    let why = body["error_description"].as_str().or(body["error"].as_str()).unwrap_or("no reason");
    html! {
        h1 { "It was not accepted" }
        p { (why) }
    }
}

fn request(body: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let details: Vec<_> = body["details"].as_array().into_iter().flatten().collect();
    let client = [&body["client"]["client_name"], &body["client"]["client_id"]];
    let is_open = body["state"] == "pending";
    // As on the page: what one entry is about is the heading.
    let headline = match &details[..] {
        [only] if is_open => only["headline"].as_str(),
        _ => None,
    };
    html! {
        h1 { (headline.unwrap_or_else(|| heading(body["state"].as_str().unwrap_or_default()))) }
        dl {
            dt { "Requested by" }
            dd { (client.into_iter().find_map(Value::as_str).unwrap_or_default()) }
            dt { "Compare with what you see there" }
            dd.binding { (body["binding_message"].as_str().unwrap_or("(nothing to compare)")) }
            @if is_open {
                dt { "Time left" }
                dd { (body["decide_in"]) " s" }
            }
        }
        @for detail in &details {
            section.authorization {
                h2 { (text(&detail["title"])) }
                dl {
                    @for row in detail["rows"].as_array().into_iter().flatten() {
                        dt { (text(&row["label"])) }
                        dd { (text(&row["value"])) }
                    }
                }
            }
        }
        @if is_open {
            form method="post" {
                fieldset {
                    legend { "It will get" }
                    @for scope in text(&body["scope"]).split_whitespace() {
                        // A scope value and what belongs to it are one choice.
                        (choice(scope, scope == "openid" || details.iter().any(|it| it["scope"] == scope)))
                    }
                }
                div.choices {
                    button #deny name="decision" value="deny" { "Decline" }
                    button #approve name="decision" value="approve" { "Approve" }
                }
            }
        }
    }
}

/// A disabled checkbox is not sent, so what is required is sent by a hidden field.
fn choice(scope: &str, is_required: bool) -> Markup {
    html! {
        label {
            @if is_required { input type="hidden" name="scope" value=(scope); }
            input type="checkbox" name="scope" value=(scope) checked disabled[is_required];
            " " (scope) @if is_required { " (always)" }
        }
    }
}

fn heading(state: &str) -> &str {
    match state {
        "pending" => "Sign-in request",
        "approved" | "redeemed" => "You have approved this",
        "denied" => "You have declined this",
        "cancelled" => "This was withdrawn",
        "expired" => "This is no longer open",
        other => other,
    }
}
