//! `spend KVSHARD` spends a note with a witness of the command kvshard, which is the program at
//! `KVSHARD`: a wallet has a note of a random key, its commitment lies among a thousand others in a
//! tree of the command, and a bundle with a real Halo2 proof spends it. A verifier that knows the
//! tree's root accepts the bundle, and refuses a wrong anchor, a wrong path and a wrong note.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use cpu_time::ProcessTime;
use orchard::builder::{Builder, BundleType, SpendError};
use orchard::bundle::{Authorized, BundleVersion, TxVersion};
use orchard::circuit::{ProvingKey, VerifyingKey};
use orchard::keys::{FullViewingKey, Scope, SpendAuthorizingKey, SpendingKey};
use orchard::note::{ExtractedNoteCommitment, RandomSeed, Rho};
use orchard::tree::{Anchor, MerklePath};
use orchard::value::NoteValue;
use orchard::{Address, Bundle, Note, NoteVersion};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

type Proven = Bundle<Authorized, i64>;

/// Commitments in the tree, and the positions of the note and of another leaf.
const LEAVES: usize = 1000;
const POSITION: usize = 637;
const OTHER: usize = 638;

/// What the note is worth, and what a second wallet is paid of it.
const WORTH: u64 = 500_000;
const PAID: u64 = 400_000;

/// The rules of Zcash's upgrade NU6.2: those before it have an unsound circuit, and later ones forbid
/// payments in this pool.
fn version() -> BundleVersion {
    BundleVersion::orchard_v2()
}

fn main() {
    let program = std::env::args_os().nth(1).expect("usage: spend KVSHARD");
    let mut rng = StdRng::try_from_rng(&mut SysRng).expect("randomness of the operating system");
    let all = (Instant::now(), ProcessTime::now());

    let wallet = Wallet::random(&mut rng);
    let note = wallet.note(&mut rng, WORTH);
    println!(
        "a random key has a note worth {WORTH}; its commitment is {}",
        hex(&leaf(&note))
    );

    let tree = Tree::of(program.into(), &mut rng, &note);
    let path = tree.witness(POSITION);
    let anchor = tree.root();
    println!(
        "kvshard: the leaf {POSITION} of {LEAVES}; root {}",
        hex(&anchor.to_bytes())
    );
    assert!(
        path.root(commitment(&note)) == anchor,
        "the path does not lead to the root"
    );

    let proving = timed("proving key", || {
        ProvingKey::build(version().circuit_version())
    });
    let verifying = timed("verifying key", || {
        VerifyingKey::build(version().circuit_version())
    });
    // Whatever is proven holds for the root that the path leads to; so a refusal below is because of
    // the root, and of nothing else.
    let mut prove = |note, path: &MerklePath| {
        let anchor = path.root(commitment(&note));
        let bundle = timed("proof", || {
            wallet.spend(&mut rng, note, path.clone(), anchor, &proving)
        });
        timed("verification", || accept(&bundle, &verifying));
        bundle
    };

    println!("spends the note:");
    let bundle = prove(note, &path);
    println!(
        "ACCEPTED: {} leave the pool, proof of {} bytes for {} action",
        bundle.value_balance(),
        bundle.authorization().proof().as_ref().len(),
        bundle.actions().len()
    );

    println!("a wrong anchor, the root before the last leaf:");
    let before = tree.root_before();
    wallet.builder_refuses(note, path.clone(), before);
    refuse(&with_anchor(&bundle, before), &verifying);

    println!("a wrong path, that of the leaf {OTHER}:");
    let wrong = tree.witness(OTHER);
    wallet.builder_refuses(note, wrong.clone(), anchor);
    refuse(&with_anchor(&prove(note, &wrong), anchor), &verifying);

    println!("a wrong note, the same one but worth ten times as much:");
    let forged = wallet.forged(&note, 10 * WORTH);
    wallet.builder_refuses(forged, path.clone(), anchor);
    refuse(&with_anchor(&prove(forged, &path), anchor), &verifying);

    let processor = all.1.elapsed().as_secs_f64();
    println!(
        "spend: {:.1} s, {processor:.1} s of processor time",
        all.0.elapsed().as_secs_f64()
    );
}

