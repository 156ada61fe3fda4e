// Package tests holds the suites over the whole of kvshard: the cost and
// operations of calls, failing stores, invariants, real data, fuzzing,
// benchmarks. A test of one file lies beside that file.
package tests

// must returns the value of a call that cannot fail here.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
