//! The clients and people that a stack starts with, from two JSON files.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::Error;

/// The content of a seed folder; `seed/README.md` documents it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// `clients.json`
    pub clients: Vec<Value>,
    /// `people.json`
    pub people: Vec<Value>,
}

/// What the phone has to know about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub sub: String,
    /// The person's name at the login issuer, without which they cannot log in there.
    pub login: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The numbers and ARNs that messages are sent to.
    pub addresses: Vec<String>,
}

impl Seed {
    /// Reads `clients.json` and `people.json` of a folder.
    ///
    /// # Errors
    /// If one is missing or is not a JSON array; the error names the file.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            clients: array(&folder.join("clients.json"))?,
            people: array(&folder.join("people.json"))?,
        })
    }

    /// Sets this `iss` in each login without one. The local login issuer's name includes its port, which a
    /// file cannot know.
    #[must_use]
    pub fn with_login_issuer(mut self, issuer: &str) -> Self {
        let logins = self.people.iter_mut().filter_map(|person| person.get_mut("login"));
        for login in logins.filter_map(Value::as_object_mut) {
            login.entry("iss").or_insert_with(|| issuer.into());
        }
        self
    }

    /// Leaves out the people, for a stack in which another source knows them.
    #[must_use]
    pub fn without_people(mut self) -> Self {
        self.people.clear();
        self
    }

    /// Leaves out clients that are notified on this machine.
    #[must_use]
    pub fn without_local_clients(mut self) -> Self {
        let endpoint =
            |client: &Value| client["backchannel_client_notification_endpoint"].as_str().map(str::to_owned);
        self.clients.retain(|it| endpoint(it).is_none_or(|url| !url.starts_with("http://localhost:")));
        self
    }

    /// Sets this port for ping and push clients that listen on this machine.
    #[must_use]
    pub fn with_client_port(mut self, port: u16) -> Self {
        for endpoint in self
            .clients
            .iter_mut()
            .filter_map(|client| client.get_mut("backchannel_client_notification_endpoint"))
        {
            let path = endpoint.as_str().and_then(|url| url.strip_prefix("http://localhost:9200/"));
            if let Some(path) = path {
                *endpoint = format!("http://localhost:{port}/{path}").into();
            }
        }
        self
    }

    /// The people the phone can act for: those with a `sub`.
    pub fn people(&self) -> Vec<Person> {
        self.people.iter().filter_map(Person::read).collect()
    }

    /// The secret of a client.
    pub fn client_secret(&self, client_id: &str) -> Option<&str> {
        let client = self.clients.iter().find(|client| client["client_id"] == client_id)?;
        client["client_secret"].as_str()
    }
}

impl Person {
    /// Reads an entry of `people.json`.
    pub(crate) fn read(person: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let sub = text(&person["sub"])?;
        let channels = person["channels"].as_array().into_iter().flatten().filter_map(Value::as_object);
        Some(Self {
            login: text(&person["login"]["value"]),
            name: text(&person["claims"]["name"]),
            email: text(&person["claims"]["email"]),
            // Of a custom channel the address beside its name.
            addresses: channels
                .flat_map(|channel| {
                    channel.values().filter_map(|value| text(value).or_else(|| text(&value["address"])))
                })
                .collect(),
            sub,
        })
    }

    /// The login issuer's claims about this person, except their identity.
    pub fn login_claims(&self) -> serde_json::Map<String, Value> {
        let email = self.email.iter().flat_map(|email| {
            [("email".to_owned(), json!(email)), ("email_verified".to_owned(), json!(true))]
        });
        email.collect()
    }
}

/// Passes every client, then every person, to functions that write them to the table.
///
/// # Errors
/// The first refusal, with the entry that it is about.
pub async fn plant(
    seed: &Seed,
    register_client: impl AsyncFn(Value) -> Result<(), String>,
    enroll_person: impl AsyncFn(Value) -> Result<(), String>,
) -> Result<(), Error> {
    for client in &seed.clients {
        let refused = |why| format!("client {}: {why}", client["client_id"]);
        register_client(client.clone()).await.map_err(refused)?;
    }
    for person in &seed.people {
        let refused = |why| format!("person {}: {why}", person["sub"]);
        enroll_person(person.clone()).await.map_err(refused)?;
    }
    Ok(())
}

fn array(path: &Path) -> Result<Vec<Value>, Error> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Ok(serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn shipped() -> Seed {
        Seed::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seed")).unwrap()
    }

    /// The methods of authentication and the modes of delivery.
    #[test]
    fn the_shipped_clients_cover_both_methods_and_all_modes() {
        let methods: Vec<_> =
            shipped().clients.iter().map(|it| it["token_endpoint_auth_method"].clone()).collect();
        let modes: Vec<_> =
            shipped().clients.iter().map(|it| it["backchannel_token_delivery_mode"].clone()).collect();
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        assert_eq!(methods, [basic, post, basic, basic]);
        assert_eq!(modes, ["poll", "poll", "ping", "push"]);
        assert!(shipped().client_secret("kiosk").unwrap().len() >= 32);
    }

    /// The phone finds the owner of a message by its address.
    #[test]
    fn the_shipped_people_can_be_told_apart_by_address() {
        let people = shipped().people();
        let mut addresses: Vec<_> = people.iter().flat_map(|person| person.addresses.clone()).collect();
        let all = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!((people.len(), addresses.len()), (4, all));
        assert!(people.iter().all(|person| !person.addresses.is_empty()));
    }

    #[test]
    fn the_shipped_people_use_every_kind_of_channel() {
        let people = shipped().people;
        for kind in ["sms", "push", "topic"] {
            let has = |it: &Value| it["channels"].as_array().unwrap().iter().any(|it| it[kind].is_string());
            assert!(people.iter().any(has), "{kind}");
        }
    }

    #[test]
    fn a_login_without_an_issuer_is_of_the_local_one() {
        let people =
            vec![json!({"login": {"value": "a"}}), json!({"login": {"iss": "x", "value": "b"}}), json!({})];
        let seed = Seed { clients: vec![], people }.with_login_issuer("http://localhost:1");
        let issuers: Vec<_> = seed.people.iter().map(|person| person["login"]["iss"].clone()).collect();
        assert_eq!(issuers, [json!("http://localhost:1"), json!("x"), Value::Null]);
    }

    #[test]
    fn only_clients_on_this_machine_are_moved_to_another_port() {
        let name = "backchannel_client_notification_endpoint";
        let clients =
            ["http://localhost:9200/ciba", "https://client.example/ciba"].map(|url| json!({ name: url }));
        let seed = Seed { clients: clients.to_vec(), people: vec![] }.with_client_port(1);
        let endpoints: Vec<_> = seed.clients.iter().map(|client| client[name].clone()).collect();
        assert_eq!(endpoints, ["http://localhost:1/ciba", "https://client.example/ciba"]);
        let elsewhere = Seed { clients: clients.to_vec(), people: vec![] }.without_local_clients();
        assert_eq!(elsewhere.clients, clients[1..]);
    }

    #[tokio::test]
    async fn planting_stops_at_the_first_refusal_and_names_it() {
        let seen = Mutex::new(Vec::new());
        let register = async |client: Value| {
            seen.lock().unwrap().push(client["client_id"].clone());
            Ok(())
        };
        let error = plant(&shipped(), register, async |_| Err("no".to_owned())).await.unwrap_err();
        assert_eq!(error.to_string(), r#"person "alice": no"#);
        assert_eq!(*seen.lock().unwrap(), ["kiosk", "call-centre", "kiosk-ping", "kiosk-push"]);
    }
}
