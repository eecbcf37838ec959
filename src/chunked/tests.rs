use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::credentials::{Credentials, Secret};
use crate::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings, Signer,
};

/// What the client's signatures are.
const OLD: &str = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF";

/// The request of AWS's two examples: their credentials, date, and headers, and the seed signature that
/// AWS's pages give.
fn example(form: Form, seed: &str) -> Resigner {
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: Secret::new(""),
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let mut headers = vec![
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    match form {
        // This page signs it, the other one does not have it among its headers.
        Form::Payload => headers.push(("content-length", "66824")),
        Form::PayloadTrailer => headers.push(("x-amz-trailer", "x-amz-checksum-crc32c")),
    }
    let request = Request {
        method: "PUT",
        host: b"s3.amazonaws.com",
        path_and_query: b"/examplebucket/chunkObject.txt",
        headers: &headers,
        payload: Payload::Literal(form.as_str()),
    };
    let settings = Settings {
        path_style: PathStyle::S3,
        content_sha256: ContentSha256::Written,
        signed_headers: HeaderSelection::All,
    };
    let scope = Scope {
        algorithm: Algorithm::SigV4,
        region: "us-east-1",
        service: "s3",
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
    let mut signer = Signer::default();
    let signed = signer.sign(&request, settings, &scope, &credentials, now);
    assert_eq!(signed.signature(), seed);
    let signer = signer.chunk_signer(&signed, &scope, &credentials, now);
    Resigner::new(form, signer.unwrap())
}

fn payload() -> Resigner {
    example(
        Form::Payload,
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    )
}

fn trailer() -> Resigner {
    example(
        Form::PayloadTrailer,
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    )
}

fn chunk(size: &str, signature: &str, data: &str) -> String {
    format!("{size};chunk-signature={signature}\r\n{data}")
}

/// A body of AWS's examples with these signatures; without a fourth, without trailing headers.
fn example_body(signatures: [&str; 4]) -> String {
    let [first, second, last, trailer] = signatures;
    let end = match trailer {
        "" => String::new(),
        trailer => {
            format!("x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:{trailer}\r\n")
        }
    };
    [
        chunk("10000", first, &"a".repeat(65_536)),
        chunk("\r\n400", second, &"a".repeat(1024)),
        chunk("\r\n0", last, &end),
        "\r\n".to_owned(),
    ]
    .concat()
}

fn resigned(mut resigner: Resigner, body: &[u8]) -> Result<String, Fault> {
    let mut out = Vec::new();
    resigner.take(body, &mut out)?;
    resigner.finish()?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_example_of_aws_gets_its_signatures() {
    let ours = example_body([
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        "",
    ]);
    let theirs = example_body([OLD, OLD, OLD, ""]);
    assert_eq!(ours.len(), 66_824);
    assert!(resigned(payload(), theirs.as_bytes()) == Ok(ours));
}

#[test]
fn the_example_of_aws_with_trailing_headers_gets_its_signatures() {
    let ours = example_body([
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
    ]);
    let theirs = example_body([OLD, OLD, OLD, OLD]);
    assert!(resigned(trailer(), theirs.as_bytes()) == Ok(ours));
}

/// Small bodies of both forms, in every spelling that goes through.
fn small() -> Vec<(fn() -> Resigner, String)> {
    let data = [
        chunk("5", OLD, "hello\r\n"),
        chunk("0003", OLD, "\r\n0\r\n"),
    ]
    .concat();
    let upper = [chunk("A", OLD, "0123456789\r\n"), chunk("00", OLD, "\r\n")].concat();
    let last = chunk("0", OLD, "");
    let sum = "x-amz-checksum-crc32c:sOO8/Q==";
    let end = |header: &str| format!("{data}{last}{header}x-amz-trailer-signature:{OLD}\r\n");
    vec![
        (payload, format!("{last}\r\n")),
        (payload, format!("{data}{last}\r\n")),
        (payload, upper),
        (trailer, end(&format!("{sum}\r\n")) + "\r\n"),
        (trailer, end(&format!("{sum}\r\n"))),
        (trailer, end(&format!("{sum}\n\r\n")) + "\r\n"),
        (
            trailer,
            end(&format!("\r\n{sum}\r\nX-Amz-Meta: a  b \r\n")) + "\r\n",
        ),
        (trailer, end("") + "\r\n"),
    ]
}

#[test]
fn only_the_signatures_change() {
    for (resigner, body) in small() {
        let out = resigned(resigner(), body.as_bytes()).unwrap();
        assert_eq!(out.len(), body.len());
        assert!(!out.contains(OLD), "{out}");
        let mut unsigned = body.clone();
        for place in body.match_indices(OLD).map(|(place, _)| place) {
            let ours = &out[place..place + 64];
            assert!(ours.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
            unsigned.replace_range(place..place + 64, ours);
        }
        assert_eq!(out, unsigned);
    }
}

#[test]
fn it_does_not_matter_where_a_body_is_split() {
    for (resigner, body) in small() {
        let whole = resigned(resigner(), body.as_bytes());
        for place in 0..=body.len() {
            let (mut split, mut out) = (resigner(), Vec::new());
            let (before, after) = body.as_bytes().split_at(place);
            split.take(before, &mut out).unwrap();
            assert!(out.len() + split.held.len() <= place);
            split.take(after, &mut out).unwrap();
            assert_eq!(
                split.finish().map(|()| String::from_utf8(out).unwrap()),
                whole
            );
        }
    }
}

#[test]
fn a_body_that_is_cut_off_is_not_complete() {
    for (resigner, body) in small() {
        // With trailing headers, the last line end may be missing.
        let complete = body.trim_end_matches("\r\n").len() + 2;
        for length in 0..complete.min(body.len() - 1) {
            let cut = resigned(resigner(), &body.as_bytes()[..length]);
            assert_eq!(cut, Err(Fault::Incomplete), "{}", &body[..length]);
        }
    }
}

#[test]
fn trailing_headers_are_signed_sorted_trimmed_and_in_lower_case() {
    let body = |headers: &str| {
        let last = chunk("0", OLD, "");
        resigned(
            trailer(),
            format!("{last}{headers}x-amz-trailer-signature:{OLD}\r\n\r\n").as_bytes(),
        )
        .unwrap()
    };
    let signature = |headers: &str| {
        let body = body(headers);
        body.trim_end()[body.trim_end().len() - 64..].to_owned()
    };
    let plain = signature("x-a:1\r\nx-b:2\r\n");
    assert_eq!(signature("X-B: 2 \n\r\nx-a:1\r\n"), plain);
    assert_ne!(signature("x-a:1\r\nx-b:3\r\n"), plain);
}

#[track_caller]
fn check(resigner: fn() -> Resigner, body: &str, fault: Fault) {
    assert_eq!(resigned(resigner(), body.as_bytes()), Err(fault), "{body}");
    let (mut parts, mut out) = (resigner(), Vec::new());
    let bytes = body.as_bytes().chunks(1);
    let taken = bytes
        .map(|part| parts.take(part, &mut out))
        .fold(Ok(()), Result::and);
    assert_eq!(
        taken.and(parts.finish()),
        Err(fault),
        "byte by byte: {body}"
    );
    assert_eq!(parts.finish(), Err(fault));
    if fault != Fault::Incomplete {
        assert_eq!(parts.take(b"0", &mut out), Err(fault), "it stays broken");
    }
}

#[test]
fn a_chunk_that_starts_wrongly_is_refused() {
    let mark = format!(";chunk-signature={OLD}\r\n");
    for head in [
        "5\r\nhello\r\n".to_owned(),
        "\r\n".to_owned(),
        mark.clone(),
        format!("x{mark}"),
        format!("+5{mark}"),
        format!("-5{mark}"),
        format!(" 5{mark}"),
        format!("5 {mark}"),
        format!("5\u{e9}{mark}"),
        format!("0x5{mark}"),
        format!("5;other=1{mark}"),
        format!("5;Chunk-Signature={OLD}\r\n"),
        format!("5;chunk-signature={OLD}\n"),
        format!("5;chunk-signature={OLD};a=b\r\n"),
        format!("5;chunk-signature={}\r\n", &OLD[1..]),
        format!("5;chunk-signature=g{}\r\n", &OLD[1..]),
        format!("00000000000000005{mark}"),
        "5".repeat(1000),
    ] {
        check(payload, &head, Fault::Head);
        check(
            payload,
            &format!("{}{head}", chunk("1", OLD, "a\r\n")),
            Fault::Head,
        );
    }
}

#[test]
fn a_chunk_of_1_mib_passes_and_a_larger_one_is_refused() {
    let data = "a".repeat(1 << 20);
    let largest = [chunk("100000", OLD, &data), chunk("\r\n0", OLD, "\r\n")].concat();
    assert!(resigned(payload(), largest.as_bytes()).is_ok());
    for size in ["100001", "ffffffff", "100000000", "ffffffffffffffff"] {
        check(payload, &chunk(size, OLD, "a"), Fault::ChunkTooLarge);
    }
}

#[test]
fn a_chunk_longer_than_its_size_is_refused() {
    for after in ["b", "bc", "\n", "\rb", "b\r\n"] {
        let body = format!("{}{after}", chunk("1", OLD, "a"));
        let fault = if after.len() == 1 && after != "\n" {
            Fault::Incomplete
        } else {
            Fault::EndOfChunk
        };
        check(payload, &body, fault);
    }
}

#[test]
fn a_trailer_that_is_none_is_refused() {
    let last = chunk("0", OLD, "");
    for line in [
        "no colon\r\n",
        ":value\r\n",
        "na me:value\r\n",
        "name:val\rue\r\n",
        "name:val\0ue\r\n",
        "x-a:1\r\nX-A:2\r\n",
        "x-amz-trailer-signature:00\r\n",
        &format!("x-amz-trailer-signature:{OLD}0\r\n"),
        &format!("x-amz-trailer-signature:{OLD} \r\n"),
    ] {
        check(trailer, &format!("{last}{line}"), Fault::Trailer);
    }
    let long = format!("{last}x-a:{}", "1".repeat(MAX_TRAILER_BYTES));
    check(trailer, &long, Fault::TrailerTooLarge);
    let many = format!("{last}{}", "\r\n".repeat(MAX_TRAILER_BYTES));
    check(trailer, &many, Fault::TrailerTooLarge);
    check(trailer, &format!("{last}x-a:1\r\n\r\n"), Fault::Incomplete);
}

#[test]
fn what_follows_the_end_is_refused() {
    let last = chunk("0", OLD, "");
    for after in ["\r\n", &chunk("1", OLD, "a\r\n"), "\0"] {
        check(payload, &format!("{last}\r\n{after}"), Fault::AfterTheEnd);
    }
    let end = format!("{last}x-amz-trailer-signature:{OLD}\r\n");
    for after in ["\n", "x-a:1\r\n", "\r\n\r\n", "\r\n0"] {
        check(trailer, &format!("{end}{after}"), Fault::AfterTheEnd);
    }
}

#[test]
fn a_form_is_known_by_its_exact_name() {
    for form in [Form::Payload, Form::PayloadTrailer] {
        assert_eq!(Form::of(form.as_str()), Some(form));
        assert_eq!(Form::of(&form.as_str().to_lowercase()), None);
    }
    for other in [
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "",
    ] {
        assert_eq!(Form::of(other), None);
    }
}

proptest! {
    #[test]
    fn any_split_of_a_valid_body_gives_the_same_bytes(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6),
        cuts in prop::collection::vec(0..2000usize, 0..10),
        with_trailer: bool,
    ) {
        let mut body = Vec::new();
        for data in &chunks {
            body.extend(chunk(&format!("{:x}", data.len()), OLD, "").bytes());
            body.extend(data);
            body.extend(b"\r\n");
        }
        body.extend(chunk("0", OLD, "").bytes());
        let resigner = if with_trailer {
            body.extend(format!("x-a:1\r\nx-amz-trailer-signature:{OLD}\r\n").bytes());
            trailer
        } else {
            payload
        };
        body.extend(b"\r\n");
        let (mut whole, mut expected) = (resigner(), Vec::new());
        whole.take(&body, &mut expected).unwrap();
        whole.finish().unwrap();

        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % body.len()).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let (mut split, mut out) = (resigner(), Vec::new());
        for pair in places.windows(2) {
            split.take(&body[pair[0]..pair[1]], &mut out).unwrap();
            prop_assert!(out.len() + split.held.len() <= pair[1]);
        }
        split.finish().unwrap();
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn no_bytes_panic_or_are_multiplied(
        parts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                Just(b"\r\n".to_vec()),
                Just(b"x-a:1\r\n".to_vec()),
                Just(chunk("3", OLD, "abc").into_bytes()),
                Just(chunk("0", OLD, "").into_bytes()),
                Just(chunk("100000", OLD, "").into_bytes()),
                Just(chunk("ffffffffffffffff", OLD, "").into_bytes()),
            ],
            0..20,
        ),
        with_trailer: bool,
    ) {
        let (mut resigner, mut out) = (if with_trailer { trailer() } else { payload() }, Vec::new());
        let mut taken = 0;
        for part in &parts {
            let _ = resigner.take(part, &mut out);
            taken += part.len();
            prop_assert!(out.len() <= taken);
            prop_assert!(resigner.held.capacity() <= (1 << 20) + 256);
        }
        let _ = resigner.finish();
    }
}

#[test]
fn memory_follows_the_data_that_has_come_and_not_the_size_that_is_announced() {
    let mut resigner = payload();
    let mut out = Vec::new();
    resigner
        .take(chunk("100000", OLD, "").as_bytes(), &mut out)
        .unwrap();
    assert!(resigner.held_bytes() < 200, "{}", resigner.held_bytes());
    let mut come = 0;
    for part in [1, 10_000, 20_000, 500_000, 518_574] {
        resigner.take(&vec![b'a'; part], &mut out).unwrap();
        come += part;
        let held = resigner.held_bytes();
        assert!(held >= come && held <= 2 * come + 200, "{held} of {come}");
    }
    assert_eq!(come, (1 << 20) - 1);
    assert!(out.is_empty());
    resigner.take(b"a", &mut out).unwrap();
    assert_eq!(resigner.held_bytes(), 0);
    assert!(out.len() > 1 << 20);
}

#[test]
fn no_chunk_takes_more_memory_than_it_has() {
    let mut resigner = payload();
    let mut out = Vec::new();
    resigner
        .take(chunk("100000", OLD, "").as_bytes(), &mut out)
        .unwrap();
    for _ in 0..(1 << 20) / 4096 - 1 {
        resigner.take(&[b'a'; 4096], &mut out).unwrap();
    }
    let held = resigner.held_bytes();
    assert!(held <= (1 << 20) + 200, "{held}");
}
