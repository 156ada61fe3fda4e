// Package strict reads JSON exactly as a format is written down. All fields of a
// struct are there, once each, and no others; nothing is null; an array has its
// length; and the text ends with the value. encoding/json accepts text that
// breaks any of these rules.
package strict

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"reflect"
	"slices"
	"strings"
)

// Others is for a struct that reads only some fields of a document: with a field
// _ of this type, all other fields pass unread.
type Others struct{}

var (
	othersType  = reflect.TypeFor[Others]()
	rawType     = reflect.TypeFor[json.RawMessage]()
	textType    = reflect.TypeFor[encoding.TextUnmarshaler]()
	messageType = reflect.TypeFor[json.Unmarshaler]()
)

// ErrCut is the error of a text that ends before the value does.
var ErrCut = errors.New("the text ends within a value")

// Decode reads the one JSON value of text into the value that into points to: a
// struct with the tags of encoding/json, a slice, an array, a pointer to one of
// these, or anything that encoding/json reads from a string, a number or true
// and false.
//
// A struct's names are exact. A field may be missing only if its tag has
// omitempty, and null only if it is a [json.RawMessage], which takes any value.
// Errors begin with the path of what is wrong, such as blocks[3].height; errors
// of an UnmarshalText are wrapped. After an error, the value that into points to
// is undefined.
func Decode(text []byte, into any) error {
	d := decoder{json.NewDecoder(bytes.NewReader(text))}
	if err := d.value(reflect.ValueOf(into).Elem(), ""); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after the value's end")
	}
	return nil
}

type decoder struct{ *json.Decoder }

func wrong(path, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// syntax wraps an error of the decoder itself.
func syntax(path string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrCut
	}
	return wrong(path, "%w", err)
}

func (d decoder) value(v reflect.Value, path string) error {
	t := v.Type()
	switch {
	case t == rawType || reflect.PointerTo(t).Implements(textType) || reflect.PointerTo(t).Implements(messageType):
		return d.plain(v, path)
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		return d.value(v.Elem(), path)
	case t.Kind() == reflect.Struct:
		return d.object(v, path)
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return d.list(v, path)
	}
	return d.plain(v, path)
}

// plain reads a value without looking into it.
func (d decoder) plain(v reflect.Value, path string) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return syntax(path, err)
	}
	if v.Type() == rawType {
		v.Set(reflect.ValueOf(raw))
		return nil
	}
	if string(raw) == "null" {
		return wrong(path, "null, want %s", kind(v.Type()))
	}
	err := json.Unmarshal(raw, v.Addr().Interface())
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return wrong(path, "%s, want %s", shown(raw), kind(v.Type()))
	}
	if err != nil {
		return wrong(path, "%w", err)
	}
	return nil
}

// open reads the bracket that begins a value of type t.
func (d decoder) open(bracket json.Delim, t reflect.Type, path string) error {
	token, err := d.Token()
	if err != nil {
		return syntax(path, err)
	}
	if token == bracket {
		return nil
	}
	switch token := token.(type) {
	case json.Delim:
		return wrong(path, "%s, want %s", map[json.Delim]string{'{': "an object", '[': "an array"}[token], kind(t))
	case nil:
		return wrong(path, "null, want %s", kind(t))
	default:
		return wrong(path, "%v, want %s", shown(fmt.Append(nil, token)), kind(t))
	}
}

func (d decoder) object(v reflect.Value, path string) error {
	if err := d.open('{', v.Type(), path); err != nil {
		return err
	}
	fields, others := fieldsOf(v.Type())
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return syntax(path, err)
		}
		name := token.(string) // a key, or Token would have failed
		if seen[name] {
			return wrong(path, "field %q is there twice", name)
		}
		seen[name] = true
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case at >= 0:
			inner := name
			if path != "" {
				inner = path + "." + name
			}
			if err := d.value(v.FieldByIndex(fields[at].index), inner); err != nil {
				return err
			}
		case others:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return syntax(path, err)
			}
		default:
			return wrong(path, "unknown field %q; the fields are %s", name, names(fields))
		}
	}
	if _, err := d.Token(); err != nil {
		return syntax(path, err)
	}
	for _, f := range fields {
		if !f.optional && !seen[f.name] {
			return wrong(path, "field %q is missing", f.name)
		}
	}
	return nil
}

func (d decoder) list(v reflect.Value, path string) error {
	if err := d.open('[', v.Type(), path); err != nil {
		return err
	}
	made := reflect.MakeSlice(reflect.SliceOf(v.Type().Elem()), 0, 0)
	for i := 0; d.More(); i++ {
		made = reflect.Append(made, reflect.Zero(v.Type().Elem()))
		if err := d.value(made.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return syntax(path, err)
	}
	if v.Kind() == reflect.Slice {
		v.Set(made.Convert(v.Type()))
		return nil
	}
	if made.Len() != v.Len() {
		return wrong(path, "%d elements, want %d", made.Len(), v.Len())
	}
	reflect.Copy(v, made)
	return nil
}

// A field of a struct as JSON names it.
type field struct {
	name     string
	index    []int
	optional bool
}

func fieldsOf(t reflect.Type) (fields []field, others bool) {
	for _, f := range reflect.VisibleFields(t) {
		others = others || f.Type == othersType
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		fields = append(fields, field{name, f.Index, slices.Contains(strings.Split(options, ","), "omitempty")})
	}
	return fields, others
}

func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}

// kind says in words what a type is read from.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(bits.UintSize-t.Bits()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Pointer:
		return kind(t.Elem())
	}
	switch {
	case reflect.PointerTo(t).Implements(textType), t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return "an array"
	}
	return "an object"
}

// shown is the part of a value's text that a message shows.
func shown(raw []byte) string {
	const most = 40
	if len(raw) > most {
		return string(raw[:most]) + "…"
	}
	return string(raw)
}
