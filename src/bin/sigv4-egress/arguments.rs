//! The command line.

use crate::shown::Shown;
use sigv4_egress::endpoint;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Help,
    Version,
    Resolve {
        /// The region of hosts that name none.
        region: &'a str,
    },
    Explain {
        shown: Shown,
    },
    CheckConfig {
        /// A path, or `-` for the standard input.
        file: &'a str,
    },
}

/// What `--help` prints.
pub(crate) const HELP: &str = r#"sigv4-egress: what the filter would do, without an Envoy

sigv4-egress resolve [--region <region>]
    Reads hosts, one a line. Writes host<TAB>service<TAB>region<TAB>algorithm,
    with - three times where the host is not signed. --region is the region of
    hosts that name none (S3 acceleration); default us-east-1.

sigv4-egress explain [--show-token]
    Reads requests, one JSON object a line. Writes one JSON object for each: the
    decision with its reason, the place of the rule that fits (from 0; where one
    does) and the role that signs, the canonical request, the string to sign, the headers
    that the filter sets (null: removes), and, given AWS's 403 body, the first line
    that differs. Keys of a request; only url, or host, is needed:
      method        default GET
      url           or: host and path (default /); at 127.0.0.1, its port is the one that
                    the request comes to (`ports`)
      headers       an object or a list of pairs; a value may be a list; bytes that
                    are no UTF-8 as {"base64": "..."}
      body          or: body_base64, or payload_hash (SHA-256 in hexadecimal; then
                    give content-length among the headers if the client sent it)
      end_of_stream default: true without a body
      time          2026-11-23T20:00:00Z or 20261123T200000Z; default: that of
                    aws_403, else now
      credentials   {"access_key_id", "secret_access_key", "session_token"}; default:
                    AWS's example keys, with the session token of aws_403
      config        the plugin's configuration; default {"allow": "*"}
      cluster       the cluster of the route, null for none; default: one that is listed
      route_metadata  what the route's metadata holds under sigv4_egress, for the rules
      aws_403       the body of AWS's answer, XML or JSON
    The session token and customer keys of S3 are replaced by <redacted> in all that
    is printed; --show-token shows them. The signature is over the values themselves.

sigv4-egress check-config <file or ->
    Reads the plugin's configuration (JSON), and the environment. Writes ok, where the
    credentials come from, the value and source of each key, and what is odd about the
    configuration; or the key that is at fault.

sigv4-egress --help | --version

Exit status: 0; 1 for a configuration that is refused; 2 for wrong arguments, what
cannot be read or written, and lines of explain's input that are malformed.
"#;

/// Reads the arguments; the error is a sentence.
pub(crate) fn parse<'a>(arguments: &[&'a str]) -> Result<Command<'a>, String> {
    match arguments {
        [] => Err("no command; see sigv4-egress --help".to_owned()),
        ["help" | "--help" | "-h", ..] | [_, "--help" | "-h", ..] => Ok(Command::Help),
        ["--version" | "-V"] => Ok(Command::Version),
        ["resolve"] => Ok(Command::Resolve {
            region: "us-east-1",
        }),
        ["resolve", "--region", region] if endpoint::is_region(region) => {
            Ok(Command::Resolve { region })
        }
        ["resolve", "--region", region] => Err(format!("--region: {region:?} is no region")),
        ["explain"] => Ok(Command::Explain {
            shown: Shown::Redacted,
        }),
        ["explain", "--show-token"] => Ok(Command::Explain {
            shown: Shown::Whole,
        }),
        ["check-config", file] if *file == "-" || !file.starts_with('-') => {
            Ok(Command::CheckConfig { file })
        }
        ["check-config"] => Err("check-config: which file? - is the standard input".to_owned()),
        [
            command @ ("resolve" | "explain" | "check-config"),
            rest @ ..,
        ] => Err(format!(
            "{command}: cannot read {:?}; see sigv4-egress --help",
            rest.join(" ")
        )),
        [other, ..] => Err(format!(
            "no such command: {other:?}; see sigv4-egress --help"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<Command<'_>, &str>) {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(parse(&arguments), expected.map_err(str::to_owned), "{line}");
    }

    #[test]
    fn commands_are_read() {
        check("--help", Ok(Command::Help));
        check("explain --help", Ok(Command::Help));
        check("--version", Ok(Command::Version));
        let region = "us-east-1";
        check("resolve", Ok(Command::Resolve { region }));
        let region = "eu-west-1";
        check(
            "resolve --region eu-west-1",
            Ok(Command::Resolve { region }),
        );
        let shown = Shown::Redacted;
        check("explain", Ok(Command::Explain { shown }));
        let shown = Shown::Whole;
        check("explain --show-token", Ok(Command::Explain { shown }));
        check("check-config -", Ok(Command::CheckConfig { file: "-" }));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let help = "see sigv4-egress --help";
        check("", Err("no command; see sigv4-egress --help"));
        check("sign", Err(&format!("no such command: \"sign\"; {help}")));
        check(
            "--verbose",
            Err(&format!("no such command: \"--verbose\"; {help}")),
        );
        check(
            "resolve x",
            Err(&format!("resolve: cannot read \"x\"; {help}")),
        );
        check(
            "explain --showtoken",
            Err(&format!("explain: cannot read \"--showtoken\"; {help}")),
        );
        check(
            "resolve --region mars",
            Err("--region: \"mars\" is no region"),
        );
        check(
            "check-config",
            Err("check-config: which file? - is the standard input"),
        );
        check(
            "check-config --x",
            Err(&format!("check-config: cannot read \"--x\"; {help}")),
        );
    }
}
