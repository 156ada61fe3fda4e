package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxy writes the files of the GOPROXY protocol: list, info, mod and zip.
func proxy(r release) error {
	folder := filepath.Join(r.out, filepath.FromSlash(modulePath), "@v")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{r.version, r.time})
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(r.module, "go.mod"))
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list":              []byte(r.version + "\n"),
		r.version + ".info": append(info, '\n'),
		r.version + ".mod":  mod,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	packed, err := os.Create(filepath.Join(folder, r.version+".zip"))
	if err != nil {
		return err
	}
	if err := zip.CreateFromDir(packed, module.Version{Path: modulePath, Version: r.version}, r.module); err != nil {
		return err
	}
	return packed.Close()
}
