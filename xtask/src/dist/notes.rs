//! What a release says of itself: its part of CHANGELOG.md.

use super::VERSION;
use crate::run::Result;

/// An error, unless the tag is this version's and the changelog has it.
pub(crate) fn check(tag: &str, changelog: &str) -> Result {
    if tag.strip_prefix('v') != Some(VERSION) {
        return Err(format!("the tag {tag} is not v{VERSION}, the version in Cargo.toml").into());
    }
    of(changelog).map(drop)
}

/// The part of this version.
pub(crate) fn of(changelog: &str) -> Result<&str> {
    part(changelog, VERSION)
        .ok_or_else(|| format!("CHANGELOG.md has no part `## {VERSION}`, or an empty one").into())
}

fn part<'a>(changelog: &'a str, version: &str) -> Option<&'a str> {
    let mut parts = changelog.split("\n## ").skip(1);
    let part = parts.find_map(|part| {
        let (heading, text) = part.split_once('\n')?;
        // A date may follow.
        (heading.split(' ').next() == Some(version)).then(|| text.trim())
    })?;
    (!part.is_empty()).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-29\n\nText.\n\n### Added\n\n- this\n\n## 0.1.0\n";

    #[test]
    fn a_release_has_its_own_part_alone() {
        let text = part(CHANGELOG, "0.2.0");
        assert_eq!(text, Some("Text.\n\n### Added\n\n- this"));
        assert_eq!(part(CHANGELOG, "0.1.0"), None);
        assert_eq!(part(CHANGELOG, "0.2"), None);
    }

    #[test]
    fn a_tag_of_another_version_is_refused_and_named() {
        let error = check("v9.9.9", CHANGELOG).unwrap_err().to_string();
        assert!(
            error.contains("v9.9.9") && error.contains(VERSION),
            "{error}"
        );
    }

    #[test]
    fn the_changelog_has_this_version() {
        let changelog = super::super::changelog().unwrap();
        check(&format!("v{VERSION}"), &changelog).unwrap();
    }
}
