//! The two calls, and what is called differently in them.

/// The calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The first role, for the web identity token.
    AssumeRoleWithWebIdentity,
    /// A chained role, for the first role's credentials.
    AssumeRole,
}

impl Operation {
    /// What the reply's elements are called, from the root to the credentials.
    pub(super) fn path_to_credentials(self) -> [&'static str; 3] {
        match self {
            Self::AssumeRoleWithWebIdentity => [
                "AssumeRoleWithWebIdentityResponse",
                "AssumeRoleWithWebIdentityResult",
                "Credentials",
            ],
            Self::AssumeRole => ["AssumeRoleResponse", "AssumeRoleResult", "Credentials"],
        }
    }

    /// What STS was asked for, in an error.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::AssumeRoleWithWebIdentity => "role",
            Self::AssumeRole => "chained role",
        }
    }

    /// The call, in an error.
    pub(super) fn request(self) -> &'static str {
        match self {
            Self::AssumeRoleWithWebIdentity => "request",
            Self::AssumeRole => "request for the chained role",
        }
    }
}
