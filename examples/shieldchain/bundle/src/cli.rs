//! Arguments and files of the two programs that make bundles: `shieldwallet` and `lightwallet`.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs;

use pico_args::Arguments;
use serde_json::{Value, json};

use crate::wallet::{Error, Payment, read_address, to_bytes};
use crate::{OrchardBundle, bound, parse};

/// The value of an option that must be given.
///
/// # Errors
///
/// If it is not.
pub fn option(args: &mut Arguments, name: &'static str) -> Result<String, Error> {
    args.value_from_str(name).map_err(Error::new)
}

/// What is no option.
///
/// # Errors
///
/// If an option is left that nobody asked for.
pub fn rest(args: Arguments) -> Result<Vec<OsString>, Error> {
    let rest = args.finish();
    match rest
        .iter()
        .find(|word| word.to_string_lossy().starts_with('-'))
    {
        Some(word) => Err(Error::new(format!("no option {word:?}: see --help"))),
        None => Ok(rest),
    }
}

/// Nothing is left of the arguments.
///
/// # Errors
///
/// If anything is.
pub fn none(args: Arguments) -> Result<(), Error> {
    match rest(args)?.first() {
        Some(word) => Err(Error::new(format!("{word:?} is too much: see --help"))),
        None => Ok(()),
    }
}

/// An amount: a whole number above 0.
///
/// # Errors
///
/// If the text is none.
pub fn amount(text: &str) -> Result<u64, Error> {
    match text.parse() {
        Ok(0) | Err(_) => Err(Error::new(format!(
            "{text:?} is no amount: give a whole number above 0"
        ))),
        Ok(amount) => Ok(amount),
    }
}

/// The seed of the option `--seed`: a file with hex digits.
///
/// # Errors
///
/// If there is no such file, or it holds something else.
pub fn seed(args: &mut Arguments) -> Result<Vec<u8>, Error> {
    let file = option(args, "--seed")?;
    let text = fs::read_to_string(&file).map_err(|error| in_file(file.as_ref(), error))?;
    hex::decode(text.trim())
        .map_err(|error| in_file(file.as_ref(), format!("the seed is no hex: {error}")))
}

/// What a bundle that spends is for, and where it goes.
pub struct Order {
    /// Who is paid inside the pool.
    pub payments: Vec<Payment>,
    /// What leaves the pool.
    pub unshield: u64,
    /// What the signatures bind.
    pub bound: Vec<u8>,
    out: String,
}

impl Order {
    /// Reads `--chain-id ID --sender ACCOUNT [--to ADDRESS --value V] [--unshield V --recipient ACCOUNT]
    /// --out FILE`.
    ///
    /// # Errors
    ///
    /// If one is missing or wrong.
    pub fn read(args: &mut Arguments) -> Result<Order, Error> {
        let (chain_id, sender) = (option(args, "--chain-id")?, option(args, "--sender")?);
        let payments = match both(args, "--to", "--value")? {
            Some((to, value)) => vec![Payment {
                to: read_address(&to)?,
                value,
            }],
            None => vec![],
        };
        let (recipient, unshield) = both(args, "--recipient", "--unshield")?.unwrap_or_default();
        let bound = bound(&chain_id, &sender, &recipient);
        let out = option(args, "--out")?;
        Ok(Order {
            payments,
            unshield,
            bound,
            out,
        })
    }

    /// Writes the bundle, and says what it is.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn written(&self, bundle: &OrchardBundle) -> Result<Value, Error> {
        written(bundle, self.out.as_ref())
    }
}

/// Writes a bundle to a file, and says what it is.
///
/// # Errors
///
/// If the file cannot be written.
pub fn written(bundle: &OrchardBundle, out: &OsStr) -> Result<Value, Error> {
    let bytes = to_bytes(bundle);
    fs::write(out, &bytes).map_err(|error| in_file(out, error))?;
    Ok(json!({
        "bundle": out.to_string_lossy(),
        "bytes": bytes.len(),
        "actions": bundle.actions().len(),
        "anchor": hex::encode(bundle.anchor().to_bytes()),
        "value_balance": i64::from(*bundle.value_balance()),
    }))
}

/// Reads a bundle from a file.
///
/// # Errors
///
/// If there is none.
pub fn read_bundle(file: &OsStr) -> Result<OrchardBundle, Error> {
    let bytes = fs::read(file).map_err(|error| in_file(file, error))?;
    parse(&bytes).map_err(|error| in_file(file, error))
}

/// An error with the file's name.
pub fn in_file(file: &OsStr, error: impl Display) -> Error {
    Error::new(format!("{}: {error}", file.to_string_lossy()))
}

/// A text and an amount that are given together, or not at all.
fn both(
    args: &mut Arguments,
    text: &'static str,
    value: &'static str,
) -> Result<Option<(String, u64)>, Error> {
    let texts: Option<String> = args.opt_value_from_str(text).map_err(Error::new)?;
    let values: Option<String> = args.opt_value_from_str(value).map_err(Error::new)?;
    match (texts, values) {
        (Some(text), Some(value)) => Ok(Some((text, amount(&value)?))),
        (None, None) => Ok(None),
        _ => Err(Error::new(format!(
            "{text} and {value} go together: give both or none"
        ))),
    }
}
