//! etcd, kube-apiserver and kubectl, from the Go modules that `xtask/kubernetes/go.sum` pins, and the definitions of the
//! resources that are not Kubernetes' own.

use crate::run::{Result, root, run};
use crate::tools::{GoModule, ISTIO, ISTIO_CRDS, directory, lock};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As `xtask/kubernetes/go.mod` has it.
const KUBERNETES: &str = "v1.36.3";

const PACKAGES: &[(&str, &str)] = &[
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
];

/// A folder of a Go module with custom resource definitions; the module is fetched and not built.
struct Definitions {
    module: GoModule,
    folder: &'static str,
    /// Files of the folder.
    files: &'static [&'static str],
    /// What they become.
    name: &'static str,
}

const DEFINITIONS: &[Definitions] = &[
    Definitions {
        module: ISTIO,
        folder: "",
        files: &[ISTIO_CRDS],
        name: "istio.yaml",
    },
    Definitions {
        module: GoModule {
            name: "sigs.k8s.io/gateway-api@v1.6.0",
            sum: "h1:735YBRj5NXFrOGX0GoSjwzUIzbz8kiEOfADsqHFmHgE=",
        },
        folder: "config/crd/standard",
        files: &["gateway.networking.k8s.io_httproutes.yaml"],
        name: "gateway-api.yaml",
    },
];

/// The directory with all of it.
pub(crate) fn programs() -> Result<PathBuf> {
    let _lock = lock("kubernetes")?;
    let home = directory().join("kubernetes");
    fs::create_dir_all(&home)?;
    let source = root().join("xtask/kubernetes");
    let wanted = fs::read_to_string(source.join("go.sum"))?;
    // Written last, so that a build that was cut short counts as none.
    let built = home.join("go.sum");
    if !fs::read_to_string(&built).is_ok_and(|found| found == wanted) {
        println!("Building kube-apiserver {KUBERNETES}, etcd and kubectl (once, many minutes).");
        for (name, package) in PACKAGES {
            run(Command::new("go")
                .current_dir(&source)
                .args(["build", "-trimpath", "-buildvcs=false", "-ldflags"])
                // It says its version to kubectl, and takes from it which features are on.
                .arg(format!(
                    "-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES}"
                ))
                .arg("-o")
                .arg(home.join(name))
                .arg(package))?;
        }
        fs::write(built, wanted)?;
    }
    for definitions in DEFINITIONS {
        definitions.copy(&home)?;
    }
    Ok(home)
}

impl Definitions {
    fn copy(&self, home: &Path) -> Result {
        let place = self.module.fetch()?;
        let mut text = String::new();
        for file in self.files {
            let path = place.join(self.folder).join(file);
            let read = fs::read_to_string(&path);
            text += &read.map_err(|error| format!("{}: {error}", path.display()))?;
            text += "\n---\n";
        }
        Ok(fs::write(home.join(self.name), text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_modules() {
        let text = fs::read_to_string(root().join("xtask/kubernetes/go.mod")).unwrap();
        assert!(text.contains(&format!("\tk8s.io/kubernetes {KUBERNETES} ")));
        for (_, package) in PACKAGES {
            assert!(text.contains(package), "{package}");
        }
    }
}
