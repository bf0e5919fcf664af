package cdc

import "errors"

func document(out []byte, v value) ([]byte, error) {
	return out, errors.New("JSON")
}
