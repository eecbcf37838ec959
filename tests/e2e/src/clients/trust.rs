//! Trust in the authority that ends TLS in the pod: one set of variables, which is that of all runtimes at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the system trusts; variables that replace it name a bundle with all of it.
const PUBLIC: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Files of a pod's volume.
pub(super) struct Trust {
    /// The authority alone, for what adds it to its own.
    authority: PathBuf,
    /// The public authorities, and ours.
    bundle: PathBuf,
    /// Java's, and ours.
    truststore: PathBuf,
}

impl Trust {
    /// Writes the files.
    ///
    /// # Panics
    /// When the system has no public authorities, or Java fails.
    pub(super) fn write(directory: &Path, authority: &str) -> Self {
        fs::create_dir(directory).expect("a directory");
        let trust = Self {
            authority: directory.join("ca.pem"),
            bundle: directory.join("bundle.pem"),
            truststore: directory.join("truststore.p12"),
        };
        let public = fs::read_to_string(PUBLIC).expect("the package ca-certificates");
        fs::write(&trust.authority, authority).expect("ca.pem");
        fs::write(&trust.bundle, format!("{public}\n{authority}")).expect("bundle.pem");
        if let Some(home) = java_home() {
            fs::copy(home.join("lib/security/cacerts"), &trust.truststore).expect("Java's own");
            let output = Command::new("keytool")
                .args(["-importcert", "-noprompt", "-alias", "sigv4-egress"])
                .args(["-storepass", PASSWORD, "-file"])
                .arg(&trust.authority)
                .arg("-keystore")
                .arg(&trust.truststore)
                .output()
                .expect("keytool, which is Java's");
            assert!(output.status.success(), "keytool: {output:?}");
        }
        trust
    }

    /// What one component sets for every program.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let [authority, bundle, truststore] = [&self.authority, &self.bundle, &self.truststore]
            .map(|path| path.display().to_string());
        let java = format!(
            "-Djavax.net.ssl.trustStore={truststore} -Djavax.net.ssl.trustStorePassword={PASSWORD}"
        );
        vec![
            // boto3 and the CLI.
            ("AWS_CA_BUNDLE", bundle.clone()),
            // Go, Rust, Ruby, and what uses OpenSSL as it is.
            ("SSL_CERT_FILE", bundle.clone()),
            ("NODE_EXTRA_CA_CERTS", authority),
            ("CURL_CA_BUNDLE", bundle.clone()),
            ("REQUESTS_CA_BUNDLE", bundle),
            ("JAVA_TOOL_OPTIONS", java),
        ]
    }
}

/// That of the truststore that Java comes with.
const PASSWORD: &str = "changeit";

/// Of the Java on the PATH, if there is one.
fn java_home() -> Option<PathBuf> {
    let output = Command::new("java")
        .args(["-XshowSettings:properties", "-version"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("java.home = "));
    line.map(PathBuf::from)
}
