//! Whether a variant does what it is measured for: one request to the upstream, judged as AWS would.

use crate::Result;
use crate::bootstrap::{TO_UPSTREAM, Variant};
use crate::envoy::Envoy;
use crate::fakes::Fakes;
use crate::load::{Load, Template};
use crate::upstream::Arrived;
use crate::workload::Workload;
use e2e::Verdict;
use e2e::verify::{Received, check_chunks, judge, sha256};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Sends a sample until it is answered 200 (the first credentials have to come), and judges what arrived.
/// Returns the names of the signed headers.
///
/// # Errors
/// When the signature is missing, wrong, or there without need.
pub(crate) fn check(
    workload: &Workload,
    variant: Variant,
    envoy: &Envoy,
    fakes: &Fakes,
) -> Result<Vec<String>> {
    let fault = |what: String| {
        format!(
            "{} in {}: {what}\n{}",
            variant.name(),
            workload.name,
            envoy.log()
        )
    };
    let arrived = arrived(
        &mut workload.sample.clone().with_header(TO_UPSTREAM, "1"),
        envoy,
        fakes,
    );
    let arrived = arrived.map_err(|error| fault(error.to_string()))?;
    let received = received(&arrived, fakes);
    let signs = matches!(variant, Variant::Native | Variant::Ours);
    match (&received.verdict, workload.signed_for.filter(|_| signs)) {
        (Verdict::Unsigned, None) => Ok(Vec::new()),
        // Of a day gone by: the client's own placeholder, which nobody has replaced, or what `Calls` writes.
        (Verdict::Skewed, None) => Ok(Vec::new()),
        (Verdict::Signed(signature), Some(service)) if signature.service == service => {
            let by_native = signature.access_key_id == fakes.native_key.access_key_id;
            if by_native != (variant == Variant::Native) {
                return Err(
                    fault("signed with the credentials of another variant".to_owned()).into(),
                );
            }
            if arrived
                .head
                .contains("\r\nx-amz-content-sha256: STREAMING-AWS4-")
            {
                check_chunks(&received, &arrived.body, &fakes.ledger).map_err(fault)?;
            }
            Ok(received.signed_headers())
        }
        _ => Err(fault(format!("{received:?}")).into()),
    }
}

fn arrived(sample: &mut Template, envoy: &Envoy, fakes: &Fakes) -> Result<Arrived> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (answer, mut arrived) = fakes
            .upstream
            .keeping(|| Load::connect(envoy.port, 1)?.ask(sample));
        match (answer, arrived.pop()) {
            (Ok(200), Some(arrived)) => return Ok(arrived),
            (answer, _) if Instant::now() > deadline => {
                return Err(format!("no 200 within 30 s: {answer:?}").into());
            }
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn received(arrived: &Arrived, fakes: &Fakes) -> Received {
    let mut lines = arrived.head.lines();
    let mut words = lines
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let headers: Vec<(String, Vec<u8>)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    let host = headers.iter().find(|(name, _)| name == "host");
    let host = host.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    let mut received = Received {
        at: SystemTime::now(),
        method,
        path,
        host: host.unwrap_or_default(),
        headers,
        body_length: arrived.body.len() as u64,
        body_sha256: sha256(&arrived.body),
        trailers: Vec::new(),
        decoded: None,
        verdict: Verdict::Unsigned,
    };
    received.verdict = judge(&received, &fakes.ledger);
    received
}
