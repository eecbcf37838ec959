use std::time::{Duration, SystemTime};

use aws_sigv4::event_stream::{sign_empty_message, sign_message};
use aws_sigv4::sign::v4;
use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use proptest::prelude::*;

use super::*;
use crate::credentials::{Credentials, Secret};
use crate::events::crc::crc32;
use crate::sigv4::{
    Algorithm, ContentSha256, HeaderSelection, PathStyle, Payload, Request, Scope, Settings,
    Signer, hex, sha256,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2026-11-18T23:06:40Z.
const OPENED: u64 = 1_795_043_200;
const SCOPE: Scope<'static> = Scope {
    algorithm: Algorithm::SigV4,
    region: "eu-west-1",
    service: "transcribe",
};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A stream whose request was signed at `OPENED`, and the signature of the request.
fn open() -> (Resigner, String) {
    opened_as(at(OPENED))
}

/// The same, signed with another time.
fn opened_as(signed_at: SystemTime) -> (Resigner, String) {
    let credentials = Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new(SECRET),
        session_token: Secret::new("token"),
        expires_at: at(OPENED + 3600),
    };
    let headers = [("content-type", "application/vnd.amazon.eventstream")];
    let request = Request {
        method: "POST",
        host: b"transcribestreaming.eu-west-1.amazonaws.com",
        path_and_query: b"/stream-transcription",
        headers: &headers,
        payload: Payload::Literal(EVENTS),
    };
    let settings = Settings {
        path_style: PathStyle::Normalised,
        content_sha256: ContentSha256::Written,
        signed_headers: HeaderSelection::Minimal,
    };
    let mut signer = Signer::default();
    let signed = signer.sign(&request, settings, &SCOPE, &credentials, signed_at);
    let seed = signed.signature().to_owned();
    let signer = signer.event_signer(&signed, &SCOPE, &credentials, signed_at);
    let resigner = Resigner::new(signer.unwrap(), at(OPENED), signed_at);
    (resigner, seed)
}

/// AWS's own signer, for one stream.
struct Oracle {
    secret: &'static str,
    previous: String,
}

impl Oracle {
    /// What AWS's SDK sends with the placeholder keys.
    fn client() -> Self {
        Self {
            secret: "placeholder",
            previous: "0".repeat(64),
        }
    }

    /// What it would send with the keys that sign.
    fn ours(seed: String) -> Self {
        Self {
            secret: SECRET,
            previous: seed,
        }
    }

    /// A message with this payload, or the one that closes a stream.
    fn next(&mut self, payload: Option<&[u8]>, time: SystemTime) -> Vec<u8> {
        let keys = ("AKIDEXAMPLE", self.secret, None, None, "test");
        let (id, secret, token, expiry, provider) = keys;
        let identity =
            aws_credential_types::Credentials::new(id, secret, token, expiry, provider).into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(SCOPE.region)
            .name(SCOPE.service)
            .time(time)
            .settings(())
            .build()
            .unwrap();
        let event = payload.map(event);
        let signed = match &event {
            Some(event) => sign_message(event, &self.previous, &params).unwrap(),
            None => sign_empty_message(&self.previous, &params).unwrap(),
        };
        let (message, signature) = signed.into_parts();
        self.previous = signature;
        written(&message)
    }
}

/// As an SDK frames audio.
fn event(audio: &[u8]) -> Message {
    Message::new(audio.to_vec())
        .add_header(Header::new(
            ":content-type",
            HeaderValue::String("application/octet-stream".into()),
        ))
        .add_header(Header::new(
            ":event-type",
            HeaderValue::String("AudioEvent".into()),
        ))
}

fn written(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_message_to(message, &mut bytes).unwrap();
    bytes
}

/// A message with these headers, whatever they are.
fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut bytes = Vec::new();
    bytes.extend(length(16 + headers.len() + payload.len()));
    bytes.extend(length(headers.len()));
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

fn date() -> Vec<u8> {
    [b"\x05:date\x08".as_slice(), &[7; 8]].concat()
}

fn signature() -> Vec<u8> {
    [b"\x10:chunk-signature\x06\x00\x20".as_slice(), &[7; 32]].concat()
}

