//! The fuzz targets. By themselves, as in `make test`, they try what is in their corpus (`__fuzz__/<target>/corpus`) and
//! nothing else; `tests/fuzz/run.sh` has libFuzzer make up more.

use bolero::check;

/// A target's name, which is its folder's and its test's, and what must hold for each input.
macro_rules! holds {
    ($name:literal, $promise:path) => {
        let corpus = format!("{}/targets/__fuzz__/{}/corpus", env!("CARGO_MANIFEST_DIR"), $name);
        let inputs = std::fs::read_dir(&corpus).map_or(0, Iterator::count);
        assert!(inputs > 0, "{corpus} is empty: nothing would be tried");
        check!(name = $name).with_iterations(0).for_each($promise);
    };
}

/// HYG-1-05
#[test]
fn form() {
    holds!("form", ciba_fuzz::form);
}

/// HYG-1-05
#[test]
fn event() {
    holds!("event", ciba_fuzz::event);
}

/// HYG-3-10, HYG-3-13
#[test]
fn jwt() {
    holds!("jwt", ciba_fuzz::jwt);
}

/// TOK-4-02, TOK-4-03
#[test]
fn dpop_proof() {
    holds!("dpop_proof", ciba_fuzz::dpop_proof);
}

#[test]
fn certificate() {
    holds!("certificate", ciba_fuzz::certificate);
}

#[test]
fn distinguished_name() {
    holds!("distinguished_name", ciba_fuzz::distinguished_name);
}

/// ATK-3-04
#[test]
fn hint() {
    holds!("hint", ciba_fuzz::hint);
}

/// TOK-7-01
#[test]
fn authorization_details() {
    holds!("authorization_details", ciba_fuzz::authorization_details);
}

#[test]
fn client_data() {
    holds!("client_data", ciba_fuzz::client_data);
}

#[test]
fn statement() {
    holds!("statement", ciba_fuzz::statement);
}
