//! The claims that each scope value releases (OIDC Core §5.4).

use serde_json::{Map, Value};

use crate::domain::base::scope::Scope;

const BY_SCOPE: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The person's known claims that `scope` covers.
pub fn covered(claims: &Map<String, Value>, scope: &Scope) -> Map<String, Value> {
    let values = BY_SCOPE.iter().filter(|(value, _)| scope.contains(value));
    let names = values.flat_map(|(_, names)| names.iter());
    names.filter_map(|&name| Some((name.to_owned(), claims.get(name)?.clone()))).collect()
}

/// All claims that a scope value can release, for the metadata.
pub fn all() -> impl Iterator<Item = &'static str> {
    BY_SCOPE.iter().flat_map(|(_, names)| names.iter().copied())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_gives_its_own_claims_away_and_no_others() {
        let claims = json!({"name": "Alice", "email": "a@example.com", "phone_number": "+1", "iban": "x", "sub": "eve"});
        let covered = |scope: &str| {
            let scope = Scope::parse(scope).unwrap();
            Value::Object(covered(claims.as_object().unwrap(), &scope))
        };
        assert_eq!(covered("openid offline_access read"), json!({}));
        assert_eq!(covered("openid profile"), json!({"name": "Alice"}));
        assert_eq!(covered("openid email phone"), json!({"email": "a@example.com", "phone_number": "+1"}));
    }
}
