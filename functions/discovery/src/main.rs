use ciba::config::Environment;
use ciba::http::serve::serve;
use discovery::Discovery;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    serve(Discovery::new(&Environment::of_the_process())?).await
}
