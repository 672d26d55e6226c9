//! The files under `models/`: inside the binary in optimised builds, on disk in debug builds. Verified before use.

use std::path::PathBuf;

use super::Error;
use crate::domain::hash::sha256_hex;

/// File names, digests and origins, written by `models/build.py`.
const MANIFEST: &str = include_str!("../../models/manifest.toml");

/// Largest unpacked file that is accepted, so that a damaged frame cannot ask for all memory.
const LARGEST: usize = 256 << 20;

/// One file of the product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    /// Path below `models/`.
    pub(super) name: &'static str,
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal) => {
        Asset {
            name: $name,
            #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
            bytes: include_bytes!(concat!("../../models/", $name)),
        }
    };
}

pub(super) static MODEL: Asset = asset!("e5-small-zhen-int8.onnx.zst");
pub(super) static TOKENIZER: Asset = asset!("e5-small-zhen.tokenizer.json.zst");
pub(super) static MEANS: Asset = asset!("e5-small-zhen.means.f32");

/// ONNX Runtime for the platform of this build.
pub(super) static RUNTIME: Option<Asset> = {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-linux-x64.so.zst"))
    }
    #[cfg(all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-linux-arm64.so.zst"))
    }
    #[cfg(all(target_os = "macos", target_arch = "aarch64"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-macos-arm64.dylib.zst"))
    }
    #[cfg(all(target_os = "windows", target_arch = "x86_64"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-windows-x64.dll.zst"))
    }
    #[cfg(not(any(
        all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"),
        all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"),
        all(target_os = "macos", target_arch = "aarch64"),
        all(target_os = "windows", target_arch = "x86_64")
    )))]
    {
        None
    }
};

impl Asset {
    /// SHA-256 of the unpacked content, from the manifest.
    pub(super) fn digest(&self) -> Result<String, Error> {
        let failed = |why: &str| Error::Asset { path: self.path(), why: why.to_owned() };
        let manifest: toml::Table = MANIFEST.parse().map_err(|_| failed("models/manifest.toml is not TOML"))?;
        let digest =
            manifest.get(self.name).and_then(|entry| entry.get("unpacked_sha256")).and_then(toml::Value::as_str);
        digest.map(str::to_owned).ok_or_else(|| failed("not listed in models/manifest.toml"))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models")).join(self.name)
    }

    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    fn packed(&self) -> Result<std::borrow::Cow<'static, [u8]>, Error> {
        Ok(std::borrow::Cow::Borrowed(self.bytes))
    }

    #[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
    fn packed(&self) -> Result<std::borrow::Cow<'static, [u8]>, Error> {
        let read = std::fs::read(self.path());
        read.map(std::borrow::Cow::Owned).map_err(|error| Error::Asset { path: self.path(), why: error.to_string() })
    }

    /// The unpacked content, verified against the manifest.
    pub(super) fn unpack(&self) -> Result<Vec<u8>, Error> {
        let failed = |why: String| Error::Asset { path: self.path(), why };
        let packed = self.packed()?;
        let content = if std::path::Path::new(self.name).extension().is_some_and(|extension| extension == "zst") {
            unzip(&packed).map_err(failed)?
        } else {
            packed.into_owned()
        };
        if sha256_hex(&content) == self.digest()? {
            Ok(content)
        } else {
            Err(failed("its content is not what the manifest lists".to_owned()))
        }
    }
}

fn unzip(packed: &[u8]) -> Result<Vec<u8>, String> {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= LARGEST);
    let size = size.ok_or("not a zstd frame of an acceptable size")?;
    zstd::bulk::decompress(packed, size).map_err(|error| error.to_string())
}
