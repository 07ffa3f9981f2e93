//! What an SMS may be like: where it goes, under which name, and at which price.

use crate::domain::contact::PhoneNumber;

/// Calling codes that stand for no country: satellites (870, 881), networks without a country (878, 882, 883, 888),
/// calls that somebody else pays (800, 808) or that are charged for (979), and what is kept free around the
/// satellites (871 to 879). What a message to one costs is for its owner to say, so no list opens them.
const NO_COUNTRY: [&str; 17] = [
    "+800", "+808", "+870", "+871", "+872", "+873", "+874", "+875", "+876", "+877", "+878", "+879", "+881",
    "+882", "+883", "+888", "+979",
];

/// The countries to which an SMS may go, by their calling codes (`ATK-7-01`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsCountries(Option<Vec<String>>);

impl SmsCountries {
    /// Calling codes with a comma between them, such as `+1,+44`; a longer beginning of a number, such as `+1809`, is
    /// taken as well. `*` stands for every country. `None` for anything else, and for a code of no country.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self(None));
        }
        let codes = text.split(',').map(|code| {
            let code = code.trim();
            let digits = code.strip_prefix('+')?;
            let fits = (1..=7).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit())
                && !digits.starts_with('0')
                && !NO_COUNTRY.iter().any(|none| code.starts_with(none));
            fits.then(|| code.to_owned())
        });
        codes.collect::<Option<_>>().map(|codes| Self(Some(codes)))
    }

    pub fn allow(&self, number: &PhoneNumber) -> bool {
        let begins_with = |code: &str| number.expose().starts_with(code);
        let listed = self.0.as_ref().is_none_or(|codes| codes.iter().any(|code| begins_with(code)));
        listed && !NO_COUNTRY.into_iter().any(begins_with)
    }
}

/// What a receiving phone shows as the sender, where the country's networks take a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderId(String);

impl SenderId {
    /// 1 to 11 ASCII letters and digits, at least one of them a letter.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=11).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
            && text.bytes().any(|b| b.is_ascii_alphabetic());
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one SMS may cost at most. SNS accepts a dearer one, and does not send it.
///
/// Unit: USD. Range: 0.00001–10, at most five decimals, as SNS compares no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxPrice(String);

impl MaxPrice {
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |it: &str, most| (1..=most).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_digit());
        let fits = digits(whole, 2) && digits(decimals, 5);
        let price = text.parse::<f64>().ok().filter(|price| fits && *price > 0.0 && *price <= 10.0);
        price.map(|_| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(countries: &str, number: &str) -> bool {
        SmsCountries::parse(countries).unwrap().allow(&PhoneNumber::parse(number).unwrap())
    }

    /// ATK-7-01
    #[test]
    fn an_sms_goes_to_the_listed_countries_only() {
        assert!(allowed("+1,+44", "+15555550100") && allowed("+1, +44", "+447700900123"));
        assert!(!allowed("+1,+44", "+4915155550100"));
        // A calling code is the beginning of the number, and not of another code.
        assert!(!allowed("+44", "+14455550100"));
        assert!(allowed("+1809", "+18095550100") && !allowed("+1809", "+15555550100"));
        assert!(allowed("*", "+4915155550100"));
    }

    /// ATK-7-01
    #[test]
    fn satellites_and_premium_numbers_are_refused_even_where_every_country_is_allowed() {
        let numbers =
            ["+870773111632", "+8735550100", "+8785550100", "+881612345678", "+88216555501", "+8835100555"];
        for number in
            numbers.into_iter().chain(["+888555501", "+979123456789", "+80012345678", "+80812345678"])
        {
            assert!(!allowed("*", number), "{number}");
            // Nor by the beginning they share with a country.
            assert!(!allowed("+8,+9", number), "{number}");
        }
        // Bangladesh and Taiwan stand among them.
        assert!(allowed("*", "+8801712345678") && allowed("+886", "+886912345678"));
    }

    #[test]
    fn a_list_of_countries_is_calling_codes_with_commas_between_them() {
        for text in [
            "",
            ",",
            "+1,",
            "1",
            "+",
            "+0",
            "+049",
            "US",
            "+1;+44",
            "*,+1",
            "+1 ,",
            "+12345678",
            "+881",
            "+8816",
        ] {
            assert_eq!(SmsCountries::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_sender_id_is_1_to_11_letters_and_digits_with_a_letter_among_them() {
        for text in ["A", "ExampleBank", "4U"] {
            assert_eq!(SenderId::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "12345", "Example Bank", "ExampleBanks", "Example-B", "Bänk"] {
            assert_eq!(SenderId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_price_is_a_decimal_number_above_0_and_up_to_10() {
        for text in ["0.00001", "0.05", "1", "10", "10.0"] {
            assert_eq!(MaxPrice::parse(text).unwrap().as_str(), text);
        }
        for text in
            ["", "0", "0.0", "10.01", "0.000001", "-1", "+1", ".5", "1.", "1e1", "0,05", "1.0.0", "$1", "inf"]
        {
            assert_eq!(MaxPrice::parse(text), None, "{text}");
        }
    }
}
