//! A stock Zcash wallet on shieldchain: `zcash_client_backend::sync::run` and `zcash_client_sqlite`,
//! unmodified, against any server of lightwalletd's `CompactTxStreamer`, such as `shieldd lightd`.
//!
//! What it finds it can spend: its own tree gives the witness and the anchor, and the crate
//! `shieldbundle` makes a bundle of them that shieldchain takes. An example, which has not been audited.

mod cache;
mod wallet;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use orchard::tree::MerklePath;
use pico_args::Arguments;
use serde_json::{Value, json};
use shieldbundle::cli::{Order, none, option, seed};
use shieldbundle::wallet::{Error, Keys, Spend, pay};

use wallet::{State, Wallet, keys, leaf};

const HELP: &str = "\
lightwallet is a stock Zcash wallet, for shieldchain. It is an example, and has not been audited.

  lightwallet address --seed FILE
      print the address of the seed: 86 hex digits
  lightwallet sync WALLET
      synchronise, and print the balance, the notes, and their witnesses to the anchor
  lightwallet spend WALLET [--position P] --chain-id ID --sender ACCOUNT [--to ADDRESS --value V]
          [--unshield V --recipient ACCOUNT] --out FILE
      synchronise, and write a bundle that spends the note at a position, or the first that has a
      witness: to an address, to an account, or both; what is left goes back to the seed

WALLET is
  --server URL --seed FILE --birthday HEIGHT --wallet FILE [--confirmations N]
      the server; the seed in hex; a height before the first note, at least 2; the wallet's database,
      made if it is missing; how deep the anchor lies, 1 if not given: the newest block

Each prints JSON.
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = Arguments::from_env();
    if args.contains(["-h", "--help"]) {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(args).await {
        Ok(printed) => {
            println!("{printed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lightwallet: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut args: Arguments) -> Result<Value, Error> {
    let command = args.subcommand().map_err(Error::new)?;
    match command.as_deref() {
        Some("address") => address(args),
        Some("sync") => {
            let options = Options::read(&mut args)?;
            none(args)?;
            Ok(options.synchronise().await?.told())
        }
        Some("spend") => spend(args).await,
        Some(other) => Err(Error::new(format!("no command {other:?}: see --help"))),
        None => Err(Error::new("give a command: see --help")),
    }
}

fn address(mut args: Arguments) -> Result<Value, Error> {
    let keys = keys(&seed(&mut args)?)?;
    none(args)?;
    Ok(json!({ "address": hex::encode(keys.address(0).to_raw_address_bytes()) }))
}

async fn spend(mut args: Arguments) -> Result<Value, Error> {
    let options = Options::read(&mut args)?;
    let position: Option<u64> = args.opt_value_from_str("--position").map_err(Error::new)?;
    let order = Order::read(&mut args)?;
    none(args)?;
    let synced = options.synchronise().await?;
    let chosen = synced
        .state
        .notes
        .iter()
        .zip(&synced.paths)
        .find_map(|(note, path)| {
            let wanted = position.is_none_or(|position| position == note.position);
            path.clone().filter(|_| wanted).map(|path| (note, path))
        });
    let Some((note, path)) = chosen else {
        return Err(Error::new(match position {
            Some(position) => format!("no note at position {position} can be spent"),
            None => "no note can be spent".into(),
        }));
    };
    let spends = vec![Spend {
        note: note.note,
        path,
    }];
    let anchor = synced.state.root.into();
    let bundle = pay(
        &synced.keys,
        spends,
        anchor,
        &order.payments,
        order.unshield,
        &order.bound,
    )?;
    let mut told = synced.told();
    told["spent"] = note.position.into();
    told["bundle"] = order.written(&bundle)?;
    Ok(told)
}

/// The options that make a wallet.
struct Options {
    server: String,
    seed: Vec<u8>,
    birthday: u64,
    file: PathBuf,
    confirmations: NonZeroU32,
}

impl Options {
    fn read(args: &mut Arguments) -> Result<Options, Error> {
        let server = option(args, "--server")?;
        let seed = seed(args)?;
        let birthday = args.value_from_str("--birthday").map_err(Error::new)?;
        if birthday < 2 {
            return Err(Error::new(
                "the birthday is at least 2: a wallet begins with the tree of the block before",
            ));
        }
        let file = option(args, "--wallet")?.into();
        let confirmations = args
            .opt_value_from_str("--confirmations")
            .map_err(Error::new)?;
        Ok(Options {
            server,
            seed,
            birthday,
            file,
            confirmations: confirmations.unwrap_or(NonZeroU32::MIN),
        })
    }

    async fn synchronise(self) -> Result<Synced, Error> {
        let keys = keys(&self.seed)?;
        let mut wallet = Wallet::open(self.server, &self.seed, self.birthday, &self.file).await?;
        let began = Instant::now();
        wallet.sync().await?;
        let seconds = began.elapsed().as_secs_f64();
        let state = wallet.state(self.confirmations)?;
        let paths = state
            .notes
            .iter()
            .map(|note| wallet.witness(note.position, state.anchor_height));
        let paths = paths.collect::<Result<_, _>>()?;
        Ok(Synced {
            keys,
            state,
            paths,
            seconds,
        })
    }
}

/// A wallet that has caught up.
struct Synced {
    keys: Keys,
    state: State,
    paths: Vec<Option<MerklePath>>,
    seconds: f64,
}

impl Synced {
    fn told(&self) -> Value {
        let state = &self.state;
        let notes = state.notes.iter().zip(&self.paths).map(|(note, path)| {
            json!({
                "position": note.position,
                "height": note.height,
                "value": note.note.value().inner(),
                "commitment": hex::encode(leaf(&note.note)),
                "nullifier": hex::encode(note.note.nullifier(self.keys.viewing()).to_bytes()),
                "witness": path.as_ref().map(|path| hex::encode(bytes(path))),
            })
        });
        json!({
            "tip": state.tip,
            "scanned": state.scanned,
            "balance": state.balance.0,
            "spendable": state.balance.1,
            "anchor_height": state.anchor_height,
            "root": hex::encode(state.root.to_bytes()),
            "notes": notes.collect::<Vec<_>>(),
            "seconds": self.seconds,
        })
    }
}

/// A witness as `kvshard witness --binary` writes it.
fn bytes(path: &MerklePath) -> Vec<u8> {
    let mut out = path.position().to_le_bytes().to_vec();
    for node in path.auth_path() {
        out.extend(node.to_bytes());
    }
    out
}
