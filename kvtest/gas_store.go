package kvtest

import (
	"math"

	"cosmossdk.io/core/store"
)

// GasConfig says what operations on a store cost.
type GasConfig struct {
	HasCost          uint64
	DeleteCost       uint64
	ReadCostFlat     uint64
	ReadCostPerByte  uint64
	WriteCostFlat    uint64
	WriteCostPerByte uint64
	IterNextCostFlat uint64
}

// KVGasConfig returns the SDK's default for a KVStore (cosmos-sdk,
// store/types/gas.go, KVGasConfig).
func KVGasConfig() GasConfig {
	return GasConfig{
		HasCost:          1000,
		DeleteCost:       1000,
		ReadCostFlat:     1000,
		ReadCostPerByte:  3,
		WriteCostFlat:    2000,
		WriteCostPerByte: 30,
		IterNextCostFlat: 30,
	}
}

// Descriptors name the charge that passed a limit. They are the SDK's.
const (
	GasHasDesc          = "Has"
	GasDeleteDesc       = "Delete"
	GasReadFlatDesc     = "ReadFlat"
	GasReadPerByteDesc  = "ReadPerByte"
	GasWriteFlatDesc    = "WriteFlat"
	GasWritePerByteDesc = "WritePerByte"
	GasIterNextDesc     = "IterNextFlat"
	GasIterPerByteDesc  = "ValuePerByte"
)

// ErrorOutOfGas is the value that a GasStore panics with when a charge passes its
// limit. As with the SDK's type of the same name, the panic value is the struct
// itself; it is comparable, and is not an error.
type ErrorOutOfGas struct{ Descriptor string }

// ErrorGasOverflow is the value that a GasStore panics with when the gas consumed
// no longer fits 64 bits. The meter then stands at the highest number.
type ErrorGasOverflow struct{ Descriptor string }

// GasStore passes every operation to a parent and charges gas for it. It charges
// the same amounts in the same order as the SDK's gaskv store, so a limit strikes
// at the same place.
//
//	Has     flat, then the parent
//	Delete  flat, then the parent
//	Get     flat, then the parent, then each byte of the key, then of the value
//	Set     flat, each byte of the key, each byte of the value, then the parent
//	Iterator, ReverseIterator
//	        the parent; then, if it stands at a record, each byte of its key
//	        and of its value; then flat, also if there is no record at all
//	Next    each byte of the key and of the value that the iterator is about to
//	        leave, then flat, then the parent
//
// So a walk pays for its first record twice. Key, Value, Valid, Error and Close
// are free.
//
// When a charge passes the limit, the meter keeps it and the store panics with
// [ErrorOutOfGas]. From then on every charge does. A Set that panics wrote
// nothing.
//
// Three things differ from the SDK's store. If there is no gas to open an
// iterator, this store closes the parent's before it panics; the SDK leaves it
// open for good, and the code under test can do nothing about it. If the parent
// returns an error, so does this store, and it does not charge what the SDK's
// store would charge afterwards. Set with a nil, empty or too long key or a nil
// value is free, and returns ErrEmptyKey, ErrKeyTooLong or ErrNilValue; the SDK's
// store panics, also before any charge.
//
// One goroutine at a time, as for the parent.
type GasStore struct {
	parent   store.KVStore
	config   GasConfig
	limit    uint64
	consumed uint64
}

var _ store.KVStore = (*GasStore)(nil)

// NewGasStore returns a store that charges KVGasConfig for every operation on
// parent. The limit is the most gas that may be consumed; 0 means no limit. (A
// meter of the SDK with limit 0 fails at once.)
func NewGasStore(parent store.KVStore, limit uint64) *GasStore {
	return NewGasStoreWithConfig(parent, limit, KVGasConfig())
}

// NewGasStoreWithConfig is NewGasStore with other costs.
func NewGasStoreWithConfig(parent store.KVStore, limit uint64, config GasConfig) *GasStore {
	return &GasStore{parent: parent, config: config, limit: limit}
}

// GasConsumed returns the sum of all charges, including the one that passed the
// limit.
func (s *GasStore) GasConsumed() uint64 { return s.consumed }

// Limit returns the limit, 0 if there is none.
func (s *GasStore) Limit() uint64 { return s.limit }

// Reset sets the gas consumed to 0. The limit stays.
func (s *GasStore) Reset() { s.consumed = 0 }

func (s *GasStore) charge(cost uint64, descriptor string) {
	if cost > math.MaxUint64-s.consumed {
		s.consumed = math.MaxUint64
		panic(ErrorGasOverflow{descriptor})
	}
	s.consumed += cost
	if s.limit > 0 && s.consumed > s.limit {
		panic(ErrorOutOfGas{descriptor})
	}
}

func (s *GasStore) chargeBytes(perByte uint64, descriptor string, key, value []byte) {
	s.charge(perByte*uint64(len(key)), descriptor)
	s.charge(perByte*uint64(len(value)), descriptor)
}

// Get charges and passes the call on.
func (s *GasStore) Get(key []byte) ([]byte, error) {
	s.charge(s.config.ReadCostFlat, GasReadFlatDesc)
	value, err := s.parent.Get(key)
	if err != nil {
		return nil, err
	}
	s.chargeBytes(s.config.ReadCostPerByte, GasReadPerByteDesc, key, value)
	return value, nil
}

// Has charges and passes the call on.
func (s *GasStore) Has(key []byte) (bool, error) {
	s.charge(s.config.HasCost, GasHasDesc)
	return s.parent.Has(key)
}

// Set charges and passes the call on.
func (s *GasStore) Set(key, value []byte) error {
	switch {
	case len(key) == 0:
		return ErrEmptyKey
	case len(key) > MaxKeyLength:
		return ErrKeyTooLong
	case value == nil:
		return ErrNilValue
	}
	s.charge(s.config.WriteCostFlat, GasWriteFlatDesc)
	s.chargeBytes(s.config.WriteCostPerByte, GasWritePerByteDesc, key, value)
	return s.parent.Set(key, value)
}

// Delete charges and passes the call on.
func (s *GasStore) Delete(key []byte) error {
	s.charge(s.config.DeleteCost, GasDeleteDesc)
	return s.parent.Delete(key)
}

// Iterator passes the call on and charges for the first record.
func (s *GasStore) Iterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, s.parent.Iterator)
}

// ReverseIterator does as Iterator does.
func (s *GasStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, s.parent.ReverseIterator)
}

func (s *GasStore) iterator(start, end []byte, open openFunc) (store.Iterator, error) {
	parent, err := open(start, end)
	if err != nil {
		return nil, err
	}
	it := &gasIterator{parent, s}
	opened := false
	defer func() {
		if !opened { // a panic is under way
			_ = parent.Close()
		}
	}()
	it.chargeSeek()
	opened = true
	return it, nil
}

// gasIterator charges at Next; all other methods are the parent's.
type gasIterator struct {
	store.Iterator
	s *GasStore
}

func (it *gasIterator) Next() {
	it.chargeSeek()
	it.Iterator.Next()
}

func (it *gasIterator) chargeSeek() {
	if it.Valid() {
		it.s.chargeBytes(it.s.config.ReadCostPerByte, GasIterPerByteDesc, it.Key(), it.Value())
	}
	it.s.charge(it.s.config.IterNextCostFlat, GasIterNextDesc)
}
