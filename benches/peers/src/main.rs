//! Times one peer: `peers [--quick] [--data DIR] PEER`, one line a work: peer, work, value, unit, version.

#[cfg(feature = "others")]
mod burn_;
mod c_;
#[cfg(feature = "others")]
mod candle_;
mod cygnet_;
mod data;
#[cfg(feature = "others")]
mod ndarray_;
mod peer;

use data::Data;
use peer::{Bench, Effort, Job, Peer};

const SMALL: &[usize] = &[784, 64, 10];
const WORKS: [(&str, Job); 5] = [
    ("784-64-10, batch 32, SGD", Job { widths: SMALL, batch: 32, adam: false }),
    ("784-64-10, batch 32, Adam", Job { widths: SMALL, batch: 32, adam: true }),
    ("784-64-10, batch 128, SGD", Job { widths: SMALL, batch: 128, adam: false }),
    ("784-64-10, batch 128, Adam", Job { widths: SMALL, batch: 128, adam: true }),
    ("784-256-128-10, batch 64, Adam", Job { widths: &[784, 256, 128, 10], batch: 64, adam: true }),
];
const DENSE: Job = Job { widths: &[784, 800, 800, 10], batch: 128, adam: false };
const DENSE_SAMPLES: usize = 6_400;

fn all<P: Peer>(bench: &Bench, dir: &str) {
    let data: &'static Data = Box::leak(Box::new(Data::mnist(dir.as_ref())));
    for (place, (work, job)) in WORKS.into_iter().enumerate() {
        let mut peer = bench.train::<P>(work, job, data);
        if place == 0 {
            bench.predict(&mut peer, data.test.len());
        }
    }
    let dense = Box::leak(Box::new(Data::dense(DENSE_SAMPLES)));
    bench.train::<P>("784-800-800-10, batch 128, SGD, 6,400 dense", DENSE, dense);
    for n in [50_890, 1_000_000] {
        bench.average(n, P::averager(n));
    }
}

/// The version of a package that this program was built with: the newest in the lock file, which goes upwards.
fn version(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.rsplit("[[package]]").find(|e| e.contains(&format!("\nname = \"{package}\"\n")));
    let number = entry.and_then(|e| e.split("version = \"").nth(1)?.split('"').next());
    format!("{package} {}", number.unwrap_or("of unknown version"))
}

fn main() {
    let mut dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/mnist").to_owned();
    let mut effort = Effort { epochs: 5, blocks: 51 };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let bench = |peer, version| Bench { peer, version, effort };
        match arg.as_str() {
            "--quick" => effort = Effort { epochs: 1, blocks: 5 },
            "--data" => dir = args.next().expect("--data needs a directory"),
            "c" => c_::all(&bench("C", c_::version())),
            "cygnet" => all::<cygnet_::Net>(&bench("cygnet", version("cygnet")), &dir),
            #[cfg(feature = "others")]
            "burn" => all::<burn_::Net>(&bench("burn", version("burn-flex")), &dir),
            #[cfg(feature = "others")]
            "candle" => all::<candle_::Net>(&bench("candle", version("candle-core")), &dir),
            #[cfg(feature = "others")]
            "ndarray" => {
                let version = format!("{}, {}", version("ndarray"), version("matrixmultiply"));
                all::<ndarray_::Net>(&bench("ndarray", version), &dir);
            }
            other => panic!("{other} is no peer in this build"),
        }
    }
}
