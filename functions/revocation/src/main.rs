use ciba::config::Environment;
use ciba::http::serve::{self, serve};
use lambda_http::Error;
use revocation::Revocation;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = Revocation::new(&Environment::of_the_process())?;
    endpoint.warm_up(&serve::initialisation()).await;
    serve(endpoint).await
}
