use super::*;
use proptest::prelude::*;

proptest! {
    /// Whatever arrives: no panic, and nothing is signed for another host than the one it names.
    #[test]
    fn any_bytes_are_decided(
        authority in "\\PC*|[a-z0-9.,:@-]{0,20}s3.eu-west-1.amazonaws.com[a-z0-9.,:@-]{0,20}",
        path in proptest::collection::vec(any::<u8>(), 0..40),
        authorization in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
        end_of_stream in any::<bool>(),
    ) {
        let mut headers: Vec<Header<'_>> = vec![
            (":method", b"GET"),
            (":authority", authority.as_bytes()),
            (":path", &path),
        ];
        headers.extend(authorization.as_ref().map(|value| ("authorization", value.as_slice())));
        let head = Head { headers: &headers, cluster: &|| Some("aws".to_owned()), port: &|| None, over_tls: &|| false, route_metadata: NO_ROUTE_METADATA, own_keys: &OwnKeys::default, end_of_stream };
        if let Decision::Sign(plan) = decide(&config(r#", "allow": "*""#), head) {
            let name = authority.to_ascii_lowercase();
            prop_assert!(name.starts_with(plan.authority.split(':').next().unwrap()), "{} for {authority}", plan.authority);
        }
    }
}
