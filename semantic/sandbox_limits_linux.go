package semantic

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// What a process needs beside its statement's own memory, in bytes: the engine's and the runtime's buffers, and addresses that threads
// reserve for their stacks.
const (
	restMemory = 96 << 20
	restStacks = 192 << 20
)

// lowerPriority lets pages go first on the processor, and makes this process the first that a machine without memory ends.
func lowerPriority() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}

// limitMemory bounds the memory that this process can have beyond what it has. The kernel refuses more, whoever asks for it.
func limitMemory(memory int64) error {
	debug.SetMemoryLimit(64 << 20)
	now, err := pagesOf(5)
	if err != nil {
		return err
	}
	most := uint64(now + memory + restMemory + restStacks)
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return fmt.Errorf("bound the memory of a process for SQL: %w", err)
	}
	return nil
}

// limitWork bounds the processor's time, and the size of every file that is written.
func limitWork(most time.Duration, file int64) {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	seconds := uint64(used.Utime.Sec+used.Stime.Sec) + uint64(most/time.Second) + 2
	_ = syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: seconds, Max: seconds})
	_ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(2 * file), Max: uint64(2 * file)})
}

// watchMemory calls over when more memory is in use than the statement may have. The kernel's own limit counts addresses and leaves room
// for them; this counts what is there.
func watchMemory(memory int64, over func()) {
	began, err := pagesOf(1)
	if err != nil {
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if now, err := pagesOf(1); err == nil && now-began > memory+restMemory {
			over()
			return
		}
	}
}

// pagesOf reads a field of /proc/self/statm as bytes: 1 is what is in memory, 5 the data.
func pagesOf(field int) (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process for SQL: %w", err)
	}
	fields := bytes.Fields(text)
	if len(fields) <= field {
		return 0, fmt.Errorf("read the memory of a process for SQL: %q", text)
	}
	n, err := strconv.ParseInt(string(fields[field]), 10, 64)
	return n * int64(os.Getpagesize()), err
}