/// Verifies a stream as AWS says it does, and returns the payloads and dates of its messages.
fn verified(mut stream: &[u8], seed: &str) -> Vec<(Vec<u8>, u64)> {
    let mut previous = seed.to_owned();
    let mut payloads = Vec::new();
    while !stream.is_empty() {
        let message = read_message_from(&mut stream).unwrap();
        let (mut date, mut found) = (None, None);
        let mut signed = Message::new(Vec::new());
        for header in message.headers() {
            match header.value() {
                HeaderValue::ByteArray(bytes) if header.name().as_str() == ":chunk-signature" => {
                    found = Some(hex(bytes));
                    continue;
                }
                HeaderValue::Timestamp(time) if header.name().as_str() == ":date" => {
                    date = Some(time.secs().unsigned_abs());
                    assert_eq!(time.subsec_nanos(), 0);
                }
                _ => {}
            }
            signed = signed.add_header(header.clone());
        }
        let date = date.unwrap();
        // The headers as they are written, without the frame around them.
        let signed = written(&signed);
        let headers = &signed[12..signed.len() - 4];
        let time = time::UtcDateTime::from_unix_timestamp(date.try_into().unwrap()).unwrap();
        let day = time::macros::format_description!("[year][month][day]");
        let day = time.format(day).unwrap();
        let moment = time::macros::format_description!("T[hour][minute][second]Z");
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{day}{}\n{day}/{}/{}/aws4_request\n{previous}\n{}\n{}",
            time.format(moment).unwrap(),
            SCOPE.region,
            SCOPE.service,
            hex(&sha256(headers)),
            hex(&sha256(message.payload())),
        );
        let key = v4::generate_signing_key(SECRET, at(date), SCOPE.region, SCOPE.service);
        let expected = v4::calculate_signature(key, string_to_sign.as_bytes());
        assert_eq!(found, Some(expected.clone()));
        previous = expected;
        payloads.push((message.payload().to_vec(), date));
    }
    payloads
}

/// All of `stream` in parts of so many bytes, each at its own time.
fn resigned(
    resigner: &mut Resigner,
    stream: &[u8],
    parts: impl IntoIterator<Item = usize>,
    now: impl Fn(usize) -> SystemTime,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = stream;
    let mut came = 0;
    for part in parts {
        let (part, after) = rest.split_at(part.min(rest.len()));
        let mut new = Vec::new();
        resigner.take(part, now(came), &mut new).unwrap();
        out.extend(new);
        came += part.len();
        rest = after;
    }
    let mut new = Vec::new();
    resigner.take(rest, now(came), &mut new).unwrap();
    out.extend(new);
    out
}

