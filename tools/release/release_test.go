package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

const (
	version = "v0.1.0"
	when    = "2026-01-02T03:04:05Z"
	other   = "example.org/other" // a module that is not ours
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkout makes a small repository: the root, each released module with a program over it, and an
// example.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module "+modulePath+"\n\ngo 1.25.0\n")
	write(t, filepath.Join(dir, "kvshard.go"), "package kvshard\n\nconst Answer = \"42\"\n")
	write(t, filepath.Join(dir, "LICENSE-MIT"), "MIT, they say\n")
	write(t, filepath.Join(dir, "LICENSE-APACHE"), "Apache, they say\n")
	write(t, filepath.Join(dir, crateLicences), "of crates\n")
	nested := func(folder string) {
		up, err := filepath.Rel(filepath.Join(dir, folder), dir)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, folder, "go.mod"), "module "+importPath(folder)+
			"\n\ngo 1.25.0\n\nrequire (\n\t"+other+" v1.2.3\n\t"+modulePath+" v0.0.0\n)\n\nreplace "+modulePath+" => "+filepath.ToSlash(up)+"\n")
		write(t, filepath.Join(dir, folder, "main.go"),
			"package main\n\nimport (\n\t\"fmt\"\n\n\t\""+other+"\"\n\t\""+modulePath+"\"\n)\n\nfunc main() { fmt.Println(kvshard.Answer, other.Name) }\n")
		write(t, filepath.Join(dir, folder, "go.sum"), read(t, filepath.Join(otherModule(t), "go.sum")))
	}
	for _, folder := range append(released[1:], "examples/one") {
		nested(folder)
	}
	return dir
}

// otherModule packs the module that is not ours into a proxy, and writes its lines of
// go.sum beside it.
func otherModule(t *testing.T) (proxy string) {
	t.Helper()
	proxy, source := t.TempDir(), t.TempDir()
	write(t, filepath.Join(source, "go.mod"), "module "+other+"\n\ngo 1.25.0\n")
	write(t, filepath.Join(source, "other.go"), "package other\n\nconst Name = \"other\"\n")
	write(t, filepath.Join(source, "COPYING"), "a licence of others\n")
	served := filepath.Join(proxy, filepath.FromSlash(other), "@v")
	write(t, filepath.Join(served, "list"), "v1.2.3\n")
	write(t, filepath.Join(served, "v1.2.3.info"), `{"Version":"v1.2.3"}`)
	write(t, filepath.Join(served, "v1.2.3.mod"), read(t, filepath.Join(source, "go.mod")))
	packed, err := os.Create(filepath.Join(served, "v1.2.3.zip"))
	if err != nil {
		t.Fatal(err)
	}
	m := module.Version{Path: other, Version: "v1.2.3"}
	if err := errors.Join(modzip.CreateFromDir(packed, m, source), packed.Close()); err != nil {
		t.Fatal(err)
	}
	known := sums{}
	if err := known.add(m, packed.Name(), filepath.Join(served, "v1.2.3.mod")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(proxy, "go.sum"), known.line(m)+known.line(module.Version{Path: other, Version: "v1.2.3/go.mod"}))
	return proxy
}

func packAll(t *testing.T, tree, out string) error {
	t.Helper()
	return run([]string{"proxy", "-module", tree, "-out", out, "-version", version, "-time", when})
}

// goCommand runs the go command in a folder, with modules of these proxies alone.
func goCommand(t *testing.T, cache, dir, proxies string, args ...string) (string, error) {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-modcacherw", "GOPROXY="+proxies, "GONOSUMDB=*", "GOPATH="+cache, "GOMODCACHE=", "GOBIN=", "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := command.CombinedOutput()
	return string(out), err
}

