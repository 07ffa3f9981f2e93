//! The names of attribute types.

/// Attribute types by object identifier, each with its names in lower case: that of RFC 4514 §3 if there is one,
/// OpenSSL's short and long names, and those of Windows and Java.
///
/// Two of OpenSSL's names differ only in case: `UID` is the user id, as in RFC 4514, and `uid` is
/// `uniqueIdentifier`. Names are case-insensitive (RFC 4514 §2.3), so the latter is recognized only by its long
/// name and its number.
const ATTRIBUTE_TYPES: &[(&str, &[&str])] = &[
    ("0.9.2342.19200300.100.1.1", &["uid", "userid"]),
    ("0.9.2342.19200300.100.1.2", &["textencodedoraddress"]),
    ("0.9.2342.19200300.100.1.3", &["mail", "rfc822mailbox"]),
    ("0.9.2342.19200300.100.1.4", &["info"]),
    ("0.9.2342.19200300.100.1.5", &["favouritedrink"]),
    ("0.9.2342.19200300.100.1.6", &["roomnumber"]),
    ("0.9.2342.19200300.100.1.7", &["photo"]),
    ("0.9.2342.19200300.100.1.8", &["userclass"]),
    ("0.9.2342.19200300.100.1.9", &["host"]),
    ("0.9.2342.19200300.100.1.10", &["manager"]),
    ("0.9.2342.19200300.100.1.11", &["documentidentifier"]),
    ("0.9.2342.19200300.100.1.12", &["documenttitle"]),
    ("0.9.2342.19200300.100.1.13", &["documentversion"]),
    ("0.9.2342.19200300.100.1.14", &["documentauthor"]),
    ("0.9.2342.19200300.100.1.15", &["documentlocation"]),
    ("0.9.2342.19200300.100.1.20", &["hometelephonenumber"]),
    ("0.9.2342.19200300.100.1.21", &["secretary"]),
    ("0.9.2342.19200300.100.1.22", &["othermailbox"]),
    ("0.9.2342.19200300.100.1.23", &["lastmodifiedtime"]),
    ("0.9.2342.19200300.100.1.24", &["lastmodifiedby"]),
    ("0.9.2342.19200300.100.1.25", &["dc", "domaincomponent"]),
    ("0.9.2342.19200300.100.1.26", &["arecord"]),
    ("0.9.2342.19200300.100.1.27", &["pilotattributetype27"]),
    ("0.9.2342.19200300.100.1.28", &["mxrecord"]),
    ("0.9.2342.19200300.100.1.29", &["nsrecord"]),
    ("0.9.2342.19200300.100.1.30", &["soarecord"]),
    ("0.9.2342.19200300.100.1.31", &["cnamerecord"]),
    ("0.9.2342.19200300.100.1.37", &["associateddomain"]),
    ("0.9.2342.19200300.100.1.38", &["associatedname"]),
    ("0.9.2342.19200300.100.1.39", &["homepostaladdress"]),
    ("0.9.2342.19200300.100.1.40", &["personaltitle"]),
    ("0.9.2342.19200300.100.1.41", &["mobiletelephonenumber"]),
    ("0.9.2342.19200300.100.1.42", &["pagertelephonenumber"]),
    ("0.9.2342.19200300.100.1.43", &["friendlycountryname"]),
    ("0.9.2342.19200300.100.1.44", &["uniqueidentifier"]),
    ("0.9.2342.19200300.100.1.45", &["organizationalstatus"]),
    ("0.9.2342.19200300.100.1.46", &["janetmailbox"]),
    ("0.9.2342.19200300.100.1.47", &["mailpreferenceoption"]),
    ("0.9.2342.19200300.100.1.48", &["buildingname"]),
    ("0.9.2342.19200300.100.1.49", &["dsaquality"]),
    ("0.9.2342.19200300.100.1.50", &["singlelevelquality"]),
    ("0.9.2342.19200300.100.1.51", &["subtreeminimumquality"]),
    ("0.9.2342.19200300.100.1.52", &["subtreemaximumquality"]),
    ("0.9.2342.19200300.100.1.53", &["personalsignature"]),
    ("0.9.2342.19200300.100.1.54", &["ditredirect"]),
    ("0.9.2342.19200300.100.1.55", &["audio"]),
    ("0.9.2342.19200300.100.1.56", &["documentpublisher"]),
    ("1.2.643.3.131.1.1", &["inn"]),
    ("1.2.643.100.1", &["ogrn"]),
    ("1.2.643.100.3", &["snils"]),
    ("1.2.643.100.5", &["ogrnip"]),
    ("1.2.840.113549.1.9.1", &["emailaddress", "e", "email"]),
    ("1.2.840.113549.1.9.2", &["unstructuredname"]),
    ("1.2.840.113549.1.9.3", &["contenttype"]),
    ("1.2.840.113549.1.9.4", &["messagedigest"]),
    ("1.2.840.113549.1.9.5", &["signingtime"]),
    ("1.2.840.113549.1.9.6", &["countersignature"]),
    ("1.2.840.113549.1.9.7", &["challengepassword"]),
    ("1.2.840.113549.1.9.8", &["unstructuredaddress"]),
    ("1.2.840.113549.1.9.9", &["extendedcertificateattributes"]),
    ("1.2.840.113549.1.9.20", &["friendlyname"]),
    ("1.2.840.113549.1.9.21", &["localkeyid"]),
    ("1.3.6.1.4.1.311.20.2.3", &["msupn"]),
    ("1.3.6.1.4.1.311.60.2.1.1", &["jurisdictionl", "jurisdictionlocalityname"]),
    ("1.3.6.1.4.1.311.60.2.1.2", &["jurisdictionst", "jurisdictionstateorprovincename"]),
    ("1.3.6.1.4.1.311.60.2.1.3", &["jurisdictionc", "jurisdictioncountryname"]),
    ("1.3.6.1.5.5.7.9.1", &["id-pda-dateofbirth"]),
    ("1.3.6.1.5.5.7.9.2", &["id-pda-placeofbirth"]),
    ("1.3.6.1.5.5.7.9.3", &["id-pda-gender"]),
    ("1.3.6.1.5.5.7.9.4", &["id-pda-countryofcitizenship"]),
    ("1.3.6.1.5.5.7.9.5", &["id-pda-countryofresidence"]),
    ("2.5.4.3", &["cn", "commonname"]),
    ("2.5.4.4", &["sn", "surname"]),
    ("2.5.4.5", &["serialnumber"]),
    ("2.5.4.6", &["c", "countryname"]),
    ("2.5.4.7", &["l", "localityname"]),
    ("2.5.4.8", &["st", "stateorprovincename", "s"]),
    ("2.5.4.9", &["street", "streetaddress"]),
    ("2.5.4.10", &["o", "organizationname"]),
    ("2.5.4.11", &["ou", "organizationalunitname"]),
    ("2.5.4.12", &["title", "t"]),
    ("2.5.4.13", &["description"]),
    ("2.5.4.14", &["searchguide"]),
    ("2.5.4.15", &["businesscategory"]),
    ("2.5.4.16", &["postaladdress"]),
    ("2.5.4.17", &["postalcode"]),
    ("2.5.4.18", &["postofficebox", "pobox"]),
    ("2.5.4.19", &["physicaldeliveryofficename"]),
    ("2.5.4.20", &["telephonenumber", "phone"]),
    ("2.5.4.21", &["telexnumber"]),
    ("2.5.4.22", &["teletexterminalidentifier"]),
    ("2.5.4.23", &["facsimiletelephonenumber"]),
    ("2.5.4.24", &["x121address", "x21address"]),
    ("2.5.4.25", &["internationalisdnnumber"]),
    ("2.5.4.26", &["registeredaddress"]),
    ("2.5.4.27", &["destinationindicator"]),
    ("2.5.4.28", &["preferreddeliverymethod"]),
    ("2.5.4.29", &["presentationaddress"]),
    ("2.5.4.30", &["supportedapplicationcontext"]),
    ("2.5.4.31", &["member"]),
    ("2.5.4.32", &["owner"]),
    ("2.5.4.33", &["roleoccupant"]),
    ("2.5.4.34", &["seealso"]),
    ("2.5.4.35", &["userpassword"]),
    ("2.5.4.36", &["usercertificate"]),
    ("2.5.4.37", &["cacertificate"]),
    ("2.5.4.38", &["authorityrevocationlist"]),
    ("2.5.4.39", &["certificaterevocationlist"]),
    ("2.5.4.40", &["crosscertificatepair"]),
    ("2.5.4.41", &["name"]),
    ("2.5.4.42", &["gn", "givenname", "g"]),
    ("2.5.4.43", &["initials", "i"]),
    ("2.5.4.44", &["generationqualifier", "generation"]),
    ("2.5.4.45", &["x500uniqueidentifier"]),
    ("2.5.4.46", &["dnqualifier", "dnq"]),
    ("2.5.4.47", &["enhancedsearchguide"]),
    ("2.5.4.48", &["protocolinformation"]),
    ("2.5.4.49", &["distinguishedname"]),
    ("2.5.4.50", &["uniquemember"]),
    ("2.5.4.51", &["houseidentifier"]),
    ("2.5.4.52", &["supportedalgorithms"]),
    ("2.5.4.53", &["deltarevocationlist"]),
    ("2.5.4.54", &["dmdname"]),
    ("2.5.4.65", &["pseudonym"]),
    ("2.5.4.72", &["role"]),
    ("2.5.4.97", &["organizationidentifier"]),
    ("2.5.4.98", &["c3", "countrycode3c"]),
    ("2.5.4.99", &["n3", "countrycode3n"]),
    ("2.5.4.100", &["dnsname"]),
];

