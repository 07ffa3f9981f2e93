//! A function that does nothing: the least that any function built on `lambda_http` costs.

use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: Request| Ok::<_, Error>(r#"{"ok":true}"#))).await
}
