package cdc

import (
	"encoding/binary"
	"slices"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// describeCompressed reads again what an event says of a table's columns, where some are MariaDB's compressed ones, which the library does
// not know: it takes what is said of them for what is said of the next.
func describeCompressed(e *replication.TableMapEvent, raw []byte) error {
	if !slices.Contains(e.ColumnType, kindBlobCompressed) && !slices.Contains(e.ColumnType, kindVarcharCompressed) {
		return nil
	}
	at := replication.EventHeaderSize + 8 + 1 + len(e.Schema) + 1 + 1 + len(e.Table) + 1
	if at > len(raw) {
		return errMalformed
	}
	_, n, err := lengthEncodedNumber(raw[at:])
	if err != nil || at+n+len(e.ColumnType) > len(raw) {
		return errMalformed
	}
	said, _, err := lengthEncoded(raw[at+n+len(e.ColumnType):])
	if err != nil {
		return err
	}
	e.ColumnMeta = make([]uint16, len(e.ColumnType))
	for i, kind := range e.ColumnType {
		bytes := descriptionBytes(kind)
		if len(said) < bytes {
			return errMalformed
		}
		switch {
		case kind == mysql.MYSQL_TYPE_STRING || kind == mysql.MYSQL_TYPE_NEWDECIMAL ||
			kind == mysql.MYSQL_TYPE_ENUM || kind == mysql.MYSQL_TYPE_SET:
			e.ColumnMeta[i] = binary.BigEndian.Uint16(said)
		case bytes == 2:
			e.ColumnMeta[i] = binary.LittleEndian.Uint16(said)
		case bytes == 1:
			e.ColumnMeta[i] = uint16(said[0])
		}
		said = said[bytes:]
	}
	return nil
}

// descriptionBytes are how many bytes say more of a type.
func descriptionBytes(kind byte) int {
	switch kind {
	case mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_NEWDECIMAL, mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET, mysql.MYSQL_TYPE_VAR_STRING,
		mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_BIT, kindVarcharCompressed:
		return 2
	case mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_JSON,
		mysql.MYSQL_TYPE_VECTOR, mysql.MYSQL_TYPE_TIME2, mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIMESTAMP2, kindBlobCompressed:
		return 1
	}
	return 0
}
