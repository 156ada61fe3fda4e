//! A stock wallet: its database, its synchronisation, and what it knows.

use std::num::NonZeroU32;
use std::path::Path;

use orchard::keys::FullViewingKey;
use orchard::note::ExtractedNoteCommitment;
use orchard::tree::{MerkleHashOrchard, MerklePath};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use secrecy::SecretVec;
use shardtree::error::ShardTreeError;
use shieldbundle::wallet::{Error, Keys};
use zcash_client_backend::data_api::locking::LockFilter;
use zcash_client_backend::data_api::wallet::ConfirmationsPolicy;
use zcash_client_backend::data_api::{
    AccountBirthday, InputSource, WalletCommitmentTrees, WalletRead, WalletWrite,
};
use zcash_client_backend::proto::service::BlockId;
use zcash_client_backend::proto::service::compact_tx_streamer_client::CompactTxStreamerClient;
use zcash_client_sqlite::util::SystemClock;
use zcash_client_sqlite::wallet::commitment_tree;
use zcash_client_sqlite::wallet::init::init_wallet_db;
use zcash_client_sqlite::{AccountUuid, WalletDb};
use zcash_keys::keys::UnifiedSpendingKey;
use zcash_protocol::ShieldedPool;
use zcash_protocol::consensus::BlockHeight;
use zcash_protocol::local_consensus::LocalNetwork;
use zip32::AccountId;

use crate::cache::Cache;

/// Blocks that are downloaded and scanned at once.
const BATCH: u32 = 1000;

type Database = WalletDb<rusqlite::Connection, LocalNetwork, SystemClock, UnwrapErr<SysRng>>;
type Client = CompactTxStreamerClient<tonic::transport::Channel>;

/// The wallet of one account.
pub struct Wallet {
    database: Database,
    account: AccountUuid,
    client: Client,
}

/// A note that is not spent.
pub struct Unspent {
    /// The note.
    pub note: orchard::Note,
    /// Its leaf's position.
    pub position: u64,
    /// The height of the block that has it.
    pub height: Option<u32>,
}

/// What the wallet knows of its notes' tree, by its own records.
pub struct State {
    /// The height of the newest block.
    pub tip: u32,
    /// The height up to which all blocks are scanned.
    pub scanned: u32,
    /// All that the account has in the pool, and what of it can be spent.
    pub balance: (u64, u64),
    /// The height whose root is the anchor.
    pub anchor_height: u32,
    /// The root at that height.
    pub root: MerkleHashOrchard,
    /// The notes, in the order of their positions.
    pub notes: Vec<Unspent>,
}

/// All upgrades up to NU6.2 hold from the first block. Which upgrades there are is the chain's choice:
/// NU6.2 has the sound circuit, and NU6.3 would forbid payments in this pool.
fn network() -> LocalNetwork {
    let first = Some(BlockHeight::from_u32(1));
    LocalNetwork {
        overwinter: first,
        sapling: first,
        blossom: first,
        heartwood: first,
        canopy: first,
        nu5: first,
        nu6: first,
        nu6_1: first,
        nu6_2: first,
        nu6_3: None,
        nu7: None,
    }
}

impl Wallet {
    /// Opens the wallet's database, or makes it, with the account of the seed, from the block before
    /// the birthday on.
    pub async fn open(
        server: String,
        seed: &[u8],
        birthday: u64,
        file: &Path,
    ) -> Result<Wallet, Error> {
        let at = |error: &dyn std::fmt::Display| Error::new(format!("{}: {error}", file.display()));
        let connected = CompactTxStreamerClient::connect(server.clone()).await;
        let mut client = connected.map_err(|error| Error::new(format!("{server}: {error}")))?;
        let mut database = WalletDb::for_path(file, network(), SystemClock, UnwrapErr(SysRng))
            .map_err(|error| at(&error))?;
        init_wallet_db(&mut database, None).map_err(|error| at(&error))?;
        let seed = SecretVec::new(seed.to_vec());
        let accounts = database.get_account_ids().map_err(|error| at(&error))?;
        let account = match accounts.first() {
            Some(account) => {
                let ours = database
                    .validate_seed(*account, &seed)
                    .map_err(|error| at(&error))?;
                if !ours {
                    return Err(Error::new(format!(
                        "{}: the wallet of another seed",
                        file.display()
                    )));
                }
                *account
            }
            None => {
                let before = BlockId {
                    height: birthday - 1,
                    hash: vec![],
                };
                let state = client
                    .get_tree_state(before)
                    .await
                    .map_err(|status| refused(&server, &status))?;
                let birthday = AccountBirthday::from_treestate(state.into_inner(), None)
                    .map_err(|_| Error::new(format!("{server}: the tree state is malformed")))?;
                let made = database.create_account("shieldchain", &seed, &birthday, None);
                made.map_err(|error| at(&error))?.0
            }
        };
        Ok(Wallet {
            database,
            account,
            client,
        })
    }

