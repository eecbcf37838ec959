use crate::{Clients, REGION, Result};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CompletedMultipartUpload, CompletedPart, CreateBucketConfiguration,
    Delete, EncodingType, ObjectIdentifier,
};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fs;

const MIB: usize = 1 << 20;
/// What a copy source wants percent-encoded.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn bucket(clients: &Clients) -> String {
    format!("{}-bucket", clients.prefix)
}

async fn put(clients: &Clients, key: &str, body: ByteStream) -> Result {
    let put = clients.s3.put_object().bucket(bucket(clients)).key(key);
    put.body(body).send().await?;
    Ok(())
}

/// Checks that an object has this body.
async fn holds(clients: &Clients, key: &str, body: &[u8]) -> Result {
    let get = clients.s3.get_object().bucket(bucket(clients)).key(key);
    let got = get.send().await?.body.collect().await?.into_bytes();
    if got.len() != body.len() {
        return Err(format!("{key:?} has {} bytes, not {}", got.len(), body.len()).into());
    }
    if got != body {
        return Err(format!("{key:?} has another body").into());
    }
    Ok(())
}

/// The keys of the bucket, in pages of a few.
async fn listed(clients: &Clients) -> Result<Vec<String>> {
    let list = clients.s3.list_objects_v2().bucket(bucket(clients));
    let list = list.encoding_type(EncodingType::Url).max_keys(7);
    let mut pages = list.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        for object in page?.contents() {
            // The SDK leaves it to us to decode what the encoding type asked for.
            let key = object.key().unwrap_or_default().replace('+', " ");
            keys.push(percent_decode_str(&key).decode_utf8()?.into_owned());
        }
    }
    Ok(keys)
}

pub(crate) async fn list(clients: &Clients) -> Result {
    let location = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    let create = clients.s3.create_bucket().bucket(bucket(clients));
    create.create_bucket_configuration(location).send().await?;
    let list = clients.s3.list_buckets().send().await?;
    let name = bucket(clients);
    if !list
        .buckets()
        .iter()
        .any(|bucket| bucket.name() == Some(&name))
    {
        return Err("the bucket is not in the list".into());
    }
    Ok(())
}

/// Tries every key, so that one report names all that fail.
pub(crate) async fn keys(clients: &Clients) -> Result {
    let lines = fs::read_to_string(std::env::var("DIFFICULT_KEYS")?)?;
    let keys: Vec<String> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<std::result::Result<_, _>>()?;
    let mut failed = Vec::new();
    for key in &keys {
        let body = format!("body of {key}").into_bytes();
        let there_and_back = async {
            put(clients, key, body.clone().into()).await?;
            holds(clients, key, &body).await
        };
        if let Err(error) = there_and_back.await {
            failed.push(format!("{key:?}: {}", crate::one_line(&*error)));
        }
    }
    let listed = listed(clients).await?;
    for key in keys.iter().filter(|key| !listed.contains(key)) {
        failed.push(format!("{key:?} is not in the list"));
    }
    if !failed.is_empty() {
        return Err(failed.join("; ").into());
    }
    Ok(())
}

pub(crate) async fn multipart(clients: &Clients) -> Result {
    let (s3, bucket, key) = (&clients.s3, bucket(clients), "multipart");
    let body = random(5 * MIB + 1024);
    let create = s3.create_multipart_upload().bucket(&bucket).key(key);
    let upload = create.send().await?;
    let id = upload.upload_id().ok_or("the upload has no id")?;
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(body.chunks(5 * MIB)) {
        let part = ByteStream::from(part.to_vec());
        let upload = s3.upload_part().bucket(&bucket).key(key).upload_id(id);
        let uploaded = upload.part_number(number).body(part).send().await?;
        completed = completed.parts(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(uploaded.e_tag)
                .set_checksum_crc32(uploaded.checksum_crc32)
                .build(),
        );
    }
    let complete = s3.complete_multipart_upload().bucket(&bucket).key(key);
    let complete = complete.upload_id(id).multipart_upload(completed.build());
    complete.send().await?;
    holds(clients, key, &body).await
}

/// In one put: the SDK's transfer manager is a preview.
pub(crate) async fn upload(clients: &Clients) -> Result {
    let body = random(64 * MIB);
    put(clients, "upload", body.clone().into()).await?;
    holds(clients, "upload", &body).await
}

/// A body of `http_body` can be read once only; this one knows its length.
pub(crate) async fn stream(clients: &Clients) -> Result {
    let body = random(300 * 1024);
    let once = ByteStream::from_body_1_x(Full::from(body.clone()));
    put(clients, "stream", once).await?;
    holds(clients, "stream", &body).await
}

pub(crate) async fn copy(clients: &Clients) -> Result {
    let (bucket, key) = (bucket(clients), "copy/50% of ünïcode");
    let again = format!("{key} again");
    put(clients, key, ByteStream::from_static(b"to be copied")).await?;
    // The SDK sends it as it is.
    let source = format!("{bucket}/{}", utf8_percent_encode(key, ESCAPED));
    let copy = clients.s3.copy_object().bucket(&bucket).key(&again);
    copy.copy_source(source).send().await?;
    holds(clients, &again, b"to be copied").await
}

pub(crate) async fn delete(clients: &Clients) -> Result {
    let bucket = bucket(clients);
    let mut objects = Delete::builder();
    for key in listed(clients).await? {
        objects = objects.objects(ObjectIdentifier::builder().key(key).build()?);
    }
    let delete = clients.s3.delete_objects().bucket(&bucket);
    let deleted = delete.delete(objects.build()?).send().await?;
    if !deleted.errors().is_empty() {
        return Err(format!("not deleted: {:?}", deleted.errors()).into());
    }
    clients.s3.delete_bucket().bucket(&bucket).send().await?;
    Ok(())
}

/// A body that no other has.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}