/// A wallet with one key.
struct Wallet {
    spending: SpendingKey,
    viewing: FullViewingKey,
}

impl Wallet {
    fn random(rng: &mut impl Rng) -> Wallet {
        let spending = loop {
            // A few of 2^256 are no key.
            if let Some(key) = SpendingKey::from_bytes(random(rng)).into() {
                break key;
            }
        };
        Wallet {
            viewing: FullViewingKey::from(&spending),
            spending,
        }
    }

    fn address(&self) -> Address {
        self.viewing.address_at(0u32, Scope::External)
    }

    fn note(&self, rng: &mut impl Rng, value: u64) -> Note {
        loop {
            // Rho is the nullifier of a note that was spent with it: any field element here.
            let rho = Rho::from_bytes(&random_element(rng)).expect("an element of the field");
            if let Some(seed) = RandomSeed::from_bytes(random(rng), &rho).into() {
                return note(self.address(), value, rho, seed);
            }
        }
    }

    /// The note with another value, of which the tree has no commitment.
    fn forged(&self, of: &Note, value: u64) -> Note {
        note(of.recipient(), value, of.rho(), *of.rseed())
    }

    /// A bundle that spends the note: `PAID` of it to a new address, and the rest out of the pool.
    fn spend(
        &self,
        mut rng: &mut StdRng,
        note: Note,
        path: MerklePath,
        anchor: Anchor,
        key: &ProvingKey,
    ) -> Proven {
        let mut builder = builder(anchor);
        builder
            .add_spend(self.viewing.clone(), note, path)
            .expect("a path to the anchor");
        let to = Wallet::random(rng).address();
        builder
            .add_output(None, to, NoteValue::from_raw(PAID), [0; 512])
            .expect("outputs are enabled");
        let (bundle, _) = builder
            .build(&mut rng)
            .expect("a bundle")
            .expect("an action");
        let sighash = bundle
            .commitment(TxVersion::V5)
            .expect("of version 5")
            .into();
        let proven = bundle.create_proof(key, &mut rng).expect("a proof");
        let signing = [SpendAuthorizingKey::from(&self.spending)];
        proven
            .apply_signatures(rng, sighash, &signing)
            .expect("signatures")
    }

    /// A wallet's own check, before any proof.
    fn builder_refuses(&self, note: Note, path: MerklePath, anchor: Anchor) {
        let refused = builder(anchor).add_spend(self.viewing.clone(), note, path);
        assert!(
            matches!(refused, Err(SpendError::AnchorMismatch)),
            "the builder: {refused:?}"
        );
        println!("  REFUSED by the builder: {}", SpendError::AnchorMismatch);
    }
}

fn builder(anchor: Anchor) -> Builder {
    let flags = version().default_flags();
    Builder::new(BundleType::UNPADDED, version(), flags, anchor).expect("flags of this version")
}

fn note(to: Address, value: u64, rho: Rho, seed: RandomSeed) -> Note {
    let value = NoteValue::from_raw(value);
    Option::from(Note::from_parts(to, value, rho, seed, NoteVersion::V2)).expect("a note")
}

fn commitment(note: &Note) -> ExtractedNoteCommitment {
    note.commitment().into()
}

fn leaf(note: &Note) -> [u8; 32] {
    commitment(note).to_bytes()
}

/// A tree of the command kvshard, in a directory that goes away with it.
struct Tree {
    program: PathBuf,
    folder: TempDir,
}

