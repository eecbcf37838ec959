//! How attempts to get credentials end, and who gave them: the words that the stats count by.

use crate::report::words::words;

words! {
    /// How an attempt to get credentials ended. Each fault has a word of its own.
    pub enum Fetched in "sigv4_egress.sts" {
        /// Credentials came.
        Ok = "ok",
        /// The token listener gave no answer when it was asked for the web identity token.
        TokenUnreachable = "token_unreachable",
        /// The token listener answered with another status than 200.
        TokenStatus = "token_status",
        /// The file of the web identity token is empty.
        TokenEmpty = "token_empty",
        /// The file holds more than a web identity token can have.
        TokenTooLong = "token_too_long",
        /// The file holds no web identity token.
        TokenMalformed = "token_malformed",
        /// The web identity token in the file has expired: it is not renewed, or not read again.
        TokenExpired = "token_expired",
        /// The web identity token is meant for another audience.
        TokenWrongAudience = "token_wrong_audience",
        /// STS gave no answer.
        Unreachable = "unreachable",
        /// STS denied the role.
        Denied = "denied",
        /// STS found a fault in the request.
        Rejected = "rejected",
        /// STS says that the web identity token, which had not expired by this node's clock, has.
        TokenExpiredAtSts = "token_expired_at_sts",
        /// STS says that the credentials of the pod's own role, which ask for a chained role, have expired.
        OwnRoleExpired = "own_role_expired",
        /// STS could not reach the cluster's OIDC provider.
        ProviderUnreachable = "provider_unreachable",
        /// STS throttled the call.
        Throttled = "throttled",
        /// STS, or something on the way to it, failed.
        ServiceFault = "service_fault",
        /// STS sent what holds no credentials.
        InvalidReply = "invalid_reply",
        /// STS sent credentials that had expired already.
        AlreadyExpired = "already_expired",
        /// The container endpoint's authorization token: the token listener gave no answer.
        AuthorizationUnreachable = "authorization_unreachable",
        /// The token listener answered with another status than 200.
        AuthorizationStatus = "authorization_status",
        /// The file of the authorization token is empty.
        AuthorizationEmpty = "authorization_empty",
        /// The file holds more than an authorization token can have.
        AuthorizationTooLong = "authorization_too_long",
        /// The file holds what no header can.
        AuthorizationMalformed = "authorization_malformed",
        /// The container endpoint gave no answer.
        ContainerUnreachable = "container_unreachable",
        /// The container endpoint has no credentials for this pod or task.
        ContainerDenied = "container_denied",
        /// The container endpoint found a fault in the request.
        ContainerRejected = "container_rejected",
        /// The container endpoint says that the authorization token has expired.
        ContainerTokenExpired = "container_token_expired",
        /// The container endpoint throttled the call.
        ContainerThrottled = "container_throttled",
        /// The container endpoint, or what it asks, failed.
        ContainerServiceFault = "container_service_fault",
        /// The container endpoint sent what holds no credentials.
        ContainerInvalidReply = "container_invalid_reply",
        /// The container endpoint sent credentials that had expired already.
        ContainerAlreadyExpired = "container_already_expired",
        /// A chained role could not be asked for: the pod's own role has no credentials, and will not have them soon.
        OwnRole = "own_role",
    }
}

words! {
    /// Which host of STS gave credentials.
    pub enum StsHostUsed in "sigv4_egress.sts_host" {
        /// The first of `sts_hosts`.
        First = "first",
        /// Another one, because the first did not answer, or has not a few minutes ago.
        Other = "other",
    }
}
