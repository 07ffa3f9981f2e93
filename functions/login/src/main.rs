use ciba::config::Environment;
use ciba::http::serve::{self, serve};
use lambda_http::Error;
use login::Login;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = Login::new(&Environment::of_the_process())?;
    endpoint.warm_up(&serve::initialisation()).await;
    serve(endpoint).await
}
