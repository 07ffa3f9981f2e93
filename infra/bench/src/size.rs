//! The size of a binary, and of its upload.

use std::fs;
use std::io::Write;
use std::path::Path;

use ciba_local::Error;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Unit: bytes.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub binary: usize,
    /// Deflated, as in a zip file, without the file's few bytes of framing.
    pub zipped: usize,
}

impl Size {
    pub fn of(binary: &Path) -> Result<Self, Error> {
        let content = fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&content)?;
        Ok(Self { binary: content.len(), zipped: encoder.finish()?.len() })
    }
}