    /// Synchronises with the server: the stock procedure.
    pub async fn sync(&mut self) -> Result<(), Error> {
        let cache = Cache::default();
        zcash_client_backend::sync::run(
            &mut self.client,
            &network(),
            &cache,
            &mut self.database,
            BATCH,
        )
        .await
        .map_err(|error| Error::new(format!("sync: {error}")))
    }

    /// What the wallet knows, with the anchor that transactions would have now.
    pub fn state(&mut self, confirmations: NonZeroU32) -> Result<State, Error> {
        let summary = self
            .database
            .get_wallet_summary(ConfirmationsPolicy::MIN)
            .map_err(Error::new)?;
        let summary = summary.ok_or_else(|| Error::new("the wallet has not seen a block"))?;
        let balance = summary.account_balances().get(&self.account).map(|all| {
            let pool = all.orchard_balance();
            (pool.total().into_u64(), pool.spendable_value().into_u64())
        });
        let heights = self
            .database
            .get_target_and_anchor_heights(confirmations)
            .map_err(Error::new)?;
        let (target, anchor) = heights.ok_or_else(|| Error::new("the wallet has no anchor yet"))?;
        let notes = self
            .database
            .select_unspent_notes(
                self.account,
                &[ShieldedPool::Orchard],
                target,
                &[],
                LockFilter::Unfiltered,
            )
            .map_err(Error::new)?;
        let mut notes: Vec<Unspent> = notes
            .take_orchard()
            .iter()
            .map(|note| Unspent {
                note: *note.note(),
                position: note.note_commitment_tree_position().into(),
                height: note.mined_height().map(u32::from),
            })
            .collect();
        notes.sort_by_key(|note| note.position);
        let root = self
            .database
            .with_orchard_tree_mut(|tree| tree.root_at_checkpoint_id(&anchor));
        let root =
            root.map_err(|error: TreeError| Error::new(format!("the wallet's tree: {error}")))?;
        let root =
            root.ok_or_else(|| Error::new(format!("the wallet has no tree of height {anchor}")))?;
        Ok(State {
            tip: summary.chain_tip_height().into(),
            scanned: summary.fully_scanned_height().into(),
            balance: balance.unwrap_or_default(),
            anchor_height: anchor.into(),
            root,
            notes,
        })
    }

    /// The path of a position to the root at a height, out of the wallet's own tree. `None` if the tree
    /// had no such leaf then.
    pub fn witness(&mut self, position: u64, height: u32) -> Result<Option<MerklePath>, Error> {
        let height = BlockHeight::from_u32(height);
        let path = self
            .database
            .with_orchard_tree_mut(|tree| tree.witness_at_checkpoint_id(position.into(), &height));
        let path =
            path.map_err(|error: TreeError| Error::new(format!("the wallet's tree: {error}")))?;
        Ok(path.map(MerklePath::from))
    }
}

type TreeError = ShardTreeError<commitment_tree::Error>;

/// The commitment of a note: its leaf.
pub fn leaf(note: &orchard::Note) -> [u8; 32] {
    ExtractedNoteCommitment::from(note.commitment()).to_bytes()
}

fn refused(server: &str, status: &tonic::Status) -> Error {
    Error::new(format!("{server}: {}", status.message()))
}

/// The keys of a seed, of which the stock wallet must derive the same: what it finds, `shieldbundle`
/// spends.
pub fn keys(seed: &[u8]) -> Result<Keys, Error> {
    let stock = UnifiedSpendingKey::from_seed(&network(), seed, AccountId::ZERO)
        .map_err(|error| Error::new(format!("no key of this seed: {error}")))?;
    let keys = Keys::from_seed(seed)?;
    if FullViewingKey::from(stock.orchard()) != *keys.viewing() {
        return Err(Error::new(
            "the stock wallet derives another key from this seed",
        ));
    }
    Ok(keys)
}