/// The object identifier for `text`, which is a dotted identifier, with or without the prefix `OID.`, or a name.
pub(super) fn attribute_type(text: &str) -> Option<String> {
    let name = text.to_ascii_lowercase();
    if let Some((number, _)) = ATTRIBUTE_TYPES.iter().find(|(_, names)| names.contains(&name.as_str())) {
        return Some((*number).to_owned());
    }
    let number = name.strip_prefix("oid.").unwrap_or(&name);
    let is_arc = |arc: &str| {
        let is_number = !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
        is_number && (arc == "0" || !arc.starts_with('0'))
    };
    (number.contains('.') && number.split('.').all(is_arc)).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_stands_for_one_type() {
        let names: Vec<&str> = ATTRIBUTE_TYPES.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for (number, names) in ATTRIBUTE_TYPES {
            for name in *names {
                assert_eq!(attribute_type(&name.to_ascii_uppercase()).as_deref(), Some(*number), "{name}");
            }
            assert_eq!(attribute_type(&format!("OID.{number}")).as_deref(), Some(*number));
        }
    }

    #[test]
    fn names_of_openssl_and_of_windows_are_known() {
        for (one, other) in [
            ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"),
            ("jurisdictionST", "jurisdictionStateOrProvinceName"),
            ("initials", "2.5.4.43"),
            ("pseudonym", "2.5.4.65"),
            ("GN", "givenName"),
            ("S", "ST"),
            ("E", "emailAddress"),
            ("G", "givenName"),
            ("I", "initials"),
            ("T", "title"),
            ("uid", "UID"),
        ] {
            assert!(attribute_type(one).is_some(), "{one}");
            assert_eq!(attribute_type(one), attribute_type(other), "{one} {other}");
        }
        assert_ne!(attribute_type("uid"), attribute_type("uniqueIdentifier"));
        for unknown in ["", "subject", "shoesize", "2.5.04.3", "2..3", "oid", "25"] {
            assert_eq!(attribute_type(unknown), None, "{unknown}");
        }
    }
}
