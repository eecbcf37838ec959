//! Where a role's record lies in shared data: under a name that all inputs of its credentials make.
//!
//! Two roles share a record only if they would get the same credentials in the same way. Each input is a field of its
//! own, with its length before it, so that no two lists of inputs read alike. Whoever adds a field to one of the
//! types below has to say here whether it is an input.

use super::Record;
use crate::config::Config;
use crate::credentials::Secret;
use crate::credentials::role::{Chained, Means, Role, WebIdentity};
use crate::credentials::source::container::{Authorization, Endpoint, Scheme};
use crate::sigv4::hex;
use sha2::{Digest, Sha256};

/// The key in shared data of the record of one of a configuration's roles: `record/<form>/<SHA-256 of the inputs>`.
pub fn place(role: &Role, config: &Config) -> String {
    let digest = Sha256::digest(inputs(role, config));
    format!("record/{}/{}", Record::FORM, hex(&digest))
}

fn inputs(role: &Role, config: &Config) -> Vec<u8> {
    let Config {
        // The pod's own role signs the calls for chained ones.
        roles,
        token_cluster,
        token_audience,
        container_cluster,
        sts_cluster,
        sts_host,
        // It stands in the signature of a call to STS.
        region,
        // How soon credentials are fetched, and what they sign.
        sourced: _,
        warnings: _,
        sts_timeout: _,
        start_jitter: _,
        pace: _,
        clusters: _,
        policy: _,
        required_marker: _,
        marker_header: _,
        placeholders: _,
        parking: _,
        max_body_bytes: _,
        max_held_bytes: _,
    } = config;
    // Its name is what people call it.
    let Role { name: _, means } = role;
    let mut fields = Fields::default();
    fields.means(means);
    fields.means(&roles.own().means);
    for text in [
        token_cluster,
        token_audience,
        container_cluster,
        sts_cluster,
        sts_host,
        region,
    ] {
        fields.text(text);
    }
    fields.0
}

/// Fields behind one another, each of them self-delimiting.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn means(&mut self, means: &Means) {
        match means {
            Means::WebIdentity(web_identity) => self.web_identity(web_identity),
            Means::Container {
                endpoint,
                authorization,
            } => self.container(endpoint, authorization),
            Means::Chained(chained) => self.chained(chained),
        }
    }

    fn web_identity(&mut self, web_identity: &WebIdentity) {
        let WebIdentity {
            arn,
            session_name,
            duration,
            session_policy,
        } = web_identity;
        self.text("web_identity");
        self.text(arn.as_str());
        self.text(session_name.as_str());
        self.optional(duration.map(|duration| duration.seconds().to_string()));
        self.optional(session_policy.as_ref().map(|policy| policy.as_str()));
    }

    fn container(&mut self, endpoint: &Endpoint, authorization: &Authorization) {
        self.text("container");
        self.text(match endpoint.scheme() {
            Scheme::Http => "http",
            Scheme::Https => "https",
        });
        self.text(endpoint.authority());
        self.text(endpoint.path());
        match authorization {
            Authorization::None => self.text("none"),
            Authorization::File => self.text("file"),
            Authorization::Token(token) => {
                self.text("token");
                self.secret(token);
            }
        }
    }

    fn chained(&mut self, chained: &Chained) {
        let Chained {
            arn,
            session_name,
            duration,
            session_policy,
            external_id,
            tags,
            source_identity,
        } = chained;
        self.text("chained");
        self.text(arn.as_str());
        self.text(session_name.as_str());
        self.optional(duration.map(|duration| duration.seconds().to_string()));
        self.optional(session_policy.as_ref().map(|policy| policy.as_str()));
        self.optional(external_id.as_ref().map(|id| id.as_str()));
        self.optional(source_identity.as_ref().map(|identity| identity.as_str()));
        self.number(tags.iter().count());
        for (key, value) in tags.iter() {
            self.text(key);
            self.text(value);
        }
        self.number(tags.transitive_keys().count());
        for key in tags.transitive_keys() {
            self.text(key);
        }
    }

    fn number(&mut self, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// What is not there is not what is empty.
    fn optional(&mut self, text: Option<impl AsRef<str>>) {
        self.number(usize::from(text.is_some()));
        if let Some(text) = text {
            self.text(text.as_ref());
        }
    }

    /// As its hash: the value itself stays where it is.
    fn secret(&mut self, secret: &Secret) {
        self.bytes(&Sha256::digest(secret.expose()));
    }
}

#[cfg(test)]
mod tests;
