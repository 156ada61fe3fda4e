package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A packedFile is one of an archive.
type packedFile struct {
	name string
	mode os.FileMode
	text []byte
}

// archive packs the program for a target, with the licences of all that is in it,
// as .zip for Windows and .tar.gz for others.
func archive(r release) error {
	info, err := buildinfo.ReadFile(r.program)
	if err != nil {
		return err
	}
	if info.Main.Path != importPath("cmd/kvshard") || info.Main.Version != r.version {
		return fmt.Errorf("%s is %s %s, the release %s: build it from the proxy", r.program, info.Main.Path, info.Main.Version, r.version)
	}
	program, err := os.ReadFile(r.program)
	if err != nil {
		return err
	}
	third, err := programLicences(r, r.program)
	if err != nil {
		return err
	}
	files := []packedFile{{filepath.Base(r.program), 0o755, program}}
	for _, name := range licences {
		text, err := os.ReadFile(filepath.Join(r.module, name))
		if err != nil {
			return err
		}
		files = append(files, packedFile{name, 0o644, text})
	}
	files = append(files, packedFile{crateLicences, 0o644, third})

	name := "kvshard-" + r.version + "-" + r.target
	ending, write := ".tar.gz", writeTar
	if strings.HasPrefix(r.target, "windows-") {
		ending, write = ".zip", writeZip
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(r.out, name+ending))
	if err != nil {
		return err
	}
	if err := write(out, name, r.time, files); err != nil {
		return err
	}
	return out.Close()
}

func writeTar(out io.Writer, folder string, at time.Time, files []packedFile) error {
	packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	tape := tar.NewWriter(packed)
	for _, file := range files {
		head := &tar.Header{Name: folder + "/" + file.name, Mode: int64(file.mode), Size: int64(len(file.text)), ModTime: at}
		if err := tape.WriteHeader(head); err != nil {
			return err
		}
		if _, err := tape.Write(file.text); err != nil {
			return err
		}
	}
	if err := tape.Close(); err != nil {
		return err
	}
	return packed.Close()
}

func writeZip(out io.Writer, folder string, at time.Time, files []packedFile) error {
	packed := zip.NewWriter(out)
	for _, file := range files {
		head := &zip.FileHeader{Name: folder + "/" + file.name, Method: zip.Deflate, Modified: at}
		head.SetMode(file.mode)
		w, err := packed.CreateHeader(head)
		if err != nil {
			return err
		}
		if _, err := w.Write(file.text); err != nil {
			return err
		}
	}
	return packed.Close()
}
