//! `lib/include/kvshard.h` is what cbindgen makes of `ffi/` and `callbacks.rs`; the header of the
//! example chain's library is made in the same way. `UPDATE_HEADER=1` writes both.

use std::path::{Path, PathBuf};

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/callbacks.rs"))
        .with_src(root.join("src/ffi/mod.rs"))
        .generate()
        .unwrap();
    let mut text = vec![];
    bindings.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    // A link of Rust's documentation is a name in C.
    text.replace("[`", "`").replace("`]", "`")
}

/// Writes a header if asked, and compares it.
fn compare(generated: &str, header: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(header);
    if std::env::var_os("UPDATE_HEADER").is_some_and(|set| set == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let place = generated
        .lines()
        .zip(committed.lines())
        .position(|(a, b)| a != b);
    assert!(
        committed == generated,
        "{header} differs from the Rust code from line {:?}; UPDATE_HEADER=1 writes it",
        place.map(|line| line + 1)
    );
}

#[test]
fn the_committed_header_is_the_generated_one() {
    compare(&generated(), "lib/include/kvshard.h");
}

/// Here, since that crate's own tests would build cbindgen for this alone.
#[test]
fn the_header_of_the_example_chain_is_the_generated_one() {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shieldchain/bundle");
    let generated = cbindgen::Builder::new()
        .with_config(cbindgen::Config::from_file(bundle.join("cbindgen.toml")).unwrap())
        .with_src(bundle.join("src/ffi.rs"))
        .generate()
        .unwrap();
    let mut text = vec![];
    generated.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    compare(&text, "examples/shieldchain/bundle/shieldbundle.h");
}

/// The header has everything that is public in these files.
#[test]
fn the_header_has_everything() {
    let header = generated();
    for file in [
        include_str!("../src/ffi/mod.rs"),
        include_str!("../src/ffi/tree.rs"),
        include_str!("../src/ffi/hash.rs"),
        include_str!("../src/ffi/scheme.rs"),
        include_str!("../src/callbacks.rs"),
    ] {
        for line in file.lines() {
            let mut words = line
                .trim()
                .split(|c: char| !c.is_alphanumeric() && c != '_');
            let exported = line.contains("extern \"C\" fn kvshard_");
            let name = match line.starts_with("pub ") {
                true if exported => words.find(|word| word.starts_with("kvshard_")),
                true if line.starts_with("pub const ") || line.starts_with("pub type ") => {
                    words.nth(2)
                }
                true if line.starts_with("pub struct Kv") => words.nth(2),
                _ => None,
            };
            if let Some(name) = name.filter(|name| *name != "CallbackKv") {
                let whole = |word: &str| word == name;
                let mut found = header.split(|c: char| !c.is_alphanumeric() && c != '_');
                assert!(found.any(whole), "{name} is not in the header");
                if exported {
                    let declared = header.matches(&format!(" {name}(")).count();
                    let declared = declared + header.matches(&format!("*{name}(")).count();
                    assert_eq!(declared, 1, "{name} is declared so often");
                }
            }
        }
    }
    for member in [
        "ctx",
        "get",
        "set",
        "delete_",
        "iter_create",
        "iter_next",
        "iter_free",
        "free_buf",
    ] {
        assert!(header.contains(&format!(" {member};")) || header.contains(&format!("*{member};")));
    }
}
