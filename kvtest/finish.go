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

// Finish fails the test, once for each, for all that is not in order with s:
// every violation, slices that were changed and not found until now, every
// iterator left open. It may be called several times, also between two steps of
// a test.
func Finish(t TB, s *MemStore) {
	t.Helper()
	for _, err := range s.findings() {
		t.Errorf("%v", err)
	}
}
