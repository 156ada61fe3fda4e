//! Prints the paths that the hash has on this machine, one a line: for `make test-paths`.

use kvshard::hash::Backend;

fn main() {
    for backend in Backend::available() {
        println!("{}", backend.name());
    }
}
