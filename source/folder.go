package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeline/change"
)

// folder is a folder of CSV files, one a table.
type folder struct {
	options Options
	dir     string
}

type fileTable struct {
	*change.Table
	path   string
	shown  string // The file's name, for messages.
	header int64  // The bytes that the header takes, byte order mark and newline included.
	lines  int64  // The lines that it takes.
	shape  shape
	dialect
}

func openFolder(o Options) (Source, error) {
	dir := strings.TrimPrefix(o.DSN, "csv:")
	if dir == "" {
		return nil, &change.Problem{
			Err: errors.New("the address csv: names no folder"), Class: change.ClassUsage, Try: "csv:DIR with the folder that has the files",
		}
	}
	if strings.Contains(dir, "://") { // It may hold a password, so it is not shown.
		return nil, &change.Problem{
			Err: errors.New("the address csv: names a server, where a folder is wanted"), Class: change.ClassUsage,
			Try: "csv:DIR with the folder that has the files; " + addressForm + " for a server",
		}
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		return nil, &change.Problem{
			Err: fmt.Errorf("open the folder of CSV files %s: %w", dir, cause(err)), Class: change.ClassUsage,
			Try: "csv:DIR with the folder that has the files",
		}
	}
	if len(o.Tables) == 0 {
		return nil, &change.Problem{
			Err: errors.New("a folder of CSV files does not say what it holds"), Class: change.ClassUsage,
			Try: "list the tables with their files, keys and types in models/sources.yml",
		}
	}
	if err := distinct(o.Tables); err != nil {
		return nil, err
	}
	for _, c := range o.Tables {
		if !filepath.IsLocal(c.file()) {
			return nil, &change.Problem{
				Err: fmt.Errorf("the file %s of table %s is not below the source's folder", c.file(), c.Name), Where: c.Name,
				Class: change.ClassUsage, Try: "meta.lifeline.file with a path below csv:DIR",
			}
		}
	}
	return &folder{options: o, dir: dir}, nil
}

// cause drops the call and the path that the message names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Tables reads the headers. The columns stand in the file's order, with the types of the contract.
func (f *folder) Tables(ctx context.Context) ([]*change.Table, error) {
	found, err := f.describe(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*change.Table, len(found))
	for i, t := range found {
		out[i] = t.Table
	}
	return out, nil
}

func (f *folder) describe(ctx context.Context) ([]*fileTable, error) {
	out := make([]*fileTable, 0, len(f.options.Tables))
	for _, c := range f.options.Tables {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := f.look(c)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func (c Contract) file() string {
	if c.File == "" {
		return c.Name + ".csv"
	}
	return c.File
}

// look reads one file's header and matches it with the contract.
func (f *folder) look(c Contract) (*fileTable, error) {
	t := &fileTable{Table: &change.Table{Name: c.Name, SourceName: c.file(), Key: c.Key, Money: c.Money}, shown: c.file()}
	t.path = filepath.Join(f.dir, t.shown)
	names, err := t.readHeader(c.Columns)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, column := range c.Columns {
		types[strings.ToLower(column.Name)] = column.DataType
	}
	for i, source := range names {
		name := change.StagingName(source)
		if t.Index(name) >= 0 || name == "" || name == "_raw" || name == "_run" {
			return nil, t.broken(1, 0, fmt.Errorf("the header's column %d is named %q", i+1, source),
				"give every column of the file a name of its own; _raw and _run are staging's")
		}
		column := change.Column{Name: name, SourceName: source, SourceType: types[strings.ToLower(source)], Nullable: true}
		if column.SourceType != "" {
			if column.Type, err = change.TypeOf(column.SourceType); err != nil {
				return nil, &change.Problem{
					Err: fmt.Errorf("column %s of %s: %w", name, c.Name, err), Where: c.Name, Class: change.ClassUsage,
					Try: "its data_type in sources.yml",
				}
			}
		}
		t.Columns = append(t.Columns, column)
	}
	mayShift := c.Shift != nil && c.Shift.When != ""
	c, err = c.settle(t.shown, t.Columns, true, t.shiftEvidence)
	if err != nil {
		return nil, err
	}
	if c.Shift != nil {
		for i := range t.Columns {
			t.Columns[i].SourceType = "" // A file keeps any text: nothing is lost under a wrong name.
		}
	}
	t.shape, err = c.reshape(t.shown, t.Columns)
	t.Columns = t.shape.columns
	t.shape.byName = mayShift && c.evidence != nil && !t.shape.mapped
	return t, err
}

// shiftEvidence asks the file's records about a shift. Records that cannot be read are told when they are landed, with their places.
func (t *fileTable) shiftEvidence(q *shiftQuestion) (shiftEvidence, error) {
	file, err := os.Open(t.path)
	if err != nil {
		return shiftEvidence{}, fmt.Errorf("read %s: %w", t.shown, cause(err))
	}
	defer file.Close()
	if _, err := file.Seek(t.header, io.SeekStart); err != nil {
		return shiftEvidence{}, fmt.Errorf("read %s: %w", t.shown, err)
	}
	evidence := newRowEvidence(q)
	for in := newRecords(file, t.lines, t.shown, t.dialect); ; {
		fields, err := in.next()
		if err != nil {
			return evidence.shiftEvidence, nil
		}
		evidence.add(func(at int) string {
			if at >= len(fields) || fields[at].null() {
				return ""
			}
			return string(fields[at].text)
		})
	}
}

// broken is an error at a place of a file; line and column count from 1, a column of 0 is not told.
func (t *fileTable) broken(line int64, column int, err error, try string) error {
	where := fmt.Sprintf("%s:%d", t.shown, line)
	if column > 0 {
		where = fmt.Sprintf("%s:%d", where, column)
	}
	return &change.Problem{Err: fmt.Errorf("%s: %w", where, err), Where: where, Try: try, Class: change.ClassBlocked}
}

const byteOrderMark = "\xef\xbb\xbf"

// openPlain opens a file, but nothing else: a pipe would keep whoever opens it waiting.
func openPlain(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a plain file")
	}
	return os.Open(path)
}

// otherForm says by its first bytes that a file is empty or no CSV.
func (t *fileTable) otherForm(start []byte) error {
	switch {
	case len(start) == 0:
		return t.broken(1, 0, errors.New("the file is empty: there is not even a header"), "export the table again, with its header")
	case bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")):
		return t.broken(1, 1, errors.New("the file is UTF-16"), "export the file as UTF-8, or: iconv -f UTF-16 -t UTF-8")
	case hasAnyPrefix(start, "\x1f\x8b", "PK\x03", "BZh", "\x28\xb5\x2f\xfd", "\xfd7zXZ", "7z\xbc\xaf"):
		return t.broken(1, 1, errors.New("the file is compressed"), "the file unpacked: gunzip, unzip, bunzip2, unzstd or unxz")
	case hasAnyPrefix(start, "PAR1", "\xd0\xcf\x11\xe0", "Obj\x01", "ORC\x0a"):
		return t.broken(1, 1, errors.New("the file is Parquet, Avro, ORC or a spreadsheet, not CSV"), "the table exported as CSV")
	}
	return nil
}

func hasAnyPrefix(text []byte, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(text, []byte(p)) })
}

