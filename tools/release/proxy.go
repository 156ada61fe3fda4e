package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxy writes the files of the GOPROXY protocol for each module of the release:
// list, info, mod and zip.
func proxy(r release) error {
	if err := pin(r.module, r.version); err != nil {
		return err
	}
	known := sums{}
	for _, folder := range released {
		if err := complete(r.module, folder, known); err != nil {
			return err
		}
		if err := pack(r, folder, known); err != nil {
			return err
		}
	}
	return nil
}

// pack writes the files of one module, and adds its sums to those that are known.
func pack(r release, folder string, known sums) error {
	source := filepath.Join(r.module, filepath.FromSlash(folder))
	m := module.Version{Path: importPath(folder), Version: r.version}
	served := filepath.Join(r.out, filepath.FromSlash(m.Path), "@v")
	if err := os.MkdirAll(served, 0o755); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{r.version, r.time})
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list":              []byte(r.version + "\n"),
		r.version + ".info": append(info, '\n'),
		r.version + ".mod":  mod,
	} {
		if err := os.WriteFile(filepath.Join(served, name), content, 0o644); err != nil {
			return err
		}
	}
	name := filepath.Join(served, r.version)
	packed, err := os.Create(name + ".zip")
	if err != nil {
		return err
	}
	if err := zip.CreateFromDir(packed, m, source); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return known.add(m, name+".zip", name+".mod")
}
