//! The functions alone, behind the gateway, on resources that somebody else has created: for an emulator of AWS.
//!
//! Keys, clients and people are created there too, by whoever started this.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{Options, build, watch::Watch};
use crate::{
    Error,
    gateway::{self, Route},
    server::{Server, listen},
    template::Template,
};

/// The running functions. Dropping it stops them; [`Functions::stop`] also waits until they have stopped.
pub struct Functions {
    gateway: Server,
    watch: Watch,
}

impl Functions {
    /// Starts them with this environment, and returns when their gateway listens.
    ///
    /// # Errors
    /// If a part does not start. Everything that had started by then is stopped.
    pub async fn start(options: &Options, environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let template = Template::parse(&fs::read_to_string(options.root.join("template.yaml"))?)?;
        // Opened before anything starts, so that a port in use is noticed at once.
        let listener = listen(options.ports.api).await?;
        build(&options.root, template.functions.iter().map(|function| function.binary.as_str())).await?;
        let watch = Watch::start(options, environment).await?;
        let gateway = gateway::serve(listener, Route::all(&template), watch.url())?;
        Ok(Self { gateway, watch })
    }

    /// The URL of the API.
    pub fn api_url(&self) -> String {
        format!("http://localhost:{}", self.gateway.address().port())
    }

    /// Lambda's invoke API.
    pub fn invoke_url(&self) -> &str {
        self.watch.url()
    }

    /// The file with the functions' output.
    pub fn log(&self) -> PathBuf {
        self.watch.log().to_owned()
    }

    /// Stops the functions, and waits until none of their processes is left.
    pub async fn stop(mut self) {
        self.watch.stop().await;
    }
}

/// Reads the functions' environment from a file: a JSON object of texts.
///
/// # Errors
/// If it cannot be read, or is something else; the error names the file.
pub fn environment(file: &Path) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |error: Error| Error::from(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(error.into()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_an_object_of_texts() {
        let file = std::env::temp_dir().join(format!("ciba-environment-{}.json", std::process::id()));
        fs::write(&file, r#"{"TABLE_NAME": "ciba", "AWS_REGION": "eu-central-1"}"#).unwrap();
        let expected = [("AWS_REGION", "eu-central-1"), ("TABLE_NAME", "ciba")];
        let read = environment(&file).unwrap();
        assert!(read.iter().map(|(name, value)| (&**name, &**value)).eq(expected));
        fs::write(&file, r#"{"POLL_INTERVAL_SECONDS": 5}"#).unwrap();
        let error = environment(&file).unwrap_err().to_string();
        assert!(error.starts_with(&file.display().to_string()), "{error}");
        fs::remove_file(&file).unwrap();
        assert!(environment(&file).is_err());
    }
}
