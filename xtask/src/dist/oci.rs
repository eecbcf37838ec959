//! Images, as OCI layouts: <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use super::archive::{Archive, Compression, Mode, gzip};
use super::{ARCHITECTURES, VERSION};
use crate::build::sha256;
use crate::run::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The name that Istio's agent looks for in the last layer (`extractWasmPluginBinary` in its `pkg/wasm/imagefetcher.go`,
/// 1.28 to 1.31).
const IN_ISTIO: &str = "plugin.wasm";
/// The name that the shipped configurations of Envoy read.
const IN_ENVOY: &str = "sigv4_egress.wasm";

/// An image, or one for each architecture under one digest, with all that it refers to.
#[derive(Debug, Default)]
pub(crate) struct Image {
    blobs: BTreeMap<String, Vec<u8>>,
    /// Of the manifest or index that leads to the rest.
    root: Descriptor,
}

/// How one blob names another.
#[derive(Clone, Debug, Default)]
struct Descriptor {
    media_type: &'static str,
    digest: String,
    size: usize,
}

impl Descriptor {
    fn json(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.size })
    }
}

/// The module for Istio's agent: one manifest, whose digest is the one that the agent compares. Of an index it would take
/// the manifest for its own architecture, and compare that one's.
pub(crate) fn module(module: &[u8]) -> Result<Image> {
    let mut image = Image::default();
    // A module has no architecture, and the configuration must name one.
    let [(architecture, _), _] = ARCHITECTURES;
    image.root = image.manifest(architecture, &module_layer(module)?, &json!({}))?;
    Ok(image)
}

/// The same for an image volume of Kubernetes: the node's runtime wants an image of its own architecture.
pub(crate) fn volume(module: &[u8]) -> Result<Image> {
    let layer = module_layer(module)?;
    Image::index(
        &ARCHITECTURES.map(|(architecture, _)| (architecture, layer.as_slice())),
        &json!({}),
    )
}

/// The command-line tool, and nothing else.
pub(crate) fn tool(name: &str, binaries: &[(&str, Vec<u8>)]) -> Result<Image> {
    let mut layers = Vec::new();
    for (architecture, bytes) in binaries {
        let mut layer = Archive::new(Compression::None);
        layer.add(Path::new(name), bytes, Mode::Run)?;
        layers.push((*architecture, layer.finish()?));
    }
    let layers: Vec<(&str, &[u8])> = layers
        .iter()
        .map(|(architecture, layer)| (*architecture, layer.as_slice()))
        .collect();
    // A user that no container of a pod has by itself.
    let run = json!({ "Entrypoint": [format!("/{name}")], "User": "65532:65532" });
    Image::index(&layers, &run)
}

/// A file with two names: one for Istio, one for Envoy.
fn module_layer(module: &[u8]) -> Result<Vec<u8>> {
    let mut layer = Archive::new(Compression::None);
    layer.add(Path::new(IN_ISTIO), module, Mode::Read)?;
    layer.link(Path::new(IN_ENVOY), Path::new(IN_ISTIO))?;
    layer.finish()
}

impl Image {
    fn index(layers: &[(&str, &[u8])], run: &Value) -> Result<Self> {
        let mut image = Self::default();
        let mut manifests = Vec::new();
        for (architecture, layer) in layers {
            let manifest = image.manifest(architecture, layer, run)?;
            manifests.push(json!({
                "mediaType": manifest.media_type,
                "digest": manifest.digest,
                "size": manifest.size,
                "platform": { "architecture": architecture, "os": "linux" },
            }));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests, "annotations": annotations() });
        image.root = image.add(INDEX, index.to_string().into_bytes());
        Ok(image)
    }

    /// An image of one layer; returns its descriptor.
    fn manifest(&mut self, architecture: &str, layer: &[u8], run: &Value) -> Result<Descriptor> {
        let unpacked = format!("sha256:{}", sha256(layer));
        let layer = self.add(LAYER, gzip(layer)?);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": run,
            "rootfs": { "type": "layers", "diff_ids": [unpacked] },
        });
        let config = self.add(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.json(),
            "layers": [layer.json()],
            "annotations": annotations(),
        });
        Ok(self.add(MANIFEST, manifest.to_string().into_bytes()))
    }

    fn add(&mut self, media_type: &'static str, bytes: Vec<u8>) -> Descriptor {
        let digest = sha256(&bytes);
        let descriptor = Descriptor {
            media_type,
            digest: format!("sha256:{digest}"),
            size: bytes.len(),
        };
        self.blobs.insert(digest, bytes);
        descriptor
    }

    /// What an image is pinned by, wherever it is pushed to.
    pub(crate) fn digest(&self) -> &str {
        &self.root.digest
    }

    /// The layout as a tar archive, which skopeo calls `oci-archive`.
    pub(crate) fn layout(&self) -> Result<Vec<u8>> {
        let mut archive = Archive::new(Compression::None);
        let mut add = |name: &str, bytes: &[u8]| archive.add(Path::new(name), bytes, Mode::Read);
        for (digest, bytes) in &self.blobs {
            add(&format!("blobs/sha256/{digest}"), bytes)?;
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [{
            "mediaType": self.root.media_type,
            "digest": self.root.digest,
            "size": self.root.size,
            "annotations": { "org.opencontainers.image.ref.name": VERSION },
        }]});
        add("index.json", index.to_string().as_bytes())?;
        let version = json!({ "imageLayoutVersion": "1.0.0" });
        add("oci-layout", version.to_string().as_bytes())?;
        archive.finish()
    }
}

