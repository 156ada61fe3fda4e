package kvtest

// TB is what this package needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Strict returns an empty MemStore on which [Finish] is called when the test
// ends.
func Strict(t TB) *MemStore {
	t.Helper()
	s := NewMemStore()
	t.Cleanup(func() {
		t.Helper()
		Finish(t, s)
	})
	return s
}

// Finish fails the test once for each thing that is wrong with s: every violation,
// every changed slice that was not found until now, every open iterator. It may be
// called several times, also between two steps of a test.
func Finish(t TB, s *MemStore) {
	t.Helper()
	for _, err := range s.findings() {
		t.Errorf("%v", err)
	}
}
