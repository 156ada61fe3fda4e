package view

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// The pages of the tests are those that the command writes.
func TestMain(m *testing.M) { os.Exit(clitest.Main(m)) }

var dataElement = regexp.MustCompile(`(?s)(<script id="data" type="application/json">)(.*?)(</script>)`)

// dataOf is what a page was given.
func dataOf(t *testing.T, text string) (d data) {
	t.Helper()
	found := dataElement.FindStringSubmatch(text)
	if found == nil {
		t.Fatal("the page has no data")
	}
	if err := json.Unmarshal([]byte(found[2]), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// writePage writes a page of other data, and returns its address.
func writePage(t *testing.T, dir, name string, d data) string {
	t.Helper()
	text, err := assemble(d)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// enlarged is what the store of fifty million leaves would say of itself.
func enlarged(d data) data {
	d.Store.Size = 50_000_000
	d.Store.ShardRuns = [][3]uint64{{0, 3_124_999, 575}}
	d.Store.Checkpoints = []checkpoint{{ID: 7, Size: 49_999_990}, {ID: 8, Size: 50_000_000}}
	return d
}
