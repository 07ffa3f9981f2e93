//! The limits on an SMS: its destination, its sender name and its price.

use crate::domain::base::contact::PhoneNumber;

/// Country codes that do not belong to a country: satellites (870, 881), international networks (878, 882, 883,
/// 888), freephone and shared-cost numbers (800, 808), premium-rate numbers (979), and unassigned codes next to
/// the satellites (871 to 879). Their owners set the price of a message, so no list can allow them.
const NO_COUNTRY: [&str; 17] = [
    "+800", "+808", "+870", "+871", "+872", "+873", "+874", "+875", "+876", "+877", "+878", "+879", "+881",
    "+882", "+883", "+888", "+979",
];

/// The area codes of `+1` that belong neither to the United States nor to Canada (North American Numbering Plan):
/// the Caribbean, Bermuda, Puerto Rico and other territories. Networks price each of them as a separate country,
/// and a message to some costs many times as much, so `+1` does not allow them; `+1876` allows one of them.
const NOT_OF_PLUS_1: [&str; 27] = [
    "+1242", "+1246", "+1264", "+1268", "+1284", "+1340", "+1345", "+1441", "+1473", "+1649", "+1658",
    "+1664", "+1670", "+1671", "+1684", "+1721", "+1758", "+1767", "+1784", "+1787", "+1809", "+1829",
    "+1849", "+1868", "+1869", "+1876", "+1939",
];

/// The non-geographic area codes of `+1`: premium-rate numbers (900), toll-free numbers (800 and its overflow
/// codes), personal and machine numbers (500 and its overflow codes, except the fictitious 555), and codes
/// reserved for carriers, networks and a government. No list can allow them.
const NO_PLACE_OF_PLUS_1: [&str; 38] = [
    "+1456", "+1500", "+1521", "+1522", "+1523", "+1524", "+1525", "+1526", "+1527", "+1528", "+1529",
    "+1532", "+1533", "+1535", "+1538", "+1542", "+1543", "+1544", "+1545", "+1546", "+1547", "+1549",
    "+1566", "+1577", "+1588", "+1600", "+1622", "+1700", "+1710", "+1800", "+1822", "+1833", "+1844",
    "+1855", "+1866", "+1877", "+1888", "+1900",
];

/// The countries to which an SMS may be sent, by country code. Without this list, a fraudster could enroll
/// expensive numbers and be paid for each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsCountries(Option<Vec<String>>);

impl SmsCountries {
    /// Parses country codes separated by commas, such as `+1,+44`; a longer prefix of a number, such as `+1809`,
    /// is also accepted. `+1` means the United States and Canada; the other countries and territories of the
    /// North American Numbering Plan are listed by area code. `*` means every country. `None` for anything else,
    /// and for a code that does not belong to a country.
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
                && !stands_for_no_place(code);
            fits.then(|| code.to_owned())
        });
        codes.collect::<Option<_>>().map(|codes| Self(Some(codes)))
    }

    pub fn allow(&self, number: &PhoneNumber) -> bool {
        let number = number.expose();
        let own_area = NOT_OF_PLUS_1.into_iter().find(|area| number.starts_with(area));
        // A code that is shorter than the area code does not allow it.
        let opens = |code: &String| {
            number.starts_with(code.as_str()) && own_area.is_none_or(|area| code.len() >= area.len())
        };
        let listed = self.0.as_ref().is_none_or(|codes| codes.iter().any(opens));
        listed && !stands_for_no_place(number)
    }
}

/// Whether a number, or the prefix of one, is in a non-geographic range. Each area of `+1` has one as well: the
/// premium-rate exchange 976.
fn stands_for_no_place(number: &str) -> bool {
    let is_charged_for = number.starts_with("+1") && number.get(5..8) == Some("976");
    is_charged_for || NO_COUNTRY.iter().chain(&NO_PLACE_OF_PLUS_1).any(|code| number.starts_with(code))
}

/// The sender name that the phone shows, if the country's networks support it.
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

/// The highest price of one SMS. SNS accepts a more expensive message, but does not send it.
///
/// Unit: USD. Range: 0.00001–10, with at most five decimals, because SNS compares no more.
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
        // A country code is a prefix of the number, not of another code.
        assert!(!allowed("+44", "+14455550100"));
        assert!(allowed("+1809", "+18095550100") && !allowed("+1809", "+15555550100"));
        assert!(allowed("*", "+4915155550100"));
    }

    /// ATK-7-01: they are refused even where every country is allowed.
    #[test]
    fn satellite_and_premium_numbers_are_always_refused() {
        let numbers =
            ["+870773111632", "+8735550100", "+8785550100", "+881612345678", "+88216555501", "+8835100555"];
        for number in
            numbers.into_iter().chain(["+888555501", "+979123456789", "+80012345678", "+80812345678"])
        {
            assert!(!allowed("*", number), "{number}");
            // A prefix that they share with a country does not allow them either.
            assert!(!allowed("+8,+9", number), "{number}");
        }
        // The codes of Bangladesh and Taiwan are among them.
        assert!(allowed("*", "+8801712345678") && allowed("+886", "+886912345678"));
    }

    /// ATK-7-01: the numbers that a fraudster would enroll to be paid for each message.
    #[test]
    fn plus_1_is_the_united_states_and_canada() {
        for number in ["+12025550100", "+14165550100", "+19075550100", "+18085550100", "+15555550199"] {
            assert!(allowed("+1", number) && allowed("*", number), "{number}");
        }
        for area in NOT_OF_PLUS_1 {
            let number = format!("{area}5550100");
            for countries in ["+1", "+1,+44", "+1202"] {
                assert!(!allowed(countries, &number), "{countries} {number}");
            }
            // A part of the area code does not allow it either.
            let half = &area[..area.len() - 1];
            assert!(!allowed(half, &number), "{half} {number}");
            assert!(allowed(area, &number) && allowed("*", &number), "{number}");
            assert!(allowed(&format!("{area}555"), &number), "{number}");
            assert!(!allowed(area, "+12025550100"), "{area}");
        }
    }

    /// ATK-7-01
    #[test]
    fn numbers_of_plus_1_that_are_charged_for_are_refused() {
        let numbers = NO_PLACE_OF_PLUS_1.map(|area| format!("{area}5550100"));
        let exchanges = ["+12129765550", "+18769761234"].map(str::to_owned);
        for number in numbers.iter().chain(&exchanges) {
            for countries in ["+1", "*", "+1,+1876,+1212", &number[..4]] {
                assert!(!allowed(countries, number), "{countries} {number}");
            }
            assert_eq!(SmsCountries::parse(&number[..8]), None, "{number}");
        }
        assert!(allowed("+1", "+12129755550") && allowed("+1", "+12125559760"));
    }

    #[test]
    fn a_country_list_is_calling_codes_separated_by_commas() {
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
            "+1900",
            "+1900555",
        ] {
            assert_eq!(SmsCountries::parse(text), None, "{text}");
        }
    }

    /// At least one character is a letter.
    #[test]
    fn a_sender_id_is_1_to_11_letters_and_digits() {
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
