package semantic

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sandboxArgument makes the program a sandbox's process. It is in no help: only a Sandbox starts it.
const sandboxArgument = "sandbox-process"

// sandboxMark is in the environment of a sandbox's process, so that a program that does not know the argument starts no others.
const sandboxMark = "LIFELINE_SANDBOX_PROCESS"

// workerConfig is what a process opens before it has a statement.
type workerConfig struct {
	Engine  string   `json:"engine"`
	Files   []string `json:"files,omitempty"`
	Version int64    `json:"version,omitempty"`
	DSN     string   `json:"dsn,omitempty"`
	Memory  int64    `json:"memory"`
	Dir     string   `json:"dir"`   // Its own, for answers and for what does not fit in memory.
	Spill   int64    `json:"spill"` // What may wait there, in bytes.
}

// question is one statement for a process, which ends when it has run one.
type question struct {
	Text   string          `json:"text"` // As the person wrote it.
	Run    string          `json:"run"`  // With the version's own relations in it.
	Format string          `json:"format"`
	Tables map[string]bool `json:"tables"`
	File   string          `json:"file"` // Where the answer goes.
	Time   time.Duration   `json:"time"`
	Rows   int             `json:"rows"`
	Bytes  int64           `json:"bytes"`
	Whole  bool            `json:"whole"` // More rows than Rows are an error, not a first part.
}

// outcome is what a process says once it is ready, and when it is done.
type outcome struct {
	Ready     bool            `json:"ready,omitempty"`
	Columns   []SandboxColumn `json:"columns,omitempty"`
	Rows      int64           `json:"rows,omitempty"`
	Bytes     int64           `json:"bytes,omitempty"`
	Truncated bool            `json:"truncated,omitempty"`
	Error     *SandboxError   `json:"error,omitempty"`
}

// worker is a process seen from outside.
type worker struct {
	cmd     *exec.Cmd
	dir     string
	in      io.WriteCloser
	said    chan *outcome // What it says, line by line; closed when it says no more.
	ended   chan struct{} // Closed when it has ended.
	errors  *tail
	killing sync.Once
}

// startWorker starts a process and waits until it has opened what it reads.
func startWorker(ctx context.Context, root string, c *workerConfig) (w *worker, err error) {
	if os.Getenv(sandboxMark) != "" {
		return nil, errors.New("this process is itself a sandbox's: its program does not know " + sandboxArgument)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if c.Dir, err = os.MkdirTemp(root, "process-"); err != nil {
		return nil, fmt.Errorf("make room for the answer: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(c.Dir)
		}
	}()
	w = &worker{
		dir: c.Dir, cmd: exec.CommandContext(context.WithoutCancel(ctx), program, sandboxArgument), said: make(chan *outcome),
		ended:  make(chan struct{}),
		errors: &tail{},
	}
	w.cmd.Env = []string{sandboxMark + "=1", "TZ=UTC", "GOMAXPROCS=2", "MALLOC_ARENA_MAX=2"}
	w.cmd.Dir = c.Dir
	w.cmd.Stderr = w.errors
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start a process for SQL: %w", err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process for SQL: %w", err)
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process for SQL: %w", err)
	}
	go w.listen(out)
	ready, err := w.tell(ctx, c, 20*time.Second)
	if err == nil && ready == nil {
		err = fmt.Errorf("the process for SQL ended at once: %s", w.errors)
	}
	if err == nil && ready.Error != nil {
		err = ready.Error
	}
	if err != nil {
		w.kill()
		return nil, err
	}
	return w, nil
}

// listen passes on what the process says, and waits for its end.
func (w *worker) listen(out io.Reader) {
	lines := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var o outcome
		if json.Unmarshal(line, &o) == nil {
			w.said <- &o
		}
	}
	close(w.said)
	_ = w.cmd.Wait()
	close(w.ended)
}

// tell sends one line and waits for one; nil where the process ended without a word.
func (w *worker) tell(ctx context.Context, what any, most time.Duration) (*outcome, error) {
	line, err := json.Marshal(what)
	if err != nil {
		return nil, fmt.Errorf("ask the process for SQL: %w", err)
	}
	go func() { _, _ = w.in.Write(append(line, '\n')) }() // A process that does not read is killed, which ends this.
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case o := <-w.said:
		return o, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, context.DeadlineExceeded
	}
}

// grace is what a process may take beyond its time to say so itself.
const grace = 500 * time.Millisecond

// ask runs one question. A process that ended without a word was ended by a limit.
func (w *worker) ask(ctx context.Context, q *question) (*outcome, error) {
	o, err := w.tell(ctx, q, q.Time+grace)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, outOfTime(q.Time)
	case err != nil:
		return nil, err
	case o != nil:
		return o, nil
	}
	<-w.ended
	status, _ := w.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() && status.Signal() == syscall.SIGXCPU || w.cmd.ProcessState.UserTime()+w.cmd.ProcessState.SystemTime() >= q.Time {
		return nil, outOfTime(q.Time)
	}
	return nil, outOfMemory()
}

func (w *worker) alive() bool {
	select {
	case <-w.ended:
		return false
	default:
		return true
	}
}

// kill ends the process, whatever it does, and waits until it has gone.
func (w *worker) kill() {
	w.killing.Do(func() {
		_ = w.cmd.Process.Kill()
		_ = w.in.Close()
		for range w.said { // So that what it still says holds up nothing.
		}
		<-w.ended
	})
}

// end kills the process and removes what it wrote.
func (w *worker) end() {
	w.kill()
	w.remove()
}

func (w *worker) remove() { _ = os.RemoveAll(w.dir) }

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-2000):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(bytes.ToValidUTF8(t.text, nil)))
}
