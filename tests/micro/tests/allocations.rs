//! How often the core's steps allocate. Counted, not timed: a step that allocates more often than it may fails.

/// By step. Allocations that grow a buffer in use count as well.
const ALLOWED: &[(&str, u64)] = &[
    ("resolve", 0),
    // Two of them for what the access log says of the request.
    ("decide_s3_get", 6),
    ("decide_s3_get_1000_rules", 6),
    ("decide_s3_get_bucket", 6),
    ("decide_s3_get_1000_buckets", 6),
    ("decide_pass_through", 1),
    ("canonical_s3_get", 13),
    ("sign_s3_get", 7),
    ("sign_dynamodb_post", 8),
    // Two of them because a chunk's memory is given back when the chunk has gone on.
    ("resign_chunk_64k", 7),
];

#[test]
fn steps_allocate_no_more_than_they_may() {
    let mut steps = micro::steps().unwrap();
    let mut counts = Vec::new();
    for step in &mut steps {
        // The first time fills buffers and caches that stay.
        step.run();
        step.run();
        let counted = allocation_counter::measure(|| step.run());
        counts.push((step.name, counted.count_total));
    }
    assert_eq!(counts, ALLOWED);
}
