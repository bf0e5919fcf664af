package cdc

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// jsonNode is a document that is being changed. A scalar is its text.
type jsonNode struct {
	kind  byte // '{', '[', or 0 for a scalar.
	text  []byte
	keys  [][]byte
	items []*jsonNode
}

// What a change of a document does (binlog_row_value_options = PARTIAL_JSON).
const (
	jsonReplace = 0
	jsonInsert  = 1
	jsonRemove  = 2
)

// appendPatchedJSON prints a document after changes: each an operation, a path, and but for a removal a value.
func appendPatchedJSON(out, document, patch []byte) ([]byte, error) {
	if len(document) == 0 {
		return nil, errMalformed
	}
	root, err := readJSON(document[0], document[1:], jsonDepth)
	if err != nil {
		return nil, err
	}
	for len(patch) > 0 {
		operation := patch[0]
		path, rest, err := lengthEncoded(patch[1:])
		if err != nil {
			return nil, err
		}
		var value *jsonNode
		if operation != jsonRemove {
			var binary []byte
			if binary, rest, err = lengthEncoded(rest); err != nil || len(binary) == 0 {
				return nil, errMalformed
			}
			if value, err = readJSON(binary[0], binary[1:], jsonDepth); err != nil {
				return nil, err
			}
		}
		if root, err = root.patched(operation, path, value); err != nil {
			return nil, err
		}
		patch = rest
	}
	return root.append(out), nil
}

func lengthEncoded(data []byte) (value, rest []byte, err error) {
	length, n, err := lengthEncodedNumber(data)
	if err != nil || length > uint64(len(data)-n) {
		return nil, nil, errMalformed
	}
	return data[n : n+int(length)], data[n+int(length):], nil
}

// lengthEncodedNumber reads a number and how many bytes it took.
func lengthEncodedNumber(data []byte) (uint64, int, error) {
	if len(data) == 0 {
		return 0, 0, errMalformed
	}
	number, null, n := mysql.LengthEncodedInt(data)
	if null || n <= 0 || n > len(data) {
		return 0, 0, errMalformed
	}
	return number, n, nil
}

func readJSON(kind byte, data []byte, depth int) (*jsonNode, error) {
	if kind > jsonLargeArray {
		text, err := appendJSONScalar(nil, kind, data)
		return &jsonNode{text: text}, err
	}
	c, err := openJSON(kind, data, depth)
	if err != nil {
		return nil, err
	}
	n := &jsonNode{kind: '['}
	if c.object {
		n.kind = '{'
	}
	for i := range c.count {
		if c.object {
			key, err := c.key(i)
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, key)
		}
		kind, value, err := c.value(i)
		if err != nil {
			return nil, err
		}
		item, err := readJSON(kind, value, depth-1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	return n, nil
}

func (n *jsonNode) append(out []byte) []byte {
	if n.kind == 0 {
		return append(out, n.text...)
	}
	out = append(out, n.kind)
	for i, item := range n.items {
		if i > 0 {
			out = append(out, ", "...)
		}
		if n.kind == '{' {
			out = append(appendJSONString(out, n.keys[i]), ": "...)
		}
		out = item.append(out)
	}
	return append(out, n.kind+2) // The bracket that closes is two further in ASCII.
}

// jsonLeg is a step of a path: a key, or a place in an array.
type jsonLeg struct {
	key   []byte
	index int
	array bool
}

// patched makes one change, and returns the document, which the change may replace.
func (n *jsonNode) patched(operation byte, path []byte, value *jsonNode) (*jsonNode, error) {
	legs, err := jsonPath(path)
	if err != nil {
		return nil, err
	}
	if len(legs) == 0 {
		if operation != jsonReplace {
			return nil, errMalformed
		}
		return value, nil
	}
	at := n
	for _, leg := range legs[:len(legs)-1] {
		i := at.find(leg)
		if i < 0 {
			return nil, errMalformed
		}
		at = at.items[i]
	}
	last := legs[len(legs)-1]
	i := at.find(last)
	switch {
	case operation == jsonReplace && i >= 0:
		at.items[i] = value
	case operation == jsonRemove && i >= 0:
		at.items = slices.Delete(at.items, i, i+1)
		if at.kind == '{' {
			at.keys = slices.Delete(at.keys, i, i+1)
		}
	case operation == jsonInsert && last.array && at.kind == '[':
		at.items = slices.Insert(at.items, min(last.index, len(at.items)), value)
	case operation == jsonInsert && !last.array && at.kind == '{' && i < 0:
		i, _ = slices.BinarySearchFunc(at.keys, last.key, compareJSONKeys)
		at.keys, at.items = slices.Insert(at.keys, i, last.key), slices.Insert(at.items, i, value)
	default:
		return nil, errMalformed
	}
	return n, nil
}

// compareJSONKeys is the order in which objects keep their keys: short ones first.
func compareJSONKeys(a, b []byte) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare(a, b)
}

