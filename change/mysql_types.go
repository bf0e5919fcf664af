package change

import (
	"fmt"
	"strconv"
	"strings"
)

// TypeOf maps a type as MySQL or MariaDB declares it, such as "decimal(19,4)" or "bigint(20) unsigned", to the one that loses
// nothing. Snapshots, the binary log and the contract of a CSV folder all go through it (promise 6).
func TypeOf(declared string) (Type, error) {
	name, args, unsigned := splitType(declared)
	switch name {
	case "tinyint", "year", "bool", "boolean", "int1":
		return Type{Kind: Int16}, nil
	case "smallint", "int2":
		return Type{Kind: choose(unsigned, Int32, Int16)}, nil
	case "mediumint", "int3", "middleint":
		return Type{Kind: Int32}, nil
	case "int", "integer", "int4":
		return Type{Kind: choose(unsigned, Int64, Int32)}, nil
	case "bigint", "int8":
		if unsigned {
			return Type{Kind: Decimal, Precision: 20}, nil
		}
		return Type{Kind: Int64}, nil
	case "serial":
		return Type{Kind: Decimal, Precision: 20}, nil
	case "decimal", "numeric", "dec", "fixed":
		return decimalOf(declared, args)
	case "float", "float4":
		if p, err := strconv.Atoi(args); err == nil && p > 24 {
			return Type{Kind: Float64}, nil
		}
		return Type{Kind: Float32}, nil
	case "double", "double precision", "real", "float8":
		return Type{Kind: Float64}, nil
	case "date":
		return Type{Kind: Date}, nil
	case "datetime", "timestamp":
		return Type{Kind: Timestamp}, nil
	case "bit", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector",
		"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		return Type{Kind: Bytes}, nil
	case "char", "varchar", "nchar", "nvarchar", "character", "character varying", "tinytext", "text", "mediumtext", "longtext",
		"enum", "set", "json", "time", "uuid", "inet4", "inet6":
		return Type{Kind: Text}, nil
	}
	return Type{}, fmt.Errorf("%q is not a type of MySQL or MariaDB that can be read", declared)
}

// SameType reports whether two declarations mean one type: display widths of integers, synonyms and blanks do not count.
func SameType(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(declared string) string {
	name, args, unsigned := splitType(declared)
	synonyms := map[string]string{
		"integer": "int", "int1": "tinyint", "int2": "smallint", "int3": "mediumint", "middleint": "mediumint", "int4": "int",
		"int8": "bigint", "bool": "tinyint", "boolean": "tinyint", "numeric": "decimal", "dec": "decimal", "fixed": "decimal",
		"double precision": "double", "real": "double", "float8": "double", "float4": "float", "character": "char",
		"character varying": "varchar", "nchar": "char", "nvarchar": "varchar",
		"json": "longtext", // MariaDB declares its JSON so.
	}
	if s, ok := synonyms[name]; ok {
		name = s
	}
	switch name {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year":
		args = ""
	case "decimal":
		if args == "" {
			args = "10"
		}
		if !strings.Contains(args, ",") {
			args += ",0"
		}
	case "char", "bit", "binary":
		if args == "" {
			args = "1"
		}
	case "datetime", "timestamp", "time":
		if args == "0" {
			args = ""
		}
	}
	if unsigned {
		name += " unsigned"
	}
	return name + "(" + args + ")"
}

// splitType cuts a declaration into the type's name, what stands in its brackets, and whether it is unsigned.
func splitType(declared string) (name, args string, unsigned bool) {
	s := strings.TrimSpace(PlainType(declared))
	tail := ""
	if open := strings.IndexByte(s, '('); open >= 0 {
		if end := strings.LastIndexByte(s, ')'); end > open {
			s, args, tail = s[:open], s[open+1:end], s[end+1:]
		}
	}
	name = strings.Join(strings.Fields(strings.ToLower(s)), " ")
	tail = strings.ToLower(tail)
	for _, word := range []string{" zerofill", " unsigned", " signed"} {
		if before, ok := strings.CutSuffix(name, word); ok {
			name, tail = before, tail+word
		}
	}
	if name != "enum" && name != "set" {
		args = strings.ReplaceAll(args, " ", "")
	}
	return name, args, strings.Contains(tail, "unsigned") || strings.Contains(tail, "zerofill")
}

// PlainType is a declaration without its comments: MariaDB notes there how it stores a column (datetime /* mariadb-5.3 */,
// text /*M!100301 COMPRESSED*/), which changes no value.
func PlainType(declared string) string {
	if !strings.Contains(declared, "/*") {
		return declared
	}
	var out strings.Builder
	quoted := false
	for i := 0; i < len(declared); i++ {
		if !quoted && strings.HasPrefix(declared[i:], "/*") {
			end := strings.Index(declared[i+2:], "*/")
			if end < 0 {
				break
			}
			i += 2 + end + 1
			continue
		}
		if declared[i] == '\'' {
			quoted = !quoted
		}
		out.WriteByte(declared[i])
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func decimalOf(declared, args string) (Type, error) {
	t := Type{Kind: Decimal, Precision: 10}
	if args == "" {
		return t, nil
	}
	p, s, both := strings.Cut(args, ",")
	var err error
	if t.Precision, err = strconv.Atoi(p); err == nil && both {
		t.Scale, err = strconv.Atoi(s)
	}
	if err != nil || t.Precision < 1 || t.Scale < 0 || t.Scale > t.Precision {
		return Type{}, fmt.Errorf("%q has an impossible number of digits", declared)
	}
	if t.Precision > 38 {
		return Type{Kind: Text}, nil // No warehouse holds more digits in a number.
	}
	return t, nil
}

func choose(first bool, a, b Kind) Kind {
	if first {
		return a
	}
	return b
}
