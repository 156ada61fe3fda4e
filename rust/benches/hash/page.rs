//! The figures as Markdown, and the page that holds a section for each processor.

use std::fmt::Write as _;
use std::{fs, io};

use kvshard::hash::Backend;

use crate::go::Go;
use crate::measure::Figures;

const BEGIN: &str = "<!-- from here on written by make benchmarks-hash -->\n";
const END: &str = "<!-- up to here -->\n";

/// The section of one processor.
pub fn section(
    processor: &str,
    description: &str,
    rows: &[Figures],
    tables: &[f64],
    go: &[Go],
) -> String {
    let mut out = format!("## {processor}\n\n{description}\n\n");
    let paths: Vec<_> = Backend::available().map(Backend::name).collect();
    out += "| µs a hash | `orchard` | `zakura-orchard` |";
    for path in &paths {
        write!(out, " {path} | × `orchard` | × `zakura-orchard` |").unwrap();
    }
    out += "\n|---|---:|---:|";
    out += &"---:|---:|---:|".repeat(paths.len());
    out += "\n";
    for row in rows {
        let [orchard, zakura] = row.peers;
        write!(out, "| {} | {orchard:.2} | {zakura:.2} |", row.title).unwrap();
        for path in &row.ours {
            let [orchard, zakura] = path.ratios;
            write!(
                out,
                " {:.2} | **{orchard:.1}** | **{zakura:.2}** |",
                path.time
            )
            .unwrap();
        }
        out += "\n";
    }
    let tables: Vec<_> = (paths.iter().zip(tables))
        .map(|(path, time)| format!("{time:.0} ms ({path})"))
        .collect();
    writeln!(
        out,
        "\nThe first hash of a process builds the tables: {}.",
        tables.join(", ")
    )
    .unwrap();
    if let [single, ..] = go {
        out += "\nFrom Go:\n\n| pairs | µs a pair | × `Combine` |\n|---|---:|---:|\n";
        for each in go {
            let (time, ratio) = (each.nanos / 1000.0, single.nanos / each.nanos);
            writeln!(out, "| {} | {time:.2} | {ratio:.1} |", each.title()).unwrap();
        }
    }
    out
}

/// Puts the section into the page: in the place of the one with its heading, or behind the others.
pub fn write(path: &str, section: &str) -> io::Result<()> {
    let page = fs::read_to_string(path)?;
    let page = replaced(&page, section).ok_or_else(|| {
        io::Error::other(format!("{path} lacks the lines {BEGIN}{END}: add both"))
    })?;
    fs::write(path, page)
}

fn replaced(page: &str, section: &str) -> Option<String> {
    let (head, rest) = page.split_once(BEGIN)?;
    let (sections, tail) = rest.split_once(END)?;
    let heading = section.lines().next();
    let mut sections: Vec<String> = (sections.split("\n## ").skip(1))
        .map(|each| format!("## {}\n", each.trim_end()))
        .collect();
    match sections
        .iter_mut()
        .find(|each| each.lines().next() == heading)
    {
        Some(old) => *old = section.to_string(),
        None => sections.push(section.to_string()),
    }
    Some(format!(
        "{head}{BEGIN}\n{}\n{END}{tail}",
        sections.join("\n")
    ))
}
