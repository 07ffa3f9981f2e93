use ciba::config::Environment;
use ciba::http::serve::{self, serve};
use discovery::Discovery;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = Discovery::new(&Environment::of_the_process())?;
    endpoint.warm_up(&serve::initialisation()).await;
    serve(endpoint).await
}
