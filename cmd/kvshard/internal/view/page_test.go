package view

import (
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// The page is one file, which refers to nothing outside.
func TestPageStandsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.OK(t, dir, "", "init")
	text := strings.ReplaceAll(clitest.OK(t, dir, "", "view", "-"), "http://www.w3.org/2000/svg", "")
	for _, outside := range []string{"http://", "https://", "src=", "@import", "url(\""} {
		if strings.Contains(text, outside) {
			t.Errorf("the page refers to something outside: %q", outside)
		}
	}
}
