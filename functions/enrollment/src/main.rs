use ciba::config::Environment;
use ciba::http::serve::{self, serve};
use enrollment::Enrollment;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = Enrollment::new(&Environment::of_the_process())?;
    endpoint.warm_up(&serve::initialisation()).await;
    serve(endpoint).await
}
