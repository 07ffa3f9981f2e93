//! A function that does nothing: the minimum cost of a function built on `lambda_http`.

use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: Request| Ok::<_, Error>(r#"{"ok":true}"#))).await
}
