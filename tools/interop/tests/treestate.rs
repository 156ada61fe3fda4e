//! The command kvshard writes tree states in the form in which Zcash nodes give
//! them in `z_gettreestate`. `zcash_primitives` reads them and writes the same
//! text. `cmd/kvshard` tests that the command still makes this file.

use orchard::tree::MerkleHashOrchard;
use zcash_primitives::merkle_tree::{HashSer, read_commitment_tree, write_commitment_tree};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

#[test]
fn they_read_our_tree_states() {
    let mut read = 0;
    for line in include_str!("../testdata/treestates.txt").lines() {
        let [size, root, state] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let state = hex(state);
        let tree = read_commitment_tree::<MerkleHashOrchard, _, 32>(&state[..]).unwrap();
        assert_eq!(tree.size() as u64, size.parse().unwrap());
        let mut theirs = vec![];
        tree.root().write(&mut theirs).unwrap();
        assert_eq!(theirs, hex(root), "{size} leaves");
        let mut written = vec![];
        write_commitment_tree(&tree, &mut written).unwrap();
        assert_eq!(written, state, "{size} leaves");
        read += 1;
    }
    assert!(read > 40);
}
