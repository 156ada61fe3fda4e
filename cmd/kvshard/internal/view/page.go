// Package view makes the page of the command "kvshard view": one HTML file that
// draws a tree and replays what calls do, and loads nothing.
package view

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed page/*.html page/*.css page/*.js
var files embed.FS

// scripts become one, in this order: a file uses the files before it.
var scripts = []string{
	"model", "looks", "picture", "levels", "checkpoints",
	"explain", "navigate", "panels", "replay", "start",
}

// Page returns the page that shows a tree, and the tree's size. It reads every
// record of the tree once.
func Page(s Source) (text []byte, size uint64, err error) {
	var d data
	if d.Store, err = readState(s); err != nil {
		return nil, 0, err
	}
	if d.Demo, err = replay(); err != nil {
		return nil, 0, err
	}
	text, err = assemble(d)
	return text, d.Store.Size, err
}

// assemble puts style, data and scripts into the places that view.html has for
// them.
func assemble(d data) ([]byte, error) {
	text, err := json.Marshal(d) // escapes <, so that no script ends in it
	if err != nil {
		return nil, err
	}
	rest := file("view.html")
	var page bytes.Buffer
	for _, part := range []struct {
		mark string
		text []byte
	}{{"/*STYLE*/", file("view.css")}, {"/*DATA*/", text}, {"/*SCRIPT*/", script()}} {
		before, after, found := bytes.Cut(rest, []byte(part.mark))
		if !found {
			return nil, fmt.Errorf("view.html has no place %s", part.mark)
		}
		page.Write(before)
		page.Write(part.text)
		rest = after
	}
	page.Write(rest)
	return page.Bytes(), nil
}

func script() []byte {
	var parts [][]byte
	for _, name := range scripts {
		parts = append(parts, file(name+".js"))
	}
	return bytes.Join(parts, []byte("\n"))
}

// file returns one of the page's files; it is part of the program.
func file(name string) []byte {
	text, err := files.ReadFile("page/" + name)
	if err != nil {
		panic(err)
	}
	return text
}
