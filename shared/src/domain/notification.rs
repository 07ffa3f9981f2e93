//! What the message to the person says.

use std::fmt;

/// Unit: septets of the GSM 7-bit alphabet in one SMS.
const ONE_SEGMENT: usize = 160;
/// 3GPP TS 23.038 §6.2.1, without the letters nobody needs here.
const GSM_BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\n\r";
/// These take two septets each.
const GSM_EXTENDED: &str = "^{}\\[~]|€";

/// The text of an SMS: who is asking on whose behalf is on the page behind the link, not in the text, which
/// carries no authority and no personal data (`ATK-7-03`).
///
/// # Security
/// It holds the person's link, so it is not shown in `Debug`.
#[derive(Clone)]
pub struct SmsText(String);

impl SmsText {
    pub fn new(operator_name: &str, link: &str) -> Self {
        Self(format!("{operator_name}: approve or refuse your sign-in: {link}"))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second segment doubles the price, and some phones show it late or never.
    pub fn fits_one_segment(&self) -> bool {
        let mut septets = 0;
        for letter in self.0.chars() {
            septets += match letter {
                _ if GSM_BASIC.contains(letter) => 1,
                _ if GSM_EXTENDED.contains(letter) => 2,
                _ => return false,
            };
        }
        septets <= ONE_SEGMENT
    }
}

impl fmt::Debug for SmsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmsText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_behind_a_default_api_address_is_one_segment() {
        let link =
            "https://abcdefghij.execute-api.ap-southeast-2.amazonaws.com/consent/AAAAAAAAAAAAAAAAAAAAAA";
        assert!(SmsText::new("Example Bank", link).fits_one_segment());
    }

    #[test]
    fn long_texts_and_foreign_letters_do_not_fit() {
        let fits = |name: &str| SmsText::new(name, "https://op.example/consent/x").fits_one_segment();
        let fixed = SmsText::new("", "https://op.example/consent/x").expose().len();
        assert!(fits(&"x".repeat(ONE_SEGMENT - fixed)));
        assert!(!fits(&"x".repeat(ONE_SEGMENT - fixed + 1)));
        assert!(fits(&"€".repeat((ONE_SEGMENT - fixed) / 2)));
        assert!(!fits(&"€".repeat((ONE_SEGMENT - fixed) / 2 + 1)));
        assert!(!fits("Банк"));
    }
}
