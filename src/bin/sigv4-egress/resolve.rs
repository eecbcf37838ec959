//! `resolve`: what each host is signed as.

use sigv4_egress::endpoint::{self, Host, Resolution};
use sigv4_egress::sigv4::Algorithm;
use std::io::{self, BufRead, Write};

/// How `resolve` and `explain` name an algorithm.
pub(crate) fn word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::SigV4 => "sigv4",
        Algorithm::SigV4A => "sigv4a",
    }
}

/// Reads hosts, one a line, and writes `host<TAB>service<TAB>region<TAB>algorithm` for each, with `-`
/// three times where the host is not signed or is none. `home_region` is the region of hosts that name none.
pub(crate) fn run(
    input: &mut impl BufRead,
    output: &mut impl Write,
    home_region: &str,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return output.flush();
        }
        let host = line.trim_ascii();
        output.write_all(host)?;
        match row(host, home_region) {
            Some((service, region, algorithm)) => {
                writeln!(output, "\t{service}\t{region}\t{algorithm}")?;
            }
            None => output.write_all(b"\t-\t-\t-\n")?,
        }
    }
}

fn row(host: &[u8], home_region: &str) -> Option<(String, String, &'static str)> {
    let host = Host::parse(host).ok()?;
    match endpoint::resolve(&host, home_region) {
        Resolution::Aws(endpoint) => Some((
            endpoint.service.to_owned(),
            endpoint.region.to_owned(),
            word(endpoint.algorithm),
        )),
        Resolution::NotAws => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, row: &str) {
        let mut output = Vec::new();
        run(
            &mut format!("{host}\n").as_bytes(),
            &mut output,
            "eu-west-1",
        )
        .unwrap();
        let expected = format!("{}\t{}\n", host.trim(), row.replace(' ', "\t"));
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn aws_hosts_have_service_region_and_algorithm() {
        check("s3.eu-west-1.amazonaws.com", "s3 eu-west-1 sigv4");
        check("iam.amazonaws.com", "iam us-east-1 sigv4");
        check("SQS.us-east-2.amazonaws.com.:443", "sqs us-east-2 sigv4");
        check(" sqs.us-east-2.amazonaws.com\r", "sqs us-east-2 sigv4");
        check("b.s3-accelerate.amazonaws.com", "s3 eu-west-1 sigv4");
        check("abcde.veo.endpoint.events.amazonaws.com", "events * sigv4a");
    }

    #[test]
    fn what_is_not_signed_has_hyphens() {
        for host in [
            "",
            "example.org",
            "127.0.0.1",
            "localhost:9911",
            "amazonaws.com.example.org",
            "https://s3.eu-west-1.amazonaws.com",
            "s3_x.eu-west-1.amazonaws.com",
            "s3.eu-west-1.amazonaws.com:port",
        ] {
            check(host, "- - -");
        }
    }

    #[test]
    fn each_line_has_one_line_also_the_last_without_its_end() {
        let mut output = Vec::new();
        run(
            &mut &b"\n\xff\nsqs.us-east-2.amazonaws.com"[..],
            &mut output,
            "eu-west-1",
        )
        .unwrap();
        assert_eq!(
            output,
            b"\t-\t-\t-\n\xff\t-\t-\t-\nsqs.us-east-2.amazonaws.com\tsqs\tus-east-2\tsigv4\n"
        );
    }
}
