package input

import (
	"bufio"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// TestGuess: raw commitments are not taken for text, whatever they begin with.
func TestGuess(t *testing.T) {
	for first := range 256 {
		nodes := clitest.Leaves(3)
		nodes[0][0] = byte(first)
		for _, n := range []int{1, 3} {
			if got := guess("-", bufio.NewReader(strings.NewReader(clitest.Raw(nodes[:n])))); got != "raw" {
				t.Errorf("%d commitments, the first byte is %#x: %s", n, first, got)
			}
		}
	}
	for text, want := range map[string]string{
		"": "hex", "\n\n": "hex", "# größer\n": "hex", "{}": "json", " [\"": "json", "[": "json",
		"# " + strings.Repeat("x", 61) + "ß": "hex", // cut within a rune
		strings.Repeat("0", 64):              "hex",
	} {
		if got := guess("-", bufio.NewReader(strings.NewReader(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Raw commitments are recognised, but for the few that could be text.
func TestGuessRaw(t *testing.T) {
	doubtful := 0
	for i, node := range clitest.Leaves(5000) {
		for j := range node {
			node[j] ^= byte(i * (j + 7)) // all 32 bytes
		}
		many := clitest.Raw(clitest.Leaves(3)) + string(node[:])
		for _, text := range []string{many, string(node[:])} {
			if guess("-", bufio.NewReader(strings.NewReader(text))) == "raw" {
				continue
			}
			if text == many {
				t.Errorf("four commitments are taken for text: %s", hex.EncodeToString([]byte(text)))
			}
			doubtful++
		}
	}
	t.Logf("%d of 5000 commitments that come alone could be text", doubtful)
	if doubtful > 5000/15 {
		t.Errorf("%d of 5000 commitments are taken for text", doubtful)
	}
}