fn annotations() -> Value {
    json!({
        "org.opencontainers.image.title": "sigv4-egress",
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.licenses": "Apache-2.0",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a blob by its descriptor, as a registry's client does.
    fn blob(image: &Image, descriptor: &Value) -> Value {
        serde_json::from_slice(bytes(image, descriptor)).unwrap()
    }

    fn bytes<'a>(image: &'a Image, descriptor: &Value) -> &'a [u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = &image.blobs[digest.strip_prefix("sha256:").unwrap()];
        assert_eq!(sha256(bytes), digest.strip_prefix("sha256:").unwrap());
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    #[test]
    fn istio_finds_one_manifest_and_the_module_in_its_last_layer() {
        let image = module(b"\0asm").unwrap();
        assert_eq!(image.root.media_type, MANIFEST);
        let manifest = blob(&image, &image.root.json());
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.last().unwrap()["mediaType"], LAYER);
        let layer = bytes(&image, layers.last().unwrap());
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(layer));
        let mut entries = tar.entries().unwrap();
        let first = entries.next().unwrap().unwrap();
        assert_eq!(first.path().unwrap(), Path::new(IN_ISTIO));
        assert_eq!(first.size(), 4);
        let second = entries.next().unwrap().unwrap();
        assert_eq!(second.path().unwrap(), Path::new(IN_ENVOY));
        let to = second.link_name().unwrap().unwrap().into_owned();
        assert_eq!(to, Path::new(IN_ISTIO));
    }

    #[test]
    fn a_volume_has_an_image_for_each_architecture_and_one_layer_for_all() {
        let image = volume(b"\0asm").unwrap();
        let index = blob(&image, &image.root.json());
        let mut layers = Vec::new();
        for (manifest, (architecture, _)) in index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .zip(ARCHITECTURES)
        {
            assert_eq!(manifest["platform"]["architecture"], architecture);
            let manifest = blob(&image, manifest);
            let config = blob(&image, &manifest["config"]);
            assert_eq!(config["architecture"], architecture);
            layers.push(manifest["layers"][0]["digest"].clone());
        }
        assert_eq!(layers.len(), 2);
        assert_eq!(layers[0], layers[1]);
    }

    #[test]
    fn the_tool_is_what_its_image_runs() {
        let image = tool("sigv4-egress", &[("amd64", b"elf".to_vec())]).unwrap();
        let index = blob(&image, &image.root.json());
        let manifest = blob(&image, &index["manifests"][0]);
        let config = blob(&image, &manifest["config"]);
        assert_eq!(config["config"]["Entrypoint"], json!(["/sigv4-egress"]));
    }

    #[test]
    fn a_layout_is_the_same_each_time_and_names_its_image() {
        let layout = || module(b"\0asm").unwrap().layout().unwrap();
        assert_eq!(layout(), layout());
        let bytes = layout();
        let mut tar = tar::Archive::new(bytes.as_slice());
        let names: Vec<String> = tar
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .filter(|name| !name.starts_with("blobs/"))
            .collect();
        assert_eq!(names, ["index.json", "oci-layout"]);
    }
}
