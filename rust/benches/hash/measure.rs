//! Times by turns: the contenders of a row run in short rounds, so that whatever else the machine does
//! meets all of them. A ratio is the median of the rounds' ratios.

use std::hint::black_box;
use std::time::{Duration, Instant};

use kvshard::hash::Backend;
use kvshard::hash::orchard_hash::build_tables;

use crate::rows::{Contender, Row};

/// What a row came to.
pub struct Figures {
    pub title: String,
    /// Microseconds a hash of `orchard` and of `zakura-orchard`.
    pub peers: [f64; 2],
    /// The paths of ours, the fastest first.
    pub ours: Vec<Path>,
}

pub struct Path {
    /// Microseconds a hash.
    pub time: f64,
    /// How many times as long the peers take.
    pub ratios: [f64; 2],
}

pub fn measure(mut row: Row, time: Duration) -> Figures {
    let rounds = rounds(&mut row, time);
    let median_of = |figure: &dyn Fn(&Vec<f64>) -> f64| median(rounds.iter().map(figure));
    let micros = |i: usize| median_of(&|round| round[i] / 1000.0);
    let ours = (2..row.contenders.len()).map(|i| Path {
        time: micros(i),
        ratios: [0, 1].map(|peer| median_of(&|round| round[peer] / round[i])),
    });
    Figures {
        title: row.title,
        peers: [micros(0), micros(1)],
        ours: ours.collect(),
    }
}

/// Nanoseconds a hash, for each contender, round by round.
fn rounds(row: &mut Row, time: Duration) -> Vec<Vec<f64>> {
    let mut rounds = Vec::new();
    // Tables are built, and caches filled, before the first round.
    for contender in &mut row.contenders {
        (contender.run)();
    }
    let end = Instant::now() + time;
    while Instant::now() < end || rounds.len() < 9 {
        let round = row.contenders.iter_mut().map(|contender| {
            // Some processors change their clock with the width of the vectors, and take most of a
            // millisecond for it: no contender shall pay for the one before.
            run(contender);
            run(contender)
        });
        rounds.push(round.collect());
    }
    rounds
}

/// Runs a contender for a millisecond or so. Returns nanoseconds a hash.
fn run(contender: &mut Contender) -> f64 {
    let (start, mut calls) = (Instant::now(), 0);
    while calls == 0 || start.elapsed() < Duration::from_millis(1) {
        (contender.run)();
        calls += 1;
    }
    start.elapsed().as_nanos() as f64 / (calls * contender.hashes) as f64
}

/// Milliseconds in which each path builds its tables.
pub fn tables() -> Vec<f64> {
    let times = |backend| {
        (0..9).map(move |_| {
            let start = Instant::now();
            black_box(build_tables(backend));
            start.elapsed().as_secs_f64() * 1000.0
        })
    };
    Backend::available()
        .map(|each| median(times(each)))
        .collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
