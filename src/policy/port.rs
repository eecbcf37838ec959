//! A port of the loopback endpoint that stands for one host: for programs that take nothing but a URL.

use super::Unmarked;
use crate::endpoint::Host;

/// What `ports` binds a port to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The port that programs connect to.
    pub number: u16,
    /// The host that requests to it are for.
    pub host: Host,
    /// The methods that it takes; none: all.
    pub methods: Vec<String>,
    /// How paths that it takes begin; none: all.
    pub paths: Vec<String>,
    /// What is done with what comes without a signature and without the marker header; `None`: as everywhere.
    pub unmarked: Option<Unmarked>,
}

/// What a port does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The method.
    Method,
    /// The path.
    Path,
    /// A signature, or another `authorization`, that is no placeholder's.
    Signature,
}

impl Port {
    /// What of a request the port does not take. The `path` is as it came, without the query.
    pub(crate) fn bars(&self, method: &str, path: &str) -> Option<Outside> {
        let takes_path = self.paths.is_empty()
            || (self
                .paths
                .iter()
                .any(|prefix| path.starts_with(prefix.as_str()))
                && is_plain(path));
        if !self.methods.is_empty() && !self.methods.iter().any(|taken| taken == method) {
            Some(Outside::Method)
        } else if !takes_path {
            Some(Outside::Path)
        } else {
            None
        }
    }
}

/// Whether no server can take a path for one that begins otherwise: no segment is `.` or `..`, before any `;`, and no dot,
/// slash or backslash is encoded.
pub(crate) fn is_plain(path: &str) -> bool {
    let is_dots = |segment: &[u8]| {
        let name = segment.split(|byte| *byte == b';').next();
        matches!(name, Some(b"." | b".."))
    };
    let is_odd = |code: &[u8]| {
        matches!(
            code,
            [b'%', b'2', b'e' | b'E' | b'f' | b'F'] | [b'%', b'5', b'c' | b'C']
        )
    };
    let path = path.as_bytes();
    !path.split(|byte| *byte == b'/').any(is_dots)
        && !path.windows(3).any(is_odd)
        && !path.contains(&b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(methods: &[&str], paths: &[&str], request: &str, expected: Option<Outside>) {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let port = Port {
            number: 9912,
            host: Host::parse(b"search-x.eu-west-1.es.amazonaws.com").unwrap(),
            methods: owned(methods),
            paths: owned(paths),
            unmarked: None,
        };
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(port.bars(method, path), expected, "{request}");
    }

    #[test]
    fn a_port_takes_what_it_names_and_all_where_it_names_nothing() {
        check(&[], &[], "DELETE /../%2e", None);
        check(&["GET", "HEAD"], &[], "GET /x", None);
        check(&["GET", "HEAD"], &[], "POST /x", Some(Outside::Method));
        check(&["GET"], &[], "get /x", Some(Outside::Method));
        check(&[], &["/logs-", "/_bulk"], "POST /_bulk", None);
        check(&[], &["/logs-", "/_bulk"], "POST /logs-1/_doc/a%20b", None);
        check(&[], &["/logs-", "/_bulk"], "GET /", Some(Outside::Path));
        check(&["GET"], &["/a"], "POST /b", Some(Outside::Method));
    }

    #[test]
    fn no_path_leads_out_of_its_prefix() {
        for path in [
            "/a/../b",
            "/a/..",
            "/a/./b",
            "/a/%2e%2E/b",
            "/a%2F..%2fb",
            "/a/..;x=1/b",
            "/a\\..\\b",
            "/a/%5C..",
            "/b/a",
            "//a",
        ] {
            check(&[], &["/a"], &format!("GET {path}"), Some(Outside::Path));
        }
        for path in ["/a", "/a/b..c", "/a/...", "/ab", "/a//b", "/a/%20"] {
            check(&[], &["/a"], &format!("GET {path}"), None);
        }
    }
}
