use ciba::config::Environment;
use ciba::flows::log;
use ciba::http::serve;
use key_rotation::KeyRotation;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let rotation = &KeyRotation::new(&Environment::of_the_process())?;
    run(service_fn(async move |event: LambdaEvent<Value>| {
        let invocation = serve::invocation(event.context.deadline);
        let answer = rotation.run(&invocation).await.map_err(|error| error.0)?;
        log::outcome("keys_rotated", &answer.to_string(), invocation.now);
        Ok::<_, Error>(answer)
    }))
    .await
}
