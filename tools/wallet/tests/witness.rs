//! `orchard` accepts the witnesses that the command kvshard wrote, and no changed ones.
//! `cmd/kvshard` tests that it still writes these bytes.

const PROOFS: [(&[u8], &str); 2] = [
    (
        include_bytes!("../testdata/7-of-50.bin"),
        include_str!("../testdata/7-of-50.txt"),
    ),
    (
        include_bytes!("../testdata/99-of-100.bin"),
        include_str!("../testdata/99-of-100.txt"),
    ),
];

/// The leaf and the root.
fn told(text: &str) -> ([u8; 32], [u8; 32]) {
    let mut lines = text.lines().map(|line| wallet::hex(line).unwrap());
    (lines.next().unwrap(), lines.next().unwrap())
}

#[test]
fn orchard_accepts() {
    for (witness, text) in PROOFS {
        let (leaf, root) = told(text);
        let path = wallet::read(witness).unwrap();
        assert!(wallet::verify(&path, &leaf, &root));
        assert!(!wallet::verify(&path, &root, &leaf));
    }
    let ((_, a), (_, b)) = (told(PROOFS[0].1), told(PROOFS[1].1));
    assert_ne!(a, b);
}

#[test]
fn a_changed_witness_is_refused() {
    let (witness, text) = PROOFS[0];
    let (leaf, root) = told(text);
    for byte in (0..witness.len()).step_by(31) {
        let mut changed = witness.to_vec();
        changed[byte] ^= 1;
        let accepted =
            wallet::read(&changed).is_some_and(|path| wallet::verify(&path, &leaf, &root));
        assert!(!accepted, "with byte {byte} changed");
    }
    assert!(wallet::read(&witness[1..]).is_none());
    assert!(wallet::read(&[witness, &[0]].concat()).is_none());
}