// readHeader reads the names of the columns, which a quoted header may spread over lines.
func (t *fileTable) readHeader(wanted []ContractColumn) ([]string, error) {
	file, err := openPlain(t.path)
	if err != nil {
		return nil, &change.Problem{
			Err: fmt.Errorf("read %s: %w", t.shown, cause(err)), Where: t.shown, Class: change.ClassBlocked,
			Try: "put the file into the folder, or its name into meta.lifeline.file of the table in sources.yml",
		}
	}
	defer file.Close()
	in := bufio.NewReader(file)
	start, err := in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", t.shown, err)
	}
	if err := t.otherForm(start); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(start, []byte(byteOrderMark)) {
		_, _ = in.Discard(3) // They were peeked at.
		t.header = 3
	}
	var line []byte
	for {
		part, err := in.ReadBytes('\n')
		line = append(line, part...)
		t.lines++
		if errors.Is(err, io.EOF) || bytes.Count(line, []byte{'"'})%2 == 0 {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.shown, err)
		}
		if len(line) > longestRecord {
			return nil, t.broken(1, 1, errors.New("the header does not end"), "a closing quote in the header")
		}
	}
	t.header += int64(len(line))
	t.crlf = bytes.HasSuffix(line, []byte("\r\n"))
	if what, try := foreign(line); what != "" {
		return nil, t.broken(1, 1, errors.New(what), try)
	}
	t.comma = separatorOf(line, wanted)
	r := newRecords(bytes.NewReader(line), 0, t.shown, t.dialect)
	fields, err := r.next()
	if errors.Is(err, io.EOF) {
		return nil, t.broken(1, 0, errors.New("the file has no header, only blank lines"), "export the table again, with its header")
	}
	if err != nil {
		return nil, t.broken(1, 0, err, "a header in UTF-8, separated by commas")
	}
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = strings.TrimSpace(string(field.text))
	}
	return names, nil
}

// Close does nothing: files are open while they are read only.
func (f *folder) Close() error { return nil }

// peek counts the fields of the first record after the header. It is 0 where there is none, or none that can be split: that is
// told when it is read, with its place.
func (t *fileTable) peek() int {
	file, err := os.Open(t.path)
	if err != nil {
		return 0
	}
	defer file.Close()
	if _, err := file.Seek(t.header, io.SeekStart); err != nil {
		return 0
	}
	fields, err := newRecords(file, t.lines, t.shown, t.dialect).next()
	if err != nil {
		return 0
	}
	return len(fields)
}
