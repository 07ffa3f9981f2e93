//! Checks of clients, people and their passkeys.

use ciba::config::MtlsHost;
use ciba::domain::client::Client;
use ciba::store::{Known, Table};

use super::report::{Check, fault, ok, warning};
use super::settings::ClientSettings;
use super::table::unreachable;

/// The maximum number of items that are searched for a client and a person. It is new deployments that lack them,
/// and their tables are small.
pub(super) const EVALUATE: i32 = 50_000;
/// The maximum number of clients that are named.
const NAMED: usize = 5;

/// A flow needs a client that asks and a person who is asked. With a resolver, the first request of a person enters them.
pub(super) fn look_at_sides(known: Known, has_resolver: bool) -> [Check; 2] {
    let check = |name, is_there, good: &str, bad: &str, remedy: &str| match (is_there, known.is_complete) {
        (true, _) => ok(name, good),
        (false, true) => fault(name, bad, remedy),
        // A table this large has been in use.
        (false, false) => ok(name, format!("not searched beyond the first {EVALUATE} items of the table")),
    };
    [
        check(
            "clients",
            known.active_client,
            "at least one client may start an authentication",
            "no client may start an authentication",
            "ciba-admin client create, or client enable",
        ),
        check(
            "people",
            known.reachable_person || has_resolver,
            if known.reachable_person {
                "at least one person can be notified"
            } else {
                "nobody is in the directory; the resolver describes people"
            },
            "no person is active and has a channel, so nobody can be notified",
            "ciba-admin person create with --sms, or person enable",
        ),
    ]
}

/// Finds clients that were registered before a setting changed: their next request would be refused without a
/// reason.
pub(super) async fn look_at_clients(table: &Table, settings: &ClientSettings) -> Check {
    let mut shut_out = Vec::new();
    let looked = table.for_each_active_client(EVALUATE, |client| {
        shut_out.extend(why_shut_out(client, settings).map(|why| format!("{}: {why}", client.id.as_str())));
    });
    match looked.await {
        Ok(is_complete) => say_who_is_shut_out(&shut_out, is_complete),
        Err(error) => unreachable("authentication", &error),
    }
}

fn why_shut_out(client: &Client, settings: &ClientSettings) -> Option<&'static str> {
    if client.profile < settings.profile {
        Some("its profile is weaker than PROFILE, which all clients have to meet")
    } else {
        MtlsHost::lack(settings.mtls.as_ref(), client)
    }
}

fn say_who_is_shut_out(shut_out: &[String], is_complete: bool) -> Check {
    let name = "authentication";
    let beyond = if is_complete {
        String::new()
    } else {
        format!("; only the first {EVALUATE} items of the table were checked")
    };
    if shut_out.is_empty() {
        return ok(name, format!("no client is locked out by PROFILE or MTLS_URL{beyond}"));
    }
    let more = match shut_out.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let named: Vec<_> = shut_out.iter().take(NAMED).map(String::as_str).collect();
    fault(
        name,
        format!("{}{more}{beyond}", named.join("; ")),
        "deploy with what they need, or set it here if it is deployed; or replace them by ciba-admin client create \
         --replace with what this deployment supports, or use client disable",
    )
}

/// A custom channel leads nowhere without the operator's notifier: the next one is tried, and perhaps there is none.
pub(super) async fn look_at_channels(table: &Table, has_notifier: bool) -> Check {
    let name = "channels";
    if has_notifier {
        return ok(name, "USER_NOTIFIER_FUNCTION delivers to custom channels");
    }
    match table.list_custom_channels(EVALUATE).await {
        Err(error) => unreachable(name, &error),
        Ok((names, true)) if names.is_empty() => ok(name, "nobody has a custom channel"),
        Ok((names, false)) if names.is_empty() => ok(
            name,
            format!("nobody has a custom channel; only the first {EVALUATE} items of the table were checked"),
        ),
        Ok((names, _)) => {
            let names: Vec<_> = names.iter().take(NAMED).map(|name| format!("custom:{name}")).collect();
            fault(
                name,
                format!(
                    "people have the channel {}, but USER_NOTIFIER_FUNCTION is not set: no message reaches them there",
                    names.join(", ")
                ),
                "deploy with the parameter UserNotifierFunction, or set it here if it is deployed; or give these people \
                 other channels",
            )
        }
    }
}

/// A passkey is bound to its domain for ever: after a change of RP_ID people cannot approve with it, and would
/// only notice when they have to.
pub(super) async fn look_at_passkeys(table: &Table, rp_id: Option<&str>) -> Check {
    let name = "passkeys";
    let lost = match table.find_passkey_of_another_domain(rp_id, EVALUATE).await {
        Ok(lost) => lost,
        Err(error) => return unreachable(name, &error),
    };
    match (lost, rp_id) {
        (Some(lost), _) => fault(
            name,
            format!(
                "there are passkeys for the domain {lost}, but RP_ID is {}: they cannot be used",
                rp_id.unwrap_or("not set")
            ),
            format!(
                "deploy with RpId={lost} again; or have people create new ones (docs/api.md, Passkeys) and remove the old \
                 ones: ciba-admin passkey remove"
            ),
        ),
        (None, None) => warning(
            name,
            "RP_ID is not set: nobody can approve with a passkey",
            "deploy with the parameter RpId, and set RP_ID here",
        ),
        (None, Some(rp_id)) => ok(name, format!("no passkey is for a domain other than {rp_id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn a_table_too_full_to_look_through_is_not_said_to_have_nobody() {
        let outcomes =
            |known| look_at_sides(known, false).map(|check| matches!(check.outcome, Outcome::Fault { .. }));
        let none = Known::default();
        assert_eq!(outcomes(Known { is_complete: true, ..none }), [true, true]);
        assert_eq!(outcomes(Known { is_complete: true, active_client: true, ..none }), [false, true]);
        assert_eq!(outcomes(Known { is_complete: true, reachable_person: true, ..none }), [true, false]);
        assert_eq!(outcomes(none), [false, false]);
    }

    #[test]
    fn with_a_resolver_the_directory_may_be_empty() {
        let [_, people] = look_at_sides(Known { is_complete: true, ..Known::default() }, true);
        assert_eq!((people.outcome, people.detail.contains("the resolver")), (Outcome::Ok, true));
    }

    /// The others are counted, and a search that stopped early says so.
    #[test]
    fn the_first_five_excluded_clients_are_named() {
        let clients: Vec<_> = (1..=7).map(|n| format!("client-{n}: why")).collect();
        let said = |count, is_complete| say_who_is_shut_out(&clients[..count], is_complete).detail;
        assert_eq!(said(2, true), "client-1: why; client-2: why");
        assert!(said(5, true).ends_with("client-5: why"));
        assert!(said(7, true).ends_with("client-5: why; and 2 more"));
        for count in [0, 7] {
            assert!(said(count, false).ends_with("only the first 50000 items of the table were checked"));
        }
        assert_eq!(say_who_is_shut_out(&[], false).outcome, Outcome::Ok);
    }
}
