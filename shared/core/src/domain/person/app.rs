//! The operator's own apps, in the notation of the association documents with which a phone lets an app use a
//! domain's passkeys and links.

/// The most apps of each kind: the documents are small, and an operator has few apps.
pub const MAX_APPS: usize = 10;

/// An Android app: its package name, and the SHA-256 of its signing certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndroidApp {
    pub package: String,
    /// 32 bytes in upper-case hexadecimal, separated by colons, as in Digital Asset Links.
    pub fingerprint: String,
}

impl AndroidApp {
    /// Parses `<package>=<fingerprint>`. The fingerprint is accepted as `keytool` and the Play Console print it,
    /// and also as `apksigner` prints it, without colons and in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let (package, fingerprint) = text.split_once('=')?;
        let is_name = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if package.len() > 255 || !package.contains('.') || !package.split('.').all(is_name) {
            return None;
        }
        let fingerprint = fingerprint.to_ascii_uppercase();
        let pairs: Vec<&str> = if fingerprint.contains(':') {
            fingerprint.split(':').collect()
        } else {
            fingerprint.as_bytes().chunks(2).map(std::str::from_utf8).collect::<Result<_, _>>().ok()?
        };
        let is_byte = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
        if pairs.len() != 32 || !pairs.iter().all(is_byte) {
            return None;
        }
        Some(Self { package: package.to_owned(), fingerprint: pairs.join(":") })
    }
}

/// An app for Apple's platforms: the ten characters of its team identifier, a dot and its bundle identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppleApp(String);

impl AppleApp {
    pub fn parse(text: &str) -> Option<Self> {
        let (team, bundle) = text.split_once('.')?;
        let is_team = team.len() == 10 && team.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let is_bundle = bundle.len() <= 155 && bundle.split('.').all(is_part);
        (is_team && is_bundle).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLONS: &str =
        "14:6D:E9:83:C5:73:06:50:D8:EE:B9:95:2F:34:FC:64:16:A0:83:42:E6:1D:BE:A8:8A:04:96:B2:3F:CF:44:E5";

    #[test]
    fn an_android_app_is_a_package_and_a_fingerprint() {
        let plain = COLONS.replace(':', "");
        for fingerprint in [COLONS, &COLONS.to_lowercase(), &plain, &plain.to_lowercase()] {
            let app = AndroidApp::parse(&format!("com.example.bank_app={fingerprint}")).expect(fingerprint);
            assert_eq!((app.package.as_str(), app.fingerprint.as_str()), ("com.example.bank_app", COLONS));
        }
        for text in [
            String::new(),
            "com.example.bank".to_owned(),
            "com.example.bank=".to_owned(),
            format!("bank={COLONS}"),
            format!("com.1example={COLONS}"),
            format!("com..example={COLONS}"),
            format!("com.exa-mple={COLONS}"),
            format!("com.exämple={COLONS}"),
            format!("com.example.bank={}", &COLONS[3..]),
            format!("com.example.bank={COLONS}:00"),
            format!("com.example.bank={}", COLONS.replace("14", "1G")),
            format!("com.example.bank={}", COLONS.replace("14:6D", "146:D")),
            // SHA-1.
            format!("com.example.bank={}", &COLONS[..59]),
            format!("com.example.bank={}é", &plain[..62]),
        ] {
            assert_eq!(AndroidApp::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn an_apple_app_is_a_team_and_a_bundle() {
        for text in ["A1B2C3D4E5.com.example.bank", "0123456789.bank", "A1B2C3D4E5.com.example.Bank-App"] {
            assert_eq!(AppleApp::parse(text).as_ref().map(AppleApp::as_str), Some(text));
        }
        for text in [
            "",
            "A1B2C3D4E5",
            "A1B2C3D4E5.",
            "A1B2C3D4E.com.example.bank",
            "a1b2c3d4e5.com.example.bank",
            "A1B2C3D4E5.com..bank",
            "A1B2C3D4E5.com.example.*",
            "A1B2C3D4E5.com.exam\u{17f}le",
            "com.example.bank",
        ] {
            assert_eq!(AppleApp::parse(text), None, "{text}");
        }
    }
}