// files returns the content of each file below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(dir, name)
			found[filepath.ToSlash(rel)] = read(t, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestProxy: each module is served with its own files and licences, requires the
// release, and replaces nothing; the same bytes come from another folder, and from a
// tree that was released before.
func TestProxy(t *testing.T) {
	tree, out := checkout(t), t.TempDir()
	if err := packAll(t, tree, out); err != nil {
		t.Fatal(err)
	}
	for _, folder := range released {
		served := filepath.Join(out, filepath.FromSlash(importPath(folder)), "@v")
		mod := read(t, filepath.Join(served, version+".mod"))
		if strings.Contains(mod, "replace") || strings.Contains(mod, "v0.0.0") {
			t.Errorf("%s: go.mod is\n%s", folder, mod)
		}
		if got, want := read(t, filepath.Join(served, version+".info")), `{"Version":"v0.1.0","Time":"`+when+"\"}\n"; got != want {
			t.Errorf("%s: info is %s, want %s", folder, got, want)
		}
		packed, err := zip.OpenReader(filepath.Join(served, version+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range packed.File {
			got = append(got, strings.TrimPrefix(file.Name, importPath(folder)+"@"+version+"/"))
		}
		packed.Close()
		slices.Sort(got)
		want := []string{"LICENSE-APACHE", "LICENSE-MIT", "go.mod", "go.sum", "main.go"}
		if folder == "." {
			want = []string{"LICENSE-APACHE", "LICENSE-MIT", crateLicences, "go.mod", "kvshard.go"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the zip holds %v, want %v", folder, got, want)
		}
	}
	if mod := read(t, filepath.Join(tree, "examples/one/go.mod")); !strings.Contains(mod, modulePath+" "+version) || !strings.Contains(mod, "=> ../..") {
		t.Errorf("the example's go.mod is\n%s", mod)
	}
	first := files(t, out)
	for what, again := range map[string]string{"another folder": checkout(t), "the released tree": tree} {
		out := t.TempDir()
		if err := packAll(t, again, out); err != nil {
			t.Fatal(err)
		}
		for name, content := range files(t, out) {
			if content != first[name] {
				t.Errorf("%s: %s has other bytes", what, name)
			}
		}
	}
}

// TestGoCommandTakesIt: the go command installs a program by its version, which it
// refuses if go.mod replaces anything, and the released folder itself builds with its
// own go.sum. The example, which is not released, builds in the released tree.
func TestGoCommandTakesIt(t *testing.T) {
	tree, out := checkout(t), t.TempDir()
	if err := packAll(t, tree, out); err != nil {
		t.Fatal(err)
	}
	proxies := "file://" + out + ",file://" + otherModule(t)
	cache := t.TempDir()
	if said, err := goCommand(t, cache, t.TempDir(), proxies, "install", importPath("cmd/kvshard")+"@"+version); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if said, err := exec.Command(filepath.Join(cache, "bin", "kvshard")).Output(); err != nil || string(said) != "42 other\n" {
		t.Errorf("the program says %q, %v", said, err)
	}
	for _, folder := range append(released[1:], "examples/one") {
		// A fresh cache: in one that has the module, go.sum is not looked at.
		if said, err := goCommand(t, t.TempDir(), filepath.Join(tree, folder), proxies, "build", "-o", os.DevNull, "-mod=readonly", "."); err != nil {
			t.Errorf("%s: %v\n%s", folder, err, said)
		}
	}
	name := filepath.Join(tree, "cmd/kvshard/go.sum")
	sum := read(t, name)
	at := strings.Index(sum, modulePath+" "+version+" h1:") + len(modulePath+" "+version+" h1:")
	write(t, name, sum[:at]+"AAAA"+sum[at+4:])
	if said, err := goCommand(t, t.TempDir(), filepath.Dir(name), proxies, "build", "-o", os.DevNull, "."); err == nil || !strings.Contains(said, "checksum mismatch") {
		t.Errorf("a wrong sum: %v\n%s", err, said)
	}
}

// TestRefused: what would reach no user as it was tested is an error that says so.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		old, new, want string
	}{
		"a replaced module of others":   {"\nreplace ", "\nreplace " + other + " => ../other\n\nreplace ", "replaces " + other},
		"a module that is not released": {modulePath + " v0.0.0", modulePath + " v0.0.0\n\t" + modulePath + "/examples/one v0.0.0", "examples/one, which is not released"},
		"a module that is packed later": {modulePath + " v0.0.0", modulePath + "/cmd/kvshard v0.0.0", "which is packed later"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := checkout(t)
			mod := filepath.Join(tree, "cmd/kvshard/go.mod")
			write(t, mod, strings.Replace(read(t, mod), c.old, c.new, 1))
			if err := packAll(t, tree, t.TempDir()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	tree := checkout(t)
	if err := os.RemoveAll(filepath.Join(tree, "cmd/kvshard")); err != nil {
		t.Fatal(err)
	}
	if err := packAll(t, tree, t.TempDir()); err == nil {
		t.Error("a module that is not there: no error")
	}
}

// TestArchive: the program is packed with the licences of all that is in it, and only
// if it is the release's.
func TestArchive(t *testing.T) {
	tree, out := checkout(t), t.TempDir()
	if err := packAll(t, tree, out); err != nil {
		t.Fatal(err)
	}
	proxies := "file://" + out + ",file://" + otherModule(t)
	cache := t.TempDir()
	if said, err := goCommand(t, cache, t.TempDir(), proxies, "install", importPath("cmd/kvshard")+"@"+version); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	notice := filepath.Join(t.TempDir(), "copyright")
	write(t, notice, "a C library's\n")
	archived := func(program, target, out string) error {
		return run([]string{"archive", "-module", tree, "-modules", filepath.Join(cache, "pkg/mod"), "-program", program,
			"-target", target, "-notice", notice, "-out", out, "-version", version, "-time", when})
	}
	program := filepath.Join(cache, "bin", "kvshard")
	first, second := t.TempDir(), t.TempDir()
	for _, out := range []string{first, second} {
		for _, target := range []string{"linux-amd64-musl", "windows-amd64"} {
			if err := archived(program, target, out); err != nil {
				t.Fatal(err)
			}
		}
	}
	packed := files(t, first)
	for name, content := range files(t, second) {
		if packed[name] != content {
			t.Errorf("%s has other bytes the second time", name)
		}
	}
	want := map[string]string{
		"kvshard": read(t, program), "LICENSE-MIT": "MIT, they say\n", "LICENSE-APACHE": "Apache, they say\n", crateLicences: "",
	}
	const base = "kvshard-v0.1.0-"
	for name, got := range map[string]map[string]string{
		base + "linux-amd64-musl": untar(t, filepath.Join(first, base+"linux-amd64-musl.tar.gz")),
		base + "windows-amd64":    unzip(t, filepath.Join(first, base+"windows-amd64.zip")),
	} {
		if len(got) != len(want) {
			t.Errorf("%s holds %d files, want %d", name, len(got), len(want))
		}
		for file, text := range want {
			if content, there := got[name+"/"+file]; !there || text != "" && content != text {
				t.Errorf("%s: %s is not what was packed", name, file)
			}
		}
		for _, text := range []string{"Go 1.", other + " v1.2.3", "a licence of others", "a C library's", "of crates"} {
			if !strings.Contains(got[name+"/"+crateLicences], text) {
				t.Errorf("%s: the licences lack %q", name, text)
			}
		}
	}

	licence := filepath.Join(cache, "pkg/mod", other+"@v1.2.3", "COPYING")
	if err := os.Remove(licence); err != nil {
		t.Fatal(err)
	}
	if err := archived(program, "linux-amd64", first); err == nil || !strings.Contains(err.Error(), "no file with a licence text") {
		t.Errorf("a module without a licence: %v", err)
	}
	built := filepath.Join(t.TempDir(), "kvshard")
	if said, err := goCommand(t, cache, filepath.Join(checkout(t), "cmd/kvshard"), proxies, "build", "-o", built, "."); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if err := archived(built, "linux-amd64", first); err == nil || !strings.Contains(err.Error(), "build it from the proxy") {
		t.Errorf("a program of a checkout: %v", err)
	}
}

func untar(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for tape := tar.NewReader(unpacked); ; {
		head, err := tape.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tape)
		if err != nil {
			t.Fatal(err)
		}
		found[head.Name] = string(content)
	}
}

func unzip(t *testing.T, name string) map[string]string {
	t.Helper()
	packed, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	found := map[string]string{}
	for _, file := range packed.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		found[file.Name] = string(content)
	}
	return found
}
