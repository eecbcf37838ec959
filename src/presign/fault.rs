//! What may be wrong with what was posted.

use super::exchange::MAX_BYTES;
use std::fmt;

/// What of it cannot be presigned, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has more than [`MAX_BYTES`] bytes.
    TooLarge,
    /// It is no JSON object of the keys that there are.
    Json(String),
    /// It is neither a URL nor a token of the forms that there are.
    Shape(&'static str),
    /// The signature's parameters cannot be read.
    Signature(&'static str),
    /// A key of AWS's has signed it.
    RealKey,
    /// The signature is for a service whose requests are not presigned here.
    Service(String),
    /// A parameter that such a request may not have, or has not.
    Parameter(String),
    /// The value of a header that is signed is missing, or a header is not signed.
    Header(String),
    /// A method that such a request does not have.
    Method(String),
    /// What S3's host and path name is no object.
    NoObject,
    /// The policy of a form.
    Form(&'static str),
}

impl Fault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLarge => "Send one URL, token or form.",
            Self::Json(_) => {
                "Send the URL or token itself, or a JSON object with \"url\", \"token\" or \"form\", and where they are needed \"method\", \"headers\" and \"min_valid_seconds\"."
            }
            Self::Shape(_) | Self::Signature(_) => {
                "Send what the SDK's presigner has made with placeholder keys, unchanged."
            }
            Self::RealKey => {
                "It needs no exchange. Give the program placeholder keys if the pod's role is to sign it."
            }
            Self::Service(_) | Self::NoObject => {
                "Let the program make the request itself; what can be presigned is in docs/presign.md."
            }
            Self::Parameter(_) | Self::Method(_) => "docs/presign.md has what each form takes.",
            Self::Header(_) => {
                "Send every header that X-Amz-SignedHeaders names, and no other one, with its value in \"headers\"; host is known."
            }
            Self::Form(_) => {
                "Send what the SDK's presigner for posts has made, with bucket, key and content-length-range among its conditions."
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it has more than {} bytes", MAX_BYTES),
            Self::Json(why) => f.write_str(why),
            Self::Shape(why) | Self::Signature(why) => f.write_str(why),
            Self::RealKey => {
                f.write_str("it is signed with a key of AWS's, not with a placeholder")
            }
            Self::Service(name) => {
                write!(f, "requests of the service \"{name}\" are not presigned")
            }
            Self::Parameter(why) | Self::Header(why) => f.write_str(why),
            Self::Method(method) => write!(f, "such a request does not have the method {method}"),
            Self::NoObject => f.write_str("it names no object in a bucket"),
            Self::Form(why) => write!(f, "the form's policy: {why}"),
        }
    }
}
