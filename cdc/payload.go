package cdc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"
)

// Fields of a compressed transaction's event, each a type, a length and a number.
const (
	payloadEnd         = 0
	payloadSize        = 1
	payloadCompression = 2
)

// How a transaction is compressed.
const (
	compressedByZstd = 0
	notCompressed    = 255
)

// payload takes the events of a compressed transaction one after the other, so that its size does not matter. Their place in the log is
// the whole transaction's.
func (s *Stream) payload(ctx context.Context, outer *replication.EventHeader, raw []byte) error {
	packed, compression, err := openPayload(raw[replication.EventHeaderSize:])
	if err != nil {
		return fmt.Errorf("a compressed transaction at %s: %w", s.tx.place, err)
	}
	var events io.Reader = bytes.NewReader(packed)
	switch compression {
	case compressedByZstd:
		d, err := zstd.NewReader(events, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return fmt.Errorf("a compressed transaction at %s: %w", s.tx.place, err)
		}
		defer d.Close()
		events = d
	case notCompressed:
	default:
		s.stop("", fmt.Sprintf("the log has a transaction that is compressed in a way that this program does not know (%d)", compression))
		return nil
	}
	for s.tx.open {
		more, err := s.packedEvent(ctx, outer, events)
		if err != nil {
			return fmt.Errorf("a compressed transaction at %s: %w", s.tx.place, err)
		}
		if !more {
			break
		}
	}
	return nil
}

func openPayload(body []byte) (packed []byte, compression uint64, err error) {
	size := uint64(len(body))
	for len(body) > 0 && body[0] != payloadEnd {
		if len(body) < 2 || len(body) < 2+int(body[1]) || body[1] == 0 {
			return nil, 0, errMalformed
		}
		kind := body[0]
		value, _, err := lengthEncodedNumber(body[2 : 2+int(body[1])])
		if err != nil {
			return nil, 0, err
		}
		switch kind {
		case payloadSize:
			size = value
		case payloadCompression:
			compression = value
		}
		body = body[2+int(body[1]):]
	}
	if len(body) == 0 || size > uint64(len(body)-1) {
		return nil, 0, errMalformed
	}
	return body[1 : 1+size], compression, nil // What follows is a checksum.
}

// packedEvent reads one event; false at the end.
func (s *Stream) packedEvent(ctx context.Context, outer *replication.EventHeader, from io.Reader) (bool, error) {
	head := make([]byte, replication.EventHeaderSize)
	if _, err := io.ReadFull(from, head); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	size := binary.LittleEndian.Uint32(head[9:])
	if size < replication.EventHeaderSize {
		return false, errMalformed
	}
	raw := slices.Grow(head, int(size)-len(head))[:size]
	if _, err := io.ReadFull(from, raw[len(head):]); err != nil {
		return false, err
	}
	h := &replication.EventHeader{}
	if err := h.Decode(raw); err != nil {
		return false, err
	}
	if !wanted[h.EventType] {
		h.LogPos = outer.LogPos
		return true, s.unread(h, raw)
	}
	event, err := s.inner.Parse(raw)
	if err != nil {
		return false, err
	}
	h.LogPos = outer.LogPos
	return true, s.take(ctx, h, event.Event)
}

// describeInner makes ready to read the events inside compressed transactions, which are as those outside but for the checksum.
func (s *Stream) describeInner(raw []byte) error {
	if s.options.MariaDB || s.options.Number < 80020 {
		return nil // They have no such transactions.
	}
	if len(raw) < replication.EventHeaderSize+5 {
		return errMalformed
	}
	plain := slices.Clone(raw)
	plain[len(plain)-5] = byte(replication.BINLOG_CHECKSUM_ALG_OFF)
	s.inner = replication.NewBinlogParser()
	s.inner.SetFlavor(s.flavor())
	s.inner.SetRowsEventDecodeFunc(keepRows)
	if _, err := s.inner.Parse(plain); err != nil {
		return fmt.Errorf("binary log of %s, %s: %w", s.options.Shown, s.file, err)
	}
	return nil
}
