//! Messages as Go writes them.

use proptest::prelude::*;

use super::*;

fn bytes_field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let types = [bytes_field(1, api_version.as_bytes()), bytes_field(2, kind.as_bytes())].concat();
    [MAGIC.to_vec(), bytes_field(1, &types), bytes_field(2, raw)].concat()
}

#[test]
fn a_config_map_is_read() {
    let metadata = [
        bytes_field(1, b"a"),
        bytes_field(2, b""),
        bytes_field(8, b""),
        bytes_field(11, &[bytes_field(1, b"app"), bytes_field(2, b"x")].concat()),
    ];
    let data = [bytes_field(1, b"k"), bytes_field(2, b"v")].concat();
    let raw = [bytes_field(1, &metadata.concat()), bytes_field(2, &data)].concat();
    assert_eq!(
        decode(&envelope("v1", "ConfigMap", &raw)).unwrap(),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "a", "labels": { "app": "x" } },
            "data": { "k": "v" },
        })
    );
}

#[test]
fn a_pointer_to_zero_is_kept_and_inlined_fields_stand_in_their_place() {
    let volume = [bytes_field(1, b"v"), bytes_field(2, &bytes_field(2, &bytes_field(1, b"")))];
    // hostNetwork = false (11), terminationGracePeriodSeconds = 0 (4, a pointer).
    let spec = [bytes_field(1, &volume.concat()), vec![4 << 3, 0, 11 << 3, 0]].concat();
    let pod = decode(&envelope("v1", "Pod", &bytes_field(2, &spec))).unwrap();
    assert_eq!(
        pod["spec"],
        json!({
            "terminationGracePeriodSeconds": 0,
            "volumes": [{ "name": "v", "emptyDir": {} }],
        })
    );
}

#[test]
fn what_is_not_known_is_named() {
    assert_eq!(decode(b"{}"), Err(ProtobufError::Envelope));
    let error = decode(&envelope("example.com/v1", "Unicorn", b"")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the kind Unicorn in version example.com/v1 is not known as protobuf"
    );
}

#[test]
fn every_type_in_the_data_is_there() {
    for (message, described) in MESSAGES.iter() {
        for field in described.split('\t').filter(|it| !it.is_empty()) {
            let kind = field.split(' ').nth(2).unwrap().trim_start_matches(['[', ']', '{', '}']);
            let is_scalar =
                matches!(kind, "string" | "bytes" | "bool" | "int32" | "int64" | "double");
            assert!(is_scalar || MESSAGES.contains_key(kind), "{message}: {field}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let _refused = decode(&envelope("v1", "Pod", &raw));
        let _refused = decode(&raw);
    }
}
