//! Objects in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::TryStreamExt as _;
use s3s::dto::{
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput,
    GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListObjectsV2Input, ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput,
    StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

/// By bucket and key.
type Objects = BTreeMap<(String, String), Vec<u8>>;

/// All that was put.
#[derive(Default)]
pub(crate) struct Store(Mutex<Objects>);

impl Store {
    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let PutObjectInput {
            bucket,
            key,
            body,
            content_length,
            ..
        } = request.input;
        let mut content = Vec::new();
        if let Some(mut body) = body {
            // Signatures of chunks and trailers are verified as the body is read.
            while let Some(data) = body
                .try_next()
                .await
                .map_err(|error| s3_error!(SignatureDoesNotMatch, "{error}"))?
            {
                content.extend_from_slice(&data);
            }
        }
        // s3s takes a body that ends between two chunks for a whole one, and does not miss a trailer.
        let length = content_length.and_then(|length| usize::try_from(length).ok());
        let is_short = length.is_some_and(|length| length != content.len());
        let came = request
            .trailing_headers
            .is_some_and(|trailer| trailer.is_ready());
        if is_short || (request.headers.contains_key("x-amz-trailer") && !came) {
            return Err(s3_error!(IncompleteBody));
        }
        self.objects().insert((bucket, key), content);
        Ok(S3Response::new(PutObjectOutput::default()))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let place = (request.input.bucket, request.input.key);
        let content = self
            .objects()
            .get(&place)
            .cloned()
            .ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(GetObjectOutput {
            content_length: i64::try_from(content.len()).ok(),
            body: Some(StreamingBlob::from(Body::from(content))),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let place = (request.input.bucket, request.input.key);
        match self.objects().contains_key(&place) {
            true => Ok(S3Response::new(HeadObjectOutput::default())),
            false => Err(s3_error!(NoSuchKey)),
        }
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let place = (request.input.bucket, request.input.key);
        self.objects().remove(&place);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    /// An upload is an object to which its parts are added as they come.
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let place = (request.input.bucket, request.input.key);
        self.objects().insert(place, Vec::new());
        Ok(S3Response::new(CreateMultipartUploadOutput {
            upload_id: Some("1".to_owned()),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let place = (request.input.bucket, request.input.key);
        let mut content = Vec::new();
        if let Some(mut body) = request.input.body {
            while let Some(data) = body
                .try_next()
                .await
                .map_err(|error| s3_error!(SignatureDoesNotMatch, "{error}"))?
            {
                content.extend_from_slice(&data);
            }
        }
        let mut objects = self.objects();
        let upload = objects
            .get_mut(&place)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        upload.extend(content);
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong("1".to_owned())),
            ..UploadPartOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        _: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        Ok(S3Response::new(CompleteMultipartUploadOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let (bucket, prefix) = (
            request.input.bucket,
            request.input.prefix.unwrap_or_default(),
        );
        let objects = self.objects();
        let places = objects
            .keys()
            .filter(|(name, key)| *name == bucket && key.starts_with(&prefix));
        let contents = places
            .map(|(_, key)| Object {
                key: Some(key.clone()),
                ..Object::default()
            })
            .collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(bucket),
            prefix: Some(prefix),
            contents: Some(contents),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        Ok(S3Response::new(ListBucketsOutput::default()))
    }
}
