//! Makes the bundles of `make pay`. An example: seeds lie in plain files.

use std::fs::{self, OpenOptions};
use std::io::Write;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

use orchard::note::ExtractedNoteCommitment;
use pico_args::Arguments;
use rand::Rng;
use serde_json::{Value, json};
use shieldbundle::bound;
use shieldbundle::cli::{Order, amount, in_file, none, option, read_bundle, rest, seed, written};
use shieldbundle::wallet::{
    Error, Keys, Payment, Spend, pay, randomness, read_address, read_anchor, read_witness, shield,
};

const HELP: &str = "\
shieldwallet makes Orchard bundles for shieldchain. It is an example, and has not been audited.

  shieldwallet new FILE
      write a new seed, 32 random bytes in hex
  shieldwallet address --seed FILE [--index N]
      print an address of the seed: 86 hex digits
  shieldwallet shield --chain-id ID --sender ACCOUNT --to ADDRESS --value V --out FILE
      write a bundle that brings V into the pool
  shieldwallet scan --seed FILE BUNDLE...
      print the notes in bundles that the seed owns
  shieldwallet spend --seed FILE --bundle BUNDLE --action I --witness FILE --anchor ROOT
          --chain-id ID --sender ACCOUNT [--to ADDRESS --value V] [--unshield V --recipient ACCOUNT]
          --out FILE
      write a bundle that spends the note of action I: to an address, to an account, or both; what is
      left goes back to the seed. A witness has 1,028 bytes: the position as a little-endian uint32,
      and the 32 nodes of the path, lowest first. A root is 64 hex digits.

Each prints JSON. A bundle is of use only for the chain, the sender and the recipient that it names.
";

fn main() -> ExitCode {
    let mut args = Arguments::from_env();
    if args.contains(["-h", "--help"]) {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(args) {
        Ok(printed) => {
            println!("{printed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("shieldwallet: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Arguments) -> Result<Value, Error> {
    let command = args.subcommand().map_err(Error::new)?;
    match command.as_deref() {
        Some("new") => new(args),
        Some("address") => address(args),
        Some("shield") => shield_command(args),
        Some("scan") => scan(args),
        Some("spend") => spend(args),
        Some(other) => Err(Error::new(format!("no command {other:?}: see --help"))),
        None => Err(Error::new("give a command: see --help")),
    }
}

fn new(args: Arguments) -> Result<Value, Error> {
    let files = rest(args)?;
    let [file] = files.as_slice() else {
        return Err(Error::new("give the one file to write the seed to"));
    };
    let mut seed = [0; 32];
    randomness()?.fill_bytes(&mut seed);
    let keys = Keys::from_seed(&seed)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let made = options.open(file);
    made.and_then(|mut made| writeln!(made, "{}", hex::encode(seed)))
        .map_err(|error| in_file(file, error))?;
    Ok(json!({ "seed": file.to_string_lossy(), "address": address_text(&keys, 0) }))
}

fn address(mut args: Arguments) -> Result<Value, Error> {
    let keys = Keys::from_seed(&seed(&mut args)?)?;
    let index = args.opt_value_from_str("--index").map_err(Error::new)?;
    none(args)?;
    Ok(json!({ "address": address_text(&keys, index.unwrap_or(0)) }))
}

fn shield_command(mut args: Arguments) -> Result<Value, Error> {
    let (chain_id, sender) = (
        option(&mut args, "--chain-id")?,
        option(&mut args, "--sender")?,
    );
    let to = read_address(&option(&mut args, "--to")?)?;
    let value = amount(&option(&mut args, "--value")?)?;
    let out = option(&mut args, "--out")?;
    none(args)?;
    let bundle = shield(Payment { to, value }, &bound(&chain_id, &sender, ""))?;
    written(&bundle, out.as_ref())
}

fn scan(mut args: Arguments) -> Result<Value, Error> {
    let keys = Keys::from_seed(&seed(&mut args)?)?;
    let files = rest(args)?;
    if files.is_empty() {
        return Err(Error::new("give one bundle or more"));
    }
    let mut found = vec![];
    for file in files {
        for owned in keys.notes(&read_bundle(&file)?) {
            let commitment = ExtractedNoteCommitment::from(owned.note.commitment());
            found.push(json!({
                "bundle": file.to_string_lossy(),
                "action": owned.action,
                "value": owned.note.value().inner(),
                "commitment": hex::encode(commitment.to_bytes()),
                "nullifier": hex::encode(owned.note.nullifier(keys.viewing()).to_bytes()),
            }));
        }
    }
    Ok(Value::Array(found))
}

fn spend(mut args: Arguments) -> Result<Value, Error> {
    let keys = Keys::from_seed(&seed(&mut args)?)?;
    let from = option(&mut args, "--bundle")?;
    let action: usize = args.value_from_str("--action").map_err(Error::new)?;
    let witness = option(&mut args, "--witness")?;
    let anchor = read_anchor(&option(&mut args, "--anchor")?)?;
    let order = Order::read(&mut args)?;
    none(args)?;

    let owned = keys.notes(&read_bundle(from.as_ref())?);
    let Some(owned) = owned.into_iter().find(|owned| owned.action == action) else {
        return Err(Error::new(format!(
            "action {action} of {from} has no note of this seed"
        )));
    };
    let path = fs::read(&witness).map_err(|error| in_file(witness.as_ref(), error))?;
    let path = read_witness(&path).map_err(|error| in_file(witness.as_ref(), error))?;
    let spends = vec![Spend {
        note: owned.note,
        path,
    }];
    let bundle = pay(
        &keys,
        spends,
        anchor,
        &order.payments,
        order.unshield,
        &order.bound,
    )?;
    order.written(&bundle)
}

fn address_text(keys: &Keys, index: u32) -> String {
    hex::encode(keys.address(index).to_raw_address_bytes())
}
