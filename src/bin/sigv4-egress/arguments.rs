//! The command line.

use crate::names::{Authority, Format, Options, RootKey};
use crate::shown::Shown;
use crate::suggest;
use sigv4_egress::endpoint;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    Names(Options<'a>),
    Suggest(suggest::Options<'a>),
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
                    the request comes to (`ports`); https: Envoy ends TLS (`unmarked`)
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

sigv4-egress names [--region <region>]... [--config <file or ->] [--zone <zone>]...
        [--format list|server_names|cert-manager|script]
        [--authority <directory> [--keep-root-key] [--days <days>]]
    Writes the DNS names of the certificate with which the sidecar ends https in AWS's
    place: of all hosts that are signed in the region, or of those that allow and rules
    of the plugin's configuration name; default, FIPS, dual-stack and global. More
    regions have names of their own. What is permitted and no name covers is told on the
    standard error. --region: default that of the configuration or AWS_REGION. --zone:
    of S3's directory buckets, such as use1-az4. Formats:
      list          a name a line
      server_names  for Envoy: server_names of the filter chain that ends TLS, and
                    passed_through, of one that passes on what those would take too many
      cert-manager  an Issuer and a Certificate
      script        envoy/https/certificate.sh, for an init container, with the names
    --authority also makes an authority for cert-manager: root.pem, which programs trust;
    intermediate.pem and intermediate.key, constrained to the names' own subtrees; and
    secret.yaml with all of them, which its Issuer reads. --keep-root-key writes
    root.key too; where it and root.pem are there already, they sign the new
    intermediate. Without it, the root's key signs once. --days: default 3650.

sigv4-egress suggest [--config <file or ->] [--buckets] [<file or ->]...
    Reads access logs, one line a request: JSON as of envoy/operate/access-log.yaml, or
    text as of envoy/envoy.yaml; default: the standard input. Writes a configuration
    whose `allow` has what "mode": "observe" would sign, and refuses alone because
    nothing allows it: services, hosts that customers create, and buckets. Tells on the
    standard error what it could not decide, and how many lines it skipped.
      --config      the configuration that observes: its other keys and its rules are kept
      --buckets     lists buckets even if requests such as ListBuckets name none, and
                    will be refused; default: then all of S3 is allowed

sigv4-egress --help | --version

Exit status: 0; 1 for a configuration that is refused, or with nothing to suggest; 2 for wrong arguments, what
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
        ["names", rest @ ..] => names(rest).map(Command::Names),
        ["suggest", rest @ ..] => suggestion(rest).map(Command::Suggest),
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

/// Reads the options and files of `suggest`.
fn suggestion<'a>(mut arguments: &[&'a str]) -> Result<suggest::Options<'a>, String> {
    let mut options = suggest::Options::default();
    loop {
        arguments = match arguments {
            [] => return Ok(options),
            ["--config", file, rest @ ..] => {
                options.config = Some(file);
                rest
            }
            ["--config"] => {
                return Err("--config: has no value; see sigv4-egress --help".to_owned());
            }
            ["--buckets", rest @ ..] => {
                options.s3 = suggest::S3::Buckets;
                rest
            }
            [file, rest @ ..] if *file == "-" || !file.starts_with('-') => {
                options.files.push(file);
                rest
            }
            [other, ..] => {
                return Err(format!(
                    "suggest: cannot read {other:?}; see sigv4-egress --help"
                ));
            }
        };
    }
}

/// Reads the options of `names`, each but one with a value.
fn names<'a>(mut arguments: &[&'a str]) -> Result<Options<'a>, String> {
    let mut options = Options::default();
    let mut authority = Authority {
        directory: "",
        root_key: RootKey::Discarded,
        days: 3650,
    };
    while let [option, rest @ ..] = arguments {
        if *option == "--keep-root-key" {
            authority.root_key = RootKey::Kept;
            arguments = rest;
            continue;
        }
        let known = [
            "--region",
            "--config",
            "--zone",
            "--format",
            "--authority",
            "--days",
        ];
        if !known.contains(option) {
            return Err(format!(
                "names: cannot read {option:?}; see sigv4-egress --help"
            ));
        }
        let [value, rest @ ..] = rest else {
            return Err(format!("{option}: has no value; see sigv4-egress --help"));
        };
        match *option {
            "--region" if endpoint::is_region(value) => options.regions.push(value),
            "--region" => return Err(format!("--region: {value:?} is no region")),
            "--zone" if is_zone(value) => options.zones.push(value),
            "--zone" => {
                return Err(format!(
                    "--zone: {value:?} is no zone's id such as use1-az4"
                ));
            }
            "--config" if options.config.is_some() => {
                return Err("--config: is given twice".to_owned());
            }
            "--config" => options.config = Some(value),
            "--authority" => authority.directory = value,
            "--days" => {
                let days = value
                    .parse()
                    .ok()
                    .filter(|days| (1..=36_500).contains(days));
                authority.days =
                    days.ok_or_else(|| format!("--days: is {value:?}; allowed: 1 to 36500"))?;
            }
            _ => {
                let format = Format::of_word(value);
                options.format = format
                    .ok_or_else(|| format!("--format: {value:?} is none of {}", Format::words()))?;
            }
        }
        arguments = rest;
    }
    let is_default = authority.root_key == RootKey::Discarded && authority.days == 3650;
    match authority.directory {
        "" if is_default => {}
        "" => {
            return Err(
                "--keep-root-key and --days: are for --authority, which is missing".to_owned(),
            );
        }
        _ => options.authority = Some(authority),
    }
    Ok(options)
}

fn is_zone(text: &str) -> bool {
    let of_zone = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.contains('-') && text.len() < 40 && text.bytes().all(of_zone)
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
        let options = Options {
            authority: Some(Authority {
                directory: "ca",
                root_key: RootKey::Kept,
                days: 90,
            }),
            ..Options::default()
        };
        check(
            "names --authority ca --keep-root-key --days 90",
            Ok(Command::Names(options)),
        );
        let options = Options {
            regions: vec!["eu-west-1", "us-east-1"],
            config: Some("-"),
            zones: vec!["euw1-az1"],
            format: Format::ServerNames,
            authority: None,
        };
        check(
            "names --region eu-west-1 --region us-east-1 --config - --zone euw1-az1 --format server_names",
            Ok(Command::Names(options)),
        );
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
            "names --regions eu-west-1",
            Err(&format!("names: cannot read \"--regions\"; {help}")),
        );
        check(
            "names --region",
            Err(&format!("--region: has no value; {help}")),
        );
        check(
            "names --region mars",
            Err("--region: \"mars\" is no region"),
        );
        check(
            "names --zone A",
            Err("--zone: \"A\" is no zone's id such as use1-az4"),
        );
        check(
            "names --config a --config b",
            Err("--config: is given twice"),
        );
        check(
            "names --format yaml",
            Err("--format: \"yaml\" is none of list, server_names, cert-manager, script"),
        );
        check(
            "names --days 0",
            Err("--days: is \"0\"; allowed: 1 to 36500"),
        );
        check(
            "names --days 90",
            Err("--keep-root-key and --days: are for --authority, which is missing"),
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
