//! The ends of names that say what has them.

/// Of directory buckets.
pub(super) const DIRECTORY_BUCKET: &str = "--x-s3";

/// The ends of aliases: of access points, Object Lambda Access Points, access points for directory buckets and of
/// Outposts, and Multi-Region Access Points. No bucket may have them ("General purpose bucket naming rules").
const ALIASES: &[&str] = &["-s3alias", "--ol-s3", EXPRESS_ALIAS, "--op-s3", ".mrap"];

/// Of access points for directory buckets.
pub(super) const EXPRESS_ALIAS: &str = "--xa-s3";

/// Whether a name is an access point's alias, and no bucket's.
pub fn is_alias(name: &str) -> bool {
    ALIASES.iter().any(|end| name.ends_with(end))
}
