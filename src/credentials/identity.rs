//! Who the pod is at AWS: the role it takes, the name its session gets, and what else STS is told.

mod session;
mod tags;

pub(crate) use session::{ExternalId, SessionDuration, SessionPolicy, SourceIdentity};
pub(crate) use tags::Tags;

use super::cache::place::Inputs;
use crate::sigv4::{hex, sha256};
use session::is_name_byte;
use std::fmt;

/// A role session: what both calls to STS ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The role to assume.
    pub role_arn: RoleArn,
    /// What the session is called.
    pub name: SessionName,
    /// How long it lives; `None`: an hour, which is the default of STS.
    pub duration: Option<SessionDuration>,
    /// What it may do at most.
    pub policy: Option<SessionPolicy>,
}

impl Session {
    pub(super) fn identify(&self, inputs: &mut Inputs) {
        let Self {
            role_arn,
            name,
            duration,
            policy,
        } = self;
        inputs.text(role_arn.as_str());
        inputs.text(name.as_str());
        let seconds = duration.map(|duration| duration.seconds().to_string());
        inputs.optional(seconds.as_deref());
        inputs.optional(policy.as_ref().map(SessionPolicy::as_str));
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.role_arn, self.name)
    }
}

/// An IAM role's ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(String);

impl RoleArn {
    /// What is accepted, for error messages.
    pub const ALLOWED: &str = "arn:<partition>:iam::<12 digits>:role/<path and name>";

    /// Parses `arn:<partition>:iam::<account>:role/<path and name>` of 20 to 2048 characters
    /// (STS API reference, AssumeRoleWithWebIdentity, `RoleArn`).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (arn, partition, service, region, account, role) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let name = role.strip_prefix("role/")?;
        let valid = (20..=2048).contains(&text.len())
            && arn == "arn"
            && (partition == "aws" || partition.starts_with("aws-"))
            && partition
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-')
            && service == "iam"
            && region.is_empty()
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && !name.is_empty()
            && !name.ends_with('/')
            && name.bytes().all(|b| is_name_byte(b) || b == b'/');
        valid.then(|| Self(text.to_owned()))
    }

    /// The ARN as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that it names, such as `aws-cn`.
    pub fn partition(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of the role session: what CloudTrail shows beside the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(String);

/// The longest session name (STS API reference, `RoleSessionName`).
const MAX_LENGTH: usize = 64;

impl SessionName {
    /// What is accepted, for error messages.
    pub const ALLOWED: &str = "2 to 64 letters, digits and _+=,.@-";

    /// Parses a name of 2 to 64 characters from `[\w+=,.@-]` (STS API reference,
    /// AssumeRoleWithWebIdentity, `RoleSessionName`).
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (2..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_name_byte);
        valid.then(|| Self(text.to_owned()))
    }

    /// The name for a pod: `<cluster>.<namespace>.<pod>`, without what is not known. What STS does not take in a cluster's
    /// name, such as the `/` and `:` of an ARN, becomes `-`. Longer than 64, it keeps its
    /// first 55 characters, then `-` and the first 8 hex digits of the SHA-256 of the whole, so that
    /// two pods of one deployment stay apart and the same pod always gets the same name.
    pub fn of_pod(cluster: Option<&str>, namespace: Option<&str>, pod: &str) -> Option<Self> {
        let mut whole = String::new();
        for c in cluster.unwrap_or_default().chars() {
            let is_taken = u8::try_from(c).is_ok_and(is_name_byte);
            whole.push(if is_taken { c } else { '-' });
        }
        for part in [namespace, Some(pod)].into_iter().flatten() {
            if !whole.is_empty() {
                whole.push('.');
            }
            whole.push_str(part);
        }
        if whole.len() <= MAX_LENGTH {
            return Self::parse(&whole);
        }
        let digest = sha256(whole.as_bytes());
        let tail = hex(digest.get(..4)?);
        Self::parse(&format!("{}-{tail}", whole.get(..55)?))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_of_every_partition_are_read() {
        for arn in [
            "arn:aws:iam::123456789012:role/app",
            "arn:aws-cn:iam::123456789012:role/team/app+x=1,2.3@4-5_6",
            "arn:aws-us-gov:iam::123456789012:role/app",
        ] {
            let parsed = RoleArn::parse(arn).unwrap();
            assert_eq!(parsed.as_str(), arn);
            assert!(arn.starts_with(&format!("arn:{}:iam:", parsed.partition())));
        }
    }

    #[test]
    fn what_is_no_role_arn_is_refused() {
        for text in [
            "",
            "app",
            "arn:aws:iam::123456789012:user/app",
            "arn:aws:iam::12345678901:role/app",
            "arn:aws:iam::12345678901x:role/app",
            "arn:aws:iam:eu-west-1:123456789012:role/app",
            "arn:aws:sts::123456789012:assumed-role/app/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:gcp:iam::123456789012:role/app",
            " arn:aws:iam::123456789012:role/app",
        ] {
            assert_eq!(RoleArn::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn session_names_have_2_to_64_characters() {
        assert!(SessionName::parse("a").is_none());
        assert!(SessionName::parse("ab").is_some());
        assert!(SessionName::parse(&"a".repeat(64)).is_some());
        assert!(SessionName::parse(&"a".repeat(65)).is_none());
        assert!(SessionName::parse("a b").is_none());
        assert!(SessionName::parse("a/b").is_none());
    }

    #[test]
    fn a_long_pod_name_is_shortened_the_same_way_every_time() {
        let name = |pod: &str| {
            SessionName::of_pod(None, Some("payments"), pod)
                .unwrap()
                .to_string()
        };
        assert_eq!(name("api-7d9f"), "payments.api-7d9f");
        assert_eq!(
            name(&"x".repeat(55)),
            format!("payments.{}", "x".repeat(55))
        );
        let (one, other) = (
            name(&format!("{}1", "x".repeat(80))),
            name(&format!("{}2", "x".repeat(80))),
        );
        assert_eq!(one.len(), 64);
        assert!(one.starts_with(&format!("payments.{}-", "x".repeat(46))));
        assert_ne!(one, other);
        assert_eq!(one, name(&format!("{}1", "x".repeat(80))));
    }
}
