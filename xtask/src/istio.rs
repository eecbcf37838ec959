//! Istio's programs for the tests on a real istiod, built from its Go module, whose own `go.sum` has the sums of all others.

use crate::run::{Result, run};
use crate::tools::{self, ISTIO};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is built of it.
const PROGRAMS: &[&str] = &[
    "./pilot/cmd/pilot-discovery",
    "./pilot/cmd/pilot-agent",
    "./istioctl/cmd/istioctl",
];

/// What pilot-agent makes Envoy's configuration from.
const BOOTSTRAP: &str = "tools/packaging/common/envoy_bootstrap.json";

/// istiod reads its configuration from files without a cluster, but from 1.30 on it asks the cluster, which is nil then, for
/// namespaces: it gets none.
const EDITED: &str = "pilot/pkg/serviceregistry/serviceentry/controller.go";
const ASKS_CLUSTER: &str =
    "s.inputs.Namespaces = multiclusterController.ConfigCluster().Namespaces()";
const ASKS_CLUSTER_IF_ANY: &str = r#"if multiclusterController == nil {
			s.inputs.Namespaces = krt.NewStaticCollection[*v1.Namespace](nil, nil, s.opts.WithName("inputs/Namespaces")...)
		} else {
			s.inputs.Namespaces = multiclusterController.ConfigCluster().Namespaces()
		}"#;

/// istiod (`pilot-discovery`), `pilot-agent` and `istioctl`, with Istio's bootstrap template, in `target/tools/istio`.
pub(crate) fn programs() -> Result {
    let _lock = tools::lock("istio")?;
    let home = tools::directory().join("istio");
    // Written last, so that a build that was cut short counts as none.
    let built = home.join("built");
    let wanted = format!("{}\n{ASKS_CLUSTER_IF_ANY}\n{PROGRAMS:?}\n", ISTIO.sum);
    if fs::read_to_string(&built).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("Building istiod, pilot-agent and istioctl (once, five to ten minutes).");
    fs::create_dir_all(&home)?;
    // The Go tool takes no overlay within its own store of modules, and so gets a copy.
    let source = home.join("source");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    run(Command::new("cp")
        .args(["--recursive", "--no-preserve=mode"])
        .arg(ISTIO.fetch()?)
        .arg(&source))?;
    edit(&source.join(EDITED))?;
    run(Command::new("go")
        .current_dir(&source)
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
        // As Istio's own Makefile builds istiod; -s and -w leave out what only debuggers read, and without the optimizer it takes
        // a quarter less time.
        .args(["-tags=vtprotobuf,disable_pgv", "-ldflags=-s -w"])
        .args(["-gcflags=all=-N -l", "-o"])
        .arg(&home)
        .args(PROGRAMS))?;
    fs::copy(source.join(BOOTSTRAP), home.join("envoy_bootstrap.json"))?;
    fs::remove_dir_all(source)?;
    Ok(fs::write(built, wanted)?)
}

fn edit(path: &Path) -> Result {
    let text = fs::read_to_string(path)?;
    if text.matches(ASKS_CLUSTER).count() != 1 {
        let path = path.display();
        return Err(
            format!("{path} does not have the line once that is edited: {ASKS_CLUSTER}").into(),
        );
    }
    let edited = text.replace(ASKS_CLUSTER, ASKS_CLUSTER_IF_ANY);
    Ok(fs::write(path, edited)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_source_that_has_the_line_once_is_edited() {
        let path = std::env::temp_dir().join(format!("controller-{}.go", std::process::id()));
        fs::write(&path, format!("\t\t{ASKS_CLUSTER}\n")).unwrap();
        edit(&path).unwrap();
        let edited = fs::read_to_string(&path).unwrap();
        assert_eq!(edited, format!("\t\t{ASKS_CLUSTER_IF_ANY}\n"));
        fs::write(&path, "package serviceentry\n").unwrap();
        let error = edit(&path).unwrap_err().to_string();
        fs::remove_file(&path).unwrap();
        assert!(error.contains("does not have the line once"), "{error}");
    }
}
