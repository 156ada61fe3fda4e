//! The blocks that are downloaded and not yet scanned, in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use zcash_client_backend::data_api::chain::error::Error;
use zcash_client_backend::data_api::chain::{BlockCache, BlockSource};
use zcash_client_backend::data_api::scanning::ScanRange;
use zcash_client_backend::proto::compact_formats::CompactBlock;
use zcash_protocol::consensus::BlockHeight;

/// Blocks by height.
#[derive(Clone, Default)]
pub struct Cache(Arc<Mutex<BTreeMap<u64, CompactBlock>>>);

impl Cache {
    fn blocks(&self) -> MutexGuard<'_, BTreeMap<u64, CompactBlock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlockSource for Cache {
    type Error = Infallible;

    fn with_blocks<F, W>(
        &self,
        from: Option<BlockHeight>,
        limit: Option<usize>,
        with: F,
    ) -> Result<(), Error<W, Infallible>>
    where
        F: FnMut(CompactBlock) -> Result<(), Error<W, Infallible>>,
    {
        let from = from.map_or(0, u64::from);
        let limit = limit.unwrap_or(usize::MAX);
        let blocks: Vec<_> = self
            .blocks()
            .range(from..)
            .take(limit)
            .map(|(_, block)| block.clone())
            .collect();
        blocks.into_iter().try_for_each(with)
    }
}

#[async_trait]
impl BlockCache for Cache {
    fn get_tip_height(&self, range: Option<&ScanRange>) -> Result<Option<BlockHeight>, Infallible> {
        let heights = range.map_or(0..u64::MAX, heights);
        let newest = self
            .blocks()
            .range(heights)
            .next_back()
            .map(|(height, _)| *height);
        Ok(newest.map(|height| BlockHeight::from_u32(height as u32)))
    }

    async fn read(&self, range: &ScanRange) -> Result<Vec<CompactBlock>, Infallible> {
        Ok(self
            .blocks()
            .range(heights(range))
            .map(|(_, block)| block.clone())
            .collect())
    }

    async fn insert(&self, blocks: Vec<CompactBlock>) -> Result<(), Infallible> {
        self.blocks()
            .extend(blocks.into_iter().map(|block| (block.height, block)));
        Ok(())
    }

    async fn delete(&self, range: ScanRange) -> Result<(), Infallible> {
        let gone = heights(&range);
        self.blocks().retain(|height, _| !gone.contains(height));
        Ok(())
    }
}

fn heights(range: &ScanRange) -> Range<u64> {
    let range = range.block_range();
    u64::from(range.start)..u64::from(range.end)
}
