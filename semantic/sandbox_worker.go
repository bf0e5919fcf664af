package semantic

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"lifeline/warehouse"
)

// IsSandboxProcess tells whether this program was started as a sandbox's process: then main does nothing but SandboxProcess. Tests whose
// binary runs sandboxes ask it in TestMain.
func IsSandboxProcess(args []string) bool { return len(args) == 2 && args[1] == sandboxArgument }

// SandboxProcess is the whole life of a sandbox's process: it opens one version, bounds itself, answers one statement and ends. It returns
// the exit code. Whatever the engine is doing then ends with the process.
func SandboxProcess(in io.Reader, out io.Writer) int {
	p := &process{in: bufio.NewReaderSize(in, 64<<10), out: out}
	ctx := context.Background()
	var c workerConfig
	if !p.read(&c) {
		return 2
	}
	lowerPriority()
	reader, err := openReader(ctx, &c)
	if err != nil {
		p.say(&outcome{Error: sandboxErrorOf(err)})
		return 1
	}
	if err := limitMemory(c.Memory); err != nil {
		p.say(&outcome{Error: &SandboxError{Kind: SandboxUnavailable, Title: "SQL cannot be bounded here", Detail: err.Error()}})
		return 1
	}
	ended := make(chan int, 3) // One for each that may end the process.
	go watchMemory(c.Memory, func() {
		p.say(&outcome{Error: outOfMemory()})
		ended <- 3
	})
	p.say(&outcome{Ready: true})
	questions := make(chan *question)
	go func() {
		p.listen(questions)
		ended <- 4
	}()
	go func() {
		p.work(ctx, reader, questions)
		ended <- 0
	}()
	return <-ended
}

// work answers questions until one has run; those that are refused have not.
func (p *process) work(ctx context.Context, r reader, questions <-chan *question) {
	for q := range questions {
		o := p.answer(ctx, r, q)
		p.say(o)
		if o.Error == nil || o.Error.Kind != SandboxRefused {
			return
		}
	}
}

// answer runs one question within its time.
func (p *process) answer(ctx context.Context, r reader, q *question) *outcome {
	limitWork(q.Time, q.Bytes)
	ctx, cancel := context.WithTimeout(ctx, q.Time)
	defer cancel()
	o, err := r.answer(ctx, q)
	switch {
	case err == nil:
		return o
	case ctx.Err() != nil:
		return &outcome{Error: outOfTime(q.Time)}
	}
	return &outcome{Error: sandboxErrorOf(err)}
}

type process struct {
	in  *bufio.Reader
	mu  sync.Mutex
	out io.Writer
}

func (p *process) read(into any) bool {
	line, err := p.in.ReadBytes('\n')
	return err == nil && json.Unmarshal(line, into) == nil
}

// say tells one thing whole; nobody speaks after the last word.
func (p *process) say(o *outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(o)
	if err == nil {
		_, _ = p.out.Write(append(line, '\n'))
	}
}

// listen hands on questions as they come, until the process that started this one has gone.
func (p *process) listen(questions chan<- *question) {
	for {
		q := new(question)
		if !p.read(q) {
			return
		}
		questions <- q
	}
}

// reader is one engine with one version.
type reader interface {
	answer(ctx context.Context, q *question) (*outcome, error)
	close() error
}

func openReader(ctx context.Context, c *workerConfig) (reader, error) {
	if c.Engine == "duckdb" {
		return openDuckReader(ctx, c)
	}
	return openPostgresReader(ctx, c)
}

// sandboxErrorOf tells what the engine said; its text is the asker's own.
func sandboxErrorOf(err error) *SandboxError {
	var known *SandboxError
	if errors.As(err, &known) {
		return known
	}
	text, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, "out of memory"), strings.Contains(lower, "bad_alloc"), strings.Contains(lower, "bad allocation"),
		strings.Contains(lower, "could not allocate"), strings.Contains(lower, "failed to allocate"), strings.Contains(lower, "memory exhausted"),
		strings.Contains(lower, "vector::reserve"), strings.Contains(lower, "std::length_error"), strings.Contains(lower,
			"max_temp_directory_size"):
		return outOfMemory()
	case strings.Contains(lower, "statement timeout"), strings.Contains(lower, "interrupted"):
		return tooMuch("The time was up", "the statement took longer than one may", "fewer rows, or an aggregate")
	}
	return &SandboxError{Kind: SandboxMistake, Title: "The database refused", Detail: text}
}

func sandboxColumns(rows interface {
	ColumnTypes() ([]*sql.ColumnType, error)
},
) ([]SandboxColumn, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	out := make([]SandboxColumn, len(types))
	for i, t := range types {
		out[i] = SandboxColumn{Name: t.Name(), Kind: t.DatabaseTypeName()}
		if p, s, ok := t.DecimalSize(); ok && p > 0 && p < 100 {
			out[i].Precision, out[i].Scale = p, s
		}
	}
	return out, nil
}

// wrapped makes a subquery of a statement, so that nothing can follow it.
func wrapped(text string, limit int) string {
	return fmt.Sprintf("select * from (%s\n) as answer limit %d", strings.TrimRight(strings.TrimSpace(text), "; \n\t\r"), limit)
}

// tooManyRows says that a file would be longer than it may be.
func tooManyRows(most int) error {
	return tooMuch("Too many rows", fmt.Sprintf("the answer has more than %d rows", most),
		"lifeline export, or a table's own export, which has no limit")
}

// write puts rows into the answer.
func (o *outcome) write(rows *warehouse.Rows, out *answerWriter, q *question) error {
	columns, err := sandboxColumns(rows)
	if err != nil {
		return err
	}
	if o.Columns == nil {
		o.Columns = columns
		out.begin(columns)
	}
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if o.Rows == int64(q.Rows) {
			if q.Whole {
				return tooManyRows(q.Rows)
			}
			o.Truncated = true
			break
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := out.add(values); err != nil {
			return err
		}
		o.Rows++
	}
	return rows.Err()
}

// timeLeft is what remains of a context's time.
func timeLeft(ctx context.Context) time.Duration {
	deadline, is := ctx.Deadline()
	if !is {
		return time.Hour
	}
	return max(time.Millisecond, time.Until(deadline))
}
