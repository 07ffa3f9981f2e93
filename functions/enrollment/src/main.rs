use ciba::config::Environment;
use ciba::http::serve::serve;
use enrollment::Enrollment;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    serve(Enrollment::new(&Environment::of_the_process())?).await
}
