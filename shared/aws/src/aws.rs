//! The AWS clients' shared configuration, and how the log describes failed calls.

mod https;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::{RetryConfig, TimeoutConfig};

use crate::config::{ConfigError, Environment, Wait, setting};
use https::Roots;

/// The configuration of all AWS clients. The SDK's behaviour version is pinned, and its configuration is built by
/// hand from Lambda's environment: at every cold start the SDK's own loader would look in a dozen places that do
/// not exist there.
#[derive(Clone, Debug)]
pub struct Aws {
    pub(crate) sdk: SdkConfig,
    pub(crate) dynamodb_endpoint: Option<String>,
    pub(crate) sns_endpoint: Option<String>,
    pub(crate) kms_endpoint: Option<String>,
    pub(crate) sqs_endpoint: Option<String>,
    pub(crate) eventbridge_endpoint: Option<String>,
    pub(crate) lambda_endpoint: Option<String>,
    /// Setting `TABLE_NAME`, required by everything that uses the table.
    pub(crate) table: Option<String>,
}

impl Aws {
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let table = setting::TABLE_NAME.required(environment)?.to_owned();
        Ok(Self { table: Some(table), ..Self::without_table(environment)? })
    }

    pub fn without_table(environment: &Environment) -> Result<Self, ConfigError> {
        let credentials = Credentials::new(
            setting::AWS_ACCESS_KEY_ID.required(environment)?,
            setting::AWS_SECRET_ACCESS_KEY.required(environment)?,
            setting::AWS_SESSION_TOKEN.get(environment).map(str::to_owned),
            None,
            "environment",
        );
        let retries =
            RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50));
        let endpoint =
            |service: &str| environment.get(&format!("AWS_ENDPOINT_URL_{service}")).map(str::to_owned);
        let endpoints = ["DYNAMODB", "SNS", "KMS", "SQS", "EVENTBRIDGE", "LAMBDA"].map(endpoint);
        let mut sdk = SdkConfig::builder()
            .http_client(https::client(Roots::of(&endpoints)))
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(setting::AWS_REGION.required(environment)?.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries);
        sdk.set_sleep_impl(environment.wait().map(|wait| SharedAsyncSleep::new(Waiting(wait))));
        let [
            dynamodb_endpoint,
            sns_endpoint,
            kms_endpoint,
            sqs_endpoint,
            eventbridge_endpoint,
            lambda_endpoint,
        ] = endpoints;
        Ok(Self {
            sdk: sdk.build(),
            dynamodb_endpoint,
            sns_endpoint,
            kms_endpoint,
            sqs_endpoint,
            eventbridge_endpoint,
            lambda_endpoint,
            table: None,
        })
    }
}

/// A test's [`Wait`] as a sleep implementation for the SDK.
#[derive(Debug)]
struct Waiting(Arc<dyn Wait>);

impl AsyncSleep for Waiting {
    fn sleep(&self, time: Duration) -> Sleep {
        Sleep::new(self.0.wait(time))
    }
}

/// Timeouts for one attempt, and for a call including its retries.
pub(crate) fn timeouts(attempt: Duration, call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(call).build()
}

/// Describes a failed call for the log: the kind of failure, and its error code.
///
/// # Security
/// Never includes the service's own message, which may contain a phone number or a secret value.
pub(crate) fn failure<E: ProvideErrorMetadata, R>(operation: &str, error: &SdkError<E, R>) -> String {
    let what = match error {
        SdkError::ConstructionFailure(_) => "the request could not be built",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "the response could not be read",
        SdkError::ServiceError(context) => context.err().code().unwrap_or("an error without a code"),
        _ => "an unknown failure",
    };
    format!("{operation}: {what}")
}
