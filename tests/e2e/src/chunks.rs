//! Bodies that are signed chunk by chunk, as a client sends them and as AWS checks them.
//!
//! Nothing of the filter is used: keys, hashes and signatures are `ring`'s.

use ring::hmac;

use crate::hex;
use crate::verify::sha256;

/// What the signatures of the chunks start from.
#[derive(Debug)]
pub struct Seed<'a> {
    /// Of the key that signs.
    pub secret_access_key: &'a str,
    /// `x-amz-date`
    pub date: &'a str,
    /// From the credential scope.
    pub region: &'a str,
    /// From the credential scope.
    pub service: &'a str,
    /// The signature in `authorization`.
    pub signature: &'a str,
}

/// What the chunks held.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Bytes of data.
    pub length: usize,
    /// Of the data, in hex.
    pub sha256: String,
    /// The sizes of the chunks, the last one too.
    pub sizes: Vec<usize>,
    /// The trailing headers, without their signature.
    pub trailers: Vec<(String, String)>,
}

/// Checks every signature, and every byte of the framing.
///
/// # Errors
/// Says what AWS would not accept.
pub fn decode(
    seed: &Seed<'_>,
    content_sha256: &str,
    x_amz_trailer: Option<String>,
    body: &[u8],
) -> Result<Decoded, String> {
    let with_trailer = match content_sha256 {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => false,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => true,
        other => return Err(format!("no such form: {other}")),
    };
    let day = seed.date.get(..8).ok_or("no date")?;
    let scope = format!("{day}/{}/{}/aws4_request", seed.region, seed.service);
    let mut key = format!("AWS4{}", seed.secret_access_key).into_bytes();
    for part in [day, seed.region, seed.service, "aws4_request"] {
        key = mac(&key, part).as_ref().to_vec();
    }
    let mut previous = seed.signature.to_owned();
    let mut check = |kind: &str, hashes: &str, signature: &str| {
        let text = format!(
            "AWS4-HMAC-SHA256-{kind}\n{}\n{scope}\n{previous}\n{hashes}",
            seed.date
        );
        previous = hex(mac(&key, &text).as_ref());
        if previous == signature {
            Ok(())
        } else {
            Err(format!(
                "the signature of a {kind} is {signature}, not {previous}"
            ))
        }
    };
    let empty = sha256(b"");
    let (mut rest, mut data, mut sizes) = (body, Vec::new(), Vec::new());
    loop {
        let head = line(&mut rest)?;
        let (size, signature) = head
            .split_once(";chunk-signature=")
            .ok_or(format!("the first line of a chunk is {head:?}"))?;
        let size = usize::from_str_radix(size, 16).map_err(|error| error.to_string())?;
        let (chunk, after) = rest.split_at_checked(size).ok_or("a chunk is cut off")?;
        rest = after;
        check("PAYLOAD", &format!("{empty}\n{}", sha256(chunk)), signature)?;
        data.extend_from_slice(chunk);
        sizes.push(size);
        if size == 0 {
            break;
        }
        if !line(&mut rest)?.is_empty() {
            return Err("a chunk does not end with a line end".into());
        }
    }
    let mut trailers = Vec::new();
    if with_trailer {
        loop {
            let header = line(&mut rest)?;
            let (name, value) = header.split_once(':').ok_or("no header")?;
            if name == "x-amz-trailer-signature" {
                let text: String = trailers
                    .iter()
                    .map(|(name, value)| format!("{name}:{value}\n"))
                    .collect();
                check("TRAILER", &sha256(text.as_bytes()), value)?;
                break;
            }
            trailers.push((name.to_owned(), value.to_owned()));
        }
        let names: Vec<&str> = trailers.iter().map(|(name, _)| name.as_str()).collect();
        if x_amz_trailer.is_none_or(|announced| announced != names.join(",")) {
            return Err(format!("{names:?} were not announced"));
        }
    }
    if rest != b"\r\n" {
        return Err(format!("the end is {:?}", rest.escape_ascii().to_string()));
    }
    Ok(Decoded {
        length: data.len(),
        sha256: sha256(&data),
        sizes,
        trailers,
    })
}

fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a str, String> {
    let end = rest
        .windows(2)
        .position(|window| window == b"\r\n")
        .ok_or("a line is cut off")?;
    let line = std::str::from_utf8(&rest[..end]).map_err(|error| error.to_string())?;
    *rest = &rest[end + 2..];
    Ok(line)
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// A body as a client with placeholder keys sends it: its signatures are worth nothing.
pub fn encode(data: &[u8], size: usize, trailers: Option<&[(&str, &str)]>) -> Vec<u8> {
    let signature = "5".repeat(64);
    let mut body = Vec::new();
    for chunk in data.chunks(size) {
        body.extend(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).bytes());
        body.extend([chunk, b"\r\n"].concat());
    }
    body.extend(format!("0;chunk-signature={signature}\r\n").bytes());
    if let Some(trailers) = trailers {
        for (name, value) in trailers {
            body.extend(format!("{name}:{value}\r\n").bytes());
        }
        body.extend(format!("x-amz-trailer-signature:{signature}\r\n").bytes());
    }
    body.extend(b"\r\n");
    body
}
