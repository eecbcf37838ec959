//! An S3 on a free loopback port that knows no request but signed ones.
//!
//! Signatures are verified by the crate `s3s`: those of headers, of chunks and of trailers. What it does not look at,
//! this server does: `x-amz-security-token` ([`access`]), and whether a body is whole ([`store`]), but for a last chunk
//! that is missing. Objects live in memory, and every bucket exists.
//!
//! The first line on the standard output is the port. Each line on the standard input is a key, `<access key id>
//! <secret access key> [<session token>]`, and is answered by a line with the id once the key counts. The server ends
//! with its standard input.

mod access;
mod store;

use std::error::Error;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::host::MultiDomain;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

use access::Keys;
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = Arc::new(Keys::default());
    let mut service = S3ServiceBuilder::new(Store::default());
    service.set_auth(access::Secrets(Arc::clone(&keys)));
    service.set_access(access::Tokens(Arc::clone(&keys)));
    // What stands before them is a bucket's name.
    service.set_host(MultiDomain::new([
        "s3.eu-west-1.amazonaws.com",
        "s3.amazonaws.com",
    ])?);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    tokio::select! {
        ended = serve(listener, service.build()) => ended,
        ended = learn(&keys) => ended,
    }
}

async fn serve(listener: TcpListener, service: S3Service) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, _) = listener.accept().await?;
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            // A client that leaves is no fault of this server's.
            let _ = connection.await;
        });
    }
}

async fn learn(keys: &Keys) -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let id = keys
            .add(&line)
            .ok_or("a key is `<id> <secret> [<token>]`")?;
        println!("{id}");
    }
    Ok(())
}