impl Tree {
    /// A tree of random leaves and the note, with a checkpoint before the last leaf and one behind.
    fn of(program: PathBuf, rng: &mut impl Rng, note: &Note) -> Tree {
        let tree = Tree {
            program,
            folder: TempDir::new().expect("a temporary folder"),
        };
        tree.kvshard(["init"]);
        let mut leaves: Vec<[u8; 32]> = (0..LEAVES).map(|_| random_element(rng)).collect();
        leaves[POSITION] = leaf(note);
        for (id, part) in ["1", "2"]
            .into_iter()
            .zip([&leaves[..LEAVES - 1], &leaves[LEAVES - 1..]])
        {
            let file = tree.file("leaves.raw");
            fs::write(&file, part.concat()).expect("a file of leaves");
            tree.kvshard(["append", &file, "--format", "raw", "--checkpoint", id]);
        }
        tree
    }

    fn witness(&self, position: usize) -> MerklePath {
        let file = self.file("witness.bin");
        let _ = fs::remove_file(&file);
        self.kvshard([
            "witness",
            &position.to_string(),
            "--at",
            "2",
            "--binary",
            "--file",
            &file,
        ]);
        wallet::read(&fs::read(&file).expect("a witness")).expect("a path")
    }

    fn root(&self) -> Anchor {
        self.root_at("2")
    }

    fn root_before(&self) -> Anchor {
        self.root_at("1")
    }

    fn root_at(&self, id: &str) -> Anchor {
        let answer = self.kvshard(["root", "--at", id, "--output", "json"]);
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let root = wallet::hex(answer["root"].as_str().expect("a root")).expect("64 hex digits");
        Option::from(Anchor::from_bytes(root)).expect("an anchor")
    }

    fn file(&self, name: &str) -> String {
        self.folder
            .path()
            .join(name)
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    }

    /// Runs the command, which must succeed, and returns what it printed.
    fn kvshard<const N: usize>(&self, arguments: [&str; N]) -> String {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--dir", &self.file("tree")]);
        let run = command
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}", self.program.display()));
        let text = |bytes| String::from_utf8(bytes).expect("text");
        assert!(
            run.status.success(),
            "kvshard {arguments:?}: {}",
            text(run.stderr)
        );
        text(run.stdout)
    }
}

/// Verifies all that a chain does: spend authorisations, the binding signature, the proof.
fn accept(bundle: &Proven, key: &VerifyingKey) {
    let sighash: [u8; 32] = bundle
        .commitment(TxVersion::V5)
        .expect("of version 5")
        .into();
    for action in bundle.actions() {
        action
            .rk()
            .verify(&sighash, action.authorization())
            .expect("a spend authorisation");
    }
    let binding = bundle.authorization().binding_signature();
    bundle
        .binding_validating_key()
        .verify(&sighash, binding)
        .expect("the binding signature");
    bundle.verify_proof(key).expect("the proof");
}

/// The bundle as it stands, proof included, with another anchor. Its signatures do not matter here:
/// whoever has the key can sign anything.
fn with_anchor(bundle: &Proven, anchor: Anchor) -> Proven {
    Bundle::try_from_parts(
        bundle.actions().clone(),
        *bundle.flags(),
        *bundle.value_balance(),
        anchor,
        bundle.authorization().clone(),
        version(),
    )
    .expect("the same parts")
}

fn refuse(bundle: &Proven, key: &VerifyingKey) {
    let answer = bundle.verify_proof(key);
    let Err(error) = answer else {
        panic!("the proof was accepted")
    };
    println!("  REFUSED by the verifier: {error}");
}

/// Runs a step, and prints how long it took.
fn timed<T>(what: impl Display, step: impl FnOnce() -> T) -> T {
    let (wall, processor) = (Instant::now(), ProcessTime::now());
    let done = step();
    let (wall, processor) = (
        wall.elapsed().as_secs_f64(),
        processor.elapsed().as_secs_f64(),
    );
    println!("  {what}: {wall:.2} s, {processor:.2} s of processor time");
    done
}

fn random(rng: &mut impl Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Below 2^254, and so below the field's modulus.
fn random_element(rng: &mut impl Rng) -> [u8; 32] {
    let mut bytes = random(rng);
    bytes[31] &= 0x3f;
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
