package tests

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/guide"
	"github.com/kvshard/kvshard/kvtest"
)

// TestGuideIsCode finds each line of Go in docs/keeper.md and docs/wallets.md, in the
// same order and without a gap, in code that is compiled.
func TestGuideIsCode(t *testing.T) {
	var text string
	for _, name := range []string{"keeper.md", "wallets.md"} {
		text += string(chaintest.Must(os.ReadFile("../../../docs/" + name))(t))
	}
	plain := func(code string) string {
		var lines []string
		for line := range strings.Lines(code) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "\n") + "\n"
	}
	var sources []string
	for _, folder := range []string{"..", "../../../x/commitment", "../../minimal"} {
		chaintest.Must0(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			inGuide := strings.HasSuffix(path, ".go") && (!strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../../minimal"))
			if err != nil || !inGuide {
				return err
			}
			source, err := os.ReadFile(path)
			sources = append(sources, plain(string(source)))
			return err
		}))
	}
	blocks := strings.Split(text, "```go\n")[1:]
	if len(blocks) < 5 {
		t.Errorf("only %d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		code, _, closed := strings.Cut(block, "```")
		found := false
		for _, source := range sources {
			found = found || strings.Contains(source, plain(code))
		}
		if !closed || !found {
			t.Errorf("not in the code:\n%s", code)
		}
	}
}

type service struct{ kv store.KVStore }

func (s service) OpenKVStore(context.Context) store.KVStore { return s.kv }

func TestGuide(t *testing.T) {
	mem := kvtest.Strict(t)
	k := chaintest.Must(guide.NewKeeper(service{mem}))(t)
	for height := range uint32(3) {
		chaintest.Must0(t, k.EndBlock(t.Context(), chaintest.Leaves(int(height)*10, 10), height))
	}
	tree := chaintest.Must(kvshard.Open(mem))(t)
	if size := chaintest.Must(tree.SizeAt(1))(t); size != 20 {
		t.Errorf("%d leaves at checkpoint 1", size)
	}
	notes, votes, err := guide.TwoTrees(kvtest.Strict(t))
	chaintest.Must0(t, err)
	_, err = notes.Append(kvshard.Node{1})
	chaintest.Must0(t, err)
	if size := chaintest.Must(votes.Size())(t); size != 0 {
		t.Errorf("%d votes", size)
	}
}
