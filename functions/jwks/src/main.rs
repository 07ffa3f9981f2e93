use ciba::config::Environment;
use ciba::http::serve::{initialisation, serve};
use jwks::Jwks;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = Jwks::new(&Environment::of_the_process())?;
    endpoint.warm_up(&initialisation()).await;
    serve(endpoint).await
}
