package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/kvshard/kvshard"
)

// machine describes the machine, on which times depend.
func machine() string {
	text := fmt.Sprintf("%s/%s with %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return text
	}
	for line := range strings.Lines(string(info)) {
		if name, model, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return text + ", " + strings.TrimSpace(model)
		}
	}
	return text
}

// versions names what was measured, and what it was compiled with.
func versions() string {
	texts := []string{"kvshard " + kvshard.Version(), runtime.Version()}
	if rustc, err := exec.Command("rustc", "--version").Output(); err == nil {
		texts = append(texts, strings.Join(strings.Fields(string(rustc))[:2], " "))
	}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return list(texts)
	}
	for _, dep := range info.Deps {
		for dep.Replace != nil {
			dep = dep.Replace
		}
		switch name := path.Base(dep.Path); name {
		case "goleveldb", "pebble", "iavl", "cosmos-db":
			texts = append(texts, name+" "+dep.Version)
		}
	}
	return list(texts)
}
