//! The fuzz targets. By themselves, as in `make test`, they try what is in their corpus (`__fuzz__/<target>/corpus`) and
//! nothing else; `tests/fuzz/run.sh` has libFuzzer make up more.

use bolero::check;

macro_rules! targets {
    ($($(#[$documentation:meta])* $test:ident: $name:literal => $holds:path;)*) => {$(
        $(#[$documentation])*
        #[test]
        fn $test() {
            check!(name = $name).with_iterations(0).for_each($holds);
        }
    )*};
}

targets! {
    /// HYG-1-05
    form: "form" => ciba_fuzz::form;
    /// HYG-3-10
    jwt: "jwt" => ciba_fuzz::jwt;
    /// TOK-4-02
    dpop_proof: "dpop_proof" => ciba_fuzz::dpop_proof;
    certificate: "certificate" => ciba_fuzz::certificate;
    distinguished_name: "distinguished_name" => ciba_fuzz::distinguished_name;
    /// ATK-3-04
    hint: "hint" => ciba_fuzz::hint;
    authorization_details: "authorization_details" => ciba_fuzz::authorization_details;
    client_data: "client_data" => ciba_fuzz::client_data;
    statement: "statement" => ciba_fuzz::statement;
}
