use ciba::config::Environment;
use ciba::http::serve;
use events::Events;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let events = &Events::new(&Environment::of_the_process())?;
    run(service_fn(async move |event: LambdaEvent<Value>| {
        let invocation = serve::invocation(event.context.deadline);
        // Boxed, because one more level of nested futures would exceed the compiler's default recursion limit.
        Ok::<_, Error>(Box::pin(events.run(event.payload, &invocation)).await.map_err(|error| error.0)?)
    }))
    .await
}