// find is the place of what a step leads to; -1 where there is none.
func (n *jsonNode) find(leg jsonLeg) int {
	switch {
	case leg.array && n.kind == '[' && leg.index < len(n.items):
		return leg.index
	case !leg.array && n.kind == '{':
		return slices.IndexFunc(n.keys, func(k []byte) bool { return bytes.Equal(k, leg.key) })
	}
	return -1
}

// jsonPath reads $.key."another key"[3].
func jsonPath(path []byte) ([]jsonLeg, error) {
	if len(path) == 0 || path[0] != '$' {
		return nil, errMalformed
	}
	var legs []jsonLeg
	for rest := path[1:]; len(rest) > 0; {
		switch {
		case rest[0] == '[':
			end := bytes.IndexByte(rest, ']')
			if end < 0 {
				return nil, errMalformed
			}
			index, err := strconv.Atoi(string(rest[1:end]))
			if err != nil || index < 0 {
				return nil, errMalformed
			}
			legs, rest = append(legs, jsonLeg{index: index, array: true}), rest[end+1:]
		case rest[0] == '.' && len(rest) > 1 && rest[1] == '"':
			key, n, err := quotedJSONKey(rest[1:])
			if err != nil {
				return nil, err
			}
			legs, rest = append(legs, jsonLeg{key: key}), rest[1+n:]
		case rest[0] == '.':
			end := bytes.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			legs, rest = append(legs, jsonLeg{key: rest[1 : 1+end]}), rest[1+end:]
		default:
			return nil, errMalformed
		}
	}
	return legs, nil
}

// quotedJSONKey reads a key in quotes, and how long it is with them.
func quotedJSONKey(text []byte) (key []byte, n int, err error) {
	for n = 1; n < len(text); n++ {
		switch text[n] {
		case '"':
			return key, n + 1, nil
		case '\\':
			if n++; n >= len(text) {
				return nil, 0, errMalformed
			}
			c, more, err := escapedJSON(text[n:])
			if err != nil {
				return nil, 0, err
			}
			key, n = append(key, c...), n+more
		default:
			key = append(key, text[n])
		}
	}
	return nil, 0, errMalformed
}

// escapedJSON reads what stands behind a backslash, and how many bytes more than one it took.
func escapedJSON(text []byte) ([]byte, int, error) {
	switch text[0] {
	case 'b':
		return []byte{'\b'}, 0, nil
	case 'f':
		return []byte{'\f'}, 0, nil
	case 'n':
		return []byte{'\n'}, 0, nil
	case 'r':
		return []byte{'\r'}, 0, nil
	case 't':
		return []byte{'\t'}, 0, nil
	case 'u':
		if len(text) < 5 {
			return nil, 0, errMalformed
		}
		x, err := strconv.ParseUint(string(text[1:5]), 16, 16)
		return []byte(string(rune(x))), 4, err
	}
	return text[:1], 0, nil
}
