//! `wallet WITNESS LEAF ROOT`: verifies a witness of the command kvshard.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, leaf, root] = &arguments[..] else {
        eprintln!("usage: wallet WITNESS LEAF ROOT");
        return ExitCode::from(2);
    };
    let witness = match std::fs::read(file) {
        Ok(witness) => witness,
        Err(e) => {
            eprintln!("wallet: {file}: {e}");
            return ExitCode::from(2);
        }
    };
    let (Some(path), Some(leaf), Some(root)) =
        (wallet::read(&witness), wallet::hex(leaf), wallet::hex(root))
    else {
        eprintln!(
            "wallet: want a witness of {} bytes, and leaf and root of 64 hex digits",
            wallet::LENGTH
        );
        return ExitCode::from(3);
    };
    if wallet::verify(&path, &leaf, &root) {
        println!("orchard accepts the path");
        return ExitCode::SUCCESS;
    }
    println!("orchard does NOT accept the path");
    ExitCode::from(5)
}