#[test]
fn messages_are_those_that_awss_own_signer_makes_with_our_keys() {
    let (mut resigner, seed) = open();
    let (mut client, mut oracle) = (Oracle::client(), Oracle::ours(seed));
    for second in 0..50 {
        let audio = vec![0x5a; usize::try_from(second * 37).unwrap()];
        let payload = (second < 49).then_some(&*audio);
        let sent = client.next(payload, at(OPENED + second - 3));
        let now = at(OPENED + second) + Duration::from_millis(700);
        let mut out = Vec::new();
        resigner.take(&sent, now, &mut out).unwrap();
        assert_eq!(out, oracle.next(payload, now));
        assert_eq!(out.len(), sent.len());
        assert_eq!(resigner.held_bytes(), 0);
        assert_eq!(resigner.finish(), Ok(()));
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let mut client = Oracle::client();
    let mut stream = Vec::new();
    for payload in [Some("audio"), Some(""), Some("more audio"), None] {
        stream.extend(client.next(payload.map(str::as_bytes), at(OPENED)));
    }
    let whole = resigned(&mut open().0, &stream, [], |_| at(OPENED));
    assert_eq!(verified(&whole, &open().1).len(), 4);
    for length in 1..=stream.len() {
        let parts = std::iter::repeat_n(length, stream.len() / length);
        let (mut resigner, _) = open();
        assert_eq!(
            resigned(&mut resigner, &stream, parts, |_| at(OPENED)),
            whole
        );
        assert_eq!(resigner.finish(), Ok(()));
    }
    for cut in 0..stream.len() {
        let (mut resigner, _) = open();
        assert_eq!(
            resigned(&mut resigner, &stream, [cut], |_| at(OPENED)),
            whole
        );
    }
}

#[test]
fn a_message_goes_on_as_soon_as_it_is_complete_and_no_sooner() {
    let (mut resigner, _) = open();
    let sent = Oracle::client().next(Some(b"audio"), at(OPENED));
    let (last, first) = sent.split_last().unwrap();
    let mut out = Vec::new();
    for byte in first {
        resigner.take(&[*byte], at(OPENED), &mut out).unwrap();
        assert!(out.is_empty());
        assert_eq!(resigner.finish(), Err(Fault::Incomplete));
    }
    resigner.take(&[*last], at(OPENED), &mut out).unwrap();
    assert_eq!(out.len(), sent.len());
}

#[test]
fn a_hundred_thousand_messages_are_right() {
    // Over two midnights, with hours of silence.
    let (mut resigner, seed) = open();
    let mut client = Oracle::client();
    let mut sent = 0_u64;
    let mut previous = seed;
    let mut random = 88_172_645_463_325_252_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let mut time = OPENED;
    while sent < 100_000 {
        let mut stream = Vec::new();
        for _ in 0..100 {
            let audio = vec![0xa5; usize::try_from(below(64)).unwrap()];
            stream.extend(client.next(Some(&audio), at(OPENED)));
        }
        let mut cuts = Vec::new();
        let mut cut = 0;
        while cut < stream.len() {
            let most = 1 + below(2000);
            let length = usize::try_from(1 + below(most)).unwrap();
            cut += length;
            cuts.push(length);
        }
        let out = resigned(&mut resigner, &stream, cuts, |_| at(time));
        let messages = verified(&out, &previous);
        assert_eq!(messages.len(), 100);
        assert!(messages.iter().all(|(_, date)| *date == time));
        let last = out.len() - 4 - messages[99].0.len() - 15;
        previous = hex(&out[last - 32..last]);
        sent += 100;
        time += below(250);
    }
    assert!(time > OPENED + 86_400);
    assert_eq!(resigner.finish(), Ok(()));
}

#[test]
fn each_message_has_the_time_at_which_it_went_on() {
    let (mut resigner, seed) = open();
    let mut client = Oracle::client();
    let first = client.next(Some(b"a"), at(1));
    let second = client.next(None, at(2));
    let mut out = Vec::new();
    resigner.take(&first, at(OPENED + 5), &mut out).unwrap();
    resigner.take(&second, at(OPENED + 600), &mut out).unwrap();
    let dates: Vec<u64> = verified(&out, &seed)
        .iter()
        .map(|(_, date)| *date)
        .collect();
    assert_eq!(dates, [OPENED + 5, OPENED + 600]);
}

#[test]
fn midnight_brings_a_new_key_and_keeps_the_chain() {
    let midnight = (OPENED / 86_400 + 1) * 86_400;
    let (mut resigner, seed) = open();
    let (mut client, mut oracle) = (Oracle::client(), Oracle::ours(seed));
    // The clock may be set back, too.
    for second in [midnight - 1, midnight, midnight + 86_400, midnight - 1] {
        let sent = client.next(Some(b"audio"), at(OPENED));
        let mut out = Vec::new();
        resigner.take(&sent, at(second), &mut out).unwrap();
        assert_eq!(out, oracle.next(Some(b"audio"), at(second)));
    }
}

#[test]
fn the_correction_of_the_clock_holds_for_every_message() {
    for signed in [OPENED + 301, OPENED - 301] {
        let (mut resigner, seed) = opened_as(at(signed));
        let sent = Oracle::client().next(Some(b"audio"), at(OPENED));
        let mut out = Vec::new();
        resigner.take(&sent, at(OPENED + 10), &mut out).unwrap();
        resigner.take(&sent, at(OPENED - 10), &mut out).unwrap();
        let dates: Vec<u64> = verified(&out, &seed)
            .iter()
            .map(|(_, date)| *date)
            .collect();
        assert_eq!(dates, [signed + 10, signed - 10]);
    }
}

#[test]
fn headers_may_come_in_any_order_and_others_are_signed() {
    let others = [
        b"\x01t\x00".as_slice(),
        b"\x01f\x01",
        b"\x01b\x02x",
        b"\x01s\x03xx",
        b"\x01i\x04xxxx",
        b"\x01l\x05xxxxxxxx",
        b"\x01y\x06\x00\x03xxx",
        b"\x01n\x07\x00\x04text",
        b"\x01d\x08\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x01u\x09xxxxxxxxxxxxxxxx",
    ]
    .concat();
    for headers in [
        [date(), signature()].concat(),
        [signature(), date()].concat(),
        [date(), others.clone(), signature()].concat(),
        [others.clone(), signature(), others.clone(), date()].concat(),
    ] {
        let (mut resigner, seed) = open();
        let stream = [framed(&headers, b"audio"), framed(&headers, b"")].concat();
        let out = resigned(&mut resigner, &stream, [], |_| at(OPENED));
        let payloads = verified(&out, &seed);
        assert_eq!(payloads[0].0, b"audio");
        assert_eq!(payloads[1].0, b"");
    }
}

#[track_caller]
fn check(stream: &[u8], fault: Fault) {
    let (mut resigner, _) = open();
    let before = framed(&[date(), signature()].concat(), b"audio");
    let mut out = Vec::new();
    resigner.take(&before, at(OPENED), &mut out).unwrap();
    let mut came = 0;
    let found = loop {
        match stream.get(came..came + 1) {
            None => break resigner.finish(),
            Some(byte) => match resigner.take(byte, at(OPENED), &mut out) {
                Ok(()) => came += 1,
                Err(fault) => break Err(fault),
            },
        }
    };
    assert_eq!(found, Err(fault));
    assert_eq!(out.len(), before.len(), "what is before it has gone on");
    if fault != Fault::Incomplete {
        // Nothing more comes of it.
        let again = resigner.take(&before, at(OPENED), &mut out);
        assert_eq!(again, Err(fault));
        assert_eq!(resigner.finish(), Err(fault));
        assert_eq!(resigner.held_bytes(), 0);
    }
}

#[test]
fn what_cannot_be_signed_ends_the_stream() {
    let good = framed(&[date(), signature()].concat(), b"audio");
    for bytes in 1..good.len() {
        check(&good[..bytes], Fault::Incomplete);
    }
    for place in 0..12 {
        let mut bad = good.clone();
        bad[place] ^= 1;
        check(&bad, Fault::Prelude);
    }
    for place in 12..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x80;
        check(&bad, Fault::Checksum);
    }
    check(br#"{"audio": "not an event stream"}"#, Fault::Prelude);
    let headers = |headers: &[&[u8]], fault| check(&framed(&headers.concat(), b"audio"), fault);
    headers(&[], Fault::Date);
    headers(&[&signature()], Fault::Date);
    headers(&[&date()], Fault::Signature);
    headers(&[&date(), &date(), &signature()], Fault::Date);
    headers(&[&date(), &signature(), &signature()], Fault::Signature);
    headers(&[b"\x05:date\x05xxxxxxxx", &signature()], Fault::Date);
    headers(
        &[&date(), b"\x10:chunk-signature\x06\x00\x02xx"],
        Fault::Signature,
    );
    let text = [b"\x10:chunk-signature\x07\x00\x20".as_slice(), &[b'x'; 32]].concat();
    headers(&[&date(), &text], Fault::Signature);
    headers(&[&date(), &signature(), b"\x01x\x0a"], Fault::Headers);
    headers(
        &[&date(), &signature(), b"\x01x\x07\x00\x05text"],
        Fault::Headers,
    );
    headers(&[&date(), &signature(), b"\x05x"], Fault::Headers);
    headers(&[&date(), &signature(), b"\x01x"], Fault::Headers);
}

/// The first bytes of a message with these lengths.
fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

#[test]
fn lengths_are_judged_before_anything_else_comes() {
    check(&prelude(15, 0), Fault::Lengths);
    check(&prelude(0, 0), Fault::Lengths);
    check(&prelude(81, 66), Fault::Lengths);
    check(&prelude(24 << 20, (128 << 10) + 1), Fault::HeadersTooLarge);
    check(&prelude(u32::MAX, u32::MAX), Fault::HeadersTooLarge);
    check(&prelude((24 << 20) + 1, 66), Fault::MessageTooLarge);
    check(&prelude(24 << 20, 128 << 10), Fault::Incomplete);
}

#[test]
fn memory_follows_what_has_come_and_not_what_is_announced() {
    let (mut resigner, _) = open();
    let mut out = Vec::new();
    resigner
        .take(&prelude(24 << 20, 66), at(OPENED), &mut out)
        .unwrap();
    assert!(resigner.held_bytes() < 64);
    resigner.take(&[0; 1000], at(OPENED), &mut out).unwrap();
    assert!(resigner.held_bytes() < 4096);
}

#[test]
fn the_largest_message_is_taken() {
    let headers = [date(), signature()].concat();
    let message = framed(&headers, &vec![1; MAX_MESSAGE_BYTES - 16 - headers.len()]);
    let (mut resigner, seed) = open();
    let parts = std::iter::repeat_n(1 << 20, 24);
    let out = resigned(&mut resigner, &message, parts, |_| at(OPENED));
    assert_eq!(verified(&out, &seed).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_may_be_cut_at_random(
        audio in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..12),
        parts in proptest::collection::vec(0usize..200, 0..60),
        closes in any::<bool>(),
    ) {
        let mut client = Oracle::client();
        let mut stream = Vec::new();
        for audio in &audio {
            stream.extend(client.next(Some(audio), at(OPENED)));
        }
        if closes {
            stream.extend(client.next(None, at(OPENED)));
        }
        let (mut resigner, seed) = open();
        let out = resigned(&mut resigner, &stream, parts, |came| at(OPENED + came as u64));
        prop_assert_eq!(resigner.finish(), Ok(()));
        let messages = verified(&out, &seed);
        prop_assert_eq!(messages.len(), audio.len() + usize::from(closes));
        for (audio, (payload, _)) in audio.iter().zip(&messages) {
            let inner = read_message_from(&mut &**payload).unwrap();
            prop_assert_eq!(&**inner.payload(), &**audio);
        }
    }

    #[test]
    fn whatever_comes_nothing_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        headers in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let (mut resigner, _) = open();
        let mut out = Vec::new();
        let _ = resigner.take(&framed(&headers, &bytes), at(OPENED), &mut out);
        let _ = resigner.take(&bytes, at(OPENED), &mut out);
        prop_assert!(out.is_empty());
    }
}
