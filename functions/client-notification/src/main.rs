use ciba::config::Environment;
use ciba::http::serve;
use client_notification::ClientNotification;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let notification = &ClientNotification::new(&Environment::of_the_process())?;
    notification.warm_up(&serve::initialisation()).await;
    run(service_fn(async move |event: LambdaEvent<Value>| {
        Ok::<_, Error>(notification.run(&event.payload, &serve::invocation(event.context.deadline)).await)
    }))
    .await
}
