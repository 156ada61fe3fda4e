//! The hash against its peers, every row measured side by side in one process.
//!
//!     cargo bench --bench hash -- [--seconds S] [--go FILE] [--write PAGE]
//!
//! It prints the section of this processor; with `--write` it also puts it into the page. A row takes
//! S seconds (3). FILE is what `go test -bench Combine` printed.

mod go;
mod machine;
mod measure;
mod page;
mod rows;

use std::error::Error;
use std::time::Duration;
use std::{env, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut go, mut page) = (3.0, None, None);
    // cargo bench adds --bench.
    let mut arguments = env::args().skip(1).filter(|each| each != "--bench");
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--seconds" => seconds = value.parse()?,
            "--go" => go = Some(value),
            "--write" => page = Some(value),
            _ => return Err(format!("no flag {flag}: give --seconds, --go or --write").into()),
        }
    }
    let go = go.map(|path| go::read(&path)).transpose()?;

    // The processor cools down from the compiler.
    thread::sleep(Duration::from_secs(2));
    let watch = machine::Watch::new();
    let time = Duration::try_from_secs_f64(seconds)?;
    let rows: Vec<_> = (rows::rows().into_iter())
        .map(|row| measure::measure(row, time))
        .collect();
    let tables = measure::tables();
    let description = machine::description(&watch.report());
    let section = page::section(
        &machine::processor(),
        &description,
        &rows,
        &tables,
        &go.unwrap_or_default(),
    );
    println!("{section}");
    if let Some(path) = page {
        page::write(&path, &section)?;
    }
    Ok(())
}
