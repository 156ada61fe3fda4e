//! What the times depend on: the processor, the versions, and what else the machine did.

use std::env::consts;
use std::process::Command;
use std::time::Instant;
use std::{fs, thread};

use kvshard::hash::Backend;

/// The processor's name, the heading of its figures. Virtual machines often hide the name, so the
/// numbers of its family and model stand behind it.
pub fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        let value = lines.find(|(key, _)| key.trim() == name)?.1.trim();
        Some(value.to_string())
    };
    let numbers = [
        ("family", "cpu family"),
        ("model", "model"),
        ("stepping", "stepping"),
        ("implementer", "CPU implementer"),
        ("part", "CPU part"),
    ];
    let numbers = numbers.map(|(word, name)| Some(format!("{word} {}", field(name)?)));
    let name = field("model name")
        .or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
        .unwrap_or_else(|| format!("an {} processor", consts::ARCH));
    let numbers: Vec<_> = numbers.into_iter().flatten().collect();
    match numbers.is_empty() {
        true => name,
        false => format!("{name} ({})", numbers.join(", ")),
    }
}

/// The rest of what a reader must know, in one paragraph.
pub fn description(busy: &str) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let paths: Vec<_> = Backend::available().map(Backend::name).collect();
    let rustc = output("rustc", &["--version"]).unwrap_or_else(|| "an unknown rustc".into());
    let crates = [
        "kvshard",
        "orchard",
        "sinsemilla",
        "pasta_curves",
        "zakura-orchard",
    ];
    let crates: Vec<_> = crates
        .iter()
        .map(|name| format!("{name} {}", version(name)))
        .collect();
    format!(
        "{}/{} with {cores} cores. The paths of the hash here: {}; the first is taken. {rustc}; {}. {busy}",
        consts::OS,
        consts::ARCH,
        paths.join(", "),
        crates.join(", "),
    )
}

/// The version of a crate in the lock file that the benchmark was built with.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = lock.split_once(&entry).expect("a crate of Cargo.lock");
    rest.split('"').next().unwrap_or_default()
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_string())
}

/// How busy the machine was with other things.
pub struct Watch {
    start: Instant,
    load: Option<String>,
    ticks: Option<u64>,
}

impl Watch {
    pub fn new() -> Watch {
        let load = fs::read_to_string("/proc/loadavg").ok();
        Watch {
            start: Instant::now(),
            load: load.and_then(|text| Some(text.split(' ').next()?.to_string())),
            ticks: others(),
        }
    }

    /// One or two sentences.
    pub fn report(&self) -> String {
        let (Some(load), Some(before), Some(after)) = (&self.load, self.ticks, others()) else {
            return "What else the machine did is not known.".into();
        };
        // A tick is a hundredth of a second on all Linux systems.
        let seconds = after.saturating_sub(before) as f64 / 100.0;
        let cores = seconds / self.start.elapsed().as_secs_f64();
        let verdict = match cores < 0.1 {
            true => "was otherwise idle",
            false => "was **not idle**",
        };
        format!(
            "The machine {verdict}: other programs took {cores:.2} cores during the run. The load average \
             before it, which counts the compiler too, was {load}."
        )
    }
}

/// Ticks of all cores that were neither idle nor this process's.
fn others() -> Option<u64> {
    let all = fs::read_to_string("/proc/stat").ok()?;
    // user nice system idle iowait irq softirq steal; what follows is part of the first two.
    let all: Vec<u64> = (all.lines().next()?.split_whitespace().skip(1))
        .filter_map(|field| field.parse().ok())
        .collect();
    let busy = all[..3].iter().chain(&all[5..8]).sum::<u64>();
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which is in parentheses; utime and stime are the fields 14 and 15.
    let own: Vec<&str> = own.rsplit_once(')')?.1.split_whitespace().collect();
    let own = own[11].parse::<u64>().ok()? + own[12].parse::<u64>().ok()?;
    Some(busy - own)
}
